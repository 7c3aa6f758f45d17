"""Windows that are forecast from several cutoffs, in the standardised form that the pretrained network reads."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forecaster.batches.standardise import Values, standardise
from forecaster.batches.windows import Batch, Mask, RandomSource
from forecaster.frequency import Ints
from forecaster.panel import Floats

MIN_VALUES = 3  # known values before a cutoff below which it is not forecast from

_MIRRORED_SHARE = 0.5
_MIN_KNOWN_SHARE = 0.5  # the smallest share of a window's values before its first cutoff, which set its units


@dataclass(frozen=True)
class WindowBatch:
    """Windows of one length class, and the cutoffs that all of them are forecast from.

    Attributes:
        values: [B, T] standardised values, NaN where missing or before the visible history.
        season, second_season: [B] steps; 1 for none.
        start: the first step that the recurrence reads.
        cutoffs: numbers of steps before each of C cutoffs, rising.
        is_counted: [B, C] True for the cutoffs that a loss counts; None for all of them.
    """

    values: Floats
    season: Ints
    second_season: Ints
    start: int
    cutoffs: tuple[int, ...]
    is_counted: Mask | None = None


@dataclass(frozen=True)
class CutoffPlan:
    """The settings by which windows of a panel become those of the pretrained network.

    Attributes:
        season, second_season: steps, as the network reads them.
        patch: the distance of possible cutoffs.
        contexts: steps that the recurrence reads, rising: a window is read by the shortest that covers its values.
        cutoffs: the most cutoffs of a window.
    """

    season: int
    second_season: int
    patch: int
    contexts: tuple[int, ...]
    cutoffs: int = 4


def draw_cutoffs(batch: Batch, plan: CutoffPlan, random: RandomSource) -> list[WindowBatch]:
    """Standardise windows to train on: half of them mirrored, with random cutoffs before the last one.

    Units are those of the values before a window's first cutoff that has at least half of its values before it; earlier
    cutoffs do not count.

    Args:
        batch: windows in the units of the data; the last cutoff is the end of their context.

    Returns: the windows of each length class that occurs.
    """
    is_mirrored = random.shares(len(batch.context)) < _MIRRORED_SHARE
    values = _values(batch) * np.where(is_mirrored, -1.0, 1.0)[:, None]
    return [
        _standardise(values[rows], batch.context.shape[1], context, plan, _draw_steps_back(context, plan, random))
        for context, rows in _by_length(batch, plan)
    ]


def cut_at_end(batch: Batch, plan: CutoffPlan) -> list[WindowBatch]:
    """Standardise windows to forecast from the end of their context only, as in a prediction.

    Returns: the windows of each length class that occurs.
    """
    values = _values(batch)
    return [
        _standardise(values[rows], batch.context.shape[1], context, plan, np.zeros(1, np.int64))
        for context, rows in _by_length(batch, plan)
    ]


def _values(batch: Batch) -> Values:
    return np.concatenate([batch.context, batch.target], axis=1).astype(np.float64)


def _by_length(batch: Batch, plan: CutoffPlan) -> Iterator[tuple[int, Ints]]:
    """Yield each context that windows of the batch need, and the numbers of these windows."""
    is_known = ~np.isnan(batch.context)
    lengths = np.where(is_known.any(1), is_known.shape[1] - is_known.argmax(1), 0)  # from the first value on
    classes = np.searchsorted(plan.contexts[:-1], lengths)
    for number in np.unique(classes):
        yield plan.contexts[number], np.flatnonzero(classes == number)


def _draw_steps_back(context: int, plan: CutoffPlan, random: RandomSource) -> Ints:
    """Draw the steps from each cutoff to the last one, falling to 0, within the newer half of a context."""
    most = context // plan.patch // 2
    patches = np.argsort(random.shares(most), kind="stable")[: plan.cutoffs - 1] + 1
    return plan.patch * np.sort(np.append(patches, 0))[::-1].astype(np.int64)


def _standardise(values: Values, history: int, context: int, plan: CutoffPlan, steps_back: Ints) -> WindowBatch:
    cutoffs = history - steps_back
    known = (~np.isnan(values[:, :history])).cumsum(1)[:, cutoffs - 1]  # [B, C]
    is_counted = known >= np.maximum(_MIN_KNOWN_SHARE * known[:, -1:], MIN_VALUES)
    first = np.where(is_counted.any(1), cutoffs[is_counted.argmax(1)], history)
    season = np.full(len(values), plan.season, np.int64)
    scaled = standardise(values, season, until=first)
    return WindowBatch(
        scaled.values,
        season,
        np.full_like(season, plan.second_season),
        start=history - context,
        cutoffs=tuple(cutoffs.tolist()),
        is_counted=is_counted & (scaled.size > 0)[:, None],
    )
