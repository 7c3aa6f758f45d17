"""Times in several columns, such as a date and an hour, or a year and a month: joined into one column."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from forecaster.data.cells import time_formats, times
from forecaster.data.cells.day_order import NO_TIME, to_stamps
from forecaster.data.cells.time_formats import weeks_to_stamps
from forecaster.data.cells.time_integers import find_times
from forecaster.data.columns.roles import names_things
from forecaster.data.columns.time_parts import Floats64, guess_kind, kind_of, values_of
from forecaster.data.columns.time_roles import MIN_REGULAR, is_unnamed
from forecaster.data.grid.clock_changes import days_to_utc, find_zone_of_long_days
from forecaster.data.table import Table
from forecaster.errors import DataError, UsageError, quote_value
from forecaster.frequency import DAY, HOUR, MINUTE, Ints

# The columns that together are a day, and those that together are a time of day; the more precise ones first.
_DAYS = (("date",), ("year", "month", "day"), ("year", "dayofyear"))
_CLOCKS = (("clock",), ("hour", "minute"), ("hour",), ("period",))
_COARSE = (("year", "month"), ("year", "quarter"), ("year", "half"), ("year", "week"))
_MIN_REPEATED_SHARE = 0.3  # share of repeated dates from which on another column may have the time of day
_MAX_DATES_IN_NUMBERS = 4  # columns of numbers that are read again
_HOURS_PER_DAY = 24
_PERIODS_PER_DAY = (24, 48, 96)
_MIN_COUNTING_SHARE = 0.95  # share of rows in which a column counts on, or begins again
SEPARATOR = ","


def join_time_columns(table: Table, name: str | None, reserved: frozenset[str]) -> Table:
    """Join the columns that are parts of the time into one, which replaces them.

    Args:
        table: the table.
        name: the columns as the user or a bundle named them, separated by commas; None to find them.
        reserved: columns that have other roles.

    Raises:
        DataError: a row has no time.
        UsageError: a named column is no part of a time, or a column may be the time of day or the id.
    """
    if name is not None:
        if name in table.frame.columns or SEPARATOR not in name:
            return table
        names = tuple(part.strip() for part in name.split(SEPARATOR))
        if not set(names) <= set(table.frame.columns):
            return table  # `find_roles` reports the name
        kinds = _kinds_of_named(table, names)
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


def read_digits_as_numbers(table: Table, name: str | None, reserved: frozenset[str]) -> Table:
    """Read times in digits, such as `202101`, as numbers where a file has them as text.

    Args:
        table: the table.
        name: the time column as the user or a bundle named it; None if no column was named.
        reserved: columns that have other roles.
    """
    if table.reread is not None:
        return table
    numbers = {}
    for column in table.frame.columns:
        text = table.frame[column]
        if not isinstance(text.dtype, pd.CategoricalDtype) or column in reserved or name not in (None, column):
            continue
        words = text.cat.categories.astype(str)
        if not len(words) or text.isna().any() or not words.str.fullmatch(r"\d{4,17}").all():
            continue
        values = words.astype(np.int64).to_numpy()[text.cat.codes.to_numpy()]
        reading = find_times(values.astype(np.float64), str(column))
        if reading is not None and reading.format != "integer" and reading.regularity >= MIN_REGULAR:
            numbers[column] = values
    return replace(table, frame=table.frame.assign(**numbers)) if numbers else table


def _kinds_of_named(table: Table, names: tuple[str, ...]) -> tuple[str, ...]:
    kinds: list[str] = []
    for name in names:
        kind = kind_of(table, name) or guess_kind(table, name, kinds[-1] if kinds else "")
        if not kind or kind in kinds:
            raise UsageError(
                f"{table.source}: --time {','.join(names)}: column {name!r} is no part of a time",
                hint="name columns such as a date and an hour, or year, month and day",
            )
        kinds.append(kind)
    return tuple(kinds)


def _find_columns(table: Table, reserved: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Find the columns whose values together are the time of a row, with their kinds."""
    columns: dict[str, list[str]] = {}
    for name in table.frame.columns:
        kind = kind_of(table, name) if name not in reserved else ""
        if kind:
            columns.setdefault(kind, []).append(name)
    if not columns:
        return _find_unnamed(table, reserved)
    for clock in _CLOCKS:
        for day, *others in product(*(columns.get(kind, []) for kind in ("date", *clock))):
            if _distinguishes(table.frame, day, others) and _has_no_clock(table, day):
                return (day, *others), ("date", *clock)
    if columns.get("date"):
        _refuse_steps_of_day(table, columns["date"], reserved)
        return None
    is_single = {kind: len(names) == 1 for kind, names in columns.items()}
    choices = [(*day, *clock) for day in _DAYS[1:] for clock in (*_CLOCKS, ())] + list(_COARSE)
    for kinds in choices:
        if all(is_single.get(kind, False) for kind in kinds):
            return tuple(columns[kind][0] for kind in kinds), kinds
    return None


def _find_unnamed(table: Table, reserved: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Find year, month and day, and perhaps hour and minute, in the first columns of a table without names."""
    names, kinds = list[str](), list[str]()
    for name in table.frame.columns:
        kind = guess_kind(table, name, kinds[-1] if kinds else "") if is_unnamed(name) else ""
        if not kind or name in reserved or (len(kinds) > 2 and not _distinguishes(table.frame, names, [name])):
            break
        names.append(name)
        kinds.append(kind)
    return (tuple(names), tuple(kinds)) if tuple(kinds[:3]) == _DAYS[1] else None


def _distinguishes(frame: pd.DataFrame, days: str | list[str], others: list[str]) -> bool:
    """Return True if days are repeated, and other columns at least double the number of distinct times."""
    names = [days] if isinstance(days, str) else days
    distinct = 1 - float(frame.duplicated(names).mean())
    return distinct <= 1 - _MIN_REPEATED_SHARE and 1 - float(frame.duplicated([*names, *others]).mean()) >= 2 * distinct


def _refuse_steps_of_day(table: Table, dates: list[str], reserved: frozenset[str]) -> None:
    """Refuse a column that counts from row to row through 24, 48 or 96 numbers: times of day, or as many series."""
    frame = table.frame
    for name in frame.columns:
        column = frame[name]
        if name in reserved or column.dtype.kind != "i" or names_things(name) or kind_of(table, name):
            continue
        values = column.to_numpy()
        low, high = int(values.min()), int(values.max())
        count = high - low + 1
        if low not in (0, 1) or count not in _PERIODS_PER_DAY or len(values) < 2 * count:
            continue
        step = np.diff(values)
        is_counting = float(((step == 1) | (step == low - high)).mean()) >= _MIN_COUNTING_SHARE
        if is_counting and _distinguishes(frame, dates[0], [name]) and _has_no_clock(table, dates[0]):
            joint = SEPARATOR.join((dates[0], name))
            raise UsageError(
                f"{table.source}: column {name!r} counts to {high} on each day: times of day, or {count} series",
                hint=f"pass --time {quote_value(joint)} for times of day, or --id {quote_value(name)} for series",
            )


def _has_no_clock(table: Table, name: str) -> bool:
    column = table.frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return not column.cat.categories[:50].astype(str).str.contains(":").any()
    if column.dtype.kind == "i":
        return True
    return bool((column.dropna().dt.normalize() == column.dropna()).all())


def _join(table: Table, names: tuple[str, ...], kinds: tuple[str, ...]) -> Table:
    date_format = table.format.date_format
    values = {kind: values_of(table, name, kind) for name, kind in zip(names, kinds, strict=True) if kind != "date"}
    if "date" in kinds:
        dates = times.parse_times(table, names[kinds.index("date")])
        stamps, date_format = dates.stamps, dates.format
    else:
        stamps = _to_days(values)
    is_missing = stamps == NO_TIME
    is_elapsed = _counts_hours_since_midnight(values)
    zone = table.format.zone if is_elapsed else None
    if is_elapsed and zone is None:
        raise _long_day_error(table, names, stamps, values)
    if zone is not None:
        stamps = np.where(is_missing, NO_TIME, days_to_utc(np.where(is_missing, 0, stamps), zone))
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
    column = pd.Series(stamps.astype("datetime64[us]"))
    frame.insert(0, joint, column if zone is None else column.dt.tz_localize("UTC").dt.tz_convert(zone))
    ending = next((kind for kind in ("hour", "period") if _is_ending(values, kind)), None)
    start = f"; {ending} 1 starts at midnight" if ending else ""
    note = f"{', '.join(names[:-1])} and {names[-1]} are the time together{start}; --time names another column"
    return replace(
        table,
        frame=frame,
        notes=(*table.notes, note),
        format=table.format.model_copy(update={"date_format": date_format}),
    )


def _to_days(values: dict[str, Floats64]) -> Ints:
    """Return midnight of the first day that the parts name."""
    year = values["year"]
    if "week" in values:
        return weeks_to_stamps(year, values["week"])
    if "dayofyear" in values:
        january = to_stamps(year, np.ones_like(year), np.ones_like(year))
        stamps = january + ((values["dayofyear"] - 1) * DAY).astype(np.int64)
        is_same_year = stamps.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970 == year
        return np.where((january != NO_TIME) & is_same_year, stamps, NO_TIME)
    if "quarter" in values:
        month = 3 * values["quarter"] - 2
    elif "half" in values:
        month = 6 * values["half"] - 5
    else:
        month = values.get("month", np.ones_like(year))
    return to_stamps(year, month, values.get("day", np.ones_like(year)))


def _is_ending(values: dict[str, Floats64], kind: str) -> bool:
    """Return True for hours from 1 to 24 and periods from 1 on, which end at their number."""
    numbers = values.get(kind)
    return numbers is not None and bool(numbers.min() >= 1 and (kind == "period" or numbers.max() in (24, 25)))


def _counts_hours_since_midnight(values: dict[str, Floats64]) -> bool:
    """Return True for hours or periods beyond those of 24 hours, as on the day when clocks go back."""
    if "period" in values:
        return bool(values["period"].max() > _periods_per_day(values["period"]))
    return bool("hour" in values and values["hour"].max() > _HOURS_PER_DAY)


def _long_day_error(table: Table, names: tuple[str, ...], days: Ints, values: dict[str, Floats64]) -> DataError:
    kind = "period" if "period" in values else "hour"
    numbers = values[kind]
    most = _periods_per_day(numbers) if kind == "period" else _HOURS_PER_DAY
    zone = find_zone_of_long_days(days[numbers > most]) or "Europe/Berlin"
    row = int(np.flatnonzero(numbers > most)[0])
    return DataError(
        f"{table.source}: columns {SEPARATOR.join(names)}, {table.place(row)}: {kind} {numbers[row]:.0f} of a day that "
        f"has {most} elsewhere: clocks went back",
        hint=f"pass --zone {zone}, or the time zone of the table if it is another",
    )


def _periods_per_day(numbers: Floats64) -> int:
    return next(
        (count for count in _PERIODS_PER_DAY if numbers.max() <= count + count // _HOURS_PER_DAY), _PERIODS_PER_DAY[-1]
    )


def _offsets(values: dict[str, Floats64]) -> list[Ints]:
    """Return the microseconds that parts of a day add to its midnight, for each row; -1 where a row has none."""
    offsets = []
    if "clock" in values:
        offsets.append(values["clock"])
    if "hour" in values:
        offsets.append((values["hour"] - _is_ending(values, "hour")) * HOUR)
    if "minute" in values:
        offsets.append(values["minute"] * MINUTE)
    if "period" in values:
        period = values["period"]
        length = DAY // _periods_per_day(period)
        offsets.append((period - _is_ending(values, "period")) * length)
    return [np.where(np.isnan(each), -1, np.nan_to_num(each)).astype(np.int64) for each in offsets]
