"""Exponential smoothing, Theta and ARIMA, fitted by the package `statsforecast`."""

import multiprocessing
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from statistics import NormalDist
from types import ModuleType
from typing import Any

import numpy as np

from forecaster import runtime
from forecaster.config import AutoArimaConfig, AutoEtsConfig, AutoThetaConfig
from forecaster.errors import DependencyError, ForecastError
from forecaster.events import Note, Watch
from forecaster.forecast import Checkpoint
from forecaster.frequency import Ints
from forecaster.models.ets_spread import spread_of
from forecaster.models.local import Extrapolation, Local, Rows
from forecaster.models.naive import SeasonalNaive
from forecaster.panel import Panel
from forecaster.parallel.factory import create_local_pool
from forecaster.parallel.pool import Work, WorkerContext, iterate_tasks

_MIN_VALUES = 6
_MIN_STEPS_READ = 500
_MIN_SEASONS_READ = 3
_MIN_SERIES_PER_WORKER = 200  # A worker takes about three seconds to start, as long as it fits 50 to 200 series.
_SERIES_PER_TASK = 25
_LEVELS = (50, 80, 95)  # intervals whose widths give the spread of a simulated forecast

# An ARIMA of longer series or seasons is chosen by an approximate likelihood, as in R's `auto.arima`.
_MAX_EXACT_LENGTH, _MAX_EXACT_SEASON = 150, 12


class Statistical(Local):
    """A model that `statsforecast` chooses and fits for each series when it forecasts.

    The time of a fit grows at least in proportion to the history, and old steps improve it little: a fit reads the last
    500 steps, three seasons if these are longer, or as many as the config sets. Gaps are filled along straight lines.
    If the history ends in a gap, its steps are forecast, too, and left out. A series shorter than two seasons is fitted
    without a season. A constant series stays constant.

    With fewer than six values, or if a fit fails, the forecast is seasonal naive and marked as a fallback.

    Source: Hyndman & Khandakar 2008, "Automatic time series forecasting" (ETS, ARIMA); Fiorucci et al. 2016, "Models
    for optimising the theta method" (Theta); Garza et al. 2022, statsforecast.
    """

    point = "expectation"

    def __init__(self, config: AutoEtsConfig | AutoThetaConfig | AutoArimaConfig) -> None:
        super().__init__()
        self.name = config.kind
        self._steps_read = config.history
        self._has_noted_limit = False

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Check that `statsforecast` is installed, and report once if only a part of the history will be read.

        Raises: DependencyError: it is not installed.
        """
        import_models(self.name)
        limit = self._limit(panel.season)
        if panel.lengths.max() > limit and not self._has_noted_limit:
            watch(
                Note(f"{self.name} reads the last {limit} steps of a series; --set model.history=N for more or fewer")
            )
            self._has_noted_limit = True

    def extrapolate(self, panel: Panel, horizon: int) -> Extrapolation:
        mean, spread = np.empty((len(panel), horizon)), np.empty((len(panel), horizon))
        has_failed = np.zeros(len(panel), bool)
        for row, result in enumerate(self._extrapolate_all(panel, horizon)):
            if result is None:
                has_failed[row] = True
            else:
                mean[row], spread[row] = result
        mean[has_failed], spread[has_failed], _ = SeasonalNaive().extrapolate(panel.select(has_failed), horizon)
        return Extrapolation(mean, spread, has_failed)

    def _extrapolate_all(self, panel: Panel, horizon: int) -> Iterator[tuple[Rows, Rows] | None]:
        """Forecast each series, in processes side by side if there are many; see `extrapolate_series`."""
        workers = min(runtime.count_cores(), len(panel) // _MIN_SERIES_PER_WORKER)
        if workers <= 1 or multiprocessing.parent_process() is not None:  # A worker process has no workers of its own.
            for target in panel:
                yield self.extrapolate_series(target.astype(np.float64), horizon, panel.season)
            return
        targets = [target.astype(np.float64) for target in panel]
        firsts = range(0, len(targets), _SERIES_PER_TASK)
        parts = {number: targets[first : first + _SERIES_PER_TASK] for number, first in enumerate(firsts)}
        work = Work(_extrapolate_part, iterate_tasks(parts), shared=(self, horizon, panel.season))
        with closing(create_local_pool(workers=workers).iterate(work)) as results:
            extrapolations = dict(results)
        for number in range(len(parts)):
            yield from extrapolations[number]

    def extrapolate_series(self, target: Rows, horizon: int, season: int) -> tuple[Rows, Rows] | None:
        """Forecast one series.

        Args:
            target: [T] visible values, NaN in the gaps, at least one known.

        Returns: mean and spread [H], finite; None if the model cannot be fitted.
        """
        known = np.flatnonzero(~np.isnan(target))
        gap = len(target) - 1 - int(known[-1])
        steps = np.arange(known[0], known[-1] + 1)
        filled = np.interp(steps, known, target[known])[-self._limit(season) :]
        if np.ptp(filled) == 0:
            return np.full(horizon, filled[-1]), np.zeros(horizon)
        unit = np.mean(np.abs(filled))  # the optimisers' tolerances are absolute
        models = import_models(self.name)
        if len(known) < _MIN_VALUES:
            return None
        try:
            with isolated():
                extrapolate = _METHODS[self.name]
                result = extrapolate(models, filled / unit, horizon + gap, season if len(filled) >= 2 * season else 1)
                mean, spread = (np.asarray(each, np.float64)[gap:] * unit for each in result)
        except ForecastError:  # a signal arrived during the fit
            raise
        except Exception:  # the library may raise any error for unusual data
            return None
        return (mean, spread) if np.isfinite(mean).all() and np.isfinite(spread).all() else None

    def _limit(self, season: int) -> int:
        return self._steps_read or max(_MIN_STEPS_READ, _MIN_SEASONS_READ * season)


def _extrapolate_part(context: WorkerContext, targets: Sequence[Rows]) -> list[tuple[Rows, Rows] | None]:
    """Forecast some series in a worker process."""
    model, horizon, season = context.shared
    return [model.extrapolate_series(target, horizon, season) for target in targets]


def _ets(models: ModuleType, values: Rows, horizon: int, season: int) -> tuple[Rows, Rows]:
    fitted = models.AutoETS(season_length=season).fit(values)
    return fitted.predict(horizon)["mean"], spread_of(fitted.model_, horizon)


def _theta(models: ModuleType, values: Rows, horizon: int, season: int) -> tuple[Rows, Rows]:
    fitted = models.AutoTheta(season_length=season).fit(values)
    if fitted.model_.get("decomposition_type") == "additive":
        # statsforecast adds the season to the residuals, as if it were noise
        ahead = fitted.model_["seas_forecast"]["mean"]
        fitted.model_["residuals"] -= ahead[np.arange(-len(values), 0) % season]
    return _fit_normal(fitted.predict(horizon, level=list(_LEVELS)))


def _arima(models: ModuleType, values: Rows, horizon: int, season: int) -> tuple[Rows, Rows]:
    is_approximate = len(values) > _MAX_EXACT_LENGTH or season > _MAX_EXACT_SEASON
    fitted = models.AutoARIMA(season_length=season, approximation=is_approximate).fit(values)
    return _fit_normal(fitted.predict(horizon, level=list(_LEVELS)))


_METHODS: dict[str, Callable[[ModuleType, Rows, int, int], tuple[Rows, Rows]]] = {
    "auto_ets": _ets,
    "auto_theta": _theta,
    "auto_arima": _arima,
}


def _fit_normal(forecast: dict[str, Any]) -> tuple[Rows, Rows]:
    """Return mean and spread [H] of the normal distribution whose central intervals have the forecast's widths."""
    unit_widths = [NormalDist().inv_cdf(0.5 + level / 200) * 2 for level in _LEVELS]
    widths = [np.asarray(forecast[f"hi-{level}"]) - np.asarray(forecast[f"lo-{level}"]) for level in _LEVELS]
    spreads = [width / unit_width for width, unit_width in zip(widths, unit_widths, strict=True)]
    return forecast["mean"], np.mean(spreads, axis=0)


def import_models(name: str) -> ModuleType:
    """Import the models of `statsforecast`, which takes longer than the rest of a short command.

    Raises: DependencyError: the package is not installed.
    """
    try:
        with isolated():
            from statsforecast import models
    except ImportError as error:
        raise DependencyError(
            f"--model {name}: the package `statsforecast` is not installed", hint="type `pip install statsforecast`"
        ) from error
    return models  # type: ignore[no-any-return]


@contextmanager
def isolated() -> Iterator[None]:
    """Silence the warnings of a library, and restore the state of numpy's shared generator, which it seeds."""
    before = np.random.get_state()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(before)
