"""Hints for a job: the options that other commands have are keys of its file."""

import re

_DATA = ("time", "target", "id", "freq", "season", "horizon", "duplicates", "past", "known", "static", "holidays")
_FORMAT = ("sheet", "delimiter", "encoding", "skip-rows", "header", "decimal", "na", "date-format", "zone")
_KEYS = {
    **{name: f"data.{name}" for name in _DATA},
    **{name: f"data.format.{name.replace('-', '_')}" for name in _FORMAT},
    "min": "data.minimum",
    "max": "data.maximum",
}
_SWITCHES = {"day-first": "data.format.day_first=true", "no-day-first": "data.format.day_first=false"}
_OPTION = re.compile(r"--(?P<name>[a-z][a-z-]*)(?:[ =](?P<value>'[^']*'|[^\s,()`]+))?")


def translate(hint: str) -> str:
    """Return a hint whose options of other commands are written as `--set key=value`, which `run` has."""
    return _OPTION.sub(_translate_option, hint)


def _translate_option(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    if name in _SWITCHES:
        return f"--set {_SWITCHES[name]}" + (f" {value}" if value else "")
    if name not in _KEYS:
        return match[0]
    if value is None:
        return f"--set {_KEYS[name]}=..."
    quote = "'" if value.startswith("'") else ""
    return f"--set {quote}{_KEYS[name]}={value.strip(quote)}{quote}" if quote else f"--set {_KEYS[name]}={value}"
