"""Tables of a few column types, before the columns have roles."""

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
    """The rows of a table that come from one file.

    Attributes:
        name: the stem of the file.
        first_row: the number of its first row in the table.
        first_line: the line of its first row in the file; None if the file has no lines (Parquet).
        numbers: the numbers of its rows in the file, from 0; None if they are all rows of the file, in order.
    """

    name: str
    first_row: int
    first_line: int | None
    numbers: range | Ints | None = None


@dataclass(frozen=True)
class Table:
    """The columns of a table, and the file and line of each row.

    Attributes:
        source: the source as the user named it; every error starts with it.
        frame: columns of int64, float, bool, datetime64 or, for text, category; NaN, NaT or code -1 if missing.
        parts: one or more files, in the order of their rows.
        decimal: the decimal mark of numbers in columns of text, `.` or `,`.
    """

    source: str
    frame: pd.DataFrame
    parts: tuple[Part, ...]
    decimal: str = "."

    def place(self, row: int) -> str:
        """Return the place of a row for errors: `line 8`, `row 7` in Parquet, `b line 8` among several files."""
        part = [part for part in self.parts if part.first_row <= row][-1]
        number = row - part.first_row
        number = number if part.numbers is None else int(part.numbers[number])
        place = f"row {number + 1}" if part.first_line is None else f"line {number + part.first_line}"
        return f"{part.name} {place}" if len({part.name for part in self.parts}) > 1 else place


def to_frame(columns: pa.Table) -> pd.DataFrame:
    """Convert Arrow columns to the types of `Table.frame`, and number unnamed and repeated columns."""
    plain = pa.table([_to_plain(column) for column in columns.columns], names=_make_distinct(columns.column_names))
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
        parts.append(Part(part.name, rows, part.first_line))
        rows += len(table.frame)
    try:
        arrow = [pa.Table.from_pandas(table.frame[names], preserve_index=False) for table in tables]
        joined = pa.concat_tables(arrow, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        kinds = {name: {str(table.frame[name].dtype) for table in tables} for name in names}
        mixed = next((name for name, types in kinds.items() if len(types) > 1), names[0])
        raise DataError(
            f"{source}: column {mixed!r} is {' in one file and '.join(sorted(kinds[mixed]))} in another",
            hint="make the column the same type in all files",
        ) from error
    return Table(source, to_frame(joined), tuple(parts), tables[0].decimal)


def _to_plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type):
            return column.unify_dictionaries()
        return _to_plain(column.cast(kind.value_type))
    if pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_integer(kind):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # an unsigned number beyond int64
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


def _make_distinct(names: Iterable[str]) -> list[str]:
    """Return each name without blanks at its ends; repeated ones get `.1`, `.2` ... appended."""
    distinct: dict[str, None] = {}  # a set that keeps the order
    next_number: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        name = name.strip() or f"column{position}"
        unused, number = name, next_number.get(name, 1)
        while unused in distinct:
            unused, number = f"{name}.{number}", number + 1
        next_number[name] = number
        distinct[unused] = None
    return list(distinct)
