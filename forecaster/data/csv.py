"""CSV files as Arrow columns; encoding, delimiter, decimal mark and header are detected from a sample."""

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from io import StringIO

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from forecaster.data.content import Content, to_arrow
from forecaster.data.table import MISSING_WORDS
from forecaster.errors import DataError

SAMPLE_BYTES = 1 << 14
BLOCK_BYTES = 1 << 20  # the longest line that Arrow can parse

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITERS = "\t;|,"  # the comma is last, since it is a decimal mark if another delimiter fits too
_NUMBER = re.compile(r"[+-]?[\d.,'\s]*\d[\d.,]*([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ].*)?|\d{4}-?Q[1-4]")
_GROUPED = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+") for mark in ",."}
_DECIMAL = {
    ",": re.compile(r"[+-]?(\d+|\d{1,3}([. ]\d{3})+),\d+"),
    ".": re.compile(r"[+-]?(\d+|\d{1,3}([, ]\d{3})+)\.\d+"),
}


@dataclass(frozen=True)
class CsvFormat:
    """The format of a CSV file; a `delimiter` of one space means any run of blanks."""

    delimiter: str
    decimal: str
    has_header: bool


def detect_format(sample: str) -> CsvFormat:
    """Detect the format from the first lines, all of them complete."""
    scores: dict[str, tuple[float, int]] = {}
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(StringIO(sample, newline=None), delimiter=delimiter) if row)
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        if width > 1:
            scores[delimiter] = (round(count / widths.total(), 2), -_DELIMITERS.index(delimiter))
    delimiter = max(scores, key=lambda mark: scores[mark]) if scores else " " if _is_columnar(sample) else ","
    text = _collapse_blanks(sample) if delimiter == " " else sample
    rows = [
        [cell.strip() for cell in row] for row in csv.reader(StringIO(text, newline=None), delimiter=delimiter) if row
    ]
    return CsvFormat(delimiter, _find_decimal(rows, delimiter), _has_header(rows))


def parse(source: str, content: Content) -> tuple[pa.Table, CsvFormat]:
    """Parse a CSV file in any encoding.

    Args:
        source: names the file in errors.
        content: the bytes of the file.

    Returns: Arrow columns and their format. Text columns are dictionaries; times with a zone stay text, since Arrow
        would lose the zone.
    Raises: DataError: there are no rows, or rows of unequal length.
    """
    if content[:2] in _UTF16:
        content = content[:].decode("utf-16", errors="replace").encode()
    sample = content[:SAMPLE_BYTES]
    if len(content) > SAMPLE_BYTES and (end := sample.rfind(b"\n")) > 0:
        sample = sample[:end]
    try:
        text = sample.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = _to_utf8(content[:])
        text = content[: len(sample)].decode("utf-8-sig", errors="ignore")
    csv_format = detect_format(text)
    if csv_format.delimiter == " ":
        content = _collapse_blanks(_to_utf8(content[:]).decode()).encode()
    try:
        columns = _read(content, csv_format)
        if any(pa.types.is_binary(getattr(field.type, "value_type", field.type)) for field in columns.schema):
            content = _to_utf8(content[:])  # Arrow reads text that is not UTF-8 as binary
            columns = _read(content, csv_format)
        zoned = {field.name: pa.string() for field in columns.schema if getattr(field.type, "tz", None)}
        if zoned:
            columns = _read(content, csv_format, zoned)
    except pa.ArrowInvalid as error:
        raise _parse_error(source, content[:], csv_format, str(error)) from error
    if not columns.num_rows:
        raise DataError(f"{source}: has a header but no rows", hint="provide a file with at least two rows of data")
    if not csv_format.has_header:
        columns = columns.rename_columns([f"column{number + 1}" for number in range(columns.num_columns)])
    return columns, csv_format


def _to_utf8(content: bytes) -> bytes:
    """Convert text to UTF-8; other text is read as Windows-1252, or as Latin-1, which accepts any byte."""
    for encoding in ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return content if encoding == "utf-8" else text.encode()
    return content.decode("latin-1").encode()


def _read(content: Content, csv_format: CsvFormat, types: dict[str, pa.DataType] | None = None) -> pa.Table:
    """Read block by block with the column types of the first block, which needs a third of the memory.

    If a later cell has another type, read everything at once, to find a type that fits all cells.
    """
    options = {
        "read_options": pyarrow.csv.ReadOptions(
            block_size=BLOCK_BYTES, autogenerate_column_names=not csv_format.has_header
        ),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=csv_format.delimiter, newlines_in_values=content.find(b'"') >= 0
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=types,
            null_values=MISSING_WORDS,
            decimal_point=csv_format.decimal,
            auto_dict_encode=True,
            auto_dict_max_cardinality=1 << 30,
        ),
    }
    with to_arrow(content) as source:
        try:
            reader = pyarrow.csv.open_csv(source, **options)
            return pa.Table.from_batches(list(reader), reader.schema)
        except pa.ArrowInvalid:
            pass
    with to_arrow(content) as source:
        return pyarrow.csv.read_csv(source, **options)


def _parse_error(source: str, content: bytes, csv_format: CsvFormat, reason: str) -> DataError:
    reader = csv.reader(StringIO(content.decode(errors="replace"), newline=""), delimiter=csv_format.delimiter)
    width = None
    try:
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                return DataError(
                    f"{source}: line {reader.line_num} has {len(row)} fields where the first line has {width}",
                    hint=f"fix line {reader.line_num}; quote cells that contain {csv_format.delimiter!r}",
                )
    except csv.Error as error:
        reason = f"line {reader.line_num}: {error}"
    return DataError(
        f"{source}: not a CSV file: {' '.join(reason.split())[:200]}", hint="provide a CSV or Parquet file"
    )


def _is_columnar(sample: str) -> bool:
    widths = {len(line.split()) for line in sample.splitlines() if line.strip()}
    return len(widths) == 1 and widths.pop() > 1


def _collapse_blanks(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def _find_decimal(rows: list[list[str]], delimiter: str) -> str:
    """Find the decimal mark from cells such as `1,5` and `1.5`; `1,234` counts only if there are no such cells."""
    cells = [cell for row in rows for cell in row if "," in cell or "." in cell]
    counts = {
        mark: sum(bool(_DECIMAL[mark].fullmatch(cell)) and not _GROUPED[mark].fullmatch(cell) for cell in cells)
        for mark in ",."
    }
    if any(counts.values()):
        return "," if counts[","] > counts["."] else "."
    is_repeated = any(cell.count(",") > 1 for cell in cells)
    is_grouped = any(_GROUPED[","].fullmatch(cell) for cell in cells)
    return "," if is_grouped and not is_repeated and delimiter != "," else "."


def _has_header(rows: list[list[str]]) -> bool:
    """Return True if the first line names columns: it contains no date, and not only numbers."""
    first = rows[0] if rows else []
    if "" in first:
        return True
    is_data = any(_DATE.fullmatch(cell) for cell in first) or all(_NUMBER.fullmatch(cell) for cell in first)
    return not is_data
