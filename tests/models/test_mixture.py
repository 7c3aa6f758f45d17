import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.forecast import PROBABILITIES
from forecaster.models.mixture import mix_quantiles, shares_of

EQUAL = np.full(9, 1 / 9)

scipy_stats = pytest.importorskip("scipy.stats")


def normal(means: np.ndarray, deviation: float = 1.0) -> np.ndarray:
    """Return the [..., Q] quantiles of normal distributions."""
    scores: np.ndarray = scipy_stats.norm.ppf(PROBABILITIES)
    return np.asarray(means)[..., None] + deviation * scores


def test_equal_forecasts_are_their_own_mixture() -> None:
    quantiles = normal(np.full((3, 9), 5.0))
    assert_allclose(mix_quantiles(quantiles, EQUAL), quantiles[:, 0], rtol=1e-12)


def test_the_mixture_of_constants_is_the_constant() -> None:
    assert_array_equal(mix_quantiles(np.full((2, 9, 15), 0.1), EQUAL), np.full((2, 15), 0.1))


def test_a_mixture_of_shifted_normals_is_as_wide_as_their_convolution() -> None:
    means = scipy_stats.norm.ppf(np.arange(1, 10) / 10)  # the deciles of a normal distribution
    mixed = mix_quantiles(normal(means), EQUAL)
    sample = (means[:, None] + scipy_stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)).ravel()
    assert_allclose(mixed, np.quantile(sample, PROBABILITIES), atol=0.12)
    assert_allclose(mixed[7], 0, atol=1e-12)


def test_a_mixture_of_two_clusters_is_bimodal() -> None:
    means = np.array([0.0] * 3 + [100.0] * 6)
    mixed = mix_quantiles(normal(means), EQUAL)
    is_low = np.array(PROBABILITIES) < 0.3
    assert (mixed[is_low] < 5).all()
    assert (mixed[np.array(PROBABILITIES) >= 0.4] > 95).all()


def test_quantiles_never_decrease_and_the_order_of_forecasts_does_not_matter() -> None:
    generator = np.random.default_rng(0)
    quantiles = np.sort(generator.standard_cauchy(size=(50, 9, 15)), axis=-1)
    mixed = mix_quantiles(quantiles, EQUAL)
    assert (np.diff(mixed, axis=-1) >= 0).all()
    assert_allclose(mix_quantiles(quantiles[:, ::-1], EQUAL), mixed, rtol=1e-9)
    assert (mixed >= quantiles.min((1, 2))[:, None]).all()
    assert (mixed <= quantiles.max((1, 2))[:, None]).all()


def test_weights_are_probabilities() -> None:
    quantiles = normal(np.array([0.0, 0.0, 50.0]))
    mixed = mix_quantiles(quantiles, np.array([0.2, 0.7, 0.1]))
    assert_allclose(mixed[7], scipy_stats.norm.ppf(0.5 / 0.9), atol=0.1)
    assert mixed[-1] > 45  # 0.975
    assert mixed[-4] < 5  # 0.8
    assert_allclose(mix_quantiles(quantiles[:1], np.ones(1)), quantiles[0], rtol=1e-12)


def test_shares_belong_to_the_nearest_quantile() -> None:
    assert_allclose(shares_of((0.1, 0.5, 0.7)), [0.3, 0.3, 0.4])
    assert_allclose(shares_of(PROBABILITIES).sum(), 1)
