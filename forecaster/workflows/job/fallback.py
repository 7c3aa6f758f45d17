"""Forecasts of every series: by the model if it can, otherwise by the last season, marked as a fallback."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

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
    is_fallback, model, names = np.ones(len(panel), bool), fallback.model, fallback.names.copy()
    for rows, part in parts:
        mean[rows], quantiles[rows], is_fallback[rows], model = part.mean, part.quantiles, part.fallback, part.model
        names[rows] = part.names
        counts = count_values(panel)[rows]
        for name, count in zip(part.ids[part.fallback], counts[part.fallback], strict=True):
            is_short = count < MIN_VALUES
            reasons[str(name)] = "it has a single value" if is_short else f"{part.model} could not be fitted to it"
    models = None if model == fallback.model else names
    return replace(fallback, mean=mean, quantiles=quantiles, fallback=is_fallback, model=model, models=models), reasons


def forecast_naively(kind: type[SeasonalNaive], panel: Panel, horizon: int, is_late: npt.NDArray[np.bool_]) -> Forecast:
    """Forecast with a naive model; series that ended long ago are forecast from the newest cutoff of the panel.

    Args:
        is_late: [N] True for these series, which have ended before the newest cutoff.
    """
    forecast = kind().predict(panel, horizon)
    ds, cutoff, mean, quantiles = (getattr(forecast, name).copy() for name in ("ds", "cutoff", "mean", "quantiles"))
    gaps = panel.frequency.index(panel.cutoff, np.full(len(panel), panel.cutoff.max()))
    for gap in np.unique(gaps[is_late]):
        rows = np.flatnonzero(is_late & (gaps == gap))
        longer = kind().predict(panel.select(rows), int(gap) + horizon)
        cutoff[rows], ds[rows] = longer.ds[:, gap - 1], longer.ds[:, gap:]
        mean[rows], quantiles[rows] = longer.mean[:, gap:], longer.quantiles[:, gap:]
    return replace(forecast, ds=ds, cutoff=cutoff, mean=mean, quantiles=quantiles)


def bound_fallbacks(forecast: Forecast, panel: Panel) -> Forecast:
    """Return a forecast in which no fallback goes below 0 if the past of its series never did."""
    rows = [
        row
        for row in np.flatnonzero(forecast.fallback)
        if not (panel.values[panel.begin[row] : panel.end[row], 0] < 0).any()
    ]
    if not rows:
        return forecast
    mean, quantiles = forecast.mean.copy(), forecast.quantiles.copy()
    mean[rows], quantiles[rows] = np.maximum(mean[rows], 0), np.maximum(quantiles[rows], 0)
    return replace(forecast, mean=mean, quantiles=quantiles)


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
