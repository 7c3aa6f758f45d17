"""The network, window and steps that `forecast explain` explains."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecaster.data.future import FutureCheck
from forecaster.data.load import LoadedData
from forecaster.errors import DataError, UsageError, did_you_mean
from forecaster.panel import Panel

if TYPE_CHECKING:
    from forecaster.explain.inside import WindowChoice
    from forecaster.models.neural import NeuralForecaster


@dataclass(frozen=True)
class ExplanationScope:
    """The network, window and steps to explain.

    Attributes:
        series: id of the series whose window is explained; None for the first.
        window: cutoff of the window, as text; None for the last cutoff, from which `predict` forecasts.
        step: step of the horizon whose forecast is attributed, from 1; None for the mean of all steps.
        member: number of the network in an ensemble, from 1; None for the first.
        later: the table with future values of the known columns; None if the data has them.
    """

    series: str | None = None
    window: str | None = None
    step: int | None = None
    member: int | None = None
    later: str | None = None


DEFAULT_SCOPE = ExplanationScope()


def member_index(member: int | None, count: int) -> int:
    """Return the index of a member, which is numbered from 1, among `count` networks.

    Raises: UsageError: the member does not exist.
    """
    if (member or 1) > count:
        networks = f"{count} networks" if count > 1 else "one network"
        hint = f"pass --member 1 to {count}" if count > 1 else "leave --member out"
        raise UsageError(f"--member {member}: the bundle has {networks}", hint=hint)
    return (member or 1) - 1


def check_step(network: "NeuralForecaster", step: int | None) -> int | None:
    """Return the step if the network computes its forecast.

    Raises: UsageError: the step is beyond the horizon, or its forecast is drawn from random paths.
    """
    from forecaster.network.recursive import RecursiveNetwork

    is_recursive = isinstance(network.network, RecursiveNetwork)
    last = network.network.embed.width if is_recursive else network.window_spec.horizon
    if step is not None and step > last:
        reason = (
            "forecasts of later steps are drawn at random, not computed" if is_recursive else f"the horizon is {last}"
        )
        raise UsageError(f"--step {step}: {reason}", hint=f"pass --step 1 to {last}" if last > 1 else "pass --step 1")
    return step


def choose_window(
    scope: ExplanationScope, loaded: LoadedData, horizon: int, place: str, notes: list[str]
) -> "WindowChoice":
    """Return the window of a scope; without a cutoff, the last one with known values ahead.

    Args:
        place: the name of the data in errors.
        notes: receives a note if this is not the last window of the series.

    Raises:
        UsageError: the data does not have the series or the cutoff.
        DataError: the cutoff is named, and a known column has no value at a step after it.
    """
    from forecaster.explain.inside import WindowChoice

    panel, ids = loaded.panel, [str(name) for name in loaded.panel.ids]
    if scope.series is not None and scope.series not in ids:
        raise UsageError(
            f"--series {scope.series}: not in the data{did_you_mean(scope.series, ids)}",
            hint=f"pass one such as --series {shlex.quote(ids[0])}",
        )
    row = ids.index(scope.series) if scope.series is not None else 0
    series = panel.select(np.array([row]))
    check = FutureCheck(place, scope.later)
    if scope.window is not None:
        steps = _count_steps_after(series, scope.window)
        check.require(series.cut(steps), horizon, loaded.config)
        return WindowChoice(row, steps)
    try:
        check.require(series, horizon, loaded.config)
    except DataError:
        notes.append("the known columns end with the data: this explains the last window with known values ahead")
        return WindowChoice(row, min(horizon, int(series.lengths[0]) - 1))
    return WindowChoice(row)


def _count_steps_after(series: Panel, cutoff: str) -> int:
    """Return the number of steps of a single series after a cutoff.

    Args:
        cutoff: a time of the series, or the beginning of one as text.

    Raises: UsageError: the text matches no time of the series, or several.
    """
    count = int(series.lengths[0])
    stamps = series.frequency.timestamps(series.start[0], np.arange(count))
    times = [str(text) for text in series.frequency.format(stamps, series.zone)]
    prefix = cutoff.strip().replace(" ", "T")
    matches = [number for number, text in enumerate(times) if text == prefix]
    matches = matches or [number for number, text in enumerate(times) if text.startswith(prefix)]
    if len(matches) != 1:
        reason = f"matches {len(matches)} times of the series" if matches else "is not a time of the series"
        raise UsageError(
            f"--window {cutoff}: {reason}",
            hint=f"pass a time from {times[0]} to {times[-1]}, as --window '{times[-1]}'",
        )
    return count - 1 - matches[0]
