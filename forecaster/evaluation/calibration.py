"""Intervals brought to their nominal coverage by how often forecasts of held-back steps contained what came true."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.forecast import PROBABILITIES
from forecaster.panel import Floats

Array = npt.NDArray[np.floating]

_MEDIAN = PROBABILITIES.index(0.5)
COVERAGES = np.array([round(2 * p - 1, 6) for p in PROBABILITIES[_MEDIAN + 1 :]])  # [K] of the intervals, inner first
_EIGHTY = int(np.flatnonzero(COVERAGES == 0.8)[0])
_GROUPS = 3
_PIECE = 4096  # forecasts
_MOST = 4.0  # times wider or narrower
_POOLED = 500  # independent forecasts that a factor should rest on before each step has its own
_SHOCK = 0.1  # what all series of a stretch of time share, as a deviation of the logarithm of a factor


@dataclass(frozen=True)
class Stretch:
    """How many times wider than forecast each interval has to be, on both sides of the median.

    Attributes:
        factors: [G, H, K] by group of series, step and interval, at `COVERAGES`.
        edges: [G - 1] of the groups, in 80 % interval widths per unit of the series.
    """

    factors: Floats
    edges: Floats

    def apply(self, quantiles: Floats, units: Array) -> Floats:
        """Stretch quantiles [N, H', Q] of series with units [N] about their median, which stays.

        They stay in order, too; steps beyond the H that were learnt from take the factors of the last one.
        """
        learnt = self.factors.shape[1]
        steps = np.minimum(np.arange(quantiles.shape[1]), learnt - 1)
        result = np.empty_like(quantiles)
        for part in _pieces(len(quantiles)):
            groups = _group(_relative_width(quantiles[part, :learnt], units[part]), self.edges)
            result[part] = stretch(quantiles[part], self.factors[groups][:, steps])
        return result


def stretch(quantiles: Floats, factors: Floats) -> Floats:
    """Multiply the distances from the median of quantiles [N, H, Q] by factors [N, H, K], one an interval.

    Factors broadcast; the median stays, and the quantiles stay in order: an interval is never narrower than those
    within it.
    """
    median = quantiles[:, :, _MEDIAN, None]
    below, above = _distances(quantiles)
    above = np.maximum.accumulate(above * factors, axis=2)
    below = np.maximum.accumulate(below * factors, axis=2)
    return np.concatenate([median - below[:, :, ::-1], median, median + above], axis=2)


def learn_stretch(quantiles: Floats, actual: Floats, units: Array, *, independent: int, windows: int) -> Stretch:
    """Find the factors under which intervals would have held as much as they say.

    The score of a value is its distance from the median, in distances of the interval's bound on its side; the factor
    is the (n + 1)-corrected quantile of n scores. One factor for both sides: what pushes all series to one side lasts
    a window, and would be taken for a lopsided forecast. Steps next to each other share their scores where there are
    few.

    Series are grouped by how wide their forecast is in units of what they move in a season: forecasts that are narrow
    beside that are too narrow more often than others, and wide ones too wide.

    A factor that no more than chance explains becomes 1, any other is drawn to 1 as far as chance may have part in it:
    log f (1 - s^2 / log^2 f), with s^2 = 1 / n + 0.1^2 / w of n independent forecasts over w windows of time. 1 / n is
    the variance of the logarithm of a normal sample's coverage quantile, 0.9 to 1.2 of it between 50 % and 95 %.
    Groups are drawn to all series' factors alike.

    Args:
        quantiles: [R, H, Q] forecasts of held-back steps, R series and cutoffs.
        actual: [R, H] what came true; NaN where nothing was observed. A forecast without width teaches nothing.
        units: [R] what each series moves in a season; NaN or 0 where that is not known.
        independent: how many of the forecasts do not overlap.
        windows: how many windows of time these cover.

    Source: Romano, Patterson & Candes 2019, "Conformalized quantile regression" (both bounds by one quantile of the
        larger miss); Vovk, Lindsay, Nouretdinov & Gammerman 2003, "Mondrian confidence machine" (by group); Barber,
        Candes, Ramdas & Tibshirani 2023, "Conformal prediction beyond exchangeability" (what drift costs); Efron &
        Morris 1973 (the weight).
    """
    scores = measure_misses(quantiles, actual)
    width = _relative_width(quantiles, units)
    known = width[np.isfinite(width)]
    parts = np.arange(1, _GROUPS) / _GROUPS
    edges = np.quantile(known, parts) if len(known) else np.full(len(parts), np.inf)
    groups = _group(width, edges)
    all_alike = _factors(scores, independent)
    factors = []
    shared = _shrunk(all_alike, independent, windows)
    for number in range(_GROUPS):
        own = groups == number
        count = independent * own.mean()
        difference = _factors(scores[own], count) - all_alike if own.any() else np.zeros_like(all_alike)
        factors.append(shared + _shrunk(difference, count, windows))
    return Stretch(np.exp(factors).astype(np.float32), edges.astype(np.float32))


def measure_misses(quantiles: Floats, actual: Floats) -> Array:
    """[R, H, K] how far actuals [R, H] lie from the median of quantiles [R, H, Q], in distances of each bound.

    An interval's bound is that on the actual's side: above 1 it missed. NaN where nothing was observed, or where the
    forecast has no width.
    """
    scores = np.empty((*actual.shape, len(COVERAGES)), np.result_type(quantiles, actual))
    for part in _pieces(len(scores)):
        error = actual[part, :, None] - quantiles[part, :, _MEDIAN, None]
        below, above = _distances(quantiles[part])
        bound = np.where(error < 0, below, above)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(error == 0, 0, np.abs(error) / bound)
        found[below + above == 0] = np.nan
        scores[part] = found
    return scores


def _pieces(forecasts: int) -> Iterator[slice]:
    """Some at a time: what is computed on the way of many would take several times the memory of their quantiles."""
    return (slice(first, first + _PIECE) for first in range(0, forecasts, _PIECE))


def _factors(scores: Array, independent: float) -> Array:
    """[H, K] logarithms of the factors that scores [R, H, K] ask for; 0 where there are none."""
    horizon = scores.shape[1]
    reach = min(int(np.ceil((_POOLED / max(independent, 1) - 1) / 2)), horizon)
    result = np.zeros(scores.shape[1:])
    for step in range(horizon):
        near = scores[:, max(step - reach, 0) : step + max(reach, 0) + 1].reshape(-1, len(COVERAGES))
        ordered = np.sort(near, axis=0)  # NaN last
        count = np.sum(~np.isnan(ordered), axis=0)
        rank = np.minimum(np.ceil((count + 1) * COVERAGES), count).astype(int)
        found = np.where(count > 0, ordered[np.maximum(rank - 1, 0), np.arange(len(COVERAGES))], 1)
        result[step] = np.log(np.clip(found, 1 / _MOST, _MOST))
    return result


def _shrunk(logarithms: Array, independent: float, windows: int) -> Array:
    """Draw logarithms of factors [H, K] to 0 as far as chance explains them, judged by intervals of 50 % and more."""
    noise = 1 / max(independent, 1) + _SHOCK**2 / max(windows, 1)
    found = float(np.mean(logarithms[:, COVERAGES >= 0.5] ** 2))
    return logarithms * max(0.0, 1 - noise / found) if found else logarithms


def _distances(quantiles: Floats) -> tuple[Floats, Floats]:
    """[N, H, K] from the median down to the lower bounds of the intervals and up to the upper ones, inner first."""
    median = quantiles[:, :, _MEDIAN, None]
    return median - quantiles[:, :, _MEDIAN - 1 :: -1], quantiles[:, :, _MEDIAN + 1 :] - median


def _relative_width(quantiles: Floats, units: Array) -> Array:
    """[N] mean width of the 80 % interval in units of the series; NaN where these are not known."""
    below, above = _distances(quantiles)
    width: Array = (below[:, :, _EIGHTY] + above[:, :, _EIGHTY]).mean(axis=1, dtype=np.float64)
    return width / np.where(units > 0, units, np.nan)


def _group(width: Array, edges: Array) -> npt.NDArray[np.intp]:
    """[N] number of each series' group; the middle one where the width is not known."""
    return np.where(np.isnan(width), _GROUPS // 2, np.searchsorted(edges, width, side="right"))
