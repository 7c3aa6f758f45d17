"""Trend times season times noise.

Source: Dooley et al., "ForecastPFN: Synthetically-Trained Zero-Shot Forecasting" (NeurIPS 2023); here the trends break.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.pretraining.frame import Frame, Range, Values, chance, log_uniform, uniform
from forecaster.pretraining.paths import draw_broken_lines
from forecaster.pretraining.profiles import draw_evolving, draw_seasonal, draw_second


@dataclass(frozen=True)
class TrendSeasonRanges:
    """The ranges of trend, season and noise.

    Attributes:
        piece: expected steps between two breaks of a trend.
        linear: deviation of the linear trend, as a share of the level.
        exponential: deviation of the logarithm of the exponential trend.
        season: deviation of the seasonal factor.
        second_season: deviation of the factor of the second season.
        evolving_share: share of seasons that change slowly.
        additive_share: share of series whose season and noise do not grow with the level.
        noise_shares: shares of small and medium noise; the others are large.
        small, medium, large: weight z of the noise 1 + z (W - 1).
        shape: shape of the Weibull distribution of W, whose median is 1.
    """

    piece: Range = (20.0, 2000.0)
    linear: Range = (0.05, 0.45)
    exponential: Range = (0.05, 1.0)
    season: Range = (0.02, 0.5)
    second_season: Range = (0.02, 0.4)
    evolving_share: float = 0.3
    additive_share: float = 0.3
    noise_shares: tuple[float, float] = (0.6, 0.3)
    small: Range = (0.0, 0.1)
    medium: Range = (0.2, 0.5)
    large: Range = (0.7, 0.9)
    shape: Range = (1.0, 5.0)


def draw_trend_season(ranges: TrendSeasonRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] series."""
    count = len(frame)
    line = draw_broken_lines(rng, count, frame.steps, ranges.piece) * log_uniform(rng, ranges.linear, count)[:, None]
    growth = draw_broken_lines(rng, count, frame.steps, ranges.piece)
    growth *= (log_uniform(rng, ranges.exponential, count) * chance(rng, 0.6, count))[:, None]
    trend = np.maximum(1 + line, 0.05) * np.exp(growth)
    season = draw_seasonal(rng, frame.season, frame.steps)
    evolving = np.flatnonzero(chance(rng, ranges.evolving_share, count))
    season[evolving] = draw_evolving(rng, frame.season[evolving], frame.steps)
    season *= _season_size(ranges.season, rng, frame)[:, None]
    season += draw_second(rng, frame) * _season_size(ranges.second_season, rng, frame)[:, None]
    noise = _draw_noise(ranges, rng, count, frame.steps)
    noise = 1 + (noise - 1) / np.maximum(frame.season_scale * np.ones(count), 1)[:, None]
    factor = np.maximum(1 + season, 0.02) * noise
    is_additive = chance(rng, ranges.additive_share, count)[:, None]
    return np.where(is_additive, trend + factor, trend * factor)


def _season_size(bounds: Range, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw the [n] deviations of a seasonal factor, which do not exceed the upper bound."""
    return np.minimum(log_uniform(rng, bounds, len(frame)) * frame.season_scale, bounds[1])


def _draw_noise(ranges: TrendSeasonRanges, rng: np.random.Generator, count: int, steps: int) -> Values:
    """Draw the [n, T] noise 1 + z (W - 1), where z is small, medium or large and the median of W is 1."""
    level = rng.random(count)
    small, medium = ranges.noise_shares
    weight = np.select(
        [level < small, level < small + medium],
        [uniform(rng, ranges.small, count), uniform(rng, ranges.medium, count)],
        uniform(rng, ranges.large, count),
    )[:, None]
    shape = uniform(rng, ranges.shape, count)[:, None]
    noise: Values = 1 + weight * ((rng.standard_exponential((count, steps)) / np.log(2)) ** (1 / shape) - 1)
    return noise
