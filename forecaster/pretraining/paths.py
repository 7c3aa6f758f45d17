"""Paths that families share: piecewise straight lines and slow random functions."""

import numpy as np

from forecaster.frequency import Ints
from forecaster.pretraining.frame import Range, Values, log_uniform, standardise


def draw_pieces(rng: np.random.Generator, count: int, steps: int, expected_length: Range) -> Ints:
    """Draw the [count, steps] number of the piece that each step belongs to, for pieces of random lengths.

    The expected length of the pieces of a series is log-uniform between two bounds in steps.
    """
    rate = 1 / log_uniform(rng, expected_length, count)[:, None]
    return np.cumsum(rng.random((count, steps)) < rate, 1)


def draw_broken_lines(rng: np.random.Generator, count: int, steps: int, expected_length: Range) -> Values:
    """Draw [count, steps] continuous lines whose slope changes now and then, with mean 0 and deviation 1."""
    piece = draw_pieces(rng, count, steps, expected_length)
    slopes = rng.normal(size=(count, int(piece.max(initial=0)) + 1)) + rng.normal(size=(count, 1))
    return standardise(np.cumsum(np.take_along_axis(slopes, piece, 1), 1))


def draw_volatility(rng: np.random.Generator, size: Values, length_scale: Range, steps: int) -> Values:
    """Draw [n, steps] positive factors of shocks, whose logarithm wanders with deviation `size` [n]."""
    logs = draw_smooth(rng, log_uniform(rng, length_scale, len(size)), steps, 0.5)
    factors: Values = np.exp(size[:, None] * logs)
    return factors


def draw_smooth(rng: np.random.Generator, length_scale: Values, steps: int, decay: float = 0.0) -> Values:
    """Draw [n, steps] Gaussian processes with deviation 1 by their spectrum.

    Random amplitudes at the frequencies of a circle of four times `steps` are transformed at once, which is the method
    of random Fourier features with all frequencies of the grid.

    Args:
        rng: the source of chance.
        length_scale: [n] steps over which a series changes.
        steps: number of steps T.
        decay: 0 for the squared exponential kernel; otherwise the smoothness nu of a Matern kernel.
    """
    size = 1 << int(np.ceil(np.log2(4 * steps)))
    frequency = 2 * np.pi * np.arange(size // 2 + 1) / size * length_scale[:, None]
    power = (1 + frequency**2 / (2 * decay)) ** -(decay + 0.5) if decay else np.exp(-0.5 * frequency**2)
    amplitude = np.sqrt(power / (2 * power.sum(1, keepdims=True)))
    waves = amplitude * (rng.normal(size=power.shape) + 1j * rng.normal(size=power.shape))
    values: Values = np.fft.irfft(waves, size)[:, :steps] * size / np.sqrt(2)
    return values
