"""An explanation of one network: a window unrolled, gradients through time, and one forecast as a sum."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Windows
from forecaster.explain.attribution import attribute
from forecaster.explain.explanation import Attribution, CovariateNames, Gradients, Unrolling
from forecaster.explain.gradients import measure_gradients
from forecaster.explain.unroll import read_window
from forecaster.frequency import Ints
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.panel import Panel


@dataclass(frozen=True)
class ExplainedNetwork:
    """A trained network and the panel that it reads.

    Attributes:
        network: the network.
        spec: the windows that it was trained with.
        panel: N series.
        numbers: [N] number of each series among those trained on.
        names: names of the panel's covariates; those of the calendar and of learnt identities are added.
    """

    network: Network
    spec: WindowSpec
    panel: Panel
    numbers: Ints
    names: CovariateNames


@dataclass(frozen=True)
class WindowChoice:
    """The window that is unrolled and attributed.

    Attributes:
        row: number of its series in the panel.
        hidden: number of the last steps of this series that are after the cutoff.
    """

    row: int
    hidden: int = 0


class NetworkExplanation(NamedTuple):
    """The three parts of an explanation that need a network."""

    unrolling: Unrolling
    gradients: Gradients
    attribution: Attribution


def look_inside(
    subject: ExplainedNetwork, window: WindowChoice, *, held_out: Ints, step: int | None = None, max_windows: int
) -> NetworkExplanation:
    """Explain a network by one window and by the gradients of many.

    Args:
        subject: the network and its panel of N series.
        window: the window to unroll and to attribute.
        held_out: [N] number of last steps of each series, whose windows gradients are averaged over; all windows if
            no series has enough of them.
        step: the step of the horizon to attribute, as for `attribute`.
        max_windows: largest number of windows that gradients are averaged over.
    """
    panel, network = subject.panel, subject.network
    visible = panel.select(np.array([window.row])).cut(window.hidden)
    windows = Windows.for_prediction(visible, subject.spec)
    batch = Inputs.of(replace(windows.gather(windows.pick_spaced(1)), series=subject.numbers[[window.row]]))
    gradients = _measure_gradients(subject, held_out, max_windows)
    unrolling = _unroll(network, batch, visible, gradients)
    names = _name_inputs(subject, windows)
    attribution = attribute(network, batch, names, series=unrolling.series, cutoff=unrolling.cutoff, step=step)
    return NetworkExplanation(unrolling, gradients, attribution)


def _measure_gradients(subject: ExplainedNetwork, held_out: Ints, max_windows: int) -> Gradients:
    panel, spec = subject.panel, subject.spec
    windows = Windows.for_validation(panel, held_out, spec)
    if not len(windows):
        windows = Windows.for_training(panel, spec)
    room = int(panel.lengths.max()) - spec.horizon
    return measure_gradients(subject.network, windows, series=subject.numbers, room=room, max_windows=max_windows)


def _unroll(network: Network, batch: Inputs, visible: Panel, gradients: Gradients) -> Unrolling:
    """Unroll the only window of a batch, which ends where the only series of `visible` does."""
    values, layers = read_window(network, batch)
    newest = np.arange(len(values))[::-1] * gradients.step  # steps from each segment's last one to the cutoff
    stamps = visible.frequency.timestamps(visible.start[0], visible.lengths[0] - 1 - newest)
    times = [str(text) for text in visible.frequency.format(stamps, visible.zone)]
    cutoff = str(visible.frequency.format(visible.cutoff, visible.zone)[0])
    return Unrolling(str(visible.ids[0]), cutoff, gradients.total.lags[::-1], times, values, layers)


def _name_inputs(subject: ExplainedNetwork, windows: Windows) -> CovariateNames:
    """Add the features of the calendar and of a learnt identity to the names of the panel's covariates."""
    names, identity = subject.names, subject.network.covariates.identity
    calendar = len(windows.known_names) - len(names.known)
    return CovariateNames(
        past=names.past,
        known=["calendar"] * calendar + [*names.known],
        static=[*names.static, *["series"] * (identity.features if identity else 0)],
    )
