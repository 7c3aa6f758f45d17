"""Future steps whose target is certain to be 0, because a known column says so: a shop that is closed."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forecaster.panel import Floats, Panel

_MAX_DISTINCT = 12  # A column with more distinct values is a measurement, not a flag.
_MAX_CHANCE = 1e-6


class _Flag(NamedTuple):
    """A known column with V distinct values, and [N, V] True where a series has always been 0 at one of them."""

    column: int
    values: npt.NDArray[np.floating]
    is_zero: npt.NDArray[np.bool_]


def clear_closed_steps(panel: Panel, mean: Floats, quantiles: Floats) -> tuple[Floats, Floats]:
    """Return expectations [N, H] and quantiles [N, H, Q] after the cutoffs of a panel, with 0 at closed steps."""
    closed = find_closed_steps(panel, mean.shape[1])
    if closed is None:
        return mean, quantiles
    return np.where(closed, mean.dtype.type(0), mean), np.where(closed[:, :, None], quantiles.dtype.type(0), quantiles)


def find_closed_steps(panel: Panel, horizon: int) -> npt.NDArray[np.bool_] | None:
    """Find the steps after each cutoff at which a known column has a value that has always come with a target of 0.

    A value counts if chance explains its zeros with a probability below one in a million: p^n, for n steps with the
    value, where p is the share of zeros among the other steps of the series. Each series is judged by its own past, so
    that a forecast does not depend on the other series.

    Returns: [N, H]; None if there is no such step, or if 0 lies outside the limits of the target.
    """
    flags = _find_flags(panel)
    if not flags:
        return None
    position = panel.end[:, None] + np.arange(horizon)
    is_there = position < panel.stop[:, None]
    closed = np.zeros(position.shape, bool)
    for column, values, is_zero in flags:
        future = np.where(is_there, panel.values[np.where(is_there, position, 0), column], np.nan)
        code = np.minimum(np.searchsorted(values, future), len(values) - 1)
        closed |= (values[code] == future) & np.take_along_axis(is_zero, code, axis=1)
    return closed if closed.any() else None


def describe_closed_steps(panel: Panel) -> list[str]:
    """Describe the values of known columns that have always come with a target of 0."""
    notes = []
    for column, values, is_zero in _find_flags(panel):
        for value, count in zip(values, is_zero.sum(axis=0), strict=True):
            if count:
                scope = f" in {count} of {len(panel)} series" if len(panel) > 1 else ""
                condition = f"where {panel.columns[column]} is {value:g}, {panel.columns[0]} has always been 0{scope}"
                notes.append(f"{condition}, and so is its forecast")
    return notes


def _find_flags(panel: Panel) -> list[_Flag]:
    """Find the known columns that have few distinct values, one of which has always come with a target of 0."""
    is_allowed = (panel.minimum or 0) <= 0 <= (panel.maximum if panel.maximum is not None else 0)
    if not is_allowed or not panel.columns_as("known") or not (panel.values[:, 0] == 0).any():
        return []
    flags = [
        _Flag(column, values, _find_zero_values(panel, column, values))
        for column in panel.columns_as("known")
        if (values := _distinct_values(panel, column)) is not None
    ]
    return [flag for flag in flags if flag.is_zero.any()]


def _distinct_values(panel: Panel, column: int) -> npt.NDArray[np.floating] | None:
    """Return the values of a known column in order; None if there are none, or more than a flag has."""
    known = panel.values[:, column]
    sample = np.unique(known[: 100 * _MAX_DISTINCT])
    if np.count_nonzero(~np.isnan(sample)) > _MAX_DISTINCT:
        return None
    values = np.unique(known[~np.isnan(known)])
    return values if 0 < len(values) <= _MAX_DISTINCT else None


def _find_zero_values(panel: Panel, column: int, values: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Return [N, V] True where a series has always been 0 at one of the V values of a known column, beyond chance."""
    shape = len(panel), len(values)
    steps, zeros = np.zeros(shape), np.zeros(shape)
    for part in panel.observations():
        known = panel.values[panel.begin[part.series] + part.step, column]
        is_known = ~np.isnan(known)
        cell = part.series[is_known], np.searchsorted(values, known[is_known])
        np.add.at(steps, cell, 1)
        np.add.at(zeros, cell, part.value[is_known] == 0)
    other_steps = steps.sum(axis=1, keepdims=True) - steps
    other_zeros = zeros.sum(axis=1, keepdims=True) - zeros
    share = np.maximum(other_zeros, 1) / np.maximum(other_steps, 1)
    log_chance = steps * np.log(np.minimum(share, 1))
    return np.asarray((zeros == steps) & (log_chance < np.log(_MAX_CHANCE)))
