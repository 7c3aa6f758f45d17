"""Standardised windows: the values that the pretrained network reads, and the way back to the units of the data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints
from forecaster.panel import Floats

Values = npt.NDArray[np.float64]

_MIN_STEPS_OF_LOCATION = 4
_SEASONS_OF_SIZE, _MIN_STEPS_OF_SIZE = 4, 32
_MAX_STANDARDISED = 1e6  # a value further from the location says nothing more, and float32 must be able to store it


@dataclass(frozen=True)
class Standardised:
    """Windows in units of their own location and size.

    Attributes:
        values: [N, L] float32, NaN where missing; 0 in windows of size 0.
        location: [N] in the units of the data.
        size: [N] in the units of the data; 0 for a window whose values are all equal.
    """

    values: Floats
    location: Values
    size: Values

    def with_least_size(self, least: Values) -> "Standardised":
        """Return the windows in units of at least a size [N] each."""
        size = np.maximum(self.size, least)
        factor = np.divide(self.size, size, out=np.ones_like(size), where=size > 0)
        return Standardised(self.values * factor.astype(np.float32)[:, None], self.location, size)

    def restore(self, standardised: npt.NDArray[Any]) -> Values:
        """Return values [N, ...] of these windows in the units of the data."""
        shape = (-1,) + (1,) * (standardised.ndim - 1)
        values: Values = self.location.reshape(shape) + self.size.reshape(shape) * standardised
        return values


def standardise(values: Values, season: Ints, *, until: Ints | None = None) -> Standardised:
    """Standardise each window by the level of its last season and the deviation of its last four.

    The location is the mean of the visible values among the last season's steps, at least 4 of them; if none of these
    is visible, the last visible value. The size is the larger of the deviation of the visible values and their mean
    absolute change from one step to the next, over the last four seasons' steps, at least 32 of them. If these are all
    equal, the whole window decides. Everything is computed in units of the largest visible value, so that no value of
    float64 can overflow.

    Args:
        values: [N, L] windows, NaN where a value is missing.
        season: [N] steps in a season, 1 for none.
        until: [N] steps from the left that location and size depend on; None for all steps.
    """
    steps = np.arange(values.shape[1])
    end = np.full(len(values), values.shape[1]) if until is None else until
    is_visible = ~np.isnan(values) & (steps < end[:, None])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        peak = np.abs(values).max(1, where=is_visible, initial=0.0)
        peak[peak == 0] = 1.0
        units = values / peak[:, None]
        age = end[:, None] - 1 - steps
        is_latest = is_visible & (age < np.maximum(season, _MIN_STEPS_OF_LOCATION)[:, None])
        last = np.where(is_visible, steps, -1).max(1)
        is_latest[np.arange(len(values)), last] |= ~is_latest.any(1) & (last >= 0)
        location = _mean(units, is_latest)
        is_recent = is_visible & (age < np.maximum(_SEASONS_OF_SIZE * season, _MIN_STEPS_OF_SIZE)[:, None])
        size = _size(units, is_recent)
        rows = np.flatnonzero(size == 0)
        size[rows] = _size(units[rows], is_visible[rows])
        is_constant = size == 0
        location[is_constant] = np.where(last >= 0, units[np.arange(len(units)), last], 0.0)[is_constant]
        scaled = (units - location[:, None]) / np.where(is_constant, 1.0, size)[:, None]
    scaled = np.clip(scaled, -_MAX_STANDARDISED, _MAX_STANDARDISED)
    scaled[is_constant] = np.where(np.isnan(values[is_constant]), np.nan, 0.0)
    return Standardised(scaled.astype(np.float32), location * peak, size * peak)


def _mean(values: Values, where: npt.NDArray[np.bool_]) -> Values:
    """Return the [N] means of the chosen values; 0 where none is chosen."""
    mean: Values = np.sum(values, axis=1, where=where) / np.maximum(where.sum(1), 1)
    return mean


def _size(values: Values, is_seen: npt.NDArray[np.bool_]) -> Values:
    """Return the [N] larger one of deviation and mean absolute change; 0 if all values are equal."""
    deviation = np.sqrt(_mean((values - _mean(values, is_seen)[:, None]) ** 2, is_seen))
    change = _mean(np.abs(np.diff(values, axis=1)), is_seen[:, 1:] & is_seen[:, :-1])
    high = np.max(values, axis=1, where=is_seen, initial=-np.inf)
    low = np.min(values, axis=1, where=is_seen, initial=np.inf)
    size: Values = np.where(high > low, np.maximum(deviation, change), 0.0)
    return size
