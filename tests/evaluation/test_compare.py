"""Leaderboards of models whose errors are known."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from forecaster.evaluation.backtest import Plan, backtest
from forecaster.evaluation.compare import Comparison, ModelResult, compare
from forecaster.evaluation.score import score
from forecaster.evaluation.verdict import Units
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.workflows.scoring import units_of
from tests.conftest import MakePanel

SERIES, FOLDS, HORIZON = 3, 12, 4
series, fold = (each.ravel() for each in np.divmod(np.arange(SERIES * FOLDS), FOLDS))
by_cutoff = Units("cutoffs", fold, 1)


def entry(errors: np.ndarray, **scores: float) -> ModelResult:
    scores = {"mase": float(np.nanmean(errors)), "wql": 0.1, "coverage80": 0.8, **scores}
    steps = np.nanmean(errors) * np.linspace(0.5, 1.5, HORIZON)
    return ModelResult(scores, errors, steps, fit_seconds=1.0, predict_seconds=0.1, fallbacks=0)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(1, 0.1, SERIES * FOLDS)


def board(
    models: Mapping[str, ModelResult], naive: np.ndarray, units: Units = by_cutoff, by: str = "mase"
) -> Comparison:
    return compare({**models, "seasonal_naive": entry(naive + 0.5), "naive": entry(naive)}, series, units, by=by)


def test_a_model_that_is_better_at_every_cutoff_is_the_best(noise: np.ndarray) -> None:
    other = np.random.default_rng(1).normal(0, 0.1, len(noise))
    found = board({"gru": entry(noise - 0.2 + other), "same": entry(noise + other)}, noise)
    assert [place.model for place in found.places] == ["gru", "naive", "same", "seasonal_naive"]
    assert (found.leader.model, found.recommended.model, found.leader.verdict) == ("gru", "gru", "better")
    assert found.leader.tests["naive"].skill == pytest.approx(0.2, abs=0.05)
    assert found.leader.tests["naive"].p < 0.01
    assert found.place("same").verdict != "better"
    assert found.place("same").tests["seasonal_naive"].is_better
    assert found.place("seasonal_naive").tests["naive"].is_worse
    assert (found.unit_count, found.has_enough_units) == (FOLDS, True)


def test_nothing_is_better_than_the_naive_forecast_it_equals(noise: np.ndarray) -> None:
    other = np.random.default_rng(1).normal(0, 0.1, len(noise))
    found = board({"gru": entry(noise + other)}, noise)
    assert found.leader.verdict == "undecided"


def test_each_p_is_raised_for_how_many_models_are_tested(noise: np.ndarray) -> None:
    rows = np.random.default_rng(3).normal(-0.03, 0.1, (5, len(noise)))
    entries = {f"m{number}": entry(noise + row) for number, row in enumerate(rows)}
    alone = board({"m0": entries["m0"]}, noise).place("m0").tests["naive"]
    among = board(entries, noise).place("m0").tests["naive"]
    assert alone.p == alone.test.p == among.test.p
    assert among.p > alone.p


def test_too_few_cutoffs_have_no_p_and_nothing_is_best(noise: np.ndarray) -> None:
    is_early = fold < 4
    errors, few = noise[is_early], Units("cutoffs", fold[is_early], 1)
    entries = {"gru": entry(errors - 0.5), "naive": entry(errors), "seasonal_naive": entry(errors)}
    found = compare(entries, series[is_early], few)
    assert math.isnan(found.place("gru").tests["naive"].p)
    assert (found.leader.verdict, found.recommended.model) == ("undecided", "gru")
    assert (found.unit_count, found.has_enough_units) == (4, False)


def test_many_series_are_units_and_overlapping_cutoffs_are_told(make_panel: MakePanel) -> None:
    many, few = (make_panel([np.arange(40.0)] * count) for count in (30, 29))
    plan = Plan(HORIZON, folds=3, stride=3)
    test = backtest(lambda _: Naive(), many, plan)
    units = units_of(test, plan)
    assert (units.kind, units.overlap, units.average(np.ones(90)).shape) == ("series", 1, (30,))
    units = units_of(backtest(lambda _: Naive(), few, plan), plan)
    assert (units.kind, units.overlap, units.average(np.ones(87)).shape) == ("cutoffs", 2, (3,))
    assert units_of(backtest(lambda _: Naive(), few, Plan(HORIZON)), Plan(HORIZON)).overlap == 1


def test_the_test_sees_the_mean_of_each_unit(noise: np.ndarray) -> None:
    """However many series share a cutoff, they are one observation of how two models differ."""
    shift = np.random.default_rng(5).normal(-0.05, 0.1, FOLDS)
    found = board({"gru": entry(noise + shift[fold])}, noise).place("gru").tests["naive"].test
    expected = shift.mean() / (shift.std(ddof=1) / math.sqrt(FOLDS))
    assert found.statistic == pytest.approx(expected)


@pytest.mark.parametrize(
    ("by", "first"), [("mase", "sharp"), ("wql", "wide"), ("coverage80", "wide"), ("coverage95", "sharp")]
)
def test_the_board_is_sorted_by_what_was_asked_for(noise: np.ndarray, by: str, first: str) -> None:
    nan = math.nan
    models = {
        "wide": entry(noise, wql=0.05, coverage80=0.83, coverage95=1.0),
        "sharp": entry(noise - 0.2, wql=0.08, coverage80=0.6, coverage95=0.94),
        "unknown": entry(noise, mase=nan, wql=nan, coverage80=nan, coverage95=nan),
    }
    baseline = entry(noise + 0.5, wql=0.2, coverage80=0.5, coverage95=0.5)
    found = compare({**models, "naive": baseline, "seasonal_naive": baseline}, series, by_cutoff, by=by)
    assert found.places[0].model == first
    assert found.places[-1].model == "unknown"


def test_each_series_is_won_by_its_best_model_and_ties_are_shared(noise: np.ndarray) -> None:
    gru = np.where(series == 0, noise - 0.1, noise + 0.1)
    found = compare({"gru": entry(gru), "naive": entry(noise), "seasonal_naive": entry(noise)}, series, by_cutoff)
    won = {place.model: place.series_won for place in found.places}
    assert won == pytest.approx({"gru": 1 / 3, "naive": 1 / 3, "seasonal_naive": 1 / 3})


def test_each_step_is_won_by_its_best_model(noise: np.ndarray) -> None:
    early = ModelResult(entry(noise).score, noise, np.array([0.1, 0.2, 1.5, 1.6]), 0, 0, 0)
    late = ModelResult(entry(noise).score, noise, np.array([0.5, 0.3, 0.9, 1.0]), 0, 0, 0)
    found = compare({"early": early, "naive": late, "seasonal_naive": late}, series, by_cutoff)
    assert found.steps_won == ("early", "early", "naive", "naive")


def test_errors_without_a_scale_win_nothing(noise: np.ndarray) -> None:
    nothing = np.full(len(noise), np.nan)
    lost = ModelResult({"mase": math.nan}, nothing, np.full(HORIZON, np.nan), 0, 0, 0)
    found = compare(dict.fromkeys(("gru", "naive", "seasonal_naive"), lost), series, by_cutoff)
    assert found.steps_won == ()
    assert [place.series_won for place in found.places] == [0, 0, 0]
    assert (found.leader.verdict, found.unit_count, found.has_enough_units) == ("undecided", 0, False)


def test_an_entry_keeps_what_a_backtest_says(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    holed = np.where(np.arange(50) % 4 == 3, np.nan, generator.normal(size=50))
    panel = make_panel([generator.normal(5, 1, 60), holed, [3.0] * 30], season=6)
    test = backtest(lambda _: SeasonalNaive(), panel, Plan(HORIZON, folds=5))
    found = ModelResult.of(test)
    assert found.score == score(test.forecast, test.actual, test.scale)
    scale = test.scale.absolute
    has_scale = scale > 0
    rows = np.abs(test.actual - test.forecast.median)[has_scale] / scale[has_scale, None]
    np.testing.assert_allclose(found.losses[has_scale], np.nanmean(rows, axis=1), rtol=1e-6)
    assert np.isnan(found.losses[~has_scale]).all()
    assert not has_scale.all()
    np.testing.assert_allclose(found.steps, np.nanmean(rows, axis=0), rtol=1e-6)
    assert np.nanmean(found.losses) == pytest.approx(found.score["mase"])
