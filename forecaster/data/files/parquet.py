"""Parquet files as one table, read as a whole or a few series at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from forecaster.data.table import Part, Table, to_frame
from forecaster.errors import DataError, InputError
from forecaster.frequency import Ints

_ROWS_AT_ONCE = 1 << 20
_BYTES_PER_VALUE = 8
_MAX_UNPACKED_BYTES, _MAX_RATIO = 1 << 28, 100  # a file that exceeds both is no table

Words = list[Any]
Selection = Callable[[Words], npt.NDArray[np.bool_]]


class _Piece(NamedTuple):
    """A few rows of a file: its stem, the columns, and the numbers of the rows in the file."""

    name: str
    columns: pa.RecordBatch
    numbers: range | Ints


class ParquetFiles:
    """Open Parquet files with the same columns; their rows are read later.

    Attributes:
        rows: the number of rows of all files together.
    """

    def __init__(self, source: str, paths: Sequence[Path], *, root: Path | None = None) -> None:
        """Read the metadata of the files.

        Args:
            source: names the table in errors.
            paths: the files.
            root: a partitioned folder, in which folders named `key=value` add a column `key`; None for other files.

        Raises:
            InputError: a file is damaged.
            DataError: there are no rows.
        """
        import pyarrow.dataset  # type: ignore[import-untyped]

        self._source = source
        with self._report_damage():
            for path in paths:
                check_size(f"{source}: {path.name}", pyarrow.parquet.read_metadata(path), path.stat().st_size)
            texts = find_texts(pyarrow.parquet.read_schema(paths[0]))
            options = pyarrow.dataset.ParquetReadOptions(dictionary_columns=texts)
            files = pyarrow.dataset.dataset(
                [str(path) for path in paths],
                format=pyarrow.dataset.ParquetFileFormat(read_options=options),
                partitioning="hive" if root else None,
                partition_base_dir=str(root) if root else None,
            )
            self._schema = files.schema
            self._groups: list[tuple[Any, int]] = []  # row groups, each with the number of its first row in its file
            for file in files.get_fragments():
                first = 0
                for group in file.split_by_row_group():
                    self._groups.append((group, first))
                    first += sum(each.num_rows for each in group.row_groups)
            self.rows = files.count_rows()
        self._names = [
            field.name
            for field in self._schema
            if not field.name.startswith("__index_level_") or pa.types.is_temporal(field.type)
        ]
        if not self.rows:
            raise DataError(f"{source}: has no rows", hint="provide a file with at least two rows of data")

    def head(self) -> Table:
        """Return the first rows, from which the roles of the columns are found."""
        pieces: list[_Piece] = []
        for piece in self._read_pieces():
            pieces.append(piece)
            if sum(len(each.columns) for each in pieces) >= _ROWS_AT_ONCE:
                break
        return self._to_table(pieces)

    def read(self) -> Table:
        """Read all rows."""
        return self._to_table(self._read_pieces())

    def catalogue(self, column: str) -> "Catalogue":
        """List the series that a column names.

        The memory needed grows with the number of series, not with the number of rows.
        """
        numbers: dict[object, int] = {}
        rows, first, last = (np.zeros(1, np.int64) for _ in range(3))
        for group in range(len(self._groups)):
            for piece in self._read_pieces(group, [column]):
                codes, words = _factorize(piece.columns.column(0))
                distinct, first_rows = np.unique(codes, return_index=True)
                for code in distinct[np.argsort(first_rows)].tolist():
                    numbers.setdefault(words[code], len(numbers))
                if len(numbers) > len(rows):
                    rows, first, last = (
                        np.pad(each, (0, 2 * len(numbers) - len(rows))) for each in (rows, first, last)
                    )
                series = np.array([numbers[words[code]] for code in distinct.tolist()])
                first[series[rows[series] == 0]] = group  # series without rows so far start in this group
                last[series] = group
                np.add.at(rows, series, np.bincount(codes)[distinct])
        count = len(numbers)
        return Catalogue(self, column, numbers, rows[:count], first[:count], last[:count])

    def rows_of(self, groups: range, column: str, select: Selection) -> Table:
        """Read the rows of a few row groups whose cell in a column is selected.

        Args:
            groups: the numbers of the row groups.
            column: the column that names the series.
            select: returns [W] True for each word to keep.
        """
        return self._to_table(self._filter(groups, column, select))

    def _filter(self, groups: range, column: str, select: Selection) -> Iterator[_Piece]:
        for group in groups:
            for piece in self._read_pieces(group):
                codes, words = _factorize(piece.columns.column(piece.columns.schema.get_field_index(column)))
                is_selected = select(words)[codes]
                if is_selected.all():
                    yield piece
                elif is_selected.any():
                    numbers = np.flatnonzero(is_selected) + piece.numbers[0]
                    yield _Piece(piece.name, piece.columns.filter(pa.array(is_selected)), numbers)

    def _read_pieces(self, group: int | None = None, names: list[str] | None = None) -> Iterator[_Piece]:
        for fragment, first in self._groups if group is None else [self._groups[group]]:
            with self._report_damage():
                batches = fragment.to_batches(
                    schema=self._schema, columns=names or self._names, batch_size=_ROWS_AT_ONCE
                )
                for batch in batches:
                    if len(batch):
                        yield _Piece(Path(fragment.path).stem, batch, range(first, first + len(batch)))
                    first += len(batch)

    def _to_table(self, pieces: Iterable[_Piece]) -> Table:
        parts, batches, rows = [], [], 0
        for piece in pieces:
            parts.append(Part(piece.name, rows, None, piece.numbers))
            batches.append(piece.columns)
            rows += len(piece.columns)
        columns = pa.Table.from_batches(batches)
        batches.clear()
        return Table(self._source, to_frame(columns), tuple(parts))

    @contextmanager
    def _report_damage(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise damaged_error(self._source, error) from error


class Catalogue:
    """The series of Parquet files, in the order in which they first appear, and their row groups.

    Attributes:
        rows: [N] number of rows of each series.
    """

    def __init__(
        self, files: ParquetFiles, column: str, numbers: dict[object, int], rows: Ints, first: Ints, last: Ints
    ) -> None:
        """Create the catalogue of `ParquetFiles.catalogue`.

        Args:
            files: the files.
            column: the column that names the series.
            numbers: the number of each series by its name.
            rows: [N] number of rows of each series.
            first, last: [N] first and last row group of each series.
        """
        self.rows = rows
        self._files, self._column, self._numbers = files, column, numbers
        self._first, self._last = first, last

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_scattered(self) -> bool:
        """True if each series is spread over many row groups, as when rows are sorted by time."""
        return bool(np.median(self._last - self._first) > 1)

    def shards(self, *, rows: int, is_selected: npt.NDArray[np.bool_] | None = None) -> Iterator[Table]:
        """Yield the table in parts of whole series, in their order.

        If each series is spread over many row groups, every part reads most of the files.

        Args:
            rows: the number of rows of a part; the last series of a part may exceed it.
            is_selected: [N] True for each series to include; None for all.
        """
        is_selected = np.ones(len(self), bool) if is_selected is None else is_selected
        before = np.cumsum(self.rows * is_selected) - self.rows * is_selected
        _, part = np.unique(before[is_selected] // rows, return_inverse=True)
        shard = np.full(len(self), -1)
        shard[is_selected] = part
        for number in range(int(part.max()) + 1):
            is_member = shard == number
            groups = range(int(self._first[is_member].min()), int(self._last[is_member].max()) + 1)

            def select(words: Words, number: int = number) -> npt.NDArray[np.bool_]:
                return np.asarray(shard[[self._numbers[word] for word in words]] == number)

            yield self._files.rows_of(groups, self._column, select)


def check_size(place: str, metadata: Any, file_bytes: int) -> Any:
    """Return the schema of a file whose content has a plausible size.

    A few kilobytes can declare billions of equal values, or pages that unpack to gigabytes.

    Raises: DataError: it would unpack to far more than its own size.
    """
    declared = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    unpacked = max(declared, metadata.num_rows * metadata.num_columns * _BYTES_PER_VALUE)
    if unpacked > max(_MAX_UNPACKED_BYTES, _MAX_RATIO * file_bytes):
        raise DataError(
            f"{place}: {file_bytes:,} bytes would unpack to {unpacked:,}",
            hint="check what wrote the file; if the table is meant, save it as CSV",
        )
    return metadata.schema.to_arrow_schema()


def find_texts(schema: Any) -> list[str]:
    """Return the columns of text, which are read as dictionaries: a long word may be repeated a million times."""
    return [field.name for field in schema if pa.types.is_string(field.type)]


def damaged_error(place: str, error: Exception) -> InputError:
    """Make the error for a Parquet file that cannot be read."""
    return InputError(f"{place}: damaged Parquet: {str(error).splitlines()[0]}", hint="write the file again")


def find_partitions(source: str) -> list[Path]:
    """List the Parquet files in the `key=value` folders of a partitioned folder; empty for any other source."""
    folder = Path(source)
    paths = sorted(path for suffix in ("parquet", "pq") for path in folder.glob(f"*=*/**/*.{suffix}"))
    return [path for path in paths if all("=" in name for name in path.relative_to(folder).parts[:-1])]


def _factorize(column: pa.Array) -> tuple[Ints, Words]:
    """Return the [R] codes of cells and the values of the codes; None for a missing cell."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    words: Words = column.dictionary.to_pylist()
    codes = column.indices
    if codes.null_count:
        codes = codes.fill_null(len(words))
        words.append(None)
    return codes.to_numpy(zero_copy_only=False).astype(np.int64), words
