"""The bytes of a CSV become Arrow columns: encoding, delimiter, decimal mark and header by the evidence of a sample."""

import codecs
import csv
import mmap
import re
from collections import Counter
from dataclasses import dataclass
from io import StringIO

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from forecaster.data.table import MISSING_WORDS
from forecaster.errors import DataError

Content = bytes | mmap.mmap
SAMPLE_BYTES = 1 << 14  # bytes
BLOCK_BYTES = 1 << 20  # bytes that Arrow parses at once; no line may be longer

_BLOCKS_KEPT = 32

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITERS = "\t;|,"  # comma last: where others fit as well, the comma is a decimal mark
_NUMBER = re.compile(r"[+-]?[\d.,'\s]*\d[\d.,]*([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ].*)?|\d{4}-?Q[1-4]")
_GROUPED = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+") for mark in ",."}
_DECIMAL = {
    ",": re.compile(r"[+-]?(\d+|\d{1,3}([. ]\d{3})+),\d+"),
    ".": re.compile(r"[+-]?(\d+|\d{1,3}([, ]\d{3})+)\.\d+"),
}


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV writes its cells; a `delimiter` of one space stands for any run of blanks."""

    delimiter: str
    decimal: str
    has_header: bool


def detect_format(sample: str) -> CsvFormat:
    """Tell the dialect from the first lines, all of them whole."""
    fits: dict[str, tuple[float, int]] = {}
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(StringIO(sample, newline=None), delimiter=delimiter) if row)
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        if width > 1:
            fits[delimiter] = (round(count / widths.total(), 2), -_DELIMITERS.index(delimiter))
    delimiter = max(fits, key=lambda mark: fits[mark]) if fits else " " if _is_columnar(sample) else ","
    text = _collapse_blanks(sample) if delimiter == " " else sample
    rows = [
        [cell.strip() for cell in row] for row in csv.reader(StringIO(text, newline=None), delimiter=delimiter) if row
    ]
    return CsvFormat(delimiter, _decimal(rows, delimiter), _has_header(rows))


def parse(source: str, content: Content) -> tuple[pa.Table, CsvFormat]:
    """Read the text of a CSV in any encoding.

    Returns: Arrow columns, text as dictionaries; times with a zone stay text, so that the zone is not lost.
    Raises: DataError: no rows, or rows of unequal length.
    """
    if content[:2] in _UTF16:
        content = content[:].decode("utf-16", errors="replace").encode()
    end = content.rfind(b"\n", 0, SAMPLE_BYTES) if len(content) > SAMPLE_BYTES else len(content)
    sample = content[: end if end > 0 else SAMPLE_BYTES]
    try:
        text = sample.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = _to_utf8(content[:])
        text = content[: len(sample)].decode("utf-8-sig", errors="ignore")
    dialect = detect_format(text)
    if dialect.delimiter == " ":
        content = _collapse_blanks(_to_utf8(content[:]).decode()).encode()
    try:
        columns = _read(content, dialect)
        if any(pa.types.is_binary(getattr(field.type, "value_type", field.type)) for field in columns.schema):
            content = _to_utf8(content[:])  # Arrow calls text binary that is not UTF-8
            columns = _read(content, dialect)
        zoned = {field.name: pa.string() for field in columns.schema if getattr(field.type, "tz", None)}
        if zoned:
            columns = _read(content, dialect, zoned)
    except pa.ArrowInvalid as error:
        raise _explain(source, content[:], dialect, str(error)) from error
    if not columns.num_rows:
        raise DataError(f"{source}: has a header and no rows", hint="give a file with at least two rows of data")
    if not dialect.has_header:
        columns = columns.rename_columns([f"column{number + 1}" for number in range(columns.num_columns)])
    return columns, dialect


def _to_utf8(content: bytes) -> bytes:
    """Bring text to UTF-8; what is not is taken for Windows-1252, or for Latin-1, which reads anything."""
    for encoding in ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return content if encoding == "utf-8" else text.encode()
    return content.decode("latin-1").encode()


def _read(content: Content, dialect: CsvFormat, types: dict[str, pa.DataType] | None = None) -> pa.Table:
    """Read block by block, each column as the type of its first block, which takes a third of the memory.

    Where a later cell is of another type, everything is read at once, to find the type that holds all.
    """
    options = {
        "read_options": pyarrow.csv.ReadOptions(
            block_size=BLOCK_BYTES, autogenerate_column_names=not dialect.has_header
        ),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=content.find(b'"') >= 0
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=types,
            null_values=MISSING_WORDS,
            decimal_point=dialect.decimal,
            auto_dict_encode=True,
            auto_dict_max_cardinality=1 << 30,
        ),
    }
    source = pa.BufferReader(pa.py_buffer(content))
    try:
        reader = pyarrow.csv.open_csv(source, **options)
        batches = []
        for number, batch in enumerate(reader):
            batches.append(batch)
            if isinstance(content, mmap.mmap) and number % _BLOCKS_KEPT == 0 and hasattr(mmap, "MADV_DONTNEED"):
                content.madvise(mmap.MADV_DONTNEED)  # else what was read of the file counts as our memory
        return pa.Table.from_batches(batches, reader.schema)
    except pa.ArrowInvalid:
        source.seek(0)
        return pyarrow.csv.read_csv(source, **options)


def _explain(source: str, content: bytes, dialect: CsvFormat, reason: str) -> DataError:
    reader = csv.reader(StringIO(content.decode(errors="replace"), newline=""), delimiter=dialect.delimiter)
    width = None
    try:
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                return DataError(
                    f"{source}: line {reader.line_num} has {len(row)} fields where the first line has {width}",
                    hint=f"mend line {reader.line_num}; quote cells that hold a {dialect.delimiter!r}",
                )
    except csv.Error as error:
        reason = f"line {reader.line_num}: {error}"
    return DataError(f"{source}: not a CSV: {' '.join(reason.split())[:200]}", hint="give a CSV or Parquet file")


def _is_columnar(sample: str) -> bool:
    widths = {len(line.split()) for line in sample.splitlines() if line.strip()}
    return len(widths) == 1 and widths.pop() > 1


def _collapse_blanks(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def _decimal(rows: list[list[str]], delimiter: str) -> str:
    """Weigh cells such as `1,5` against `1.5`; `1,234` counts only where nothing else tells."""
    cells = [cell for row in rows for cell in row if "," in cell or "." in cell]
    sure = {
        mark: sum(bool(_DECIMAL[mark].fullmatch(cell)) and not _GROUPED[mark].fullmatch(cell) for cell in cells)
        for mark in ",."
    }
    if any(sure.values()):
        return "," if sure[","] > sure["."] else "."
    repeated = any(cell.count(",") > 1 for cell in cells)
    grouped = any(_GROUPED[","].fullmatch(cell) for cell in cells)
    return "," if grouped and not repeated and delimiter != "," else "."


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first line names columns: it does unless it holds a date, or nothing but numbers."""
    first = rows[0] if rows else []
    if "" in first:
        return True
    is_data = any(_DATE.fullmatch(cell) for cell in first) or all(_NUMBER.fullmatch(cell) for cell in first)
    return not is_data
