"""A trading calendar learnt from the days on which there is data: past holidays as they were, future ones by rule."""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
from dateutil.easter import easter  # type: ignore[import-untyped]

from forecaster.frequency import Frequency, Ints

YEARS_AHEAD = 20

_STANDARD_MASK = np.array([1, 1, 1, 1, 1, 0, 0], bool)
_MONDAY_OFFSET = 3  # 1970-01-01 was a Thursday
_EPOCH = date(1970, 1, 1).toordinal()
_OBSERVED = ((0, 0), (-1, 0), (0, 1), (-1, 1))  # how a Saturday, and a Sunday, moves
_LEAST_HITS, _LEAST_SHARE = 3, 0.9


@dataclass(frozen=True, order=True)
class Rule:
    """Where a holiday lies in any year.

    Attributes:
        kind: `fixed` day of a month, `nth` weekday of a month (from its end if `nth` is negative), or days from Easter.
        month, day: for `fixed` the date, for `nth` the month and the weekday, 0 for Monday.
        nth: for `nth` its number, for `easter` the offset in days.
        saturday, sunday: for `fixed` the days by which it moves when it falls there.
    """

    kind: Literal["fixed", "nth", "easter"]
    month: int = 0
    day: int = 0
    nth: int = 0
    saturday: int = 0
    sunday: int = 0

    def find(self, year: int) -> date | None:
        """Give the holiday of a year; None where the year has none."""
        if self.kind == "easter":
            sunday: date = easter(year)
            return sunday + timedelta(self.nth)
        length = monthrange(year, self.month)[1]
        if self.kind == "fixed":
            if self.day > length:
                return None
            found = date(year, self.month, self.day)
            return found + timedelta({5: self.saturday, 6: self.sunday}.get(found.weekday(), 0))
        if self.nth < 0:
            last = date(year, self.month, length)
            return last - timedelta((last.weekday() - self.day) % 7)
        first = date(year, self.month, 1)
        return first + timedelta((self.day - first.weekday()) % 7 + 7 * (self.nth - 1))


def learn_weekdays(days: Ints) -> Ints | None:
    """Tell the weekdays that have data [7] of 0 and 1; None where all have, or where too little is seen to tell.

    Args:
        days: distinct days since 1970, ascending.
    """
    possible = np.bincount((np.arange(days[0], days[-1] + 1) + _MONDAY_OFFSET) % 7, minlength=7)
    present = np.bincount((days + _MONDAY_OFFSET) % 7, minlength=7)
    is_absent = (possible > 0) & (present <= 0.05 * possible)
    is_weekend = bool((is_absent == ~_STANDARD_MASK).all())
    if not is_absent.any() or is_absent.all() or not (is_weekend or (possible[is_absent] > 1).all()):
        return None
    return np.where(possible > 0, ~is_absent, _STANDARD_MASK).astype(np.int64)


def learn_trading(days: Ints, *, least_coverage: float) -> Frequency | None:
    """Learn the calendar of the days on which there is data.

    Args:
        days: distinct days since 1970 of all series together, ascending.
        least_coverage: where fewer of the weekday's days than this have data, absent days are gaps, not holidays.

    Returns: business days with holidays up to 20 years after the data; None where all weekdays have data.
    """
    weekmask = learn_weekdays(days)
    if weekmask is None:
        return None
    text = "".join(map(str, weekmask))
    span = np.arange(days[0], days[-1] + 1)
    working = span[weekmask[(span + _MONDAY_OFFSET) % 7] == 1]
    absent = np.setdiff1d(working, days)
    if len(working) - len(absent) < least_coverage * len(working):
        return Frequency("business", weekmask=text)
    ahead = predict_holidays(absent, int(days[0]), int(days[-1]), text)
    return Frequency("business", weekmask=text, holidays=(*map(int, absent), *ahead))


def predict_holidays(holidays: Ints, first: int, last: int, weekmask: str) -> list[int]:
    """Continue holidays for 20 years by the rules that they followed.

    A rule counts where it held in nearly all years since it first did, at least three times, and the last time;
    of rules that explain the same days, the one that explains most, fails least and moves least is kept.

    Args:
        holidays: days since 1970 on which there was no data though the weekday has some.
        first, last: the days that the data covers.
        weekmask: seven characters from Monday, `1` where the weekday has data.
    """
    past = {date.fromordinal(int(day) + _EPOCH) for day in holidays}
    begin, end = date.fromordinal(first + _EPOCH), date.fromordinal(last + _EPOCH)
    found: list[tuple[int, int, int, Rule, set[date]]] = []
    for rule, count in Counter(rule for day in past for rule in _rules_of(day)).items():
        if count < _LEAST_HITS:
            continue
        dates = [day for year in range(begin.year, end.year + 2) if (day := rule.find(year)) and begin <= day <= end]
        held = [day in past for day in dates if weekmask[day.weekday()] == "1"]
        since = held[held.index(True) :] if True in held else []
        if sum(since) >= _LEAST_HITS and since[-1] and sum(since) >= _LEAST_SHARE * len(since):
            misses, moves = len(since) - sum(since), rule.sunday - rule.saturday
            found.append((-sum(since), misses, moves, rule, past.intersection(dates)))
    explained: set[date] = set()
    ahead: set[date] = set()
    for *_, rule, days in sorted(found, key=lambda item: item[:4]):
        if len(days - explained) >= _LEAST_HITS:
            explained |= days
            ahead.update(filter(None, map(rule.find, range(end.year, end.year + YEARS_AHEAD + 2))))
    return sorted(day.toordinal() - _EPOCH for day in ahead if day > end and weekmask[day.weekday()] == "1")


def _rules_of(day: date) -> Iterator[Rule]:
    """List the rules by which a day could be a holiday."""
    for shift in (-1, 0, 1):
        origin = day - timedelta(shift)
        for saturday, sunday in _OBSERVED:
            if {5: saturday, 6: sunday}.get(origin.weekday(), 0) == shift:
                yield Rule("fixed", origin.month, origin.day, saturday=saturday, sunday=sunday)
    yield Rule("nth", day.month, day.weekday(), (day.day + 6) // 7)
    if day.day + 7 > monthrange(day.year, day.month)[1]:
        yield Rule("nth", day.month, day.weekday(), -1)
    offset = (day - easter(day.year)).days
    if -50 <= offset <= 65:
        yield Rule("easter", nth=offset)
