"""Forecasts without learning: what every network has to beat."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from forecaster.events import TrainingStep, Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.panel import Panel

_SEASONS_READ = 4  # a missing value is taken from the same phase up to this many seasons back

Rows = npt.NDArray[np.float64]


class SeasonalNaive:
    """Repeat the last season: y_{T+h} = y_{T+h-m(k+1)}, k = (h-1) // m; a missing value comes from the season before.

    The intervals are normal, with variance s^2 (k + 1), where s^2 is the mean squared seasonal difference of the
    visible history. Source: Hyndman & Athanasopoulos 2021, section 5.5.
    """

    name = "seasonal_naive"
    point = "last season"

    def __init__(self) -> None:
        self.history: list[TrainingStep] = []

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Nothing is learnt; the season is the panel's."""

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        season = self._season(panel)
        phase = np.arange(horizon) % season
        mean = np.empty((len(panel), horizon))
        deviation = np.empty(len(panel))
        for row, target in enumerate(panel):
            mean[row] = _last_season(target.astype(np.float64), season)[phase]
            deviation[row] = _seasonal_deviation(target.astype(np.float64), season)
        spread = deviation[:, None] * np.sqrt(np.arange(horizon) // season + 1)  # [N, H]
        normal = np.array([NormalDist().inv_cdf(p) for p in PROBABILITIES])
        quantiles = mean[:, :, None] + spread[:, :, None] * normal  # [N, H, Q]
        return Forecast.of(panel, mean.astype(np.float32), quantiles.astype(np.float32), model=self.name)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        return {}

    def restore(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """There is nothing to take up."""

    def _season(self, panel: Panel) -> int:
        return panel.season


class Naive(SeasonalNaive):
    """Repeat the last value: a seasonal naive forecast with a season of one step."""

    name = "naive"
    point = "last value"

    def _season(self, panel: Panel) -> int:
        return 1


def _last_season(target: Rows, season: int) -> Rows:
    """[season] the latest known value of each phase, the next step's first; the last value for a phase without one."""
    seasons = np.full((_SEASONS_READ, season), np.nan)
    tail = target[-seasons.size :]
    seasons.ravel()[seasons.size - len(tail) :] = tail
    newest = seasons[0]
    for older_to_newer in seasons[1:]:
        newest = np.where(np.isnan(older_to_newer), newest, older_to_newer)
    last = target[~np.isnan(target)][-1]
    filled: Rows = np.where(np.isnan(newest), last, newest)
    return filled


def _seasonal_deviation(target: Rows, season: int) -> float:
    """Root of the mean squared seasonal difference; a shorter lag where the series has no pair a season apart."""
    for lag in (season, 1):
        change = target[lag:] - target[:-lag]
        known = change[~np.isnan(change)]
        if len(known):
            return float(np.sqrt(np.mean(known**2)))
    return 0.0
