"""The members that held-out steps choose."""

import numpy as np
import numpy.typing as npt
import pytest

from forecaster.evaluation.combination import MIN_GAIN, choose_members, combine, scaled_loss
from forecaster.forecast import PROBABILITIES

Array = npt.NDArray[np.float64]
ROWS, HORIZON = 40, 3


@pytest.fixture
def actual() -> Array:
    return np.random.default_rng(0).normal(10, 2, (ROWS, HORIZON))


def forecast(actual: Array, *, bias: float) -> Array:
    """Quantiles of a forecast whose median is `bias` above the actual value."""
    return actual[:, :, None] + bias + (np.array(PROBABILITIES) - 0.5)


def units() -> Array:
    return np.ones(ROWS)


def test_opposite_errors_are_combined_and_a_worse_candidate_is_left_out(actual: Array) -> None:
    forecasts = [forecast(actual, bias=bias) for bias in (1.0, 9.0, -1.0)]
    choice = choose_members(forecasts, actual, units(), leaders=range(3), most=3)
    assert choice.members == (0, 2)
    assert choice.loss == scaled_loss(combine([forecasts[0], forecasts[2]]), actual, units()) < min(choice.losses)
    assert choice.losses == tuple(scaled_loss(each, actual, units()) for each in forecasts)


def test_no_more_members_than_asked_for(actual: Array) -> None:
    forecasts = [forecast(actual, bias=bias) for bias in (1.0, -1.0)]
    assert choose_members(forecasts, actual, units(), leaders=range(2), most=1).members == (0,)


def test_a_leader_is_a_member_even_if_another_candidate_is_better(actual: Array) -> None:
    forecasts = [forecast(actual, bias=bias) for bias in (0.0, 3.0, 2.0)]
    assert choose_members(forecasts, actual, units(), leaders=[1, 2], most=1).members == (2,)
    assert 0 in choose_members(forecasts, actual, units(), leaders=[1, 2], most=2).members


def test_a_gain_within_the_noise_adds_no_member(actual: Array) -> None:
    one, same = forecast(actual, bias=1.0), forecast(actual, bias=1.0 - MIN_GAIN / 4)
    assert choose_members([same, one], actual, units(), leaders=range(2), most=2).members == (0,)


def test_each_row_counts_in_its_own_units(actual: Array) -> None:
    large = actual * 1000
    quantiles = np.concatenate([forecast(actual, bias=1.0), 1000 * forecast(actual, bias=1.0)])
    both = scaled_loss(quantiles, np.concatenate([actual, large]), np.repeat([1.0, 1000.0], ROWS))
    assert both == pytest.approx(scaled_loss(forecast(actual, bias=1.0), actual, units()))


@pytest.mark.parametrize("unit", [0.0, np.nan])
def test_rows_without_units_are_left_out_unless_all_are(actual: Array, unit: float) -> None:
    quantiles = forecast(actual, bias=1.0)
    quantiles[0] += 1e6
    some = units()
    some[0] = unit
    assert scaled_loss(quantiles, actual, some) == pytest.approx(scaled_loss(quantiles[1:], actual[1:], some[1:]))
    assert np.isfinite(scaled_loss(quantiles, actual, np.full(ROWS, unit)))


def test_unknown_values_are_left_out_and_nothing_known_has_an_infinite_loss(actual: Array) -> None:
    quantiles = forecast(actual, bias=1.0)
    holes = actual.copy()
    holes[:, 0] = np.nan
    assert scaled_loss(quantiles, holes, units()) == pytest.approx(
        scaled_loss(quantiles[:, 1:], actual[:, 1:], units())
    )
    assert scaled_loss(quantiles, np.full_like(actual, np.nan), units()) == np.inf
