import math

import numpy as np
import pytest

from forecaster.config.job import AlarmConfig
from forecaster.evaluation.drift import Drift, find_drift

USUAL = AlarmConfig()


def test_the_statistic_is_what_a_hand_works_out() -> None:
    # promised 2, so in promised errors 1, 2, 0.5, 3, 2; less 1.5: -0.5, 0.5, -1, 1.5, 0.5
    errors = [2.0, 4.0, 1.0, 6.0, 4.0]
    assert find_drift(errors, 2, delta=0.5, threshold=1.75) == Drift(2.0, 1.75, rise_start=3, alarm_start=4)
    assert find_drift(errors[:4], 2, delta=0.5, threshold=1.75) == Drift(1.5, 1.75, rise_start=3, alarm_start=None)
    assert find_drift(errors[:3], 2, delta=0.5, threshold=1.75) == Drift(0.0, 1.75, rise_start=None, alarm_start=None)
    assert find_drift(errors[:2], 2, delta=0.5, threshold=1.75).rise_start == 1


def test_it_is_the_sum_above_its_lowest_point() -> None:
    errors = np.abs(np.random.default_rng(0).normal(size=200))
    sums = np.concatenate([[0], np.cumsum(errors / 0.8 - 1 - 0.1)])
    found = find_drift(errors, 0.8, delta=0.1, threshold=5)
    assert found.statistic == pytest.approx(sums[-1] - sums.min())
    assert found.rise_start == int(np.flatnonzero(sums == sums.min())[-1])


def test_a_period_of_which_nothing_is_known_changes_nothing() -> None:
    with_gap = find_drift([9, math.nan, 9], 1, delta=0, threshold=10)
    assert with_gap == Drift(16.0, 10, rise_start=0, alarm_start=2)


def test_an_alarm_ends_when_errors_have_been_small_for_long_enough() -> None:
    errors = [5.0, 5.0, *[0.5] * 6]
    assert find_drift(errors[:2], 1, delta=0, threshold=6).is_alarm
    later = find_drift(errors, 1, delta=0, threshold=6)
    assert not later.is_alarm
    assert later.alarm_start == 1


def half_normal(size: tuple[int, int], seed: int) -> np.ndarray:
    """The sizes of normal errors, their mean 1."""
    return np.abs(np.random.default_rng(seed).normal(0, math.sqrt(math.pi / 2), size))


def test_stationary_errors_give_an_alarm_as_seldom_as_told() -> None:
    histories = half_normal((200, 365), 0)
    alarms = [find_drift(each, 1, delta=USUAL.delta, threshold=USUAL.threshold).is_alarm for each in histories]
    ever = [
        any(
            find_drift(each[:end], 1, delta=USUAL.delta, threshold=USUAL.threshold).is_alarm for end in range(1, 366, 7)
        )
        for each in histories[:60]
    ]
    assert np.mean(alarms) <= 0.02
    assert np.mean(ever) <= 0.17  # 1 - exp(-365 / 3700) is 0.09


def test_errors_that_double_are_found_within_32() -> None:
    found = []
    for before, after in zip(half_normal((200, 100), 1), 2 * half_normal((200, 32), 2), strict=True):
        drift = find_drift([*before, *after], 1, delta=USUAL.delta, threshold=USUAL.threshold)
        found.append(drift.alarm_start is not None)
    assert np.mean(found) > 0.97
