"""Tables whose columns are times, such as dates, months or hours: a long table is made of them."""

import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.data.cells import time_formats
from forecaster.data.cells.day_order import to_stamps
from forecaster.data.cells.month_names import find_month_numbers
from forecaster.data.cells.number_formats import parse_numbers
from forecaster.data.cells.times import is_time, parse_times
from forecaster.data.grid.regularity import ordered_share, regular_share
from forecaster.data.table import Part, Table
from forecaster.frequency import DAY, HOUR, MINUTE

_MIN_TIMES = 3
_MIN_TIMES_SHARE = 0.5
_MIN_NUMBERS_SHARE = 0.5
_MIN_REGULAR = 0.5  # share of the most frequent step
_NAME_SEPARATOR = "/"
_MONTHS = 12
_YEARS = (1500, 2200)
_TIMES_PER_DAY = (24, 48, 96)
_CLOCK_NAME = re.compile(
    r"(?P<letters>h|he|hr|hour|std|stunde)?[ _.]?(?P<hour>\d{1,2})(?:[:h](?P<minute>\d{2}))?", re.IGNORECASE
)
TIME, ID, VALUE = "time", "unique_id", "y"


def make_long(table: Table) -> Table:
    """Return a long table if the columns of a table are times: months of a year, hours of a day, or dates.

    Where the columns are dates, each row is a series. It is named by the columns of text that differ between rows,
    joined by a slash; of columns that name the same series twice only the first one counts.
    """
    if times := _list_times(table):
        return _transpose(table, times)
    grid = _find_grid(table)
    return table if grid is None else _unfold(table, grid)


def _transpose(table: Table, times: list[str]) -> Table:
    frame = table.frame
    names = _name_series(frame[[name for name in frame.columns if name not in times]])
    stamps = time_formats.parse(pd.Index(times, dtype=object)).stamps
    long = pd.DataFrame(
        {
            ID: pd.Categorical.from_codes(np.repeat(np.arange(len(frame)), len(times)), categories=names),
            TIME: np.tile(stamps, len(frame)).astype("datetime64[us]"),
            VALUE: _cells_of(frame[times]),
        }
    )
    note = f"the columns {times[0]} to {times[-1]} are times, and each row is a series"
    return _replace_frame(table, long, len(times), note)


@dataclass(frozen=True)
class _Grid:
    """A table with a row for each year or day, and a column for each month or time of day.

    Attributes:
        base: the column with the years or the days.
        columns: of the months or times of day, in their order.
        offsets: [C] number of each month, or microseconds since midnight.
        unit: for the note.
    """

    base: str
    columns: list[str]
    offsets: npt.NDArray[np.int64]
    unit: str


def _find_grid(table: Table) -> _Grid | None:
    names = [str(name) for name in table.frame.columns]
    words = [name for name in names if name.rstrip(".").isalpha()]
    months = find_month_numbers(words) if len(words) >= _MONTHS else {}
    columns = {months[name.lower()]: name for name in names if name.lower() in months}
    if len(columns) == _MONTHS and (base := _find_years(table)) is not None:
        ordered = sorted(columns)
        return _checked(table, _Grid(base, [columns[each] for each in ordered], np.array(ordered), "months"))
    clocks = {name: offset for name in names if (offset := _parse_clock(name)) is not None}
    if clocks and max(clocks.values()) == DAY:
        clocks = {name: offset - HOUR for name, offset in clocks.items()}  # hours from 1 to 24 end at their number
    days = [name for name in names if name not in clocks and is_time(table.frame[name])]
    offsets = np.array(list(clocks.values()))
    step = DAY // len(clocks) if len(clocks) in _TIMES_PER_DAY else 0
    if len(days) == 1 and step and np.array_equal(offsets, step * np.arange(len(clocks))):
        return _checked(table, _Grid(days[0], list(clocks), offsets, "times of day"))
    return None


def _checked(table: Table, grid: _Grid) -> _Grid | None:
    return grid if all(_contains_numbers(table.frame[name]) for name in grid.columns) else None


def _find_years(table: Table) -> str | None:
    """Return the first column of years."""
    for name in table.frame.columns:
        column = table.frame[name]
        if column.dtype.kind == "i" and len(column) and _YEARS[0] <= column.min() and column.max() < _YEARS[1]:
            return str(name)
    return None


def _parse_clock(name: str) -> int | None:
    """Return the time of day that names a column, such as `H01`, `HE24` and `07:30`, in microseconds."""
    match = _CLOCK_NAME.fullmatch(name.strip())
    if match is None or not (match["letters"] or match["minute"]):
        return None
    offset = int(match["hour"]) * HOUR + int(match["minute"] or 0) * MINUTE
    return offset if offset <= DAY else None


def _unfold(table: Table, grid: _Grid) -> Table:
    frame, count = table.frame, len(grid.columns)
    if grid.unit == "months":
        year = np.repeat(frame[grid.base].to_numpy(np.float64), count)
        stamps = to_stamps(year, np.tile(grid.offsets, len(frame)).astype(np.float64), np.ones_like(year))
    else:
        stamps = np.repeat(parse_times(table, grid.base).stamps, count) + np.tile(grid.offsets, len(frame))
    others = [name for name in frame.columns if name not in (grid.base, *grid.columns)]
    ids = [name for name in others if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    if frame[grid.base].duplicated().any():  # several series, which numbers may name
        numbers = [name for name in others if frame[name].dtype.kind == "i"]
        codes = [name for name in numbers if not frame.duplicated([name, grid.base]).any()]
        frame = frame if table.reread is None or not codes else frame.assign(**table.reread(codes))
        ids += codes
    long = frame[ids].loc[frame.index.repeat(count)].reset_index(drop=True)
    long[TIME] = stamps.astype("datetime64[us]")
    long[VALUE] = _cells_of(frame[grid.columns])
    left_out = ", ".join(name for name in others if name not in ids)
    note = f"the columns {grid.columns[0]} to {grid.columns[-1]} are {grid.unit} of {grid.base}"
    return _replace_frame(table, long, count, f"{note}; left out: {left_out}" if left_out else note)


def _cells_of(numbers: pd.DataFrame) -> npt.NDArray[np.float64] | pd.Series:
    """Return the cells row by row."""
    cells = numbers.to_numpy(object if _has_text(numbers) else np.float64).reshape(-1)
    return pd.Series(cells).astype("string").astype("category") if cells.dtype == object else cells


def _replace_frame(table: Table, frame: pd.DataFrame, count: int, note: str) -> Table:
    """Replace the rows of a table by `count` rows for each of them."""
    rows = len(table.frame)
    parts = tuple(
        Part(part.name, part.first_row * count, part.lines, np.repeat(np.arange(rows), count)) for part in table.parts
    )
    return replace(table, frame=frame, parts=parts, notes=(*table.notes, note), reread=None)


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
