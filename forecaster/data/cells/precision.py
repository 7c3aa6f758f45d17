"""The precision that the targets of a table need: float32, or float64 where float32 would lose what users can see."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.data.cells.number_formats import narrow_numbers, read_numbers
from forecaster.data.table import Table
from forecaster.frequency import Ints

Numbers = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]

_MAX_EXACT_INTEGER = 2.0**24  # every whole number up to this one is a float32
_DIGITS = 7  # a float32 of so many digits is written as it was read
_SAFE = (2.0**-50, 2.0**50)  # float32 holds the squares of values between these, and their sums over many steps
_EPSILON = 1e-13  # the rounding of float64, as a share of a number
_MAX_NARROW_SHARE = 2.0**-14  # rounding to float32 shows in a series that varies less than this share of its level
_MAX_ERROR_SHARE = 1e-3  # rounding that shows, as a share of the range of a series


def read_targets(table: Table, names: tuple[str, ...], codes: Ints) -> Numbers:
    """Return the [R, K] values of the targets of a table, NaN if missing.

    They are float32 unless a series loses digits: numbers above 2^24 and constants of more digits than float32 has,
    small changes on a high level, and values so large or small that float32 cannot hold their squares.

    Args:
        names: [K] columns.
        codes: [R] number of the series of each row.

    Raises: DataError: as `number_formats.read_numbers`.
    """
    first = _find_runs(codes)
    columns, has_loss = [], False
    for name in names:
        exact = read_numbers(table, name)
        narrow = narrow_numbers(exact)
        columns.append(narrow)
        has_loss = has_loss or _has_loss(exact, narrow, codes, first)
    if has_loss:
        columns.clear()
        return np.column_stack([read_numbers(table, name) for name in names])
    return np.column_stack(columns)


@dataclass(frozen=True)
class _Ranges:
    """The size of each series of a column.

    Attributes:
        peak: [N] the largest absolute value; NaN where there is none.
        width: [N] the distance between the lowest and the highest value.
    """

    peak: Doubles
    width: Doubles

    @classmethod
    def of(cls, values: Numbers, codes: Ints, first: Ints | None) -> "_Ranges":
        if first is None:
            low, high = (np.full(int(codes.max()) + 1, np.nan, values.dtype) for _ in range(2))
            np.fmin.at(low, codes, values)
            np.fmax.at(high, codes, values)
        else:
            low, high = np.fmin.reduceat(values, first), np.fmax.reduceat(values, first)
        low, high = low.astype(np.float64), high.astype(np.float64)
        return cls(np.maximum(-low, high), high - low)

    def is_extreme(self) -> npt.NDArray[np.bool_]:
        """Return [N] True for each series that float32 cannot compute with."""
        return (self.peak > 0) & ((self.peak < _SAFE[0]) | (self.peak > _SAFE[1]))

    def is_suspicious(self) -> npt.NDArray[np.bool_]:
        """Return [N] True for each series whose digits float32 may lose."""
        is_narrow = self.width <= _MAX_NARROW_SHARE * self.peak
        return (self.peak > _MAX_EXACT_INTEGER) | (is_narrow & (self.peak > 0))


def _find_runs(codes: Ints) -> Ints | None:
    """Return the [N] first rows of the series 0, 1, 2 ...; None if their rows are not one series after the other."""
    if not len(codes) or not (codes[1:] >= codes[:-1]).all():
        return None
    return np.append(0, np.flatnonzero(codes[1:] != codes[:-1]) + 1)


def _has_loss(exact: Doubles, narrow: Numbers, codes: Ints, first: Ints | None) -> bool:
    """Return True if float32 loses digits of a series, or cannot compute with it."""
    if not len(codes):
        return False
    if np.count_nonzero(exact) != np.count_nonzero(narrow):  # Values below the smallest float32 become 0.
        return True
    ranges = _Ranges.of(narrow, codes, first)
    if ranges.is_extreme().any():
        return True
    is_suspicious = ranges.is_suspicious()
    if not is_suspicious.any():
        return False
    rows = np.flatnonzero(is_suspicious[codes])
    series, exact, narrow = codes[rows], exact[rows], narrow[rows]
    peak, width = ranges.peak[series], ranges.width[series]
    error = np.nan_to_num(np.abs(exact - narrow))
    is_shown = (peak > _MAX_EXACT_INTEGER) | (width == 0)
    is_lost = (error > 0) & (np.abs(exact - _round_to_digits(exact)) > _EPSILON * np.abs(exact))
    return bool(np.where(is_shown, is_lost, error > _MAX_ERROR_SHARE * width).any())


def _round_to_digits(values: Doubles) -> Doubles:
    """Return values with the digits that float32 shows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        rounded: Doubles = np.rint(values * power) / power
    return np.where(np.isfinite(rounded), rounded, values)
