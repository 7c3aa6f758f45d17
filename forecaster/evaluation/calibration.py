"""Calibration of intervals to their nominal coverage, by the forecasts of held-out steps."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.forecast import PROBABILITIES
from forecaster.panel import Floats

Array = npt.NDArray[np.floating]

_MEDIAN = PROBABILITIES.index(0.5)
COVERAGES = np.array([round(2 * p - 1, 6) for p in PROBABILITIES[_MEDIAN + 1 :]])  # [K] inner intervals first
_EIGHTY = int(np.flatnonzero(COVERAGES == 0.8)[0])
_GROUPS = 3
_FORECASTS_AT_ONCE = 4096
_MAX_FACTOR = 4.0
# With fewer independent forecasts, neighbouring steps share their scores.
_MIN_FORECASTS_PER_STEP = 500
_SHOCK_DEVIATION = 0.1  # standard deviation of the log factor that all series of one period share


@dataclass(frozen=True)
class WidthFactors:
    """Factors that scale the width of each interval on both sides of the median.

    Attributes:
        factors: [G, H, K] by group of series, step and interval, at `COVERAGES`.
        edges: [G - 1] bounds between the groups of series: mean width of the 80 % interval in units of the series.
    """

    factors: Floats
    edges: Floats

    def check(self, horizon: int) -> None:
        """Check factors that were read from a file.

        Raises: ValueError: they have another shape than those of `horizon` steps, or are not positive numbers.
        """
        shape = (len(self.edges) + 1, horizon, len(COVERAGES))
        if self.edges.ndim != 1 or self.factors.shape != shape:
            raise ValueError(f"the factors of intervals have the shape {self.factors.shape}, not {shape}")
        if not (np.isfinite(self.factors).all() and (self.factors > 0).all()):
            raise ValueError("the factors of intervals are not positive numbers")
        if np.isnan(self.edges).any() or (self.edges[1:] < self.edges[:-1]).any():
            raise ValueError("the edges of the groups of series do not rise")

    def apply(self, quantiles: Floats, units: Array) -> Floats:
        """Scale quantiles [N, H', Q] of series with units [N] about their median, which does not change.

        The quantiles stay in order. Steps beyond the H of the factors use those of the last step.
        """
        horizon = self.factors.shape[1]
        steps = np.minimum(np.arange(quantiles.shape[1]), horizon - 1)
        result = np.empty_like(quantiles)
        for part in _slices(len(quantiles)):
            groups = _group(_relative_width(quantiles[part, :horizon], units[part]), self.edges)
            result[part] = scale_widths(quantiles[part], self.factors[groups][:, steps])
        return result


def scale_widths(quantiles: Floats, factors: Floats) -> Floats:
    """Multiply the distances of quantiles [N, H, Q] from the median by factors [N, H, K], one for each interval.

    Factors broadcast. The median does not change, and the quantiles stay in order: an interval is never narrower than
    the intervals inside it.
    """
    median = quantiles[:, :, _MEDIAN, None]
    below, above = _distances(quantiles)
    above = np.maximum.accumulate(above * factors, axis=2)
    below = np.maximum.accumulate(below * factors, axis=2)
    return np.concatenate([median - below[:, :, ::-1], median, median + above], axis=2)


def estimate_width_factors(
    quantiles: Floats, actual: Floats, units: Array, *, independent: int, windows: int
) -> WidthFactors:
    """Estimate the factors with which the intervals would have had their nominal coverage.

    The score of a value is its distance from the median, relative to the distance of the interval's bound on its side.
    The factor is the (n + 1)-corrected quantile of n scores. Both sides share one factor: a shock moves all series to
    one side for a window, which would look like a skewed forecast. Neighbouring steps share their scores if there are
    few.

    Series are grouped by the width of their forecast in units of their seasonal change: relatively narrow forecasts
    are too narrow more often than others, and relatively wide ones too wide.

    Factors shrink towards 1 by the share that chance explains:
    log f (1 - s^2 / log^2 f), with s^2 = 1 / n + 0.1^2 / w of n independent forecasts over w windows of time. 1 / n is
    the variance of the logarithm of a normal sample's coverage quantile, 0.9 to 1.2 of it between 50 % and 95 %. The
    factors of a group shrink towards those of all series in the same way.

    Args:
        quantiles: [R, H, Q] forecasts of held-out steps, R series and cutoffs.
        actual: [R, H] actual values; NaN where nothing was observed. Forecasts of width 0 are left out.
        units: [R] seasonal change of each series; NaN or 0 if it is unknown.
        independent: number of forecasts that do not overlap.
        windows: number of windows of time that they cover.

    Source: Romano, Patterson & Candes 2019, "Conformalized quantile regression" (both bounds by one quantile of the
        larger miss); Vovk, Lindsay, Nouretdinov & Gammerman 2003, "Mondrian confidence machine" (by group); Barber,
        Candes, Ramdas & Tibshirani 2023, "Conformal prediction beyond exchangeability" (what drift costs); Efron &
        Morris 1973 (the weight).
    """
    scores = nonconformity_scores(quantiles, actual)
    width = _relative_width(quantiles, units)
    known = width[np.isfinite(width)]
    parts = np.arange(1, _GROUPS) / _GROUPS
    edges = np.quantile(known, parts) if len(known) else np.full(len(parts), np.inf)
    groups = _group(width, edges)
    of_all_series = _log_factors(scores, independent)
    shared = _shrink(of_all_series, independent, windows)
    factors = []
    for number in range(_GROUPS):
        is_member = groups == number
        count = independent * is_member.mean()
        difference = (
            _log_factors(scores[is_member], count) - of_all_series if is_member.any() else np.zeros_like(of_all_series)
        )
        factors.append(shared + _shrink(difference, count, windows))
    return WidthFactors(np.exp(factors).astype(np.float32), edges.astype(np.float32))


def nonconformity_scores(quantiles: Floats, actual: Floats) -> Array:
    """Return the [R, H, K] distances of actual values [R, H] from the median, relative to the bounds of each interval.

    The bound is the one on the side of the actual value, so a score above 1 lies outside the interval. It is NaN where
    nothing was observed, or where the forecast has width 0.

    Args:
        quantiles: [R, H, Q] at `PROBABILITIES`.
    """
    scores = np.empty((*actual.shape, len(COVERAGES)), np.result_type(quantiles, actual))
    for part in _slices(len(scores)):
        error = actual[part, :, None] - quantiles[part, :, _MEDIAN, None]
        below, above = _distances(quantiles[part])
        bound = np.where(error < 0, below, above)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.where(error == 0, 0, np.abs(error) / bound)
        distance[below + above == 0] = np.nan
        scores[part] = distance
    return scores


def _slices(forecasts: int) -> Iterator[slice]:
    """Slice forecasts, since the intermediate results of all would take several times the memory of their quantiles."""
    return (slice(first, first + _FORECASTS_AT_ONCE) for first in range(0, forecasts, _FORECASTS_AT_ONCE))


def _log_factors(scores: Array, independent: float) -> Array:
    """Return the [H, K] logarithms of the factors that scores [R, H, K] require; 0 where there are no scores."""
    horizon = scores.shape[1]
    reach = min(int(np.ceil((_MIN_FORECASTS_PER_STEP / max(independent, 1) - 1) / 2)), horizon)
    result = np.zeros(scores.shape[1:])
    for step in range(horizon):
        near = scores[:, max(step - reach, 0) : step + max(reach, 0) + 1].reshape(-1, len(COVERAGES))
        ordered = np.sort(near, axis=0)  # NaN last
        count = np.sum(~np.isnan(ordered), axis=0)
        rank = np.minimum(np.ceil((count + 1) * COVERAGES), count).astype(int)
        factors = np.where(count > 0, ordered[np.maximum(rank - 1, 0), np.arange(len(COVERAGES))], 1)
        result[step] = np.log(np.clip(factors, 1 / _MAX_FACTOR, _MAX_FACTOR))
    return result


def _shrink(log_factors: Array, independent: float, windows: int) -> Array:
    """Shrink logarithms of factors [H, K] towards 0 by the share of their variance, from 50 % on, that is noise."""
    noise = 1 / max(independent, 1) + _SHOCK_DEVIATION**2 / max(windows, 1)
    variance = float(np.mean(log_factors[:, COVERAGES >= 0.5] ** 2))
    return log_factors * max(0.0, 1 - noise / variance) if variance else log_factors


def _distances(quantiles: Floats) -> tuple[Floats, Floats]:
    """Return the [N, H, K] distances from the median to the lower and to the upper bounds, inner intervals first."""
    median = quantiles[:, :, _MEDIAN, None]
    return median - quantiles[:, :, _MEDIAN - 1 :: -1], quantiles[:, :, _MEDIAN + 1 :] - median


def _relative_width(quantiles: Floats, units: Array) -> Array:
    """Return the [N] mean widths of the 80 % interval in units of the series; NaN where these are unknown."""
    below, above = _distances(quantiles)
    width: Array = (below[:, :, _EIGHTY] + above[:, :, _EIGHTY]).mean(axis=1, dtype=np.float64)
    return width / np.where(units > 0, units, np.nan)


def _group(width: Array, edges: Array) -> npt.NDArray[np.intp]:
    """Return the [N] group of each series; the middle one if its width is unknown."""
    return np.where(np.isnan(width), _GROUPS // 2, np.searchsorted(edges, width, side="right"))
