from datetime import UTC, datetime

import numpy as np
import pytest

from forecaster.frequency import DAY, HOUR, WEEK, Frequency
from forecaster.workflows.clock import ends, now_on


def at(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


@pytest.mark.parametrize(
    ("frequency", "stamp", "over"),
    [
        (Frequency("fixed", HOUR), "2024-03-01T05:00", "2024-03-01T06:00"),
        (Frequency("fixed", DAY), "2024-03-01", "2024-03-02"),
        (Frequency("fixed", WEEK), "2024-03-04", "2024-03-11"),  # a Monday begins its week
        (Frequency("fixed", WEEK), "2024-03-03", "2024-03-04"),  # a Sunday ends it
        (Frequency("months"), "2024-02-01", "2024-03-01"),
        (Frequency("months", month_end=True), "2024-02-29", "2024-03-01"),
        (Frequency("months", 3), "2024-01-01", "2024-04-01"),
        (Frequency("business"), "2024-03-01", "2024-03-02"),
    ],
)
def test_a_step_is_over_when_its_period_is(frequency: Frequency, stamp: str, over: str) -> None:
    assert ends(frequency, np.array([at(stamp)])).tolist() == [at(over)]


def test_a_step_of_integer_time_is_over_at_once() -> None:
    assert ends(Frequency("integer"), np.array([7])).tolist() == [7]


@pytest.mark.parametrize(
    ("every", "zone", "home", "expected"),
    [
        (DAY, "Europe/Berlin", None, "2024-03-31T03:30"),  # the night when 2 o'clock is skipped
        (HOUR, "Europe/Berlin", None, "2024-03-31T01:30"),
        (DAY, "+05:00", None, "2024-03-31T06:30"),
        (DAY, None, "Europe/Berlin", "2024-03-31T03:30"),
        (HOUR, None, "UTC", "2024-03-31T01:30"),
    ],
)
def test_now_is_counted_as_the_data_counts(every: int, zone: str | None, home: str | None, expected: str) -> None:
    now = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    assert now_on(Frequency("fixed", every), zone, now, home=home) == at(expected)


def test_the_hour_that_comes_twice_makes_no_step_end_earlier() -> None:
    frequency = Frequency("fixed", DAY)
    first, second = (datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1))  # both 2:30 in Berlin
    stamp = np.array([at("2024-10-26")])
    for now in (first, second):
        assert ends(frequency, stamp)[0] <= now_on(frequency, "Europe/Berlin", now)
        assert ends(frequency, stamp + DAY)[0] > now_on(frequency, "Europe/Berlin", now)
