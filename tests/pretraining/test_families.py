"""The families: each has the season, the trend or the values that its name promises."""

from dataclasses import replace

import numpy as np
import pytest

from forecaster.pretraining.corpus import FAMILIES
from forecaster.pretraining.families.counts import CountRanges, draw_counts
from forecaster.pretraining.families.dynamics import DynamicsRanges, _stationary_lags
from forecaster.pretraining.families.ets import EtsRanges, draw_ets
from forecaster.pretraining.families.growth import GrowthRanges, draw_growth
from forecaster.pretraining.frame import Frame, Values, standardise
from forecaster.pretraining.paths import draw_smooth
from forecaster.pretraining.profiles import draw_seasonal, draw_second, draw_tables

COUNT, STEPS = 200, 480


def frame(season: int, second: int | None = None, scale: float = 1.0) -> Frame:
    return Frame(np.full(COUNT, season), np.full(COUNT, second or season), STEPS, scale)


def autocorrelation(values: Values, lag: int) -> Values:
    """Return the [n] autocorrelation of [n, T] series after a straight line is taken off."""
    time = standardise(np.arange(values.shape[1], dtype=float)[None])
    each = standardise(values)
    each = standardise(each - (each * time).mean(1, keepdims=True) * time)
    return (each[:, lag:] * each[:, :-lag]).mean(1)


@pytest.mark.parametrize("family", ["ets", "trend_season", "gaussian", "dynamics", "loads"])
def test_a_strong_season_shows_in_the_autocorrelation(family: str) -> None:
    draw = FAMILIES[family]
    values = draw(np.random.default_rng(0), frame(24, scale=6.0))
    at_season, between = autocorrelation(values, 24), autocorrelation(values, 36)
    assert np.median(at_season - between) > 0.25


@pytest.mark.parametrize("family", ["ets", "trend_season", "gaussian", "dynamics", "growth", "counts"])
def test_a_season_without_effect_does_not_show(family: str) -> None:
    values = FAMILIES[family](np.random.default_rng(0), frame(12, scale=0.0))
    steps = np.diff(values, axis=1)
    between = (autocorrelation(steps, 11) + autocorrelation(steps, 13)) / 2
    assert abs(np.median(autocorrelation(steps, 12) - between)) < 0.02


def test_growth_has_stronger_trends_than_state_space_models() -> None:
    def share_explained(values: Values) -> float:
        window = standardise(values[:, 200:240])
        return float(np.median((window * standardise(np.arange(40.0)[None])).mean(1) ** 2))

    growth, ets = (FAMILIES[name](np.random.default_rng(1), frame(1)) for name in ("growth", "ets"))
    assert (growth > 0).all()
    assert share_explained(growth) > 0.75 > share_explained(ets)


def test_growth_rises_more_often_than_it_falls_and_stays_within_bounds() -> None:
    values = draw_growth(GrowthRanges(shares=(1.0, 0.0, 0.0), shift_share=0.0), np.random.default_rng(2), frame(1))
    logs = np.log(values)
    assert (logs[:, 40:] > logs[:, :-40]).mean() > 0.55
    assert np.quantile(np.abs(logs), 0.999) < 2 * GrowthRanges().bound[1]


def test_the_rate_of_growth_is_uncertain() -> None:
    """The growth of the next 10 steps differs from that of the last 20 by as much as economic life does."""
    logs = np.log(draw_growth(GrowthRanges(), np.random.default_rng(3), frame(1)))
    past, future = (logs[:, 220] - logs[:, 200]) / 20, (logs[:, 230] - logs[:, 220]) / 10
    assert 0.3 < np.median(np.abs(future - past)) / np.median(np.abs(past)) < 3
    assert 0.4 < (np.sign(future) == np.sign(past)).mean() < 0.95


def test_counts_are_whole_numbers_and_intermittent_ones_are_mostly_zero() -> None:
    values = FAMILIES["counts"](np.random.default_rng(0), frame(7))
    assert values.min() >= 0
    assert (values == np.round(values)).all()
    rare = CountRanges(intermittent_share=1.0, demand=(0.1, 0.2))
    assert (draw_counts(rare, np.random.default_rng(0), frame(7)) == 0).mean() > 0.75


def test_promotions_raise_counts() -> None:
    none, all_ = (
        draw_counts(CountRanges(promotion_share=share), np.random.default_rng(0), frame(7)) for share in (0.0, 1.0)
    )
    assert all_.mean() > 1.05 * none.mean()


def test_loads_repeat_after_a_week_more_than_after_a_day() -> None:
    values = FAMILIES["loads"](np.random.default_rng(0), frame(24, 168, scale=1.0))
    assert values.min() >= 0
    week, day = autocorrelation(values, 168), autocorrelation(values, 48)
    assert (week > day).mean() > 0.55


def test_a_season_evolves_by_gamma() -> None:
    def profile_correlation(gamma: float) -> float:
        ranges = EtsRanges(alpha=(1.0, 50.0), fast_share=0.0, sigma=(0.5, 0.5), gamma=(gamma, gamma))
        steady = replace(ranges, trend_share=0.0, drift_share=0.0, log_share=0.0, volatile_share=0.0)
        values = draw_ets(steady, np.random.default_rng(0), frame(24)).reshape(COUNT, -1, 24)
        first, last = (standardise(values[:, part].mean(1)) for part in (slice(0, 6), slice(-6, None)))
        return float(np.median((first * last).mean(1)))

    assert profile_correlation(0.0) > profile_correlation(0.3) + 0.05


def test_autoregressions_are_stationary() -> None:
    lags = _stationary_lags(DynamicsRanges(), np.random.default_rng(0), 500)
    companion = np.zeros((500, 3, 3))
    companion[:, 0] = lags
    companion[:, 1, 0] = companion[:, 2, 1] = 1
    assert np.abs(np.linalg.eigvals(companion)).max() < 1


@pytest.mark.parametrize("season", [2, 4, 12, 52, 168, 672])
def test_profiles_have_deviation_one(season: int) -> None:
    tables = draw_tables(np.random.default_rng(0), 50, season)
    assert tables.shape == (50, season)
    np.testing.assert_allclose(tables.mean(1), 0, atol=1e-9)
    np.testing.assert_allclose(tables.std(1), 1, atol=1e-6)


def test_seasonal_series_repeat_and_have_none_for_a_season_of_one() -> None:
    values = draw_seasonal(np.random.default_rng(0), np.array([1, 52, 24]), 400)
    assert (values[0] == 0).all()
    np.testing.assert_array_equal(values[1, 52:104], values[1, :52])
    np.testing.assert_array_equal(values[2, 24:48], values[2, :24])


def test_the_second_season_repeats_only_where_there_is_one() -> None:
    one = Frame(np.array([24, 24]), np.array([24, 168]), 400)
    values = draw_second(np.random.default_rng(0), one)
    assert (values[0] == 0).all()
    np.testing.assert_array_equal(values[1, 168:336], values[1, :168])


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.5])
def test_a_gaussian_process_has_deviation_one_and_its_length_scale(decay: float) -> None:
    short, long = (draw_smooth(np.random.default_rng(0), np.full(400, scale), 300, decay) for scale in (3.0, 30.0))
    assert short.std() == pytest.approx(1, abs=0.1)
    assert np.abs(np.diff(long)).mean() < 0.5 * np.abs(np.diff(short)).mean()
