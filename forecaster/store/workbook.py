"""Tables as workbooks of Excel, written by the package `openpyxl`."""

import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.errors import DependencyError, OutputError

_MAX_ROWS = 1_048_575  # A sheet has one more, for the header.
_TIMES = ("ds", "cutoff")
_ZONE = r"(?:Z|[+-]\d\d:?\d\d)$"
_FIRST_YEAR = 1900  # The calendar of Excel begins in it, with a leap day that did not exist.
_ROWS_MEASURED = 1000
_MAX_WIDTH = 40
_FILTER_WIDTH = 3


def require() -> None:
    """Check that `openpyxl` is installed.

    Raises: DependencyError: it is not.
    """
    try:
        import openpyxl  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "a workbook needs the package openpyxl", hint="pip install openpyxl, or write a .csv file"
        ) from error


def write_workbook(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    """Write frames with the same columns below each other on one sheet, and wait until they are on disk.

    Columns of times without a zone become dates, text stays text, also if it begins with `=`, and NaN becomes an empty
    cell. Numbers have all their digits, of which a cell shows about four. The header stays in view and has filters. An
    OSError passes.

    Raises: OutputError: there are more rows than a sheet has.
    """
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]

    book = Workbook(write_only=True)
    sheet = book.create_sheet("forecasts")
    sheet.freeze_panes = "A2"
    count, formats = 0, list[str | None]()
    for frame in frames:
        columns = [_to_dates(frame[name]) for name in frame.columns]
        if not count:
            formats = [_choose_format(column) for column in columns]
            for number, width in enumerate(map(_measure, columns, formats), 1):
                sheet.column_dimensions[get_column_letter(number)].width = width
            sheet.append([_to_cell(sheet, name, is_bold=True) for name in frame.columns])
        count += len(frame)
        if count > _MAX_ROWS:
            raise OutputError(
                f"a sheet has {_MAX_ROWS:,} rows, and the table has more", hint="write a .csv or .parquet file"
            )
        for row in zip(*columns, strict=True):
            sheet.append([_to_cell(sheet, value, form) for value, form in zip(row, formats, strict=True)])
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(formats))}{count + 1}"
    with path.open("wb") as file:
        book.save(file)
        file.flush()
        os.fsync(file.fileno())


def _to_dates(column: pd.Series) -> pd.Series:
    """Return a column of ISO 8601 text without a zone as times; any other column, and times before 1900, as it is."""
    if column.name not in _TIMES or column.dtype.kind in "iuf" or not len(column):
        return column
    times = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    has_zone = column.str.contains(_ZONE).any()
    if has_zone or times.isna().any() or times.min().year <= _FIRST_YEAR:
        return column
    return times.dt.tz_localize(None).rename(column.name)


def _choose_format(column: pd.Series) -> str | None:
    """Return the format in which Excel shows the cells of a column; None for text and whole numbers."""
    if column.dtype.kind == "M":
        has_clock = bool((column != column.dt.normalize()).any())
        return "yyyy-mm-dd hh:mm:ss" if has_clock else "yyyy-mm-dd"
    if column.dtype.kind != "f":
        return None
    largest = float(column.abs().max())
    decimals = 0 if not largest or math.isnan(largest) else min(max(3 - math.floor(math.log10(largest)), 0), 10)
    return "#,##0" + (f".{'0' * decimals}" if decimals else "")


def _measure(column: pd.Series, form: str | None) -> int:
    """Return the width of a column in characters, by its name and its first cells."""
    if column.dtype.kind == "f":
        longest = len(f"{column.abs().max():,.0f}") + len(form or "") - len("#,##0") + 1
    else:
        longest = len(form) if form else max(map(len, map(str, column.head(_ROWS_MEASURED))), default=0)
    return min(max(longest, len(str(column.name)) + _FILTER_WIDTH), _MAX_WIDTH) + 1


def _to_cell(sheet: object, value: object, form: str | None = None, *, is_bold: bool = False) -> object:
    from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]
    from openpyxl.styles import Font  # type: ignore[import-untyped]

    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return None
    is_text = not isinstance(value, float | np.floating | pd.Timestamp)
    cell = WriteOnlyCell(sheet, value=str(value) if is_text else value)
    if is_text:
        cell.data_type = "s"
    if form is not None:
        cell.number_format = form
    if is_bold:
        cell.font = Font(bold=True)
    return cell
