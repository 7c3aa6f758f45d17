"""Significance of the difference between two forecasts: a paired test, and a correction for many tests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEVEL = 0.05  # accepted rate of false alarms
# With fewer differences, hardly any result could be significant.
_MIN_DIFFERENCES = 5
# With fewer differences per overlapping step, false alarms exceed 9 % (14 % at 4 times an overlap of 5).
_MIN_DIFFERENCES_PER_OVERLAP = 10


@dataclass(frozen=True)
class PairedTest:
    """The result of testing whether a mean difference is 0.

    Attributes:
        difference: the mean difference; NaN if there is none.
        statistic: the mean in units of its standard error, corrected for a small sample; NaN if there are too few.
        p: probability of a difference at least as large, in either direction, between equals; NaN if there are too few.
    """

    difference: float
    statistic: float
    p: float


def minimum_differences(overlap: int) -> int:
    """Return the number of differences that a test needs."""
    return _MIN_DIFFERENCES if overlap == 1 else _MIN_DIFFERENCES_PER_OVERLAP * overlap


def diebold_mariano(differences: Array, *, overlap: int = 1) -> PairedTest:
    """Test whether the mean difference of two forecasts' losses is 0, by Student's t with n - 1 degrees of freedom.

    Without overlap this is the paired t test.

    Args:
        differences: [n] loss of one forecast less the loss of the other, in the order of time; NaN if unknown.
        overlap: neighbours whose forecasts share steps are correlated up to `overlap` - 1 places apart.

    Source: Diebold & Mariano 1995, eq. 6; with the correction of Harvey, Leybourne & Newbold 1997, eq. 9.
    """
    known = differences[~np.isnan(differences)]
    n = len(known)
    mean = float(known.mean()) if n else math.nan
    if n < minimum_differences(overlap):
        return PairedTest(mean, math.nan, math.nan)
    deviations = known - mean
    covariances = [float(deviations[lag:] @ deviations[: n - lag]) / n for lag in range(overlap)]
    variance = covariances[0] + 2 * sum(covariances[1:])
    if variance <= 0:  # the sum over lags may be negative, the variance of a mean cannot
        variance = covariances[0]
    if variance <= (1e-12 * mean) ** 2:  # all differences are equal, up to rounding
        return PairedTest(mean, 0.0 if mean == 0 else math.copysign(math.inf, mean), float(mean == 0))
    correction = (n + 1 - 2 * overlap + overlap * (overlap - 1) / n) / n
    statistic = math.sqrt(correction) * mean / math.sqrt(variance / n)
    return PairedTest(mean, statistic, _two_sided(statistic, n - 1))


def holm(p: Sequence[float]) -> list[float]:
    """Raise each p so that a false alarm among all tests is as rare as in a single test; NaN stays NaN.

    Source: Holm 1979.
    """
    adjusted = [math.nan] * len(p)
    order = sorted((number for number, each in enumerate(p) if not math.isnan(each)), key=p.__getitem__)
    highest = 0.0
    for rank, number in enumerate(order):
        highest = max(highest, min((len(order) - rank) * p[number], 1.0))
        adjusted[number] = highest
    return adjusted


def statistic_of(p: float, freedom: int) -> float:
    """Return Student's t whose two-sided test has a p."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - p / 2))


def _two_sided(statistic: float, freedom: int) -> float:
    from scipy.special import stdtr  # loads for a fraction of a second, which only this test needs

    return float(2 * stdtr(freedom, -abs(statistic)))
