import json
import math

import numpy as np
import pytest

from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.score import reliability, score, skill, without_nan
from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.models.naive import Naive
from tests.conftest import MakePanel


def test_a_score_holds_every_metric(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5, 6]])
    forecast = Naive().predict(panel.cut(2), 2)
    result = score(forecast, panel.cut(2).actual(2, panel.end), Scale.of(panel.cut(2)))
    assert result["mae"] == 1.5
    assert result["mase"] == 1.5
    assert set(result) >= {"rmse", "smape", "nd", "wql"}
    for level, share in ((50, 0), (80, 0.5), (90, 1), (95, 1)):  # errors of 1 and 2 deviations of 1 and sqrt(2)
        assert result[f"coverage{level}"] == share
        assert result[f"coverage{level}_error"] == pytest.approx(math.sqrt(level * (100 - level) / 100**2 / 2))


def test_reliability_is_the_share_of_points_below_each_quantile(make_panel: MakePanel) -> None:
    panel = make_panel([[0, 1], [2, 3]])
    quantiles = np.tile(np.linspace(-7, 7, 15, dtype=np.float32), (2, 2, 1))
    forecast = Forecast.of(panel, quantiles, model="gru")
    found = reliability(forecast, np.array([[-7, 0], [0.5, np.nan]], np.float32))
    assert list(found)[:3] == ["0.025", "0.05", "0.1"]
    assert (found["0.4"], found["0.6"], found["0.975"]) == (1 / 3, 1, 1)
    assert (found["0.025"], found["0.5"]) == (0.025, 0.5)  # Points are equal to these, between 0 and 2 / 3 below.
    nothing = reliability(forecast, np.full((2, 2), np.nan, np.float32))
    assert all(math.isnan(share) for share in nothing.values())


def test_right_quantiles_of_many_zeros_are_calibrated(make_panel: MakePanel) -> None:
    actual = np.zeros((1, 10), np.float32)
    actual[0, 6:] = [1, 2, 3, 4]
    panel = make_panel([[0.0, 1.0]])
    right = np.quantile(actual, PROBABILITIES, method="inverted_cdf").astype(np.float32)
    for quantiles, is_right in ((right, True), (right + 1, False), (np.zeros_like(right), False)):
        forecast = Forecast.of(panel, np.tile(quantiles, (1, 10, 1)), model="gru")
        shares = np.array(list(reliability(forecast, actual).values()))
        assert (np.abs(shares - PROBABILITIES).max() < 0.051) == is_right


def test_skill_is_the_share_of_the_baselines_error_that_is_saved() -> None:
    assert skill({"mase": 0.5}, {"mase": 2.0}) == 0.75
    assert math.isnan(skill({"mase": 0.5}, {"mase": 0.0}))
    assert math.isnan(skill({"mase": math.nan}, {"mase": 1.0}))


def test_json_never_holds_nan() -> None:
    assert json.dumps(without_nan({"a": {"b": math.nan, "c": 1.5}}), allow_nan=False) == '{"a": {"b": null, "c": 1.5}}'
