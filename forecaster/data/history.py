"""Means over the visible history of each series; many cuts of one series cost little more than one."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from forecaster.panel import Panel

Means = npt.NDArray[np.float64]


def mean_change(panel: Panel, lag: int, measure: Callable[[Means], Means]) -> Means:
    """[N] mean of `measure(x_t - x_{t-lag})` over each series' visible steps; NaN where none is observed.

    Series that overlap in memory share one running sum, so R cuts of a series of T steps take T + R operations.
    """
    begins, ends, group = panel.blocks()
    order = np.argsort(group, kind="stable")
    result = np.full(len(panel), np.nan)
    bounds = np.searchsorted(group[order], np.arange(len(begins) + 1))
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        rows = order[bounds[number] : bounds[number + 1]]
        target = panel.values[begin:end, 0].astype(np.float64)
        change = measure(target[lag:] - target[:-lag])
        is_known = ~np.isnan(change)
        first = panel.begin[rows] - begin  # of the changes that a row may see, the number of the first
        last = np.maximum(panel.end[rows] - begin - lag, first)
        if len(rows) == 1:
            result[rows] = change[is_known].mean() if is_known.any() else np.nan
            continue
        count = _between(is_known, first, last)
        total = _between(np.where(is_known, change, 0), first, last)
        result[rows] = np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)
    return result


def _between(values: npt.NDArray[np.generic], first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> Means:
    """[R] sums of `values` [T] from `first` to before `last` [R]."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return np.asarray(total[np.minimum(last, len(values))] - total[np.minimum(first, len(values))])
