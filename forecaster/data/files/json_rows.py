"""Rows in JSON: one object a line, an array of objects, or an object of columns."""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.json  # type: ignore[import-untyped]

from forecaster.data.files.content import BLOCK_BYTES, Content
from forecaster.errors import DataError

STARTS = (b"{", b"[")
_MAX_BLOCK_BYTES = 1 << 30
_MAX_DEPTH = 200
_HINT = 'write one object a line, such as {"date": "2024-01-01", "sales": 12.5}'


def parse(place: str, content: Content) -> pa.Table:
    """Parse JSON as Arrow columns; times stay text, since Arrow would lose their zone.

    Args:
        place: names the file in errors.

    Raises: DataError: the text is not JSON, or has no rows.
    """
    data = content[:].removeprefix(b"\xef\xbb\xbf").strip()
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: the JSON is not text in UTF-8: {error.reason}", hint="save it in UTF-8") from error
    _refuse_nested(place, data)
    try:
        is_lines = data.startswith(b"{") and b"\n" in data and isinstance(json.loads(data.partition(b"\n")[0]), dict)
    except ValueError:
        is_lines = False
    if not is_lines:
        data = _to_lines(place, data)
    try:
        return _parse_lines(data)
    except pa.ArrowInvalid:
        return _parse_mixed(place, data)


def _refuse_nested(place: str, data: bytes) -> None:
    """Refuse values that are nested deeper than parsers can follow; brackets in text count, too."""
    depth = 0
    for begin in range(0, len(data), BLOCK_BYTES):
        letters = np.frombuffer(data[begin : begin + BLOCK_BYTES], np.uint8)
        steps = np.isin(letters, list(b"[{")).astype(np.int64) - np.isin(letters, list(b"]}"))
        depths = depth + np.cumsum(steps)
        if depths.max() > _MAX_DEPTH:
            raise DataError(f"{place}: the JSON is nested more than {_MAX_DEPTH} levels deep", hint=_HINT)
        depth = int(depths[-1])


def _parse_lines(data: bytes) -> pa.Table:
    options = pyarrow.json.ReadOptions(block_size=min(len(data) + 1, _MAX_BLOCK_BYTES))
    table = pyarrow.json.read_json(io.BytesIO(data), options)
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    if not times:
        return table
    types = pa.schema([(name, pa.string()) for name in times])
    return pyarrow.json.read_json(io.BytesIO(data), options, pyarrow.json.ParseOptions(explicit_schema=types))


def _parse_mixed(place: str, data: bytes) -> pa.Table:
    """Parse lines in which a column has values of several types, which become text."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{place}: line {number} is not JSON: {error}", hint=_HINT) from error
        if not isinstance(row, dict):
            raise DataError(f"{place}: line {number} is not an object", hint=_HINT)
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _to_array([row.get(name) for row in rows]) for name in names})


def _to_array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([value if value is None or isinstance(value, str) else json.dumps(value) for value in values])


def _to_lines(place: str, data: bytes) -> bytes:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: is not JSON: {error}", hint=_HINT) from error
    rows = _find_rows(document)
    if not rows:
        raise DataError(f"{place}: the JSON has no rows", hint=_HINT)
    return "\n".join(map(json.dumps, rows)).encode()


def _find_rows(document: Any) -> list[dict[str, Any]]:
    """Return the rows of an array of objects, of an object of columns, or of the only such value in an object."""
    if isinstance(document, list):
        return document if all(isinstance(row, dict) for row in document) else []
    lists = {name: value for name, value in document.items() if isinstance(value, list)}
    if lists and len(lists) == len(document) and len(set(map(len, lists.values()))) == 1:
        return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    nested = [value for value in document.values() if isinstance(value, list | dict) and _has_rows(value)]
    if len(nested) == 1:
        return _find_rows(nested[0])
    return [document] if not any(isinstance(value, list | dict) for value in document.values()) else []


def _has_rows(value: list[Any] | dict[str, Any]) -> bool:
    rows = _find_rows(value) if value else []
    return len(rows) > 1
