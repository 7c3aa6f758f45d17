"""The part of JSON Schema that the schema of configs uses. A keyword that is unknown here is an error."""

import re
from collections.abc import Callable, Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
_NOTES = {"title", "description", "default", "$defs", "format"}
_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, wanted: (
        isinstance(value, _TYPES[wanted]) and (isinstance(value, bool) == (wanted == "boolean"))
    ),
    "const": lambda value, wanted: bool(value == wanted),
    "enum": lambda value, wanted: value in wanted,
    "minimum": lambda value, wanted: not isinstance(value, int | float) or value >= wanted,
    "maximum": lambda value, wanted: not isinstance(value, int | float) or value <= wanted,
    "exclusiveMinimum": lambda value, wanted: not isinstance(value, int | float) or value > wanted,
    "exclusiveMaximum": lambda value, wanted: not isinstance(value, int | float) or value < wanted,
    "minLength": lambda value, wanted: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda value, wanted: not isinstance(value, str) or len(value) <= wanted,
    "pattern": lambda value, wanted: not isinstance(value, str) or re.search(wanted, value) is not None,
    "minItems": lambda value, wanted: not isinstance(value, list) or len(value) >= wanted,
    "maxItems": lambda value, wanted: not isinstance(value, list) or len(value) <= wanted,
    "required": lambda value, wanted: not isinstance(value, dict) or set(wanted) <= set(value),
}


def validate(value: Any, schema: dict[str, Any]) -> list[str]:
    """Return the problems of a value, each with its place; none if the schema accepts it."""
    return list(_problems(value, schema, schema["$defs"], ""))


def _problems(value: Any, schema: Any, definitions: dict[str, Any], place: str) -> Iterator[str]:
    if isinstance(schema, bool):
        if not schema:
            yield f"{place} is unknown"
        return
    for keyword, wanted in schema.items():
        if keyword in _CHECKS:
            if not _CHECKS[keyword](value, wanted):
                yield f"{place}: {value!r} is not {keyword} {wanted}"
        elif keyword == "$ref":
            yield from _problems(value, definitions[wanted.rpartition("/")[2]], definitions, place)
        elif keyword == "anyOf":
            results = [list(_problems(value, each, definitions, place)) for each in wanted]
            if all(results):
                yield f"{place}: fits no alternative: {min(results, key=len)}"
        elif keyword not in _NOTES:
            for part, inner, name in _parts(value, keyword, schema):
                yield from _problems(part, inner, definitions, f"{place}{name}")


def _parts(value: Any, keyword: str, schema: dict[str, Any]) -> list[tuple[Any, Any, str]]:
    """Return the parts of an object or a list that a keyword describes, each with its schema and its name."""
    wanted = schema[keyword]
    known = schema.get("properties", {})
    if keyword in ("properties", "additionalProperties"):
        items = value.items() if isinstance(value, dict) else ()
        if keyword == "properties":
            return [(each, wanted[key], f".{key}") for key, each in items if key in wanted]
        return [(each, wanted, f".{key}") for key, each in items if key not in known]
    elements = value if isinstance(value, list) else []
    if keyword == "items":
        return [(each, wanted, f"[{number}]") for number, each in enumerate(elements)]
    if keyword == "prefixItems":
        return [(each, part, "[]") for each, part in zip(elements, wanted, strict=False)]
    raise AssertionError(f"the keyword {keyword} is unknown")
