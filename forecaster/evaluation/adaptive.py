"""Intervals that follow what came true: adaptive conformal inference on forecasts that were published long ago."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.evaluation.calibration import COVERAGES, stretch
from forecaster.evaluation.metrics import Array
from forecaster.forecast import Forecast
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

GAMMA = 0.02  # how fast the error rate that is aimed at follows the one that was seen
WINDOW = 100  # periods whose misses tell how wide an interval must be
FEWEST = 20  # periods before anything is changed
_GROUPS = 4  # of steps, at most
_KEPT = 20  # misses of a period that stand for all of them
_MOST = 4.0  # times wider or narrower


@dataclass(frozen=True)
class Widths:
    """How many times wider than the model made it each interval is to be, on both sides of the median.

    Attributes:
        last_steps: [G] the last step of each group of steps; steps beyond take the factors of the last group.
        factors: [G, K] at `calibration.COVERAGES`, the narrowest interval first.
    """

    last_steps: tuple[int, ...]
    factors: npt.NDArray[np.float64]

    @classmethod
    def unchanged(cls, horizon: int) -> "Widths":
        """Factors of 1 for as many groups of steps as a horizon is cut into."""
        parts = np.array_split(np.arange(1, horizon + 1), min(_GROUPS, horizon))
        return cls(tuple(int(part[-1]) for part in parts), np.ones((len(parts), len(COVERAGES))))

    def at(self, step: Ints) -> Array:
        """[R, K] the factors of steps [R], counted from 1."""
        return self.factors[self.groups(step)]

    def groups(self, step: Ints) -> npt.NDArray[np.intp]:
        """[R] the group of each step."""
        return np.minimum(np.searchsorted(self.last_steps, step), len(self.last_steps) - 1)


@dataclass(frozen=True)
class Outcomes:
    """What came true of R forecast steps.

    Attributes:
        period: [R] number of the stretch of time in which the step lies; the actuals of a period arrive together.
        known: [R] the last period whose actuals the forecast's run could know; all lower numbers, too.
        step: [R] the lead time, from 1.
        misses: [R, K] see `calibration.measure_misses`, in widths of the model's own intervals; NaN where unknown.
    """

    period: Ints
    known: Ints
    step: Ints
    misses: Array


@dataclass(frozen=True)
class Recalibration:
    """What adaptation makes of the widths, and what it would have made of the past.

    Attributes:
        widths: for forecasts to come.
        held: [G, K] the share of actuals within the intervals as the model made them; NaN where nothing is known.
        would_have_held: [G, K] the share within intervals that were adapted all along, each from what was known when
            its forecast was made.
    """

    widths: Widths
    held: Array
    would_have_held: Array


def recalibrate(outcomes: Outcomes, horizon: int, *, gamma: float = GAMMA, window: int = WINDOW) -> Recalibration:
    """Adapt the widths of intervals to what came true, period by period in the order of time.

    An interval of coverage 1 - alpha is stretched to the 1 - alpha_t quantile of the misses of the last periods, where

        alpha_{t+1} = alpha_t + gamma (alpha - err_t)    (eq. 2)

    and err_t is the share of the period's actuals outside the intervals that their runs would have published, each with
    the factors known then; so a forecast of many steps is told late that it was wrong, as in life. Each interval and
    each group of steps has an alpha of its own, for all series. The first periods change nothing, nor do forecasts made
    in these move alpha.

    Args:
        gamma: larger follows faster and wavers more.
        window: periods whose misses are kept, each counting the same however many forecasts it has.

    Source: Gibbs & Candes 2021, "Adaptive conformal inference under distribution shift".
    """
    widths = Widths.unchanged(horizon)
    groups = widths.groups(outcomes.step)
    results = []
    for number in range(len(widths.last_steps)):
        own = groups == number
        each = Outcomes(outcomes.period[own], outcomes.known[own], outcomes.step[own], outcomes.misses[own])
        results.append(_follow(each, gamma, window))
    factors, held, would_have_held = map(np.stack, zip(*results, strict=True))
    return Recalibration(Widths(widths.last_steps, factors), held, would_have_held)


def apply(widths: Widths, forecast: Forecast, panel: Panel) -> Forecast:
    """Stretch the intervals of a forecast about their median; the point forecast stays.

    Args:
        panel: what was forecast; what its target cannot be is not forecast after this either.
    """
    factors = widths.at(np.arange(1, forecast.horizon + 1)).astype(np.float32)
    quantiles: Floats = stretch(forecast.quantiles, factors)
    return Forecast.of(panel, forecast.mean, quantiles, model=forecast.model, fallback=forecast.fallback)


def _follow(outcomes: Outcomes, gamma: float, window: int) -> tuple[Array, Array, Array]:
    """[K] factors after the last period; what the intervals held without them; what they would have held."""
    is_known = ~np.isnan(outcomes.misses).any(axis=1)
    order = np.flatnonzero(is_known)[np.argsort(outcomes.period[is_known], kind="stable")]
    period, misses = outcomes.period[order], outcomes.misses[order].astype(np.float64)
    count = misses.shape[1]
    if not len(order):
        return np.ones(count), np.full(count, np.nan), np.full(count, np.nan)
    periods, first = np.unique(period, return_index=True)
    before = np.searchsorted(periods, outcomes.known[order], side="right")  # [R] periods that had come true by then
    factors = np.ones((len(periods) + 1, count))
    alpha = 1 - COVERAGES
    kept: list[Array] = []
    hits = np.zeros(count)
    for number, rows in enumerate(np.split(np.arange(len(order)), first[1:])):
        is_out = misses[rows] > factors[np.minimum(before[rows], number)]
        hits += (~is_out).sum(axis=0)
        is_adapted = before[rows] >= FEWEST  # what was missed before that, wider intervals may have mended already
        if is_adapted.any():
            error = is_out[is_adapted].mean(axis=0)
            alpha = np.clip(alpha + gamma * (1 - COVERAGES - error), 0, 1)  # beyond, nothing is wider
        kept = [*kept[1 - window :], _thin(misses[rows])]
        if len(kept) >= FEWEST:
            pool = np.concatenate(kept)  # [., K]
            found = [np.quantile(pool[:, k], 1 - alpha[k], method="higher") for k in range(count)]
            factors[number + 1] = np.clip(found, 1 / _MOST, _MOST)
    return factors[-1], (misses <= 1).mean(axis=0), hits / len(order)


def _thin(misses: Array) -> Array:
    """[_KEPT, K] quantiles that stand for the misses [R, K] of a period, so that each period counts the same."""
    at = (np.arange(_KEPT) + 0.5) / _KEPT
    return np.quantile(misses, at, axis=0, method="inverted_cdf")
