"""A calendar of trading days, learned from the days with data; rules predict its future holidays."""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
from dateutil.easter import easter  # type: ignore[import-untyped]

from forecaster.frequency import DAY, Frequency, Ints

YEARS_AHEAD = 20

_STANDARD_MASK = np.array([1, 1, 1, 1, 1, 0, 0], bool)
_MONDAY_OFFSET = 3  # 1970-01-01 was a Thursday
_EPOCH = date(1970, 1, 1).toordinal()
_WEEKEND_SHIFTS = ((0, 0), (-1, 0), (0, 1), (-1, 1))  # days by which a holiday on a Saturday, or a Sunday, moves
_MIN_DAYS = 5  # fewer say nothing about the times of a day
_MIN_SHARE_OF_DAYS = 0.5  # share of the days on which a time of day has data
_MAX_OPEN_SHARE = 0.9  # share of the steps of a day that have data
_MAX_SHARE_OUTSIDE = 0.01  # share of the rows at other times of day
_MIN_YEARS, _MIN_SHARE_OF_YEARS = 3, 0.9


@dataclass(frozen=True, order=True)
class Rule:
    """A rule for the date of a holiday in any year.

    Attributes:
        kind: `fixed` (a date), `nth` (the nth weekday of a month, from its end if `nth` is negative) or `easter`.
        month, day: the date for `fixed`; the month and the weekday, 0 for Monday, for `nth`.
        nth: the number of the weekday for `nth`; the days after Easter Sunday for `easter`.
        saturday, sunday: the days by which a `fixed` holiday moves from a Saturday or a Sunday.
    """

    kind: Literal["fixed", "nth", "easter"]
    month: int = 0
    day: int = 0
    nth: int = 0
    saturday: int = 0
    sunday: int = 0

    def find(self, year: int) -> date | None:
        """Return the holiday of a year; None if the year has none."""
        if self.kind == "easter":
            sunday: date = easter(year)
            return sunday + timedelta(self.nth)
        length = monthrange(year, self.month)[1]
        if self.kind == "fixed":
            if self.day > length:
                return None
            day = date(year, self.month, self.day)
            return day + timedelta({5: self.saturday, 6: self.sunday}.get(day.weekday(), 0))
        if self.nth < 0:
            last = date(year, self.month, length)
            return last - timedelta((last.weekday() - self.day) % 7)
        first = date(year, self.month, 1)
        return first + timedelta((self.day - first.weekday()) % 7 + 7 * (self.nth - 1))


def learn_weekdays(days: Ints) -> Ints | None:
    """Return [7] 1 for each weekday with data, else 0; None if all have data, or there is too little data to decide.

    Args:
        days: the distinct days with data, as ascending days since 1970.
    """
    possible = np.bincount((np.arange(days[0], days[-1] + 1) + _MONDAY_OFFSET) % 7, minlength=7)
    present = np.bincount((days + _MONDAY_OFFSET) % 7, minlength=7)
    is_absent = (possible > 0) & (present <= 0.05 * possible)
    is_weekend = bool((is_absent == ~_STANDARD_MASK).all())
    if not is_absent.any() or is_absent.all() or not (is_weekend or (possible[is_absent] > 1).all()):
        return None
    return np.where(possible > 0, ~is_absent, _STANDARD_MASK).astype(np.int64)


def learn_trading(days: Ints, *, min_coverage: float) -> Frequency | None:
    """Learn the calendar of the days with data.

    Args:
        days: the distinct days with data in any series, as ascending days since 1970.
        min_coverage: the share of working days with data below which the other days are gaps, not holidays.

    Returns: business days with holidays until 20 years after the data; None if all weekdays have data.
    """
    weekmask = learn_weekdays(days)
    if weekmask is None:
        return None
    text = "".join(map(str, weekmask))
    span = np.arange(days[0], days[-1] + 1)
    working = span[weekmask[(span + _MONDAY_OFFSET) % 7] == 1]
    absent = np.setdiff1d(working, days)
    if len(working) - len(absent) < min_coverage * len(working):
        return Frequency("business", weekmask=text)
    ahead = predict_holidays(absent, int(days[0]), int(days[-1]), text)
    return Frequency("business", weekmask=text, holidays=(*map(int, absent), *ahead))


def learn_hours(stamps: Ints, step: int, *, min_coverage: float) -> Frequency | None:
    """Learn the times of day with data, if most other times of day have none.

    Args:
        stamps: the times of all rows, in microseconds on the wall clock.
        step: the most frequent step, shorter than a day.
        min_coverage: as for `learn_trading`.

    Returns: trading days with these times; None if all times of day have data, or there is too little data to decide.
    """
    distinct = np.unique(stamps)
    days = np.unique(distinct // DAY)
    times, present = np.unique(distinct % DAY, return_counts=True)
    is_open = present >= _MIN_SHARE_OF_DAYS * len(days)
    is_part_of_day = 1 < is_open.sum() <= _MAX_OPEN_SHARE * DAY / step
    outside = int(present[~is_open].sum())
    if len(days) < _MIN_DAYS or not is_part_of_day or outside > _MAX_SHARE_OUTSIDE * len(distinct):
        return None
    calendar = learn_trading(days, min_coverage=min_coverage) or Frequency("business", weekmask="1111111")
    return replace(calendar, times=tuple(map(int, times[is_open])))


def predict_holidays(holidays: Ints, first: int, last: int, weekmask: str) -> list[int]:
    """Predict the holidays of the next 20 years from rules that explain the past ones.

    A rule must be right at least three times, in nearly all years since it was first right, and in the last year.
    Of rules that explain the same days, the one with the most hits, then the fewest misses and moves, is used.

    Args:
        holidays: the days without data on weekdays that usually have data, as days since 1970.
        first, last: the first and last day with data.
        weekmask: seven characters from Monday, `1` for a weekday with data.

    Returns: the predicted holidays in ascending order, as days since 1970.
    """
    past = {date.fromordinal(int(day) + _EPOCH) for day in holidays}
    begin, end = date.fromordinal(first + _EPOCH), date.fromordinal(last + _EPOCH)
    candidates: list[tuple[int, int, int, Rule, set[date]]] = []
    for rule, count in Counter(rule for day in past for rule in _list_rules(day)).items():
        if count < _MIN_YEARS:
            continue
        dates = [day for year in range(begin.year, end.year + 2) if (day := rule.find(year)) and begin <= day <= end]
        is_hit = [day in past for day in dates if weekmask[day.weekday()] == "1"]
        since = is_hit[is_hit.index(True) :] if True in is_hit else []
        if sum(since) >= _MIN_YEARS and since[-1] and sum(since) >= _MIN_SHARE_OF_YEARS * len(since):
            misses, moves = len(since) - sum(since), rule.sunday - rule.saturday
            candidates.append((-sum(since), misses, moves, rule, past.intersection(dates)))
    explained: set[date] = set()
    ahead: set[date] = set()
    for *_, rule, days in sorted(candidates, key=lambda item: item[:4]):
        if len(days - explained) >= _MIN_YEARS:
            explained |= days
            ahead.update(filter(None, map(rule.find, range(end.year, end.year + YEARS_AHEAD + 2))))
    return sorted(day.toordinal() - _EPOCH for day in ahead if day > end and weekmask[day.weekday()] == "1")


def _list_rules(day: date) -> Iterator[Rule]:
    """Yield the rules that would make a day a holiday."""
    for shift in (-1, 0, 1):
        origin = day - timedelta(shift)
        for saturday, sunday in _WEEKEND_SHIFTS:
            if {5: saturday, 6: sunday}.get(origin.weekday(), 0) == shift:
                yield Rule("fixed", origin.month, origin.day, saturday=saturday, sunday=sunday)
    yield Rule("nth", day.month, day.weekday(), (day.day + 6) // 7)
    if day.day + 7 > monthrange(day.year, day.month)[1]:
        yield Rule("nth", day.month, day.weekday(), -1)
    offset = (day - easter(day.year)).days
    if -50 <= offset <= 65:
        yield Rule("easter", nth=offset)
