"""Forecast value added: what each step of a forecast process, naive -> model -> override, adds to the accuracy."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.evaluation import significance
from forecaster.evaluation.metrics import LEVELS
from forecaster.evaluation.verdict import MANY_SERIES, BaselineTest, Units, compare_with_baseline, judge
from forecaster.forecast import DECILES, PROBABILITIES

Array = npt.NDArray[np.float64]
Metric = Literal["mase", "mae", "rmse"]

# The forecasts that are compared, in the order of the process; the source comes last.
BASELINES = ("seasonal_naive", "naive")
MODEL, SOURCE = "model", "source"
NAMES = (*BASELINES, MODEL, SOURCE)

_MAX_SHARE_OF_ZEROS = 0.5


def column_of(name: str, probability: float) -> str:
    """Return the column of a quantile of the model or the source in a table of scored cells."""
    return f"{name}_q{round(1000 * probability):03d}"


def score_cells(cells: pd.DataFrame, name: str) -> dict[str, Any]:
    """Score one of the forecasts of scored cells.

    Args:
        cells: one row for each series, time and lead time: y, scale, and the points and quantiles of each forecast.
        name: one of `NAMES`.

    Returns: forecasts (their number), mae, mase, rmse, bias; NaN if unknown. For a forecast with quantiles also wql,
        and coverage50 to coverage95 of the intervals that every cell has.
    """
    mean, median = _find_points(cells, name)
    y = cells["y"].to_numpy(np.float64)
    scaled = np.abs(median - y) / _find_scale(cells)
    scores = {
        "forecasts": len(cells),
        "mae": _mean(np.abs(median - y)),
        "mase": _mean(scaled),
        "rmse": math.sqrt(_mean((mean - y) ** 2)),
        "bias": _mean(mean - y),
    }
    return scores | _score_quantiles(cells, name, y)


def measure_value_added(cells: pd.DataFrame) -> dict[str, Any]:
    """Compare a source with the model, and the model with the naive forecasts, on the same cells.

    The loss is the absolute error in units of the seasonal error of the series, as in MASE; if no series has such a
    unit, the absolute error; if more than half of the actual values are 0, the squared error of the mean, because the
    absolute error would reward forecasts of 0. With many series, the units of the tests are series. Otherwise they are
    periods of as many times as the longest lead time has steps, so that neighbouring errors are seldom of one forecast.

    Args:
        cells: as in `score_cells`, without unknown points of the model and the source; with series_id, at and step.

    Returns: a JSON document.
    """
    metric = _choose_metric(cells)
    losses = {name: _measure_loss(cells, name, metric) for name in NAMES}
    units = _choose_units(cells)
    known_baselines = [name for name in BASELINES if not np.isnan(losses[name]).all()]
    of_model = {name: compare_with_baseline(losses[MODEL], losses[name], units) for name in known_baselines}
    of_source = compare_with_baseline(losses[SOURCE], losses[MODEL], units)
    return {
        "pairs": len(cells),
        "series": int(cells["series_id"].nunique()),
        "metric": metric,
        "units": {
            "kind": units.kind,
            "count": of_source.count,
            "fewest": significance.minimum_differences(units.overlap),
            "steps": int(cells["step"].max()),
        },
        "forecasts": {name: score_cells(cells, name) for name in NAMES},
        "chain": [
            _describe_step("naive", MODEL, of_model, metric),
            _describe_step(MODEL, SOURCE, {MODEL: of_source}, metric),
        ],
        "by_step": {
            str(step): {name: score_cells(part, name) for name in NAMES} for step, part in cells.groupby("step")
        },
    }


def _describe_step(old: str, new: str, tests: Mapping[str, BaselineTest], metric: Metric) -> dict[str, Any]:
    """Describe a step of the process: the share of the loss that it removes, and the verdict on it.

    Against two naive forecasts, the gain is that over the better one.
    """
    gains = {name: 1 - (1 - test.skill) ** (0.5 if metric == "rmse" else 1) for name, test in tests.items()}
    numbers = [gain for gain in gains.values() if not math.isnan(gain)]
    p = [test.p for test in tests.values() if not math.isnan(test.p)]
    return {
        "from": old,
        "to": new,
        "gain": min(numbers, default=math.nan),
        "gains": gains,
        "p": max(p, default=math.nan),
        "verdict": judge(tests),
    }


def _find_points(cells: pd.DataFrame, name: str) -> tuple[Array, Array]:
    """Return the mean and the median of a forecast; a naive forecast has one value for both."""
    if name in BASELINES:
        point = cells[name].to_numpy(np.float64)
        return point, point
    return cells[f"{name}_mean"].to_numpy(np.float64), cells[f"{name}_median"].to_numpy(np.float64)


def _find_scale(cells: pd.DataFrame) -> Array:
    scale = cells["scale"].to_numpy(np.float64)
    return np.where(scale > 0, scale, np.nan)


def _score_quantiles(cells: pd.DataFrame, name: str, y: Array) -> dict[str, float]:
    """Return the quantile loss and the coverage of a forecast; empty for one without quantiles."""
    quantiles = {
        probability: cells[column].to_numpy(np.float64)
        for probability in PROBABILITIES
        if (column := column_of(name, probability)) in cells and not cells[column].isna().any()
    }
    scores = {}
    if set(DECILES) <= set(quantiles):
        gaps = [(probability, y - quantiles[probability]) for probability in DECILES]
        pinball = sum(float(np.maximum(at * gap, (at - 1) * gap).sum()) for at, gap in gaps)
        total = float(np.abs(y).sum())
        scores["wql"] = 2 * pinball / len(DECILES) / total if total else math.nan
    for level, (low, high) in LEVELS.items():
        if low in quantiles and high in quantiles:
            scores[f"coverage{level}"] = _mean(((y >= quantiles[low]) & (y <= quantiles[high])).astype(np.float64))
    return scores


def _choose_metric(cells: pd.DataFrame) -> Metric:
    if (cells["y"] == 0).mean() > _MAX_SHARE_OF_ZEROS:
        return "rmse"
    return "mase" if np.isfinite(_find_scale(cells)).any() else "mae"


def _measure_loss(cells: pd.DataFrame, name: str, metric: Metric) -> Array:
    """Return the [R] losses of a forecast; NaN for a cell without a scale, if the loss needs one."""
    mean, median = _find_points(cells, name)
    y, scale = cells["y"].to_numpy(np.float64), _find_scale(cells)
    if metric == "rmse":
        divisor = scale if np.isfinite(scale).any() else np.ones_like(scale)
        return np.asarray(((mean - y) / divisor) ** 2)
    return np.asarray(np.abs(median - y) / (scale if metric == "mase" else 1.0))


def _choose_units(cells: pd.DataFrame) -> Units:
    series = np.unique(cells["series_id"], return_inverse=True)[1].astype(np.int64)
    if series.max() + 1 >= MANY_SERIES:
        return Units("series", series, 1)
    time = np.unique(cells["at"], return_inverse=True)[1].astype(np.int64)
    return Units("periods", time // int(cells["step"].max()), 1)


def _mean(values: Array) -> float:
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if len(numbers) else math.nan
