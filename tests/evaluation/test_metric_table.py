"""The table of metrics, and the promise that a metric is one function and one row."""

from typing import get_args

import numpy as np
import pytest
from rich.console import Console

from forecaster.cli.compare import Metric as RankedBy
from forecaster.evaluation.backtest import Plan, backtest
from forecaster.evaluation.breakdown import add_up, score_groups, score_steps
from forecaster.evaluation.metric_table import METRICS, Detail, Metric, Outcome, columns
from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.score import score
from forecaster.models.naive import Naive
from forecaster.report.page.accuracy import explain_scores
from forecaster.report.page.accuracy import score_table as page_table
from forecaster.report.terminal.train import score_table
from forecaster.report.words import metric_cell
from tests.conftest import MakePanel


def largest_error(outcome: Outcome) -> float:
    return float(np.nanmax(np.abs(outcome.actual - outcome.forecast.mean)))


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> Metric:
    """Return the one row that adds a metric."""
    description = "Largest is the largest error."
    metric = Metric("largest", "Largest", largest_error, column=0, detail=Detail.LEADERBOARD, description=description)
    monkeypatch.setitem(METRICS, metric.name, metric)
    return metric


def test_a_metric_is_added_by_one_function_and_one_row(row: Metric, make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5, 9]])
    scores = score(Naive().predict(panel.cut(2), 2), panel.cut(2).actual(2, panel.end), Scale.of(panel.cut(2)))
    assert scores["largest"] == 5
    console = Console(width=80)
    with console.capture() as capture:
        console.print(score_table({"naive": scores}, first="model"))
    heading, values = capture.get().splitlines()
    assert heading.split()[:3] == ["model", "Largest", "MASE"]
    assert values.split()[:2] == ["naive", "5.000"]
    table = page_table("Scores", {"naive": scores})
    assert (table.head[1], table.rows[0][1]) == ("Largest", "5.000")
    assert explain_scores().text.startswith(row.description)


def test_a_metric_that_an_older_file_lacks_is_unknown(row: Metric) -> None:
    assert score_table({"gru": {"mase": 1.0}}, first="model").table.row_count == 1
    assert page_table("Scores", {"gru": {"mase": 1.0}}).head == ["Model", "MASE"]


def test_breakdowns_have_a_formula_for_every_metric(make_panel: MakePanel) -> None:
    test = backtest(lambda _: Naive(), make_panel([np.arange(40.0)]), Plan(4, folds=3))
    rows, steps = add_up(test)
    assert list(score_steps(steps)) == list(score_groups(rows, test.fold, 3)) == list(METRICS)


def test_a_leaderboard_can_be_ranked_by_every_metric() -> None:
    assert set(get_args(RankedBy)) == set(METRICS)


def test_each_table_shows_the_columns_of_the_less_detailed_ones() -> None:
    names = {detail: [metric.name for metric in columns(detail)] for detail in Detail}
    assert names[Detail.LEADERBOARD] == ["mase", "smape", "wql", "coverage80"]
    assert names[Detail.SCORES] == ["mase", "smape", "mae", "rmse", "wql", "coverage80"]
    assert names[Detail.PAGE] == [
        "mase",
        "smape",
        "mae",
        "rmse",
        "wql",
        "coverage50",
        "coverage80",
        "coverage95",
        "bias",
    ]
    assert set(names[Detail.FILE]) == set(METRICS)


def test_a_share_is_ranked_by_its_distance_from_the_target() -> None:
    assert METRICS["mase"].rank(0.4) == 0.4
    assert METRICS["coverage80"].rank(0.9) == pytest.approx(0.1)
    assert METRICS["coverage80"].rank(0.7) == pytest.approx(0.1)


def test_shares_are_printed_in_per_cent() -> None:
    assert metric_cell(METRICS["coverage80"], 0.815) == "82 %"
    assert metric_cell(METRICS["mase"], 0.815) == "0.8150"
    assert metric_cell(METRICS["mase"], None) == "-"
