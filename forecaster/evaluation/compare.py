"""A comparison of models on the same cutoffs: a leaderboard, and significance tests against the naive forecasts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecaster.evaluation import significance
from forecaster.evaluation.backtest import Backtest
from forecaster.evaluation.breakdown import add_up, mean_by_group, score_steps
from forecaster.evaluation.metric_table import METRICS
from forecaster.evaluation.score import Score, score
from forecaster.evaluation.verdict import (
    BASELINES,
    MANY_SERIES,
    BaselineTest,
    Loss,
    Units,
    Word,
    compare_with_baseline,
    judge,
    measure_losses,
)
from forecaster.frequency import Ints
from forecaster.panel import Panel

Array = npt.NDArray[np.float64]

_MAX_FOLDS, _MAX_FOLDS_OF_MANY_SERIES = 20, 5


@dataclass(frozen=True)
class ModelResult:
    """The results of one model's backtest that a comparison needs.

    Attributes:
        losses: [R] mean loss of each forecast in units of its series' seasonal error; NaN if it has none.
        steps: [H] mean scaled error of each step of the horizon.
        fallbacks: number of forecasts that a simpler model made in place of this one.
    """

    score: Score
    losses: Array
    steps: Array
    fit_seconds: float
    predict_seconds: float
    fallbacks: int

    @classmethod
    def of(cls, test: Backtest, loss: Loss = "mase") -> "ModelResult":
        _, steps = add_up(test)
        return cls(
            score=score(test.forecast, test.actual, test.scale),
            losses=measure_losses(test.forecast, test.actual, test.scale, loss),
            steps=score_steps(steps)["mase"],
            fit_seconds=test.fit_seconds,
            predict_seconds=test.predict_seconds,
            fallbacks=int(test.forecast.fallback.sum()),
        )


@dataclass(frozen=True)
class Place:
    """A model's place on the leaderboard.

    Attributes:
        tests: by the baseline's name; a baseline is not compared with itself.
        series_won: share of the series that it forecast best, by its loss; a tie is shared.
    """

    model: str
    result: ModelResult
    tests: dict[str, BaselineTest]
    series_won: float

    @property
    def verdict(self) -> Word:
        return judge(self.tests)

    @property
    def loss(self) -> float:
        """The mean of the known losses; infinite if none is known."""
        is_known = ~np.isnan(self.result.losses)
        return float(self.result.losses[is_known].mean()) if is_known.any() else math.inf


@dataclass(frozen=True)
class Comparison:
    """A leaderboard.

    Attributes:
        by: the metric that the places are sorted by.
        places: the best first.
        units: the units of the significance tests.
        unit_count: number of units with a known error.
        steps_won: [H] the model that was best at each step of the horizon, by scaled error.
    """

    by: str
    places: tuple[Place, ...]
    units: Units
    unit_count: int
    steps_won: tuple[str, ...]

    def place(self, model: str) -> Place:
        return next(place for place in self.places if place.model == model)

    @property
    def recommended(self) -> Place:
        """The place with the lowest loss, the better one of equals; a naive forecast only if it is the best."""
        return min(self.places, key=lambda place: place.loss)

    @property
    def leader(self) -> Place:
        """The model with the lowest loss, naive forecasts apart unless there are no others."""
        models = [place for place in self.places if place.model not in BASELINES]
        return min(models or self.places, key=lambda place: place.loss)

    @property
    def has_enough_units(self) -> bool:
        """True if there are enough units for a significance test."""
        return self.unit_count >= significance.minimum_differences(self.units.overlap)


def choose_fold_count(panel: Panel, horizon: int, stride: int | None) -> int:
    """Choose the number of cutoffs of a comparison, so that nine in ten series are long enough.

    They use a quarter of a series, or up to a half if a quarter has too few cutoffs for a significance test.
    """
    is_many = len(panel) >= MANY_SERIES
    length = int(np.quantile(panel.lengths, 0.1))
    stride = stride or horizon
    quarter, half = (1 + max(length // share - horizon, 0) // stride for share in (4, 2))
    count = min(quarter, _MAX_FOLDS_OF_MANY_SERIES if is_many else _MAX_FOLDS)
    return max(count, min(half, 1 if is_many else significance.minimum_differences(1)))


def compare(results: Mapping[str, ModelResult], series: Ints, units: Units, *, by: str = "mase") -> Comparison:
    """Rank models by a metric and test each against both naive forecasts.

    Args:
        results: by the model's name, including `BASELINES`, all of the same R forecasts.
        series: [R] the series of each forecast.
        by: a metric; a coverage ranks by its distance from the nominal one.
    """
    names = sorted(results, key=lambda name: _rank(by, results[name].score))
    tests = {name: _test_against(results, name, units) for name in BASELINES}
    won = _series_won([results[name].losses for name in names], series)
    places = tuple(
        Place(
            name,
            results[name],
            {baseline: by_model[name] for baseline, by_model in tests.items() if name in by_model},
            share,
        )
        for name, share in zip(names, won, strict=True)
    )
    is_known = ~np.isnan(units.average(results[BASELINES[0]].losses))
    steps_won = _steps_won(names, np.stack([results[name].steps for name in names]))
    return Comparison(by, places, units, int(is_known.sum()), steps_won)


def _test_against(results: Mapping[str, ModelResult], baseline: str, units: Units) -> dict[str, BaselineTest]:
    """Compare every other model with a baseline; only the tests of models are corrected for their number."""
    base = results[baseline].losses
    others = {name: each.losses for name, each in results.items() if name != baseline}
    tests = {name: compare_with_baseline(losses, base, units) for name, losses in others.items()}
    models = [name for name in tests if name not in BASELINES]
    raised = dict(zip(models, significance.holm([tests[name].p for name in models]), strict=True))
    return {name: replace(test, p=raised.get(name, test.p)) for name, test in tests.items()}


def _rank(by: str, scores: Score) -> float:
    """Return the key that sorts the best first and unknown scores last."""
    value = METRICS[by].rank(scores[by])
    return math.inf if math.isnan(value) else value


def _series_won(errors: list[Array], series: Ints) -> list[float]:
    """Return [M] shares of the series, by the model with the lowest mean error; a tie is shared equally.

    Only series with a known error for every model count; 0 if there are none.

    Args:
        errors: [R] for each model.
        series: [R] number of each forecast's series.
    """
    count = int(series.max()) + 1
    table = np.stack([mean_by_group(each, series, count) for each in errors])  # [M, N]
    table = table[:, ~np.isnan(table).any(axis=0)]
    if not table.size:
        return [0.0] * len(errors)
    is_best = table == table.min(axis=0)
    shares: list[float] = (is_best / is_best.sum(axis=0)).mean(axis=1).tolist()
    return shares


def _steps_won(names: list[str], steps: Array) -> tuple[str, ...]:
    """Return the best model at each step by errors [M, H], the first of equals; empty if errors have no scale."""
    if np.isnan(steps).any():
        return ()
    return tuple(names[number] for number in steps.argmin(axis=0))
