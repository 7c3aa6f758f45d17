"""Sheets of workbooks (Excel, LibreOffice) as text, which is then read as any other table of text."""

import csv
import datetime
import io
import shlex
import zipfile
from collections import Counter
from typing import Any, NamedTuple

from forecaster.data.files.compression import ZIP
from forecaster.data.files.content import Content
from forecaster.errors import DataError, DependencyError, did_you_mean

OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_MAX_UNPACKED_BYTES, _MAX_RATIO = 1 << 28, 100  # a workbook that exceeds both is no table
_AMBIGUOUS_DECIMALS = 3  # "1.021" in a file of text may be a thousand and twenty-one
_HINT_DAMAGED = "open the workbook, save it again, or save the sheet as CSV"

Row = list[Any]


class Sheet(NamedTuple):
    """A sheet as CSV text with commas; each row is one line, at the number that it has in the sheet.

    Attributes:
        text: UTF-8.
        name: the name of the sheet, or as the user passed it; None if there was no choice.
        note: names the sheet if it was chosen here, for the user; None otherwise.
    """

    text: bytes
    name: str | None = None
    note: str | None = None


def read_sheet(place: str, content: Content, sheet: str | None) -> Sheet:
    """Read a sheet of a workbook.

    Args:
        place: names the workbook in errors.
        sheet: the name of the sheet or its number, from 1; None for the first one that has a table.

    Raises:
        DataError: the workbook is damaged, has a password, or no such sheet.
        DependencyError: the package that reads workbooks is not installed.
    """
    try:
        import python_calamine as calamine
    except ImportError as error:
        raise DependencyError(
            f"{place}: a workbook needs the package python-calamine",
            hint="pip install python-calamine, or save the sheet as CSV",
        ) from error
    data = content[:]
    if data.startswith(ZIP):
        _check_size(place, data)
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except calamine.PasswordError as error:
        raise DataError(f"{place}: the workbook has a password", hint="save it without one") from error
    except calamine.CalamineError as error:
        raise DataError(f"{place}: the workbook is damaged: {error}", hint=_HINT_DAMAGED) from error
    names = workbook.sheet_names
    try:
        if sheet is not None:
            return Sheet(_to_text(_read_rows(workbook, _choose(place, names, sheet))), sheet)
        tables = {name: rows for name in names if len(rows := _read_rows(workbook, name)) > 1}
    except calamine.CalamineError as error:
        raise DataError(f"{place}: the workbook is damaged: {error}", hint=_HINT_DAMAGED) from error
    if not tables:
        raise DataError(f"{place}: no sheet has rows", hint="name a workbook with a table")
    name, *others = tables
    if not others:
        return Sheet(_to_text(tables[name]))
    note = f"read the sheet {name!r}; --sheet {shlex.quote(others[0])} reads another one"
    return Sheet(_to_text(tables[name]), name, note)


def _check_size(place: str, data: bytes) -> None:
    """Refuse an archive that would fill the memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(each.file_size for each in archive.infolist())
    except zipfile.BadZipFile as error:
        raise DataError(f"{place}: the workbook is damaged: {error}", hint=_HINT_DAMAGED) from error
    if size > max(_MAX_UNPACKED_BYTES, _MAX_RATIO * len(data)):
        raise DataError(f"{place}: the workbook unpacks to {size >> 20:,} MiB", hint="save the sheet as CSV")


def _choose(place: str, names: list[str], sheet: str) -> str:
    if sheet in names:
        return sheet
    if sheet.isdecimal() and 1 <= int(sheet) <= len(names):
        return names[int(sheet) - 1]
    raise DataError(
        f"{place}: the workbook has no sheet {sheet!r}{did_you_mean(sheet, names)}",
        hint=f"sheets are {', '.join(names[:20])}",
    )


def _read_rows(workbook: Any, name: str) -> list[Row]:
    rows: list[Row] = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return rows


def _to_text(rows: list[Row]) -> bytes:
    """Write rows as CSV. Lines above and below the table end with their last cell; those of the table are complete."""
    lines = [[_to_word(cell) for cell in row] for row in rows]
    first = min((number for line in lines for number, word in enumerate(line) if word), default=0)
    lines = [line[first:] for line in lines]
    filled = [max((number for number, word in enumerate(line, start=1) if word), default=0) for line in lines]
    common = Counter(count for count in filled if count).most_common(1)
    width = common[0][0] if common else 0
    table = [number for number, count in enumerate(filled) if count >= width] or [0]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    for number, line in enumerate(lines):
        is_within = table[0] <= number <= table[-1] and filled[number] > 0
        end = max(filled[table[0] : table[-1] + 1]) if is_within else filled[number]
        writer.writerow(line[:end])
    return stream.getvalue().encode()


def _to_word(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return _to_digits(cell)
    if isinstance(cell, datetime.datetime | datetime.date):
        return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else cell.isoformat()
    return " ".join(str(cell).split())


def _to_digits(value: float) -> str:
    """Write a number so that its point cannot be taken for one between thousands."""
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    digits = repr(value)
    return digits + "0" if len(digits.partition(".")[2]) == _AMBIGUOUS_DECIMALS else digits
