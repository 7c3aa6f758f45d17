"""The corpus: a pool of synthetic series from which a network is pretrained."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints
from forecaster.pretraining.augment import Traits, augment, remove_blocks, visible_seasons
from forecaster.pretraining.families.chaos import ChaosRanges, draw_chaos
from forecaster.pretraining.families.counts import CountRanges, draw_counts
from forecaster.pretraining.families.dynamics import DynamicsRanges, draw_dynamics
from forecaster.pretraining.families.ets import EtsRanges, draw_ets
from forecaster.pretraining.families.gaussian import GaussianRanges, draw_gaussian
from forecaster.pretraining.families.growth import GrowthRanges, draw_growth
from forecaster.pretraining.families.loads import LoadRanges, draw_loads
from forecaster.pretraining.families.shapes import ShapeRanges, draw_shapes
from forecaster.pretraining.families.trend_season import TrendSeasonRanges, draw_trend_season
from forecaster.pretraining.frame import Flags, Frame, Values, standardise, window_deviations
from forecaster.pretraining.mixture import Family, Mixture

Floats = npt.NDArray[np.float32]
DrawFamily = Callable[[np.random.Generator, Frame], Values]

FAMILIES: dict[Family, DrawFamily] = {
    "ets": partial(draw_ets, EtsRanges()),
    "trend_season": partial(draw_trend_season, TrendSeasonRanges()),
    "gaussian": partial(draw_gaussian, GaussianRanges()),
    "dynamics": partial(draw_dynamics, DynamicsRanges()),
    "growth": partial(draw_growth, GrowthRanges()),
    "loads": partial(draw_loads, LoadRanges()),
    "counts": partial(draw_counts, CountRanges()),
    "shapes": partial(draw_shapes, ShapeRanges()),
    "chaos": partial(draw_chaos, ChaosRanges()),
}
_POSITIVE_FAMILIES: tuple[Family, ...] = ("growth", "loads", "counts")
_ROWS_AT_ONCE = 4096
# Deviation within a window below which a series with deviation 1 does not vary there.
_LEAST_DEVIATION = 1e-4
_MOST_FLAT_WINDOWS_SHARE = 0.4


@dataclass(frozen=True)
class Corpus:
    """A pool of N synthetic series of T steps.

    Attributes:
        values: [N, T] float32 with mean 0 and deviation 1 over the series; NaN where a block is missing.
        season: [N] the season that the network sees: 1 for none or unknown, and sometimes a wrong one.
        second_season: [N] the second season that the network sees; equals `season` if there is none.
        length: [N] visible history: at a cutoff c the network sees only the steps from c - length to c - 1.
    """

    values: Floats
    season: Ints
    second_season: Ints
    length: Ints

    def __len__(self) -> int:
        return len(self.values)


def generate(mixture: Mixture, count: int, steps: int, rng: np.random.Generator) -> Corpus:
    """Draw a corpus of `count` series with `steps` steps each; the same generator state gives the same bytes."""
    corpus = Corpus(
        np.empty((count, steps), np.float32),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
    )
    for first in range(0, count, _ROWS_AT_ONCE):
        rows = slice(first, min(first + _ROWS_AT_ONCE, count))
        _fill(corpus, rows, mixture, rng)
    return corpus


def _fill(corpus: Corpus, rows: slice, mixture: Mixture, rng: np.random.Generator) -> None:
    """Fill some rows of a corpus."""
    count, steps = rows.stop - rows.start, corpus.values.shape[1]
    frequencies = mixture.frequencies
    shares = np.array([each.share for each in frequencies])
    frequency = rng.choice(len(frequencies), count, p=shares / shares.sum())
    frame = draw_frame(mixture, rng, frequency, steps)
    family = _draw_family_names(mixture, rng, frequency)
    traits = Traits(
        frame,
        is_loose=np.array([each.loose for each in frequencies])[frequency],
        is_positive=np.isin(family, _POSITIVE_FAMILIES),
        unknown_share=np.array([each.unknown_share for each in frequencies])[frequency],
    )
    values = repair(rng, draw_families(rng, family, frame))
    values, must_hide = augment(mixture.augmentation, rng, values, traits)
    values = standardise(repair(rng, values))
    corpus.values[rows] = remove_blocks(mixture.augmentation.missing, rng, values)
    corpus.season[rows], corpus.second_season[rows] = visible_seasons(mixture.augmentation, rng, traits, must_hide)
    bounds = np.log([(each.shortest, each.longest) for each in frequencies])[frequency]
    length = np.round(np.exp(rng.uniform(bounds[:, 0], bounds[:, 1]))).astype(np.int64)
    corpus.length[rows] = np.minimum(length, steps)


def draw_frame(mixture: Mixture, rng: np.random.Generator, frequency: Ints, steps: int) -> Frame:
    """Return the frame of series whose frequencies have the [n] numbers `frequency` in the mixture."""
    frequencies = mixture.frequencies
    return Frame(
        np.array([each.season for each in frequencies])[frequency],
        np.array([each.second_season for each in frequencies])[frequency],
        steps,
        _draw_season_scale(mixture, rng, frequency),
    )


def draw_families(rng: np.random.Generator, family: npt.NDArray[np.str_], frame: Frame) -> Values:
    """Draw [n, T] series, each of the family that is named for it in `family` [n]."""
    values = np.empty((len(frame), frame.steps))
    for name, draw in FAMILIES.items():
        rows = np.flatnonzero(family == name)
        if len(rows):
            values[rows] = draw(rng, frame.select(rows))
    return values


def repair(rng: np.random.Generator, values: Values) -> Values:
    """Return finite, standardised [n, T] series: a series that hardly varies over much of its time gets noise."""
    is_finite = np.isfinite(values).all(1, keepdims=True)
    values = standardise(np.where(is_finite, values, 0.0))
    rows = np.flatnonzero(_is_flat(values))
    values[rows] += 0.1 * rng.normal(size=(len(rows), values.shape[1]))
    return values


def _is_flat(values: Values) -> Flags:
    """Return [n] flags, True for standardised series that do not vary within too many of their windows."""
    flat: Flags = (window_deviations(values) < _LEAST_DEVIATION).mean(1) > _MOST_FLAT_WINDOWS_SHARE
    return flat


def _draw_season_scale(mixture: Mixture, rng: np.random.Generator, frequency: Ints) -> Values:
    """Draw the [n] factors of the seasonal amplitude, 0 for series without one."""
    rules = [mixture.seasonality[each.kind] for each in mixture.frequencies]
    bounds = np.log([each.scale for each in rules])[frequency]
    absent = np.array([each.absent for each in rules])[frequency]
    scale: Values = np.exp(rng.uniform(bounds[:, 0], bounds[:, 1])) * (rng.random(len(frequency)) >= absent)
    return scale


def _draw_family_names(mixture: Mixture, rng: np.random.Generator, frequency: Ints) -> npt.NDArray[np.str_]:
    """Draw the [n] family of each series by the shares of its kind of frequency."""
    names = np.array(list(FAMILIES))
    table = np.array(
        [[mixture.families[each.kind].get(name, 0.0) for name in FAMILIES] for each in mixture.frequencies]
    )
    edges = np.cumsum(table, 1)[frequency]  # [n, family]
    edges[:, -1] = 1.0
    family: npt.NDArray[np.str_] = names[(rng.random(len(frequency))[:, None] >= edges).sum(1)]
    return family
