from dataclasses import replace

import numpy as np

from forecaster.forecast import PROBABILITIES
from forecaster.models.naive import SeasonalNaive
from forecaster.models.short_series import borrow_intervals
from tests.conftest import MakePanel

GROWING = [1.0, 3.0, 2.0, 5.0, 4.0, 6.0]
LOWER, UPPER = PROBABILITIES.index(0.1), PROBABILITIES.index(0.9)


def test_a_single_value_gets_the_relative_interval_of_the_others(make_panel: MakePanel) -> None:
    panel = make_panel([GROWING, [10 * value for value in GROWING], [70.0]])
    own = SeasonalNaive().predict(panel, 3)
    forecast = borrow_intervals(own, panel)
    assert forecast.fallback.tolist() == [False, False, True]
    np.testing.assert_array_equal(forecast.quantiles[:2], own.quantiles[:2])
    np.testing.assert_allclose(forecast.mean[2], 70)
    width = forecast.quantiles[:, :, UPPER] - forecast.quantiles[:, :, LOWER]
    np.testing.assert_allclose(width[2], width[0] * 70 / 3.5, rtol=1e-5)
    assert (np.diff(forecast.quantiles[2]) >= 0).all()


def test_a_minimum_bounds_a_borrowed_interval(make_panel: MakePanel) -> None:
    panel = replace(make_panel([GROWING, [0.5]]), minimum=0.0)
    assert borrow_intervals(SeasonalNaive().predict(panel, 3), panel).quantiles.min() >= 0


def test_a_single_value_alone_keeps_the_forecast_of_the_model(make_panel: MakePanel) -> None:
    panel = make_panel([[70.0]])
    own = SeasonalNaive().predict(panel, 3)
    assert borrow_intervals(own, panel) is own
