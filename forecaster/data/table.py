"""Tables of a few column types, before the columns have roles."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from forecaster.config.table_format import DETECTED, DecimalMark, TableFormat
from forecaster.data.files.content import BLOCK_BYTES, Content
from forecaster.errors import DataError
from forecaster.frequency import Ints

MISSING_WORDS = (
    "",
    "NA",
    "N/A",
    "n/a",
    "na",
    "NaN",
    "nan",
    "NAN",
    "null",
    "NULL",
    "Null",
    "None",
    "-",
    "--",
    "?",
    "#N/A",
    "<NA>",
    "NaT",
    ".",
    ":",
    "..",
    "...",
    "---",
    "\u2013",
    "\u2014",
    "\\N",
    "n.a.",
    "N.A.",
    "(NA)",
    "k.A.",
    "k. A.",
    "n.d.",
    "missing",
    "Missing",
    "MISSING",
    "#NA",
    "-nan",
    "-NaN",
    "1.#QNAN",
    "(null)",
    "#N/A N/A",
    "#NV",
    "#DIV/0!",
    "#NAME?",
    "#NULL!",
    "#NUM!",
    "#REF!",
    "#VALUE!",
)
Reread = Callable[[list[str]], pd.DataFrame]


@dataclass(frozen=True)
class LineNumbers:
    """The lines of the rows of a file, which may have blank lines, and line breaks within cells.

    They are counted when the first one is needed, which is in an error.

    Attributes:
        content: a file as text.
        rows: the number of rows.
        above: the number of lines above the first row.
    """

    content: Content
    rows: int
    above: int

    def __getitem__(self, row: int) -> int:
        return self.above + 1 + row + int(np.searchsorted(self._later, row, side="right"))

    @cached_property
    def _later(self) -> Ints:
        """The rows, in order, from each of which on the line is one further down."""
        content = self.content
        lines = sum(content[begin : begin + BLOCK_BYTES].count(b"\n") for begin in range(0, len(content), BLOCK_BYTES))
        if lines - self.above in (self.rows, self.rows - 1):
            return np.empty(0, np.int64)
        data = np.frombuffer(content[:], np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        is_quoted = np.searchsorted(np.flatnonzero(data == ord('"')), ends) % 2 == 1
        size = np.diff(ends, prepend=-1) - 1
        is_blank = ((size == 0) | ((size == 1) & (data[ends - 1] == ord("\r")))) & ~is_quoted
        is_extra = (is_quoted | is_blank)[self.above :]
        row = np.cumsum(~is_extra) - (~is_extra)  # rows that ended before
        later: Ints = np.where(is_quoted[self.above :], row + 1, row)[is_extra]
        return later


@dataclass(frozen=True)
class Part:
    """The rows of a table that come from one file.

    Attributes:
        name: the stem of the file.
        first_row: the number of its first row in the table.
        lines: the line of each row of the file; None if the file has no lines (Parquet).
        numbers: the numbers of its rows in the file, from 0; None if they are all rows of the file, in order.
    """

    name: str
    first_row: int
    lines: LineNumbers | None
    numbers: range | Ints | None = None


@dataclass(frozen=True)
class Table:
    """The columns of a table, and the file and line of each row.

    Attributes:
        source: the source as the user named it; every error starts with it.
        frame: columns of int64, float, bool, datetime64 or, for text, category; NaN, NaT or code -1 if missing.
        parts: one or more files, in the order of their rows.
        format: the format by which the files were read.
        notes: choices in reading, for the user.
        reread: reads columns of one file again as text, to the letter; None if the types are those of the source.
    """

    source: str
    frame: pd.DataFrame
    parts: tuple[Part, ...]
    format: TableFormat = DETECTED
    notes: tuple[str, ...] = ()
    reread: Reread | None = None

    def with_format(self, fixed: TableFormat) -> "Table":
        """Return the table with the parts of a format that its own does not have."""
        own = self.format
        missing = {key: getattr(fixed, key) for key in type(own).model_fields if getattr(own, key) in (None, ())}
        return replace(self, format=own.model_copy(update=missing))

    def decimal_of(self, name: str) -> DecimalMark:
        """Return the decimal mark of a column of text; the point if nothing is known."""
        return self.format.decimal_of(name) or "."

    def place(self, row: int) -> str:
        """Return the place of a row for errors: `line 8`, `row 7` in Parquet, `b line 8` among several files."""
        part = [part for part in self.parts if part.first_row <= row][-1]
        number = row - part.first_row
        number = number if part.numbers is None else int(part.numbers[number])
        place = f"row {number + 1}" if part.lines is None else f"line {part.lines[number]}"
        return f"{part.name} {place}" if len({part.name for part in self.parts}) > 1 else place


def to_frame(columns: pa.Table) -> pd.DataFrame:
    """Convert Arrow columns to the types of `Table.frame`, and number unnamed and repeated columns."""
    plain = pa.table([_to_plain(column) for column in columns.columns], names=make_distinct(columns.column_names))
    frame: pd.DataFrame = plain.to_pandas(date_as_object=False, ignore_metadata=True)
    del plain
    pa.default_memory_pool().release_unused()
    return frame


def from_frame(source: str, frame: pd.DataFrame) -> Table:
    """Make a table of a frame with columns of any types, such as a database returns.

    Args:
        source: names the table in errors.
        frame: one row or more.

    Raises: DataError: the frame has no rows.
    """
    if not len(frame):
        raise DataError(f"{source}: has no rows", hint="provide a table with at least two rows of data")
    columns = pa.table(
        [_to_arrow(frame.iloc[:, number]) for number in range(frame.shape[1])], names=list(frame.columns)
    )
    return Table(source, to_frame(columns), (Part(source, 0, None),))


def concatenate(source: str, tables: list[Table]) -> Table:
    """Join the tables of several files, one below the other.

    Args:
        source: names the joined table in errors.
        tables: one table per file; their columns may differ in order.

    Raises: DataError: the files differ in their columns, or in the type of a column.
    """
    names = list(tables[0].frame.columns)
    parts, rows = [], 0
    for table in tables:
        part = table.parts[0]
        if set(table.frame.columns) != set(names):
            raise DataError(
                f"{source}: {part.name} has columns {', '.join(table.frame.columns)}; "
                f"{tables[0].parts[0].name} has {', '.join(names)}",
                hint="name files with equal columns, for example with a glob such as 'sales_*.csv'",
            )
        parts.append(Part(part.name, rows, part.lines))
        rows += len(table.frame)
    rereads = [table.reread for table in tables if table.reread is not None]
    is_text = len(rereads) == len(tables)
    frames = [table.frame[names] for table in tables]
    mixed = [name for name in names if len({frame[name].dtype.kind == "O" for frame in frames}) > 1]
    if mixed and is_text:  # numbers in one file and text in another, such as 1 and 1,5
        frames = [frame.assign(**each(mixed)) for frame, each in zip(frames, rereads, strict=True)]
    try:
        frame = _join_frames(frames)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        kinds = {name: {str(frame[name].dtype) for frame in frames} for name in names}
        odd = next((name for name, types in kinds.items() if len(types) > 1), names[0])
        raise DataError(
            f"{source}: column {odd!r} is {' in one file and '.join(sorted(kinds[odd]))} in another",
            hint="make the column the same type in all files",
        ) from error
    notes = tuple(dict.fromkeys(note for table in tables for note in table.notes))
    reread: Reread = lambda columns: _join_frames([each(columns) for each in rereads])  # noqa: E731
    return Table(source, frame, tuple(parts), _common_format(tables), notes, reread if is_text else None)


def _join_frames(frames: list[pd.DataFrame]) -> pd.DataFrame:
    tables = [pa.Table.from_pandas(frame, preserve_index=False) for frame in frames]
    return to_frame(pa.concat_tables(tables, promote_options="permissive"))


def _common_format(tables: list[Table]) -> TableFormat:
    """Return the format of the files; parts in which they differ are left open."""
    first = tables[0].format
    different = {
        key: None
        for key in type(first).model_fields
        if any(getattr(t.format, key) != getattr(first, key) for t in tables)
    }
    return first.model_copy(update=different)


def _to_plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type):
            return column.unify_dictionaries()
        return _to_plain(column.cast(kind.value_type))
    if pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # beyond int64; an id of twenty digits must not lose any
            return column.cast(pa.string()).dictionary_encode().unify_dictionaries()
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_floating(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return column
    if pa.types.is_boolean(kind) and not column.null_count:
        return column
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.string(), safe=False).dictionary_encode()
    try:
        text = column.cast(pa.string())
    except pa.ArrowNotImplementedError:  # a forecast cannot use nested values
        text = pa.chunked_array([pa.array(["nested"] * len(column))])
    return text.dictionary_encode().unify_dictionaries()


def _to_arrow(column: pd.Series) -> pa.ChunkedArray:
    """Convert a column of Python values; values of mixed or unknown types become text."""
    try:
        values = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        values = pa.array([None if pd.isna(value) else str(value) for value in column], pa.string())
    return pa.chunked_array([values])


def name_of(value: object) -> str:
    """Return the name of a series: text to the letter, whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def make_distinct(names: Iterable[str]) -> list[str]:
    """Return names of columns in which unnamed and repeated ones are numbered."""
    distinct: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        name = name.strip() or f"column{position}"
        unused, number = name, numbers.get(name, 1)
        while unused in distinct:
            unused, number = f"{name}.{number}", number + 1
        numbers[name] = number
        distinct[unused] = None
    return list(distinct)
