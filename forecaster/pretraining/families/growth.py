"""Series of business and economic life: a level that grows at a rate which itself wanders, breaks and wears off.

Source: local linear trends with an autoregressive slope (Harvey, "Forecasting, Structural Time Series Models and the
Kalman Filter", 1989), damped trends (Gardner and McKenzie, 1985), S-curves of diffusion (Bass, 1969). The uncertainty
of the rate is as large as the rate, as in the yearly series of the M competitions.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.pretraining.frame import Flags, Frame, Range, Values, chance, log_uniform, uniform
from forecaster.pretraining.paths import draw_broken_lines, draw_smooth, draw_volatility
from forecaster.pretraining.profiles import draw_evolving, draw_seasonal

_MOST_NOISE = 0.2


@dataclass(frozen=True)
class GrowthRanges:
    """The ranges of growth.

    Attributes:
        shares: shares of wandering growth, straight lines and S-curves.
        rate: growth of the logarithm of the level per step of a yearly series.
        rising_share: share of episodes that rise.
        episode: expected steps between two breaks of the mean rate.
        persistence: autoregression of the rate around its mean.
        wander: deviation of the rate around its mean, in units of the mean.
        damped_share: share of series whose rate wears off within an episode.
        damping: factor of the mean rate per step.
        bound: largest absolute logarithm of the level, around which growth turns.
        shock: deviation of the permanent shocks of the logarithm, in units of the rate.
        volatility: deviation of the logarithm of the volatility of shocks and rates.
        volatility_steps: steps over which the volatility changes.
        shift_share: share of series whose level sometimes shifts.
        shift_rate: probability of a shift per step.
        shift: deviation of a shift of the logarithm.
        line_piece: expected steps between two breaks of a straight line.
        line: range of a straight line above its lowest level, in units of that level.
        noise: deviation of the noise, as a share of the level.
        noise_of_rate: the same for wandering growth, as a multiple of the rate.
        noise_persistence: autoregression of the noise.
        season_share: share of seasonal series, among those whose frame has a season.
        season: deviation of the logarithm of the seasonal factor.
    """

    shares: tuple[float, float, float] = (0.62, 0.25, 0.13)
    rate: Range = (0.004, 0.14)
    rising_share: float = 0.78
    episode: Range = (25.0, 400.0)
    persistence: Range = (0.5, 1.0)
    wander: Range = (0.1, 2.0)
    damped_share: float = 0.3
    damping: Range = (0.85, 0.985)
    bound: Range = (1.0, 2.5)
    shock: Range = (0.02, 2.0)
    volatility: Range = (0.0, 1.2)
    volatility_steps: Range = (5.0, 200.0)
    shift_share: float = 0.25
    shift_rate: Range = (0.003, 0.03)
    shift: float = 0.25
    line_piece: Range = (25.0, 400.0)
    line: Range = (0.3, 20.0)
    noise: Range = (0.0002, 0.07)
    noise_of_rate: Range = (0.01, 2.5)
    noise_persistence: Range = (0.2, 0.9)
    season_share: float = 0.7
    season: Range = (0.01, 0.5)


def draw_growth(ranges: GrowthRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] positive series."""
    count, steps = len(frame), frame.steps
    kind = rng.choice(3, count, p=ranges.shares)
    level, noise = np.empty((count, steps)), log_uniform(rng, ranges.noise, count)
    wandering = np.flatnonzero(kind == 0)
    scale = log_uniform(rng, ranges.rate, len(wandering)) / np.sqrt(frame.season[wandering])
    level[wandering] = np.exp(_draw_wandering_logs(ranges, rng, frame.select(wandering), scale))
    noise[wandering] = np.minimum(scale * log_uniform(rng, ranges.noise_of_rate, len(wandering)), _MOST_NOISE)
    level[kind == 1] = _draw_lines(ranges, rng, int((kind == 1).sum()), steps)
    level[kind == 2] = _draw_s_curves(rng, int((kind == 2).sum()), steps)
    shifts = rng.random((count, steps)) < log_uniform(rng, ranges.shift_rate, count)[:, None]
    shifts &= chance(rng, ranges.shift_share, count)[:, None]
    sizes = np.where(shifts, rng.normal(size=(count, steps)) * ranges.shift, 0.0)
    logs = _bounce(np.cumsum(sizes, 1), 1.0) + _draw_noise(ranges, rng, noise, steps) + _draw_season(ranges, rng, frame)
    return level * np.exp(logs)


def _draw_wandering_logs(ranges: GrowthRanges, rng: np.random.Generator, frame: Frame, scale: Values) -> Values:
    """Draw the [n, T] logarithms of levels that grow at a wandering rate around [n] `scale`, within bounds."""
    count, steps, season = len(frame), frame.steps, frame.season
    persistence = uniform(rng, ranges.persistence, count)
    wander = log_uniform(rng, ranges.wander, count) * np.sqrt(1 - persistence**2 + 1e-4)
    damping = np.where(chance(rng, ranges.damped_share, count), uniform(rng, ranges.damping, count), 1.0)
    damping = damping ** (1 / np.sqrt(season))
    bound = uniform(rng, ranges.bound, count)
    size = uniform(rng, ranges.volatility, count)
    volatility = draw_volatility(rng, size, ranges.volatility_steps, steps).T * scale
    shocks = rng.normal(size=(steps, count)) * volatility * log_uniform(rng, ranges.shock, count)
    wander_shocks = rng.normal(size=(steps, count)) * volatility * wander
    ends = rng.random((steps, count)) < 1 / (log_uniform(rng, ranges.episode, count) * np.sqrt(season))
    level, mean, excess = uniform(rng, (-1.0, 1.0), count), np.zeros(count), np.zeros(count)
    values = np.empty((steps, count))
    for step in range(steps):
        is_new = ends[step] | (level * mean > bound * np.abs(mean)) | (step == 0)
        mean = np.where(is_new, _draw_mean_rates(ranges, rng, scale, level / bound), mean * damping)
        excess = persistence * excess + wander_shocks[step]
        excess = np.where(np.abs(level) > 1.2 * bound, -np.abs(excess) * np.sign(level), excess)
        level = _bounce(level + mean + excess + shocks[step], 1.6 * bound)
        values[step] = level
    return np.ascontiguousarray(values.T)


def _draw_mean_rates(ranges: GrowthRanges, rng: np.random.Generator, scale: Values, position: Values) -> Values:
    """Draw the [n] mean rates of new episodes; a level beyond its bound (position 1 or -1) turns around.

    A fall is steeper and shorter than a rise, so that more time is spent rising.
    """
    sign = np.where(chance(rng, ranges.rising_share, len(scale)), 1.0, -1.0)
    sign = np.where(position > 1, -1.0, np.where(position < -1, 1.0, sign))
    size = scale * np.exp(0.5 * rng.normal(size=len(scale)))
    return np.where(sign > 0, size, -1.5 * size)


def _draw_lines(ranges: GrowthRanges, rng: np.random.Generator, count: int, steps: int) -> Values:
    """Draw [count, steps] broken straight lines above a lowest level of 1."""
    lines = draw_broken_lines(rng, count, steps, ranges.line_piece)
    lines -= lines.min(1, keepdims=True)
    lines /= np.maximum(lines.max(1, keepdims=True), 1e-9)
    return 1 + lines * log_uniform(rng, ranges.line, count)[:, None]


def _draw_s_curves(rng: np.random.Generator, count: int, steps: int) -> Values:
    """Draw [count, steps] sums of logistic curves, one for each new product, the older of which fade in part."""
    number = max(steps // 110, 2)
    values = np.full((count, steps), 0.3)
    times = np.arange(steps)
    for curve in range(number):
        centre = (curve + rng.uniform(0, 1, count))[:, None] * steps / number
        width = log_uniform(rng, (2.0, 25.0), count)[:, None]
        height = rng.gamma(1.5, 0.7, count)[:, None]
        rise = 1 / (1 + np.exp(-np.clip((times - centre) / width, -40, 40)))
        late = np.clip((times - centre) / width - uniform(rng, (6.0, 20.0), count)[:, None], -40, 40)
        fall = 1 - uniform(rng, (0.2, 1.0), count)[:, None] / (1 + np.exp(-late / 2))
        values += height * rise * fall
    return values


def _draw_noise(ranges: GrowthRanges, rng: np.random.Generator, size: Values, steps: int) -> Values:
    """Draw the [n, T] noise of the logarithm: white for half of the series, persistent for the others; some heavy."""
    count = len(size)
    noise = rng.normal(size=(count, steps))
    heavy = np.flatnonzero(chance(rng, 0.2, count))
    degrees = uniform(rng, (3.0, 8.0), len(heavy))[:, None]
    noise[heavy] /= np.sqrt(rng.chisquare(degrees, (len(heavy), steps)) / degrees)
    rows = np.flatnonzero(chance(rng, 0.5, count))
    noise[rows] = draw_smooth(rng, -1 / np.log(uniform(rng, ranges.noise_persistence, len(rows))), steps, 0.5)
    return np.clip(noise, -8, 8) * size[:, None]


def _draw_season(ranges: GrowthRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw the [n, T] logarithms of the seasonal factors, half of which evolve."""
    count = len(frame)
    season = draw_seasonal(rng, frame.season, frame.steps)
    rows = np.flatnonzero(chance(rng, 0.5, count))
    season[rows] = draw_evolving(rng, frame.season[rows], frame.steps)
    has_season: Flags = frame.is_seasonal & chance(rng, ranges.season_share, count)
    size = np.where(has_season, log_uniform(rng, ranges.season, count) * frame.season_scale, 0.0)
    return size[:, None] * season


def _bounce(values: Values, bound: Values | float) -> Values:
    """Reflect values at two bounds, as often as needed, so that they stay within -bound and bound."""
    turns = (values + bound) % (4 * bound)
    return np.where(turns < 2 * bound, turns, 4 * bound - turns) - bound
