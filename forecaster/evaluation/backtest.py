"""Forecasts from many cutoffs of each series, by forecasters that were fitted on earlier data only."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.errors import DataError
from forecaster.evaluation.metrics import Scale
from forecaster.events import FoldsForecast, Watch, ignore
from forecaster.forecast import PROBABILITIES, Forecast, Forecaster
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

POINTS_AT_ONCE = 500_000  # the quantiles of so many forecast steps take 30 MB

Fit = Callable[[Panel], Forecaster]


@dataclass(frozen=True)
class Part:
    """The forecasts of some rows of a backtest.

    Attributes:
        rows: [P] numbers of the rows.
        forecast: [P, H].
        fit_seconds: duration of the fit, in the first part that it forecasts; None in the others.
    """

    rows: Ints
    forecast: Forecast
    fit_seconds: float | None
    predict_seconds: float


@dataclass(frozen=True)
class Plan:
    """The cutoffs of each series, and the folds that share a fit.

    Fold k's cutoff lies `horizon + (folds - 1 - k) * stride` steps before the end of each series.

    Attributes:
        folds: number of cutoffs in each series; fold 0 is the oldest.
        stride: steps between two cutoffs; None for the horizon.
        refit: number of folds that share a fit, which uses the data before the first of them; 0 for all folds.
        window: number of latest steps before a cutoff that are visible; None for all.
    """

    horizon: int
    folds: int = 5
    stride: int | None = None
    refit: int = 1
    window: int | None = None

    @property
    def steps_back(self) -> Ints:
        """[folds] steps from each cutoff to the end of a series."""
        return self.horizon + np.arange(self.folds - 1, -1, -1) * (self.stride or self.horizon)

    def groups(self) -> list[range]:
        """List the folds that share a fit, oldest first."""
        size = self.refit or self.folds
        return [range(first, min(first + size, self.folds)) for first in range(0, self.folds, size)]

    def visible_rows(self, panel: Panel, series: Ints, fold: Ints | int) -> Panel:
        """Return R rows that end at the cutoff of a fold and share the panel's memory.

        Args:
            series: [R] numbers of the series in the panel, repeated as needed.
            fold: the fold of all rows, or [R].
        """
        rows = panel.select(series).cut(self.steps_back[fold])
        return rows if self.window is None else rows.last(self.window)


AddPart = Callable[[Part], None]
RunGroups = Callable[[Panel, Plan, AddPart], None]


@dataclass(frozen=True)
class Backtest:
    """R forecasts and the actual values, sorted by series, then by cutoff.

    Attributes:
        forecast: [R, H].
        actual: [R, H] observed values, NaN where there is none.
        scale: of the visible steps of each row.
        series: [R] number of the series in the panel.
        fold: [R] 0 is the oldest.
        fit_seconds: sum over all fits.
        predict_seconds: sum over all forecasts.
    """

    forecast: Forecast
    actual: Floats
    scale: Scale
    series: Ints
    fold: Ints
    fit_seconds: float
    predict_seconds: float


def backtest(
    fit: Fit, panel: Panel, plan: Plan, *, watch: Watch = ignore, run_groups: RunGroups | None = None
) -> Backtest:
    """Forecast from every fold of every series.

    A series participates in a fold if it has a horizon and a step before the cutoff, at least one of them observed. A
    fit gets the series that participate in its first fold, cut there; it also forecasts the series that join later.
    Known columns stay visible after a cutoff, all others end there.

    Args:
        fit: makes a forecaster from a panel that ends at the cutoff.
        watch: receives the number of finished folds.
        run_groups: calls `forecast_group` for each group, for example in worker processes; by default one after the
            other in this process.

    Raises: DataError: no series can participate in the oldest folds; or a fit or forecast failed, with its fold.
    """
    series, fold = np.nonzero(find_participants(panel, plan))  # by series, then by fold
    rows = plan.visible_rows(panel, series, fold)
    buffer, progress = _ForecastBuffer(rows, plan.horizon), _Progress(plan, fold)

    def add_part(part: Part) -> None:
        buffer.add(part)
        progress.add(part)
        watch(FoldsForecast(progress.folds_done, plan.folds, progress.seconds_left))

    watch(FoldsForecast(0, plan.folds, None))
    if run_groups:
        run_groups(panel, plan, add_part)
    else:
        for group in plan.groups():
            for part in forecast_group(fit, panel, plan, group):
                add_part(part)
    return Backtest(
        forecast=buffer.forecast(),
        actual=rows.actual(plan.horizon, panel.end[series]),
        scale=Scale.of(rows),
        series=series,
        fold=fold,
        fit_seconds=progress.fit_seconds,
        predict_seconds=progress.predict_seconds,
    )


def forecast_group(fit: Fit, panel: Panel, plan: Plan, group: range) -> Iterator[Part]:
    """Fit once, and forecast the folds that share the fit.

    Args:
        group: one of `Plan.groups`.

    Raises: DataError: the fit or a forecast failed, with its fold.
    """
    is_participant = find_participants(panel, plan)
    series, fold = np.nonzero(is_participant)
    numbers = np.flatnonzero((fold >= group.start) & (fold < group.stop))
    numbers = numbers[np.argsort(fold[numbers], kind="stable")]
    try:
        started = time.perf_counter()
        forecaster = fit(plan.visible_rows(panel, np.flatnonzero(is_participant[:, group.start]), group.start))
        fit_seconds: float | None = time.perf_counter() - started
        for places, part in iterate_parts(plan.visible_rows(panel, series[numbers], fold[numbers]), plan.horizon):
            started = time.perf_counter()
            forecast = forecaster.predict(part, plan.horizon)
            yield Part(numbers[places], forecast, fit_seconds, time.perf_counter() - started)
            fit_seconds = None
    except DataError as error:
        raise DataError(f"fold {group.start + 1}: {error.message}", hint=error.hint) from error


def find_participants(panel: Panel, plan: Plan) -> npt.NDArray[np.bool_]:
    """Return [N, folds] flags: True if the series participates in the fold.

    Raises: DataError: no series participates in the oldest folds.
    """
    is_participant = _flag_participants(panel, plan)
    if not is_participant.any(axis=0).all():
        raise _too_short_error(panel, plan)
    return is_participant


def count_fitting(panel: Panel, plan: Plan) -> int:
    """Count the folds of a plan, from the newest on, in which a series participates."""
    is_empty = ~_flag_participants(panel, plan).any(axis=0)
    return plan.folds - 1 - int(np.flatnonzero(is_empty)[-1]) if is_empty.any() else plan.folds


def iterate_parts(rows: Panel, horizon: int, *, points: int = POINTS_AT_ONCE) -> Iterator[tuple[slice, Panel]]:
    """Divide rows into parts whose forecasts take bounded memory, whatever the horizon.

    Args:
        points: forecast steps of a part, over all its rows.

    Returns: the places of the rows, and the rows.
    """
    size = max(points // horizon, 1)
    for first in range(0, len(rows), size):
        places = slice(first, min(first + size, len(rows)))
        yield places, rows.select(np.arange(places.start, places.stop))


class _Progress:
    """The time that fits and forecasts have taken, and an estimate of the remaining time."""

    def __init__(self, plan: Plan, fold: Ints) -> None:
        """Start the clock.

        Args:
            fold: [R] the fold of each row.
        """
        self._fits, self._rows = len(plan.groups()), len(fold)
        self._fold = fold
        self._rows_left = np.bincount(fold, minlength=plan.folds)  # [folds]
        self._fits_done = self._rows_done = 0
        self.fit_seconds = self.predict_seconds = 0.0
        self._started = time.perf_counter()

    def add(self, part: Part) -> None:
        self._fits_done += part.fit_seconds is not None
        self.fit_seconds += part.fit_seconds or 0.0
        self.predict_seconds += part.predict_seconds
        self._rows_done += len(part.rows)
        np.subtract.at(self._rows_left, self._fold[part.rows], 1)

    @property
    def folds_done(self) -> int:
        return int((self._rows_left == 0).sum())

    @property
    def seconds_left(self) -> float:
        """Estimated seconds of the remaining work, at the speed of the finished work."""
        fits = self.fit_seconds / self._fits_done * (self._fits - self._fits_done)
        left = fits + self.predict_seconds / self._rows_done * (self._rows - self._rows_done)
        return left * (time.perf_counter() - self._started) / (self.fit_seconds + self.predict_seconds)


class _ForecastBuffer:
    """The arrays of a forecast of many rows, filled part by part."""

    def __init__(self, rows: Panel, horizon: int) -> None:
        self._rows = rows
        self._mean = np.empty((len(rows), horizon), rows.values.dtype)
        self._quantiles = np.empty((len(rows), horizon, len(PROBABILITIES)), rows.values.dtype)
        self._fallback = np.zeros(len(rows), bool)
        self._model = ""

    def add(self, part: Part) -> None:
        self._mean[part.rows] = part.forecast.mean
        self._quantiles[part.rows] = part.forecast.quantiles
        self._fallback[part.rows] = part.forecast.fallback
        self._model = part.forecast.model

    def forecast(self) -> Forecast:
        return Forecast(
            ids=self._rows.ids,
            cutoff=self._rows.cutoff,
            ds=self._rows.future(self._mean.shape[1]),
            mean=self._mean,
            quantiles=self._quantiles,
            model=self._model,
            fallback=self._fallback,
            frequency=self._rows.frequency,
            zone=self._rows.zone,
        )


def _flag_participants(panel: Panel, plan: Plan) -> npt.NDArray[np.bool_]:
    end = panel.end[:, None] - plan.steps_back  # [N, K]
    begin = panel.begin[:, None] if plan.window is None else np.maximum(panel.begin[:, None], end - plan.window)
    observed = np.concatenate([[0], np.cumsum(~np.isnan(panel.values[:, 0]))])
    has_observation = observed[np.maximum(end, begin)] > observed[begin]
    is_participant: npt.NDArray[np.bool_] = (end - begin > plan.horizon) & has_observation
    return is_participant


def _too_short_error(panel: Panel, plan: Plan) -> DataError:
    horizon = plan.horizon
    if plan.window is not None and plan.window <= horizon:
        return DataError(
            f"a window of {plan.window} steps is too short for a horizon of {horizon}",
            hint=f"pass --window {2 * horizon} or more",
        )
    fitting = count_fitting(panel, plan)
    return DataError(
        f"{plan.folds} folds of {horizon} steps, {plan.stride or horizon} apart, need a series of"
        f" {int(plan.steps_back[0]) + horizon + 1} steps; the longest has {int(panel.lengths.max())}",
        hint=f"pass --folds {fitting}" if fitting else "pass a shorter --horizon, or add rows",
    )
