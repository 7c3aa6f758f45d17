import numpy as np
from numpy.testing import assert_allclose

from forecaster.evaluation import metrics
from tests.conftest import MakePanel

NAN = np.nan
ACTUAL = np.array([[10.0, 20.0], [0.0, 4.0]])
FORECAST = np.array([[12.0, 16.0], [0.0, 8.0]])  # errors 2, 4 and 0, 4


def test_absolute_and_squared_errors_are_pooled_over_points() -> None:
    assert metrics.mae(ACTUAL, FORECAST) == 2.5
    assert metrics.rmse(ACTUAL, FORECAST) == 3.0  # sqrt((4 + 16 + 0 + 16) / 4)


def test_smape_runs_to_200_and_counts_two_zeros_as_right() -> None:
    # 200*2/22, 200*4/36 | 0, 200*4/12
    assert_allclose(metrics.smape(ACTUAL, FORECAST), [(400 / 22 + 800 / 36) / 2, (0 + 800 / 12) / 2])
    assert_allclose(metrics.smape(np.array([[5.0]]), np.array([[0.0]])), [200])


def test_mase_divides_by_the_in_sample_seasonal_error(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 4, 7], [5, 5, 5, 5], [1]], season=2)
    scale = metrics.seasonal_error(panel, 2)
    assert_allclose(scale, [(3 + 5) / 2, 0, NAN])
    assert_allclose(metrics.mase(np.full((3, 1), 8.0), np.full((3, 1), 6.0), scale), [0.5, NAN, NAN])


def test_the_seasonal_error_skips_gaps_and_what_a_cut_hides(make_panel: MakePanel) -> None:
    panel = make_panel([[1, NAN, 4, 8, 100], [3, 4, 6, 9, 50]]).cut(1)
    assert_allclose(metrics.seasonal_error(panel, 1), [4, (1 + 2 + 3) / 3])


def test_normalised_deviation_is_a_ratio_of_sums() -> None:
    assert_allclose(metrics.nd(ACTUAL, FORECAST), 10 / 34)
    assert np.isnan(metrics.nd(np.zeros((1, 2)), np.ones((1, 2))))


def test_weighted_quantile_loss_by_hand() -> None:
    actual = np.array([[10.0]])
    quantiles = np.array([[[8.0, 11.0]]])  # at 0.1 and 0.9: 0.1 * 2 and 0.1 * 1
    assert_allclose(metrics.wql(actual, quantiles, (0.1, 0.9)), 2 * (0.2 + 0.1) / 2 / 10)


def test_coverage_counts_bounds_as_inside() -> None:
    assert_allclose(metrics.coverage(ACTUAL, ACTUAL, ACTUAL + 1), [1, 1])
    assert_allclose(metrics.coverage(ACTUAL, np.full((2, 2), 5.0), np.full((2, 2), 20.0)), [1, 0])


def test_the_error_of_a_coverage_is_binomial_or_that_of_a_mean_over_series() -> None:
    assert_allclose(metrics.coverage_error(np.array([0.75]), 100, 0.8), 0.04)  # sqrt(0.8 * 0.2 / 100)
    assert_allclose(metrics.coverage_error(np.array([0.8, 0.8, NAN]), 100, 0.8), 0.04)
    assert_allclose(metrics.coverage_error(np.array([1.0, 0.0, NAN]), 100, 0.8), 0.5)  # as if of two points
    assert np.isnan(metrics.coverage_error(np.array([NAN]), 0, 0.8))


def test_what_was_not_observed_counts_nowhere() -> None:
    holed = np.array([[10.0, NAN], [NAN, NAN]])
    assert metrics.mae(holed, FORECAST) == 2
    assert_allclose(metrics.smape(holed, FORECAST), [400 / 22, NAN])
    assert_allclose(metrics.nd(holed, FORECAST), 0.2)
    assert_allclose(metrics.coverage(holed, FORECAST - 3, FORECAST + 3), [1, NAN])
    assert np.isnan(metrics.mae(np.full((1, 1), NAN), np.ones((1, 1))))
