"""JSON that a stranger may have written: objects of bounded depth, with finite numbers and plain text."""

import json
import math
from pathlib import Path
from typing import Any

from forecaster.errors import InputError
from forecaster.store.regular_files import MAX_TEXT_BYTES, read_regular_file

_MAX_DEPTH = 32
_MAX_INTEGER = 2**63 - 1


def read_object(path: Path, *, hint: str) -> dict[str, Any]:
    """Read a file that contains a JSON object.

    Raises: InputError: the file cannot be read (see `read_regular_file`), or see `parse_object`.
    """
    return parse_object(read_regular_file(path, max_bytes=MAX_TEXT_BYTES, hint=hint), path, hint=hint)


def parse_object(content: bytes, path: Path, *, hint: str) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        path: the file, as errors name it.
        hint: for the error.

    Raises: InputError: it is not JSON or not an object, is nested too deeply, or contains a number or text that
        other programs cannot read: NaN, an infinite number, a lone surrogate, or a NUL.
    """
    try:
        values = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
        _check(values)
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else error
        raise InputError(f"{path}: is not valid JSON: {reason}", hint=hint) from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: is not a JSON object", hint=hint)
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _check(values: object) -> None:
    """Check values level by level, because a recursion would fail for deep ones.

    Raises: ValueError: see `parse_object`.
    """
    level = [values]
    for _ in range(_MAX_DEPTH):
        below: list[object] = []
        for value in level:
            match value:
                case dict():
                    below += [*value, *value.values()]
                case list():
                    below += value
                case str():
                    _check_text(value)
                case float() if not math.isfinite(value):
                    raise ValueError("a number is too large")
                case int() if abs(value) > _MAX_INTEGER:
                    raise ValueError("an integer has more than 64 bits")
        if not below:
            return
        level = below
    raise ValueError(f"it is nested more than {_MAX_DEPTH} levels deep")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("a text contains a NUL")
    text.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
