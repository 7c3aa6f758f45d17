"""Scores of tables of forecasts, beside those of the same forecasts as arrays."""

import numpy as np
import pandas as pd
import pytest

from forecaster.evaluation import metrics, scored_rows
from forecaster.forecast import PROBABILITIES, Forecast
from tests.conftest import MakePanel

HORIZON = 4


@pytest.fixture
def held(make_panel: MakePanel) -> tuple[pd.DataFrame, Forecast, metrics.Array, metrics.Array]:
    rng = np.random.default_rng(0)
    panel = make_panel(rng.normal(10, 3, (3, 20)).tolist(), season=2)
    mean = rng.normal(10, 1, (3, HORIZON)).astype(np.float32)
    spread = np.linspace(-2, 2, len(PROBABILITIES), dtype=np.float32)
    forecast = Forecast.of(panel, mean[:, :, None] + spread, model="gru", mean=mean + np.float32(0.25))
    actual = rng.normal(10, 2, (3, HORIZON))
    actual[1, 2] = np.nan
    scale = metrics.seasonal_error(panel, 2)
    table = forecast.to_frame(actual=actual.astype(np.float32))
    return table.assign(scale=np.repeat(scale, HORIZON), seasonal_naive=0.0, naive=np.nan), forecast, actual, scale


def test_scores_by_series_are_those_of_arrays(
    held: tuple[pd.DataFrame, Forecast, metrics.Array, metrics.Array],
) -> None:
    table, forecast, actual, scale = held
    found = scored_rows.series_scores(table)
    assert found.index.tolist() == ["s0", "s1", "s2"]
    np.testing.assert_allclose(found["mase"], metrics.mase(actual, forecast.median, scale), rtol=1e-5)
    np.testing.assert_allclose(found["smape"], metrics.smape(actual, forecast.median), rtol=1e-5)
    inside = metrics.coverage(actual, forecast.at(0.1), forecast.at(0.9))
    np.testing.assert_allclose(found["coverage80"], inside, rtol=1e-5)
    np.testing.assert_allclose(found["bias"], np.nanmean(forecast.mean - actual, axis=1), rtol=1e-4)


def test_errors_by_step_are_means_over_the_series(
    held: tuple[pd.DataFrame, Forecast, metrics.Array, metrics.Array],
) -> None:
    table, forecast, actual, scale = held
    found = scored_rows.step_errors(table)
    expected = np.nanmean(np.abs(actual - forecast.median) / scale[:, None], axis=0)
    np.testing.assert_allclose(found["model"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["seasonal_naive"], np.nanmean(np.abs(actual) / scale[:, None], axis=0), rtol=1e-5)
    assert found["naive"].isna().all()


def test_without_a_scale_errors_are_told_in_their_own_units(
    held: tuple[pd.DataFrame, Forecast, metrics.Array, metrics.Array],
) -> None:
    table, forecast, actual, _ = held
    found = scored_rows.step_errors(table.assign(scale=np.nan))
    assert not scored_rows.has_scale(table.assign(scale=np.nan))
    np.testing.assert_allclose(found["model"], np.nanmean(np.abs(actual - forecast.median), axis=0), rtol=1e-5)


def test_reliability_counts_known_actuals_alone(
    held: tuple[pd.DataFrame, Forecast, metrics.Array, metrics.Array],
) -> None:
    table, forecast, actual, _ = held
    known = ~np.isnan(actual)
    assert scored_rows.reliability(table)[0.3] == pytest.approx(float((actual <= forecast.at(0.3))[known].mean()))
    assert scored_rows.reliability(table[table["y"].isna()]) == {}
