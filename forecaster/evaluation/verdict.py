"""The verdict on a model: better or worse than others by more than chance, or undecided.

`train`, `backtest`, `compare` and `tune` use this rule. The units of observation are cutoffs or series; see `Units`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forecaster.evaluation import metrics, significance
from forecaster.evaluation.breakdown import mean_by_group
from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.significance import PairedTest
from forecaster.forecast import DECILES, Forecast
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

Array = npt.NDArray[np.float64]
Loss = Literal["mase", "wql"]
Word = Literal["better", "worse", "undecided"]

BASELINES = ("seasonal_naive", "naive")
MANY_SERIES = 30  # The smallest number of series that makes series the units of a test.
MOSTLY_ZEROS = "more than half of the values are 0, and MASE would reward forecasts of 0"
_MAX_SHARE_OF_ZEROS = 0.5
_MIN_STATISTIC = 0.3  # Below this, hundreds of units would be needed to decide.
_DECISIVE_STATISTIC = 2.2  # This is Student's t of a two-sided test at 5 % with 11 differences


def choose_loss(panel: Panel) -> Loss:
    """Return the loss that rates models: MASE, or WQL if more than half of the known values are 0.

    The absolute error is smallest for the median, so on such series it would reward a forecast of nothing but zeros.
    """
    known = zeros = 0
    for part in panel.observations():
        known, zeros = known + len(part.value), zeros + int((part.value == 0).sum())
    return "wql" if zeros > _MAX_SHARE_OF_ZEROS * known else "mase"


def measure_losses(forecast: Forecast, actual: Floats, scale: Scale, loss: Loss) -> Array:
    """Return the [R] mean loss of each row in units of its series' seasonal error; NaN if it has none.

    Args:
        actual: [R, H] observed values, NaN where there is none.
    """
    known = actual.astype(np.float64)
    if loss == "mase":
        return metrics.mase(known, forecast.median, scale.absolute).astype(np.float64)
    parts = []
    for probability in DECILES:
        gap = known - forecast.at(probability)
        pinball = 2 * np.maximum(probability * gap, (probability - 1) * gap)
        parts.append(metrics.mase(pinball, np.zeros_like(pinball), scale.absolute))
    return np.asarray(np.mean(parts, axis=0), np.float64)


@dataclass(frozen=True)
class Units:
    """The units of observation of a significance test.

    With few series the units are cutoffs, whose losses are averaged over the series; neighbours are assumed to be
    correlated as far as their horizons overlap. With many series the units are series, whose losses are averaged over
    the cutoffs; they are assumed to be independent. Periods are stretches of time, over which
    `value_added` averages the forecasts of a ledger.

    Attributes:
        number: [R] the unit of each forecast.
        overlap: see `significance.diebold_mariano`.
    """

    kind: Literal["cutoffs", "series", "periods"]
    number: Ints
    overlap: int

    @classmethod
    def of(cls, series: Ints, cutoff: Ints, *, overlap: int = 1) -> "Units":
        """Choose the units of forecasts.

        Args:
            series, cutoff: [R] the number of the series and of the cutoff of each forecast.
            overlap: the number of neighbouring cutoffs whose horizons share a step.
        """
        if len(np.unique(series)) >= MANY_SERIES:
            return cls("series", series, 1)
        return cls("cutoffs", cutoff, overlap)

    def average(self, losses: Array) -> Array:
        """Return the [units] means of known losses [R]; NaN for a unit without any."""
        return mean_by_group(losses, self.number, int(self.number.max()) + 1)


@dataclass(frozen=True)
class BaselineTest:
    """A model compared with one of the naive forecasts.

    Attributes:
        skill: 1 - loss / loss of the baseline; NaN if it is unknown.
        test: the test of the difference in losses, model less baseline.
        p: the p of `test`, raised if several models are compared with the baseline.
        count: the number of units whose difference is known.
    """

    skill: float
    test: PairedTest
    p: float
    count: int

    @property
    def is_better(self) -> bool:
        return self.skill > 0 and self.p < significance.LEVEL

    @property
    def is_worse(self) -> bool:
        return self.skill < 0 and self.p < significance.LEVEL


def compare_with_baseline(losses: Array, baseline: Array, units: Units) -> BaselineTest:
    """Compare the losses of a model with those of a naive forecast of the same R rows."""
    differences = units.average(losses - baseline)
    test = significance.diebold_mariano(differences, overlap=units.overlap)
    is_known = ~(np.isnan(losses) | np.isnan(baseline))
    total = float(baseline[is_known].sum())
    skill = 1 - float(losses[is_known].sum()) / total if total > 0 else math.nan
    return BaselineTest(skill, test, test.p, int((~np.isnan(differences)).sum()))


def judge(tests: Mapping[str, BaselineTest]) -> Word:
    """Return the verdict on a model by its tests against the naive forecasts.

    Each test has the false alarm rate `significance.LEVEL`, so for `better` both together do not exceed it.
    """
    if tests and all(test.is_better for test in tests.values()):
        return "better"
    return "worse" if any(test.is_worse for test in tests.values()) else "undecided"


def describe_evidence(tests: Mapping[str, BaselineTest], units: Units, loss: Loss) -> dict[str, Any]:
    """Return the evidence of a verdict, as metrics.json has it.

    `needed` is the number of units at which differences of the present size would be significant; null if there are
    enough, or if no number would do.
    """
    skills = {name: tests[name].skill if name in tests else math.nan for name in BASELINES}
    p = {f"p_{name}": tests[name].p if name in tests else math.nan for name in BASELINES}
    return {
        "metric": loss,
        "units": units.kind,
        "count": max((test.count for test in tests.values()), default=0),
        "fewest": significance.minimum_differences(units.overlap),
        "needed": estimate_needed(tests, units),
        "skill": skills["seasonal_naive"],
        "skill_naive": skills["naive"],
        **p,
    }


def estimate_needed(tests: Mapping[str, BaselineTest], units: Units) -> int | None:
    """Return the number of units at which differences of this size would be significant; None if it is unknown."""
    count = max((test.count for test in tests.values()), default=0)
    if judge(tests) != "undecided" or units.kind == "series" or not count:
        return None
    fewest = significance.minimum_differences(units.overlap)
    needed = [fewest]
    for test in tests.values():
        if math.isnan(test.p) or test.is_better:
            continue
        size = significance.statistic_of(test.p, count - 1)
        if size < _MIN_STATISTIC:
            return None
        needed.append(math.ceil(count * (_DECISIVE_STATISTIC / size) ** 2))
    return max(*needed, count + 1)
