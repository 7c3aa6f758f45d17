"""Tables whose columns are times: each row is a series, and a long table is made of them."""

from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.data.cells import time_formats
from forecaster.data.cells.number_formats import parse_numbers
from forecaster.data.cells.times import is_time
from forecaster.data.grid.regularity import ordered_share, regular_share
from forecaster.data.table import Part, Table

_MIN_TIMES = 3
_MIN_TIMES_SHARE = 0.5
_MIN_NUMBERS_SHARE = 0.5
_MIN_REGULAR = 0.5  # share of the most frequent step
_NAME_SEPARATOR = "/"
TIME, ID, VALUE = "time", "unique_id", "y"


def is_transposed(table: Table) -> bool:
    """Return True if most columns are named by distinct times, and contain numbers."""
    return bool(_list_times(table))


def transpose(table: Table) -> Table:
    """Return a long table with a row for each series and time, in the order of the series.

    A series is named by the columns of text that differ between rows, joined by a slash; of columns that name the same
    series twice only the first one counts.

    Args:
        table: with columns that are named by times.
    """
    times = _list_times(table)
    frame = table.frame
    names = _name_series(frame[[name for name in frame.columns if name not in times]])
    numbers = frame[times]
    count = len(times)
    stamps = time_formats.parse(pd.Index(times, dtype=object)).stamps
    cells = numbers.to_numpy(object if _has_text(numbers) else np.float64).reshape(-1)
    long = pd.DataFrame(
        {
            ID: pd.Categorical.from_codes(np.repeat(np.arange(len(frame)), count), categories=names),
            TIME: np.tile(stamps, len(frame)).astype("datetime64[us]"),
            VALUE: pd.Series(cells).astype("string").astype("category") if cells.dtype == object else cells,
        }
    )
    parts = tuple(
        Part(part.name, part.first_row * count, part.lines, np.repeat(np.arange(len(frame)), count))
        for part in table.parts
    )
    note = f"the columns {times[0]} to {times[-1]} are times, and each row is a series"
    return replace(table, frame=long, parts=parts, notes=(*table.notes, note), reread=None)


def _has_text(frame: pd.DataFrame) -> bool:
    return any(isinstance(dtype, pd.CategoricalDtype) for dtype in frame.dtypes)


def _list_times(table: Table) -> list[str]:
    """List the columns that are named by times; none if they are few, or contain no numbers."""
    columns = list(table.frame.columns)
    if len(columns) < _MIN_TIMES:
        return []
    words = pd.Index(columns, dtype=object)
    sample = words[-100:]
    if not time_formats.has_date_format(sample, share=_MIN_TIMES_SHARE):
        return []
    parsed = time_formats.parse(words)
    times = [name for name, is_time in zip(columns, parsed.is_time, strict=True) if is_time]
    stamps = parsed.stamps[parsed.is_time]
    if len(times) < max(_MIN_TIMES, _MIN_TIMES_SHARE * len(columns)) or len(np.unique(stamps)) < len(stamps):
        return []
    others = [table.frame[name] for name in columns if name not in times]
    if regular_share(stamps) < _MIN_REGULAR or ordered_share(stamps) < 1 or any(map(is_time, others)):
        return []
    return times if all(_contains_numbers(table.frame[name]) for name in times) else []


def _contains_numbers(column: pd.Series) -> bool:
    """Return True for numbers with any decimal mark, or no values."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.dtype.kind in "if"
    words = column.cat.categories
    return any(parse_numbers(words, mark)[1].mean() >= _MIN_NUMBERS_SHARE for mark in (".", ","))


def _name_series(frame: pd.DataFrame) -> pd.Index:
    """Return a distinct name for each row."""
    names: list[str] | None = None
    for column in frame.columns:
        words = frame[column].astype(object).where(frame[column].notna(), "").astype(str).tolist()
        if len(set(words)) == 1 and len(frame) > 1:
            continue
        if names is None:
            names = words
        elif len(set(names)) < len(frame) or "" in names:
            names = [_NAME_SEPARATOR.join(filter(None, pair)) for pair in zip(names, words, strict=True)]
    if names is None:
        names = [str(number + 1) for number in range(len(frame))]
    if len(set(names)) < len(names):
        names = [f"{name}{_NAME_SEPARATOR}{number + 1}" for number, name in enumerate(names)]
    return pd.Index(names, dtype=object)
