"""The formats of times that are written as numbers: dates in digits, epochs, day numbers of spreadsheets, years."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forecaster.data.cells.day_order import NO_TIME, Floats64, to_stamps
from forecaster.data.cells.time_formats import weeks_to_stamps
from forecaster.data.grid.regularity import regular_share
from forecaster.frequency import DAY, HOUR, MINUTE, SECOND, Ints

_YEARS = (1700, 2101)
_MONTH_TOLERANCE = 0.04
_MAX_INTEGER = 2.0**63
_MAX_STEP = 1e8  # numbers of steps are smaller
_RIVALS = {"%d%m%Y", "%m%d%Y"}  # formats of which neither is more usual
_LEAST_REGULAR = 0.5
_EVEN = 0.99
_MARGIN = 0.02  # difference of two shares that decides between two formats
_EXCEL_EPOCH_DAY = -25_569  # 30 December 1899, in days since 1970
_DATENUM_EPOCH_DAY = 719_529  # the day number of 1 January 1970
_YEAR_WORDS = ("year", "yr", "jahr", "annee", "année", "anno", "ano", "año", "rok", "jaar", "vuosi", "år")
DATE_WORDS = ("date", "time", "day", "datum", "tag", "fecha", "data", "zeit", "dag", "giorno", "jour", "ds")
_WEEK_WORDS = ("week", "wk", "woche", "kw", "semana", "semaine", "settimana", "vecka", "uge")
_STEP_NAMES = ("t", "step", "index", "period", "n", "i", "no", "number", "epoch")


@dataclass(frozen=True)
class NumberFormat:
    """A format of times in numbers.

    Attributes:
        name: as `data.format.date_format` names it.
        low, high: all numbers are at least `low` and below `high`.
        parse: converts [R] numbers in this range to microseconds since 1970, NO_TIME where a number is no time.
        has_fractions: True if the numbers may have fractions.
        note: says how the numbers were read; None where everybody reads them so.
    """

    name: str
    low: float
    high: float
    parse: Callable[[Floats64], Ints]
    note: str | None = None
    has_fractions: bool = False

    def suits(self, low: float, high: float, *, is_whole: bool) -> bool:
        """Return True if numbers from `low` to `high` may be times in this format."""
        return self.low <= low and high < self.high and (is_whole or self.has_fractions)


@dataclass(frozen=True)
class NumberTimes:
    """Numbers that were read as times.

    Attributes:
        stamps: [R] microseconds since 1970, or the integers themselves.
        format: the name of the format; `integer` for steps without a calendar.
        note: as in `NumberFormat`.
        regularity: the share of the most frequent step.
        rival: another format that fits as well; None if there is none.
    """

    stamps: Ints
    format: str
    note: str | None = None
    regularity: float = 1.0
    rival: str | None = None


class _Reading(NamedTuple):
    """Numbers in a format: the share of the most frequent step, and the [R] stamps."""

    share: float
    format: NumberFormat
    stamps: Ints


def parse_numbers_by(numbers: Floats64, name: str) -> Ints | None:
    """Return the [R] stamps of numbers in the format of this name; None if there is no such format."""
    if name == "integer":
        return numbers.astype(np.int64)
    for each in FORMATS:
        if each.name == name:
            is_within = (numbers >= each.low) & (numbers < each.high) & (each.has_fractions | (numbers % 1 == 0))
            stamps = each.parse(np.where(is_within, numbers, each.low))
            return np.where(is_within, stamps, NO_TIME)
    return None


def find_times(numbers: Floats64, name: str) -> NumberTimes | None:
    """Read numbers as times in the format in which all of them are times, at the most even distances.

    Args:
        numbers: [R] numbers.
        name: of the column: day numbers and years need a name that suggests a date or a year, because any numbers
            could be such.

    Returns: None if the numbers are no times; plain integers are steps.
    """
    lowered = name.lower()
    low, high = float(numbers.min()), float(numbers.max())
    if not np.isfinite([low, high]).all():
        return None
    is_whole = bool((numbers % 1 == 0).all()) and max(-low, high) < _MAX_INTEGER
    formats = [each for each in FORMATS if each.suits(low, high, is_whole=is_whole) and _suits(each.name, lowered)]
    if any(each.name == "%G%V" for each in formats):
        is_month = not any(word in lowered for word in _WEEK_WORDS) and bool((numbers % 100 <= 12).all())
        formats = [each for each in formats if each.name != ("%G%V" if is_month else "%Y%m")]
    if not formats:
        return NumberTimes(numbers.astype(np.int64), "integer") if is_whole else None
    plain = regular_share(numbers.astype(np.int64), is_calendar=False) if is_whole else 0.0
    readings: list[_Reading] = []
    for each in formats:
        stamps = each.parse(numbers)
        if (stamps != NO_TIME).all():
            readings.append(_Reading(regular_share(stamps), each, stamps))
    best = max(readings, key=lambda reading: round(reading.share, 2), default=None)  # the first of equal ones
    is_step = lowered in _STEP_NAMES and plain >= _EVEN and high < _MAX_STEP
    if best is not None and best.share >= max(_LEAST_REGULAR, plain - _MARGIN) and not is_step:
        rivals = [
            each.format.name
            for each in readings
            if {each.format.name, best.format.name} == _RIVALS
            and each.share > best.share - _MARGIN
            and not np.array_equal(each.stamps, best.stamps)
        ]
        return NumberTimes(best.stamps, best.format.name, best.format.note, best.share, next(iter(rivals), None))
    return NumberTimes(numbers.astype(np.int64), "integer", None, plain) if is_whole else None


def _suits(format_name: str, column: str) -> bool:
    """Return True if the name of a column allows a format that any numbers could have."""
    if format_name == "excel":
        return any(word in column for word in DATE_WORDS)
    if format_name == "datenum":
        return "datenum" in column
    if format_name == "%Y":
        return any(word in column for word in (*_YEAR_WORDS, *DATE_WORDS)) and column not in _STEP_NAMES
    return True


def _digits(*sizes: int) -> Callable[[Floats64], list[Ints]]:
    """Return a function that cuts numbers into groups of digits, from the right; the first group gets the rest."""

    def cut(numbers: Floats64) -> list[Ints]:
        rest, parts = numbers.astype(np.int64), []
        for size in reversed(sizes):
            parts.append(rest % 10**size)
            rest = rest // 10**size
        return [rest, *reversed(parts)]

    return cut


def _in_digits(order: str, *sizes: int) -> Callable[[Floats64], Ints]:
    """Return a parser of numbers whose groups of digits are the parts `order` of a time."""
    cut = _digits(*sizes)

    def parse(numbers: Floats64) -> Ints:
        return _to_stamps(dict(zip(order, cut(numbers), strict=True)), len(numbers))

    return parse


def _to_stamps(parts: dict[str, Ints], count: int) -> Ints:
    ones = np.ones(count, np.int64)
    year = parts.get("Y", ones)
    if "y" in parts:
        year = np.where(parts["y"] < 69, parts["y"] + 2000, parts["y"] + 1900)
    if "V" in parts:
        dates = weeks_to_stamps(year.astype(float), parts["V"].astype(float))
    elif "j" in parts:
        dates = to_stamps(year.astype(float), ones.astype(float), ones.astype(float)) + (parts["j"] - 1) * DAY
        is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        dates = np.where((parts["j"] >= 1) & (parts["j"] <= 365 + is_leap), dates, NO_TIME)
    else:
        month = 3 * parts["q"] - 2 if "q" in parts else parts.get("m", ones)
        dates = to_stamps(year.astype(float), month.astype(float), parts.get("d", ones).astype(float))
        if "q" in parts:
            dates = np.where((parts["q"] >= 1) & (parts["q"] <= 4), dates, NO_TIME)
    zeros = np.zeros(count, np.int64)
    hour, minute, second = (parts.get(key, zeros) for key in "HMS")
    is_valid = (dates != NO_TIME) & (hour <= 24) & (minute < 60) & (second < 60)
    is_valid &= (year >= _YEARS[0]) & (year < _YEARS[1]) & ((hour < 24) | ((minute == 0) & (second == 0)))
    return np.where(is_valid, dates + hour * HOUR + minute * MINUTE + second * SECOND, NO_TIME)


def _since_1970(microseconds: float) -> Callable[[Floats64], Ints]:
    def parse(numbers: Floats64) -> Ints:
        if microseconds < 1:
            return numbers.astype(np.int64) // round(1 / microseconds)
        return np.round(numbers * microseconds).astype(np.int64)

    return parse


def _parse_excel(numbers: Floats64) -> Ints:
    return np.round((numbers + _EXCEL_EPOCH_DAY) * 86_400).astype(np.int64) * SECOND


def _parse_datenum(numbers: Floats64) -> Ints:
    return _parse_excel(numbers - _DATENUM_EPOCH_DAY - _EXCEL_EPOCH_DAY)


def _parse_year(numbers: Floats64) -> Ints:
    return to_stamps(numbers, np.ones_like(numbers), np.ones_like(numbers))


def _parse_year_point_month(numbers: Floats64) -> Ints:
    month = np.round((numbers % 1) * 100, 6)
    return to_stamps(np.floor(numbers), np.where(month % 1 == 0, month, 0), np.ones_like(numbers))


def _parse_decimal_year(numbers: Floats64) -> Ints:
    """Parse years with a fraction, at the start or in the middle of months."""
    for shift in (0.0, 0.5):
        months = (numbers % 1) * 12 - shift
        nearest = np.round(months)
        if (np.abs(months - nearest) < _MONTH_TOLERANCE).all() and not (numbers % 1 == 0).all():
            year = np.floor(numbers) + (nearest == 12)
            return to_stamps(year, nearest % 12 + 1, np.ones_like(numbers))
    return np.full(len(numbers), NO_TIME)


_EPOCH_NOTE = "read as {} since 1970, in UTC"
FORMATS = (
    NumberFormat("%Y%m%d", 17e6, 21.01e6, _in_digits("Ymd", 2, 2)),
    NumberFormat("%Y%m%d%H", 17e8, 21.01e8, _in_digits("YmdH", 2, 2, 2), "read as YYYYMMDDHH"),
    NumberFormat("%Y%m%d%H%M", 17e10, 21.01e10, _in_digits("YmdHM", 2, 2, 2, 2), "read as YYYYMMDDHHMM"),
    NumberFormat("%Y%m%d%H%M%S", 17e12, 21.01e12, _in_digits("YmdHMS", 2, 2, 2, 2, 2), "read as YYYYMMDDHHMMSS"),
    NumberFormat("%Y%m", 17e4, 21.01e4, _in_digits("Ym", 2)),
    NumberFormat("%G%V", 17e4, 21.01e4, _in_digits("YV", 2), "read as ISO year and week"),
    NumberFormat("%Y%j", 17e5, 21.01e5, _in_digits("Yj", 3), "read as year and day of the year"),
    NumberFormat("%Yq", 17e3, 21.01e3, _in_digits("Yq", 1), "read as year and quarter"),
    NumberFormat("%d%m%Y", 1_010_000, 32e6, _in_digits("dmY", 2, 4), "read as DDMMYYYY"),
    NumberFormat("%m%d%Y", 1_010_000, 13e6, _in_digits("mdY", 2, 4), "read as MMDDYYYY"),
    NumberFormat("%y%m%d", 10_101, 1e6, _in_digits("ymd", 2, 2), "read as YYMMDD"),
    NumberFormat("epoch_s", 1e8, 1e10, _since_1970(SECOND), _EPOCH_NOTE.format("seconds"), has_fractions=True),
    NumberFormat("epoch_ms", 1e11, 1e13, _since_1970(1000), _EPOCH_NOTE.format("milliseconds"), has_fractions=True),
    NumberFormat("epoch_us", 1e14, 1e16, _since_1970(1), _EPOCH_NOTE.format("microseconds")),
    NumberFormat("epoch_ns", 1e17, 9e18, _since_1970(1e-3), _EPOCH_NOTE.format("nanoseconds")),
    NumberFormat("excel", 1e4, 8e4, _parse_excel, "read as day numbers of a spreadsheet", has_fractions=True),
    NumberFormat("datenum", 6e5, 8e5, _parse_datenum, "read as day numbers of MATLAB", has_fractions=True),
    NumberFormat("%Y", 1500, 2101, _parse_year),
    NumberFormat("%Y.%m", 1700, 2101, _parse_year_point_month, "read as year.month", has_fractions=True),
    NumberFormat("decimal_year", 1700, 2101, _parse_decimal_year, "read as years with a fraction", has_fractions=True),
)
