"""The profiles of constructed series."""

import numpy as np
import pytest

from forecaster.data.grid.series_profile import find_outliers, profile_series
from tests.conftest import MakePanel

NAN = float("nan")
WEEK = np.array([0, 1, 5, 2, 8, 20, 25.0])


def test_counts_are_those_of_the_values(make_panel: MakePanel) -> None:
    found = profile_series(make_panel([[1, NAN, NAN, 0, NAN, -2, 0, 7], [3, 3, 3]]))
    assert found.missing.tolist() == [3, 0]
    assert found.gaps.tolist() == [2, 0]
    assert (found.longest_gap.tolist(), found.gap_at.tolist()) == ([2, 0], [1, 0])
    assert (found.zeros.tolist(), found.negatives.tolist()) == ([2, 0], [1, 0])
    assert found.is_constant.tolist() == [False, True]
    assert [found.lowest[0], found.mean[0], found.highest[0]] == [-2, 1.2, 7]


def test_the_longest_run_of_one_value_continues_across_gaps(make_panel: MakePanel) -> None:
    found = profile_series(make_panel([[1, 2, 4, NAN, 4, 4, 2, 2]]))
    assert (found.flat.tolist(), found.flat_at.tolist()) == ([3], [2])


def test_values_have_the_digits_of_the_table(make_panel: MakePanel) -> None:
    assert profile_series(make_panel([[0.1, 0.7]])).lowest[0] == 0.1


def test_the_farthest_value_is_the_first_outlier() -> None:
    noise = np.random.default_rng(0).normal(size=400)
    noise[[100, 300]] += [20, 60]
    assert find_outliers(noise.astype(np.float32), 1).tolist() == [300, 100]


def test_a_season_neither_hides_an_outlier_nor_is_one() -> None:
    values = np.tile(WEEK, 60) + np.random.default_rng(0).normal(size=420) / 10
    assert not len(find_outliers(values.astype(np.float32), 7))
    values[350] = 8  # a Monday like a Friday
    values[100:130] = NAN
    assert find_outliers(values.astype(np.float32), 7).tolist() == [350]


@pytest.mark.parametrize("season", [1, 7])
def test_frequent_far_values_are_not_outliers(season: int) -> None:
    random = np.random.default_rng(0)
    rain = np.where(random.random(700) < 0.2, random.gamma(1, 10, 700), random.random(700) / 100)
    assert not len(find_outliers(rain.astype(np.float32), season))


@pytest.mark.parametrize("values", [[1.0], [1, 1, 1, 9], [1, 2], [NAN, 3, NAN][1:2]])
def test_a_series_too_short_or_flat_has_no_outlier(values: list[float]) -> None:
    assert not len(find_outliers(np.array(values, np.float32), 12))
