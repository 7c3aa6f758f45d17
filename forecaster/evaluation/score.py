"""The scores of a forecast against actual values, as metrics.json stores them."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from forecaster.evaluation import metrics
from forecaster.evaluation.metric_table import METRICS, Outcome
from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.panel import Floats

Score = dict[str, float]


def score(forecast: Forecast, actual: Floats, scale: metrics.Scale) -> Score:
    """Compute every metric of one model.

    Args:
        actual: [N, H] observed values, NaN where there is none.
        scale: of the N series.
    """
    outcome = Outcome(forecast, actual.astype(np.float64), scale)
    result: Score = {}
    for metric in METRICS.values():
        result[metric.name] = metric.compute(outcome)
        if metric.compute_error:
            result[f"{metric.name}_error"] = metric.compute_error(outcome)
    return result


def reliability(forecast: Forecast, actual: Floats) -> Score:
    """Return the share of observed points below each quantile, by its probability: `{"0.025": 0.03, ...}`.

    See `observed_share` for points that are equal to it.

    Args:
        actual: [N, H] observed values, NaN where there is none.
    """
    is_known = ~np.isnan(actual)
    points, quantiles = actual[is_known][:, None], forecast.quantiles[is_known]  # [points, 1], [points, Q]
    below, reached = _shares(points < quantiles), _shares(points <= quantiles)
    return {
        f"{p:g}": observed_share(p, float(low), float(high))
        for p, low, high in zip(PROBABILITIES, below, reached, strict=True)
    }


def observed_share(probability: float, below: float, reached: float) -> float:
    """Return the share of points below a quantile, of which as many that are equal to it count as calibrate it best.

    A quantile is right if at most its probability of the points lies below it, and at least that at or below it. Counts
    with many zeros often have several quantiles of 0, and all of them can be right.

    Args:
        below, reached: the shares of points below the quantile, and at or below it; NaN if there is no point.
    """
    return min(max(probability, below), reached) if below == below else below


def skill(model: Score, baseline: Score) -> float:
    """Return 1 - MASE / MASE of the baseline; above 0 is better, NaN if either is unknown or the baseline's is 0."""
    if math.isnan(baseline["mase"]) or baseline["mase"] == 0:
        return math.nan
    return 1 - model["mase"] / baseline["mase"]


def without_nan(tree: Mapping[str, object]) -> dict[str, object]:
    """Replace NaN by None at every depth, since JSON has no NaN."""
    plain: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            plain[key] = without_nan(value)
        else:
            plain[key] = None if isinstance(value, float) and not math.isfinite(value) else value
    return plain


def _shares(hits: npt.NDArray[np.bool_]) -> metrics.Array:
    """Return the [Q] shares of True in each column of [points, Q]; NaN if there is no point."""
    shares: metrics.Array = hits.sum(axis=0) / (len(hits) or np.nan)
    return shares
