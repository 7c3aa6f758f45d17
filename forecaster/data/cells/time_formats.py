"""The formats of times in text: patterns for dates, clocks and zones, and the order of day and month."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.data.cells.day_order import NO_TIME, Floats64, choose_order, to_stamps
from forecaster.data.cells.month_names import find_month_numbers
from forecaster.data.cells.zones import ZONE, parse_zones
from forecaster.frequency import DAY, HOUR, MINUTE, SECOND, Ints

_NAME = r"(?P<name>[^\W\d_]{3,})\.?"
_WEEKDAY = r"(?:[^\W\d_]+\.?,? +)?"
_YEAR, _MONTH, _DAY = r"(?P<year>\d{4})", r"(?P<month>0?[1-9]|1[0-2])", r"(?P<day>\d{1,2})"
_ANY_YEAR = r"'?(?P<year>\d{4}|\d{2})"
_ORDINAL = r"(?:st|nd|rd|th|\.|er|ère|e|º|°)?"
_OF = r"(?:(?:de|del|of|d') ?)?"
_QUARTER = r"(?:[QqTtKk]|[Qq]uar\w*\.?|[Tt]rim\w*\.?|[Kk]wartaal|[Kk]v\w*\.?)"
DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"
# The name of each format, as `data.format.date_format` stores it, and its pattern; separators and clocks may differ.
_DATES = {
    "%Y-%m-%d": rf"{_WEEKDAY}{_YEAR}-{_MONTH}-{_DAY}",
    "%Y/%m/%d": rf"{_WEEKDAY}{_YEAR}[/.] ?{_MONTH}[/.] ?{_DAY}\.?",
    "%Y-%m": rf"{_YEAR}[-/.:]?[Mm]?{_MONTH}",
    DAY_FIRST: rf"{_WEEKDAY}(?P<first>\d{{1,2}})(?P<mark>[-/. ]) ?(?P<second>\d{{1,2}})[-/. ] ?{_ANY_YEAR}",
    "%m/%Y": rf"{_MONTH}[-/.]{_YEAR}",
    "%Y-Q%q": rf"{_YEAR}[-:/ ]*{_QUARTER}[. ]?(?P<quarter>[1-4])",
    "Q%q-%Y": rf"{_QUARTER}[. ]?(?P<quarter>[1-4])[-:/ .]*{_ANY_YEAR}",
    "%qQ%Y": rf"(?P<quarter>[1-4]){_ORDINAL}[- ]*{_QUARTER}[-:/ .]*{_ANY_YEAR}",
    "%Y-H%h": rf"{_YEAR}[-:/ ]?[HhSs](?P<half_year>[12])",
    "H%h-%Y": rf"[HhSs](?P<half_year>[12])[-:/ ]?{_ANY_YEAR}",
    "%hH%Y": rf"(?P<half_year>[12])[. ]*(?:[HhSs]|[Hh]albjahr|[Ss]em\w*)[-:/ .]*{_ANY_YEAR}",
    "%G-W%V": rf"{_YEAR}[-:/ ]?[Ww](?:[Ee][Ee]?[Kk])? ?(?P<week>\d{{1,2}})(?:-?(?P<weekday>[1-7]))?",
    "W%V-%G": r"(?:[Ww](?:[Ee]{0,2}[Kk])?|[Kk][Ww]|[Ss]) ?(?P<week>\d{1,2})[-/. ]+(?P<year>\d{4})",
    "%d %b %Y": rf"{_WEEKDAY}{_DAY}{_ORDINAL}[-/. ]*{_OF}{_NAME}[-/. ,]*{_OF}{_ANY_YEAR}",
    "%b %d, %Y": rf"{_WEEKDAY}{_NAME}[-/. ]+{_DAY}{_ORDINAL}[-/., ]+{_YEAR}",
    "%b %Y": rf"{_NAME}[-/. ,]*{_OF}{_ANY_YEAR}",
    "%Y %b": rf"{_YEAR}[-/. ]*{_NAME}",
    "%Y-%b-%d": rf"{_YEAR}[-/. ]{_NAME}[-/. ]{_DAY}",
    "%Y%m%d": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    "%Y%m%dT%H%M%S": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})[T _:-]"
    r"(?P<hour>\d{2})(?P<minute>\d{2})?(?P<second_>\d{2}(?:[.,]\d+)?)?",
    "%Y年%m月%d日": rf"{_YEAR}[年년] ?{_MONTH}[月월] ?{_DAY}[日일]",
    "%Y年%m月": rf"{_YEAR}[年년] ?{_MONTH}[月월]",
    "%Y/%y": rf"(?:[Ff][Yy] ?)?{_YEAR}[-/](?P<next>\d{{2}}|\d{{4}})",  # from one year to the next, as in schools
    "%Y": rf"(?:[Ff][Yy] ?)?{_YEAR}",
}


def _clock_pattern(marks: str) -> str:
    """Return the pattern of a time of day: hour and minute with one of the marks, or an hour with `h`, AM or PM."""
    return (
        rf"(?=\d{{1,2}} ?[{marks}hH]|\d{{1,2}}[ -]?[AaPp]\.?[Mm])"
        rf"(?P<hour>\d{{1,2}})(?: ?[{marks}hH] ?(?P<minute>\d{{2}})(?:[{marks}m](?P<second_>\d{{2}}(?:[.,]\d+)?)s?)?)?"
        r"(?: ?[hH])?(?:[ -]?(?P<half>[AaPp])\.?[Mm]\.?)?"
    )


_CLOCK = re.compile(rf"^ *{_clock_pattern(':')} *$")  # 12.30 alone is a number
# Dates whose year comes last, as `date` and `Date.toString` write them: Tue Feb 01 12:00:00 CET 2022.
_LATE_YEAR = re.compile(
    r"(?P<date>[^\W\d_]{3} [^\W\d_]{3} +\d{1,2}) "
    r"(?P<clock>\d{1,2}:\d{2}:\d{2}(?: [A-Z]{3,5}| [+-]\d{4})?) (?P<year>\d{4})"
)
_INTERVAL = re.compile(r"(.*\S)(?: +(?:-|\u2013|\u2014|to|bis) +|/(?=\d{4}-))(.*\S)")


@dataclass(frozen=True)
class ParsedTimes:
    """Words that were parsed as times.

    Attributes:
        stamps: [W] microseconds since 1970: in UTC if the word has a zone, else on the wall clock.
        is_time: [W] True for each word that is a time.
        zones: [W] `UTC` or an offset such as `+02:00`; None for a word without a zone.
        note: the chosen reading if the words allow several; else None.
        format: the name of the format.
        is_ambiguous: True if day first and month first fit equally well.
    """

    stamps: Ints
    is_time: npt.NDArray[np.bool_]
    zones: npt.NDArray[np.object_]
    note: str | None
    format: str
    is_ambiguous: bool = False


@cache
def _date_pattern(name: str) -> re.Pattern[str]:
    """Compile the pattern of a format when it is needed: most of them never are, and it takes a millisecond each."""
    date = _DATES[name]
    if "(?P<hour>" in date:
        return re.compile(rf"^ *{date}(?:{ZONE})? *$")
    return re.compile(rf"^ *{date}(?:(?:[Tt:-]|,? +){_clock_pattern(':.')}(?:{ZONE})?)? *$")


def has_date_format(words: pd.Index, share: float = 0.8) -> bool:
    """Return True if at least this share of the words has the same date format."""
    if not len(words):
        return False
    words, _ = _normalise(words)
    return _count_matches(_date_pattern(_find_format(words)), list(map(str, words))) >= share * len(words)


def parse(words: pd.Index, *, date_format: str | None = None, day_first: bool | None = None) -> ParsedTimes:
    """Parse [W] words, in the order of their rows, with the date format that fits most of them.

    Args:
        date_format: the name of a format, or a format as `strftime` has; None to detect it.
        day_first: the order of day and month; None to choose the more regular one.
    """
    words, is_interval = _normalise(words)
    if date_format is not None and date_format not in (*_DATES, MONTH_FIRST):
        return _parse_strictly(words, date_format)
    if date_format in (DAY_FIRST, MONTH_FIRST):
        day_first = date_format == DAY_FIRST if day_first is None else day_first
        date_format = DAY_FIRST
    name = date_format or _find_format(words)
    parsed = _parse_by(words, name, day_first)
    note = "read as intervals, which are named by their start" if is_interval else None
    return replace(parsed, note="; ".join(filter(None, (note, parsed.note))) or None)


def has_clocks(words: pd.Index) -> bool:
    """Return True if all words are times of day such as 9:30, 9 PM or 9h30, or intervals of them."""
    words, _ = _normalise(words)
    return all(map(_CLOCK.fullmatch, map(str, words)))


def parse_clocks(words: pd.Index) -> Ints:
    """Parse [W] words as times of day: microseconds since midnight, -1 where a word is none."""
    words, _ = _normalise(words)
    parts = words.to_series().astype(object).str.extract(_CLOCK)
    clock = _to_clock(parts)
    return np.where(parts["hour"].notna().to_numpy(), clock, -1)


def _parse_strictly(words: pd.Index, date_format: str) -> ParsedTimes:
    parsed = pd.to_datetime(words.to_series().astype(object).str.strip(), format=date_format, errors="coerce", utc=True)
    has_zone = "%z" in date_format or "%Z" in date_format
    is_time = parsed.notna().to_numpy()
    stamps = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    zones = np.full(len(words), "UTC" if has_zone else None, object)
    return ParsedTimes(np.where(is_time, stamps, NO_TIME), is_time, zones, None, date_format)


def _parse_by(words: pd.Index, name: str, day_first: bool | None) -> ParsedTimes:
    parts = words.to_series().astype(object).str.extract(_date_pattern(name))
    is_time = parts["year"].notna().to_numpy()
    year = _to_numbers(parts, "year", np.nan)
    if (parts["year"].str.len() == 2).any():
        year = np.where(year < 69, year + 2000, np.where(year < 100, year + 1900, year))
    note, is_ambiguous = None, False
    clock = _to_clock(parts)
    if "first" in parts:
        order = choose_order(
            year,
            _to_numbers(parts, "first", 1),
            _to_numbers(parts, "second", 1),
            clock,
            day_first=day_first,
            has_points=bool((parts["mark"] == ".").all()),
        )
        dates, note, is_ambiguous = order.dates, order.note, order.is_ambiguous
        name = DAY_FIRST if order.is_day_first else MONTH_FIRST
    elif "week" in parts:
        dates = weeks_to_stamps(year, _to_numbers(parts, "week", 1))
        dates = np.where(
            dates == NO_TIME, NO_TIME, dates + (_to_numbers(parts, "weekday", 1).astype(np.int64) - 1) * DAY
        )
    else:
        dates = to_stamps(year, _to_months(parts), _to_numbers(parts, "day", 1))
    if "next" in parts:
        following = _to_numbers(parts, "next", np.nan)
        dates = np.where(following % 100 == (year + 1) % 100, dates, NO_TIME)
    zones, offset = parse_zones(parts["zone"])
    is_time = is_time & (dates != NO_TIME) & (clock >= 0) & (np.abs(offset) < DAY)
    stamps = np.where(is_time, dates + clock - offset, NO_TIME)
    return ParsedTimes(stamps, is_time, zones, note, name, is_ambiguous)


def weeks_to_stamps(year: Floats64, week: Floats64) -> Ints:
    """Return midnight of the Monday of each ISO week; NO_TIME if the week does not exist."""
    january = to_stamps(year, np.ones_like(year), np.full_like(year, 4.0))
    day = np.where(january == NO_TIME, 0, january) // DAY
    monday = day - (day + 3) % 7 + (np.nan_to_num(week) - 1).astype(np.int64) * 7
    thursday = (monday + 3).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    is_valid = (january != NO_TIME) & (week >= 1) & (thursday == np.nan_to_num(year))
    return np.where(is_valid, monday * DAY, NO_TIME)


def _normalise(words: pd.Index) -> tuple[pd.Index, bool]:
    """Return the starts of intervals such as `01:00 - 02:00`, and True; or dates with the year in front, and False."""
    sample = [str(word) for word in words[:20]]
    for pattern, replacement in ((_INTERVAL, r"\1"), (_LATE_YEAR, r"\g<date> \g<year> \g<clock>")):
        if sample and all(map(pattern.fullmatch, sample)):
            return pd.Index([pattern.sub(replacement, str(word)) for word in words]), pattern is _INTERVAL
    return words, False


def _count_matches(pattern: re.Pattern[str], words: Sequence[str]) -> int:
    matches = list(filter(None, map(pattern.fullmatch, words)))
    if "name" not in pattern.groupindex:
        return len(matches)
    numbers = find_month_numbers([match["name"] for match in matches])
    return sum(match["name"].lower() in numbers for match in matches)


def _find_format(words: pd.Index) -> str:
    return _find_format_of(tuple(map(str, words[:: max(len(words) // 100, 1)])))


@lru_cache(maxsize=16)
def _find_format_of(words: tuple[str, ...]) -> str:
    """Return the first of the formats that fit most words. A column is asked for its format several times."""
    best, largest = "", -1
    for name in _DATES:
        count = _count_matches(_date_pattern(name), words)
        if count > largest:
            best, largest = name, count
        if count == len(words):
            break
    return best


def _to_numbers(parts: pd.DataFrame, name: str, default: float) -> Floats64:
    if name not in parts:
        return np.full(len(parts), default)
    numbers = parts[name].str.replace(",", ".").astype(np.float64)
    return numbers.fillna(default).to_numpy().astype(np.float64)


def _to_months(parts: pd.DataFrame) -> Floats64:
    if "quarter" in parts:
        return 3 * _to_numbers(parts, "quarter", 1) - 2
    if "half_year" in parts:
        return 6 * _to_numbers(parts, "half_year", 1) - 5
    if "name" not in parts:
        return _to_numbers(parts, "month", 1)
    names = parts["name"].str.lower()
    months: Floats64 = names.map(find_month_numbers(names.dropna().unique())).fillna(0).to_numpy().astype(np.float64)
    return months


def _to_clock(parts: pd.DataFrame) -> Ints:
    """Return the [W] microseconds since midnight; -1 for an impossible time of day."""
    hour, minute, second = (_to_numbers(parts, name, 0) for name in ("hour", "minute", "second_"))
    half = (parts["half"] if "half" in parts else pd.Series(None, parts.index, dtype=str)).str.lower()
    is_wrong = (half.notna() & ((hour < 1) | (hour > 12))).to_numpy() | (minute >= 60) | (second >= 60) | (hour > 24)
    hour = np.where(half.notna(), hour % 12 + 12 * (half == "p"), hour)
    clock = (hour * HOUR + minute * MINUTE + np.round(second * SECOND)).astype(np.int64)
    return np.where(is_wrong | (clock > DAY), -1, clock)
