"""YAML as plain values, within limits: no text makes the loader run long, fill the memory or fail with a traceback."""

import re
from typing import Any

import yaml

from forecaster.errors import ConfigError

MAX_CHARACTERS = 2_000_000
MAX_DEPTH = 30  # sections and lists within each other
MAX_NODES = 80_000  # keys, values, sections and lists
MAX_ALIASED_NODES = 10_000  # those that aliases and merge keys repeat
MAX_NUMBER_CHARACTERS = 100
_MAX_LINE_CHARACTERS = 80

_NUMBERS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp")}
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_NO_SPACE = re.compile(r"(\s*(?:- )?[\w.-]+):([^\s:/].*)")
_SECOND_COLON = re.compile(r"(\s*(?:- )?[\w.-]+): +([^'\"\[{|>&*#].*:(?:\s.*)?)")
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")  # no path, name or URL can contain these


class YamlLimitError(yaml.MarkedYAMLError):
    """YAML that exceeds a limit, or repeats itself without end."""


def parse_yaml(text: str, source: str, *, hint: str) -> Any:
    """Return the value of a YAML text; aliases and merge keys are resolved.

    A plain scalar that looks like a number or a date but is none, such as `2020-99-99`, is text. So is a time of day,
    such as `17:30`, which YAML 1.1 would read as the number 1050.

    Args:
        source: names the text in errors.
        hint: what to do about an error whose cause is not known.

    Raises: ConfigError: the text is not YAML, has a value that cannot be read, or exceeds a limit.
    """
    try:
        return load_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source} is not YAML: {describe(error)}", hint=find_cause(error, text) or hint) from error


def load_yaml(text: str) -> Any:
    """Return the value of a YAML text, as `parse_yaml`.

    Raises: YAMLError: as `parse_yaml`; a `YamlLimitError` where a limit is exceeded.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlLimitError(problem=f"more than {MAX_CHARACTERS:,} characters")
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """A loader that counts nodes while it composes them, and names the place of a scalar that it cannot read."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = self._aliased = 0
        self._sizes: dict[str, int] = {}  # the number of nodes below each anchor that is complete

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        is_alias, anchor = isinstance(event, yaml.AliasEvent), getattr(event, "anchor", None)
        before = self._nodes
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise YamlLimitError(problem=f"more than {MAX_DEPTH} levels", problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._nodes += 1
        if is_alias:
            if anchor not in self._sizes:
                raise YamlLimitError(problem=f"*{anchor} contains itself", problem_mark=event.start_mark)
            self._aliased += self._sizes[anchor]
            self._nodes += self._sizes[anchor]
        elif anchor:
            self._sizes[anchor] = self._nodes - before
        if self._nodes > MAX_NODES or self._aliased > MAX_ALIASED_NODES:
            limit = MAX_NODES if self._nodes > MAX_NODES else MAX_ALIASED_NODES
            what = "values" if self._nodes > MAX_NODES else "values by aliases"
            raise YamlLimitError(problem=f"more than {limit:,} {what}", problem_mark=event.start_mark)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        is_number = isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS
        is_text = is_number and (len(node.value) > MAX_NUMBER_CHARACTERS or _SEXAGESIMAL.fullmatch(node.value))
        try:
            value = self._construct_text(node) if is_text else super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            value = self._construct_text(node)
        if isinstance(value, str) and _UNUSABLE.search(value):
            raise yaml.constructor.ConstructorError(
                problem=f"a character that no text can contain: {ascii(value)[:40]}", problem_mark=node.start_mark
            )
        return value

    def _construct_text(self, node: yaml.Node) -> str:
        """Return a plain scalar as text; one with a tag of its own, such as `!!float x`, is an error."""
        is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
        resolved = self.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
        if not is_plain or resolved != node.tag:
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                problem=f"{str(node.value)[:40]!r} is not of the type {kind}", problem_mark=node.start_mark
            )
        return str(node.value)


def describe(error: yaml.YAMLError) -> str:
    """Return the problem and its place in one line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join((getattr(error, "problem", None) or str(error)).split())[:300]
    problem = getattr(error, "problem", None) or getattr(error, "context", None) or "cannot be read"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def find_cause(error: yaml.YAMLError, text: str) -> str | None:
    """Return a hint with the usual cause of a syntax error, and the line to change; None if the error is another."""
    marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
    if isinstance(error, YamlLimitError | yaml.constructor.ConstructorError) or marks[0] is None:
        return None
    lines = text.splitlines()
    numbers = dict.fromkeys(mark.line - above for above in (0, 1) for mark in marks if mark)
    for number in (number for number in numbers if 0 <= number < len(lines)):
        line, place = lines[number], f"line {number + 1}"
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return f"indent {place} by spaces; it begins with a tab: {_shorten(line)}"
        if match := _NO_SPACE.fullmatch(line):
            return f"put a space after the colon in {place}: {_shorten(line.replace(':', ': ', 1))}"
        if match := _SECOND_COLON.fullmatch(line):
            quoted = _shorten(f"{match[1]}: '{match[2]}'")
            return f"quote the value in {place}, because it contains a colon: {quoted}"
    number = min(marks[0].line, len(lines) - 1)
    return f"check the quotes, the brackets and the indentation of line {number + 1}: {_shorten(lines[number])}"


def _shorten(line: str) -> str:
    return " ".join(line.split())[:_MAX_LINE_CHARACTERS]
