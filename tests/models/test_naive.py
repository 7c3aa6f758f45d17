import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.models.naive import Drift, Naive, SeasonalNaive
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


def test_drift_goes_on_along_the_line_from_the_first_value_to_the_last(make_panel: MakePanel) -> None:
    forecast = Drift().predict(make_panel([[1, 9, 2, 7]], season=2), 3)
    assert_array_equal(forecast.mean, [[9, 11, 13]])


def test_drift_knows_a_position_for_a_time(make_panel: MakePanel) -> None:
    holed = make_panel([[1, NAN, NAN, 4, 5]])
    assert_array_equal(Drift().predict(holed, 2).mean, [[6, 7]])
    ends_in_a_gap = make_panel([[1, 2, 3, NAN, NAN, 9]]).cut(1)
    assert_array_equal(Drift().predict(ends_in_a_gap, 2).mean, [[6, 7]])


def test_drift_intervals_count_the_slope_as_estimated(make_panel: MakePanel) -> None:
    forecast = Drift().predict(make_panel([[0, 3, 2, 5, 4]]), 3)  # slope 1, missed by 2, -2, 2, -2
    steps = np.array([1, 2, 3])
    spread = np.sqrt(16 / 3 * steps * (1 + steps / 4))
    assert_allclose(forecast.at(0.9) - forecast.mean, [1.2815516 * spread], rtol=1e-6)


def test_a_change_over_a_gap_counts_by_the_root_of_its_steps(make_panel: MakePanel) -> None:
    forecast = Drift().predict(
        make_panel([[0, NAN, NAN, NAN, 8, 5]]), 1
    )  # slope 1: 4 too many in 4 steps, 4 too few in 1
    assert_allclose(forecast.at(0.9) - forecast.mean, [[1.2815516 * np.sqrt((4 + 16) * (1 + 1 / 5))]], rtol=1e-6)


def test_one_value_drifts_nowhere(make_panel: MakePanel) -> None:
    assert_array_equal(Drift().predict(make_panel([[4]]), 2).quantiles, np.full((1, 2, 15), 4))
