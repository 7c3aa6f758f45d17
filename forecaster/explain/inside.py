"""One network from within: a window unrolled, gradients through time, one forecast as a sum."""

from dataclasses import replace
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


class Inside(NamedTuple):
    """What is found within a network."""

    unrolling: Unrolling
    gradients: Gradients
    attribution: Attribution


def look_inside(
    network: Network,
    panel: Panel,
    spec: WindowSpec,
    *,
    numbers: Ints,
    held_out: Ints,
    row: int,
    hidden: int,
    names: CovariateNames,
    step: int | None = None,
    most: int,
) -> Inside:
    """Look into a network that reads a panel.

    Args:
        numbers: [N] number of each series among those trained on.
        held_out: [N] last steps of each series, over whose windows gradients are averaged; over all where none is.
        row: number of the series whose window is shown.
        hidden: how many of its last steps lie after the cutoff.
        names: of the panel's columns; those of the calendar and of identities are added.
        step: see `attribute`.
        most: windows that gradients are averaged over.
    """
    seen = panel.select(np.array([row])).cut(hidden)
    windows = Windows.for_prediction(seen, spec)
    batch = Inputs.of(replace(windows.gather(windows.pick_spaced(1)), series=numbers[[row]]))
    series, cutoff = str(seen.ids[0]), str(panel.frequency.format(seen.cutoff, panel.zone)[0])
    measured = Windows.for_validation(panel, held_out, spec)
    if not len(measured):
        measured = Windows.for_training(panel, spec)
    room = int(panel.lengths.max()) - spec.horizon
    gradients = measure_gradients(network, measured, series=numbers, room=room, most=most)

    read, layers = read_window(network, batch)
    newest = np.arange(len(read))[::-1] * gradients.step  # steps from each segment's last one to the cutoff
    stamps = panel.frequency.timestamps(seen.start[0], seen.lengths[0] - 1 - newest)
    times = [str(text) for text in panel.frequency.format(stamps, panel.zone)]
    unrolling = Unrolling(series, cutoff, gradients.total.lags[::-1], times, read, layers)

    identity = network.covariates.identity
    calendar = len(windows.known_names) - len(names.known)
    whole = CovariateNames(
        past=names.past,
        known=["calendar"] * calendar + [*names.known],
        static=[*names.static, *["series"] * (identity.features if identity else 0)],
    )
    return Inside(unrolling, gradients, attribute(network, batch, whole, series=series, cutoff=cutoff, step=step))
