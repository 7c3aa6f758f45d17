"""The parts of a time that a column may contain: a date, a clock, a year, an hour and so on."""

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.data.cells import time_formats
from forecaster.data.cells.day_order import NO_TIME
from forecaster.data.cells.month_names import find_month_numbers
from forecaster.data.cells.time_integers import parse_numbers_by
from forecaster.data.table import Table
from forecaster.frequency import HOUR, MINUTE

Floats64 = npt.NDArray[np.float64]

_NAMES: dict[str, tuple[str, ...]] = {
    "year": ("year", "yr", "yyyy", "jahr", "annee", "année", "anno", "ano", "año", "jaar", "rok", "år"),
    "half": ("half", "halfyear", "half_year", "half-year", "semester", "semestre", "halbjahr"),
    "quarter": ("quarter", "qtr", "quartal", "trimestre", "kwartaal", "q"),
    "month": ("month", "mon", "mo", "monat", "mois", "mes", "mese", "maand", "mês", "måned", "månad", "mm"),
    "week": ("week", "wk", "woche", "kw", "semaine", "semana", "settimana", "isoweek", "iso_week"),
    "dayofyear": ("doy", "dayofyear", "day_of_year", "day of year", "yday", "julian", "julian day", "jday", "ddd"),
    "day": ("day", "dy", "tag", "jour", "dia", "día", "giorno", "dag", "dd", "da", "mday"),
    "hour": (
        *("hour", "hr", "hh", "stunde", "heure", "hora", "ora", "uur", "he", "hour ending", "hour_ending"),
        "hourending",
    ),
    "minute": ("minute", "min", "mn", "mi", "minuut", "minuto"),
    "period": (
        *("settlement period", "settlement_period", "settlementperiod", "period", "sp", "interval", "trading period"),
        *("trading_period", "tp", "isp", "ptu", "pte", "mtu"),
    ),
    "clock": ("time", "hhmm", "clock", "uhrzeit", "zeit", "tijd", "tid", "aika", "godzina"),
}
_RANGES = {
    "year": (1500, 2200),
    "half": (1, 2),
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "dayofyear": (1, 366),
    "day": (1, 31),
    "hour": (0, 25),
    "minute": (0, 59),
    "period": (1, 100),
}
# The letters in front of numbers such as HE01, W05 and Q1.
_PREFIXES = {"he": "hour", "h": "hour", "hr": "hour", "w": "week", "kw": "week", "wk": "week", "week": "week"} | {
    "q": "quarter",
    "t": "quarter",
    "m": "month",
    "s": "half",
}
_NUMBERED = re.compile(r"\s*([A-Za-z]{1,4})[ .]?(\d{1,2})\s*")
# The kind of a column of whole numbers without a name that says it, by the kind of the column in front of it.
_NEXT_KINDS = {
    "": ("year",),
    "year": ("month", "week", "dayofyear"),
    "month": ("day",),
    "day": ("hour", "period"),
    "dayofyear": ("hour", "period"),
    "date": ("hour", "period"),
    "hour": ("minute",),
}
_FIRST_DATE, _LAST_DATE = 17_000_101, 21_001_231  # dates in digits
_PROBE_ROWS = 1000


def kind_of(table: Table, name: str) -> str:
    """Return the part of a time that a column contains: `date` or a key of `_NAMES`; "" for none."""
    column = table.frame[name]
    lowered = name.strip().lower()
    named = next((kind for kind, names in _NAMES.items() if lowered in names), "")
    if column.dtype.kind == "m" or column.dtype == object:
        return ""
    if column.iloc[:_PROBE_ROWS].isna().all() and column.isna().all():
        return ""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "date"
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _kind_of_words(column.cat.categories, named)
    if column.dtype.kind == "i" and _are_dates(column):
        return "date"
    if not named or column.dtype.kind not in "if" or column.isna().any():
        return ""
    values = column.to_numpy(np.float64)
    if named in ("clock", "hour") and values.max() > _RANGES["hour"][1]:
        return "clock" if _are_clocks(values) else ""
    return named if named in _RANGES and _is_within(values, named) else ""


def _kind_of_words(words: pd.Index, named: str) -> str:
    if named == "month" and len(find_month_numbers(map(str, words))) == len(words):
        return "month"
    if time_formats.has_clocks(words[:100]) and (time_formats.parse_clocks(words) >= 0).all():
        return "clock"
    numbered = _split_numbered(words)
    if numbered is not None:
        letters, values = numbered
        kind = _PREFIXES.get(letters, "")
        if kind == "hour" and (named == "half" or values.max() <= 2):
            kind = "half"
        if kind and _is_within(values, kind):
            return kind
    return "date" if time_formats.has_date_format(words[:50]) else ""


def guess_kind(table: Table, name: str, previous: str) -> str:
    """Return the kind of a column of whole numbers that follows one of another kind; "" for none."""
    column = table.frame[name]
    if column.dtype.kind not in "if" or not len(column) or column.isna().any():
        return ""
    values = column.to_numpy(np.float64)
    return next((kind for kind in _NEXT_KINDS.get(previous, ()) if _is_within(values, kind)), "")


def _split_numbered(words: pd.Index) -> tuple[str, Floats64] | None:
    """Split words such as HE01 into their letters, which are those of all words, and their [W] numbers."""
    matches = [_NUMBERED.fullmatch(str(word)) for word in words[: _RANGES["dayofyear"][1]]]
    if not matches or len(words) > len(matches) or not all(matches):
        return None
    letters = {match[1].lower() for match in matches if match}
    return (letters.pop(), np.array([float(match[2]) for match in matches if match])) if len(letters) == 1 else None


def _are_dates(column: pd.Series) -> bool:
    values = column.to_numpy(np.float64)
    if not len(values) or values.min() < _FIRST_DATE or values.max() > _LAST_DATE:
        return False
    stamps = parse_numbers_by(values, "%Y%m%d")
    return stamps is not None and bool((stamps != NO_TIME).all())


def _are_clocks(values: Floats64) -> bool:
    """Return True for times of day in digits: 0, 30, 100 ... 2330."""
    return bool(((values % 1 == 0) & (values >= 0) & (values <= 2400) & (values % 100 < 60)).all())


def _is_within(values: Floats64, kind: str) -> bool:
    low, high = _RANGES[kind]
    return bool(((values % 1 == 0) & (values >= low) & (values <= high)).all())


def values_of(table: Table, name: str, kind: str) -> Floats64:
    """Return the [R] numbers of a part of the time; microseconds since midnight for a clock, -1 for none."""
    column = table.frame[name]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        values = column.to_numpy(np.float64)
        return values // 100 * HOUR + values % 100 * MINUTE if kind == "clock" else values
    words = column.cat.categories
    numbered = _split_numbered(words)
    if kind == "clock":
        values = time_formats.parse_clocks(words).astype(np.float64)
    elif numbered is not None:
        values = numbered[1]
    else:
        numbers = find_month_numbers(map(str, words))
        values = np.array([numbers.get(str(word).lower(), np.nan) for word in words])
    return np.append(values, np.nan)[column.cat.codes.to_numpy()]
