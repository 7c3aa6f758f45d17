import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from forecaster.errors import StaleError
from forecaster.frequency import DAY, HOUR, WEEK, Frequency
from forecaster.workflows.clock import find_next, leave_out_unfinished, now_on, start_clock, step_ends
from tests.conftest import MakePanel

NAN = float("nan")
PARIS = ZoneInfo("Europe/Paris")
START = int(np.datetime64("2024-01-01", "us").astype(np.int64))


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
    assert step_ends(frequency, np.array([at(stamp)])).tolist() == [at(over)]


def test_a_step_of_integer_time_is_over_at_once() -> None:
    assert step_ends(Frequency("integer"), np.array([7])).tolist() == [7]


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
        assert step_ends(frequency, stamp)[0] <= now_on(frequency, "Europe/Berlin", now)
        assert step_ends(frequency, stamp + DAY)[0] > now_on(frequency, "Europe/Berlin", now)


def test_a_day_that_is_not_over_is_left_out(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3], [4, 5]])
    kept, count = leave_out_unfinished(panel, START + 2 * DAY + 2 * HOUR, "x.csv")
    assert count == 1
    assert [target.tolist() for target in kept] == [[1, 2], [4, 5]]
    whole, count = leave_out_unfinished(panel, START + 3 * DAY, "x.csv")
    assert count == 0
    assert whole is panel


def test_a_gap_before_the_unfinished_step_goes_with_it(make_panel: MakePanel) -> None:
    kept, _ = leave_out_unfinished(make_panel([[1, 2, NAN, 4]]), START + 3 * DAY + 1, "x.csv")
    assert [target.tolist() for target in kept] == [[1, 2]]


def test_where_no_step_is_over_there_is_nothing_to_forecast_from(make_panel: MakePanel) -> None:
    with pytest.raises(StaleError, match="no step is over yet"):
        leave_out_unfinished(make_panel([[5]]), START + HOUR, "x.csv")


def test_values_of_days_to_come_mean_that_the_clock_or_the_data_is_wrong(make_panel: MakePanel) -> None:
    with pytest.raises(StaleError, match=r"x.csv: has a value for 2024-01-03T00:00:00, and it is 2024-01-01T12:00:00"):
        leave_out_unfinished(make_panel([[1, 2, 3]]), START + 12 * HOUR, "x.csv")


def test_integer_time_is_never_unfinished(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2]], frequency=Frequency("integer"))
    assert leave_out_unfinished(panel, 0, "x.csv") == (panel, 0)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2024-05-01T02:15", "2024-05-01T05:30+02:00"),
        ("2024-05-01T05:30", "2024-05-02T05:30+02:00"),
        ("2024-05-01T23:00", "2024-05-02T05:30+02:00"),
        ("2024-03-30T23:00", "2024-03-31T05:30+02:00"),  # clocks change in this night
        ("2024-10-26T23:00", "2024-10-27T05:30+01:00"),
    ],
)
def test_a_time_of_day_is_found_on_the_clock_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, now: str, expected: str
) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        moment = datetime.fromisoformat(now).replace(tzinfo=PARIS).astimezone(UTC)
        assert find_next("05:30", moment).isoformat(timespec="minutes") == expected
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_clock_starts_at_a_moment_and_runs_on() -> None:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    clock = start_clock(moment)
    first, second = clock(), clock()
    assert moment <= first <= second < moment + timedelta(minutes=1)
