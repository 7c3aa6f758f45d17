"""The verdict on tuned settings, by the rule of the other commands."""

import numpy as np
import pytest

from forecaster.evaluation.backtest import Plan, backtest
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.workflows.tune_scores import compare_settings
from tests.conftest import MakePanel


@pytest.mark.parametrize(
    ("is_swapped", "folds", "verdict", "chosen"),
    [(False, 8, "better", "tuned"), (True, 8, "worse", "default"), (False, 3, "undecided", "tuned")],
)
def test_the_verdict_needs_more_than_chance(
    make_panel: MakePanel, is_swapped: bool, folds: int, verdict: str, chosen: str
) -> None:
    noise = np.random.default_rng(0).normal(size=140)
    panel = make_panel([(10 * np.sin(np.arange(140) * 2 * np.pi / 7) + noise).tolist()], season=7)
    plan = Plan(horizon=7, folds=folds)
    tests = [backtest(lambda _: SeasonalNaive(), panel, plan), backtest(lambda _: Naive(), panel, plan)]
    tuned, default = reversed(tests) if is_swapped else tests
    gain = -0.5 if is_swapped else 0.5
    result = compare_settings({"tuned": tuned, "default": default}, panel, plan, {"mase": gain, "wql": gain})
    assert (result["verdict"], result["chosen"]) == (verdict, chosen)
    assert result["evidence"]["count"] == folds
    assert (result["evidence"]["skill"] > 0) != is_swapped
    assert (result["evidence"]["needed"] is None) == (verdict != "undecided")
