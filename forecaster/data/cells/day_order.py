"""The order of day and month in dates, and dates as microseconds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.data.grid.regularity import filled_share, ordered_share, regular_share
from forecaster.frequency import Ints

Floats64 = npt.NDArray[np.float64]
NO_TIME = np.iinfo(np.int64).min

# The scores of an order, the differences that decide between day first and month first, and the reasons.
_SCORES = (
    (regular_share, 0.02, "gives the more regular spacing"),
    (filled_share, 0.2, "leaves fewer gaps"),
    (ordered_share, 0.02, "sorts the rows"),
)


def to_stamps(year: Floats64, month: Floats64, day: Floats64) -> Ints:
    """Return midnight of each day in microseconds since 1970; NO_TIME if the day does not exist."""
    is_valid = ~np.isnan(year) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    count = np.where(is_valid, 12 * (year - 1970) + month - 1, 0).astype(np.int64)
    first = count.astype("datetime64[M]")
    date = first.astype("datetime64[D]") + np.where(is_valid, day - 1, 0).astype(np.int64)
    is_valid = is_valid & (date.astype("datetime64[M]") == first)
    return np.where(is_valid, date.astype("datetime64[us]").astype(np.int64), NO_TIME)


@dataclass(frozen=True)
class DateOrder:
    """The order of day and month in dates such as `1/2/1981`.

    Attributes:
        dates: [W] midnight of each date, NO_TIME where it does not exist.
        is_day_first: True for day, month, year.
        note: the choice, if both orders are possible.
        is_ambiguous: True if nothing decides between the orders.
    """

    dates: Ints
    is_day_first: bool
    note: str | None = None
    is_ambiguous: bool = False


def choose_order(
    year: Floats64, first: Floats64, second: Floats64, clock: Ints, *, day_first: bool | None, has_points: bool
) -> DateOrder:
    """Choose the order of day and month in dates such as `1/2/1981`.

    A number above 12 is a day. Points between the parts go with the day first. Otherwise the order with the more
    regular spacing is chosen, or the one in which the rows are sorted.

    Args:
        year, first, second: [W] parts of the dates, in their order but for the year.
        clock: [W] microseconds since midnight.
        day_first: the order, if it is known.
        has_points: True if points separate the parts of all dates.
    """
    dates = {False: to_stamps(year, first, second), True: to_stamps(year, second, first)}
    if day_first is not None:
        return DateOrder(dates[day_first], day_first)
    misses = {order: int((each == NO_TIME).sum()) for order, each in dates.items()}
    if misses[True] != misses[False]:
        is_day_first = misses[True] < misses[False]
        return DateOrder(dates[is_day_first], is_day_first)
    if has_points or np.array_equal(dates[True], dates[False]):
        return DateOrder(dates[True], True)
    is_known = dates[True] != NO_TIME
    stamps = {order: (each + clock)[is_known] for order, each in dates.items()}
    for score, margin, reason in _SCORES:
        shares = {order: score(each) for order, each in stamps.items()}
        if abs(shares[True] - shares[False]) > margin:
            is_day_first = shares[True] > shares[False]
            order = "day/month/year" if is_day_first else "month/day/year"
            return DateOrder(dates[is_day_first], is_day_first, f"read as {order}, which {reason}")
    return DateOrder(dates[False], False, is_ambiguous=True)
