"""Features of public holidays, with a stand-in for the package that lists them."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from forecaster.batches import holidays
from forecaster.errors import DataError, DependencyError, UsageError
from forecaster.frequency import DAY, HOUR, WEEK, Frequency, Ints
from tests.conftest import fake_holidays

HOURLY, DAILY, WEEKLY = (Frequency("fixed", every) for every in (HOUR, DAY, WEEK))
MONTHLY = Frequency("months", 1)


def stamps_of(start: str, frequency: Frequency, steps: int) -> Ints:
    first = np.datetime64(start, "us").astype(np.int64)
    return frequency.timestamps(first, np.arange(steps))


@pytest.fixture
def country(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", fake_holidays())


@pytest.mark.usefixtures("country")
def test_a_holiday_is_seen_on_its_day_and_from_the_days_beside_it() -> None:
    table = holidays.compute_features("DE", DAILY, stamps_of("2024-05-08", DAILY, 4))
    assert holidays.feature_names(DAILY) == ("is_holiday", "before_holiday", "after_holiday")
    assert_array_equal(table, [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]])  # the 9th
    hours = holidays.compute_features("DE", HOURLY, stamps_of("2024-05-08T22:00", HOURLY, 4).reshape(2, 2))
    assert_array_equal(hours, [[[0, 1, 0]] * 2, [[1, 0, 0]] * 2])


@pytest.mark.usefixtures("country")
def test_a_state_adds_its_own_holidays() -> None:
    day = stamps_of("2024-05-30", DAILY, 1)
    assert [holidays.compute_features(name, DAILY, day)[0, 0] for name in ("DE", "DE-BY", "de-BY")] == [0, 1, 1]


@pytest.mark.usefixtures("country")
def test_holidays_at_the_turn_of_the_year_are_seen_from_the_other_year() -> None:
    table = holidays.compute_features("DE", DAILY, stamps_of("2023-12-31", DAILY, 1))
    assert_array_equal(table, [[0, 1, 0]])


@pytest.mark.usefixtures("country")
@pytest.mark.parametrize(
    ("frequency", "start", "expected"),
    [
        (WEEKLY, "2024-05-06", [0.25, 0]),
        (MONTHLY, "2024-04-01", [0, 0.25, 0]),
        (Frequency("months", 1, month_end=True), "2024-04-30", [0, 0.25, 0]),
    ],
    ids=["weekly", "monthly", "month ends"],
)
def test_steps_longer_than_a_day_count_their_holidays(frequency: Frequency, start: str, expected: list[float]) -> None:
    table = holidays.compute_features("DE", frequency, stamps_of(start, frequency, len(expected)))
    assert holidays.feature_names(frequency) == ("holidays",)
    assert_array_equal(table[:, 0], expected)


@pytest.mark.usefixtures("country")
@pytest.mark.parametrize(
    ("name", "says"),
    [("XDE", r"no calendar of 'XDE' \(did you mean 'DE'\?\)"), ("DE-ZZ", "no part 'ZZ' of DE")],
)
def test_an_unknown_country_is_a_wrong_usage(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        holidays.check_country(name)


@pytest.mark.usefixtures("country")
def test_integer_time_has_no_holidays() -> None:
    with pytest.raises(DataError, match="integers"):
        holidays.compute_features("DE", Frequency("integer"), np.arange(3))


def test_without_the_package_the_command_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(DependencyError) as caught:
        holidays.check_country("DE")
    assert "pip install holidays" in caught.value.hint


def test_the_package_itself_is_understood() -> None:
    pytest.importorskip("holidays")
    stamps = stamps_of("2024-12-24", DAILY, 3)
    assert_array_equal(holidays.compute_features("DE-BY", DAILY, stamps)[:, 0], [0, 1, 1])
    with pytest.raises(UsageError):
        holidays.check_country("DE-ZZ")
