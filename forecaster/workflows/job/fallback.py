"""A forecast of every series: by the model where it can, by the last season where it cannot, and marked so."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from forecaster.errors import DataError
from forecaster.forecast import Forecast
from forecaster.frequency import Ints
from forecaster.panel import Panel

Predict = Callable[[Panel], Forecast]


def forecast_each(
    predict: Predict, panel: Panel, stand_in: Forecast, suspects: dict[str, str]
) -> tuple[Forecast, dict[str, str]]:
    """Forecast all series, whatever is wrong with some of them.

    Args:
        predict: the model; a ValueError, ArithmeticError or DataError of it is put down to a series.
        stand_in: the simpler forecast of all series.
        suspects: series that the model is not asked for, each with the reason.

    Returns: the forecast, and the series that the stand-in was taken for, each with the reason.
    Raises: DataError: the model could forecast none.
    """
    reasons = dict(suspects)
    asked = np.flatnonzero([str(name) not in suspects for name in panel.ids])
    parts: list[tuple[Ints, Forecast]] = []
    failures: dict[int, Exception] = {}
    _collect(predict, panel, asked, parts, failures)
    if len(asked) and not parts:
        first = next(iter(failures.values()))
        if isinstance(first, DataError):
            raise first
        raise DataError(f"the model could forecast no series: {first}", hint="look at the newest values") from first
    reasons |= {str(panel.ids[row]): str(error) for row, error in failures.items()}
    mean, quantiles = stand_in.mean.copy(), stand_in.quantiles.copy()
    fallback, model = np.ones(len(panel), bool), stand_in.model
    for rows, part in parts:
        mean[rows], quantiles[rows], fallback[rows], model = part.mean, part.quantiles, part.fallback, part.model
        for name in part.ids[part.fallback]:
            reasons[str(name)] = f"{part.model} could not be fitted to it"
    return replace(stand_in, mean=mean, quantiles=quantiles, fallback=fallback, model=model), reasons


def _collect(
    predict: Predict, panel: Panel, rows: Ints, parts: list[tuple[Ints, Forecast]], failures: dict[int, Exception]
) -> None:
    """Forecast some series; where that fails, by halves, until those that fail are known."""
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
