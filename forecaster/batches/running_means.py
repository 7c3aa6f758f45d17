"""Means over the visible history of many series at once.

Series that overlap in memory, such as the cuts of one series, share one running sum: R cuts of T steps take T + R
operations, not T R. Series that do not overlap are summed separately, many of them in one pass over a chunk of memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints
from forecaster.panel import Panel

Means = npt.NDArray[np.float64]

# A difference smaller than this share of the numbers subtracted has lost half of its digits to rounding.
_CANCELLED_SHARE = 1e-8
_VALUES_PER_CHUNK = 200_000  # a longer series is a chunk by itself; chunks of a million values took twice as long


@dataclass(frozen=True)
class _Chunk:
    """Series that overlap in memory, or many series one after the other.

    Attributes:
        target: [T] the memory from the first to the last visible value of these series.
        rows: [R] their numbers in the panel.
        first: [R] position in `target` of each one's first step.
        last: [R] position after each one's last visible step.
        is_shared: True if the series overlap; otherwise they are in the order of their positions.
    """

    target: Means
    rows: Ints
    first: Ints
    last: Ints
    is_shared: bool


def mean_change(panel: Panel, lag: int, measure: Callable[[Means], Means]) -> Means:
    """Return the [N] means of `measure(x_t - x_{t-lag})` over each series' visible steps.

    Args:
        lag: number of steps between the two values of a difference.
        measure: a function of differences that is never negative, such as `np.abs`.

    Returns: [N], NaN where no difference is known.
    """
    result = np.full(len(panel), np.nan)
    for chunk in _chunks(panel):
        change = measure(chunk.target[lag:] - chunk.target[:-lag])
        first = np.minimum(chunk.first, len(change))
        last = np.maximum(chunk.last - lag, first)
        if chunk.is_shared:
            result[chunk.rows] = _means_by_running_sum(change, first, last)
        else:
            result[chunk.rows] = _means_of_separate_ranges(change, first, last)
    return result


def moments(panel: Panel) -> tuple[Means, Means]:
    """Return the mean [N] and the standard deviation [N] of each series' visible target; 0 for a constant series."""
    mean, deviation = np.empty(len(panel)), np.empty(len(panel))
    for chunk in _chunks(panel):
        measure = _moments_by_running_sum if chunk.is_shared else _moments_of_separate_series
        mean[chunk.rows], deviation[chunk.rows] = measure(chunk.target, chunk.first, chunk.last)
    return mean, deviation


def _moments_of_separate_series(target: Means, first: Ints, last: Ints) -> tuple[Means, Means]:
    mean = _means_of_separate_ranges(target, first, last)  # exact for a constant float32, so that its deviation is 0
    centred = target[first[0] :] - np.repeat(mean, np.diff(first, append=len(target)))
    return mean, np.sqrt(_means_of_separate_ranges(np.square(centred, out=centred), first - first[0], last - first[0]))


def _moments_by_running_sum(target: Means, first: Ints, last: Ints) -> tuple[Means, Means]:
    level = target[~np.isnan(target)][0]  # the exact mean of a constant beginning
    centred = target - level
    average = _means_by_running_sum(centred, first, last)
    square = _means_by_running_sum(centred**2, first, last)
    variance = square - average**2
    deviation = np.sqrt(np.maximum(variance, 0))
    for index in np.flatnonzero((variance < _CANCELLED_SHARE * square) & (square > 0)):
        deviation[index] = np.nanstd(target[first[index] : last[index]])
    return level + average, deviation


def _chunks(panel: Panel) -> Iterator[_Chunk]:
    begins, ends, group = panel.group_overlapping()
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(len(begins) + 1))
    is_alone = np.diff(bounds) == 1
    is_together = is_alone[1:] & is_alone[:-1] & (np.diff(begins // _VALUES_PER_CHUNK) == 0)
    firsts = np.flatnonzero(np.append(True, ~is_together)[: len(begins)])
    for block, after in pairwise([*firsts.tolist(), len(begins)]):
        begin, rows = begins[block], order[bounds[block] : bounds[after]]
        target = panel.values[begin : ends[after - 1], 0].astype(np.float64)
        first, last = panel.begin[rows] - begin, panel.end[rows] - begin
        yield _Chunk(target, rows, first, last, is_shared=not is_alone[block])


def _means_of_separate_ranges(values: Means, first: Ints, last: Ints) -> Means:
    """Return the [R] means of the known `values` [T] from `first` to before `last` [R]; NaN where none is known.

    The ranges must be in order and must not overlap.
    """
    result = np.full(len(first), np.nan)
    filled = np.flatnonzero(last > first)
    if not len(filled):
        return result
    values = values[: last[filled[-1]]]
    bounds = np.column_stack([first[filled], last[filled]]).ravel()[:-1]  # every second sum is that of a gap between
    is_known = ~np.isnan(values)
    count = np.add.reduceat(is_known.astype(np.int64), bounds)[::2]
    total = np.add.reduceat(np.where(is_known, values, 0), bounds)[::2]
    result[filled[count > 0]] = total[count > 0] / count[count > 0]
    return result


def _means_by_running_sum(values: Means, first: Ints, last: Ints) -> Means:
    """Return the same means as `_means_of_separate_ranges` for ranges in any order, which may overlap."""
    is_known = ~np.isnan(values)
    count = np.concatenate([[0], np.cumsum(is_known)])
    total = np.concatenate([[0.0], np.cumsum(np.where(is_known, values, 0))])
    result = np.full(len(first), np.nan)
    sums, known = total[last] - total[first], count[last] - count[first]
    np.divide(sums, known, out=result, where=known > 0)
    for index in np.flatnonzero((np.abs(sums) < _CANCELLED_SHARE * np.abs(total[last])) & (known > 0)):
        result[index] = np.nanmean(values[first[index] : last[index]])
    return result
