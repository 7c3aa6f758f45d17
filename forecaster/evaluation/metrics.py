"""The metrics of forecasts as functions of arrays, and `METRICS`, the table of their names, titles and formulas.

In every function `actual` and `forecast` are [N, H] in the data's units, with NaN in `actual` where nothing was
observed: such points count nowhere. Where a result is by series, a series without an observed point is NaN.

To add a metric, write its function and its row of `METRICS`: `score` computes it then, and reports print it.
`breakdown` adds up sums by series, step and cutoff instead, so it needs a formula of the new metric, too.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from forecaster.batches.running_means import mean_change
from forecaster.forecast import DECILES, PROBABILITIES, Forecast
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


def nd(actual: Array, forecast: Array) -> float:
    """Return the normalised deviation, sum |y - f| / sum |y|; NaN if all actual values are 0."""
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
class Outcome:
    """A forecast beside the values that were observed later.

    Attributes:
        actual: [N, H] observed values in float64, NaN where there is none.
        scale: [N] the in-sample seasonal error that MASE divides by.
    """

    forecast: Forecast
    actual: Array
    scale: Array


class Detail(IntEnum):
    """The level of detail of a table of metrics; each table has all columns of the less detailed ones."""

    LEADERBOARD = 1
    SCORES = 2
    PAGE = 3
    FILE = 4


@dataclass(frozen=True)
class Metric:
    """A row of `METRICS`.

    Attributes:
        name: its key in metrics.json.
        title: its heading in tables.
        compute: returns the metric of a whole forecast; NaN if it is unknown.
        column: its place among the columns of a table, from the left.
        detail: the least detailed table that shows it.
        compute_error: returns the standard error of the metric; None if it is not computed.
        target: the best value of a share, which is printed in per cent; None for an error, where lower is better.
        description: a sentence for the readers of a table.
    """

    name: str
    title: str
    compute: Callable[[Outcome], float]
    column: int
    detail: Detail = Detail.FILE
    compute_error: Callable[[Outcome], float] | None = None
    target: float | None = None
    description: str = ""

    @property
    def is_share(self) -> bool:
        return self.target is not None

    def rank(self, value: float) -> float:
        """Return a number that is lower for a better value."""
        return value if self.target is None else abs(value - self.target)


def columns(detail: Detail) -> list[Metric]:
    """List the metrics that a table shows, from left to right."""
    return sorted((each for each in METRICS.values() if each.detail <= detail), key=lambda each: each.column)


def _coverage_metric(level: int, *, column: int, detail: Detail = Detail.FILE) -> Metric:
    def cover(outcome: Outcome) -> Array:
        lower, upper = (outcome.forecast.at(bound) for bound in LEVELS[level])
        return coverage(outcome.actual, lower, upper)

    def compute_error(outcome: Outcome) -> float:
        return coverage_error(cover(outcome), int(np.sum(~np.isnan(outcome.actual))), level / 100)

    return Metric(
        f"coverage{level}",
        f"{level}% covered",
        lambda outcome: _mean_of_series(cover(outcome)),
        column,
        detail,
        compute_error,
        target=level / 100,
    )


def _compute_wql(outcome: Outcome) -> float:
    deciles = outcome.forecast.quantiles[:, :, [PROBABILITIES.index(p) for p in DECILES]]
    return wql(outcome.actual, deciles, DECILES)


def _mean_of_series(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else float("nan")


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


# In the order of metrics.json.
METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "mae",
            "MAE",
            lambda outcome: mae(outcome.actual, outcome.forecast.mean),
            column=3,
            detail=Detail.SCORES,
            description="MAE is the mean error in the series' own units.",
        ),
        Metric(
            "rmse",
            "RMSE",
            lambda outcome: rmse(outcome.actual, outcome.forecast.mean),
            column=4,
            detail=Detail.SCORES,
            description="RMSE is in the same units, but large errors count for more.",
        ),
        Metric(
            "smape",
            "sMAPE",
            lambda outcome: _mean_of_series(smape(outcome.actual, outcome.forecast.mean)),
            column=2,
            detail=Detail.LEADERBOARD,
            description="sMAPE is the error in per cent of the values, from 0 to 200.",
        ),
        Metric(
            "mase",
            "MASE",
            lambda outcome: _mean_of_series(mase(outcome.actual, outcome.forecast.mean, outcome.scale)),
            column=1,
            detail=Detail.LEADERBOARD,
            description="MASE is the mean error in units of the usual change from one season to the next:"
            " below 1, the error is smaller than that change.",
        ),
        Metric("nd", "ND", lambda outcome: nd(outcome.actual, outcome.forecast.mean), column=5),
        Metric(
            "wql",
            "WQL",
            _compute_wql,
            column=6,
            detail=Detail.LEADERBOARD,
            description="WQL is the error of all deciles together, so it also rates the intervals.",
        ),
        _coverage_metric(50, column=7, detail=Detail.PAGE),
        _coverage_metric(80, column=8, detail=Detail.LEADERBOARD),
        _coverage_metric(90, column=9),
        _coverage_metric(95, column=10, detail=Detail.PAGE),
    )
}
