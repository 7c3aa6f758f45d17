from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecaster.errors import UsageError
from forecaster.forecast import PROBABILITIES, Forecast, interval_bounds
from forecaster.quantile_function import expectation
from tests.conftest import MakePanel


@pytest.fixture
def forecast(make_panel: MakePanel) -> Forecast:
    panel = make_panel([[1, 2], [3, 4]])
    mean = np.array([[1.5, 2.5, 3.5], [5, 6, 7]], np.float32)
    quantiles = mean[:, :, None] + np.array(PROBABILITIES, np.float32) - np.float32(0.5)
    return Forecast.of(panel, quantiles, model="gru", mean=mean)


def test_the_table_has_one_row_per_series_and_step(forecast: Forecast) -> None:
    frame = forecast.to_frame()
    assert list(frame.columns) == [
        "unique_id",
        "ds",
        "cutoff",
        "step",
        "model",
        "mean",
        "median",
        *(f"q0.{k}" for k in range(1, 10)),
        "status",
    ]
    assert frame["unique_id"].tolist() == ["s0"] * 3 + ["s1"] * 3
    assert frame["ds"].tolist()[:3] == ["2024-01-03", "2024-01-04", "2024-01-05"]
    assert frame["cutoff"].tolist()[0] == "2024-01-02"
    assert frame["step"].tolist() == [1, 2, 3, 1, 2, 3]
    assert set(frame["status"]) == {"ok"}


def test_levels_add_the_quantiles_that_bound_them(forecast: Forecast) -> None:
    columns = list(forecast.to_frame(levels=(80, 95)).columns)
    assert columns[7:9] == ["q0.025", "q0.1"]
    assert columns[-2:] == ["q0.975", "status"]


def test_actual_values_are_the_column_y(forecast: Forecast) -> None:
    frame = forecast.to_frame(actual=np.zeros((2, 3), np.float32))
    assert list(frame.columns)[:3] == ["unique_id", "ds", "y"]


def test_the_nixtla_layout_names_the_model_in_its_columns(forecast: Forecast) -> None:
    frame = forecast.to_nixtla(levels=(80, 95))
    bounds = ["GRU-lo-80", "GRU-hi-80", "GRU-lo-95", "GRU-hi-95"]
    assert list(frame.columns) == ["unique_id", "ds", "GRU", "GRU-median", *bounds]
    assert (frame["GRU-lo-95"] < frame["GRU-lo-80"]).all()


def test_an_unavailable_level_is_wrong_usage() -> None:
    assert interval_bounds((80, 95)) == (0.1, 0.9, 0.025, 0.975)
    with pytest.raises(UsageError, match="99 %"):
        interval_bounds((99,))


@pytest.mark.parametrize(
    ("support", "mean", "expected"),
    [
        ({"minimum": 0.0}, [-2.0, 0.4, 3.6], [0.0, 0.4, 3.6]),
        ({"maximum": 3.0}, [-2.0, 0.4, 3.6], [-2.0, 0.4, 3.0]),
        ({"minimum": 0.0, "maximum": 3.0}, [-2.0, 0.4, 3.6], [0.0, 0.4, 3.0]),
        ({"is_integer": True}, [-2.4, 0.4, 3.6], [-2, 0, 4]),
        ({"maximum": 3.5, "is_integer": True}, [-2.4, 0.4, 3.6], [-2, 0, 3]),
        ({"minimum": 0.5, "is_integer": True}, [-2.4, 0.4, 3.6], [1, 1, 4]),
        ({}, [-2.4, 0.4, 3.6], [-2.4, 0.4, 3.6]),
    ],
)
def test_forecasts_respect_the_bounds_of_the_target(
    make_panel: MakePanel, support: dict[str, Any], mean: list[float], expected: list[float]
) -> None:
    panel = replace(make_panel([[1, 2]]), **support)
    given = np.array([mean], np.float32)
    quantiles = given[:, :, None] + 4 * (np.array(PROBABILITIES, np.float32) - np.float32(0.5))
    forecast = Forecast.of(panel, quantiles, model="gru", mean=given)
    np.testing.assert_array_equal(forecast.median, np.float32([expected]))
    if not support.get("is_integer"):
        limits = support.get("minimum", -np.inf), support.get("maximum", np.inf)
        expected_mean = expectation(forecast.quantiles, PROBABILITIES, limits)
        np.testing.assert_allclose(forecast.mean, expected_mean, atol=1e-5)
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()
    assert forecast.quantiles.min() >= support.get("minimum", -np.inf)
    assert forecast.quantiles.max() <= support.get("maximum", np.inf)
    assert not support.get("is_integer") or (forecast.quantiles % 1 == 0).all()


def test_a_mean_below_the_minimum_agrees_with_the_quantiles_that_stay_above(make_panel: MakePanel) -> None:
    panel = replace(make_panel([[1, 2]]), minimum=0.0)
    quantiles = np.linspace(-8, 6, len(PROBABILITIES), dtype=np.float32)[None, None]
    forecast = Forecast.of(panel, quantiles, model="gru", mean=np.float32([[-1.0]]))
    assert forecast.median[0, 0] == 0
    assert 0 < forecast.mean[0, 0] < 3  # a share of the distribution lies above 0, so its expectation does as well
