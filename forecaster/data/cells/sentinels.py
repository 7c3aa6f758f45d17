"""Numbers that look like a code for a missing value, such as -999 or 9999.9: repeated, and far from all others."""

from dataclasses import dataclass

import numpy as np

from forecaster.frequency import Ints
from forecaster.panel import Floats

_MIN_REPEATED = 2
_MIN_DISTANCE = 2.0  # distance from the other values, in units of their range
_MIN_DISTANCE_OF_NINES = 0.5


@dataclass(frozen=True)
class Code:
    """A number that may mean a missing value, and how often it occurs."""

    value: float
    count: int


def find_codes(values: Floats, begin: Ints) -> list[Code]:
    """Find the lowest or highest value of series that is repeated and far from the others.

    Zeros are no codes, since many series have days without anything to count.

    Args:
        values: [T] of all series, one after the other; NaN if missing.
        begin: [N] position of the first step of each series.

    Returns: the codes, the most frequent ones first.
    """
    counts: dict[float, int] = {}
    length = np.diff(begin, append=len(values))
    for sign in (1, -1):
        extremes = (np.fmin if sign > 0 else np.fmax).reduceat(values, begin)
        repeats = np.add.reduceat(values == np.repeat(extremes, length), begin, dtype=np.int64)
        is_candidate = (repeats >= _MIN_REPEATED) & (extremes != 0)
        if not is_candidate.any():
            continue
        extremes, repeats, size = extremes[is_candidate], repeats[is_candidate], length[is_candidate]
        inner = values[np.repeat(is_candidate, length)]
        inner = np.where(inner == np.repeat(extremes, size), np.float32(np.nan), inner)
        first = np.cumsum(size) - size
        low, high = np.fmin.reduceat(inner, first), np.fmax.reduceat(inner, first)
        others = np.add.reduceat(~np.isnan(inner), first, dtype=np.int64)
        distance = low - extremes if sign > 0 else extremes - high
        for number in np.flatnonzero((others > repeats) & (distance > _MIN_DISTANCE_OF_NINES * (high - low))):
            value = float(extremes[number])
            if _has_nines(value) or distance[number] > _MIN_DISTANCE * (high[number] - low[number]):
                counts[value] = counts.get(value, 0) + int(repeats[number])
    return [Code(value, count) for value, count in sorted(counts.items(), key=lambda item: -item[1])]


def describe_codes(codes: list[Code]) -> str | None:
    """Describe the most frequent code in a sentence that names the flag which masks it; None if there is none."""
    if not codes:
        return None
    value = f"{codes[0].value:.7g}"
    return f"{codes[0].count} values of {value} look like a code for missing; --na={value} masks them"


def _has_nines(value: float) -> bool:
    digits = f"{abs(value):.6g}".replace(".", "")
    return len(digits) >= 2 and set(digits) == {"9"}
