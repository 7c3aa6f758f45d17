"""Seasonal profiles: one value per phase, so that a long season costs no more than a short one."""

import numpy as np

from forecaster.frequency import Ints
from forecaster.pretraining.frame import Frame, Values, chance, log_uniform, standardise, uniform

_MOST_HARMONICS = 6
# Shares of smooth harmonics, rough phases, sharp peaks and plateaus.
_SHARES = (0.55, 0.2, 0.12, 0.13)
_MOST_PEAKS = 4


def draw_tables(rng: np.random.Generator, count: int, season: int) -> Values:
    """Draw [count, season] profiles with mean 0 and deviation 1, of four kinds."""
    if season < 2:
        return np.zeros((count, season))
    angle = 2 * np.pi * np.arange(season) / season
    kinds = np.stack(
        [
            _harmonics(rng, count, angle),
            _rough_phases(rng, count, season),
            _peaks(rng, count, angle),
            _plateaus(rng, count, angle),
        ]
    )
    kind = rng.choice(len(_SHARES), count, p=_SHARES)
    jitter = rng.normal(size=(count, season)) * 1e-3  # keeps a profile of two phases from vanishing
    return standardise(standardise(kinds[kind, np.arange(count)]) + jitter)


def draw_seasonal(rng: np.random.Generator, season: Ints, steps: int) -> Values:
    """Draw [n, steps] series that repeat after [n] `season` steps, with deviation 1; zeros where the season is 1."""
    values = np.zeros((len(season), steps))
    for each in np.unique(season[season > 1]):
        rows = np.flatnonzero(season == each)
        values[rows] = draw_tables(rng, len(rows), int(each))[:, np.arange(steps) % each]
    return values


def draw_evolving(rng: np.random.Generator, season: Ints, steps: int) -> Values:
    """Draw [n, steps] seasonal series whose profile turns slowly into another one and whose amplitude wanders."""
    count = len(season)
    first, second = draw_seasonal(rng, season, steps), draw_seasonal(rng, season, steps)
    period = log_uniform(rng, (0.5, 8.0), count)[:, None] * steps
    angle = 2 * np.pi * np.arange(steps) / period + uniform(rng, (0, 2 * np.pi), count)[:, None]
    turn = 0.5 * uniform(rng, (0.1, 1.0), count)[:, None] * (1 + np.sin(angle))
    swell = 1 + uniform(rng, (0.0, 0.6), count)[:, None] * np.sin(1.7 * angle)
    values: Values = swell * (np.cos(turn) * first + np.sin(turn) * second)
    return values


def draw_second(rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] series of the second season with deviation 1; zeros where there is none.

    Where the second season is a whole number of first ones (168 of 24), half of the series have a level for each first
    season, as the days of a week do; the others have a profile over all phases.
    """
    values = np.zeros((len(frame), frame.steps))
    pairs = np.stack([frame.season, frame.second_season], 1)
    for season, second in np.unique(pairs[frame.has_second_season], axis=0):
        rows = np.flatnonzero((frame.season == season) & (frame.second_season == second))
        phase = frame.times % second
        levels = draw_tables(rng, len(rows), max(int(second // season), 2))
        profile = draw_tables(rng, len(rows), int(second))[:, phase]
        has_levels = chance(rng, 0.5, len(rows)) & (second % season == 0)
        values[rows] = np.where(has_levels[:, None], levels[:, phase // season % levels.shape[1]], profile)
    return values


def smooth_around(values: Values, width: Values) -> Values:
    """Smooth [n, T] values with a Gaussian kernel of [n] `width` steps, as if the last step preceded the first."""
    steps = values.shape[1]
    frequency = 2 * np.pi * np.arange(steps // 2 + 1) / steps
    smooth: Values = np.fft.irfft(np.fft.rfft(values) * np.exp(-0.5 * (frequency * width[:, None]) ** 2), steps)
    return smooth


def _harmonics(rng: np.random.Generator, count: int, angle: Values) -> Values:
    """Draw one to six harmonics whose variance decays; a quarter of the profiles is sharpened or flattened."""
    most = min(_MOST_HARMONICS, max(len(angle) // 2, 1))
    order = np.arange(1, most + 1)
    decay = uniform(rng, (0.3, 1.6), count)[:, None]
    is_used = order <= rng.integers(1, most + 1, count)[:, None]
    size = np.where(is_used, order**-decay, 0.0)
    sine, cosine = (rng.normal(size=(count, most)) * size for _ in range(2))
    waves = sine @ np.sin(order[:, None] * angle) + cosine @ np.cos(order[:, None] * angle)
    power = np.where(chance(rng, 0.25, count), log_uniform(rng, (0.5, 2.0), count), 1.0)[:, None]
    values: Values = np.sign(waves) * np.abs(waves) ** power
    return values


def _rough_phases(rng: np.random.Generator, count: int, season: int) -> Values:
    """Draw a value for each phase and smooth the values around the circle (a periodic Gaussian process)."""
    width = log_uniform(rng, (max(season / 60, 0.1), max(season / 8, 0.2)), count)
    return smooth_around(rng.normal(size=(count, season)), width)


def _peaks(rng: np.random.Generator, count: int, angle: Values) -> Values:
    """Draw one to four bumps, from wide ones to a single phase."""
    values = np.zeros((count, len(angle)))
    number = rng.integers(1, _MOST_PEAKS + 1, count)
    for peak in range(_MOST_PEAKS):
        centre = uniform(rng, (0, 2 * np.pi), count)[:, None]
        sharpness = log_uniform(rng, (1.0, 150.0), count)[:, None]
        height = np.where(peak < number, rng.gamma(2.0, 0.5, count) * rng.choice([1, 1, 1, -1], count), 0.0)[:, None]
        values += height * np.exp(sharpness * (np.cos(angle - centre) - 1))
    return values


def _plateaus(rng: np.random.Generator, count: int, angle: Values) -> Values:
    """Draw hours of opening: high for a share of the season, with soft edges, and a wave on top."""
    centre, share = uniform(rng, (0, 2 * np.pi), count)[:, None], uniform(rng, (0.15, 0.8), count)[:, None]
    softness = log_uniform(rng, (0.02, 0.4), count)[:, None]
    height = np.clip((np.cos(angle - centre) - np.cos(np.pi * share)) / softness, -30, 30)
    wave = uniform(rng, (0.0, 0.3), count)[:, None] * np.cos(2 * angle + centre)
    return 1 / (1 + np.exp(-height)) + wave
