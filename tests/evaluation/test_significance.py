"""The significance test, against values worked by hand and against its rate of false alarms."""

import math

import numpy as np
import pytest

from forecaster.evaluation.significance import diebold_mariano, holm, minimum_differences

NAN = math.nan


def test_without_overlap_it_is_the_paired_t_test() -> None:
    # mean 0.3, sum of squares about it 0.16, so t = 0.3 / sqrt(0.16 / 4 / 5) = 3.354, and with 4 degrees of freedom
    # p = 1 - 3/4 u (1 - u^2 / 12), u = t / sqrt(1 + t^2 / 4)
    found = diebold_mariano(np.array([0.1, 0.5, 0.1, 0.3, 0.5]))
    assert found.difference == pytest.approx(0.3)
    assert found.statistic == pytest.approx(0.3 / math.sqrt(0.16 / 4 / 5))
    u = math.sqrt(11.25 / (1 + 11.25 / 4))
    assert found.p == pytest.approx(1 - 0.75 * u * (1 - u**2 / 12))


def test_overlap_adds_autocovariances_and_the_small_sample_correction() -> None:
    # repeats of 1, 1, -1, -1 about a mean of 0.5: 20 values, autocovariance 1 at lag 0, and at lag 1
    # ten pairs alike less nine apart, over 20: 1 / 20; variance 1.1; correction (20 + 1 - 4 + 2 / 20) / 20 = 0.855
    found = diebold_mariano(0.5 + np.tile([1.0, 1.0, -1.0, -1.0], 5), overlap=2)
    assert found.difference == pytest.approx(0.5)
    assert found.statistic == pytest.approx(math.sqrt(0.855) * 0.5 / math.sqrt(1.1 / 20))
    assert found.p == pytest.approx(0.0633, abs=1e-3)


def test_a_sum_of_autocovariances_below_0_gives_way_to_the_plain_variance() -> None:
    found = diebold_mariano(1 + np.tile([1.0, -1.0], 10), overlap=2)  # lag 1: -19 / 20, so 1 - 1.9 < 0
    assert found.statistic == pytest.approx(math.sqrt(0.855) * 1 / math.sqrt(1 / 20))


@pytest.mark.parametrize("overlap", [1, 3])
def test_too_few_differences_say_nothing(overlap: int) -> None:
    values = np.random.default_rng(0).normal(size=minimum_differences(overlap))
    assert not math.isnan(diebold_mariano(values, overlap=overlap).p)
    values[0] = NAN  # one missing is one too few
    found = diebold_mariano(values, overlap=overlap)
    assert math.isnan(found.p)
    assert found.difference == pytest.approx(float(values[1:].mean()))
    assert math.isnan(diebold_mariano(np.array([]), overlap=overlap).difference)


def test_differences_that_are_all_alike_need_no_variance() -> None:
    equal, better = diebold_mariano(np.zeros(9)), diebold_mariano(np.full(9, -0.1))
    assert (equal.statistic, equal.p) == (0, 1)
    assert (better.statistic, better.p) == (-math.inf, 0)


@pytest.mark.parametrize(("count", "overlap", "most"), [(5, 1, 0.055), (20, 1, 0.055), (20, 2, 0.08), (50, 5, 0.09)])
def test_between_equals_about_one_test_in_twenty_raises_an_alarm(count: int, overlap: int, most: float) -> None:
    noise = np.random.default_rng(1).normal(size=(4000, count + overlap - 1))
    rows = sum(noise[:, lag : lag + count] for lag in range(overlap))  # what overlaps is correlated
    alarms = np.mean([diebold_mariano(row, overlap=overlap).p < 0.05 for row in np.asarray(rows)])
    assert 0.04 < alarms < most


def test_a_difference_that_is_there_is_found() -> None:
    rows = np.random.default_rng(2).normal(-1, 1, size=(200, 20))
    assert np.mean([diebold_mariano(row).p < 0.05 for row in rows]) > 0.95


def test_holm_multiplies_by_how_many_are_left_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, NAN, 0.9]) == pytest.approx([1, NAN, 1], nan_ok=True)
    assert holm([]) == []
