"""A quick measure of what covariates that are known ahead may be worth, before any network is trained."""

import math

import numpy as np
import numpy.typing as npt

from forecaster.panel import Panel

Array = npt.NDArray[np.float64]

_TAIL_SHARE = 0.15
_RIDGE = 1e-3  # relative to the variance of each covariate
_MIN_ROWS_PER_COLUMN = 10


def measure_gain(panel: Panel) -> float:
    """Return the share by which known covariates reduce the error of the seasonal naive forecast.

    The change of a series from season to season is explained by a straight line in the changes of the covariates. The
    line is fitted by least squares on the first part of each series, in units of its usual change, and measured by the
    absolute error on the last 15 %. A negative share is a loss; NaN if there are too few rows.
    """
    columns = panel.columns_as("known")
    early, late = [], []
    for row in range(len(panel)):
        values = panel.values[panel.begin[row] : panel.end[row]].astype(np.float64)
        change = values[panel.season :] - values[: -panel.season]  # [T - m, C]
        scale = float(np.nanmean(np.abs(change[:, 0]))) if np.isfinite(change[:, 0]).any() else 0.0
        if not scale:
            continue
        change[:, 0] /= scale
        first = len(change) - math.ceil(_TAIL_SHARE * len(change))
        early.append(change[:first])
        late.append(change[first:])
    known, tail = (_complete(parts, columns) for parts in (early, late))
    if len(known) < _MIN_ROWS_PER_COLUMN * len(columns) or not len(tail):
        return math.nan
    x, y = known[:, 1:], known[:, 0]
    ridge = np.diag(_RIDGE * np.maximum(x.var(axis=0), np.finfo(float).tiny) * len(x))
    slopes = np.linalg.solve(x.T @ x + ridge, x.T @ y)
    before = np.abs(tail[:, 0]).mean()
    after = np.abs(tail[:, 0] - tail[:, 1:] @ slopes).mean()
    return float(1 - after / before) if before else math.nan


def _complete(parts: list[Array], columns: list[int]) -> Array:
    """Return the rows without a gap, the target first."""
    rows = np.concatenate([part[:, [0, *columns]] for part in parts]) if parts else np.empty((0, 1 + len(columns)))
    complete: Array = rows[~np.isnan(rows).any(axis=1)]
    return complete
