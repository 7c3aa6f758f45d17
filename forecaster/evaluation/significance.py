"""Whether one forecast beat another by more than chance: a paired test, and a correction for many of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEVEL = 0.05  # of false alarms that are put up with
_FEWEST = 5  # differences that do not overlap; below that hardly any difference could be told from chance
_FEWEST_BY_OVERLAP = 10  # below that many times the overlap, false alarms exceed 9 % (14 % at 4 times an overlap of 5)


@dataclass(frozen=True)
class Chance:
    """What the test of a mean difference gave.

    Attributes:
        difference: the mean; NaN without any.
        statistic: the mean in units of its standard error, corrected for a small sample; NaN where there are too few.
        p: probability of a difference as large, either way, between equals; NaN where there are too few to say.
    """

    difference: float
    statistic: float
    p: float


def fewest(overlap: int) -> int:
    """How many differences it takes to say anything."""
    return _FEWEST if overlap == 1 else _FEWEST_BY_OVERLAP * overlap


def diebold_mariano(differences: Array, *, overlap: int = 1) -> Chance:
    """Test whether the mean difference of two forecasts' losses is 0, by Student's t with n - 1 degrees of freedom.

    Without overlap this is the paired t test.

    Args:
        differences: [n] loss of one less that of the other, in the order of time; NaN where there is none.
        overlap: neighbours whose forecasts share steps are correlated up to `overlap` - 1 places apart.

    Source: Diebold & Mariano 1995, eq. 6; with the correction of Harvey, Leybourne & Newbold 1997, eq. 9.
    """
    known = differences[~np.isnan(differences)]
    n = len(known)
    mean = float(known.mean()) if n else math.nan
    if n < fewest(overlap):
        return Chance(mean, math.nan, math.nan)
    apart = known - mean
    covariances = [float(apart[lag:] @ apart[: n - lag]) / n for lag in range(overlap)]
    variance = covariances[0] + 2 * sum(covariances[1:])
    if variance <= 0:  # the sum over lags may fall below 0, where the variance cannot
        variance = covariances[0]
    if variance <= (1e-12 * mean) ** 2:  # all alike: equal to the bit, or apart by as much each time
        return Chance(mean, 0.0 if mean == 0 else math.copysign(math.inf, mean), float(mean == 0))
    correction = (n + 1 - 2 * overlap + overlap * (overlap - 1) / n) / n
    statistic = math.sqrt(correction) * mean / math.sqrt(variance / n)
    return Chance(mean, statistic, _two_sided(statistic, n - 1))


def holm(p: Sequence[float]) -> list[float]:
    """Raise each p so that among all of them one false alarm is as rare as it would be in a single test; NaN stays.

    Source: Holm 1979.
    """
    adjusted = [math.nan] * len(p)
    order = sorted((number for number, each in enumerate(p) if not math.isnan(each)), key=p.__getitem__)
    highest = 0.0
    for rank, number in enumerate(order):
        highest = max(highest, min((len(order) - rank) * p[number], 1.0))
        adjusted[number] = highest
    return adjusted


def _two_sided(statistic: float, freedom: int) -> float:
    from scipy.special import stdtr  # a fraction of a second, for this command alone

    return float(2 * stdtr(freedom, -abs(statistic)))
