"""Times that move within their week or month, such as the last business day: snapped to the period."""

import numpy as np
import pandas as pd

from forecaster.frequency import DAY, WEEK, Frequency, Ints

_MIN_STEPS_SHARE = 0.9  # share of the steps that are one period
_LEAST_DAYS_OF_MONTH = 26
_DAYS_AT_THE_END = 7  # the last business day of a month is among so many
_WEEK_DAYS = (4, 10)  # steps of a weekly series that holidays move


def find_periods(stamps: Ints, codes: Ints) -> tuple[Ints, Frequency, str] | None:
    """Snap times that move within their week or month to the period.

    Args:
        stamps: [R] times, sorted by series.
        codes: [R] number of the series of each row.

    Returns: the [R] snapped times, their frequency, and the name of the period; None if the times move otherwise.
    """
    distinct = np.unique(stamps)
    if len(distinct) < 3 or (distinct % DAY).any():
        return None
    steps = np.diff(distinct) // DAY
    if np.median(steps) >= _LEAST_DAYS_OF_MONTH:
        frequency = _find_months(distinct)
        name = "month"
    elif ((steps >= _WEEK_DAYS[0]) & (steps <= _WEEK_DAYS[1])).mean() >= _MIN_STEPS_SHARE:
        frequency, name = Frequency("fixed", WEEK), "week"
    else:
        return None
    if frequency is None:
        return None
    snapped = snap(stamps, frequency)
    if pd.DataFrame({"code": codes, "stamp": snapped}).duplicated().any():
        return None
    return snapped, frequency, name


def snap(stamps: Ints, frequency: Frequency) -> Ints:
    """Return the start or the end of the month of each time, or the usual day of its week."""
    days = stamps.astype("datetime64[us]").astype("datetime64[D]")
    if frequency.kind == "months":
        months = days.astype("datetime64[M]")
        snapped = (months + 1).astype("datetime64[D]") - 1 if frequency.month_end else months.astype("datetime64[D]")
        return snapped.astype("datetime64[us]").astype(np.int64)
    numbers = days.astype(np.int64)
    weekday = np.bincount(numbers % 7, minlength=7).argmax()
    return (np.round((numbers - weekday) / 7).astype(np.int64) * 7 + weekday) * DAY


def _find_months(distinct: Ints) -> Frequency | None:
    days = distinct.astype("datetime64[us]").astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    steps = np.diff(months).astype(np.int64)
    if (steps < 1).any():
        return None
    values, counts = np.unique(steps, return_counts=True)
    if counts.max() < _MIN_STEPS_SHARE * len(steps):
        return None
    left = ((months + 1).astype("datetime64[D]") - days).astype(np.int64)  # days to the next month
    return Frequency("months", int(values[counts.argmax()]), month_end=bool((left <= _DAYS_AT_THE_END).mean() > 0.5))
