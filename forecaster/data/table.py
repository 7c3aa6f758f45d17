"""A table as it was read, before anyone knows what its columns mean."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

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
)


@dataclass(frozen=True)
class Part:
    """The rows that came from one file.

    Attributes:
        name: the file's stem.
        first_row: number of its first row within the table.
        first_line: line of its first row within the file; None where a file has no lines (Parquet).
        numbers: of its rows within the file, from 0; None where they are all of them in order.
    """

    name: str
    first_row: int
    first_line: int | None
    numbers: range | Ints | None = None


@dataclass(frozen=True)
class Table:
    """Columns, and where each row came from.

    Attributes:
        source: the source as the user named it; every error starts with it.
        frame: columns of int64, float, bool, datetime64 or, for text, category; NaN, NaT or code -1 where missing.
        parts: one or more files, in the order of their rows.
        decimal: the decimal mark of numbers that are still text, `.` or `,`.
    """

    source: str
    frame: pd.DataFrame
    parts: tuple[Part, ...]
    decimal: str = "."

    def place(self, row: int) -> str:
        """Say where a row stands: `line 8`, `row 7` without lines, `b line 8` among several files."""
        part = [part for part in self.parts if part.first_row <= row][-1]
        inside = row - part.first_row
        inside = inside if part.numbers is None else int(part.numbers[inside])
        place = f"row {inside + 1}" if part.first_line is None else f"line {inside + part.first_line}"
        return f"{part.name} {place}" if len({part.name for part in self.parts}) > 1 else place


def to_frame(columns: pa.Table) -> pd.DataFrame:
    """Bring Arrow columns to the few types that `Table.frame` knows; unnamed and repeated names get a number."""
    plain = pa.table([_plain(column) for column in columns.columns], names=_distinct(columns.column_names))
    frame: pd.DataFrame = plain.to_pandas(date_as_object=False, ignore_metadata=True)
    del plain
    pa.default_memory_pool().release_unused()
    return frame


def from_frame(source: str, frame: pd.DataFrame) -> Table:
    """Take a frame that is in memory already, of whatever types a database gave.

    Raises: DataError: it has no rows.
    """
    if not len(frame):
        raise DataError(f"{source}: has no rows", hint="give a table with at least two rows of data")
    columns = pa.table(
        [_to_arrow(frame.iloc[:, number]) for number in range(frame.shape[1])], names=list(frame.columns)
    )
    return Table(source, to_frame(columns), (Part(source, 0, None),))


def concatenate(source: str, tables: list[Table]) -> Table:
    """Put the tables of several files under each other.

    Raises: DataError: a file has other columns, or a column of another type, than the first.
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
        parts.append(Part(part.name, rows, part.first_line))
        rows += len(table.frame)
    try:
        arrow = [pa.Table.from_pandas(table.frame[names], preserve_index=False) for table in tables]
        joined = pa.concat_tables(arrow, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        kinds = {name: {str(table.frame[name].dtype) for table in tables} for name in names}
        mixed = next((name for name, found in kinds.items() if len(found) > 1), names[0])
        raise DataError(
            f"{source}: column {mixed!r} is {' in one file and '.join(sorted(kinds[mixed]))} in another",
            hint="make the column alike in all files",
        ) from error
    return Table(source, to_frame(joined), tuple(parts), tables[0].decimal)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type):
            return column.unify_dictionaries()
        return _plain(column.cast(kind.value_type))
    if pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_integer(kind):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # unsigned and beyond int64
            return column.cast(pa.float64())
    if pa.types.is_floating(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return column
    if pa.types.is_boolean(kind) and not column.null_count:
        return column
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.string(), safe=False).dictionary_encode()
    try:
        text = column.cast(pa.string())
    except pa.ArrowNotImplementedError:  # nested: nothing that a forecast could use
        text = pa.chunked_array([pa.array(["nested"] * len(column))])
    return text.dictionary_encode().unify_dictionaries()


def _to_arrow(column: pd.Series) -> pa.ChunkedArray:
    """A column of Python values; text where they are of several kinds, or of one that Arrow does not know."""
    try:
        values = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        values = pa.array([None if pd.isna(value) else str(value) for value in column], pa.string())
    return pa.chunked_array([values])


def _distinct(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for position, name in enumerate(names, start=1):
        name = name.strip() or f"column{position}"
        unused, number = name, 1
        while unused in found:
            unused, number = f"{name}.{number}", number + 1
        found.append(unused)
    return found
