"""The choice of the series to draw, and of how much of their past: the page has to open at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.errors import UsageError, did_you_mean

REQUESTED = "requested"
MAX_DRAWN_SERIES = 500
_MIN_DRAWN_SERIES = 30
_MAX_BYTES = 5_000_000  # approximate size of the numbers of all drawn series
_BYTES_PER_NUMBER = 9
_BYTES_PER_PAST_STEP = 28  # a time and a value
_MAX_PAST_STEPS = 60_000  # all drawn series together
_MIN_PAST_STEPS_OF_SERIES, _MAX_PAST_STEPS_OF_SERIES = 100, 20_000


@dataclass(frozen=True)
class SelectedSeries:
    """A series to draw, and the reason: `requested`, `worst`, `best`, `sample`, or empty if all series are drawn."""

    name: str
    group: str = ""


def select_series(
    names: Sequence[str], errors: pd.Series, *, horizon: int, columns: int = 15, requested_ids: Sequence[str] = ()
) -> list[SelectedSeries]:
    """Select the series to draw: all if they are few, else the worst, the best, and a sample of the others.

    Requested series come first, and they are always drawn.

    Args:
        names: of all series, in order.
        errors: by name; series without an error are never among the worst or best.
        horizon: number of steps of a forecast.
        columns: numbers that a series needs for each step of the horizon.
        requested_ids: series that the user named.

    Raises:
        UsageError: a requested series does not exist.
    """
    known = {*names} if requested_ids else set()
    for name in requested_ids:
        if name not in known:
            raise UsageError(
                f"--series {name}: there is no such series{did_you_mean(name, names)}",
                hint="copy a name from the table of all series on the page",
            )
    others = [each for each in _select_by_error(names, errors, horizon, columns) if each.name not in requested_ids]
    return [*(SelectedSeries(name, REQUESTED) for name in dict.fromkeys(requested_ids)), *others]


def _select_by_error(names: Sequence[str], errors: pd.Series, horizon: int, columns: int) -> list[SelectedSeries]:
    past_bytes = _BYTES_PER_PAST_STEP * count_past_steps(MAX_DRAWN_SERIES, horizon)
    series_bytes = _BYTES_PER_NUMBER * columns * horizon + past_bytes
    limit = int(np.clip(_MAX_BYTES // series_bytes, _MIN_DRAWN_SERIES, MAX_DRAWN_SERIES))
    if len(names) <= limit:
        return [SelectedSeries(name) for name in names]
    ranked = [str(name) for name in errors.dropna().sort_values(ascending=False, kind="stable").index]
    third = min(limit // 3, len(ranked) // 2)
    worst, best = ranked[:third], ranked[::-1][:third]
    extremes = {*worst, *best}
    others = [name for name in names if name not in extremes]
    sample = [others[place] for place in np.linspace(0, len(others) - 1, limit - len(extremes)).astype(int)]
    groups = {"worst": worst, "best": best, "sample": sample}
    return [SelectedSeries(name, group) for group, members in groups.items() for name in dict.fromkeys(members)]


def count_past_steps(series: int, horizon: int) -> int:
    """Return how many of the last steps of each series to draw.

    Args:
        series: number of drawn series.
    """
    fewest = max(2 * horizon, _MIN_PAST_STEPS_OF_SERIES)
    return int(np.clip(_MAX_PAST_STEPS // max(series, 1), fewest, _MAX_PAST_STEPS_OF_SERIES))


def describe_selection(selection: Sequence[SelectedSeries], series: int) -> str:
    """Describe which series can be chosen; return an empty text if all of them can.

    Args:
        series: number of all series.
    """
    if len(selection) >= series:
        return ""
    count = {group: sum(each.group == group for each in selection) for group in ("worst", "best", "sample", REQUESTED)}
    requested = f" {count[REQUESTED]:,} requested," if count[REQUESTED] else ""
    return (
        f"You can choose from {len(selection):,} of {series:,} series:{requested} the {count['worst']:,} worst,"
        f" the {count['best']:,} best and a sample of {count['sample']:,} others."
        f" The table below lists all of them; to draw a particular one, run `forecast report --series NAME`."
    )
