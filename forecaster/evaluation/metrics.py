"""Scores of forecasts, as the M competitions define them; arrays in, numbers out.

Everywhere `actual` and `forecast` are [N, H] in the data's units, with NaN in `actual` where nothing was observed:
such points count nowhere. A series without one observed point is NaN in what is given by series.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from forecaster.batches.running_means import mean_change
from forecaster.panel import Panel

Array = npt.NDArray[np.floating]


def mae(actual: Array, forecast: Array) -> float:
    """Mean absolute error, pooled over all observed points."""
    return _pooled(np.abs(actual - forecast))


def rmse(actual: Array, forecast: Array) -> float:
    """Root of the mean squared error, pooled over all observed points."""
    return float(np.sqrt(_pooled((actual - forecast) ** 2)))


def smape(actual: Array, forecast: Array) -> Array:
    """[N] mean of 200 |y - f| / (|y| + |f|), from 0 to 200; 0 where both are 0. Source: Makridakis et al. 2020."""
    total = np.abs(actual) + np.abs(forecast)
    return _by_series(200 * np.abs(actual - forecast) / np.where(total == 0, 1, total))


def mase(actual: Array, forecast: Array, scale: Array) -> Array:
    """[N] mean absolute error over `scale` [N] (see `seasonal_error`); NaN where the scale is 0 or missing.

    Source: Hyndman & Koehler 2006.
    """
    return _by_series(np.abs(actual - forecast)) / np.where(scale > 0, scale, np.nan)


def nd(actual: Array, forecast: Array) -> float:
    """Normalised deviation: sum |y - f| / sum |y|; NaN where all actuals are 0."""
    return _ratio(np.nansum(np.abs(actual - forecast)), np.nansum(np.abs(actual)))


def wql(actual: Array, quantiles: Array, probabilities: Sequence[float]) -> float:
    """Weighted quantile loss: mean over the probabilities of 2 sum pinball / sum |y|; NaN where all actuals are 0.

    Args:
        quantiles: [N, H, Q] at `probabilities` [Q].
    """
    total = 0.0
    for number, at in enumerate(probabilities):  # one by one: all gaps at once would be many times the forecast
        gap = actual - quantiles[:, :, number]  # [N, H]
        total += float(np.nansum(np.maximum(at * gap, (at - 1) * gap)))
    return _ratio(2 * total / len(probabilities), np.nansum(np.abs(actual)))


def coverage(actual: Array, lower: Array, upper: Array) -> Array:
    """[N] share of observed points within the bounds [N, H], bounds included."""
    inside = (actual >= lower) & (actual <= upper)
    return _by_series(np.where(np.isnan(actual), np.nan, inside))


def coverage_error(shares: Array, observed: int, level: float) -> float:
    """Standard error that the mean of a coverage has by chance; NaN where nothing was observed.

    The binomial error of `observed` points, as if they were independent, or, where that is larger, the error of a mean
    over series: the points of a series err together. Of a single series only the first is known, and too small
    where errors last from step to step.

    Args:
        shares: [N] coverage of each series (see `coverage`); NaN for one without an observed point.
        observed: points in all series.
        level: nominal coverage, e.g. 0.8.
    """
    if not observed:
        return float("nan")
    known = shares[~np.isnan(shares)]
    binomial = float(np.sqrt(level * (1 - level) / observed))
    if len(known) < 2:
        return binomial
    return max(binomial, float(known.std(ddof=1, dtype=np.float64) / np.sqrt(len(known))))


def seasonal_error(panel: Panel, season: int) -> npt.NDArray[np.float64]:
    """[N] in-sample mean |x_t - x_{t-season}| over each series' visible steps, the scale of MASE; NaN where none is."""
    return mean_change(panel, season, np.abs)


def _pooled(values: Array) -> float:
    known = ~np.isnan(values)
    return float(values[known].mean(dtype=np.float64)) if known.any() else float("nan")


def _by_series(values: Array) -> Array:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        result: Array = np.nanmean(values, axis=1)
    return result


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
