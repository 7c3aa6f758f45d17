"""The language rules of ARCHITECTURE.md that a program can check."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted([*(ROOT / "forecaster").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])

# A clause is no docstring: it has no subject of its own.
CLAUSE = re.compile(r"(What|Whether|Where|How|Which|Who|Whose|When|Why|That|Of|As|If)\b")
# An imperative starts with a verb; none of these words is one.
NO_VERB = re.compile(
    r"(The|An?|All|Every|Each|Some|Any|Those|These|This|It|Its|One|Two|Both|From|To|In|On|At|By|For|With|As|No|Not|More"
    r"|Numbers?|Names?|Values?|Seconds|Bytes|Rows|Columns|Steps|Series|Shares?|Sums?|Means?|Lines?|Text|Words)\b|\W|\d"
)
# Participles that do not say which value a name stands for. `known` is a role of covariates.
PARTICIPLES = re.compile(
    r"_?(asked|chosen|drawn|found|given|held|kept|learnt|made|meant|read|said|seen|shown|taken|told|tried|wanted)"
)
# The first word of a phrase that only continues the name of the constant before it.
FRAGMENT = re.compile(r"(of|from|to|that|which|whose|where|what|how|at|after|as|and|by|so|in|on|with|who|is|are)\b")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def is_property(node: ast.FunctionDef) -> bool:
    return any("property" in ast.unparse(each) for each in node.decorator_list)


def find_docstrings(path: Path) -> Iterator[tuple[str, ast.AST, str]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "name", "module"), node, text.splitlines()[0]


def find_names(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_docstring_is_a_clause_without_a_subject(path: Path) -> None:
    assert [f"{name}: {line}" for name, _, line in find_docstrings(path) if CLAUSE.match(line)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_docstring_of_a_function_is_an_imperative(path: Path) -> None:
    wrong = [
        f"{name}: {line}"
        for name, node, line in find_docstrings(path)
        if isinstance(node, ast.FunctionDef) and not is_property(node) and NO_VERB.match(line)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_name_is_a_participle_alone(path: Path) -> None:
    assert [f"line {line}: {name}" for line, name in find_names(path) if PARTICIPLES.fullmatch(name)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_comment_of_a_constant_is_a_whole_phrase(path: Path) -> None:
    text = path.read_text("utf-8")
    constants = {node.end_lineno for node in tree_of(path).body if isinstance(node, ast.Assign | ast.AnnAssign)}
    comments = [
        (token.start[0], token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    assert [f"line {line}: {each}" for line, each in comments if line in constants and FRAGMENT.match(each)] == []
