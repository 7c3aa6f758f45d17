"""Exponential smoothing, Theta and ARIMA: the field's classical forecasts, by the package `statsforecast`."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import NormalDist
from types import ModuleType
from typing import Any

import numpy as np

from forecaster.config import AutoArimaConfig, AutoEtsConfig, AutoThetaConfig
from forecaster.errors import DependencyError, ForecastError
from forecaster.events import Note, Watch
from forecaster.forecast import Checkpoint
from forecaster.frequency import Ints
from forecaster.models.ets_spread import spread_of
from forecaster.models.local import Extrapolation, Local, Rows
from forecaster.models.naive import SeasonalNaive
from forecaster.panel import Panel

_FEWEST_VALUES = 6
_FEWEST_READ = 500
_SEASONS_READ = 3
_LEVELS = (50, 80, 95)  # whose widths give the spread of a forecast that was simulated

# from where on an ARIMA is chosen by an approximate likelihood, as R's `auto.arima` does
_LONG, _LONG_SEASON = 150, 12


class Statistical(Local):
    """A model chosen and fitted by `statsforecast` for each series by itself, when it is asked to forecast.

    Fitting takes longer the longer the history is, in proportion or worse, and gains little from what is far back:
    read are the last 500 steps, three seasons where these are longer, or as many as the config says. Gaps in
    them are filled along straight lines; where the history ends in a gap, the steps of the gap are forecast, too, and
    left out. A series shorter than two seasons has none. A constant series stays constant.

    Where there are fewer than six values, or a fit fails, seasonal naive stands in and the forecast says so.

    Source: Hyndman & Khandakar 2008, "Automatic time series forecasting" (ETS, ARIMA); Fiorucci et al. 2016, "Models
    for optimising the theta method" (Theta); Garza et al. 2022, statsforecast.
    """

    point = "expectation"

    def __init__(self, config: AutoEtsConfig | AutoThetaConfig | AutoArimaConfig) -> None:
        super().__init__()
        self.name = config.kind
        self._steps_read = config.history
        self._has_told = False

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Make sure that `statsforecast` is there, and tell once where a history is too long to be read whole.

        Raises: DependencyError: it is not installed.
        """
        _models(self.name)
        limit = self._limit(panel.season)
        if panel.lengths.max() > limit and not self._has_told:
            watch(
                Note(f"{self.name} reads the last {limit} steps of a series; --set model.history=N for more or fewer")
            )
            self._has_told = True

    def extrapolate(self, panel: Panel, horizon: int) -> Extrapolation:
        mean, spread = np.empty((len(panel), horizon)), np.empty((len(panel), horizon))
        failed = np.zeros(len(panel), bool)
        for row, target in enumerate(panel):
            found = self._go_on(target.astype(np.float64), horizon, panel.season)
            if found is None:
                failed[row] = True
            else:
                mean[row], spread[row] = found
        mean[failed], spread[failed], _ = SeasonalNaive().extrapolate(panel.select(failed), horizon)
        return Extrapolation(mean, spread, failed)

    def _go_on(self, target: Rows, horizon: int, season: int) -> tuple[Rows, Rows] | None:
        """Go on with one series.

        Args:
            target: [T] visible values, NaN in the gaps, with at least one that is known.

        Returns: mean and spread [H], finite; None where the model cannot be fitted.
        """
        known = np.flatnonzero(~np.isnan(target))
        late = len(target) - 1 - int(known[-1])
        steps = np.arange(known[0], known[-1] + 1)
        filled = np.interp(steps, known, target[known])[-self._limit(season) :]
        if np.ptp(filled) == 0:
            return np.full(horizon, filled[-1]), np.zeros(horizon)
        unit = np.mean(np.abs(filled))  # the optimisers' tolerances are absolute
        models = _models(self.name)
        if len(known) < _FEWEST_VALUES:
            return None
        try:
            with _contained():
                extrapolate = _METHODS[self.name]
                found = extrapolate(models, filled / unit, horizon + late, season if len(filled) >= 2 * season else 1)
                mean, spread = (np.asarray(each, np.float64)[late:] * unit for each in found)
        except ForecastError:  # a signal that came meanwhile
            raise
        except Exception:  # whatever a library raises that was given odd data
            return None
        return (mean, spread) if np.isfinite(mean).all() and np.isfinite(spread).all() else None

    def _limit(self, season: int) -> int:
        return self._steps_read or max(_FEWEST_READ, _SEASONS_READ * season)


def _ets(models: ModuleType, values: Rows, horizon: int, season: int) -> tuple[Rows, Rows]:
    fitted = models.AutoETS(season_length=season).fit(values)
    return fitted.predict(horizon)["mean"], spread_of(fitted.model_, horizon)


def _theta(models: ModuleType, values: Rows, horizon: int, season: int) -> tuple[Rows, Rows]:
    fitted = models.AutoTheta(season_length=season).fit(values)
    if fitted.model_.get("decomposition_type") == "additive":
        # it adds the season to the residuals, and takes its ups and downs for noise
        ahead = fitted.model_["seas_forecast"]["mean"]
        fitted.model_["residuals"] -= ahead[np.arange(-len(values), 0) % season]
    return _normal(fitted.predict(horizon, level=list(_LEVELS)))


def _arima(models: ModuleType, values: Rows, horizon: int, season: int) -> tuple[Rows, Rows]:
    is_approximate = len(values) > _LONG or season > _LONG_SEASON
    fitted = models.AutoARIMA(season_length=season, approximation=is_approximate).fit(values)
    return _normal(fitted.predict(horizon, level=list(_LEVELS)))


_METHODS: dict[str, Callable[[ModuleType, Rows, int, int], tuple[Rows, Rows]]] = {
    "auto_ets": _ets,
    "auto_theta": _theta,
    "auto_arima": _arima,
}


def _normal(found: dict[str, Any]) -> tuple[Rows, Rows]:
    """Mean and spread [H] of the normal distribution whose central intervals are as wide as those found."""
    wide = [NormalDist().inv_cdf(0.5 + level / 200) * 2 for level in _LEVELS]
    widths = [np.asarray(found[f"hi-{level}"]) - np.asarray(found[f"lo-{level}"]) for level in _LEVELS]
    return found["mean"], np.mean([width / each for width, each in zip(widths, wide, strict=True)], axis=0)


def _models(name: str) -> ModuleType:
    """Import the models here, where they are needed: it takes longer than all else of a short command.

    Raises: DependencyError: the package is not installed.
    """
    try:
        with _contained():
            from statsforecast import models
    except ImportError as error:
        raise DependencyError(
            f"--model {name}: the package `statsforecast` is not installed", hint="type `pip install statsforecast`"
        ) from error
    return models  # type: ignore[no-any-return]


@contextmanager
def _contained() -> Iterator[None]:
    """Keep to itself what a library warns of, and the state of numpy's shared generator, which it seeds."""
    before = np.random.get_state()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(before)
