"""Sentences break between words, and tables lose a column rather than a digit."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console, RenderableType
from rich.table import Table

from forecaster.report.terminal.layout import Fitted, Sentence, wrap
from forecaster.report.terminal.train import score_table, summary

WIDTHS = [40, 60, 80, 120]
EVIDENCE = {"metric": "mase", "units": "cutoffs", "count": 5, "needed": 10, "skill": 0.5, "skill_naive": 0.7}
SCORES: dict[str, float | None] = {
    "mase": 0.63061,
    "smape": 104.826,
    "mae": 18.78,
    "rmse": 1241.78,
    "wql": 0.0574412,
    "coverage80": 0.975,
    **{f"coverage{level}": 0.8 for level in (50, 90, 95)},
    **{f"coverage{level}_error": 0.1 for level in (50, 80, 90, 95)},
}


def draw(view: RenderableType, width: int, *, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width, highlight=False, markup=False).print(view)
    file.flush()
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode(encoding).splitlines()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_breaks_within_a_word_a_unit_or_a_command(width: int) -> None:
    text = (
        "Of the held-out values, the 90 % interval covered 100 % (chance alone: ± 9) in 5 cutoffs (p = 0.24). Use gru,"
        " or decide with `forecast backtest --folds 10`, or longer series-of-data."
    )
    lines = draw(Sentence(text), width)
    assert max(map(len, lines)) <= width
    assert " ".join(lines) == text  # with plain spaces, so that commands can be copied
    for unit in ("90 %", "100 %", "± 9", "p = 0.24", "`forecast backtest --folds 10`"):
        assert any(unit in line for line in lines)


def test_a_command_wider_than_the_terminal_breaks_between_its_words() -> None:
    assert wrap("use `forecast backtest DATA --model gru`", 24) == ["use `forecast backtest", "DATA --model gru`"]
    assert wrap("one\n\ntwo three", 5) == ["one", "", "two", "three"]


def test_wide_characters_count_twice() -> None:
    assert wrap("売上高 売上高", 10) == ["売上高", "売上高"]


def test_a_terminal_of_ascii_has_no_plus_minus_sign() -> None:
    assert draw(Sentence("chance alone: ± 9"), 80, encoding="ascii") == ["chance alone: +- 9"]


@pytest.mark.parametrize("width", [45, 60, 80, 120])
@pytest.mark.parametrize("name", ["gru", "a_series_with_a_name_of_36_characters"])
def test_a_score_table_never_cuts_a_number(name: str, width: int) -> None:
    lines = draw(score_table({name: SCORES}, first="series"), width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert text.count("…") <= 1  # only the name is shortened
    missing = re.search(r"too narrow for: (.*)", text)
    hidden = missing[1].split(", ") if missing else []
    cells = {"MASE": "0.6306", "sMAPE": "104.8", "MAE": "18.78", "RMSE": "1,242", "WQL": "0.05744"}
    assert all((cell in text) == (title not in hidden) for title, cell in cells.items())
    assert "0.6306" in text
    assert not hidden if width >= 80 else hidden or width == 60


def test_columns_that_wrap_need_only_their_longest_word() -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("part", no_wrap=True)
    table.add_column("first", no_wrap=True)
    table.add_column("for")
    table.add_row("holdout", "2024-01-01", "to score the forecasts")
    view = Fitted(table, ("first",))
    assert "2024-01-01" in "\n".join(draw(view, 30))
    narrow = "\n".join(draw(view, 26))
    assert "2024-01-01" not in narrow
    assert "too narrow for: first" in narrow


@pytest.mark.parametrize("width", WIDTHS)
def test_the_result_of_a_training_fits(width: int) -> None:
    holdout = {"models": {"gru": SCORES, "naive": SCORES}, "horizon": 12, "series": 1, "unscored": 0}
    evidence = {**EVIDENCE, "p_seasonal_naive": 0.24, "p_naive": 0.1}
    metrics = {"holdout": holdout, "verdict": "undecided", "evidence": evidence}
    lines = draw(summary(metrics, "gru", Path("runs/shop")), width)
    assert max(map(len, lines)) <= width
    assert "`forecast backtest --bundle runs/shop --folds 10`" in " ".join(lines)


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, None),
        (2, "The table has the newest of the 2 cutoffs of the verdict; the other lies before it."),
        (27, "The table has the newest of the 27 cutoffs of the verdict; the others lie before it."),
    ],
)
def test_a_training_says_which_cutoffs_its_table_has(count: int, sentence: str | None) -> None:
    holdout = {"models": {"gru": SCORES, "naive": SCORES}, "horizon": 12, "series": 1, "unscored": 0}
    evidence = {**EVIDENCE, "count": count, "p_seasonal_naive": 0.24, "p_naive": 0.1}
    lines = draw(
        summary({"holdout": holdout, "verdict": "undecided", "evidence": evidence}, "gru", Path("runs/shop")), 80
    )
    text = " ".join(line.strip() for line in lines)
    assert sentence in text if sentence else "newest of the" not in text
