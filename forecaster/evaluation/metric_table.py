"""The table of metrics: their names, titles, formulas and places in tables.

To add a metric, write its formula in `metrics` and its row here: `score` computes it then, and reports print it.
`breakdown` adds up sums by series, step and cutoff instead, so it needs a formula of the new metric, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from forecaster.evaluation.metrics import (
    LEVELS,
    Array,
    Scale,
    bias,
    coverage,
    coverage_error,
    mae,
    mase,
    nd,
    rmse,
    rmsse,
    smape,
    wql,
)
from forecaster.forecast import DECILES, PROBABILITIES, Forecast


@dataclass(frozen=True)
class Outcome:
    """A forecast beside the values that were observed later.

    Attributes:
        actual: [N, H] observed values in float64, NaN where there is none.
        scale: of the N series.
    """

    forecast: Forecast
    actual: Array
    scale: Scale


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
        is_signed: True for an error that may be below 0, where the nearest to 0 is better.
        description: a sentence for the readers of a table.
    """

    name: str
    title: str
    compute: Callable[[Outcome], float]
    column: int
    detail: Detail = Detail.FILE
    compute_error: Callable[[Outcome], float] | None = None
    target: float | None = None
    is_signed: bool = False
    description: str = ""

    @property
    def is_share(self) -> bool:
        return self.target is not None

    def rank(self, value: float) -> float:
        """Return a number that is lower for a better value."""
        if self.is_signed:
            return abs(value)
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


# In the order of metrics.json.
METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "mae",
            "MAE",
            lambda outcome: mae(outcome.actual, outcome.forecast.median),
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
            lambda outcome: _mean_of_series(smape(outcome.actual, outcome.forecast.median)),
            column=2,
            detail=Detail.LEADERBOARD,
            description="sMAPE is the error in per cent of the values, from 0 to 200.",
        ),
        Metric(
            "mase",
            "MASE",
            lambda outcome: _mean_of_series(mase(outcome.actual, outcome.forecast.median, outcome.scale.absolute)),
            column=1,
            detail=Detail.LEADERBOARD,
            description="MASE is the mean error in units of the usual change from one season to the next:"
            " below 1, the error is smaller than that change.",
        ),
        Metric("nd", "ND", lambda outcome: nd(outcome.actual, outcome.forecast.median), column=5),
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
        Metric(
            "rmsse",
            "RMSSE",
            lambda outcome: _mean_of_series(rmsse(outcome.actual, outcome.forecast.mean, outcome.scale.squared)),
            column=11,
            description="RMSSE is like MASE for squared errors, so it rates the mean, and zeros win nothing.",
        ),
        Metric("wape", "WAPE", lambda outcome: nd(outcome.actual, outcome.forecast.median), column=12),
        Metric(
            "bias",
            "bias",
            lambda outcome: bias(outcome.actual, outcome.forecast.mean),
            column=13,
            detail=Detail.PAGE,
            is_signed=True,
            description="Bias is the mean of forecast - actual: above 0, the forecasts are too high.",
        ),
    )
}
