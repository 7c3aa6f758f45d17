import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.models.naive import Naive, SeasonalNaive
from tests.conftest import MakePanel

NAN = np.nan


def test_naive_repeats_the_last_value(make_panel: MakePanel) -> None:
    forecast = Naive().predict(make_panel([[1, 2, 7]], season=2), 3)
    assert_array_equal(forecast.mean, [[7, 7, 7]])


def test_seasonal_naive_repeats_the_last_season(make_panel: MakePanel) -> None:
    forecast = SeasonalNaive().predict(make_panel([[9, 9, 9, 1, 2, 3]], season=3), 5)
    assert_array_equal(forecast.mean, [[1, 2, 3, 1, 2]])


def test_a_gap_is_filled_from_the_season_before(make_panel: MakePanel) -> None:
    forecast = SeasonalNaive().predict(make_panel([[1, 2, 3, 4, NAN, 6]], season=3), 3)
    assert_array_equal(forecast.mean, [[4, 2, 6]])


def test_a_series_shorter_than_a_season_falls_back_on_its_last_value(make_panel: MakePanel) -> None:
    forecast = SeasonalNaive().predict(make_panel([[4, 5]], season=4), 4)
    assert_array_equal(forecast.mean, [[5, 5, 4, 5]])


def test_intervals_widen_with_the_root_of_the_steps(make_panel: MakePanel) -> None:
    forecast = Naive().predict(make_panel([[0, 2, 0, 2]]), 4)  # every change has size 2
    assert_allclose(forecast.at(0.9) - forecast.mean, [2 * 1.2815516 * np.sqrt([1, 2, 3, 4])], rtol=1e-6)


def test_seasonal_intervals_widen_once_a_season(make_panel: MakePanel) -> None:
    forecast = SeasonalNaive().predict(make_panel([[0, 1, 3, 4]], season=2), 4)
    width = (forecast.at(0.9) - forecast.mean)[0]
    assert_allclose(width, 3 * 1.2815516 * np.sqrt([1, 1, 2, 2]), rtol=1e-6)


def test_a_gap_at_the_cutoff_repeats_the_last_value_that_was_observed(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, *[NAN] * 9, 4]], season=2).cut(1)
    assert_array_equal(Naive().predict(panel, 2).mean, [[3, 3]])
    assert_array_equal(SeasonalNaive().predict(panel, 2).mean, [[3, 3]])
