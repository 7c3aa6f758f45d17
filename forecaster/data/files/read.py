"""Tables from CSV and Parquet files: a file, a folder, a glob or standard input."""

import codecs
import glob
import os
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from forecaster.config.table_format import DETECTED, TableFormat
from forecaster.data.files import csv
from forecaster.data.files.content import (
    BLOCK_BYTES,
    DECOMPRESSION_ERRORS,
    Content,
    FileContent,
    LimitedStream,
    decompress,
    to_arrow,
)
from forecaster.data.files.parquet import ParquetFiles, check_size, damaged_error, find_partitions, find_texts
from forecaster.data.table import Part, Table, from_frame, to_frame
from forecaster.errors import DataError, InputError, did_you_mean

_PARQUET_SUFFIXES = (".parquet", ".pq")
SUFFIXES = (".csv", ".tsv", ".txt", ".dat", *_PARQUET_SUFFIXES)

_SAMPLE_BYTES = 1 << 14  # text has no other control characters at its beginning

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHER_FORMATS = {
    b"%PDF": "is a PDF",
    b"PK\x03\x04": "is a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook",
    b"BZh": "is compressed with bzip2",
    b"\xfd7zXZ": "is compressed with xz",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd",
    b"{": "is JSON",
    b"[": "is JSON",
    b"<": "is HTML or XML",
}
_TEXT_CONTROLS = b"\t\n\r\f\x1a\x1b"
_BINARY_BYTES = bytes(set(range(32)) - set(_TEXT_CONTROLS))
_HINT_TO_CONVERT = "save the table as CSV or Parquet and name that file"


@dataclass(frozen=True)
class TableSource:
    """A table to read, or the rows that a database has returned for it.

    Attributes:
        place: a CSV or Parquet file, a folder or glob of them, or `-`; errors start with it.
        stdin: the stream that `-` reads from.
        frame: the rows of a database; None to read `place`.
    """

    place: str
    stdin: BinaryIO | None = None
    frame: pd.DataFrame | None = None

    def read(self, fixed: TableFormat = DETECTED) -> list[Table]:
        """Return one table per file; see `read`."""
        if self.frame is None:
            return read(self.place, self.stdin, fixed)
        return [replace(from_frame(self.place, self.frame), format=fixed)]


def read(source: str, stdin: BinaryIO | None = None, fixed: TableFormat = DETECTED) -> list[Table]:
    """Read all files of a source.

    Args:
        source: a path, a folder, a glob, or `-`.
        stdin: the stream that `-` reads from.
        fixed: the parts of the format that are known already; the others are detected.

    Returns: one table per file, at least one, in the order of the file names.
    Raises:
        InputError: a file does not exist or cannot be opened, or a folder has no file to read.
        DataError: the content of a file is not a table.
    """
    if source == "-":
        if stdin is None:
            raise InputError("-: standard input is closed", hint="pipe a table in: cat sales.csv | forecast train -")
        return [_parse(source, "stdin", _read_stream(source, stdin), source, fixed)]
    partitions = _list_paths(find_partitions, source)
    if partitions:
        return [replace(ParquetFiles(source, partitions, root=Path(source)).read(), format=fixed)]
    tables = []
    paths = _list_paths(find_files, source)
    names = [_stem(path) for path in paths]
    if len(set(names)) < len(names):
        names = [str(path.parent / name) for path, name in zip(paths, names, strict=True)]
    for path, name in zip(paths, names, strict=True):
        place = source if path == Path(source) else f"{source}: {path.name}"
        try:
            content = _open(place, path)
        except OSError as error:
            raise InputError(f"{place}: {error.strerror or error}", hint="check the permissions of the file") from error
        tables.append(_parse(place, name, content, source, fixed))
    return tables


def open_parquet(source: str) -> ParquetFiles | None:
    """Open Parquet files without reading their rows.

    Args:
        source: a path, a folder, a glob, or `-`.

    Returns: the files; None if the source is anything else, or its files have different columns.
    Raises: InputError: as `read`.
    """
    if source == "-":
        return None
    partitions = _list_paths(find_partitions, source)
    if partitions:
        return ParquetFiles(source, partitions, root=Path(source))
    paths = _list_paths(find_files, source)
    if not all(path.is_file() and path.name.lower().endswith(_PARQUET_SUFFIXES) for path in paths):
        return None
    try:
        first, *others = map(pyarrow.parquet.read_schema, paths)
    except (pa.ArrowException, OSError):
        return None  # `read` reports the error
    return ParquetFiles(source, paths) if all(first.equals(other) for other in others) else None


def find_files(source: str) -> list[Path]:
    """List the files of a path, folder or glob.

    Raises: InputError: there is no such file.
    """
    path = Path(source)
    if path.exists() and not path.is_dir():
        return [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and _is_table(file))
        if not files:
            raise InputError(f"{source}: the folder has no CSV or Parquet file", hint="name a folder with data")
        return files
    if glob.has_magic(source):
        files = sorted(Path(name) for name in glob.glob(source, recursive=True) if Path(name).is_file())  # noqa: PTH207
        if not files:
            raise InputError(
                f"{source}: no file matches", hint=f"list the files there: ls {shlex.quote(str(path.parent))}"
            )
        return files
    siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    raise InputError(
        f"{source}: no such file{did_you_mean(path.name, siblings)}",
        hint=f"list the files there: ls {shlex.quote(str(path.parent))}",
    )


def _list_paths(find: Callable[[str], list[Path]], source: str) -> list[Path]:
    try:
        return find(source)
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}", hint="check the permissions of the folder") from error


def _is_table(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower().removesuffix(".gz").endswith(SUFFIXES)


def _stem(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).stem


def _open(source: str, path: Path) -> Content:
    """Check a plain file block by block, to be read later; read a compressed file, a pipe or a device."""
    with path.open("rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return _read_stream(source, stream)
        head = stream.read(BLOCK_BYTES)
        stream.seek(0)
        if not head or head.startswith(_GZIP):
            return _read_stream(source, stream)
    content = FileContent(source, path)
    if not head.startswith(_PARQUET):
        _refuse_foreign(source, head)
        for begin in range(0, len(content), BLOCK_BYTES):
            _refuse_long_line(source, content, begin, begin + BLOCK_BYTES)
    return content


def _read_stream(source: str, stream: BinaryIO) -> bytes:
    """Read and decompress a stream within a limit of memory."""
    return _read_limited(source, LimitedStream(source, stream))


def _read_limited(source: str, stream: LimitedStream, *, is_decompressed: bool = False) -> bytes:
    """Read and decompress a stream; stop at the first block that cannot belong to a table."""
    content = bytearray(stream.read(BLOCK_BYTES))
    decompressed = decompress(source, bytes(content), stream)
    if decompressed is not None:
        if is_decompressed:  # A file can decompress to itself without end.
            raise DataError(f"{source}: is compressed twice", hint="decompress the file once")
        try:
            return _read_limited(source, decompressed, is_decompressed=True)
        except DECOMPRESSION_ERRORS as error:
            raise InputError(f"{source}: damaged gzip: {error}", hint="compress the file again") from error
    if content.startswith(_PARQUET):
        return bytes(content + stream.read())
    _refuse_foreign(source, content)
    begin = 0
    while len(content) == begin + BLOCK_BYTES:
        _refuse_long_line(source, content, begin, begin + BLOCK_BYTES)
        begin += BLOCK_BYTES
        content += stream.read(BLOCK_BYTES)
    return bytes(content)


def _refuse_long_line(source: str, content: bytearray | FileContent, begin: int, end: int) -> None:
    if end > len(content) or content.find(b"\n", begin, end) >= 0 or content.find(b"\r", begin, end) >= 0:
        return
    line = content[:begin].count(b"\n") + 1
    raise DataError(f"{source}: line {line} is longer than 1 MiB", hint="provide a CSV file with one row per line")


def _refuse_foreign(source: str, head: bytes | bytearray) -> None:
    if not head.strip():
        raise DataError(f"{source}: is empty", hint="provide a file with a header and rows")
    for magic, text in _OTHER_FORMATS.items():
        if head.startswith(magic):
            raise DataError(f"{source}: {text}, not a table", hint=_HINT_TO_CONVERT)
    sample = head[:_SAMPLE_BYTES]
    if not head.startswith(_UTF16) and len(sample.translate(None, _BINARY_BYTES)) < len(sample):
        raise DataError(f"{source}: is binary, not a table", hint=_HINT_TO_CONVERT)


def _parse(place: str, name: str, content: Content, source: str, fixed: TableFormat) -> Table:
    if content[: len(_PARQUET)] == _PARQUET:
        try:
            with to_arrow(content) as file:
                schema = check_size(place, pyarrow.parquet.read_metadata(file), len(content))
                columns = pyarrow.parquet.read_table(file, read_dictionary=find_texts(schema))
        except (pa.ArrowException, OSError) as error:
            raise damaged_error(place, error) from error
        index = [name for name in columns.column_names if name.startswith("__index_level_")]
        columns = columns.drop_columns([name for name in index if not pa.types.is_temporal(columns[name].type)])
        if not columns.num_rows:
            raise DataError(f"{place}: has no rows", hint="provide a file with at least two rows of data")
        return Table(source, to_frame(columns), (Part(name, 0, None),), fixed)
    parsed = csv.parse(place, content, fixed)
    part = Part(name, 0, parsed.lines)
    return Table(source, to_frame(parsed.columns), (part,), parsed.format, parsed.notes, parsed.reread)
