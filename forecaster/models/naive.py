"""Forecasts without learning: what every network has to beat."""

import numpy as np

from forecaster.models.local import Extrapolation, Local, Rows

_SEASONS_READ = 4  # a missing value is taken from the same phase up to this many seasons back


class SeasonalNaive(Local):
    """Repeat the last season: y_{T+h} = y_{T+h-m(k+1)}, k = (h-1) // m; a missing value comes from the season before.

    The intervals are normal, with variance s^2 (k + 1), where s^2 is the mean squared seasonal difference of the
    visible history. Source: Hyndman & Athanasopoulos 2021, section 5.5.
    """

    name = "seasonal_naive"
    point = "last season"

    def extrapolate(self, target: Rows, horizon: int, season: int) -> Extrapolation:
        ahead = np.arange(horizon)
        mean = _last_season(target, season)[ahead % season]
        return Extrapolation(mean, _seasonal_deviation(target, season) * np.sqrt(ahead // season + 1))


class Naive(SeasonalNaive):
    """Repeat the last value: a seasonal naive forecast with a season of one step."""

    name = "naive"
    point = "last value"

    def extrapolate(self, target: Rows, horizon: int, season: int) -> Extrapolation:
        return super().extrapolate(target, horizon, 1)


class Drift(Local):
    """Go on along the line from the first value to the last: y_{T+h} = y_T + h b, b = (y_T - y_1) / (T - 1).

    The intervals are normal, with variance s^2 h (1 + h / (T - 1)), where s^2 is the variance of what the steps of the
    visible history miss the line's slope by. A change over a gap of g steps counts as one step's, by its root of g;
    where the history ends in a gap, h counts from the last value. Source: Hyndman & Athanasopoulos 2021, section 5.5.
    """

    name = "drift"
    point = "last value and drift"

    def extrapolate(self, target: Rows, horizon: int, season: int) -> Extrapolation:
        known = np.flatnonzero(~np.isnan(target))
        values = target[known]
        length = max(int(known[-1] - known[0]), 1)  # T - 1
        slope = (values[-1] - values[0]) / length
        ahead = np.arange(len(target) - known[-1], len(target) - known[-1] + horizon)
        gap = np.diff(known)
        missed = (np.diff(values) - gap * slope) / np.sqrt(gap)
        variance = np.sum(missed**2) / max(len(missed) - 1, 1)
        return Extrapolation(values[-1] + ahead * slope, np.sqrt(variance * ahead * (1 + ahead / length)))


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
