"""Tables as workbooks of Excel, written by the package `openpyxl`."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.errors import DependencyError, OutputError

_MAX_ROWS = 1_048_575  # A sheet has one more, for the header.


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

    Text stays text, also if it begins with `=`; NaN becomes an empty cell. An OSError passes.

    Raises: OutputError: there are more rows than a sheet has.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]

    book = Workbook(write_only=True)
    sheet = book.create_sheet("forecasts")

    def to_cell(value: object) -> object:
        if isinstance(value, float | np.floating):
            return float(value) if np.isfinite(value) else None
        if isinstance(value, int | np.integer):
            return int(value)
        cell = WriteOnlyCell(sheet, value=str(value))
        cell.data_type = "s"
        return cell

    count = 0
    for frame in frames:
        if not count:
            sheet.append([to_cell(name) for name in frame.columns])
        count += len(frame)
        if count > _MAX_ROWS:
            raise OutputError(
                f"a sheet has {_MAX_ROWS:,} rows, and the table has more", hint="write a .csv or .parquet file"
            )
        for row in frame.itertuples(index=False):
            sheet.append([to_cell(value) for value in row])
    with path.open("wb") as file:
        book.save(file)
        file.flush()
        os.fsync(file.fileno())
