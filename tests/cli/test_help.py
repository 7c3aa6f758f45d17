"""The help of every command: in plain words, within the width, and without words that break."""

import re
import shlex

import pytest
import typer
from typer.core import TyperGroup

from forecaster.cli.app import app
from forecaster.cli.help import describe_range, list_models
from tests.cli.conftest import Forecast


def _commands() -> list[str]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    ledger = group.commands["ledger"]
    assert isinstance(ledger, TyperGroup)
    return ["", *group.commands, *(f"ledger {name}" for name in ledger.commands)]


COMMANDS = _commands()


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_plain_and_fits(
    command: str, columns: int, forecast: Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = forecast(*shlex.split(command), "--help")
    assert done.code == 0
    assert not re.findall(r"<(?:int|str|bool|float|path|list)\b|range>|<=|>=|\bx>|\d{10}|\(detected\)", done.out)
    assert not [line for line in done.out.splitlines() if len(line) > min(columns, 120) or line != line.rstrip()]
    assert "\x1b" not in done.out


def _words_of(command: str) -> list[str]:
    group = typer.main.get_command(app)
    for name in shlex.split(command):
        assert isinstance(group, TyperGroup)
        group = group.commands[name]
    return [word for each in group.params for word in str(getattr(each, "help", "") or "").split()]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_word_of_the_help_is_broken(command: str, forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    words = forecast(*shlex.split(command), "--help").out.split()
    assert set(_words_of(command)) <= set(words)


def test_every_option_is_documented_with_its_limits_and_default(forecast: Forecast) -> None:
    text = " ".join(forecast("compare", "--help").out.split())
    assert "--seed N Seed of all random numbers. [at least 0; default: 0]" in text
    assert "--folds N Cutoffs per series, counted from its end. [1 to 10,000; default: from the length" in text
    assert "--models A,B,C" in text
    assert "lstm, rnn, mingru" in " ".join(forecast("train", "--help").out.split())


def test_help_is_coloured_in_a_terminal_only(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = forecast("train", "--help").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = forecast("train", "--help").out
    assert "\x1b[36m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "\x1b[36m" not in forecast("train", "--help", "--no-color").out


@pytest.mark.parametrize(
    ("minimum", "maximum", "words"),
    [
        (1, None, "at least 1"),
        (1, 100_000, "1 to 100,000"),
        (0, 2**63 - 1, "at least 0"),
        (None, 10, "at most 10"),
        (None, None, ""),
    ],
)
def test_a_range_is_described_in_words(minimum: float | None, maximum: float | None, words: str) -> None:
    assert describe_range(minimum, maximum) == words


def test_models_are_listed_by_kind() -> None:
    assert list_models(["gru", "auto", "lstm", "deepar"]) == "cells gru, lstm; recipes deepar; auto"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--horizon", "0"), "--horizon 0: must be at least 1"),
        (("--seed=99999999999999999999",), "--seed 99999999999999999999: must be at most 9,223,372,036,854,775,807"),
        (("--seed", "1.5"), "--seed 1.5: must be a whole number"),
        (("--min", "low"), "--min low: must be a number"),
        (("--preset", "fats"), "did you mean 'fast'?"),
    ],
)
def test_a_number_out_of_range_is_refused_in_plain_words(
    arguments: tuple[str, ...], message: str, forecast: Forecast
) -> None:
    done = forecast("train", "x.csv", *arguments)
    assert done.code == 2
    assert message in done.err
