"""The decimal mark of each column of a table, from all its words, the other columns, and the format of the file."""

import re
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.config.table_format import DecimalMark
from forecaster.data.cells.number_formats import Marks, find_marks, numeric_share, parse_numbers
from forecaster.data.table import Table
from forecaster.errors import UsageError

_POINT_DATE = re.compile(r" *\d{1,2}\.(\d{1,2}\.)?\d{2,4}\b.*")
_PROBE_ROWS = 1000
_SAMPLE_ROWS = 50_000
_MIN_FRACTIONS = 30  # Of so many numbers with thousands, one ends with another digit than zero.


def decide_decimals(table: Table) -> Table:
    """Decide the decimal mark of each column that contains numbers with a mark.

    The format of the table wins. Otherwise all words of a column decide; if they allow two marks, the other columns
    do, and then the habits of a file: semicolons and dates such as 31.12.2021 go with a decimal comma.

    Returns: the table, with the marks in its format and a note for each mark that was a choice.
    Raises: UsageError: two marks are equally likely; the hint names both flags.
    """
    if table.format.decimal is not None and not isinstance(table.format.decimal, dict):
        return _reread_commas(table)
    known = dict(table.format.decimal or {})
    table = _reread_commas(table)
    points = [name for name in table.frame.columns if table.frame[name].dtype.kind == "f" and name not in known]
    marks = _find_marks_of_text(table, known, has_points=bool(points))
    habit = _find_habit(table, marks, known)
    table, grouped = _read_grouped(table, points, habit)
    marks |= grouped
    decimals = {name: _choose(table, name, each, habit) for name, each in marks.items()}
    notes = [_describe(name, each.example, decimals[name]) for name, each in marks.items() if each.example]
    known |= decimals
    known |= {name: "." for name in points if name not in known and _has_fractions(table.frame[name])}
    distinct = set(known.values())
    decimal = distinct.pop() if len(distinct) == 1 else known or None
    return replace(table, format=table.format.model_copy(update={"decimal": decimal}), notes=(*table.notes, *notes))


def _find_marks_of_text(table: Table, known: dict[str, DecimalMark], *, has_points: bool) -> dict[str, Marks]:
    """Find the decimal marks of the columns of text that contain numbers with a mark.

    Args:
        known: the marks that are known already.
        has_points: True if other columns have decimal points.
    """
    marks = {}
    for name in table.frame.columns:
        column = table.frame[name]
        if name in known or not isinstance(column.dtype, pd.CategoricalDtype) or not _has_digits(table, name):
            continue
        column_marks = find_marks(column.cat.categories)
        # Cells such as "0,1" beside a plain 0.5 are codes, if commas separate the cells.
        is_code = has_points and table.format.delimiter == "," and column_marks.decimal == ","
        if column_marks.decimal and not is_code and _is_numeric(table, name, column_marks.decimal):
            marks[name] = column_marks
    return marks


def _read_grouped(table: Table, points: list[str], habit: DecimalMark | None) -> tuple[Table, dict[str, Marks]]:
    """Read columns again as text whose points may separate thousands, and find their decimal marks."""
    doubtful = [name for name in points if _may_group(table.frame[name], is_continental=habit != ".")]
    if not doubtful or table.reread is None:
        return table, {}
    texts = table.reread(doubtful)
    marks = {name: find_marks(texts[name].cat.categories) for name in doubtful}
    marks = {
        name: each for name, each in marks.items() if each.decimal == "," or (not each.is_certain and habit != ".")
    }
    return replace(table, frame=table.frame.assign(**{name: texts[name] for name in marks})), marks


def _reread_commas(table: Table) -> Table:
    """Read numbers again as text where the format has a decimal comma, since the parser knows only the point."""
    columns = table.frame.columns
    commas = [name for name in columns if table.frame[name].dtype.kind == "f" and table.decimal_of(name) == ","]
    if not commas or table.reread is None:
        return table
    texts = table.reread(commas)
    return replace(table, frame=table.frame.assign(**{name: texts[name] for name in commas}))


def _is_numeric(table: Table, name: str, decimal: DecimalMark) -> bool:
    return numeric_share(table.frame[name], decimal, table.format.na) >= 0.5


def _has_digits(table: Table, name: str) -> bool:
    words = table.frame[name].cat.categories[:_PROBE_ROWS]
    return any(any(letter.isdigit() for letter in str(word)) for word in words)


def _has_fractions(column: pd.Series) -> bool:
    values = column.to_numpy(np.float64)
    with np.errstate(invalid="ignore"):
        return any(bool((part - np.floor(part) > 0).any()) for part in (values[:_PROBE_ROWS], values))


def _may_group(column: pd.Series, *, is_continental: bool) -> bool:
    """Return True if the numbers of a column may have been written with points between thousands."""
    values = column.to_numpy(np.float64)
    sample = values[:: max(len(values) // _SAMPLE_ROWS, 1)]
    for part in (values[:_PROBE_ROWS], sample, values):
        thousandths = part[np.isfinite(part)] * 1000
        if (np.abs(thousandths - np.round(thousandths)) > 1e-6 * np.maximum(np.abs(thousandths), 1)).any():
            return False
        if (np.abs(thousandths[thousandths % 1000 != 0]) >= 1e6).any():
            return False
        fractions = thousandths % 1000 != 0
        # Thousands would not all end with a zero.
        if (np.round(thousandths) % 10 == 0).all() and (part is values or fractions.sum() >= _MIN_FRACTIONS):
            return False
    return bool(fractions.any()) and (is_continental or bool((np.abs(thousandths[~fractions]) >= 1e5).any()))


def _find_habit(table: Table, marks: dict[str, Marks], known: dict[str, DecimalMark]) -> DecimalMark | None:
    """Return the decimal mark that the rest of the file suggests; None if it suggests none."""
    certain = [each.decimal for each in marks.values() if each.is_certain] + list(known.values())
    if certain:
        return "," if certain.count(",") > certain.count(".") else "."
    if table.format.delimiter in (None, ","):
        return "."
    texts = [name for name in table.frame.columns if isinstance(table.frame[name].dtype, pd.CategoricalDtype)]
    has_point_dates = any(
        all(_POINT_DATE.fullmatch(str(word)) for word in table.frame[name].cat.categories[:20]) for name in texts
    )
    if table.format.delimiter == ";":
        return "," if has_point_dates else None
    return "," if has_point_dates else "."


def _choose(table: Table, name: str, marks: Marks, habit: DecimalMark | None) -> DecimalMark:
    assert marks.decimal is not None
    if marks.is_certain:
        return marks.decimal
    if habit is not None:
        return habit
    if marks.decimal == ",":
        return ","  # a semicolon between cells leaves the comma to numbers
    example = str(marks.example)
    values = [parse_numbers(pd.Index([example]), mark)[0][0] for mark in ".,"]
    raise UsageError(
        f"{table.source}: column {name!r}: {example!r} may be {values[0]:g} or {values[1]:g}, and no cell decides",
        hint=f"pass {shlex.join(['--decimal', '.'])} for {values[0]:g}, or {shlex.join(['--decimal', ','])} "
        f"for {values[1]:g}",
    )


def _describe(name: str, example: str, decimal: DecimalMark) -> str:
    value = parse_numbers(pd.Index([example]), decimal)[0][0]
    mark = "." if "." in example else ","
    reason = "is the decimal mark" if mark == decimal else "groups thousands"
    other = "." if decimal == "," else ","
    return f"{name}: read {example} as {value:g}: '{mark}' {reason}; --decimal {other} overrides"
