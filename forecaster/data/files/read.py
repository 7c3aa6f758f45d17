"""Tables from files of any format: a file, a folder, a glob or standard input."""

import codecs
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from forecaster.config.table_format import DETECTED, TableFormat
from forecaster.data.files import arrow_file, compression, csv, json_rows, unused_options, workbook
from forecaster.data.files.content import BLOCK_BYTES, Content, FileContent, LimitedStream, join, to_arrow
from forecaster.data.files.parquet import ParquetFiles, check_size, damaged_error, find_partitions, find_texts
from forecaster.data.files.paths import PARQUET_SUFFIXES, find_files, list_paths, stem_of
from forecaster.data.files.unused_options import FileKind, check_options
from forecaster.data.table import Part, Table, from_frame, to_frame
from forecaster.errors import DataError, InputError

_SAMPLE_BYTES = 1 << 14  # text has no other control characters at its beginning

_PARQUET = b"PAR1"
_BINARY_FORMATS = (_PARQUET, *arrow_file.MAGICS, compression.ZIP, workbook.OLD_EXCEL)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHER_FORMATS = {
    b"%PDF": "is a PDF",
    b"FEA1": "is a Feather file of version 1",
    b"ORC": "is an ORC file",
    b"\x89HDF": "is an HDF5 file",
    b"SQLite format 3": "is a SQLite database",
    b"7z\xbc\xaf": "is a 7z archive",
    b"Rar!": "is a RAR archive",
    b"<": "is HTML or XML",
}
_TEXT_CONTROLS = b"\t\n\r\f\x1a\x1b"
_BINARY_BYTES = bytes(set(range(32)) - set(_TEXT_CONTROLS))
_JSON_BLANKS = b"\xef\xbb\xbf \t\r\n"
_HINT_TO_CONVERT = "save the table as CSV or Parquet and name that file"


@dataclass(frozen=True)
class TableSource:
    """A table to read, or the rows that a database has returned for it.

    Attributes:
        place: a file, a folder or glob of them, or `-`; errors start with it.
        stdin: the stream that `-` reads from.
        frame: the rows of a database; None to read `place`.
        files: where the files are if `place` is the address of objects; None if it is their path.
        copy: the owner of these files, which exist as long as this object does.
    """

    place: str
    stdin: BinaryIO | None = None
    frame: pd.DataFrame | None = None
    files: str | None = None
    copy: object = None

    def open_parquet(self) -> ParquetFiles | None:
        """Open Parquet files without reading their rows; None if the table is anything else."""
        return open_parquet(self.place, self.files) if self.frame is None else None

    def read(self, fixed: TableFormat = DETECTED, expected: frozenset[str] = frozenset()) -> list[Table]:
        """Return one table per file; see `read`."""
        if self.frame is None:
            return read(self.place, self.stdin, fixed, expected, files=self.files)
        table = replace(from_frame(self.place, self.frame), format=fixed)
        return check_options(self.place, [(unused_options.DATABASE, table)], fixed)


def read(
    source: str,
    stdin: BinaryIO | None = None,
    fixed: TableFormat = DETECTED,
    expected: frozenset[str] = frozenset(),
    *,
    files: str | None = None,
) -> list[Table]:
    """Read all files of a source.

    Args:
        source: a path, a folder, a glob, or `-`.
        stdin: the stream that `-` reads from.
        fixed: the parts of the format that are known already; the others are detected.
        expected: columns that the table must have; without them, the lines above it are counted anew.
        files: where the files are if `source` is the address of objects.

    Returns: one table per file, at least one, in the order of the file names.
    Raises:
        InputError: a file does not exist or cannot be opened, or a folder has no file to read.
        DataError: the content of a file is not a table.
    """
    if source == "-":
        if stdin is None:
            raise InputError("-: standard input is closed", hint="pipe a table in: cat sales.csv | forecast train -")
        return check_options(
            source, [_parse(source, "stdin", _read_stream(source, stdin), source, fixed, expected)], fixed
        )
    files = files or source
    partitions = list_paths(find_partitions, files)
    if partitions:
        table = replace(ParquetFiles(source, partitions, root=Path(files)).read(), format=fixed)
        return check_options(source, [(unused_options.PARQUET, table)], fixed)
    tables = []
    paths = list_paths(find_files, files)
    names = [stem_of(path) for path in paths]
    if len(set(names)) < len(names):
        names = [str(path.parent / name) for path, name in zip(paths, names, strict=True)]
    for path, name in zip(paths, names, strict=True):
        place = source if path == Path(files) else f"{source}: {path.name}"
        try:
            content = _open(place, path)
        except OSError as error:
            raise InputError(f"{place}: {error.strerror or error}", hint="check the permissions of the file") from error
        tables.append(_parse(place, name, content, source, fixed, expected))
    return check_options(source, tables, fixed)


def open_parquet(source: str, files: str | None = None) -> ParquetFiles | None:
    """Open Parquet files without reading their rows.

    Args:
        source: a path, a folder, a glob, or `-`.
        files: where the files are if `source` is the address of objects.

    Returns: the files; None if the source is anything else, or its files have different columns.
    Raises: InputError: as `read`.
    """
    if source == "-":
        return None
    files = files or source
    partitions = list_paths(find_partitions, files)
    if partitions:
        return ParquetFiles(source, partitions, root=Path(files))
    paths = list_paths(find_files, files)
    if not all(path.is_file() and path.name.lower().endswith(PARQUET_SUFFIXES) for path in paths):
        return None
    try:
        first, *others = map(pyarrow.parquet.read_schema, paths)
    except (pa.ArrowException, OSError):
        return None  # `read` reports the error
    return ParquetFiles(source, paths) if all(first.equals(other) for other in others) else None


def _open(source: str, path: Path) -> Content:
    """Check a plain file block by block, to be read later; read a compressed file, a pipe or a device."""
    with path.open("rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return _read_stream(source, stream)
        head = stream.read(BLOCK_BYTES)
        stream.seek(0)
        if not head or head.startswith(compression.ZIP) or compression.find_compression(head):
            return _read_stream(source, stream)
    content = FileContent(source, path)
    if not _is_checked_by_parser(head):
        _refuse_foreign(source, head)
        for begin in range(0, len(content), BLOCK_BYTES):
            _refuse_long_line(source, content, begin, begin + BLOCK_BYTES)
    return content


def _is_checked_by_parser(head: bytes) -> bool:
    """Return True for formats whose parser refuses other content; JSON may have long lines."""
    return head.startswith(_BINARY_FORMATS) or head.lstrip(_JSON_BLANKS).startswith(json_rows.STARTS)


def _read_stream(source: str, stream: BinaryIO) -> bytes:
    """Read and decompress a stream within a limit of memory."""
    return _read_limited(source, LimitedStream(source, stream))


def _read_limited(source: str, stream: LimitedStream, *, is_decompressed: bool = False) -> bytes:
    """Read and decompress a stream; stop at the first block that cannot belong to a table."""
    content = bytearray(stream.read(BLOCK_BYTES))
    head = bytes(content)
    if (form := compression.find_compression(head)) is not None:
        return _read_decompressed(source, form.name, lambda: form.open(join(head, stream)), is_decompressed)
    if _is_checked_by_parser(head):
        content += stream.read()
        archive = bytes(content)
        if not head.startswith(compression.ZIP) or _is_workbook(source, archive):
            return archive
        return _read_decompressed(source, "zip", lambda: compression.open_member(source, archive), is_decompressed)
    _refuse_foreign(source, content)
    begin = 0
    while len(content) == begin + BLOCK_BYTES:
        _refuse_long_line(source, content, begin, begin + BLOCK_BYTES)
        begin += BLOCK_BYTES
        content += stream.read(BLOCK_BYTES)
    return bytes(content)


def _read_decompressed(source: str, name: str, open_stream: Callable[[], BinaryIO], is_decompressed: bool) -> bytes:
    if is_decompressed:  # A file can decompress to itself without end.
        raise DataError(f"{source}: is compressed twice", hint="decompress the file once")
    try:
        return _read_limited(source, LimitedStream(source, open_stream()), is_decompressed=True)
    except compression.ERRORS as error:
        raise InputError(f"{source}: damaged {name}: {error}", hint="compress the file again") from error


def _is_workbook(source: str, archive: bytes) -> bool:
    try:
        return compression.is_workbook(archive)
    except compression.ERRORS as error:
        raise InputError(f"{source}: damaged zip: {error}", hint="compress the file again") from error


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


def _parse(
    place: str, name: str, content: Content, source: str, fixed: TableFormat, expected: frozenset[str]
) -> tuple[FileKind, Table]:
    """Return the table of a file, and the kind of the file by its content."""
    head = content[:BLOCK_BYTES]
    if head.startswith((compression.ZIP, workbook.OLD_EXCEL)):
        return unused_options.WORKBOOK, _parse_workbook(place, name, content, source, fixed, expected)
    if head.startswith(_PARQUET):
        return unused_options.PARQUET, _from_arrow(place, name, _parse_parquet(place, content), source, fixed)
    if head.startswith(arrow_file.MAGICS):
        return unused_options.ARROW, _from_arrow(place, name, arrow_file.parse(place, content), source, fixed)
    if head.lstrip(_JSON_BLANKS).startswith(json_rows.STARTS):
        return unused_options.JSON, _from_arrow(place, name, json_rows.parse(place, content), source, fixed)
    return unused_options.TEXT, _from_csv(name, csv.parse(place, content, fixed, expected), source)


def _parse_parquet(place: str, content: Content) -> pa.Table:
    try:
        with to_arrow(content) as file:
            schema = check_size(place, pyarrow.parquet.read_metadata(file), len(content))
            return pyarrow.parquet.read_table(file, read_dictionary=find_texts(schema))
    except (pa.ArrowException, OSError) as error:
        raise damaged_error(place, error) from error


def _from_arrow(place: str, name: str, columns: pa.Table, source: str, fixed: TableFormat) -> Table:
    index = [column for column in columns.column_names if column.startswith("__index_level_")]
    columns = columns.drop_columns([column for column in index if not pa.types.is_temporal(columns[column].type)])
    if not columns.num_rows:
        raise DataError(f"{place}: has no rows", hint="provide a file with at least two rows of data")
    return Table(source, to_frame(columns), (Part(name, 0, None),), fixed)


def _parse_workbook(
    place: str, name: str, content: Content, source: str, fixed: TableFormat, expected: frozenset[str]
) -> Table:
    sheet = workbook.read_sheet(place, content, fixed.sheet)
    layout = fixed.model_copy(update={"encoding": None, "delimiter": ","})
    table = _from_csv(name, csv.parse(place, sheet.text, layout, expected), source)
    own = {"encoding": fixed.encoding, "delimiter": fixed.delimiter, "sheet": sheet.name}
    notes = (sheet.note, *table.notes) if sheet.note else table.notes
    return replace(table, format=table.format.model_copy(update=own), notes=notes)


def _from_csv(name: str, parsed: csv.ParsedCsv, source: str) -> Table:
    part = Part(name, 0, parsed.lines)
    return Table(source, to_frame(parsed.columns), (part,), parsed.format, parsed.notes, parsed.reread)
