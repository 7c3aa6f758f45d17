"""The sizes that keep a module readable."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "forecaster").rglob("*.py"))
MOST_LINES_OF_MODULE = 300
MOST_LINES_OF_FUNCTION = 60
MOST_PARAMETERS = 6


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def functions_of(path: Path) -> Iterator[ast.FunctionDef]:
    """List the functions of a module, without the commands and groups of options whose parameters Typer reads."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and not (path.parent.name == "cli" and is_read_by_typer(node)):
            yield node


def is_read_by_typer(function: ast.FunctionDef) -> bool:
    """Return True for a command, and for a group of options, all of which have defaults."""
    arguments = function.args
    is_group = len(arguments.defaults) == len(arguments.args) > 0 and not arguments.kwonlyargs
    return is_group or "typer.Option" in ast.unparse(function)


def count_parameters(function: ast.FunctionDef) -> int:
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES_OF_MODULE


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_function_has_at_most_60_lines(path: Path) -> None:
    lengths = {each.name: (each.end_lineno or 0) - each.lineno + 1 for each in functions_of(path)}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_OF_FUNCTION} == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_function_has_at_most_six_parameters(path: Path) -> None:
    counts = {each.name: count_parameters(each) for each in functions_of(path)}
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}
