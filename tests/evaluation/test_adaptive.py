from statistics import NormalDist

import numpy as np
import pytest
from numpy.testing import assert_allclose

from forecaster.evaluation.adaptive import (
    GAMMA,
    WINDOW_PERIODS,
    AdaptiveFactors,
    Outcomes,
    Recalibration,
    apply_factors,
    recalibrate,
)
from forecaster.evaluation.calibration import COVERAGES, nonconformity_scores
from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.panel import Panel
from tests.conftest import MakePanel

NORMAL = np.array([NormalDist().inv_cdf(p) for p in PROBABILITIES], np.float32)
EIGHTY = int(np.flatnonzero(COVERAGES == 0.8)[0])
HORIZON = 3


def live(noise: np.ndarray, *, seed: int = 0, series: int = 1) -> Outcomes:
    """A run a day that always forecasts standard normal values, of which the days [T] are `noise` times as wide."""
    runs = np.repeat(np.arange(len(noise) - HORIZON), HORIZON * series)
    step = np.tile(np.repeat(np.arange(1, HORIZON + 1), series), len(noise) - HORIZON)
    values = np.random.default_rng(seed).normal(size=(len(noise), series)) * noise[:, None]
    actual = values[runs + step, np.tile(np.arange(series), len(runs) // series)]
    misses = nonconformity_scores(
        np.broadcast_to(NORMAL, (len(runs), 1, len(NORMAL))), actual[:, None].astype(np.float32)
    )
    return Outcomes(runs + step, runs, step, misses[:, 0])


def until(outcomes: Outcomes, period: int) -> Recalibration:
    keep = outcomes.period <= period
    return recalibrate(
        Outcomes(outcomes.period[keep], outcomes.known[keep], outcomes.step[keep], outcomes.scores[keep]), HORIZON
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_coverage_comes_back_after_the_noise_doubles_midway(seed: int) -> None:
    outcomes = live(np.where(np.arange(900) < 300, 1, 2), seed=seed)
    late = outcomes.period > 400
    assert (outcomes.scores[late, EIGHTY] <= 1).mean() < 0.53  # as forecast
    whole, early = recalibrate(outcomes, HORIZON), until(outcomes, 400)
    count, before = len(outcomes.period), (~late).sum()
    held = (count * whole.adapted_coverage - before * early.adapted_coverage).mean(0) / (count - before)
    assert 0.77 <= held[EIGHTY] <= 0.83
    assert_allclose(held, COVERAGES, atol=0.04)
    assert_allclose(whole.widths.factors[:, EIGHTY], 2, rtol=0.45)
    assert_allclose(until(outcomes, 299).widths.factors[:, EIGHTY], 1, rtol=0.3)


def test_many_series_settle_it_to_a_hair_and_wide_intervals_are_narrowed_as_well() -> None:
    for noise in (0.5, 1, 2):
        found = recalibrate(live(np.full(300, noise), series=50), HORIZON)
        assert_allclose(found.widths.factors, noise, rtol=0.12)


def test_a_loop_over_days_gives_the_same() -> None:
    outcomes = live(np.linspace(0.5, 3, 200), seed=3)
    own = outcomes.step == 2
    period, known, misses = outcomes.period[own], outcomes.known[own], outcomes.scores[own, EIGHTY].astype(float)
    alpha, seen, factors, hits = 0.2, list[float](), {-1: 1.0}, 0
    for day in range(200):
        for which in np.flatnonzero(period == day):
            is_out = misses[which] > factors[int(known[which])]
            hits += not is_out
            if known[which] >= period[0] + 19:
                alpha = min(max(alpha + GAMMA * (0.2 - is_out), 0), 1)
            seen = [*seen, misses[which]][-WINDOW_PERIODS:]
        enough = len(seen) >= 20
        factors[day] = float(np.clip(np.quantile(seen, 1 - alpha, method="higher"), 0.25, 4)) if enough else 1.0
    found = recalibrate(outcomes, HORIZON)
    assert found.widths.factors[1, EIGHTY] == pytest.approx(factors[199])
    assert found.adapted_coverage[1, EIGHTY] == pytest.approx(hits / own.sum())


def test_what_was_not_known_when_a_forecast_was_made_does_not_widen_it() -> None:
    outcomes = live(np.where(np.arange(200) < 100, 1, 9))
    blind = Outcomes(outcomes.period, np.full_like(outcomes.known, -1), outcomes.step, outcomes.scores)
    found = recalibrate(blind, HORIZON)
    assert_allclose(found.adapted_coverage, found.coverage)


def test_too_little_to_learn_from_changes_nothing() -> None:
    outcomes = live(np.full(19 + HORIZON, 5.0))
    assert (recalibrate(outcomes, HORIZON).widths.factors[1:] == 1).all()
    nothing = Outcomes(*(np.empty(0, np.int64) for _ in range(3)), np.empty((0, 7)))
    found = recalibrate(nothing, 2)
    assert (found.widths.factors == 1).all()
    assert np.isnan(found.coverage).all()


def test_steps_are_grouped_in_four_parts_and_the_last_goes_on() -> None:
    widths = AdaptiveFactors.unchanged(14)
    assert widths.last_steps == (4, 8, 11, 14)
    assert widths.groups(np.array([1, 4, 5, 14, 15, 99])).tolist() == [0, 0, 1, 3, 3, 3]
    assert AdaptiveFactors.unchanged(1).last_steps == (1,)


def test_a_forecast_is_stretched_about_its_median_within_what_the_target_can_be(make_panel: MakePanel) -> None:
    panel = make_panel([[10, 10]])
    quantiles = np.broadcast_to(10 + NORMAL, (1, 2, len(NORMAL)))
    forecast = Forecast.of(panel, quantiles, model="gru", mean=np.full((1, 2), 9, np.float32))
    widths = AdaptiveFactors((1, 2), np.stack([np.full(7, 2.0), np.full(7, 0.5)]))
    found = apply_factors(widths, forecast, panel)
    assert_allclose(found.quantiles[0, 0], 10 + 2 * NORMAL, rtol=1e-6)
    assert_allclose(found.quantiles[0, 1], 10 + 0.5 * NORMAL, rtol=1e-6)
    assert found.quantiles.dtype == np.float32
    assert (found.mean == forecast.mean).all()
    assert apply_factors(widths, forecast, Panel(**{**vars(panel), "minimum": 9.0})).quantiles.min() == 9
