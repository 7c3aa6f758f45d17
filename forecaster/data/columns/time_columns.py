"""Times in several columns, such as a date and an hour, or a year and a month: joined into one column."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.data.cells import time_formats, times
from forecaster.data.cells.day_order import NO_TIME, to_stamps
from forecaster.data.cells.month_names import find_month_numbers
from forecaster.data.cells.time_formats import weeks_to_stamps
from forecaster.data.table import Table
from forecaster.errors import DataError
from forecaster.frequency import DAY, HOUR, MINUTE, Ints

_NAMES: dict[str, tuple[str, ...]] = {
    "year": ("year", "yr", "jahr", "annee", "année", "anno", "ano", "año", "jaar", "rok", "år"),
    "quarter": ("quarter", "qtr", "quartal", "trimestre", "kwartaal", "q"),
    "month": ("month", "mon", "mo", "monat", "mois", "mes", "mese", "maand", "mês", "måned", "månad", "mm"),
    "week": ("week", "wk", "woche", "kw", "semaine", "semana", "settimana", "isoweek", "iso_week"),
    "day": ("day", "dy", "tag", "jour", "dia", "día", "giorno", "dag", "dd", "mday"),
    "hour": ("hour", "hr", "stunde", "heure", "hora", "ora", "uur", "he", "hour ending", "hour_ending", "hourending"),
    "period": ("settlement period", "settlement_period", "settlementperiod", "period", "sp", "interval"),
}
_RANGES = {"quarter": (1, 4), "month": (1, 12), "week": (1, 53), "day": (1, 31), "hour": (0, 24), "period": (1, 100)}
# The combinations that make a time, the more precise ones first.
_WITH_YEAR = (
    ("year", "month", "day", "clock"),
    ("year", "month", "day", "hour"),
    ("year", "month", "day"),
    ("year", "month"),
    ("year", "quarter"),
    ("year", "week"),
)
_PROBE_ROWS = 1000
_MIN_REPEATED_SHARE = 0.3  # share of repeated dates from which on another column may have the time of day
_MAX_DATES_IN_NUMBERS = 4  # columns of numbers that are read again
_PERIODS_PER_DAY = (24, 48, 96)
SEPARATOR = ","


def join_time_columns(table: Table, name: str | None, reserved: frozenset[str]) -> Table:
    """Join the columns that are parts of the time into one, which replaces them.

    Args:
        table: the table.
        name: the columns as the user or a bundle named them, separated by commas; None to find them.
        reserved: columns that have other roles.

    Raises: DataError: a row has no time.
    """
    if name is not None:
        if name in table.frame.columns or SEPARATOR not in name:
            return table
        names = tuple(part.strip() for part in name.split(SEPARATOR))
        if not set(names) <= set(table.frame.columns):
            return table  # `find_roles` reports the name
        kinds = tuple(_kind_of(table, each) for each in names)
    else:
        pair = _find_columns(table, reserved)
        if pair is None:
            return table
        names, kinds = pair
    return _join(table, names, kinds)


def read_dates_as_text(table: Table, name: str | None) -> Table:
    """Read dates such as `01.2010`, which look like numbers, again as text.

    Args:
        table: the table.
        name: the time column as the user or a bundle named it; None if no column was named.
    """
    frame = table.frame
    if table.reread is None or not len(frame):
        return table
    candidates = [column for column in frame.columns if frame[column].dtype.kind == "f" and name in (None, column)]
    if name is None and any(times.is_time(frame[column]) for column in frame.columns):
        return table
    for column in candidates[:_MAX_DATES_IN_NUMBERS]:
        text = table.reread([column])[column]
        if not text.isna().any() and time_formats.has_date_format(text.cat.categories, share=1.0):
            return replace(table, frame=frame.assign(**{column: text}))
    return table


def _find_columns(table: Table, reserved: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Find the columns whose values together are the time of a row."""
    columns: dict[str, list[str]] = {}
    for name in table.frame.columns:
        kind = _kind_of(table, name) if name not in reserved else ""
        if kind:
            columns.setdefault(kind, []).append(name)
    for name, kind in product(columns.get("date", []), ("clock", "hour", "period")):
        for other in columns.get(kind, []):
            if _distinguishes(table.frame, name, other) and _has_no_clock(table, name):
                return (name, other), ("date", kind)
    if columns.get("date"):
        return None
    for kinds in _WITH_YEAR:
        if all(len(columns.get(kind, [])) == 1 for kind in kinds):
            return tuple(columns[kind][0] for kind in kinds), kinds
    return None


def _distinguishes(frame: pd.DataFrame, date: str, other: str) -> bool:
    """Return True if dates are repeated, and another column at least doubles the number of distinct times."""
    dates = 1 - float(frame[date].duplicated().mean())
    return dates <= 1 - _MIN_REPEATED_SHARE and 1 - float(frame.duplicated([date, other]).mean()) >= 2 * dates


def _kind_of(table: Table, name: str) -> str:
    """Return the part of a time that a column contains: `date`, `clock`, or a key of `_NAMES`; "" for none."""
    column = table.frame[name]
    lowered = name.strip().lower()
    named = next((kind for kind, names in _NAMES.items() if lowered in names), "")
    is_number = column.dtype.kind in "iufb"
    if (is_number and not named) or column.dtype.kind == "m" or column.dtype == object:
        return ""
    if column.iloc[:_PROBE_ROWS].isna().all() and column.isna().all():
        return ""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "date"
    if isinstance(column.dtype, pd.CategoricalDtype):
        words = column.cat.categories
        if named == "month" and len(find_month_numbers(map(str, words))) == len(words):
            return "month"
        if time_formats.has_clocks(words[:100]) and (time_formats.parse_clocks(words) >= 0).all():
            return "clock"
        return "date" if time_formats.has_date_format(words[:50]) else ""
    if column.dtype.kind not in "if" or column.isna().any():
        return ""
    low, high = (1500, 2200) if named == "year" else _RANGES[named]
    values = column.to_numpy(np.float64)
    return named if ((values % 1 == 0) & (values >= low) & (values <= high)).all() else ""


def _has_no_clock(table: Table, name: str) -> bool:
    column = table.frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return not column.cat.categories[:50].astype(str).str.contains(":").any()
    return bool((column.dropna().dt.normalize() == column.dropna()).all())


def _join(table: Table, names: tuple[str, ...], kinds: tuple[str, ...]) -> Table:
    stamps = np.zeros(len(table.frame), np.int64)
    date_format = table.format.date_format
    values = {kind: _values(table, name, kind) for name, kind in zip(names, kinds, strict=True) if kind != "date"}
    if "date" in kinds:
        dates = times.parse_times(table, names[kinds.index("date")])
        stamps, date_format = dates.stamps, dates.format
    elif "week" in values:
        stamps = weeks_to_stamps(values["year"], values["week"])
    elif "year" in values:
        month = 3 * values["quarter"] - 2 if "quarter" in values else values.get("month", np.ones(len(stamps)))
        stamps = to_stamps(values["year"], month, values.get("day", np.ones(len(stamps))))
    is_missing = stamps == NO_TIME
    for offset in _offsets(values):
        is_missing |= offset < 0
        stamps = np.where(is_missing, NO_TIME, stamps + offset)
    joint = SEPARATOR.join(names)
    if is_missing.any():
        row = int(np.flatnonzero(is_missing)[0])
        cells = ", ".join(str(table.frame[name].iloc[row]) for name in names)
        raise DataError(
            f"{table.source}: columns {joint}, {table.place(row)}: {cells} is no time", hint="fix those cells"
        )
    frame = table.frame.drop(columns=list(names))
    frame.insert(0, joint, stamps.astype("datetime64[us]"))
    note = f"{' and '.join(names)} are the time together; --time names another column"
    return replace(
        table,
        frame=frame,
        notes=(*table.notes, note),
        format=table.format.model_copy(update={"date_format": date_format}),
    )


def _values(table: Table, name: str, kind: str) -> npt.NDArray[np.float64]:
    column = table.frame[name]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.to_numpy(np.float64)
    words = column.cat.categories
    if kind == "clock":
        values = time_formats.parse_clocks(words).astype(np.float64)
    else:
        numbers = find_month_numbers(map(str, words))
        values = np.array([numbers.get(str(word).lower(), np.nan) for word in words])
    return np.append(values, np.nan)[column.cat.codes.to_numpy()]


def _offsets(values: dict[str, npt.NDArray[np.float64]]) -> Iterator[Ints]:
    """Yield the microseconds since midnight of each row, -1 where there is none."""
    if "clock" in values:
        clock = values["clock"]
        yield np.where(np.isnan(clock), -1, np.nan_to_num(clock)).astype(np.int64)
    if "hour" in values:
        hour = values["hour"]
        is_ending = hour.max() == 24 and hour.min() >= 1  # hours from 1 to 24 end at their number
        yield ((hour - is_ending) * HOUR).astype(np.int64)
    if "period" in values:
        period = values["period"]
        count = next((each for each in _PERIODS_PER_DAY if period.max() <= each + 2), _PERIODS_PER_DAY[-1])
        yield ((period - (period.min() >= 1)) * (DAY // count // MINUTE) * MINUTE).astype(np.int64)
