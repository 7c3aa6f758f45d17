"""The time column of a table, among columns of dates, of numbers that are times, and of steps."""

import re
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from forecaster.config import DataConfig
from forecaster.data.cells.month_names import needs_languages
from forecaster.data.cells.number_formats import numeric_share
from forecaster.data.cells.time_integers import DATE_WORDS, find_times
from forecaster.data.cells.times import HINT_WITHOUT_TIME, is_time, parse_times
from forecaster.data.grid.regularity import regular_share
from forecaster.data.table import Table
from forecaster.errors import DataError, UsageError, did_you_mean, quote_value

Kind = Literal["number", "flag", "time", "text", "empty"]

TIME_NAMES = ("ds", "time", "date", "datetime", "timestamp")
STEP_NAMES = (*TIME_NAMES, "t", "step", "index", "period", "epoch", "year")
CALENDAR_NAMES = ("year", "quarter", "month", "week", "weekday", "dayofweek", "dayofyear", "day", "hour", "minute")
MIN_REGULAR = 0.5  # share of the most frequent step in a column of numbers that are times

_SCORE_MARGIN = 0.05
_PROBE_ROWS = 1000
_MIN_DIGITS_SHARE = 0.8
_MIN_EVEN_SHARE = 0.95  # share of intervals of equal length; a clock change makes others


def find_time(table: Table, config: DataConfig) -> str | None:
    """Return the time column, as `find_roles` finds it; None if there is none, or several could be it."""
    try:
        used = {*config.past, *config.known, *config.static}
        names = [name for name in table.frame.columns if name not in used]
        kinds = {name: find_kind(table, name) for name in names}
        return choose_time(table, kinds, config)
    except (DataError, UsageError):
        return None


def choose_time(table: Table, kinds: dict[str, Kind], config: DataConfig) -> str | None:
    """Choose the time column; None if rows are steps.

    Args:
        kinds: the kind of each column that has no other role.

    Raises:
        UsageError: the config names a column that does not exist, or several columns could be the time.
        DataError: no column contains times.
    """
    if config.time == "none" and "none" not in kinds:
        return None
    if config.time:
        check_column(table, "--time", config.time)
        return config.time
    candidates = [each for each in _list_times(table, kinds, config) if each.name != config.id]
    if not candidates:
        steps = _find_steps(table, kinds, config)
        if not steps:
            raise _no_time_error(table, kinds)
        candidates = [_TimeColumn(name) for name in steps]
    for names in (("ds",), TIME_NAMES):
        named = [each.name for each in candidates if each.name.lower() in names]
        if len(named) == 1:
            return named[0]
    best = max(candidates, key=lambda each: each.score)
    rivals = [each.name for each in candidates if each is not best and each.score > best.score - _SCORE_MARGIN]
    if not rivals or is_unnamed(best.name):
        return best.name
    if start := _find_start(table, [best.name, *rivals]):
        return start
    raise UsageError(
        f"{table.source}: several columns could be the time: {', '.join([best.name, *rivals])}",
        hint=f"pass --time {quote_value(best.name)}",
    )


def _find_start(table: Table, names: list[str]) -> str | None:
    """Return the column with the starts of intervals whose ends the other columns have; None for other times."""
    try:
        stamps = {name: parse_times(table, name).stamps for name in names}
    except (DataError, UsageError):
        return None
    first = min(stamps, key=lambda name: int(stamps[name][0]))
    for each in stamps.values():
        sizes, counts = np.unique(each - stamps[first], return_counts=True)
        if counts.max() < _MIN_EVEN_SHARE * len(each) or sizes[counts.argmax()] < 0:
            return None
    return first


def _no_time_error(table: Table, kinds: dict[str, Kind]) -> DataError:
    """Make the error for a table without times, which suggests to count the rows only if no column may be a time."""
    for name, kind in kinds.items():
        column = table.frame[name]
        if kind == "text" and _looks_like_time(column, name):
            hint = f"pass --time {quote_value(name)} and --date-format with the format, such as '%d.%m.%Y %H:%M'"
            if needs_languages(map(str, column.cat.categories[:_PROBE_ROWS])):
                hint = f"for names of months in other languages than English: pip install babel; else {hint}"
            return DataError(
                f"{table.source}: column {name!r} may be the time, but {str(column.dropna().iloc[0])[:40]!r} "
                "has no known format",
                hint=hint,
            )
    return DataError(
        f"{table.source}: no column contains times{describe_columns(table, kinds)}", hint=HINT_WITHOUT_TIME
    )


def _looks_like_time(column: pd.Series, name: str) -> bool:
    """Return True for text most of which has digits, and which differs from row to row or has the name of a time."""
    words = column.cat.categories
    has_digits = np.mean([any(letter.isdigit() for letter in str(word)) for word in words[:_PROBE_ROWS]])
    is_named = any(word in name.lower() for word in DATE_WORDS)
    return bool(has_digits >= _MIN_DIGITS_SHARE and (2 * len(words) > len(column) or is_named))


class _TimeColumn(NamedTuple):
    """A column that could be the time.

    Attributes:
        name: its name.
        score: the share of the most frequent step, and of distinct values; at most 2.
    """

    name: str
    score: float = 0.0


def _list_times(table: Table, kinds: dict[str, Kind], config: DataConfig) -> list[_TimeColumn]:
    """List the columns of dates, and those of numbers that are times at even distances."""
    used = {*(config.target or ()), *({config.id} if config.id else ())}
    names = [name for name, kind in kinds.items() if kind == "time" and name not in used]
    if len(names) == 1 and _varies(table.frame[names[0]]):
        return [_TimeColumn(names[0])]
    columns = [_TimeColumn(name, _score(table, name)) for name in names if _varies(table.frame[name])]
    for type_of_number in "if":
        if columns:
            break
        for name, kind in kinds.items():
            column = table.frame[name]
            is_candidate = kind == "number" and name not in used and column.dtype.kind == type_of_number
            if is_candidate and not column.isna().any():
                times = find_times(column.to_numpy(np.float64), name)
                if times is not None and times.format != "integer" and times.regularity >= MIN_REGULAR:
                    columns.append(_TimeColumn(name, times.regularity + column.nunique() / len(column)))
    return columns


def _varies(column: pd.Series) -> bool:
    return len(column) < 2 or column.iloc[:_PROBE_ROWS].nunique() > 1 or column.nunique() > 1


def _score(table: Table, name: str) -> float:
    column = table.frame[name]
    distinct = column.nunique() / len(column)
    try:
        stamps = parse_times(table, name).stamps
    except (DataError, UsageError):
        return distinct
    return regular_share(stamps) + distinct


def is_unnamed(name: str) -> bool:
    """Return True for the name of a column in a file without a header."""
    return bool(re.fullmatch(r"column\d+", name))


def _find_steps(table: Table, kinds: dict[str, Kind], config: DataConfig) -> list[str]:
    """List the integer columns that could count steps: by name, else the first column if its steps are equal."""
    used = {config.id, *(config.target or ())}
    integers = [name for name in kinds if table.frame[name].dtype.kind == "i" and name not in used]
    for names in (STEP_NAMES, CALENDAR_NAMES):
        named = [name for name in integers if name.lower() in names]
        if named:
            return named
    first = table.frame.columns[0]
    others = [name for name, kind in kinds.items() if kind == "number" and name != first]
    return [first] if first in integers and others and is_even(table.frame[first]) else []


def is_even(column: pd.Series) -> bool:
    """Return True if all steps of a column of integers are equal, and not 0."""
    steps = np.diff(column.to_numpy())
    return len(steps) > 0 and steps[0] != 0 and bool((steps == steps[0]).all())


def find_kind(table: Table, name: str) -> Kind:
    """Return the kind of a column; text counts as numbers if at least half of its rows are numbers."""
    column, date_format = table.frame[name], table.format.date_format
    if column.iloc[:_PROBE_ROWS].isna().all() and column.isna().all():
        return "empty"
    if isinstance(column.dtype, pd.CategoricalDtype):
        if numeric_share(column, table.decimal_of(name)) >= 0.5:
            return "number"
        return "time" if is_time(column, date_format) else "text"
    if is_time(column):
        return "time"
    return "flag" if column.dtype.kind == "b" else "number"


def check_column(table: Table, option: str, name: str | None) -> None:
    """Check that a column exists.

    Args:
        option: the flag that names the column, for messages.

    Raises: UsageError: there is no such column.
    """
    columns = list(table.frame.columns)
    if name is not None and name not in columns:
        raise UsageError(
            f"{table.source}: {option}: no column {name!r}{did_you_mean(name, columns)}",
            hint=f"columns are {', '.join(columns[:20])}{' ...' if len(columns) > 20 else ''}",
        )


def describe_columns(table: Table, kinds: dict[str, Kind]) -> str:
    """Describe the first column that is not numeric, else list the columns; for the end of an error."""
    for name, kind in kinds.items():
        if kind == "text":
            return f"; {name!r} contains text such as {str(table.frame[name].dropna().iloc[0])[:40]!r}"
        if kind == "empty":
            return f"; {name!r} contains no values"
    return f"; columns are {', '.join(kinds)[:200]}"
