"""The rule of the verdict, and the loss that it rates."""

import math

import numpy as np
import pytest

from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.verdict import (
    BaselineTest,
    Units,
    choose_loss,
    compare_with_baseline,
    describe_evidence,
    judge,
    measure_losses,
)
from forecaster.forecast import DECILES
from forecaster.models.naive import SeasonalNaive
from tests.conftest import MakePanel

CUTOFFS = 12
BY_CUTOFF = Units("cutoffs", np.arange(CUTOFFS), 1)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, CUTOFFS)


def compared(gain: float, noise: np.ndarray, units: Units = BY_CUTOFF) -> BaselineTest:
    naive = np.ones(len(noise))
    return compare_with_baseline(naive - gain + noise, naive, units)


@pytest.mark.parametrize(
    ("seasonal", "naive", "word"),
    [
        (0.3, 0.3, "better"),
        (0.3, 0.02, "undecided"),
        (0.02, -0.02, "undecided"),
        (0.3, -0.3, "worse"),
        (-0.3, -0.3, "worse"),
        (0.02, -0.3, "worse"),
    ],
)
def test_both_naive_forecasts_decide(noise: np.ndarray, seasonal: float, naive: float, word: str) -> None:
    assert judge({"seasonal_naive": compared(seasonal, noise), "naive": compared(naive, noise)}) == word


def test_nothing_to_compare_with_decides_nothing() -> None:
    unknown = compare_with_baseline(np.full(CUTOFFS, math.nan), np.ones(CUTOFFS), BY_CUTOFF)
    assert (judge({}), judge({"naive": unknown}), unknown.count) == ("undecided", "undecided", 0)
    assert math.isnan(unknown.skill)


def test_few_cutoffs_decide_nothing_however_large_the_difference(noise: np.ndarray) -> None:
    test = compared(0.9, noise[:4], Units("cutoffs", np.arange(4), 1))
    assert judge({"naive": test}) == "undecided"
    evidence = describe_evidence({"naive": test}, Units("cutoffs", np.arange(4), 1), "mase")
    assert (evidence["count"], evidence["fewest"], evidence["needed"]) == (4, 5, 5)
    assert evidence["skill_naive"] == pytest.approx(0.9, abs=0.1)


def test_the_number_of_cutoffs_that_would_decide_grows_as_the_difference_shrinks(noise: np.ndarray) -> None:
    def needed(gain: float) -> int | None:
        number: int | None = describe_evidence({"naive": compared(gain, noise)}, BY_CUTOFF, "mase")["needed"]
        return number

    noise = noise - noise.mean()
    assert needed(0.3) is None  # decided
    assert CUTOFFS < (needed(0.03) or 0) < (needed(0.02) or 0)
    assert needed(0.001) is None  # no number of cutoffs would do


def test_many_series_are_units_themselves() -> None:
    many, few = np.repeat(np.arange(30), 2), np.repeat(np.arange(29), 2)
    cutoffs = np.arange(60) % 2
    assert Units.of(many, cutoffs).kind == "series"
    assert Units.of(few, cutoffs[:58], overlap=2) == Units("cutoffs", pytest.approx(cutoffs[:58]), 2)


def test_zeros_are_rated_by_their_quantiles(make_panel: MakePanel) -> None:
    sparse = [0.0, 0, 0, 5, 0, 0, 0, 3]
    assert choose_loss(make_panel([sparse])) == "wql"
    assert choose_loss(make_panel([[1, 2, 3, 4, 0, 0, math.nan, 0]])) == "mase"


def test_the_quantile_loss_is_the_mean_of_all_deciles_in_units_of_the_scale(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 3, 2, 6, 4, 5], [10, 30, 20, 60, 40, math.nan]], season=2)
    visible = panel.cut(2)
    actual, forecast = visible.actual(2, panel.end), SeasonalNaive().predict(visible, 2)
    scale = Scale.of(visible)
    found = measure_losses(forecast, actual, scale, "wql")
    for row in range(2):
        losses = [
            2 * max(p * (y - q), (p - 1) * (y - q))
            for p in DECILES
            for y, q in zip(actual[row], forecast.at(p)[row], strict=True)
            if not math.isnan(y)
        ]
        assert found[row] == pytest.approx(np.mean(losses) / scale.absolute[row], rel=1e-6)
