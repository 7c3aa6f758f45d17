"""The expectation of a distribution that is known by its quantiles."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from scipy import stats

from forecaster.forecast import PROBABILITIES
from forecaster.quantile_function import expectation


@pytest.mark.parametrize(
    ("distribution", "tolerance"),
    [
        (stats.norm(3, 2), 1e-9),
        (stats.uniform(0, 1), 1e-9),
        (stats.expon(scale=2), 0.02),
        (stats.gamma(0.5), 0.02),
        (stats.lognorm(0.5), 0.01),
        (stats.lognorm(1.0), 0.03),
        (stats.poisson(0.4), 0.15),
        (stats.nbinom(0.5, 0.2), 0.05),
    ],
    ids=["normal", "uniform", "exponential", "gamma", "lognormal", "wide lognormal", "Poisson", "negative binomial"],
)
def test_it_is_close_to_the_mean_of_known_distributions(distribution: Any, tolerance: float) -> None:
    quantiles = np.array(distribution.ppf(PROBABILITIES))
    assert expectation(quantiles, PROBABILITIES) == pytest.approx(distribution.mean(), rel=tolerance)


def test_it_is_the_integral_of_the_interpolated_quantile_function_with_exponential_tails() -> None:
    quantiles = np.sort(np.random.default_rng(0).normal(size=15)) ** 3
    levels = (np.arange(4_000_000) + 0.5) / 4_000_000
    inner = np.interp(levels, PROBABILITIES, quantiles)
    low, high = PROBABILITIES[0], PROBABILITIES[-1]
    lower = quantiles[0] - (quantiles[1] - quantiles[0]) * np.log(low / levels) / math.log(PROBABILITIES[1] / low)
    share = (1 - PROBABILITIES[-2]) / (1 - high)
    upper = quantiles[-1] + (quantiles[-1] - quantiles[-2]) * np.log((1 - high) / (1 - levels)) / math.log(share)
    function = np.where(levels < low, lower, np.where(levels > high, upper, inner))
    assert expectation(quantiles, PROBABILITIES) == pytest.approx(function.mean(), abs=1e-5)


def test_a_constant_and_a_symmetric_distribution_have_their_median() -> None:
    normal = np.array([NormalDist().inv_cdf(p) for p in PROBABILITIES])
    rows = np.stack([np.full(15, 1e9 / 3), 7 + 2 * normal])
    found = expectation(rows, PROBABILITIES)
    assert found[0] == 1e9 / 3
    assert found[1] == pytest.approx(7, abs=1e-12)


def test_bounds_of_the_variable_bound_its_tails() -> None:
    quantiles = np.array([0.1, 0.6, *np.linspace(1, 3, 13)])
    unbounded = float(expectation(quantiles, PROBABILITIES))
    bounded = float(expectation(quantiles, PROBABILITIES, (0.0, np.inf)))
    assert bounded > unbounded
    assert expectation(np.zeros(15), PROBABILITIES, (0.0, np.inf)) == 0


def test_it_keeps_shape_and_type_and_never_leaves_the_outermost_quantiles() -> None:
    quantiles = np.sort(np.random.default_rng(1).standard_cauchy((3, 5000, 15)), axis=-1).astype(np.float32)
    found = expectation(quantiles, PROBABILITIES)
    assert (found.shape, found.dtype) == ((3, 5000), np.float32)
    assert ((found >= quantiles[..., 0]) & (found <= quantiles[..., -1])).all()
