"""Series with too few values to show how much they vary: their intervals are those of the other series."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.panel import Floats, Panel

MIN_VALUES = 2
_MEDIAN = PROBABILITIES.index(0.5)


def borrow_intervals(forecast: Forecast, panel: Panel, *, min_values: int = MIN_VALUES) -> Forecast:
    """Forecast series with too few values by their last value, with the intervals of the other series.

    The borrowed interval is the median over the other series, relative to their mean absolute value. These series are
    marked as a fallback. Without other series nothing changes.

    Args:
        forecast: of the panel.
        min_values: the number of values from which on a model's own interval counts.
    """
    is_short = count_values(panel) < min_values
    level, last = _summarise(panel)
    is_donor = ~is_short & ~forecast.fallback & (level > 0)
    if not is_short.any() or not is_donor.any():
        return forecast
    center = forecast.quantiles[is_donor, :, _MEDIAN, None]
    distances = (forecast.quantiles[is_donor] - center) / level[is_donor, None, None]
    typical = np.sort(np.median(distances, axis=0), axis=-1)  # [H, Q]
    mean, quantiles = forecast.mean.copy(), forecast.quantiles.copy()
    borrowed = Forecast.of(
        panel.select(is_short),
        (last[is_short, None, None] + level[is_short, None, None] * typical).astype(quantiles.dtype),
        model=forecast.model,
    )
    mean[is_short], quantiles[is_short] = borrowed.mean, borrowed.quantiles
    return replace(forecast, mean=mean, quantiles=quantiles, fallback=forecast.fallback | is_short)


def count_values(panel: Panel) -> npt.NDArray[np.int64]:
    """Return the [N] numbers of known values."""
    known = np.concatenate([[0], np.cumsum(~np.isnan(panel.values[:, 0]))])
    counts: npt.NDArray[np.int64] = known[panel.end] - known[panel.begin]
    return counts


def _summarise(panel: Panel) -> tuple[Floats, Floats]:
    """Return the [N] mean absolute values, and the [N] last values."""
    totals = np.concatenate([[0.0], np.cumsum(np.abs(np.nan_to_num(panel.values[:, 0].astype(np.float64))))])
    level = (totals[panel.end] - totals[panel.begin]) / np.maximum(count_values(panel), 1)
    return level, panel.values[panel.end - 1, 0]
