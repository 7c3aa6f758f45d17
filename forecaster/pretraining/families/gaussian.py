"""Gaussian processes: sums and products of smooth, rough, periodic, linear and white kernels.

Source: KernelSynth (Ansari et al., "Chronos", 2024) and TempoPFN (2025). The kernels are stationary or linear, so that
their spectra (Rahimi and Recht, "Random features for large-scale kernel machines", 2007) replace the covariance matrix.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.pretraining.frame import Frame, Range, Values, chance, log_uniform
from forecaster.pretraining.paths import draw_smooth
from forecaster.pretraining.profiles import draw_evolving, draw_seasonal, draw_second


@dataclass(frozen=True)
class GaussianRanges:
    """The ranges of the kernels.

    Attributes:
        length_scale: steps of squared exponential and Matern kernels, as a share of T.
        amplitude: deviation of each smooth kernel.
        smooth_share: probability of each of the three smooth kernels.
        period_share: share of series with a periodic kernel, among those whose frame has a season.
        period_amplitude: deviation of the periodic kernel.
        product_share: share of series whose periodic kernel is multiplied by a smooth one.
        line_share: share of series with a linear kernel.
        line: deviation of the total rise of the linear kernel.
        noise: deviation of the white kernel.
    """

    length_scale: Range = (0.004, 1.0)
    amplitude: Range = (0.1, 2.0)
    smooth_share: float = 0.6
    period_share: float = 0.75
    period_amplitude: Range = (0.1, 3.0)
    product_share: float = 0.4
    line_share: float = 0.35
    line: float = 4.0
    noise: Range = (0.01, 1.0)


def draw_gaussian(ranges: GaussianRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] series."""
    count, steps = len(frame), frame.steps
    values = rng.normal(size=(count, steps)) * log_uniform(rng, ranges.noise, count)[:, None]
    for smoothness in (0.0, 0.5, 1.5):
        rows = np.flatnonzero(chance(rng, ranges.smooth_share, count))
        length_scale = log_uniform(rng, ranges.length_scale, len(rows)) * steps
        size = log_uniform(rng, ranges.amplitude, len(rows))[:, None]
        values[rows] += size * draw_smooth(rng, length_scale, steps, smoothness)
    period = draw_seasonal(rng, frame.season, steps)
    evolving = np.flatnonzero(chance(rng, 0.3, count))
    period[evolving] = draw_evolving(rng, frame.season[evolving], steps)
    rows = np.flatnonzero(chance(rng, ranges.product_share, count))
    period[rows] *= 1 + 0.5 * draw_smooth(rng, log_uniform(rng, (0.1, 1.0), len(rows)) * steps, steps)
    scale = (chance(rng, ranges.period_share, count) * frame.season_scale)[:, None]
    values += scale * log_uniform(rng, ranges.period_amplitude, count)[:, None] * period
    values += scale * log_uniform(rng, ranges.period_amplitude, count)[:, None] / 2 * draw_second(rng, frame)
    rise = rng.normal(size=count) * ranges.line * chance(rng, ranges.line_share, count)
    return values + rise[:, None] * frame.times / steps
