"""State space models with level, damped trend and an evolving season, half of them in logs.

Source: Hyndman, Koehler, Ord and Snyder, "Forecasting with Exponential Smoothing" (2008), in innovations form; ranges
from the generators of Chronos-2 and TempoPFN and from our own trial.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.pretraining.frame import Frame, Range, Values, chance, log_uniform, uniform
from forecaster.pretraining.paths import draw_volatility
from forecaster.pretraining.profiles import draw_second, draw_tables


@dataclass(frozen=True)
class EtsRanges:
    """The ranges of the state space models.

    Attributes:
        alpha: shape parameters of the Beta distribution of the smoothing of the level.
        fast_alpha: the same for levels that nearly are random walks.
        fast_share: share of such levels.
        trend_share: share of series with a trend.
        beta: smoothing of the trend, as a multiple of alpha.
        first_slope: deviation of the first slope, as a multiple of sigma.
        drift_share: share of series with a drift, as in the Theta method (Hyndman and Billah, 2003).
        drift: drift per step of a series without season, as a multiple of sigma.
        damped_share: share of damped trends, among those with one.
        phi: damping of a trend per step.
        gamma: smoothing of the season, as a multiple of 1 - alpha.
        season_share: share of seasonal series, among those whose frame has a season.
        amplitude: deviation of the seasonal profile.
        sigma: deviation of the innovations.
        log_share: share of series that are simulated in logs, so that season and noise grow with the level.
        log_scale: largest absolute logarithm.
        volatile_share: share of series whose sigma wanders.
        heavy_share: share of innovations of Student's t.
        degrees: degrees of freedom of Student's t.
    """

    alpha: Range = (1.2, 2.5)
    fast_alpha: Range = (3.0, 1.0)
    fast_share: float = 0.45
    trend_share: float = 0.6
    beta: Range = (0.0, 0.25)
    first_slope: float = 0.2
    drift_share: float = 0.45
    drift: Range = (0.02, 1.0)
    damped_share: float = 0.6
    phi: Range = (0.8, 0.995)
    gamma: Range = (0.0, 0.3)
    season_share: float = 0.9
    amplitude: Range = (0.1, 3.0)
    sigma: Range = (0.02, 1.0)
    log_share: float = 0.45
    log_scale: Range = (0.1, 2.0)
    volatile_share: float = 0.2
    heavy_share: float = 0.15
    degrees: Range = (3.0, 8.0)


def draw_ets(ranges: EtsRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] series of state space models."""
    count = len(frame)
    sigma = log_uniform(rng, ranges.sigma, count)
    is_seasonal = frame.is_seasonal & chance(rng, ranges.season_share, count)
    amplitude = np.where(is_seasonal, log_uniform(rng, ranges.amplitude, count) * frame.season_scale, 0.0)
    values = _simulate(ranges, rng, frame, (sigma, amplitude))
    second = log_uniform(rng, ranges.amplitude, count) * frame.season_scale * chance(rng, 0.6, count) * (amplitude > 0)
    values += second[:, None] * draw_second(rng, frame)
    drift = np.where(chance(rng, ranges.drift_share, count), log_uniform(rng, ranges.drift, count) * sigma, 0.0)
    drift *= rng.choice([-1, 1, 1], count) / np.sqrt(frame.season)
    values += drift[:, None] * frame.times
    scale = log_uniform(rng, ranges.log_scale, count)[:, None]
    logs = values / (np.abs(values).max(1, keepdims=True) + 1e-6) * scale
    return np.where(chance(rng, ranges.log_share, count)[:, None], np.exp(logs), values)


def _simulate(ranges: EtsRanges, rng: np.random.Generator, frame: Frame, sizes: tuple[Values, Values]) -> Values:
    """Simulate [n, T] observations step by step; `sizes` are the [n] deviations of innovations and season."""
    sigma, amplitude = sizes
    count, rows = len(frame), np.arange(len(frame))
    is_fast = chance(rng, ranges.fast_share, count)
    alpha = np.where(is_fast, rng.beta(*ranges.fast_alpha, count), rng.beta(*ranges.alpha, count))
    has_trend = chance(rng, ranges.trend_share, count)
    beta = np.where(has_trend, alpha * uniform(rng, ranges.beta, count), 0.0)
    phi = np.where(chance(rng, ranges.damped_share, count), uniform(rng, ranges.phi, count), 1.0)
    gamma = np.where(amplitude > 0, (1 - alpha) * uniform(rng, ranges.gamma, count), 0.0)
    level, slope = np.zeros(count), np.where(has_trend, rng.normal(size=count) * sigma * ranges.first_slope, 0.0)
    profile = _first_profiles(rng, frame) * amplitude[:, None]
    shocks = _draw_shocks(ranges, rng, sigma, frame.steps)
    values = np.empty((frame.steps, count))
    for step in range(frame.steps):
        phase, shock = step % frame.season, shocks[step]
        season = profile[rows, phase]
        expected = level + phi * slope
        values[step] = expected + season + shock
        level = expected + alpha * shock
        slope = phi * slope + beta * shock
        profile[rows, phase] = season + gamma * shock
    return np.ascontiguousarray(values.T)


def _draw_shocks(ranges: EtsRanges, rng: np.random.Generator, sigma: Values, steps: int) -> Values:
    """Draw [T, n] innovations with deviations `sigma` [n]: normal, some heavy, some with a volatility that wanders."""
    count = len(sigma)
    shocks = rng.normal(size=(steps, count)) * sigma
    heavy = np.flatnonzero(chance(rng, ranges.heavy_share, count))
    degrees = uniform(rng, ranges.degrees, len(heavy))
    shocks[:, heavy] /= np.sqrt(rng.chisquare(degrees, (steps, len(heavy))) / degrees)
    rows = np.flatnonzero(chance(rng, ranges.volatile_share, count))
    shocks[:, rows] *= draw_volatility(rng, uniform(rng, (0.3, 1.0), len(rows)), (5.0, 200.0), steps).T
    return shocks


def _first_profiles(rng: np.random.Generator, frame: Frame) -> Values:
    """Draw the [n, longest season] profiles before the first step."""
    profiles = np.zeros((len(frame), int(frame.season.max(initial=1))))
    for season in np.unique(frame.season):
        rows = np.flatnonzero(frame.season == season)
        profiles[rows, :season] = draw_tables(rng, len(rows), int(season))
    return profiles
