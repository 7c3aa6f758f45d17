"""The clock of a run, and the steps of its data that are not over yet."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from forecaster.errors import StaleError
from forecaster.frequency import DAY, MINUTE, WEEK, Frequency, Ints
from forecaster.panel import Panel

_MAX_CLOCK_DIFFERENCE = 5 * MINUTE
_SUNDAY = 3 * DAY  # 1970-01-04: where a week is stamped with a Sunday, that is its last day


def now_on(frequency: Frequency, zone: str | None, now: datetime, *, home: str | None = None) -> int:
    """Give a moment as timestamps of data count: on its wall clock, or in UTC where steps are shorter than a day.

    Args:
        zone: of the data; None where it has none.
        now: the moment, with a time zone.
        home: the zone of data that has none; None for the machine's.
    """
    if zone is None:
        local = now.astimezone(ZoneInfo(home) if home else None)
    else:
        local = pd.Timestamp(now).tz_convert(zone if frequency.is_wall_clock else "UTC")
    return int(np.datetime64(local.replace(tzinfo=None), "us").astype(np.int64))


def ends(frequency: Frequency, stamps: Ints) -> Ints:
    """When the steps that timestamps [...] name are over, in the same count.

    A stamp is the beginning of its step, but for the last day of a month, and a Sunday that names a week: these are
    over when the day is. So is a business day. Integer time ends at once.
    """
    if frequency.is_integer:
        return stamps
    if frequency.kind == "business" or frequency.month_end:
        return stamps + DAY
    if frequency.kind == "fixed" and frequency.every == WEEK:
        return np.where((stamps - _SUNDAY) % WEEK < DAY, stamps + DAY, stamps + WEEK)
    return frequency.timestamps(stamps, np.ones_like(stamps))


def leave_out_unfinished(panel: Panel, now: int, source: str) -> tuple[Panel, int]:
    """Cut off the last step of each series where that is not over yet.

    Args:
        now: on the clock of the data (see `now_on`).

    Returns: the panel, each series ending on a value, and how many series lost a step.
    Raises: StaleError: values lie further ahead, so the clock or the data is wrong.
    """
    if panel.frequency.is_integer:
        return panel, 0
    cutoff = panel.cutoff
    beyond = cutoff > now + _MAX_CLOCK_DIFFERENCE
    if beyond.any():
        latest = panel.frequency.format(np.array([cutoff.max(), now]), panel.zone)
        raise StaleError(
            f"{source}: has a value for {latest[0]}, and it is {latest[1]}",
            hint="check the clock, and the time zone in job.zone; job.partial=keep takes such values",
        )
    unfinished = ends(panel.frequency, cutoff) > now
    if not unfinished.any():
        return panel, 0
    steps = np.where(unfinished, 1, 0)
    for row in np.flatnonzero(unfinished):  # a gap may lie before the step
        target = panel.values[panel.begin[row] : panel.end[row] - 1, 0]
        known = np.flatnonzero(~np.isnan(target))
        steps[row] = panel.lengths[row] - (known[-1] + 1 if len(known) else 0)
    left = np.flatnonzero(steps < panel.lengths)
    if not len(left):
        raise StaleError(f"{source}: no step is over yet", hint="run the job again when one is")
    return _forget(panel.select(left).cut(steps[left])), int(unfinished.sum())


def _forget(panel: Panel) -> Panel:
    """Blank what was cut off but for known columns: that a step goes on says nothing new."""
    is_hidden = np.ones(len(panel.values), bool)
    for begin, end in zip(panel.begin, panel.end, strict=True):
        is_hidden[begin:end] = False
    values = panel.values.copy()
    for column in {*range(values.shape[1])} - {*panel.columns_as("known")}:
        values[is_hidden, column] = np.nan
    return replace(panel, values=values)
