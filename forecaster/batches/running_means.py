"""Means over the visible history of each series, of many at once; many cuts of one series cost little more than one.

Series that overlap in memory share one running sum, so R cuts of a series of T steps take T + R operations, not T R.
Those that lie apart are summed each by itself, but many in one pass over a stretch of memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints
from forecaster.panel import Panel

Means = npt.NDArray[np.float64]

# of what it was taken from: a difference below it has lost half of its digits to rounding
_CANCELLED = 1e-8
_STRETCH = 200_000  # values read at a time, or one series where that is longer; a million took twice as long


@dataclass(frozen=True)
class _Stretch:
    """Series that overlap in memory, or many that lie one after the other.

    Attributes:
        target: [T] what any of them may see, and what lies between.
        rows: [R] their numbers in the panel.
        first: [R] position in `target` of each one's first step.
        last: [R] position after each one's last visible step.
        is_shared: whether they overlap; those that do not are in the order of their positions.
    """

    target: Means
    rows: Ints
    first: Ints
    last: Ints
    is_shared: bool


def mean_change(panel: Panel, lag: int, measure: Callable[[Means], Means]) -> Means:
    """[N] mean of `measure(x_t - x_{t-lag})`, nowhere negative, over each series' visible steps.

    NaN where none is observed.
    """
    result = np.full(len(panel), np.nan)
    for part in _stretches(panel):
        change = measure(part.target[lag:] - part.target[:-lag])
        first = np.minimum(part.first, len(change))
        last = np.maximum(part.last - lag, first)
        if part.is_shared:
            result[part.rows] = _means_by_running_sum(change, first, last)
        else:
            result[part.rows] = _means_apart(change, first, last)
    return result


def moments(panel: Panel) -> tuple[Means, Means]:
    """[N] mean and standard deviation of each series' visible target; the latter 0 for a constant one."""
    mean, deviation = np.empty(len(panel)), np.empty(len(panel))
    for part in _stretches(panel):
        measure = _moments_by_running_sum if part.is_shared else _moments_apart
        mean[part.rows], deviation[part.rows] = measure(part.target, part.first, part.last)
    return mean, deviation


def _moments_apart(target: Means, first: Ints, last: Ints) -> tuple[Means, Means]:
    mean = _means_apart(target, first, last)  # exact where a float32 repeats itself, so that it deviates by 0
    centred = target[first[0] :] - np.repeat(mean, np.diff(first, append=len(target)))
    return mean, np.sqrt(_means_apart(np.square(centred, out=centred), first - first[0], last - first[0]))


def _moments_by_running_sum(target: Means, first: Ints, last: Ints) -> tuple[Means, Means]:
    level = target[~np.isnan(target)][0]  # what a constant beginning is, exactly
    centred = target - level
    average = _means_by_running_sum(centred, first, last)
    square = _means_by_running_sum(centred**2, first, last)
    variance = square - average**2
    deviation = np.sqrt(np.maximum(variance, 0))
    for place in np.flatnonzero((variance < _CANCELLED * square) & (square > 0)):
        deviation[place] = np.nanstd(target[first[place] : last[place]])
    return level + average, deviation


def _stretches(panel: Panel) -> Iterator[_Stretch]:
    begins, ends, group = panel.blocks()
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(len(begins) + 1))
    is_alone = np.diff(bounds) == 1
    is_together = is_alone[1:] & is_alone[:-1] & (np.diff(begins // _STRETCH) == 0)
    firsts = np.flatnonzero(np.append(True, ~is_together)[: len(begins)])
    for block, after in pairwise([*firsts.tolist(), len(begins)]):
        begin, rows = begins[block], order[bounds[block] : bounds[after]]
        target = panel.values[begin : ends[after - 1], 0].astype(np.float64)
        first, last = panel.begin[rows] - begin, panel.end[rows] - begin
        yield _Stretch(target, rows, first, last, is_shared=not is_alone[block])


def _means_apart(values: Means, first: Ints, last: Ints) -> Means:
    """[R] means of what is known of `values` [T] from `first` to before `last` [R]; NaN where nothing is.

    No two ranges overlap, and they are in order.
    """
    result = np.full(len(first), np.nan)
    some = np.flatnonzero(last > first)
    if not len(some):
        return result
    values = values[: last[some[-1]]]
    bounds = np.column_stack([first[some], last[some]]).ravel()[:-1]  # every other sum is of what lies between
    is_known = ~np.isnan(values)
    count = np.add.reduceat(is_known.astype(np.int64), bounds)[::2]
    total = np.add.reduceat(np.where(is_known, values, 0), bounds)[::2]
    result[some[count > 0]] = total[count > 0] / count[count > 0]
    return result


def _means_by_running_sum(values: Means, first: Ints, last: Ints) -> Means:
    """As `_means_apart`, for ranges in any order that may overlap."""
    is_known = ~np.isnan(values)
    count = np.concatenate([[0], np.cumsum(is_known)])
    total = np.concatenate([[0.0], np.cumsum(np.where(is_known, values, 0))])
    result = np.full(len(first), np.nan)
    part, known = total[last] - total[first], count[last] - count[first]
    np.divide(part, known, out=result, where=known > 0)
    for place in np.flatnonzero((np.abs(part) < _CANCELLED * np.abs(total[last])) & (known > 0)):
        result[place] = np.nanmean(values[first[place] : last[place]])
    return result
