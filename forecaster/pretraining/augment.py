"""Augmentation of synthetic series, each for a share of the series.

Source: mixing as in TSMixup (Ansari et al., "Chronos", 2024); amplitude modulation, censoring, quantising and spikes as
in TiRex (Auer et al., 2025) and TempoPFN (2025).
"""

from dataclasses import dataclass

import numpy as np

from forecaster.frequency import Ints
from forecaster.pretraining.frame import (
    Flags,
    Frame,
    Values,
    chance,
    local_deviation,
    log_uniform,
    standardise,
    uniform,
)
from forecaster.pretraining.mixture import Augmentation
from forecaster.pretraining.paths import draw_broken_lines, draw_smooth

# Seasons that a wrong guess may propose.
_COMMON_SEASONS = (4, 5, 7, 12, 24, 52)
_MOST_BLOCKS = 3


@dataclass(frozen=True)
class Traits:
    """The traits of series that decide which augmentation fits them.

    Attributes:
        frame: their seasons and number of steps.
        is_loose: [n] True for seasons that may drift.
        is_positive: [n] True for families that seldom hang upside down.
        unknown_share: [n] share of series whose season is hidden, besides that of all series.
    """

    frame: Frame
    is_loose: Flags
    is_positive: Flags
    unknown_share: Values


def augment(shares: Augmentation, rng: np.random.Generator, values: Values, traits: Traits) -> tuple[Values, Flags]:
    """Change some of [n, T] series and return them with mean 0 and deviation 1.

    Returns:
        The [n, T] series and [n] flags, True where the season no longer fits, so that it must be hidden.
    """
    count = len(values)
    values = standardise(values)
    partner = _draw_partners(rng, traits.frame)
    originals = values.copy()
    _mix(rng, values, originals[partner], chance(rng, shares.mix, count))
    _splice(rng, values, originals[partner], chance(rng, shares.splice, count))
    _modulate(rng, values, traits.frame, chance(rng, shares.modulate, count))
    _jitter(rng, values, traits.frame.season, chance(rng, shares.jitter, count) & traits.is_loose)
    is_warped = chance(rng, shares.warp, count)
    _warp(rng, values, is_warped)
    is_flipped = rng.random(count) < np.where(traits.is_positive, shares.flip_positive, shares.flip)
    values[is_flipped] *= -1
    _shift(rng, values, chance(rng, shares.shift, count))
    _add_spikes(rng, values, chance(rng, shares.spikes, count))
    _add_noise(rng, values, chance(rng, shares.noise, count))
    _censor(rng, values, chance(rng, shares.censor, count))
    _quantise(rng, values, chance(rng, shares.quantise, count))
    return standardise(values), is_warped


def visible_seasons(
    shares: Augmentation, rng: np.random.Generator, traits: Traits, must_hide: Flags
) -> tuple[Ints, Ints]:
    """Return the [n] seasons and [n] second seasons that the network sees: some unknown (1), a few wrong."""
    frame, count = traits.frame, len(traits.frame)
    is_unknown = must_hide | chance(rng, shares.unknown_season, count) | (rng.random(count) < traits.unknown_share)
    is_wrong = chance(rng, shares.wrong_season, count) & ~is_unknown
    season = np.where(is_unknown, 1, np.where(is_wrong, rng.choice(_COMMON_SEASONS, count), frame.season))
    has_no_second = is_unknown | is_wrong | chance(rng, shares.unknown_second_season, count)
    return season, np.where(has_no_second, season, frame.second_season)


def remove_blocks(share: float, rng: np.random.Generator, values: Values) -> Values:
    """Return [n, T] series in which a share has NaN in one to three blocks or at scattered steps, standardised."""
    count, steps = values.shape
    rows = np.flatnonzero(chance(rng, share, count))
    is_missing = np.zeros((len(rows), steps), np.bool_)
    number = rng.integers(1, _MOST_BLOCKS + 1, len(rows))
    for block in range(_MOST_BLOCKS):
        length = np.where(block < number, log_uniform(rng, (2.0, max(steps / 12, 3.0)), len(rows)), 0)
        since = np.arange(steps) - rng.integers(0, steps, len(rows))[:, None]
        is_missing |= (since >= 0) & (since < length[:, None])
    is_scattered = chance(rng, 0.3, len(rows))[:, None]
    scattered = rng.random((len(rows), steps)) < uniform(rng, (0.01, 0.2), len(rows))[:, None]
    part = np.where(np.where(is_scattered, scattered, is_missing), np.nan, values[rows])
    part -= np.nanmean(part, 1, keepdims=True)
    values = values.copy()
    values[rows] = part / np.maximum(np.nanstd(part, 1, keepdims=True), 1e-12)
    return values


def _draw_partners(rng: np.random.Generator, frame: Frame) -> Ints:
    """Draw for each series the [n] number of one with the same seasons."""
    partner = np.arange(len(frame))
    keys = frame.season * 100_000 + frame.second_season
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        partner[rows] = rng.permutation(rows)
    return partner


def _mix(rng: np.random.Generator, values: Values, partners: Values, is_changed: Flags) -> None:
    weight = rng.beta(1.5, 1.5, int(is_changed.sum()))[:, None]
    values[is_changed] = weight * values[is_changed] + (1 - weight) * partners[is_changed]


def _splice(rng: np.random.Generator, values: Values, partners: Values, is_changed: Flags) -> None:
    """Continue a series as another one; for half of them without a jump, and with the same local deviation."""
    rows, steps = np.flatnonzero(is_changed), values.shape[1]
    place = rng.integers(steps // 20, steps - steps // 20, len(rows))
    before, after = values[rows], partners[rows]
    ratio = local_deviation(before) / np.maximum(local_deviation(after), 1e-6)
    after = after * np.clip(ratio, 0.1, 10)[:, None]
    each = np.arange(len(rows))
    jump = np.where(chance(rng, 0.5, len(rows)), before[each, place] - after[each, place], 0.0)
    values[rows] = np.where(np.arange(steps) < place[:, None], before, after + jump[:, None])


def _modulate(rng: np.random.Generator, values: Values, frame: Frame, is_changed: Flags) -> None:
    """Multiply series by a slow amplitude; for half of the series without a season, multiply their steps instead."""
    rows, steps = np.flatnonzero(is_changed), values.shape[1]
    smooth = draw_smooth(rng, log_uniform(rng, (0.05, 1.0), len(rows)) * steps, steps)
    lines = draw_broken_lines(rng, len(rows), steps, (steps / 8, steps))
    amplitude = np.where(chance(rng, 0.5, len(rows))[:, None], smooth, lines)
    factor = np.exp(uniform(rng, (0.1, 0.6), len(rows))[:, None] * np.clip(amplitude, -2.5, 2.5))
    has_season = frame.is_seasonal & (np.asarray(frame.season_scale) > 0)
    is_of_steps = ~has_season[rows] & chance(rng, 0.5, len(rows))
    changes = np.cumsum(factor**2 * np.diff(values[rows], axis=1, prepend=0), 1)
    values[rows] = np.where(is_of_steps[:, None], changes, factor * values[rows])


def _jitter(rng: np.random.Generator, values: Values, season: Ints, is_changed: Flags) -> None:
    """Let the length of a season wander, by up to a fifth of a season around the exact phase."""
    rows, steps = np.flatnonzero(is_changed), values.shape[1]
    wander = draw_smooth(rng, season[rows] * uniform(rng, (1.0, 6.0), len(rows)), steps)
    size = season[rows] * uniform(rng, (0.02, 0.12), len(rows))
    values[rows] = _resample(values[rows], np.arange(steps) + size[:, None] * wander)


def _warp(rng: np.random.Generator, values: Values, is_changed: Flags) -> None:
    """Let time run faster and slower, by a smooth factor."""
    rows, steps = np.flatnonzero(is_changed), values.shape[1]
    speed = draw_smooth(rng, log_uniform(rng, (0.1, 1.0), len(rows)) * steps, steps)
    clock = np.cumsum(np.exp(uniform(rng, (0.1, 0.6), len(rows))[:, None] * speed), 1)
    values[rows] = _resample(values[rows], (clock - clock[:, :1]) / (clock[:, -1:] - clock[:, :1]) * (steps - 1))


def _resample(values: Values, times: Values) -> Values:
    """Interpolate [n, T] values at [n, T] times, which are clipped to the first and last step."""
    times = np.clip(times, 0, values.shape[1] - 1)
    before = np.minimum(times.astype(np.int64), values.shape[1] - 2)
    share = times - before
    low, high = np.take_along_axis(values, before, 1), np.take_along_axis(values, before + 1, 1)
    between: Values = low + share * (high - low)
    return between


def _shift(rng: np.random.Generator, values: Values, is_changed: Flags) -> None:
    """Add one or two lasting shifts of the level, in units of the local deviation."""
    rows, steps = np.flatnonzero(is_changed), values.shape[1]
    for is_used in (np.ones(len(rows)), chance(rng, 0.4, len(rows))):
        size = rng.normal(size=len(rows)) * 2.5 * local_deviation(values[rows]) * is_used
        place = rng.integers(0, steps, len(rows))[:, None]
        values[rows] += np.where(np.arange(steps) >= place, size[:, None], 0.0)


def _add_spikes(rng: np.random.Generator, values: Values, is_changed: Flags) -> None:
    rows = np.flatnonzero(is_changed)
    shape = (len(rows), values.shape[1])
    is_hit = rng.random(shape) < log_uniform(rng, (0.003, 0.02), len(rows))[:, None]
    height = log_uniform(rng, (2.0, 10.0), len(rows)) * local_deviation(values[rows])
    is_one_sided = chance(rng, 0.5, len(rows))[:, None]
    size = rng.normal(size=shape)
    side = rng.choice([-1, 1], len(rows))[:, None]
    values[rows] += is_hit * np.where(is_one_sided, side * np.abs(size), size) * height[:, None]


def _add_noise(rng: np.random.Generator, values: Values, is_changed: Flags) -> None:
    rows = np.flatnonzero(is_changed)
    size = log_uniform(rng, (0.03, 1.0), len(rows)) * local_deviation(values[rows])
    values[rows] += rng.normal(size=(len(rows), values.shape[1])) * size[:, None]


def _censor(rng: np.random.Generator, values: Values, is_changed: Flags) -> None:
    """Cut series off below or above a quantile, as stock-outs and capacities do."""
    rows = np.flatnonzero(is_changed)
    ordered = np.sort(values[rows], 1)
    place = (uniform(rng, (0.02, 0.25), len(rows)) * values.shape[1]).astype(np.int64)
    each = np.arange(len(rows))
    low, high = ordered[each, place][:, None], ordered[each, -1 - place][:, None]
    is_low = chance(rng, 0.6, len(rows))[:, None]
    values[rows] = np.where(is_low, np.maximum(values[rows], low), np.minimum(values[rows], high))


def _quantise(rng: np.random.Generator, values: Values, is_changed: Flags) -> None:
    """Round series to a grid whose width depends on the local deviation."""
    rows = np.flatnonzero(is_changed)
    width = log_uniform(rng, (0.1, 1.5), len(rows)) * np.maximum(local_deviation(values[rows]), 1e-6)
    values[rows] = np.round(values[rows] / width[:, None]) * width[:, None]
