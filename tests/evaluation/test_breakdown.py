"""Scores of parts of a backtest, each against `score` of that part alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from forecaster.evaluation.backtest import Backtest, Plan, backtest
from forecaster.evaluation.breakdown import add_up, score_groups, score_steps, tabulate
from forecaster.evaluation.score import Score, score
from forecaster.models.naive import SeasonalNaive
from tests.conftest import MakePanel


@pytest.fixture
def test(make_panel: MakePanel) -> Backtest:
    """Three series: one with gaps, one constant (without a scale), one that was zero at the end."""
    generator = np.random.default_rng(0)
    holed = np.where(np.arange(50) % 4 == 3, np.nan, generator.normal(size=50))
    zero = np.r_[generator.normal(size=20), np.zeros(20)]
    panel = make_panel([generator.normal(5, 1, 60), holed, [3.0] * 30, zero], season=6)
    return backtest(lambda _: SeasonalNaive(), panel, Plan(4, folds=5))


def score_of(test: Backtest, some: np.ndarray, steps: slice = slice(None)) -> Score:
    kept = replace(test.forecast, mean=test.forecast.mean[some, steps], quantiles=test.forecast.quantiles[some, steps])
    return score(kept, test.actual[some, steps], test.scale.select(np.flatnonzero(some)))


Groups = Callable[[Backtest], np.ndarray]


@pytest.mark.parametrize("groups", [lambda test: test.series, lambda test: test.fold], ids=["series", "fold"])
def test_each_group_scores_as_it_would_alone(test: Backtest, groups: Groups) -> None:
    group = groups(test)
    columns = score_groups(add_up(test)[0], group, group.max() + 1)
    for number in range(group.max() + 1):
        expected = score_of(test, group == number)
        for name, values in columns.items():
            assert_allclose(values[number], expected[name], rtol=1e-6, err_msg=name)


def test_each_step_scores_as_it_would_alone(test: Backtest) -> None:
    columns = score_steps(add_up(test)[1])
    for step in range(4):
        expected = score_of(test, np.ones(len(test.series), bool), slice(step, step + 1))
        for name, values in columns.items():
            assert_allclose(values[step], expected[name], rtol=1e-6, err_msg=name)


def test_every_metric_of_a_score_is_there(test: Backtest) -> None:
    assert set(score_steps(add_up(test)[1])) <= set(score_of(test, test.fold == 0))
    assert {"mae", "rmse", "smape", "mase", "nd", "wql", "coverage50", "coverage95"} <= set(
        score_steps(add_up(test)[1])
    )


def test_a_group_without_rows_has_no_score(test: Backtest) -> None:
    columns = score_groups(add_up(test)[0], test.series, 6)
    assert all(np.isnan(values[5]) for values in columns.values())


def test_a_table_has_a_score_a_model_and_key() -> None:
    columns = {"gru": {"mae": np.array([1.0, 2.0])}, "naive": {"mae": np.array([3.0, 4.0])}}
    assert tabulate(["a", "b"], columns) == {
        "a": {"gru": {"mae": 1}, "naive": {"mae": 3}},
        "b": {"gru": {"mae": 2}, "naive": {"mae": 4}},
    }
