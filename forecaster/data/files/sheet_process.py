"""A process of its own that reads a sheet: a hostile workbook can end it, but not the program.

A sheet with one cell in its last corner would need 400 GB, and the library ends a process that has no memory left.
The parent writes a line of JSON and the workbook to standard input, and reads a line of JSON and the text.
"""

import csv
import datetime
import io
import json
import sys
from collections import Counter
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_AMBIGUOUS_DECIMALS = 3  # In a file of text "1.021" may be a thousand and twenty-one.

Row = list[Any]


def main() -> None:
    """Answer a request: `{"sheet": name, number or null, "most_bytes": 2e9}` and the workbook.

    The answer is `{"name", "others"}` and the sheet as CSV, or `{"problem", "names"}`.
    """
    request = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (request["most_bytes"], request["most_bytes"]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer, text = _read(data, request["sheet"])
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + text)


def _read(data: bytes, sheet: str | None) -> tuple[dict[str, Any], bytes]:
    import python_calamine as calamine

    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = workbook.sheet_names
        if sheet is not None:
            number = int(sheet) - 1 if sheet.isdecimal() and sheet not in names else -1
            name = sheet if sheet in names else names[number] if 0 <= number < len(names) else None
            if name is None:
                return {"problem": "no such sheet", "names": names}, b""
            return {"name": sheet, "others": []}, to_text(_read_rows(workbook, name))
        tables = {name: rows for name in names if len(rows := _read_rows(workbook, name)) > 1}
    except calamine.PasswordError:
        return {"problem": "password"}, b""
    except calamine.CalamineError as error:
        return {"problem": "damaged", "reason": str(error)}, b""
    if not tables:
        return {"problem": "empty"}, b""
    name, *others = tables
    return {"name": name if others else None, "others": others}, to_text(tables[name])


def _read_rows(workbook: Any, name: str) -> list[Row]:
    rows: list[Row] = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return rows


def to_text(rows: list[Row]) -> bytes:
    """Write rows as CSV. Lines above and below the table end with their last cell; those of the table are complete."""
    lines = [[_to_word(cell) for cell in row] for row in rows]
    first = min((number for line in lines for number, word in enumerate(line) if word), default=0)
    lines = [line[first:] for line in lines]
    filled = [max((number for number, word in enumerate(line, start=1) if word), default=0) for line in lines]
    common = Counter(count for count in filled if count).most_common(1)
    width = common[0][0] if common else 0
    table = [number for number, count in enumerate(filled) if count >= width] or [0]
    most = max(filled[table[0] : table[-1] + 1], default=0)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    for number, line in enumerate(lines):
        is_within = table[0] <= number <= table[-1] and filled[number] > 0
        writer.writerow(line[: most if is_within else filled[number]])
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
