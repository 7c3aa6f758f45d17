"""Processes without a fixed form: autoregressions, thresholds, regimes and random walks.

Source: Box and Jenkins (1970) for (seasonal, integrated) autoregressions, Tong (1983) for thresholds, Hamilton (1989)
for Markov regimes; entrants of a public contest report that mixtures rich in dynamics beat those rich in seasons.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.frequency import Ints
from forecaster.pretraining.frame import Frame, Range, Values, chance, local_deviation, log_uniform, uniform
from forecaster.pretraining.paths import draw_volatility
from forecaster.pretraining.profiles import draw_evolving


@dataclass(frozen=True)
class DynamicsRanges:
    """The ranges of the processes.

    Attributes:
        shares: shares of autoregressions, thresholds, regimes and random walks.
        partial: bounds of the first, second and third partial autocorrelation; within -1 and 1 they are stationary.
        threshold: autoregression on either side of a threshold.
        regime: autoregression within a Markov regime.
        regime_level: deviation of the level of a regime.
        stay: probability that a regime stays for another step.
        seasonal_share: share of seasonal autoregressions, among series whose frame has a season.
        seasonal: autoregression over one season.
        integrated_share: share of stationary series that are summed up.
        drift: deviation of the drift of integrated series, in deviations of a step.
        volatile_share: share of series whose volatility wanders.
        profile_share: share of series with a seasonal profile besides, among those whose frame has a season.
        profile: amplitude of that profile, in local deviations.
    """

    shares: tuple[float, ...] = (0.5, 0.12, 0.18, 0.2)
    partial: tuple[Range, Range, Range] = ((-0.3, 0.99), (-0.8, 0.5), (-0.4, 0.4))
    threshold: Range = (-0.4, 0.95)
    regime: Range = (0.5, 0.98)
    regime_level: float = 2.5
    stay: Range = (0.97, 0.9995)
    seasonal_share: float = 0.35
    seasonal: Range = (0.4, 0.98)
    integrated_share: float = 0.55
    drift: float = 0.4
    volatile_share: float = 0.2
    profile_share: float = 0.55
    profile: Range = (0.2, 4.0)


def draw_dynamics(ranges: DynamicsRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] series."""
    count, steps = len(frame), frame.steps
    kind = rng.choice(len(ranges.shares), count, p=ranges.shares)
    shocks = _draw_shocks(ranges, rng, count, steps)
    values = _autoregress(ranges, rng, kind, shocks)
    has_effect = frame.is_seasonal & (np.asarray(frame.season_scale) > 0)
    seasonal = np.flatnonzero(has_effect & chance(rng, ranges.seasonal_share, count))
    values[seasonal] = _autoregress_over_season(ranges, rng, values[seasonal], frame.season[seasonal])
    is_integrated = (kind == 3) | ((kind == 0) & chance(rng, ranges.integrated_share, count))
    step_size = values.std(1)
    drift = rng.normal(size=count) * ranges.drift * step_size * chance(rng, 0.6, count)
    values = np.where(is_integrated[:, None], np.cumsum(values + drift[:, None], 1), values)
    has_profile = frame.is_seasonal & chance(rng, ranges.profile_share, count)
    size = log_uniform(rng, ranges.profile, count) * frame.season_scale * local_deviation(values) * has_profile
    return values + size[:, None] * draw_evolving(rng, frame.season, steps)


def _draw_shocks(ranges: DynamicsRanges, rng: np.random.Generator, count: int, steps: int) -> Values:
    """Draw [n, T] shocks; the volatility of some series wanders."""
    shocks = rng.normal(size=(count, steps))
    rows = np.flatnonzero(chance(rng, ranges.volatile_share, count))
    shocks[rows] *= draw_volatility(rng, uniform(rng, (0.3, 1.0), len(rows)), (5.0, 200.0), steps)
    return shocks


def _autoregress(ranges: DynamicsRanges, rng: np.random.Generator, kind: Ints, shocks: Values) -> Values:
    """Simulate [n, T] processes whose coefficients may depend on a state, 0 or 1.

    The state of a threshold series is the sign of its last value, and that of a regime follows a Markov chain.
    """
    count, steps = shocks.shape
    lags = np.stack([_stationary_lags(ranges, rng, count)] * 2)  # [state, n, lag]
    level, size = np.zeros((2, count)), np.ones((2, count))
    for number, bounds in ((1, ranges.threshold), (2, ranges.regime), (3, (-0.2, 0.3))):
        rows = np.flatnonzero(kind == number)
        lags[:, rows] = 0
        lags[:, rows, 0] = rng.uniform(*bounds, (2, len(rows)))
        if number in (1, 2):
            level[:, rows] = rng.normal(size=(2, len(rows))) * ranges.regime_level
            size[:, rows] = np.exp(rng.uniform(-0.7, 0.7, (2, len(rows))))
    level *= 1 - lags.sum(2)
    changes = rng.random((steps, count)) > uniform(rng, ranges.stay, count)
    regime = np.where(kind == 2, np.cumsum(changes, 0) % 2, 0)
    rows, values = np.arange(count), np.zeros((steps + 3, count))
    for step in range(steps):
        past = values[step : step + 3]  # [lag 3, 2 and 1, n]
        state = np.where(kind == 1, (past[2] > 0).astype(np.int64), regime[step])
        weight = lags[state, rows]
        values[step + 3] = (
            level[state, rows]
            + weight[:, 0] * past[2]
            + weight[:, 1] * past[1]
            + weight[:, 2] * past[0]
            + size[state, rows] * shocks[:, step]
        )
    return np.ascontiguousarray(values[3:].T)


def _stationary_lags(ranges: DynamicsRanges, rng: np.random.Generator, count: int) -> Values:
    """Draw the [n, 3] coefficients of stationary autoregressions from partial ones (Levinson and Durbin)."""
    order = rng.integers(1, 4, count)
    first, second, third = (
        np.where(order > number, uniform(rng, bounds, count), 0.0) for number, bounds in enumerate(ranges.partial)
    )
    one = first * (1 - second)
    return np.stack([one - third * second, second - third * one, third], 1)


def _autoregress_over_season(ranges: DynamicsRanges, rng: np.random.Generator, shocks: Values, season: Ints) -> Values:
    """Simulate z[t] = weight * z[t - season] + shock[t] for [n, T] shocks, from a stationary start."""
    count, steps = shocks.shape
    weight = uniform(rng, ranges.seasonal, count)
    values, rows = shocks.T.copy(), np.arange(count)
    values /= np.maximum(values.std(0), 1e-9)
    early = np.arange(steps)[:, None] < season
    values = np.where(early, values / np.sqrt(1 - weight**2), values)
    for step in range(steps):
        back = step - season
        values[step] += np.where(back >= 0, weight * values[np.maximum(back, 0), rows], 0.0)
    return np.ascontiguousarray(values.T)
