"""Deterministic chaos: the logistic map, the Henon map and the Lorenz system.

Source: May (1976), Henon (1976), Lorenz (1963); Dynamix and Panda (2025) pretrain on such systems.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.pretraining.frame import Frame, Range, Values, log_uniform, standardise, uniform

_SMALL_STEP = 0.01


@dataclass(frozen=True)
class ChaosRanges:
    """The ranges of the systems.

    Attributes:
        logistic: growth r of the logistic map.
        henon: parameter a of the Henon map, whose b is 0.3.
        lorenz: parameter rho of the Lorenz system, whose sigma is 10 and beta 8/3.
        stride: small steps of the Lorenz system between two observations.
        noise: deviation of the noise of the observations.
    """

    logistic: Range = (3.57, 4.0)
    henon: Range = (1.1, 1.4)
    lorenz: Range = (26.0, 60.0)
    stride: tuple[int, int] = (2, 9)
    noise: Range = (0.001, 0.2)


def draw_chaos(ranges: ChaosRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] series with deviation 1 and a little noise."""
    count, steps = len(frame), frame.steps
    systems = (_logistic, _henon, _lorenz)
    kind = rng.integers(0, len(systems), count)
    values = np.empty((count, steps))
    for number, system in enumerate(systems):
        rows = np.flatnonzero(kind == number)
        values[rows] = system(ranges, rng, len(rows), steps)
    noise = rng.normal(size=(count, steps)) * log_uniform(rng, ranges.noise, count)[:, None]
    return standardise(values) + noise


def _logistic(ranges: ChaosRanges, rng: np.random.Generator, count: int, steps: int) -> Values:
    growth, place = uniform(rng, ranges.logistic, count), uniform(rng, (0.1, 0.9), count)
    values = np.empty((steps, count))
    for step in range(steps):
        place = np.clip(growth * place * (1 - place), 1e-6, 1 - 1e-6)
        values[step] = place
    return values.T


def _henon(ranges: ChaosRanges, rng: np.random.Generator, count: int, steps: int) -> Values:
    bend, place, other = uniform(rng, ranges.henon, count), uniform(rng, (-0.1, 0.1), count), np.zeros(count)
    values = np.empty((steps, count))
    for step in range(steps):
        place, other = 1 - bend * place**2 + other, 0.3 * place
        place = np.where(np.abs(place) > 2, 0.0, place)  # an orbit that escapes starts again
        values[step] = place
    return values.T


def _lorenz(ranges: ChaosRanges, rng: np.random.Generator, count: int, steps: int) -> Values:
    rho, stride = uniform(rng, ranges.lorenz, count), rng.integers(*ranges.stride, count)
    x, y, z = (uniform(rng, (-5.0, 5.0), count) + shift for shift in (0.0, 0.0, 25.0))
    burn_in, most = 300, ranges.stride[1]
    path = np.empty((burn_in + steps * most, count))
    for step in range(len(path)):
        slope = (10 * (y - x), x * (rho - z) - y, x * y - 8 / 3 * z)
        x, y, z = (each + _SMALL_STEP * part for each, part in zip((x, y, z), slope, strict=True))
        path[step] = x
    values: Values = path[burn_in + np.arange(steps) * stride[:, None], np.arange(count)[:, None]]
    return values
