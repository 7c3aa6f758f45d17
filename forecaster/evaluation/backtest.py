"""Forecasts from many cutoffs of each series, by forecasters that saw nothing after them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.errors import DataError
from forecaster.evaluation.metrics import seasonal_error
from forecaster.events import FoldsForecast, Watch, ignore
from forecaster.forecast import PROBABILITIES, Forecast, Forecaster
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

POINTS = 500_000  # forecast at once: 30 MB of quantiles

Fit = Callable[[Panel], Forecaster]


@dataclass(frozen=True)
class Part:
    """Some rows of a backtest, forecast.

    Attributes:
        rows: [P] their numbers.
        forecast: [P, H].
        fit_seconds: of the fit before; None where another part has told it.
    """

    rows: Ints
    forecast: Forecast
    fit_seconds: float | None
    predict_seconds: float


@dataclass(frozen=True)
class Plan:
    """Which cutoffs a series has, and which of them share a fit.

    Fold k's cutoff lies `horizon + (folds - 1 - k) * stride` steps before the end of each series.

    Attributes:
        folds: cutoffs a series, counted from its end; fold 0 is the oldest.
        stride: steps between two cutoffs; None for the horizon.
        refit: a fit serves this many folds, and is made of what precedes the first of them; 0 for all folds.
        window: latest steps before a cutoff that may be seen; None for all.
    """

    horizon: int
    folds: int = 5
    stride: int | None = None
    refit: int = 1
    window: int | None = None

    @property
    def back(self) -> Ints:
        """[folds] steps from each fold's cutoff to the end of a series."""
        return self.horizon + np.arange(self.folds - 1, -1, -1) * (self.stride or self.horizon)

    def groups(self) -> list[range]:
        """The folds that share a fit, oldest first."""
        size = self.refit or self.folds
        return [range(first, min(first + size, self.folds)) for first in range(0, self.folds, size)]

    def before(self, panel: Panel, series: Ints, fold: Ints | int) -> Panel:
        """What may be seen at the cutoff of a fold, as R rows that share the panel's memory.

        Args:
            series: [R] numbers in the panel, repeated as needed.
            fold: of all rows, or [R].
        """
        rows = panel.select(series).cut(self.back[fold])
        return rows if self.window is None else rows.last(self.window)


Take = Callable[[Part], None]
Spread = Callable[[Panel, Plan, Take], None]


@dataclass(frozen=True)
class Backtest:
    """R forecasts beside what came true, by series, then by cutoff.

    Attributes:
        forecast: [R, H].
        actual: [R, H] observed values, NaN where there is none.
        scale: [R] seasonal error of what each row could see, the divisor of MASE; NaN where there is none.
        series: [R] number of the series in the panel.
        fold: [R] 0 is the oldest.
        fit_seconds: all fits together.
        predict_seconds: all forecasts together.
    """

    forecast: Forecast
    actual: Floats
    scale: npt.NDArray[np.float64]
    series: Ints
    fold: Ints
    fit_seconds: float
    predict_seconds: float


def backtest(fit: Fit, panel: Panel, plan: Plan, *, watch: Watch = ignore, spread: Spread | None = None) -> Backtest:
    """Forecast from every fold of every series.

    A series takes part in a fold that has a horizon and a step before its cutoff, one of them observed. A fit gets the
    series that take part in its first fold, cut there; whoever joins later is forecast by it all the same. Known
    columns stay visible after a cutoff, everything else ends there.

    Args:
        fit: makes a forecaster from a panel that ends at the cutoff.
        watch: told how many folds are done.
        spread: does what `forecast_group` does with `fit`, for each group and wherever it likes.

    Raises: DataError: no series can take part in the oldest folds; a fit or forecast failed, and says of which fold.
    """
    series, fold = np.nonzero(participants(panel, plan))  # by series, then by fold
    rows = plan.before(panel, series, fold)
    whole, pace = _Whole(rows, plan.horizon), _Pace(plan, fold)

    def take(part: Part) -> None:
        whole.put(part)
        pace.note(part)
        watch(FoldsForecast(pace.folds_done, plan.folds, pace.seconds_left))

    watch(FoldsForecast(0, plan.folds, None))
    if spread:
        spread(panel, plan, take)
    else:
        for group in plan.groups():
            for part in forecast_group(fit, panel, plan, group):
                take(part)
    return Backtest(
        forecast=whole.forecast(),
        actual=rows.actual(plan.horizon, panel.end[series]),
        scale=seasonal_error(rows, panel.season),
        series=series,
        fold=fold,
        fit_seconds=pace.fit_seconds,
        predict_seconds=pace.predict_seconds,
    )


def forecast_group(fit: Fit, panel: Panel, plan: Plan, group: range) -> Iterator[Part]:
    """Fit once, and forecast the folds that share the fit.

    Args:
        group: one of `Plan.groups`.

    Raises: DataError: the fit or a forecast failed; says of which fold.
    """
    takes_part = participants(panel, plan)
    series, fold = np.nonzero(takes_part)
    numbers = np.flatnonzero((fold >= group.start) & (fold < group.stop))
    numbers = numbers[np.argsort(fold[numbers], kind="stable")]
    try:
        started = time.perf_counter()
        forecaster = fit(plan.before(panel, np.flatnonzero(takes_part[:, group.start]), group.start))
        fit_seconds: float | None = time.perf_counter() - started
        for some, part in in_parts(plan.before(panel, series[numbers], fold[numbers]), plan.horizon):
            started = time.perf_counter()
            forecast = forecaster.predict(part, plan.horizon)
            yield Part(numbers[some], forecast, fit_seconds, time.perf_counter() - started)
            fit_seconds = None
    except DataError as error:
        raise DataError(f"fold {group.start + 1}: {error.message}", hint=error.hint) from error


def participants(panel: Panel, plan: Plan) -> npt.NDArray[np.bool_]:
    """[N, folds] which series take part in which fold.

    Raises: DataError: none does in the oldest folds; says how many folds would fit.
    """
    takes_part = _takes_part(panel, plan)
    if not takes_part.any(axis=0).all():
        raise _too_short(panel, plan)
    return takes_part


def count_fitting(panel: Panel, plan: Plan) -> int:
    """How many of a plan's folds, counted from the end, have a series that takes part."""
    is_empty = ~_takes_part(panel, plan).any(axis=0)
    return plan.folds - 1 - int(np.flatnonzero(is_empty)[-1]) if is_empty.any() else plan.folds


def in_parts(rows: Panel, horizon: int, *, points: int = POINTS) -> Iterator[tuple[slice, Panel]]:
    """Part rows so that the forecasts of a part are bounded in memory, whatever the horizon.

    Args:
        points: steps to forecast at once.
    """
    size = max(points // horizon, 1)
    for first in range(0, len(rows), size):
        some = slice(first, min(first + size, len(rows)))
        yield some, rows.select(np.arange(some.start, some.stop))


class _Pace:
    """What fits and forecasts have taken so far, and how long the rest will take yet."""

    def __init__(self, plan: Plan, fold: Ints) -> None:
        """Begin to count.

        Args:
            fold: [R] of each row.
        """
        self._fits, self._rows = len(plan.groups()), len(fold)
        self._fold = fold
        self._missing = np.bincount(fold, minlength=plan.folds)  # [folds] rows
        self._fits_done = self._rows_done = 0
        self.fit_seconds = self.predict_seconds = 0.0
        self._started = time.perf_counter()

    def note(self, part: Part) -> None:
        self._fits_done += part.fit_seconds is not None
        self.fit_seconds += part.fit_seconds or 0.0
        self.predict_seconds += part.predict_seconds
        self._rows_done += len(part.rows)
        np.subtract.at(self._missing, self._fold[part.rows], 1)

    @property
    def folds_done(self) -> int:
        return int((self._missing == 0).sum())

    @property
    def seconds_left(self) -> float:
        """By how long the work that is done has taken, several fits at a time or one."""
        fits = self.fit_seconds / self._fits_done * (self._fits - self._fits_done)
        left = fits + self.predict_seconds / self._rows_done * (self._rows - self._rows_done)
        return left * (time.perf_counter() - self._started) / (self.fit_seconds + self.predict_seconds)


class _Whole:
    """A forecast of many rows that is filled part by part."""

    def __init__(self, rows: Panel, horizon: int) -> None:
        self._rows = rows
        self._mean = np.empty((len(rows), horizon), np.float32)
        self._quantiles = np.empty((len(rows), horizon, len(PROBABILITIES)), np.float32)
        self._fallback = np.zeros(len(rows), bool)
        self._model = ""

    def put(self, part: Part) -> None:
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


def _takes_part(panel: Panel, plan: Plan) -> npt.NDArray[np.bool_]:
    end = panel.end[:, None] - plan.back  # [N, K]
    begin = panel.begin[:, None] if plan.window is None else np.maximum(panel.begin[:, None], end - plan.window)
    observed = np.concatenate([[0], np.cumsum(~np.isnan(panel.values[:, 0]))])
    is_seen = observed[np.maximum(end, begin)] > observed[begin]  # an end before the beginning sees nothing
    takes_part: npt.NDArray[np.bool_] = (end - begin > plan.horizon) & is_seen
    return takes_part


def _too_short(panel: Panel, plan: Plan) -> DataError:
    horizon = plan.horizon
    if plan.window is not None and plan.window <= horizon:
        return DataError(
            f"a window of {plan.window} steps is too short for a horizon of {horizon}",
            hint=f"pass --window {2 * horizon} or more",
        )
    return DataError(
        f"{plan.folds} folds of {horizon} steps, {plan.stride or horizon} apart, need a series of"
        f" {int(plan.back[0]) + horizon + 1} steps; the longest has {int(panel.lengths.max())}",
        hint=f"pass --folds {fitting}"
        if (fitting := count_fitting(panel, plan))
        else "pass a shorter --horizon, or give more rows",
    )
