"""Forecasts of every series: by the model if it can, otherwise by the last season, marked as a fallback."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from forecaster.errors import DataError
from forecaster.evaluation.backtest import Plan, backtest, count_fitting
from forecaster.evaluation.verdict import measure_losses
from forecaster.forecast import Forecast
from forecaster.frequency import Ints
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.models.short_series import MIN_VALUES, count_values
from forecaster.panel import Panel

Predict = Callable[[Panel], Forecast]

_MAX_CUTOFFS = 20


def forecast_with_fallback(
    predict: Predict, panel: Panel, fallback: Forecast, suspects: dict[str, str]
) -> tuple[Forecast, dict[str, str]]:
    """Forecast all series with a model, and those that it cannot forecast with a fallback.

    Args:
        predict: the model; if it raises a ValueError, ArithmeticError or DataError, one of the series caused it.
        fallback: simpler forecast of all series.
        suspects: reasons by series that the model must not forecast.

    Returns: the forecast, and the reasons by series that have a fallback.
    Raises: DataError: the model could forecast no series.
    """
    reasons = dict(suspects)
    trusted = np.flatnonzero([str(name) not in suspects for name in panel.ids])
    parts: list[tuple[Ints, Forecast]] = []
    failures: dict[int, Exception] = {}
    _collect(predict, panel, trusted, parts, failures)
    if len(trusted) and not parts:
        first = next(iter(failures.values()))
        if isinstance(first, DataError):
            raise first
        raise DataError(
            f"the model could forecast no series: {first}", hint="check the newest values of the data"
        ) from first
    reasons |= {str(panel.ids[row]): str(error) for row, error in failures.items()}
    mean, quantiles = fallback.mean.copy(), fallback.quantiles.copy()
    is_fallback, model = np.ones(len(panel), bool), fallback.model
    for rows, part in parts:
        mean[rows], quantiles[rows], is_fallback[rows], model = part.mean, part.quantiles, part.fallback, part.model
        counts = count_values(panel)[rows]
        for name, count in zip(part.ids[part.fallback], counts[part.fallback], strict=True):
            is_short = count < MIN_VALUES
            reasons[str(name)] = "it has a single value" if is_short else f"{part.model} could not be fitted to it"
    return replace(fallback, mean=mean, quantiles=quantiles, fallback=is_fallback, model=model), reasons


def is_naive_better(panel: Panel, horizon: int) -> bool:
    """Return True if the last value was a better forecast than the last season, from recent cutoffs."""
    plan = Plan(horizon, folds=_MAX_CUTOFFS)
    fitting = count_fitting(panel, plan)
    if not fitting:
        return False
    plan = replace(plan, folds=fitting)
    losses = []
    for kind in (Naive, SeasonalNaive):
        test = backtest(lambda _, kind=kind: kind(), panel, replace(plan, refit=0))  # type: ignore[misc]
        values = measure_losses(test.forecast, test.actual, test.scale, "mase")
        losses.append(values[~np.isnan(values)].sum())  # Both have the same known rows.
    return bool(losses[0] < losses[1])


def _collect(
    predict: Predict, panel: Panel, rows: Ints, parts: list[tuple[Ints, Forecast]], failures: dict[int, Exception]
) -> None:
    """Forecast rows of a panel together; if that fails, halve them until every failure has one series."""
    if not len(rows):
        return
    try:
        parts.append((rows, predict(panel if len(rows) == len(panel) else panel.select(rows))))
    except (ValueError, ArithmeticError, DataError) as error:
        if len(rows) == 1:
            failures[int(rows[0])] = error
            return
        for half in np.array_split(rows, 2):
            _collect(predict, panel, half, parts, failures)
