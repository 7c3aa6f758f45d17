"""The evenness of times, which tells two readings of the same cells apart."""

import numpy as np

from forecaster.frequency import DAY, Ints

_MAX_DISTINCT = 100_000  # times that are compared; more say nothing new


def regular_share(stamps: Ints, *, is_calendar: bool = True) -> float:
    """Return the share of the most frequent step between distinct times.

    Steps are months if each time is midnight of a day in another month, such as the last day or the first business day.

    Args:
        stamps: [R] microseconds since 1970, in any order; or integers, if `is_calendar` is False.
    """
    distinct = np.unique(stamps)
    if len(distinct) > _MAX_DISTINCT:
        distinct = np.concatenate([distinct[: _MAX_DISTINCT // 2], distinct[-_MAX_DISTINCT // 2 :]])
    if len(distinct) < 2:
        return 0.0
    steps = np.diff(distinct)
    if is_calendar and not (distinct % DAY).any():
        months = np.diff(distinct.astype("datetime64[us]").astype("datetime64[M]")).astype(np.int64)
        if (months > 0).all():
            steps = months
    return float(np.unique(steps, return_counts=True)[1].max() / len(steps))


def filled_share(stamps: Ints) -> float:
    """Return the share of the steps between the first and the last time that have one."""
    distinct = np.unique(stamps)
    if len(distinct) < 2:
        return 1.0
    steps, counts = np.unique(np.diff(distinct), return_counts=True)
    return float((len(distinct) - 1) / ((distinct[-1] - distinct[0]) / steps[counts.argmax()]))


def ordered_share(stamps: Ints) -> float:
    """Return the share of steps in the more frequent direction, in the order of the rows."""
    steps = np.diff(stamps)
    if not len(steps):
        return 1.0
    return float(max((steps > 0).sum(), (steps < 0).sum()) / len(steps))
