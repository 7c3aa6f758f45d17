"""The metrics of forecasts as functions of arrays; `metric_table` has their names and titles.

Each metric rates the point that it is smallest for: absolute errors the median, squared errors and the bias the mean.

In every function `actual` and `forecast` are [N, H] in the data's units, with NaN in `actual` where nothing was
observed: such points count nowhere. Where a result is by series, a series without an observed point is NaN.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.batches.running_means import mean_change
from forecaster.panel import Panel

Array = npt.NDArray[np.floating]

LEVELS = {50: (0.25, 0.75), 80: (0.1, 0.9), 90: (0.05, 0.95), 95: (0.025, 0.975)}


def mae(actual: Array, forecast: Array) -> float:
    """Return the mean absolute error, pooled over all observed points."""
    return _pooled(np.abs(actual - forecast))


def rmse(actual: Array, forecast: Array) -> float:
    """Return the root of the mean squared error, pooled over all observed points."""
    return float(np.sqrt(_pooled((actual - forecast) ** 2)))


def smape(actual: Array, forecast: Array) -> Array:
    """Return the [N] means of 200 |y - f| / (|y| + |f|), from 0 to 200; a point is 0 where both are 0.

    Source: Makridakis et al. 2020.
    """
    total = np.abs(actual) + np.abs(forecast)
    return _by_series(200 * np.abs(actual - forecast) / np.where(total == 0, 1, total))


def mase(actual: Array, forecast: Array, scale: Array) -> Array:
    """Return the [N] mean absolute errors over `scale` [N] (see `seasonal_error`); NaN where it is 0 or missing.

    Source: Hyndman & Koehler 2006.
    """
    return _by_series(np.abs(actual - forecast)) / np.where(scale > 0, scale, np.nan)


def rmsse(actual: Array, forecast: Array, squared_scale: Array) -> Array:
    """Return the [N] roots of the mean squared errors over `squared_scale` [N]; NaN where it is 0 or missing.

    Source: Makridakis, Spiliotis & Assimakopoulos 2022 (M5), with the seasonal difference in the place of the
    difference of neighbours (see `Scale`).
    """
    mean: Array = np.sqrt(_by_series((actual - forecast) ** 2) / np.where(squared_scale > 0, squared_scale, np.nan))
    return mean


def bias(actual: Array, forecast: Array) -> float:
    """Return the mean of forecast - actual, pooled over all observed points: above 0, forecasts are too high."""
    return _pooled(forecast - actual)


def nd(actual: Array, forecast: Array) -> float:
    """Return the normalised deviation, sum |y - f| / sum |y|; NaN if all actual values are 0.

    It is also known as the weighted absolute percentage error, WAPE, if it is written in per cent.
    """
    return _ratio(np.nansum(np.abs(actual - forecast)), np.nansum(np.abs(actual)))


def wql(actual: Array, quantiles: Array, probabilities: Sequence[float]) -> float:
    """Return the weighted quantile loss, the mean over the probabilities of 2 sum pinball / sum |y|.

    It is NaN if all actual values are 0.

    Args:
        quantiles: [N, H, Q] at `probabilities` [Q].
    """
    total = 0.0
    # All gaps at once would take many times the memory of the forecast.
    for number, at in enumerate(probabilities):
        gap = actual - quantiles[:, :, number]  # [N, H]
        total += float(np.nansum(np.maximum(at * gap, (at - 1) * gap)))
    return _ratio(2 * total / len(probabilities), np.nansum(np.abs(actual)))


def coverage(actual: Array, lower: Array, upper: Array) -> Array:
    """Return the [N] shares of observed points within the bounds [N, H], bounds included."""
    inside = (actual >= lower) & (actual <= upper)
    return _by_series(np.where(np.isnan(actual), np.nan, inside))


def coverage_error(shares: Array, observed: int, level: float) -> float:
    """Return the standard error of a mean coverage; NaN if nothing was observed.

    It is the binomial error of `observed` independent points or, if that is larger, the standard error of the mean over
    series, since the points of a series err together. For a single series only the first is known, which is too small
    if errors persist from step to step.

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
    """Return the [N] in-sample means of |x_t - x_{t-season}| over the visible steps, the scale of MASE.

    A series without two observed steps a season apart is NaN.
    """
    return mean_change(panel, season, np.abs)


@dataclass(frozen=True)
class Scale:
    """The usual change of each series from season to season, by which errors are divided.

    Attributes:
        absolute: [N] the in-sample means of |x_t - x_{t-season}|, the divisor of MASE; NaN if there is none.
        squared: [N] the in-sample means of its square, the divisor of RMSSE.
    """

    absolute: npt.NDArray[np.float64]
    squared: npt.NDArray[np.float64]

    @classmethod
    def of(cls, panel: Panel) -> "Scale":
        """Measure the visible steps of a panel."""
        return cls(seasonal_error(panel, panel.season), mean_change(panel, panel.season, np.square))

    def select(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Scale":
        return Scale(self.absolute[rows], self.squared[rows])


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
