"""Counts: sales and events with a wandering rate, intermittent demand, promotions.

Source: Croston (1972) and Syntetos, Boylan and Croston (2005) for intermittent demand; Snyder, Ord and Beaumont (2012)
for rates that wander and for overdispersed counts.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.pretraining.frame import Frame, Range, Values, chance, log_uniform, uniform
from forecaster.pretraining.paths import draw_smooth
from forecaster.pretraining.profiles import draw_seasonal, draw_second


@dataclass(frozen=True)
class CountRanges:
    """The ranges of counts.

    Attributes:
        log_rate: mean of the logarithm of the rate.
        wander: deviation of the logarithm of the rate.
        wander_steps: steps over which the rate changes.
        season_share: share of seasonal series, among those whose frame has a season.
        season: deviation of the seasonal logarithm of the rate.
        dispersed_share: share of negative binomial series.
        dispersion: shape of the gamma factor of the rate; the smaller, the wider.
        intermittent_share: share of series with many zeros.
        demand: probability that a step of an intermittent series has demand.
        promotion_share: share of series with promotions.
        promotion_rate: probability that a promotion begins.
        promotion: factor of the rate during a promotion.
    """

    log_rate: Range = (-0.7, 7.0)
    wander: Range = (0.02, 1.0)
    wander_steps: Range = (5.0, 500.0)
    season_share: float = 0.75
    season: Range = (0.05, 0.9)
    dispersed_share: float = 0.4
    dispersion: Range = (0.7, 50.0)
    intermittent_share: float = 0.25
    demand: Range = (0.08, 0.7)
    promotion_share: float = 0.2
    promotion_rate: Range = (0.004, 0.04)
    promotion: Range = (1.3, 5.0)


def draw_counts(ranges: CountRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] whole numbers of at least 0."""
    count, steps = len(frame), frame.steps
    walk = draw_smooth(rng, log_uniform(rng, ranges.wander_steps, count), steps, 0.5)
    has_season = chance(rng, ranges.season_share, count)
    season = draw_seasonal(rng, frame.season, steps) * log_uniform(rng, ranges.season, count)[:, None]
    season += draw_second(rng, frame) * log_uniform(rng, ranges.season, count)[:, None]
    season *= np.minimum(has_season * frame.season_scale, 2.0)[:, None]
    logs = uniform(rng, ranges.log_rate, count)[:, None] + walk * log_uniform(rng, ranges.wander, count)[:, None]
    rate = np.exp(np.clip(logs + season, -4, 12))
    promoted = np.flatnonzero(chance(rng, ranges.promotion_share, count))
    rate[promoted] *= _draw_promotions(ranges, rng, len(promoted), steps)
    dispersed = np.flatnonzero(chance(rng, ranges.dispersed_share, count))
    shape = log_uniform(rng, ranges.dispersion, len(dispersed))[:, None]
    rate[dispersed] *= rng.gamma(shape, 1 / shape, (len(dispersed), steps))
    values = rng.poisson(rate).astype(np.float64)
    rows = np.flatnonzero(chance(rng, ranges.intermittent_share, count))
    values[rows] *= rng.random((len(rows), steps)) < uniform(rng, ranges.demand, len(rows))[:, None]
    return values


def _draw_promotions(ranges: CountRanges, rng: np.random.Generator, count: int, steps: int) -> Values:
    """Draw the [n, T] factors of promotions, which last for 1 to 14 steps."""
    begins = rng.random((count, steps)) < log_uniform(rng, ranges.promotion_rate, count)[:, None]
    last = np.maximum.accumulate(np.where(begins, np.arange(steps), -steps), 1)
    lasts = np.arange(steps) - last < rng.integers(1, 15, count)[:, None]
    return np.where(lasts, uniform(rng, ranges.promotion, count)[:, None], 1.0)
