"""Sheets of workbooks (Excel, LibreOffice) as text, which is then read as any other table of text."""

import io
import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from typing import Any, NamedTuple

from forecaster.data.files import compression
from forecaster.data.files.content import Content
from forecaster.errors import DataError, DependencyError, did_you_mean, quote_value

OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_PACKAGE = "python_calamine"
_MAX_UNPACKED_BYTES, _MAX_RATIO = 1 << 28, 100  # a workbook that exceeds both is no table
_MAX_PROCESS_BYTES = 2 << 30
_MAX_SECONDS = 300
_HINT_DAMAGED = "open the workbook, save it again, or save the sheet as CSV"
_PROGRAM = "from forecaster.data.files.sheet_process import main; main()"


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
        DataError: the workbook is damaged, has a password, needs too much memory, or has no such sheet.
        DependencyError: the package that reads workbooks is not installed.
    """
    if find_spec(_PACKAGE) is None:
        raise DependencyError(
            f"{place}: a workbook needs the package python-calamine",
            hint="pip install python-calamine, or save the sheet as CSV",
        )
    data = content[:]
    if data.startswith(compression.ZIP):
        _check_size(place, data)
    answer, text = _ask(place, data, sheet)
    if problem := answer.get("problem"):
        raise _refuse(place, problem, answer, sheet)
    name, others = answer["name"], answer["others"]
    note = f"read the sheet {name!r}; --sheet {quote_value(others[0])} reads another one" if others else None
    return Sheet(text, name, note)


def _check_size(place: str, data: bytes) -> None:
    """Refuse an archive that would fill the memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(each.file_size for each in archive.infolist())
    except compression.ERRORS as error:
        raise DataError(f"{place}: the workbook is damaged: {error}", hint=_HINT_DAMAGED) from error
    if size > max(_MAX_UNPACKED_BYTES, _MAX_RATIO * len(data)):
        raise DataError(f"{place}: the workbook unpacks to {size >> 20:,} MiB", hint="save the sheet as CSV")


def _ask(place: str, data: bytes, sheet: str | None) -> tuple[dict[str, Any], bytes]:
    """Read the sheet in a process of its own; see `sheet_process`."""
    request = json.dumps({"sheet": sheet, "most_bytes": _MAX_PROCESS_BYTES}).encode() + b"\n" + data
    # -P leaves the working directory, where strangers may have put modules, out of the path.
    command = [sys.executable, "-P", "-c", _PROGRAM]
    try:
        done = subprocess.run(command, input=request, capture_output=True, timeout=_MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{place}: reading the workbook took {_MAX_SECONDS} s", hint="save the sheet as CSV") from error
    if done.returncode:
        raise DataError(
            f"{place}: the workbook is damaged, or needs more than {_MAX_PROCESS_BYTES >> 30} GiB of memory",
            hint="delete cells far from the table, or save the sheet as CSV",
        )
    line, _, text = done.stdout.partition(b"\n")
    answer: dict[str, Any] = json.loads(line)
    return answer, text


def _refuse(place: str, problem: str, answer: dict[str, Any], sheet: str | None) -> DataError:
    if problem == "no such sheet":
        names = answer["names"]
        return DataError(
            f"{place}: the workbook has no sheet {sheet!r}{did_you_mean(str(sheet), names)}",
            hint=f"sheets are {', '.join(names[:20])}",
        )
    if problem == "password":
        return DataError(f"{place}: the workbook has a password", hint="save it without one")
    if problem == "empty":
        return DataError(f"{place}: no sheet has rows", hint="name a workbook with a table")
    return DataError(f"{place}: the workbook is damaged: {answer['reason']}", hint=_HINT_DAMAGED)
