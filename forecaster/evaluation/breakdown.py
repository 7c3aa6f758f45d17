"""The scores of a backtest by series, cutoff and step of the horizon, as `score` computes them for each alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.evaluation.backtest import Backtest
from forecaster.evaluation.metrics import LEVELS
from forecaster.evaluation.score import Score
from forecaster.forecast import DECILES
from forecaster.frequency import Ints

Array = npt.NDArray[np.float64]
Columns = dict[str, Array]

_COVERAGES = tuple(f"coverage{level}" for level in LEVELS)
_MEANS = ("smape", "scaled", "scaled_squared", *_COVERAGES)  # measures whose means are metrics


@dataclass(frozen=True)
class Sums:
    """The sum of each measure over the points of a row or of a step, and the number of these points."""

    total: Columns
    count: Columns


def add_up(test: Backtest) -> tuple[Sums, Sums]:
    """Measure every point, one measure at a time to save memory, and add up by row [R] and by step [H]."""
    rows, steps = Sums({}, {}), Sums({}, {})
    for name, points in _measures(test):
        is_known = ~np.isnan(points)
        for sums, axis in ((rows, 1), (steps, 0)):
            sums.total[name] = np.nansum(points, axis=axis)
            sums.count[name] = is_known.sum(axis=axis, dtype=np.float64)
    return rows, steps


def score_groups(rows: Sums, group: Ints, size: int) -> Columns:
    """Return the [size] values of every metric, one for each group of rows, from the group [R] of each row."""

    def add(values: Array) -> Array:
        return np.bincount(group, values, size).astype(np.float64)

    def mean_of_rows(name: str) -> Array:
        values = _ratio(rows.total[name], rows.count[name])
        return mean_by_group(np.sqrt(values) if name == "scaled_squared" else values, group, size)

    total = {name: add(values) for name, values in rows.total.items()}
    points = add(rows.count["absolute"])
    return _columns(total, points, {name: mean_of_rows(name) for name in _MEANS})


def mean_by_group(values: Array, group: Ints, size: int) -> Array:
    """Return the [size] means of the known values [R] of each group; NaN for a group without any."""
    is_known = ~np.isnan(values)
    total, count = (np.bincount(group, each, size) for each in (np.where(is_known, values, 0), is_known))
    return _ratio(total.astype(np.float64), count.astype(np.float64))


def score_steps(steps: Sums) -> Columns:
    """Return the [H] values of every metric, one for each step of the horizon."""
    means = {name: _ratio(steps.total[name], steps.count[name]) for name in (*_MEANS, "scaled_root")}
    means["scaled_squared"] = means["scaled_root"]  # the RMSSE of a single step of each series
    return _columns(steps.total, steps.count["absolute"], means)


def tabulate(keys: Sequence[str], models: Mapping[str, Columns]) -> dict[str, dict[str, Score]]:
    """Lay out columns as `{key: {model: {metric: value}}}`, where values are [keys] long."""
    plain = {model: {name: values.tolist() for name, values in columns.items()} for model, columns in models.items()}
    return {
        key: {model: {name: values[place] for name, values in columns.items()} for model, columns in plain.items()}
        for place, key in enumerate(keys)
    }


def _measures(test: Backtest) -> Iterator[tuple[str, Array]]:
    """Compute each measure at every point [R, H]; NaN where nothing was observed."""
    actual, forecast = test.actual.astype(np.float64), test.forecast
    error, deviation = np.abs(actual - forecast.median), forecast.mean - actual
    size = np.abs(actual) + np.abs(forecast.median)
    yield "absolute", error
    yield "squared", deviation**2
    yield "deviation", deviation
    yield "smape", 200 * error / np.where(size == 0, 1, size)
    yield "scaled", error / _positive(test.scale.absolute)[:, None]
    yield "scaled_squared", deviation**2 / _positive(test.scale.squared)[:, None]
    yield "scaled_root", np.abs(deviation) / np.sqrt(_positive(test.scale.squared))[:, None]
    yield "actual", np.abs(actual)
    pinball = np.zeros_like(actual)
    for probability in DECILES:
        gap = actual - forecast.at(probability)
        pinball += np.maximum(probability * gap, (probability - 1) * gap)
    yield "pinball", 2 * pinball / len(DECILES)
    for level, (lower, upper) in LEVELS.items():
        inside = (actual >= forecast.at(lower)) & (actual <= forecast.at(upper))
        yield f"coverage{level}", np.where(np.isnan(actual), np.nan, inside)


def _columns(total: Mapping[str, Array], points: Array, means: Columns) -> Columns:
    """Compute every metric of `metric_table.METRICS` from sums; a new metric needs a line here."""
    deviation = _ratio(total["absolute"], total["actual"])
    return {
        "mae": _ratio(total["absolute"], points),
        "rmse": np.sqrt(_ratio(total["squared"], points)),
        "smape": means["smape"],
        "mase": means["scaled"],
        "nd": deviation,
        "wql": _ratio(total["pinball"], total["actual"]),
        **{name: means[name] for name in _COVERAGES},
        "rmsse": means["scaled_squared"],
        "wape": deviation,
        "bias": _ratio(total["deviation"], points),
    }


def _positive(divisor: Array) -> Array:
    return np.where(divisor > 0, divisor, np.nan)


def _ratio(part: Array, whole: Array) -> Array:
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
