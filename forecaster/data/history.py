"""Means over the visible history of each series; many cuts of one series cost little more than one.

Series that overlap in memory share one running sum, so R cuts of a series of T steps take T + R operations, not T R.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints
from forecaster.panel import Panel

Means = npt.NDArray[np.float64]

# of the mean square about a block's level: a variance below it has lost half of its digits to rounding
_CANCELLED = 1e-8


@dataclass(frozen=True)
class _Block:
    """Series that overlap in memory.

    Attributes:
        target: [T] what any of them may see.
        rows: [R] their numbers in the panel.
        first: [R] position in `target` of each one's first step.
        last: [R] position after each one's last visible step.
    """

    target: Means
    rows: Ints
    first: Ints
    last: Ints


def mean_change(panel: Panel, lag: int, measure: Callable[[Means], Means]) -> Means:
    """[N] mean of `measure(x_t - x_{t-lag})` over each series' visible steps; NaN where none is observed."""
    result = np.full(len(panel), np.nan)
    for block in _blocks(panel):
        change = measure(block.target[lag:] - block.target[:-lag])
        first = np.minimum(block.first, len(change))
        result[block.rows] = _means(change, first, np.maximum(block.last - lag, first))
    return result


def moments(panel: Panel) -> tuple[Means, Means]:
    """[N] mean and standard deviation of each series' visible target; the latter 0 for a constant one."""
    mean, deviation = np.empty(len(panel)), np.empty(len(panel))
    for block in _blocks(panel):
        if len(block.rows) == 1:
            mean[block.rows], deviation[block.rows] = np.nanmean(block.target), np.nanstd(block.target)
            continue
        is_known = ~np.isnan(block.target)
        level = block.target[is_known][0]  # what a constant beginning is, exactly
        centred = block.target - level
        average = _means(centred, block.first, block.last)
        square = _means(centred**2, block.first, block.last)
        variance = square - average**2
        mean[block.rows], deviation[block.rows] = level + average, np.sqrt(np.maximum(variance, 0))
        for place in np.flatnonzero((variance < _CANCELLED * square) & (square > 0)):
            deviation[block.rows[place]] = np.nanstd(block.target[block.first[place] : block.last[place]])
    return mean, deviation


def _blocks(panel: Panel) -> Iterator[_Block]:
    begins, ends, group = panel.blocks()
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(len(begins) + 1))
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        rows = order[bounds[number] : bounds[number + 1]]
        target = panel.values[begin:end, 0].astype(np.float64)
        yield _Block(target, rows, panel.begin[rows] - begin, panel.end[rows] - begin)


def _means(values: Means, first: Ints, last: Ints) -> Means:
    """[R] means of what is known of `values` [T] from `first` to before `last` [R]; NaN where nothing is."""
    is_known = ~np.isnan(values)
    if len(first) == 1:
        return np.array([values[is_known].mean() if is_known.any() else np.nan])
    count = np.concatenate([[0], np.cumsum(is_known)])
    total = np.concatenate([[0.0], np.cumsum(np.where(is_known, values, 0))])
    result = np.full(len(first), np.nan)
    np.divide(total[last] - total[first], count[last] - count[first], out=result, where=count[last] > count[first])
    return result
