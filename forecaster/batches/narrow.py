"""Panels of float64 as panels of float32, in units of each series, and the way back.

A panel has values of float64 only if float32 would lose digits of its file, or if they are too large or too small to be
squared in float32. Networks compute in float32: they read such a series after an offset is subtracted and a power of
two divided out. A panel of float32 is read as it is.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.config import Config
from forecaster.panel import Floats, Panel

Doubles = npt.NDArray[np.float64]

SAFE_EXPONENT = 50  # the square of 2^50, summed over many steps, is far from the limits of float32
_EXPONENT_STEP = 100  # a unit changes with the data so rarely that a fitted network need not notice
_MAX_NARROW_SHARE = 2.0**-7  # a series that varies less than this share of its level is read without the level
_DIGITS = 8  # those of a float32
_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class NarrowPanel:
    """A panel of float32.

    Attributes:
        panel: the series in their own units.
        offset: [N] the value of 0 in the units of the data; None if the units are those of the data.
        unit: [N] the value of 1, without the offset; None if `offset` is None.
    """

    panel: Panel
    offset: Doubles | None = None
    unit: Doubles | None = None

    def restore(self, values: Floats) -> npt.NDArray[Any]:
        """Return values [N, ...] in the units of the data, as float32 if nothing was subtracted, else as float64."""
        if self.offset is None or self.unit is None:
            return values
        shape = (-1,) + (1,) * (values.ndim - 1)
        restored: Doubles = self.offset.reshape(shape) + self.unit.reshape(shape) * _shorten(values)
        return restored


def narrow(panel: Panel, config: Config) -> NarrowPanel:
    """Return a panel as the network of a config reads it.

    Offset and unit depend on the visible target only. For a scale or head to which 0 means something, the offset leaves
    a positive series positive.
    """
    if panel.values.dtype == np.float32:
        return NarrowPanel(panel)
    keeps_zero = bool(config.scale.log) or config.scale.kind in ("none", "mean_abs")
    keeps_zero = keeps_zero or config.head.kind == "negative_binomial"
    size = panel.stop - panel.begin
    begin = np.cumsum(size) - size
    values = np.empty((int(size.sum()), panel.values.shape[1]), np.float32)
    offset, unit = np.zeros(len(panel)), np.ones(len(panel))
    for row, target in enumerate(panel):
        offset[row], unit[row] = _find_units(target[~np.isnan(target)], keeps_zero=keeps_zero)
        source = panel.values[panel.begin[row] : panel.stop[row]]
        block = values[begin[row] : begin[row] + size[row]]
        block[:, 1:] = source[:, 1:]
        block[:, 0] = np.clip((source[:, 0] - offset[row]) / unit[row], -_MAX, _MAX)
    moved = begin - panel.begin
    whole = replace(panel, values=values, begin=begin, end=panel.end + moved, stop=panel.stop + moved)
    return NarrowPanel(replace(whole, minimum=None, maximum=None, is_integer=False), offset, unit)


def _find_units(values: npt.NDArray[Any], *, keeps_zero: bool) -> tuple[float, float]:
    """Return the offset and the unit of the known values of a series."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    peak, width, offset = max(-low, high), high - low, 0.0
    if width <= peak * _MAX_NARROW_SHARE:
        offset = low + width / 2 if not keeps_zero else _lower_level(low, high)
        peak = max(offset - low, high - offset)
    exponent = np.log2(peak) if peak > 0 else 0.0
    if abs(exponent) <= SAFE_EXPONENT:
        return offset, 1.0
    return offset, 2.0 ** (_EXPONENT_STEP * round(exponent / _EXPONENT_STEP))


def _lower_level(low: float, high: float) -> float:
    """Return an offset that leaves a series its sign, and so high a level that its logarithm is almost linear."""
    rest = (high - low) / _MAX_NARROW_SHARE or 1.0
    return max(float(np.floor(low - rest)), 0.0) if low > 0 else min(float(np.ceil(high + rest)), 0.0)


def _shorten(values: Floats) -> Doubles:
    """Return float32 as float64 with as many digits as float32 has: 0.1 instead of 0.10000000149011612."""
    wide = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.abs(wide))))
        short = np.rint(wide * power) / power
    return np.where(np.isfinite(short), short, wide)
