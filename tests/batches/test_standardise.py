import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.batches.standardise import standardise

NAN = np.nan


def windows(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float64)


def seasons(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def test_the_location_is_the_mean_of_the_last_season() -> None:
    result = standardise(windows(list(range(20)), list(range(20))), seasons(6, 1))
    assert_allclose(result.location, [np.mean(range(14, 20)), np.mean(range(16, 20))])


def test_missing_steps_do_not_count() -> None:
    result = standardise(windows([1, 2, 3, 9, NAN, 5, NAN]), seasons(1))
    assert_allclose(result.location, [7.0])  # of 9 and 5 among the last four steps


def test_the_last_visible_value_is_the_location_of_a_window_that_ends_in_a_gap() -> None:
    result = standardise(windows([1, 2, 3, NAN, NAN, NAN, NAN]), seasons(1))
    assert_allclose(result.location, [3.0])


def test_the_size_is_the_deviation_of_the_last_four_seasons() -> None:
    generator = np.random.default_rng(0)
    values = np.cumsum(generator.normal(size=(1, 300)), axis=1)
    assert_allclose(standardise(values, seasons(12)).size, values[:, -48:].std())
    assert_allclose(standardise(values, seasons(1)).size, values[:, -32:].std())


def test_the_size_is_the_mean_change_where_that_is_larger() -> None:
    values = windows([1, -1] * 20)
    assert_allclose(standardise(values, seasons(1)).size, [2.0])


def test_changes_over_a_gap_do_not_count() -> None:
    values = windows([0, NAN, 10, 10.5, NAN, 20])
    assert_allclose(standardise(values, seasons(1)).size, np.nanstd(values))


def test_standardised_values_can_be_restored() -> None:
    values = np.random.default_rng(1).normal(1e6, 3, size=(5, 100))
    values[2, 10:20] = NAN
    result = standardise(values, seasons(1, 4, 7, 12, 24))
    assert result.values.dtype == np.float32
    assert_array_equal(np.isnan(result.values), np.isnan(values))
    assert_allclose(result.restore(result.values), values, atol=1e-5)


@pytest.mark.parametrize("level", [0.1, 1e300, -7e-300, 0.0])
def test_a_constant_window_has_size_0(level: float) -> None:
    result = standardise(windows([NAN, level, level, NAN, level]), seasons(1))
    assert_array_equal(result.location, [level])
    assert_array_equal(result.size, [0.0])
    assert_array_equal(result.values, np.float32([[NAN, 0, 0, NAN, 0]]))


def test_the_whole_window_decides_the_size_if_its_end_is_constant() -> None:
    values = windows([0, 3, 0, 5] + [0] * 40)
    result = standardise(values, seasons(1))
    assert_allclose(result.size, np.maximum(values.std(), np.abs(np.diff(values)).mean()))
    assert result.values[0, 3] > 1


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_the_units_do_not_matter(factor: float) -> None:
    values = np.random.default_rng(2).normal(3, 2, size=(4, 60))
    plain, scaled = (standardise(each, seasons(1, 4, 7, 12)) for each in (values, values * factor))
    assert_allclose(scaled.values, plain.values, rtol=1e-6)
    assert_allclose(scaled.location, plain.location * factor)
    assert_allclose(scaled.size, plain.size * factor)


def test_a_value_far_beyond_the_others_stays_finite() -> None:
    result = standardise(windows([1e300] + [1.0, 2.0, 3.0, 4.0] * 20), seasons(4))
    assert np.isfinite(result.values).all()
    assert np.abs(result.values).max() <= 1e6


def test_steps_after_until_decide_nothing() -> None:
    values = np.random.default_rng(3).normal(size=(3, 80))
    changed = values.copy()
    changed[0, 50:], changed[1, 60:] = 1e9, NAN
    until = seasons(50, 60, 80)
    before, after = (standardise(each, seasons(1, 12, 7), until=until) for each in (values, changed))
    assert_array_equal(before.location, after.location)
    assert_array_equal(before.size, after.size)
    assert_array_equal(before.values[0, :50], after.values[0, :50])
    alone = standardise(values[:1, :50], seasons(1))
    assert_array_equal(alone.size, before.size[:1])
    assert_array_equal(alone.values, before.values[:1, :50])


def test_a_least_size_enlarges_the_units() -> None:
    values = windows([1, 2, 3, 4, NAN], [5, 5, 5, 5, 5], [10, 20, 30, 40, 50])
    plain = standardise(values, seasons(1, 1, 1))
    result = plain.with_least_size(np.array([100.0, 0.0, 1.0]))
    assert_allclose(result.size, [100, 0, plain.size[2]])
    assert_allclose(result.restore(result.values), values, rtol=1e-6)
    assert_array_equal(plain.with_least_size(np.array([0.0, 7.0, 0.0])).values[1], np.zeros(5))


def test_a_window_without_values_stays_empty() -> None:
    result = standardise(windows([NAN] * 5), seasons(1))
    assert np.isnan(result.values).all()
    assert_array_equal([result.location, result.size], [[0.0], [0.0]])
