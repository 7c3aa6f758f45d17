import json
import math

import numpy as np

from forecaster.evaluation.score import score, skill, verdict, without_nan
from forecaster.models.naive import Naive
from tests.conftest import MakePanel


def test_a_score_holds_every_metric(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5, 6]])
    forecast = Naive().predict(panel.cut(2), 2)
    result = score(forecast, panel.cut(2).actual(2, panel.end), np.array([1.0]))
    assert result["mae"] == 1.5
    assert result["mase"] == 1.5
    assert set(result) >= {"rmse", "smape", "nd", "wql", "coverage50", "coverage80", "coverage90", "coverage95"}


def test_skill_is_the_share_of_the_baselines_error_that_is_saved() -> None:
    assert skill({"mase": 0.5}, {"mase": 2.0}) == 0.75
    assert math.isnan(skill({"mase": 0.5}, {"mase": 0.0}))
    assert math.isnan(skill({"mase": math.nan}, {"mase": 1.0}))


def test_only_beating_both_baselines_is_better() -> None:
    assert verdict(0.1, 0.1) == "better"
    assert verdict(0.1, 0.0) == "no better"
    assert verdict(math.nan, 0.1) == "no better"


def test_json_never_holds_nan() -> None:
    assert json.dumps(without_nan({"a": {"b": math.nan, "c": 1.5}}), allow_nan=False) == '{"a": {"b": null, "c": 1.5}}'
