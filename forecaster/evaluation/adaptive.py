"""Interval widths that adapt to the actual values: adaptive conformal inference on forecasts published in the past."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.evaluation.calibration import COVERAGES, scale_widths
from forecaster.evaluation.metrics import Array
from forecaster.forecast import Forecast
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

GAMMA = 0.02  # weight of a period's error rate when the target error rate is updated
WINDOW_PERIODS = 100  # periods whose scores determine the factors
MIN_PERIODS = 20  # periods with actual values before any factor changes
_MAX_STEP_GROUPS = 4
_SCORES_PER_PERIOD = 20  # quantiles that represent the scores of a period
_MAX_FACTOR = 4.0


@dataclass(frozen=True)
class AdaptiveFactors:
    """Factors that scale the width of each interval on both sides of the median.

    Attributes:
        last_steps: [G] the last step of each group of steps; later steps use the factors of the last group.
        factors: [G, K] at `calibration.COVERAGES`, the narrowest interval first.
    """

    last_steps: tuple[int, ...]
    factors: npt.NDArray[np.float64]

    @classmethod
    def unchanged(cls, horizon: int) -> "AdaptiveFactors":
        """Return factors of 1 for each group of steps of a horizon."""
        parts = np.array_split(np.arange(1, horizon + 1), min(_MAX_STEP_GROUPS, horizon))
        return cls(tuple(int(part[-1]) for part in parts), np.ones((len(parts), len(COVERAGES))))

    def at(self, step: Ints) -> Array:
        """Return the [R, K] factors of steps [R], counted from 1."""
        return self.factors[self.groups(step)]

    def groups(self, step: Ints) -> npt.NDArray[np.intp]:
        """Return the [R] group of each step."""
        return np.minimum(np.searchsorted(self.last_steps, step), len(self.last_steps) - 1)


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of R forecast steps.

    Attributes:
        period: [R] number of the period of the step; the actual values of a period arrive together.
        known: [R] the last period whose actual values were known when the forecast was made.
        step: [R] the lead time, from 1.
        scores: [R, K] see `calibration.nonconformity_scores`, relative to the model's own intervals; NaN if unknown.
    """

    period: Ints
    known: Ints
    step: Ints
    scores: Array

    def select(self, rows: npt.NDArray[np.bool_]) -> "Outcomes":
        """Return the outcomes of some of the steps."""
        return Outcomes(self.period[rows], self.known[rows], self.step[rows], self.scores[rows])


@dataclass(frozen=True)
class Recalibration:
    """The result of adapting interval widths to outcomes.

    Attributes:
        widths: the factors for new forecasts.
        coverage: [G, K] share of actual values inside the model's own intervals; NaN if there are no outcomes.
        adapted_coverage: [G, K] share inside the intervals that adaptation would have published in the past, each with
            the factors known when its forecast was made.
    """

    widths: AdaptiveFactors
    coverage: Array
    adapted_coverage: Array


def recalibrate(
    outcomes: Outcomes, horizon: int, *, gamma: float = GAMMA, window: int = WINDOW_PERIODS
) -> Recalibration:
    """Adapt the widths of intervals to outcomes, period by period in the order of time.

    The factor of an interval of coverage 1 - alpha is the 1 - alpha_t quantile of the scores of the last periods, where

        alpha_{t+1} = alpha_t + gamma (alpha - err_t)    (eq. 2)

    and err_t is the share of the period's actual values outside the intervals that would have been published, each with
    the factors known when its forecast was made. So the outcome of a late step changes alpha late, as in operation.
    Each interval and each group of steps has its own alpha, shared by all series. The first `MIN_PERIODS` periods
    change nothing, and forecasts made during them do not change alpha.

    Args:
        gamma: larger values follow changes faster and fluctuate more.
        window: periods whose scores are used; each counts the same, however many forecasts it has.

    Source: Gibbs & Candes 2021, "Adaptive conformal inference under distribution shift".
    """
    widths = AdaptiveFactors.unchanged(horizon)
    groups = widths.groups(outcomes.step)
    results = [_adapt(outcomes.select(groups == number), gamma, window) for number in range(len(widths.last_steps))]
    factors, coverage, adapted_coverage = map(np.stack, zip(*results, strict=True))
    return Recalibration(AdaptiveFactors(widths.last_steps, factors), coverage, adapted_coverage)


def apply_factors(widths: AdaptiveFactors, forecast: Forecast, panel: Panel) -> Forecast:
    """Scale the intervals of a forecast about their median.

    Args:
        panel: the panel that was forecast; its minimum, maximum and whole numbers also limit the result.
    """
    factors = widths.at(np.arange(1, forecast.horizon + 1)).astype(np.float32)
    quantiles: Floats = scale_widths(forecast.quantiles, factors)
    return forecast.with_quantiles(panel, quantiles)


def _adapt(outcomes: Outcomes, gamma: float, window: int) -> tuple[Array, Array, Array]:
    """Return the factors [K] after the last period, the coverage [K] without factors, and the adapted coverage [K]."""
    is_known = ~np.isnan(outcomes.scores).any(axis=1)
    order = np.flatnonzero(is_known)[np.argsort(outcomes.period[is_known], kind="stable")]
    period, scores = outcomes.period[order], outcomes.scores[order].astype(np.float64)
    count = scores.shape[1]
    if not len(order):
        return np.ones(count), np.full(count, np.nan), np.full(count, np.nan)
    periods, first = np.unique(period, return_index=True)
    known_periods = np.searchsorted(periods, outcomes.known[order], side="right")  # [R] counted when forecast
    factors = np.ones((len(periods) + 1, count))
    alpha = 1 - COVERAGES
    recent: list[Array] = []
    hits = np.zeros(count)
    for number, rows in enumerate(np.split(np.arange(len(order)), first[1:])):
        is_outside = scores[rows] > factors[np.minimum(known_periods[rows], number)]
        hits += (~is_outside).sum(axis=0)
        # Forecasts made before the first factors changed say nothing about the factors.
        is_adapted = known_periods[rows] >= MIN_PERIODS
        if is_adapted.any():
            error = is_outside[is_adapted].mean(axis=0)
            alpha = np.clip(alpha + gamma * (1 - COVERAGES - error), 0, 1)
        recent = [*recent[1 - window :], _thin(scores[rows])]
        if len(recent) >= MIN_PERIODS:
            pool = np.concatenate(recent)  # [., K]
            quantiles = [np.quantile(pool[:, k], 1 - alpha[k], method="higher") for k in range(count)]
            factors[number + 1] = np.clip(quantiles, 1 / _MAX_FACTOR, _MAX_FACTOR)
    return factors[-1], (scores <= 1).mean(axis=0), hits / len(order)


def _thin(scores: Array) -> Array:
    """Represent the scores [R, K] of a period by a fixed number of quantiles, so that each period counts the same."""
    at = (np.arange(_SCORES_PER_PERIOD) + 0.5) / _SCORES_PER_PERIOD
    return np.quantile(scores, at, axis=0, method="inverted_cdf")
