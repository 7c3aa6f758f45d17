"""CSV files as Arrow columns: Arrow parses the table whose place and format are detected."""

import codecs
import csv
import re
from dataclasses import dataclass
from io import StringIO

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from forecaster.config.table_format import TableFormat
from forecaster.data.files.content import Content, to_arrow
from forecaster.data.files.layout import BLANKS, Layout, count_footer_lines, detect_layout
from forecaster.data.table import MISSING_WORDS, LineNumbers, make_distinct, to_frame
from forecaster.errors import DataError

BLOCK_BYTES = 1 << 20  # the longest line that Arrow can parse

_SAMPLE_BYTES, _TAIL_BYTES = 1 << 14, 1 << 13
_MIN_SAMPLE_LINES = 12
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class ParsedCsv:
    """A CSV file that was parsed.

    Attributes:
        columns: Arrow columns; text columns are dictionaries, and times with a zone are text, since Arrow would lose
            the zone.
        format: the format by which it was read.
        lines: the line of each row.
        notes: the lines that were skipped, for the user.
    """

    columns: pa.Table
    format: TableFormat
    lines: LineNumbers
    notes: tuple[str, ...]
    _content: Content
    _layout: Layout
    _names: tuple[str, ...]

    def reread(self, names: list[str]) -> pd.DataFrame:
        """Read columns again as text, to the letter.

        Args:
            names: the columns.
        """
        types = dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string()))
        return to_frame(_read(self._content, self._layout, self._names, types, only=names))


def parse(source: str, content: Content, fixed: TableFormat, expected: frozenset[str] = frozenset()) -> ParsedCsv:
    """Parse a CSV file in any encoding.

    Args:
        source: names the file in errors.
        content: the bytes of the file.
        fixed: the parts of the format that are known already.
        expected: names of columns; without them, the lines above the table are counted anew.

    Raises: DataError: there are no rows, rows of unequal length, or text that is not in the encoding of `fixed`.
    """
    content, encoding = _decode(source, content, fixed.encoding)
    sample = _decode_sample(content)
    layout = detect_layout(sample, fixed)
    if fixed.skip_rows is not None and not expected <= set(layout.names or ()):
        other = detect_layout(sample, fixed.model_copy(update={"skip_rows": None, "header": None}))
        layout = other if expected <= set(other.names or ()) else layout
    if layout.delimiter == BLANKS:
        content = "\n".join(" ".join(line.split()) for line in content[:].decode("utf-8-sig").splitlines()).encode()
    else:
        content = _strip_blanks_before_quotes(content, layout.delimiter, sample)
    tail = content[max(len(content) - _TAIL_BYTES, 0) : len(content)]
    if len(content) > _TAIL_BYTES:
        tail = tail.partition(b"\n")[2]
    footer = count_footer_lines(tail.decode(errors="replace"), layout)
    if footer:
        content = content[: len(content) - sum(map(len, tail.splitlines(keepends=True)[-footer:]))]
    names = _complete_names(layout, sample)
    try:
        columns = _read(content, layout, names)
        if any(pa.types.is_binary(getattr(field.type, "value_type", field.type)) for field in columns.schema):
            content, encoding = _to_utf8(content[:])  # Arrow reads text that is not UTF-8 as binary
            columns = _read(content, layout, names)
        zoned = {field.name: pa.string() for field in columns.schema if getattr(field.type, "tz", None)}
        if zoned:
            columns = _read(content, layout, names, zoned)
    except pa.ArrowInvalid as error:
        raise _parse_error(source, content[:], layout, str(error)) from error
    if not columns.num_rows:
        raise _no_rows_error(source)
    known = TableFormat(
        encoding=encoding,
        delimiter=layout.delimiter,
        skip_rows=layout.skip_rows,
        header=layout.header,
        **fixed.model_dump(include={"decimal", "na", "date_format", "day_first", "zone"}),
    )
    lines = LineNumbers(content, columns.num_rows, above=layout.body)
    notes = tuple(_describe_skipped(layout, footer))
    return ParsedCsv(columns, known, lines, notes, content, layout, names)


def _decode(source: str, content: Content, encoding: str | None) -> tuple[Content, str]:
    """Convert text to UTF-8 if its beginning shows that it is not; return it with the name of its encoding."""
    if encoding is not None and encoding.lower().replace("-", "") not in ("utf8", "utf8sig", "ascii"):
        data = content[:]
        if not data.isascii() and not data.startswith(_UTF16) and _is_utf8(data):
            raise DataError(
                f"{source}: contradicts the encoding {encoding}: it is UTF-8",
                hint="pass --encoding utf-8, or save the file in the encoding of the earlier data",
            )
        try:
            return data.decode(encoding).removeprefix("\ufeff").encode(), encoding
        except LookupError:
            raise DataError(
                f"{source}: there is no encoding {encoding!r}", hint="pass --encoding utf-8, cp1252 or utf-16"
            ) from None
        except UnicodeDecodeError as error:
            raise DataError(
                f"{source}: is not text in {encoding}: {error.reason}", hint="leave --encoding out to detect it"
            ) from error
    if content[:2] in _UTF16:
        return content[:].decode("utf-16", errors="replace").encode(), "utf-16"
    try:
        content[: _sample_end(content)].decode("utf-8-sig")
    except UnicodeDecodeError:
        return _to_utf8(content[:])
    return content, "utf-8"


def _is_utf8(data: bytes) -> bool:
    """Return True for UTF-8; other text with accents hardly ever is."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _to_utf8(content: bytes) -> tuple[bytes, str]:
    """Convert text to UTF-8; other text is read as Windows-1252, or as Latin-1, which accepts any byte."""
    for encoding in ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return (content if encoding == "utf-8" else text.encode()), encoding
    return content.decode("latin-1").encode(), "latin-1"


def _sample_end(content: Content) -> int:
    """Return the end of the first lines: a dozen of them, or as many as fit into the sample."""
    size = _SAMPLE_BYTES
    while size < len(content):
        head = content[:size]
        end = head.rfind(b"\n")
        if size >= BLOCK_BYTES or (end > 0 and head.count(b"\n") >= _MIN_SAMPLE_LINES):
            return end if end > 0 else size
        size *= 4
    return len(content)


def _decode_sample(content: Content) -> str:
    return content[: _sample_end(content)].decode("utf-8-sig", errors="replace")


def _strip_blanks_before_quotes(content: Content, delimiter: str, sample: str) -> Content:
    """Remove blanks between a delimiter and a quote, which would make the quote a part of the cell."""
    pattern = rf'{re.escape(delimiter)}[ \t]+"(?!")' if delimiter != "\t" else rf'{delimiter} +"(?!")'
    if not re.search(pattern, sample):
        return content
    return re.sub(pattern.encode(), f'{delimiter}"'.encode(), content[:])


def _complete_names(layout: Layout, sample: str) -> tuple[str, ...]:
    """Return a distinct name for each column.

    A header with a name less than there are columns names all but the first column, as R does, unless the last one is
    empty because each row ends with a delimiter.
    """
    if layout.names is None:
        return tuple(f"column{number + 1}" for number in range(layout.width))
    names = layout.names
    if names and names[-1] == "" and "" not in names[:-1] and layout.width > 1:
        lines = sample.splitlines()
        if len(lines) > layout.body and not lines[layout.body].endswith(layout.delimiter):
            names = ("", *names[:-1])
    return tuple(make_distinct(names))


def _read(
    content: Content,
    layout: Layout,
    names: tuple[str, ...],
    types: dict[str, pa.DataType] | None = None,
    *,
    only: list[str] | None = None,
) -> pa.Table:
    """Read block by block with the column types of the first block, which needs a third of the memory.

    If a later cell has another type, read everything at once, to find a type that fits all cells.
    """
    options = {
        "read_options": pyarrow.csv.ReadOptions(
            block_size=BLOCK_BYTES, skip_rows=layout.body, column_names=list(names)
        ),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=layout.delimiter, newlines_in_values=content.find(b'"') >= 0
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=types,
            include_columns=only,
            null_values=MISSING_WORDS,
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


def _describe_skipped(layout: Layout, footer: int) -> list[str]:
    parts = [
        (layout.skip_rows, "above the table"),
        (max(layout.header - 1, 0), "below the names of the columns"),
        (footer, "below the table"),
    ]
    return [f"skipped {count} line{'s' * (count != 1)} {place}" for count, place in parts if count]


def _parse_error(source: str, content: bytes, layout: Layout, reason: str) -> DataError:
    reader = csv.reader(StringIO(content.decode(errors="replace"), newline=""), delimiter=layout.delimiter)
    rows = 0
    try:
        for row in reader:
            if reader.line_num <= layout.body or not row:
                continue
            rows += 1
            if len(row) != layout.width:
                return DataError(
                    f"{source}: line {reader.line_num} has {len(row)} fields where the table has {layout.width}",
                    hint=f"fix line {reader.line_num}; quote cells that contain {layout.delimiter!r}",
                )
    except csv.Error as error:
        reason = f"line {reader.line_num}: {error}"
    if not rows:
        return _no_rows_error(source)
    return DataError(
        f"{source}: not a CSV file: {' '.join(reason.split())[:200]}", hint="provide a CSV or Parquet file"
    )


def _no_rows_error(source: str) -> DataError:
    return DataError(f"{source}: has a header but no rows", hint="provide a file with at least two rows of data")
