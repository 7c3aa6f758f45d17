from statistics import NormalDist

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.evaluation import calibration
from forecaster.evaluation.calibration import COVERAGES, WidthFactors, estimate_width_factors, nonconformity_scores
from forecaster.forecast import PROBABILITIES

NORMAL = np.array([NormalDist().inv_cdf(p) for p in PROBABILITIES])
BOUNDS = {0.5: (4, 10), 0.8: (2, 12), 0.9: (1, 13), 0.95: (0, 14)}  # places in PROBABILITIES


def normal(spread: np.ndarray, horizon: int, *, median: float = 100) -> np.ndarray:
    """Quantiles [R, H, Q] of normal forecasts with spreads [R]."""
    quantiles = median + spread[:, None, None] * NORMAL * np.ones((1, horizon, 1))
    return quantiles.astype(np.float32)


def held(quantiles: np.ndarray, actual: np.ndarray) -> dict[float, float]:
    """The share of values within the intervals, by their nominal coverage."""
    return {
        level: float(((quantiles[:, :, low] <= actual) & (actual <= quantiles[:, :, high])).mean())
        for level, (low, high) in BOUNDS.items()
    }


@pytest.mark.parametrize("forecast_spread", [0.5, 1.0, 2.0])
def test_intervals_too_narrow_or_too_wide_come_to_hold_what_they_say_on_fresh_data(forecast_spread: float) -> None:
    generator = np.random.default_rng(0)
    actual = 100 + generator.normal(0, 1, (2, 1500, 6)).astype(np.float32)
    spread = forecast_spread * generator.uniform(0.999, 1.001, 1500)
    quantiles = normal(spread, 6)
    factors = estimate_width_factors(quantiles, actual[0], np.ones(1500), independent=1500, windows=20)
    after = held(factors.apply(quantiles, np.ones(1500)), actual[1])
    for level, share in after.items():
        assert abs(share - level) < 0.015, (level, share)
    before = held(quantiles, actual[1])
    assert forecast_spread == 1 or abs(before[0.8] - 0.8) > 0.15


def test_forecasts_are_measured_and_stretched_the_same_however_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(5)
    quantiles, units = normal(generator.uniform(0, 3, 20), 4), generator.uniform(0, 2, 20)
    actual = generator.normal(100, 1, (20, 4)).astype(np.float32)
    actual[3, 2] = np.nan
    factors = estimate_width_factors(quantiles, actual, units, independent=500, windows=10)
    whole = nonconformity_scores(quantiles, actual), factors.apply(quantiles[:, :3], units)
    monkeypatch.setattr(calibration, "_FORECASTS_AT_ONCE", 7)
    assert_array_equal(nonconformity_scores(quantiles, actual), whole[0])
    assert_array_equal(factors.apply(quantiles[:, :3], units), whole[1])


def test_forecasts_narrow_beside_what_their_series_moves_are_stretched_apart_from_wide_ones() -> None:
    generator = np.random.default_rng(1)
    spread = np.repeat([0.5, 1.0, 2.0], 500)  # every series moves by 1 in truth
    actual = 100 + generator.normal(0, 1, (2, 1500, 4)).astype(np.float32)
    quantiles = normal(spread, 4)
    factors = estimate_width_factors(quantiles, actual[0], np.ones(1500), independent=1500, windows=20)
    stretched = factors.apply(quantiles, np.ones(1500))
    for part in np.split(np.arange(1500), 3):
        assert abs(held(stretched[part], actual[1, part])[0.8] - 0.8) < 0.025
    assert_allclose(factors.factors[:, :, 4].mean(1), [2, 1, 0.5], rtol=0.1)


def test_what_chance_explains_changes_nothing() -> None:
    generator = np.random.default_rng(2)
    actual = 100 + generator.normal(0, 1.2, (24, 12)).astype(np.float32)
    factors = estimate_width_factors(normal(np.ones(24), 12), actual, np.ones(24), independent=2, windows=1)
    assert_array_equal(factors.factors, np.ones((3, 12, 7)))


def test_one_window_says_less_of_how_wide_to_be_than_many() -> None:
    generator = np.random.default_rng(3)
    actual = 100 + generator.normal(0, 1.2, (600, 4)).astype(np.float32)
    quantiles = normal(np.ones(600), 4)
    few, many = (
        estimate_width_factors(quantiles, actual, np.full(600, np.nan), independent=600, windows=windows).factors.mean()
        for windows in (1, 50)
    )
    assert 1 < few < many


def test_a_factor_is_the_corrected_quantile_of_the_scores_of_near_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_shrink", lambda found, *chance: found)
    monkeypatch.setattr(calibration, "_MIN_FORECASTS_PER_STEP", 120)  # of 40 forecasts: a step and its two neighbours
    generator = np.random.default_rng(4)
    quantiles = np.sort(generator.normal(0, 1, (40, 5, 15)), axis=2).astype(np.float32)
    actual = generator.normal(0, 1, (40, 5)).astype(np.float32)
    actual[3, 2] = np.nan
    factors = estimate_width_factors(quantiles, actual, np.full(40, np.nan), independent=40, windows=1).factors
    for step in range(5):
        for number, coverage in enumerate(COVERAGES):
            scores = []
            for row in range(40):
                for near in range(max(step - 1, 0), min(step + 2, 5)):
                    if (row, near) == (3, 2):
                        continue
                    low, median, high = quantiles[row, near, [6 - number, 7, 8 + number]].astype(float)
                    value = float(actual[row, near])
                    scores.append((value - median) / ((high if value > median else low) - median))
            place = min(int(np.ceil((len(scores) + 1) * coverage)), len(scores))
            expected = np.clip(sorted(scores)[place - 1], 0.25, 4)
            assert_allclose(factors[1, step, number], expected, rtol=1e-5)


def test_a_stretched_forecast_keeps_its_median_and_its_order() -> None:
    generator = np.random.default_rng(5)
    quantiles = np.sort(generator.normal(50, 10, (20, 3, 15)), axis=2).astype(np.float32)
    factors = np.exp(generator.normal(0, 1, (3, 3, 7))).astype(np.float32)
    stretched = WidthFactors(factors, np.array([1, 2], np.float32)).apply(quantiles, np.full(20, 10.0))
    assert stretched.dtype == np.float32
    assert_array_equal(stretched[:, :, 7], quantiles[:, :, 7])
    assert (np.diff(stretched, axis=2) >= 0).all()


def test_a_forecast_without_width_teaches_nothing_and_stays() -> None:
    quantiles, actual = normal(np.zeros(500), 2), np.full((500, 2), 107, np.float32)
    factors = estimate_width_factors(quantiles, actual, np.ones(500), independent=500, windows=1)
    assert_array_equal(factors.factors, np.ones((3, 2, 7)))
    twice = WidthFactors(2 * factors.factors, factors.edges)
    assert_array_equal(twice.apply(quantiles, np.ones(500)), quantiles)


def test_values_that_were_not_observed_teach_nothing() -> None:
    nothing = np.full((300, 2), np.nan, np.float32)
    factors = estimate_width_factors(normal(np.ones(300), 2), nothing, np.ones(300), independent=300, windows=1)
    assert_array_equal(factors.factors, np.ones((3, 2, 7)))


def test_steps_beyond_the_learnt_ones_are_stretched_as_the_last() -> None:
    factors = np.ones((3, 2, 7), np.float32) * np.array([1, 3], np.float32)[:, None]
    quantiles = normal(np.ones(1), 5)
    stretched = WidthFactors(factors, np.array([1, 2], np.float32)).apply(quantiles, np.ones(1))
    assert_allclose(stretched[0, :, 12] - 100, NORMAL[12] * np.array([1, 3, 3, 3, 3]), rtol=1e-5)
