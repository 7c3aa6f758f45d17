"""The clock of a run, and the steps of its data that are not over yet."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from forecaster.errors import StaleError
from forecaster.frequency import DAY, MINUTE, WEEK, Frequency, Ints
from forecaster.panel import Panel

Clock = Callable[[], datetime]

_MAX_CLOCK_DIFFERENCE = 5 * MINUTE
_FIRST_SUNDAY = 3 * DAY  # 1970-01-04; a week that is stamped with a Sunday ends on that day.


def start_clock(now: datetime | None) -> Clock:
    """Return a clock that shows a moment now and then runs on; None for the machine's clock."""
    if now is None:
        return lambda: datetime.now(UTC)
    start = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - start)


def find_next(time_of_day: str, now: datetime) -> datetime:
    """Find the next moment after `now` at which the machine's clock shows a time of day.

    Args:
        time_of_day: hours and minutes, such as `05:30`.
        now: the moment, with a time zone.
    """
    at, today = clock_time.fromisoformat(time_of_day), now.astimezone().date()
    moments = (datetime.combine(today + timedelta(days=days), at).astimezone() for days in (0, 1, 2))
    return next(moment for moment in moments if moment > now)


def now_on(frequency: Frequency, zone: str | None, now: datetime, *, home: str | None = None) -> int:
    """Convert a moment to a timestamp of data: on its wall clock, or in UTC if steps are shorter than a day.

    Args:
        zone: time zone of the data; None if it has none.
        now: the moment, with a time zone.
        home: time zone to assume for data without one; None for the machine's.

    Returns: the timestamp, as `Frequency` counts time.
    """
    if zone is None:
        local = now.astimezone(ZoneInfo(home) if home else None)
    else:
        local = pd.Timestamp(now).tz_convert(zone if frequency.is_wall_clock else "UTC")
    return int(np.datetime64(local.replace(tzinfo=None), "us").astype(np.int64))


def step_ends(frequency: Frequency, stamps: Ints) -> Ints:
    """Return the times [...] at which the steps of timestamps [...] are over.

    A timestamp is the start of its step. Exceptions are the last day of a month and a Sunday that stamps a week: those
    steps are over at the end of that day. A business day also ends with the day. Integer time ends at once.
    """
    if frequency.is_integer:
        return stamps
    ends_with_day = frequency.month_end or frequency.days[-1:] == (31,)
    if (frequency.kind == "business" and not frequency.times) or ends_with_day:
        return stamps + DAY
    if frequency.kind == "fixed" and frequency.every == WEEK:
        return np.where((stamps - _FIRST_SUNDAY) % WEEK < DAY, stamps + DAY, stamps + WEEK)
    return frequency.timestamps(stamps, np.ones_like(stamps))


def leave_out_unfinished(panel: Panel, now: int, source: str) -> tuple[Panel, int]:
    """Cut off the last step of every series whose last step is not over yet.

    Args:
        now: time on the clock of the data (see `now_on`).
        source: place of the data, for messages.

    Returns: the panel, in which every series ends with a value, and the number of series that lost a step.
    Raises: StaleError: values are further ahead, so the clock or the data is wrong; or no step is over.
    """
    if panel.frequency.is_integer:
        return panel, 0
    cutoff = panel.cutoff
    if (cutoff > now + _MAX_CLOCK_DIFFERENCE).any():
        latest = panel.frequency.format(np.array([cutoff.max(), now]), panel.zone)
        raise StaleError(
            f"{source}: has a value for {latest[0]}, and it is {latest[1]}",
            hint="check the clock, and the time zone in job.zone; job.partial=keep accepts such values",
        )
    is_unfinished = step_ends(panel.frequency, cutoff) > now
    if not is_unfinished.any():
        return panel, 0
    steps = np.where(is_unfinished, 1, 0)
    for row in np.flatnonzero(is_unfinished):  # the values before the step may be missing, too
        target = panel.values[panel.begin[row] : panel.end[row] - 1, 0]
        known = np.flatnonzero(~np.isnan(target))
        steps[row] = panel.lengths[row] - (known[-1] + 1 if len(known) else 0)
    rows = np.flatnonzero(steps < panel.lengths)
    if not len(rows):
        raise StaleError(f"{source}: no step is over yet", hint="try again when the first step is over")
    return _blank_hidden(panel.select(rows).cut(steps[rows])), int(is_unfinished.sum())


def _blank_hidden(panel: Panel) -> Panel:
    """Set the values of steps that were cut off to NaN, except in columns that are known in advance."""
    is_hidden = np.ones(len(panel.values), bool)
    for begin, end in zip(panel.begin, panel.end, strict=True):
        is_hidden[begin:end] = False
    values = panel.values.copy()
    for column in {*range(values.shape[1])} - {*panel.columns_as("known")}:
        values[is_hidden, column] = np.nan
    return replace(panel, values=values)
