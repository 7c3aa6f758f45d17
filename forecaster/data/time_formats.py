"""The formats of times in text: patterns for dates, clocks and zones, and the order of day and month."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.frequency import DAY, HOUR, MINUTE, MONTHS, SECOND, Ints

Floats64 = npt.NDArray[np.float64]
NO_TIME = np.iinfo(np.int64).min

_NAME = r"(?P<name>[A-Za-z]{3})[A-Za-z]*\.?"
_YEAR, _MONTH, _DAY = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
_ANY_YEAR = r"'?(?P<year>\d{4}|\d{2})"
_DATES = (
    rf"{_YEAR}-{_MONTH}-{_DAY}",
    rf"{_YEAR}[/.]{_MONTH}[/.]{_DAY}",
    rf"{_YEAR}[-/.:]?M?{_MONTH}",
    rf"(?P<first>\d{{1,2}})[-/. ](?P<second>\d{{1,2}})[-/. ]{_ANY_YEAR}",
    rf"{_MONTH}[-/.]{_YEAR}",
    rf"{_YEAR}[-:/ ]?[Qq](?P<quarter>[1-4])",
    rf"[Qq](?P<quarter>[1-4])[-:/ ]?{_YEAR}",
    rf"(?:[A-Za-z]+\.?,? +)?{_DAY}[-/. ]*{_NAME}[-/. ,]*{_ANY_YEAR}",
    rf"(?:[A-Za-z]+\.?,? +)?{_NAME}[-/. ]+{_DAY}(?:st|nd|rd|th)?[-/., ]+{_YEAR}",
    rf"{_NAME}[-/. ,]*{_ANY_YEAR}",
    rf"{_YEAR}[-/. ]*{_NAME}",
    rf"{_YEAR}[-/. ]{_NAME}[-/. ]{_DAY}",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
)
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second_>\d{2}(?:[.,]\d+)?))?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
_ZONE = r" ?(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_PATTERNS = tuple(re.compile(rf" *{date}(?:(?:[Tt]|,? +){_CLOCK}(?:{_ZONE})?)? *") for date in _DATES)
_MONTH_NUMBERS = {name: number for number, name in enumerate(MONTHS, start=1)}


@dataclass(frozen=True)
class ParsedTimes:
    """Words that were parsed as times.

    Attributes:
        stamps: [W] microseconds since 1970: in UTC if the word has a zone, else on the wall clock.
        is_time: [W] True for each word that is a time.
        zones: [W] `UTC` or an offset such as `+02:00`; None for a word without a zone.
        note: the chosen order of day and month if the words allow both; else None.
    """

    stamps: Ints
    is_time: npt.NDArray[np.bool_]
    zones: npt.NDArray[np.object_]
    note: str | None


def has_date_format(words: pd.Index, share: float = 0.8) -> bool:
    """Return True if at least this share of the words has the same date format."""
    return len(words) > 0 and _count_matches(_find_pattern(words), words) >= share * len(words)


def parse(words: pd.Index) -> ParsedTimes:
    """Parse [W] words with the date format that fits most of the first 1,000."""
    parts = words.to_series().astype(object).str.extract(_find_pattern(words[:1000]))
    is_time = parts["year"].notna().to_numpy()
    year = _to_numbers(parts, "year", np.nan)
    if (parts["year"].str.len() == 2).any():
        year = np.where(year < 69, year + 2000, np.where(year < 100, year + 1900, year))
    note = None
    if "first" in parts:
        dates, note = _choose_order(year, _to_numbers(parts, "first", 1), _to_numbers(parts, "second", 1))
    elif "quarter" in parts:
        dates = to_stamps(year, 3 * _to_numbers(parts, "quarter", 1) - 2, np.ones(len(words)))
    else:
        dates = to_stamps(year, _to_months(parts), _to_numbers(parts, "day", 1))
    clock = _to_clock(parts)
    zones, offset = _to_zones(parts)
    is_time = is_time & (dates != NO_TIME) & (clock >= 0) & (np.abs(offset) < DAY)
    return ParsedTimes(np.where(is_time, dates + clock - offset, NO_TIME), is_time, zones, note)


def to_stamps(year: Floats64, month: Floats64, day: Floats64) -> Ints:
    """Return midnight of each day in microseconds since 1970; NO_TIME if the day does not exist."""
    is_valid = ~np.isnan(year) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    count = np.where(is_valid, 12 * (year - 1970) + month - 1, 0).astype(np.int64)
    first = count.astype("datetime64[M]")
    date = first.astype("datetime64[D]") + np.where(is_valid, day - 1, 0).astype(np.int64)
    is_valid = is_valid & (date.astype("datetime64[M]") == first)
    return np.where(is_valid, date.astype("datetime64[us]").astype(np.int64), NO_TIME)


def _count_matches(pattern: re.Pattern[str], words: pd.Index) -> int:
    matches = filter(None, map(pattern.fullmatch, words))
    return sum(match.groupdict().get("name", "jan").upper() in _MONTH_NUMBERS for match in matches)


def _find_pattern(words: pd.Index) -> re.Pattern[str]:
    sample = words[:: max(len(words) // 100, 1)]
    return max(_PATTERNS, key=lambda pattern: _count_matches(pattern, sample))


def _to_numbers(parts: pd.DataFrame, name: str, default: float) -> Floats64:
    if name not in parts:
        return np.full(len(parts), default)
    numbers = parts[name].str.replace(",", ".").astype(np.float64)
    return numbers.fillna(default).to_numpy().astype(np.float64)


def _to_months(parts: pd.DataFrame) -> Floats64:
    if "name" not in parts:
        return _to_numbers(parts, "month", 1)
    return parts["name"].str.upper().map(_MONTH_NUMBERS).fillna(0).to_numpy().astype(np.float64)


def _to_clock(parts: pd.DataFrame) -> Ints:
    """Return the [W] microseconds since midnight; -1 for an impossible time of day."""
    hour, minute, second = (_to_numbers(parts, name, 0) for name in ("hour", "minute", "second_"))
    half = parts["half"].str.lower()
    is_wrong = (half.notna() & ((hour < 1) | (hour > 12))).to_numpy() | (minute >= 60) | (second >= 60) | (hour > 24)
    hour = np.where(half.notna(), hour % 12 + 12 * (half == "p"), hour)
    clock = (hour * HOUR + minute * MINUTE + np.round(second * SECOND)).astype(np.int64)
    return np.where(is_wrong | (clock > DAY), -1, clock)


def _to_zones(parts: pd.DataFrame) -> tuple[npt.NDArray[np.object_], Ints]:
    """Return the [W] names of the zones, and the [W] microseconds by which they are ahead of UTC.

    An offset of a day or more does not exist.
    """
    text = parts["zone"]
    if text.isna().all():
        return np.full(len(parts), None, object), np.zeros(len(parts), np.int64)
    codes, words = pd.factorize(text)
    names, offsets = [], []
    for word in words:
        digits = word[1:].replace(":", "")
        hours, minutes = (int(digits[:2]), int(digits[2:] or 0)) if digits.isdecimal() else (0, 0)
        minutes = 60 * hours + minutes if minutes < 60 else DAY // MINUTE
        names.append(f"{word[0]}{minutes // 60:02}:{minutes % 60:02}" if minutes else "UTC")
        offsets.append((-1 if word[0] == "-" else 1) * minutes * MINUTE)
    return np.array([*names, None], object)[codes], np.array([*offsets, 0], np.int64)[codes]


def _choose_order(year: Floats64, first: Floats64, second: Floats64) -> tuple[Ints, str | None]:
    """Choose the order of day and month in dates such as `1/2/1981`.

    A number above 12 is a day. If that does not decide, the order with the more regular spacing is chosen.

    Returns: the [W] timestamps, and a note if both orders are possible.
    """
    month_first, day_first = to_stamps(year, first, second), to_stamps(year, second, first)
    misses = [int((dates == NO_TIME).sum()) for dates in (month_first, day_first)]
    if misses[0] != misses[1]:
        return (month_first if misses[0] < misses[1] else day_first), None
    if np.array_equal(month_first, day_first):
        return month_first, None
    if _regular_share(day_first) > _regular_share(month_first):
        return day_first, "read as day/month/year, which gives the more regular spacing"
    return month_first, "read as month/day/year; day/month/year is equally possible"


def _regular_share(dates: Ints) -> float:
    """Return the share of the most common step; steps are months if all dates are the same day of the month."""
    days = np.unique(dates[dates != NO_TIME]).astype("datetime64[us]").astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    days_of_month = np.unique(days - months.astype("datetime64[D]"))
    steps = np.diff(months if len(days_of_month) == 1 else days).astype(np.int64)
    return float(np.unique(steps, return_counts=True)[1].max() / len(steps)) if len(steps) else 0.0
