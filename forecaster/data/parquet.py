"""Parquet files as one table, read by row groups: whole, or some series at a time; partitioned folders too."""

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

_BATCH = 1 << 20  # rows decoded at once

Words = list[Any]
Wanted = Callable[[Words], npt.NDArray[np.bool_]]


class _Piece(NamedTuple):
    """Some rows of a file: its stem, the columns, and the rows' numbers in the file."""

    name: str
    columns: pa.RecordBatch
    numbers: range | Ints


class ParquetFiles:
    """Parquet files of the same columns, whose rows are not in memory yet.

    Attributes:
        rows: of all files together.
    """

    def __init__(self, source: str, paths: Sequence[Path], *, root: Path | None = None) -> None:
        """Look at the files' metadata.

        Args:
            source: names the table in errors.
            root: the folder below which folders named `key=value` give cells of further columns; None where none do.

        Raises:
            InputError: a file is damaged.
            DataError: there are no rows.
        """
        import pyarrow.dataset  # type: ignore[import-untyped]

        self._source = source
        with self._reading():
            texts = [field.name for field in pyarrow.parquet.read_schema(paths[0]) if pa.types.is_string(field.type)]
            options = pyarrow.dataset.ParquetReadOptions(dictionary_columns=texts)
            files = pyarrow.dataset.dataset(
                [str(path) for path in paths],
                format=pyarrow.dataset.ParquetFileFormat(read_options=options),
                partitioning="hive" if root else None,
                partition_base_dir=str(root) if root else None,
            )
            self._schema = files.schema
            self._groups: list[tuple[Any, int]] = []  # a row group, and the number of its first row in its file
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
            raise DataError(f"{source}: has no rows", hint="give a file with at least two rows of data")

    def head(self) -> Table:
        """The first rows, to tell the columns' roles by."""
        found: list[_Piece] = []
        for piece in self._pieces():
            found.append(piece)
            if sum(len(each.columns) for each in found) >= _BATCH:
                break
        return self._table(found)

    def read(self) -> Table:
        """All rows."""
        return self._table(self._pieces())

    def catalogue(self, column: str) -> "Catalogue":
        """Look through the column that names the series.

        It takes memory by the number of series, not by that of rows.
        """
        numbers: dict[object, int] = {}
        rows, first, last = (np.zeros(1, np.int64) for _ in range(3))
        for group in range(len(self._groups)):
            for piece in self._pieces(group, [column]):
                codes, words = _factorize(piece.columns.column(0))
                found, places = np.unique(codes, return_index=True)
                for code in found[np.argsort(places)].tolist():
                    numbers.setdefault(words[code], len(numbers))
                if len(numbers) > len(rows):
                    rows, first, last = (
                        np.pad(each, (0, 2 * len(numbers) - len(rows))) for each in (rows, first, last)
                    )
                own = np.array([numbers[words[code]] for code in found.tolist()])
                first[own[rows[own] == 0]] = group
                last[own] = group
                np.add.at(rows, own, np.bincount(codes)[found])
        count = len(numbers)
        return Catalogue(self, column, numbers, rows[:count], first[:count], last[:count])

    def rows_of(self, groups: range, column: str, is_wanted: Wanted) -> Table:
        """The rows of some row groups whose cell in a column is wanted."""
        return self._table(self._chosen(groups, column, is_wanted))

    def _chosen(self, groups: range, column: str, is_wanted: Wanted) -> Iterator[_Piece]:
        for group in groups:
            for piece in self._pieces(group):
                codes, words = _factorize(piece.columns.column(piece.columns.schema.get_field_index(column)))
                chosen = is_wanted(words)[codes]
                if chosen.all():
                    yield piece
                elif chosen.any():
                    numbers = np.flatnonzero(chosen) + piece.numbers[0]
                    yield _Piece(piece.name, piece.columns.filter(pa.array(chosen)), numbers)

    def _pieces(self, group: int | None = None, names: list[str] | None = None) -> Iterator[_Piece]:
        for fragment, first in self._groups if group is None else [self._groups[group]]:
            with self._reading():
                batches = fragment.to_batches(schema=self._schema, columns=names or self._names, batch_size=_BATCH)
                for batch in batches:
                    if len(batch):
                        yield _Piece(Path(fragment.path).stem, batch, range(first, first + len(batch)))
                    first += len(batch)

    def _table(self, pieces: Iterable[_Piece]) -> Table:
        parts, batches, rows = [], [], 0
        for piece in pieces:
            parts.append(Part(piece.name, rows, None, piece.numbers))
            batches.append(piece.columns)
            rows += len(piece.columns)
        columns = pa.Table.from_batches(batches)
        batches.clear()
        return Table(self._source, to_frame(columns), tuple(parts))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise damaged_error(self._source, error) from error


class Catalogue:
    """Which series Parquet files hold, numbered in the order in which they first appear, and where.

    Attributes:
        rows: [N] how many rows each has.
    """

    def __init__(
        self, files: ParquetFiles, column: str, numbers: dict[object, int], rows: Ints, first: Ints, last: Ints
    ) -> None:
        """Take what `Parquet.catalogue` found: the series' numbers by name, [N] their first and last row groups."""
        self.rows = rows
        self._files, self._column, self._numbers = files, column, numbers
        self._first, self._last = first, last

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_scattered(self) -> bool:
        """Whether series lie all over the files, as where rows are in the order of time."""
        return bool(np.median(self._last - self._first) > 1)

    def shards(self, *, rows: int, is_selected: npt.NDArray[np.bool_] | None = None) -> Iterator[Table]:
        """Give the table in parts of whole series, in their order.

        Where the rows of a series lie far apart, each part reads many row groups, and in the end every one many times.

        Args:
            rows: of a part, and at most those of one series more.
            is_selected: [N] True for each series to include; None for all.
        """
        is_selected = np.ones(len(self), bool) if is_selected is None else is_selected
        before = np.cumsum(self.rows * is_selected) - self.rows * is_selected
        _, part = np.unique(before[is_selected] // rows, return_inverse=True)
        shard = np.full(len(self), -1)
        shard[is_selected] = part
        for number in range(int(part.max()) + 1):
            own = shard == number
            groups = range(int(self._first[own].min()), int(self._last[own].max()) + 1)

            def is_wanted(words: Words, number: int = number) -> npt.NDArray[np.bool_]:
                found: npt.NDArray[np.bool_] = shard[[self._numbers[word] for word in words]] == number
                return found

            yield self._files.rows_of(groups, self._column, is_wanted)


def damaged_error(place: str, error: Exception) -> InputError:
    """A Parquet file that cannot be read."""
    return InputError(f"{place}: damaged Parquet: {str(error).splitlines()[0]}", hint="write the file again")


def find_partitions(source: str) -> list[Path]:
    """The Parquet files of a folder that is partitioned, below folders named `key=value`; none of anything else."""
    folder = Path(source)
    found = sorted(path for suffix in ("parquet", "pq") for path in folder.glob(f"*=*/**/*.{suffix}"))
    return [path for path in found if all("=" in name for name in path.relative_to(folder).parts[:-1])]


def _factorize(column: pa.Array) -> tuple[Ints, Words]:
    """Code cells [R] by their values; a missing cell's value is None."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    words: Words = column.dictionary.to_pylist()
    codes = column.indices
    if codes.null_count:
        codes = codes.fill_null(len(words))
        words.append(None)
    return codes.to_numpy(zero_copy_only=False).astype(np.int64), words
