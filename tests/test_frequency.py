"""Frequencies: the numbers of timestamps, and the timestamps of numbers."""

import numpy as np
import pytest

from forecaster.frequency import DAY, HOUR, MINUTE, SECOND, WEEK, Frequency


def stamp(text: str) -> np.int64:
    return np.datetime64(text, "us").astype(np.int64)


EVERY_KIND = [
    (Frequency("integer"), np.int64(0)),
    (Frequency("integer", 3), np.int64(-7)),
    (Frequency("fixed", SECOND), stamp("2020-02-28T23:59:59")),
    (Frequency("fixed", 15 * MINUTE), stamp("2020-01-01T00:07")),
    (Frequency("fixed", WEEK), stamp("1969-01-01")),
    (Frequency("months", 1), stamp("2020-01-31")),
    (Frequency("months", 1), stamp("1969-12-15T13:00")),
    (Frequency("months", 3, month_end=True), stamp("2020-02-29")),
    (Frequency("months", 12), stamp("2020-02-29")),
    (Frequency("business"), stamp("2020-01-03T16:00")),
    (Frequency("business", weekmask="1111011", holidays=(18262, 18300)), stamp("2020-01-02")),
    (Frequency("months", 1, days=(1, 15)), stamp("2020-02-15")),
    (Frequency("months", 1, days=(15, 31)), stamp("2020-02-29")),
    (Frequency("months", 1, days=(1, 11, 21)), stamp("2019-12-21T06:00")),
    (Frequency("business", times=(9 * HOUR, 12 * HOUR, 13 * HOUR), holidays=(18263,)), stamp("2020-01-03T12:00")),
]


@pytest.mark.parametrize(("frequency", "start"), EVERY_KIND)
def test_index_is_the_inverse_of_timestamps(frequency: Frequency, start: np.int64) -> None:
    steps = np.arange(-50, 51)
    stamps = frequency.timestamps(start, steps)
    np.testing.assert_array_equal(frequency.index(start, stamps), steps)
    assert (np.diff(stamps) > 0).all()


@pytest.mark.parametrize(("frequency", "start"), EVERY_KIND)
def test_a_time_off_the_grid_gets_the_step_before_it(frequency: Frequency, start: np.int64) -> None:
    steps = np.arange(-20, 21)
    stamps = frequency.timestamps(start, steps)
    np.testing.assert_array_equal(frequency.index(start, stamps - 1), steps - 1)


def test_months_keep_the_day_of_the_start_where_the_month_has_it() -> None:
    frequency = Frequency("months")
    days = frequency.format(frequency.timestamps(stamp("2023-12-31"), np.arange(4)))
    assert days.tolist() == ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"]


def test_business_days_skip_weekends_and_holidays() -> None:
    christmas = int(np.datetime64("2020-12-25", "D").astype(np.int64))
    frequency = Frequency("business", holidays=(christmas,))
    days = frequency.format(frequency.timestamps(stamp("2020-12-24"), np.arange(3)))
    assert days.tolist() == ["2020-12-24", "2020-12-28", "2020-12-29"]


@pytest.mark.parametrize(
    ("frequency", "name", "defaults"),
    [
        (Frequency("fixed", 30 * MINUTE), "30min", (48, 48)),
        (Frequency("fixed", HOUR), "h", (24, 48)),
        (Frequency("fixed", DAY), "D", (7, 14)),
        (Frequency("business"), "B", (5, 10)),
        (Frequency("business", holidays=(18262,)), "trading", (5, 10)),
        (Frequency("business", weekmask="1111001"), "trading", (5, 10)),
        (Frequency("fixed", WEEK), "W", (52, 13)),
        (Frequency("months"), "MS", (12, 12)),
        (Frequency("months", 3, month_end=True), "QE", (4, 8)),
        (Frequency("months", 12), "YS", (1, 6)),
        (Frequency("integer"), "integer", (1, 8)),
        (Frequency("fixed", 15 * MINUTE), "15min", (96, 96)),
        (Frequency("fixed", 5 * SECOND), "5s", (12, 12)),
        (Frequency("months", 6), "2QS", (2, 6)),
    ],
)
def test_names_and_defaults_are_those_of_the_contract(
    frequency: Frequency, name: str, defaults: tuple[int, int]
) -> None:
    assert frequency.name == name
    assert frequency.defaults() == defaults


@pytest.mark.parametrize(
    ("frequency", "text", "zone", "expected"),
    [
        (Frequency("fixed", DAY), "2020-03-01", None, "2020-03-01"),
        (Frequency("fixed", HOUR), "2020-03-01", None, "2020-03-01T00:00:00"),
        (Frequency("fixed", HOUR), "2020-03-01", "+02:00", "2020-03-01T02:00:00+02:00"),
        (Frequency("fixed", DAY), "2020-03-01", "Europe/Paris", "2020-03-01T00:00:00+01:00"),
        (Frequency("fixed", 1000), "2020-03-01T00:00:00.001", None, "2020-03-01T00:00:00.001000"),
    ],
)
def test_times_are_formatted_as_iso_text(frequency: Frequency, text: str, zone: str | None, expected: str) -> None:
    assert frequency.format(np.array([stamp(text)]), zone).tolist() == [expected]
