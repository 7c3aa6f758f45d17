from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.models.naive import Drift, Naive, SeasonalNaive
from forecaster.panel import Panel
from tests.conftest import MakePanel

NAN = np.nan

Rows = npt.NDArray[np.float64]


def extrapolate_alone(target: Rows, horizon: int, season: int) -> tuple[Rows, Rows]:
    """Mean and spread [H] of seasonal naive for one series, step by step."""
    mean, spread, deviation = np.empty(horizon), np.empty(horizon), 0.0
    known = target[~np.isnan(target)]
    for lag in (1, season):  # the season's, where it has a pair
        pairs = [(target[t] - target[t - lag]) ** 2 for t in range(lag, len(target))]
        pairs = [pair for pair in pairs if not np.isnan(pair)]
        deviation = np.sqrt(np.mean(pairs)) if pairs else deviation
    for step in range(horizon):
        back = len(target) - season + step % season
        candidates = [target[place] for place in (back - season * k for k in range(4)) if place >= 0]
        mean[step] = next((value for value in candidates if not np.isnan(value)), known[-1])
        spread[step] = deviation * np.sqrt(step // season + 1)
    return mean, spread


def drift_alone(target: Rows, horizon: int) -> tuple[Rows, Rows]:
    """Mean and spread [H] of the drift of one series."""
    known = np.flatnonzero(~np.isnan(target))
    values = target[known]
    length = max(known[-1] - known[0], 1)
    slope = (values[-1] - values[0]) / length
    missed = [
        (values[k] - values[k - 1] - (known[k] - known[k - 1]) * slope) ** 2 / (known[k] - known[k - 1])
        for k in range(1, len(known))
    ]
    variance = sum(missed) / max(len(missed) - 1, 1)
    ahead = len(target) - known[-1] + np.arange(horizon)
    return values[-1] + ahead * slope, np.sqrt(variance * ahead * (1 + ahead / length))


@pytest.fixture
def many(make_panel: MakePanel) -> Panel:
    """Series of many lengths and sizes, with gaps, cut; some overlap in memory, some have lost their first steps."""
    generator = np.random.default_rng(3)
    series = []
    for length in generator.integers(1, 50, 60):
        values = 10.0 ** generator.integers(-3, 7) + 10.0 ** generator.integers(-3, 3) * generator.normal(size=length)
        values[1:-1][generator.random(max(length - 2, 0)) < generator.random()] = NAN
        series.append(values)
    panel = make_panel([*series, [7.0] * 30], season=7)
    cut = panel.cut(np.minimum(generator.integers(0, 9, len(panel)), panel.lengths - 1))
    rows = cut.select(np.append(generator.permutation(len(panel)), [4, 4, 9]))
    return replace(
        rows, begin=np.where(np.isnan(rows.values[rows.end - 1, 0]), rows.begin, np.maximum(rows.end - 40, rows.begin))
    )


@pytest.mark.parametrize("horizon", [1, 5, 17])
def test_many_series_at_once_are_forecast_as_each_alone(many: Panel, horizon: int) -> None:
    for model, season in ((Naive(), 1), (SeasonalNaive(), 7)):
        mean, spread, _ = model.extrapolate(many, horizon)
        expected = [extrapolate_alone(target.astype(float), horizon, season) for target in many]
        assert_array_equal(mean, [each[0] for each in expected])
        assert_allclose(spread, [each[1] for each in expected], rtol=1e-9)
    mean, spread, _ = Drift().extrapolate(many, horizon)
    expected = [drift_alone(target.astype(float), horizon) for target in many]
    assert_allclose(mean, [each[0] for each in expected], rtol=1e-12)
    assert_allclose(spread, [each[1] for each in expected], rtol=1e-9)


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
