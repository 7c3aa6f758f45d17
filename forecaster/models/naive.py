"""Naive forecasts, the baselines that every network is compared with."""

from dataclasses import replace

import numpy as np

from forecaster.batches.running_means import mean_change
from forecaster.frequency import Ints
from forecaster.models.local import Extrapolation, Local, Rows
from forecaster.panel import Observations, Panel

_SEASONS_READ = 4  # a missing value is replaced by the same phase of one of this many seasons


class SeasonalNaive(Local):
    """Repeat the last season: y_{T+h} = y_{T+h-m(k+1)}, k = (h-1) // m; a missing value comes from the season before.

    The intervals are normal, with variance s^2 (k + 1), where s^2 is the mean squared seasonal difference of the
    visible history. Source: Hyndman & Athanasopoulos 2021, section 5.5.
    """

    name = "seasonal_naive"
    point = "last season"

    def extrapolate(self, panel: Panel, horizon: int) -> Extrapolation:
        ahead = np.arange(horizon)
        mean = _last_season(panel, horizon)[:, ahead % panel.season]
        return Extrapolation(mean, _seasonal_deviation(panel)[:, None] * np.sqrt(ahead // panel.season + 1))


class Naive(SeasonalNaive):
    """Repeat the last value: a seasonal naive forecast with a season of one step."""

    name = "naive"
    point = "last value"

    def extrapolate(self, panel: Panel, horizon: int) -> Extrapolation:
        return super().extrapolate(replace(panel, season=1), horizon)


class Drift(Local):
    """Continue the line from the first value to the last: y_{T+h} = y_T + h b, b = (y_T - y_1) / (T - 1).

    The intervals are normal, with variance s^2 h (1 + h / (T - 1)), where s^2 is the variance of the differences
    between the steps of the visible history and the line's slope. A change over a gap of g steps is divided by the
    root of g and counts as one step; if the history ends in a gap, h counts from the last value.

    Source: Hyndman & Athanasopoulos 2021, section 5.5.
    """

    name = "drift"
    point = "last value and drift"

    def extrapolate(self, panel: Panel, horizon: int) -> Extrapolation:
        parts = [_drift(part, panel.lengths, horizon) for part in panel.observations()]
        mean, spread = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Extrapolation(mean, spread)


def _drift(part: Observations, lengths: Ints, horizon: int) -> tuple[Rows, Rows]:
    """Return mean and spread [M, H] of the series in a part of a panel whose series have `lengths` [N]."""
    first = np.flatnonzero(np.diff(part.series, prepend=-1))
    last = np.append(first[1:], len(part.series)) - 1
    step, value = part.step, part.value.astype(np.float64)
    length = np.maximum(step[last] - step[first], 1)  # [M] T - 1
    slope = (value[last] - value[first]) / length
    number = np.repeat(np.arange(len(first)), last + 1 - first)
    is_same = np.diff(number) == 0
    number, gap = number[1:][is_same], np.diff(step)[is_same]
    missed = (np.diff(value)[is_same] - gap * slope[number]) / np.sqrt(gap)
    variance = np.bincount(number, missed**2, len(first)) / np.maximum(last - first - 1, 1)
    ahead = (lengths[part.series[last]] - step[last])[:, None] + np.arange(horizon)  # [M, H]
    mean = value[last][:, None] + ahead * slope[:, None]
    return mean, np.sqrt(variance[:, None] * ahead * (1 + ahead / length[:, None]))


def _last_season(panel: Panel, most: int) -> Rows:
    """Return the [N, P] latest known values of the next P phases, at most `most`.

    A phase without a known value gets the last known value of the series.
    """
    position = panel.end[:, None] - panel.season + np.arange(min(panel.season, most))
    values = np.full(position.shape, np.nan)
    for _ in range(_SEASONS_READ):
        is_open = np.isnan(values) & (position >= panel.begin[:, None])
        values[is_open] = panel.values[position[is_open], 0]
        position -= panel.season
    return np.where(np.isnan(values), panel.last_values()[:, None], values)


def _seasonal_deviation(panel: Panel) -> Rows:
    """Return the [N] roots of the mean squared seasonal difference.

    A series without two observed steps a season apart uses differences of neighbouring steps.
    """
    square = mean_change(panel, panel.season, np.square)
    is_short = np.isnan(square)
    square[is_short] = np.nan_to_num(mean_change(panel.select(is_short), 1, np.square))
    return np.sqrt(square)
