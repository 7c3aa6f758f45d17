"""Models beside each other on the same cutoffs: a leaderboard, and which of them beat the naive forecasts for sure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from forecaster.evaluation import metrics
from forecaster.evaluation import significance as chance
from forecaster.evaluation.backtest import Backtest, Plan
from forecaster.evaluation.breakdown import add_up, by_step, mean_by_group
from forecaster.evaluation.score import Score, score, skill
from forecaster.evaluation.significance import Chance
from forecaster.frequency import Ints
from forecaster.panel import Panel

Array = npt.NDArray[np.float64]

BASELINES = ("seasonal_naive", "naive")
_MANY_SERIES = 30  # from here on series are the units of the test
_FOLDS, _FOLDS_OF_MANY_SERIES = 20, 5  # where the series are long enough


@dataclass(frozen=True)
class Entry:
    """What a comparison keeps of one model's backtest.

    Attributes:
        errors: [R] mean absolute error of each forecast in units of its series' seasonal error; NaN without.
        steps: [H] the same of each step.
        fallbacks: forecasts that a simpler one stood in for.
    """

    score: Score
    errors: Array
    steps: Array
    fit_seconds: float
    predict_seconds: float
    fallbacks: int

    @classmethod
    def of(cls, test: Backtest) -> "Entry":
        actual = test.actual.astype(np.float64)
        _, steps = add_up(test)
        return cls(
            score=score(test.forecast, test.actual, test.scale),
            errors=metrics.mase(actual, test.forecast.mean, test.scale).astype(np.float64),
            steps=by_step(steps)["mase"],
            fit_seconds=test.fit_seconds,
            predict_seconds=test.predict_seconds,
            fallbacks=int(test.forecast.fallback.sum()),
        )


@dataclass(frozen=True)
class Units:
    """What the test of chance counts as one observation of how two models differ.

    Cutoffs, their errors averaged over the series, where there are few series; neighbours are taken to be correlated
    as far as their horizons overlap. Series, their errors averaged over the cutoffs, where there are many; these are
    taken to be independent.

    Attributes:
        number: [R] the unit of each forecast.
        overlap: see `chance.diebold_mariano`.
    """

    kind: Literal["cutoffs", "series"]
    number: Ints
    overlap: int

    @classmethod
    def of(cls, test: Backtest, plan: Plan) -> "Units":
        if len(np.unique(test.series)) >= _MANY_SERIES:
            return cls("series", test.series, 1)
        return cls("cutoffs", test.fold, -(-plan.horizon // (plan.stride or plan.horizon)))

    def average(self, errors: Array) -> Array:
        """[units] mean of what is known of [R]; NaN for a unit of which nothing is."""
        return mean_by_group(errors, self.number, int(self.number.max()) + 1)


@dataclass(frozen=True)
class Against:
    """A model against one of the naive forecasts.

    Attributes:
        skill: 1 - MASE / MASE of the baseline.
        chance: of the difference in scaled errors, model less baseline.
        p: that of `chance`, raised for how many models are compared with the baseline.
    """

    skill: float
    chance: Chance
    p: float

    @property
    def is_better(self) -> bool:
        return self.skill > 0 and self.p < chance.LEVEL

    @property
    def is_worse(self) -> bool:
        return self.skill < 0 and self.p < chance.LEVEL


@dataclass(frozen=True)
class Place:
    """A model's place on the leaderboard.

    Attributes:
        against: by the baseline's name; a baseline is not compared with itself.
        series_won: share of the series that it forecast best, by scaled error; a tie is shared.
    """

    model: str
    entry: Entry
    against: dict[str, Against]
    series_won: float

    @property
    def is_better(self) -> bool:
        """Whether it beats both naive forecasts by more than chance.

        Each test by itself may raise a false alarm as often as the level says, and so both together no oftener.
        """
        return self.model not in BASELINES and all(each.is_better for each in self.against.values())


@dataclass(frozen=True)
class Comparison:
    """A leaderboard.

    Attributes:
        places: the best first.
        units: how many the test had.
        steps_won: [H] the model that was best at each step of the horizon, by scaled error.
    """

    by: str
    places: tuple[Place, ...]
    units: Units
    count: int
    steps_won: tuple[str, ...]

    def place(self, model: str) -> Place:
        return next(place for place in self.places if place.model == model)

    @property
    def best(self) -> Place | None:
        """The first that beats both naive forecasts by more than chance."""
        return next((place for place in self.places if place.is_better), None)

    @property
    def baseline(self) -> Place:
        """The better one of the two naive forecasts, by MASE."""
        return min(map(self.place, BASELINES), key=lambda place: _rank("mase", place.entry.score))

    @property
    def unbeaten(self) -> list[str]:
        """The naive forecasts that no model beats by more than chance."""
        models = [place for place in self.places if place.model not in BASELINES]
        return [name for name in BASELINES if not any(place.against[name].is_better for place in models)]

    @property
    def has_enough(self) -> bool:
        """Whether there are units enough for the test to say anything."""
        return self.count >= chance.fewest(self.units.overlap)


def suitable_folds(panel: Panel, horizon: int, stride: int | None) -> int:
    """How many cutoffs to compare at: enough for the test, of what nine in ten series can spare.

    They take a quarter of a series; where that is too few, up to a half.
    """
    is_many = len(panel) >= _MANY_SERIES
    length = int(np.quantile(panel.lengths, 0.1))
    stride = stride or horizon
    quarter, half = (1 + max(length // share - horizon, 0) // stride for share in (4, 2))
    wanted = min(quarter, _FOLDS_OF_MANY_SERIES if is_many else _FOLDS)
    return max(wanted, min(half, 1 if is_many else chance.fewest(1)))


def compare(entries: Mapping[str, Entry], series: Ints, units: Units, *, by: str = "mase") -> Comparison:
    """Rank models by a metric and test each against both naive forecasts.

    Args:
        entries: by the model's name, `BASELINES` among them, all of the same R forecasts.
        series: [R] the series of each forecast.
        by: a metric; a coverage ranks by how far it is from what it should be.
    """
    names = sorted(entries, key=lambda name: _rank(by, entries[name].score))
    against = {name: _against(entries, name, units) for name in BASELINES}
    won = _series_won([entries[name].errors for name in names], series)
    places = tuple(
        Place(
            name,
            entries[name],
            {baseline: each[name] for baseline, each in against.items() if name in each},
            share,
        )
        for name, share in zip(names, won, strict=True)
    )
    known = ~np.isnan(units.average(entries[BASELINES[0]].errors))
    steps_won = _steps_won(names, np.stack([entries[name].steps for name in names]))
    return Comparison(by, places, units, int(known.sum()), steps_won)


def _against(entries: Mapping[str, Entry], baseline: str, units: Units) -> dict[str, Against]:
    """Every other model against a baseline; of the corrections for many tests, only the models' count."""
    base = entries[baseline]
    others = [name for name in entries if name != baseline]
    tests = {
        name: chance.diebold_mariano(units.average(entries[name].errors - base.errors), overlap=units.overlap)
        for name in others
    }
    models = [name for name in others if name not in BASELINES]
    p = {name: tests[name].p for name in others} | dict(
        zip(models, chance.holm([tests[name].p for name in models]), strict=True)
    )
    return {name: Against(skill(entries[name].score, base.score), tests[name], p[name]) for name in others}


def _rank(by: str, scores: Score) -> float:
    """What to sort by, the best first; what is not known comes last."""
    value = metrics.METRICS[by].rank(scores[by])
    return math.inf if math.isnan(value) else value


def _series_won(errors: list[Array], series: Ints) -> list[float]:
    """[models] the share of the series that each forecast best; 0 where nothing is known."""
    count = int(series.max()) + 1
    table = np.stack([mean_by_group(each, series, count) for each in errors])  # [M, N]
    table = table[:, ~np.isnan(table).any(axis=0)]
    if not table.size:
        return [0.0] * len(errors)
    is_best = table == table.min(axis=0)
    shares: list[float] = (is_best / is_best.sum(axis=0)).mean(axis=1).tolist()
    return shares


def _steps_won(names: list[str], steps: Array) -> tuple[str, ...]:
    """[H] the first of the models that are best at each step, by [M, H]; empty where errors have no scale."""
    if np.isnan(steps).any():
        return ()
    return tuple(names[number] for number in steps.argmin(axis=0))
