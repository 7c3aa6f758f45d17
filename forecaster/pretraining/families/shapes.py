"""Geometric shapes: saws, pulses and steps with little noise.

Source: the step and saw tooth generators of TempoPFN (2025), as machines and stocks show them.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.pretraining.frame import Frame, Range, Values, chance, log_uniform, uniform


@dataclass(frozen=True)
class ShapeRanges:
    """The ranges of shapes.

    Attributes:
        period: steps of a period that the frame does not know.
        known_share: share of periods that are the season of the frame, where it has one.
        duty: share of a period for which a pulse is high.
        step_rate: probability of a step of the level.
        noise: deviation of the noise, in units of the shape's height.
    """

    period: Range = (6.0, 200.0)
    known_share: float = 0.5
    duty: Range = (0.1, 0.9)
    step_rate: Range = (0.002, 0.03)
    noise: Range = (0.005, 0.2)


def draw_shapes(ranges: ShapeRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] series."""
    count, steps = len(frame), frame.steps
    is_known = frame.is_seasonal & chance(rng, ranges.known_share, count)
    period = np.where(is_known, frame.season, log_uniform(rng, ranges.period, count))[:, None]
    phase = (frame.times / period + uniform(rng, (0.0, 1.0), count)[:, None]) % 1
    duty = uniform(rng, ranges.duty, count)[:, None]
    forms = [
        phase,
        np.where(phase < duty, 1.0, 0.0),
        np.where(phase < duty, phase / duty, (1 - phase) / (1 - duty)),
        np.exp(-phase / duty * 2),
    ]
    kind = rng.integers(0, len(forms), count)[:, None]
    jumps = rng.random((count, steps)) < log_uniform(rng, ranges.step_rate, count)[:, None]
    levels = np.cumsum(jumps * rng.normal(size=(count, steps)), 1)
    height, weight = uniform(rng, (0.2, 1.0), count)[:, None], uniform(rng, (0.0, 1.0), count)[:, None]
    weight *= chance(rng, 0.5, count)[:, None]
    noise = rng.normal(size=(count, steps)) * log_uniform(rng, ranges.noise, count)[:, None]
    values: Values = height * np.choose(kind, forms) + weight * levels + noise
    return values
