"""The layout of a table of text: delimiter, lines above the header, lines of the header, and lines below the table."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from forecaster.config.table_format import TableFormat
from forecaster.data.table import MISSING_WORDS

BLANKS = " "  # the delimiter that stands for any run of blanks

_DELIMITERS = "\t;|,"  # the comma is last, since it is a decimal mark if another delimiter fits too
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)  # Excel's first line, which names the delimiter
_RULER = re.compile(r"[-+|=:\s]*(-{3}|={3})[-+|=:\s]*")  # the line below a header that is drawn
_NUMBER = re.compile(r"[+-]?[\d.,'\s]*\d[\d.,]*([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ].*)?|\d{4}-?Q[1-4]")
_YEAR = re.compile(r"(1[5-9]|20|21)\d\d")
_MAX_HEADER_LINES = 3
_MAX_FOOTER_LINES = 20
_MIN_SHARE_WITH_DIGITS = 0.8
_MIN_DATED_NAMES = 3
_MIN_NUMERIC_SHARE = 0.8
_BODY_ROWS = 200

Cells = list[str]


@dataclass(frozen=True)
class Layout:
    """The place of a table in its text.

    Attributes:
        delimiter: the character between two cells; `BLANKS` for any run of blanks.
        skip_rows: lines above the header.
        header: lines that name the columns; 0 if the first row has values.
        names: the names of the columns, "" where there is none; None if there is no header.
        body: the number of lines above the first row of values.
        width: cells in a row.
    """

    delimiter: str
    skip_rows: int
    header: int
    names: tuple[str, ...] | None
    body: int
    width: int


def detect_layout(sample: str, fixed: TableFormat) -> Layout:
    """Detect the layout of a table from its first lines, all of them complete.

    The table starts at the first line that has as many cells as most lines. Lines above it are a preamble.

    Args:
        sample: the first lines.
        fixed: the parts of the format that are known already.
    """
    named = _SEPARATOR_LINE.fullmatch(sample.partition("\n")[0])
    skip = fixed.skip_rows if fixed.skip_rows is not None else int(bool(named))
    delimiter = fixed.delimiter or (named[1] if named else None)
    text = "".join(sample.splitlines(keepends=True)[skip:])
    delimiter = delimiter or _find_delimiter(text)
    rows = list(split_rows(text, delimiter))
    rulers = {line for line, cells in rows if _RULER.fullmatch("".join(cells))}
    rows = [(line, cells) for line, cells in rows if line not in rulers]
    if not rows:
        return Layout(delimiter, skip, 0, None, skip, 1)
    first = 0 if fixed.skip_rows is not None else _find_start(rows)
    lines = [line for line, _ in rows]
    cells = [row for _, row in rows[first:]]
    width = Counter(map(len, cells[1:] or cells)).most_common(1)[0][0]
    header = fixed.header if fixed.header is not None else _count_header_lines(cells, width)
    if header and len(cells[0]) not in (width - 1, width):
        width = len(cells[0])  # the rows do not fit to their header, which the parser reports
    names = _join_names(cells[:header], width) if header else None
    above = skip + (lines[first - 1] if first else 0)
    last = lines[first + header - 1] if first + header else 0  # of the header
    body = skip + max((line for line in rulers if line == last + 1), default=last)
    return Layout(delimiter, above, header, names, body, width)


def split_rows(text: str, delimiter: str) -> Iterator[tuple[int, Cells]]:
    """Yield the cells of each row that is not blank, with the number of the line in which it ends, from 1."""
    if delimiter == BLANKS:
        for line, content in enumerate(text.splitlines(), start=1):
            if content.strip():
                yield line, content.split()
        return
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:  # the parser of the whole table reports the line
            return
        if any(cell.strip() for cell in row) or len(row) > 1:
            yield reader.line_num, [cell.strip() for cell in row]


def count_footer_lines(tail: str, layout: Layout) -> int:
    """Return the number of lines below a table: notes, sources and totals.

    They have another number of cells, or a word where the rows have dates, quarters or codes. A last row that starts
    with a date or a number was cut off, and does not count as a line below the table.

    Args:
        tail: the last lines of the file, all of them complete.
        layout: of the table.
    """
    count = len(list(StringIO(tail, newline="")))  # str.splitlines also breaks lines at other characters
    rows = dict(split_rows(tail, layout.delimiter))
    key = _find_key([cells for cells in rows.values() if len(cells) == layout.width], layout.width)
    footer, words = 0, set[str]()
    for line in range(count, max(count - _MAX_FOOTER_LINES, 0), -1):
        cells = rows.get(line)
        if cells is None:
            continue  # blank, or a line within a cell
        first = next((cell for cell in cells if cell), None)
        if first is None:  # cells without content, as a spreadsheet writes them
            footer = count - line + 1
            continue
        is_outside = len(cells) != layout.width or (key is not None and key.is_missing_in(cells) and first not in words)
        if _is_value(first) or not is_outside:
            break
        words.add(first)
        footer = count - line + 1
    return footer


@dataclass(frozen=True)
class _Key:
    """The first column that has digits in nearly all rows, such as dates, quarters and codes.

    Attributes:
        number: of the column.
        words: the most frequent number of words in a cell.
    """

    number: int
    words: int

    def is_missing_in(self, cells: Cells) -> bool:
        """Return True for a row of the same width that is no row of the table, such as a total."""
        cell = cells[self.number]
        if cell in MISSING_WORDS:
            return any(before and not _has_digit(before) for before in cells[: self.number])
        return not _has_digit(cell) or _count_words(cell) > self.words


def _find_key(body: list[Cells], width: int) -> _Key | None:
    for number in range(width if body else 0):
        column = [cells[number] for cells in body]
        if sum(map(_has_digit, column)) >= _MIN_SHARE_WITH_DIGITS * len(column):
            return _Key(number, Counter(map(_count_words, column)).most_common(1)[0][0])
    return None


def _count_words(cell: str) -> int:
    return len(re.findall(r"[^\W\d_]{2,}", cell))


def _has_digit(cell: str) -> bool:
    return any(letter.isdigit() for letter in cell)


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell))


def _find_delimiter(text: str) -> str:
    scores: dict[str, tuple[float, int]] = {}
    for delimiter in filter(text.__contains__, _DELIMITERS):
        widths = Counter(len(row) for _, row in split_rows(text, delimiter))
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        if width > 1:
            scores[delimiter] = (round(count / widths.total(), 2), -_DELIMITERS.index(delimiter))
    if scores:
        return max(scores, key=lambda mark: scores[mark])
    return BLANKS if _is_columnar(text) else ","


def _is_columnar(text: str) -> bool:
    widths = {len(line.split()) for line in text.splitlines() if line.strip()}
    return len(widths) == 1 and widths.pop() > 1


def _find_start(rows: list[tuple[int, Cells]]) -> int:
    """Return the number of the row at which the table starts."""
    widths = [len(row) for _, row in rows]
    common = Counter(widths).most_common(1)[0][0]
    if common == 1:
        return 0
    start = widths.index(common)
    while start + 1 < len(rows) and widths[start + 1] != common and common in widths[start + 1 :]:
        start += 1 + widths[start + 1 :].index(common)
    above = rows[start - 1][1] if start else []
    if len(above) == common - 1 and not any(map(_is_value, above)) and any(map(_is_value, rows[start][1])):
        start -= 1  # a header without a name for the last or the first column
    start = _skip_padded(rows, start)
    while start + 1 < len(rows) and rows[start][1][0].startswith("#") and not any(map(_is_value, rows[start + 1][1])):
        start += 1
    return start


def _skip_padded(rows: list[tuple[int, Cells]], start: int) -> int:
    """Return the number of the row below a preamble that a spreadsheet filled with empty cells to the width."""
    filled = [max((number for number, cell in enumerate(row, start=1) if cell), default=0) for _, row in rows]
    common = Counter(filled[start:]).most_common(1)[0][0]
    if common < 2 or filled[start] >= common:
        return start
    full = next(number for number in range(start, len(rows)) if filled[number] >= common)
    return full if not any(map(_is_value, rows[full][1])) else start


def _count_header_lines(cells: list[Cells], width: int) -> int:
    """Return the number of lines that name the columns."""
    first, body = cells[0], cells[1 : 1 + _BODY_ROWS]
    if _names_dates(first, body):
        return 1
    if len(body) < 3:
        return int(_names_columns(first))
    late = body[min(_MAX_HEADER_LINES, len(body) // 2) :]
    valued = [number for number in range(width) if _is_valued([row[number] for row in late if len(row) == width])]
    if not valued:
        return int(_names_columns(first))
    count = int(not any(map(_is_value, _pick(first, valued))))
    while count and count < _MAX_HEADER_LINES:
        line = _pick(cells[count], valued)
        if any(map(_is_value, line)) or all(cell in MISSING_WORDS for cell in line):
            break
        count += 1
    return count


def _pick(row: Cells, numbers: list[int]) -> Cells:
    return [row[number] for number in numbers if number < len(row)]


def _is_valued(column: Cells) -> bool:
    """Return True if a column consists of numbers, or of dates."""
    filled = [cell for cell in column if cell not in MISSING_WORDS]
    return bool(filled) and sum(map(_is_value, filled)) >= _MIN_NUMERIC_SHARE * len(filled)


def _names_columns(first: Cells) -> bool:
    """Return True if a line names columns: it contains no date, and not only numbers."""
    if "" in first:
        return True
    return not (any(_DATE.fullmatch(cell) for cell in first) or all(_NUMBER.fullmatch(cell) for cell in first))


def _names_dates(first: Cells, body: list[Cells]) -> bool:
    """Return True if columns are named by dates or years, below which there are other values."""
    if not body:
        return False
    dated = [number for number, cell in enumerate(first) if _DATE.fullmatch(cell) or _YEAR.fullmatch(cell)]
    if len(dated) < max(_MIN_DATED_NAMES, len(first) / 2) or len({first[number] for number in dated}) < len(dated):
        return False
    below = [cell for row in body for cell in _pick(row, dated)]
    return any(_NUMBER.fullmatch(cell) and not _YEAR.fullmatch(cell) for cell in below)


def _join_names(header: list[Cells], width: int) -> tuple[str, ...]:
    """Return the names of the columns: those of the first line if they differ, else those of all lines, joined."""
    rows = [[*row, *[""] * (width - len(row))][:width] for row in header]
    first = [rows[0][0].removeprefix("#").strip(), *rows[0][1:]]
    filled = [cell for cell in first if cell]
    if len(rows) == 1 or len(set(filled)) == len(filled) >= width - 1:
        return tuple(first)
    parts = zip(first, *rows[1:], strict=True)
    return tuple(" ".join(dict.fromkeys(part for part in each if part)) for each in parts)
