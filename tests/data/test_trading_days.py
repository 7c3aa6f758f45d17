"""Trading days, learned from the days with data."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.data.grid.trading_days import Rule, learn_trading, learn_weekdays
from forecaster.frequency import Ints

SP500 = Path(__file__).parents[2] / "data" / "sp500.csv"


def days_between(first: str, last: str) -> Ints:
    return np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1).astype(np.int64)


def without_weekends(days: Ints) -> Ints:
    return days[(days + 3) % 7 < 5]


def learn(days: Ints, *holidays: str) -> list[str]:
    """Return the holidays after the data as text."""
    absent = np.array(holidays, "datetime64[D]").astype(np.int64)
    frequency = learn_trading(np.setdiff1d(days, absent), min_coverage=0.9)
    assert frequency is not None
    ahead = [day for day in frequency.holidays if day > days[-1]]
    return np.datetime_as_string(np.array(ahead, "datetime64[D]")).tolist()


@pytest.mark.parametrize(
    ("rule", "year", "expected"),
    [
        (Rule("fixed", 7, 4, saturday=-1, sunday=1), 2020, date(2020, 7, 3)),
        (Rule("fixed", 7, 4, saturday=-1, sunday=1), 2021, date(2021, 7, 5)),
        (Rule("fixed", 7, 4), 2020, date(2020, 7, 4)),
        (Rule("fixed", 2, 29), 2021, None),
        (Rule("nth", 11, 3, 4), 2020, date(2020, 11, 26)),
        (Rule("nth", 5, 0, -1), 2020, date(2020, 5, 25)),
        (Rule("easter", nth=-2), 2021, date(2021, 4, 2)),
    ],
)
def test_a_rule_finds_its_day(rule: Rule, year: int, expected: date | None) -> None:
    assert rule.find(year) == expected


def test_the_new_york_calendar_continues_as_the_exchange_published_it() -> None:
    days = pd.read_csv(SP500, parse_dates=["date"])["date"].to_numpy("datetime64[D]").astype(np.int64)
    frequency = learn_trading(days, min_coverage=0.9)
    assert frequency is not None
    ahead = np.array(frequency.holidays, "datetime64[D]")
    soon = ahead[(ahead > days[-1].astype("datetime64[D]")) & (ahead < np.datetime64("2022-01-01"))]
    assert np.datetime_as_string(soon).tolist() == [
        "2020-05-25", "2020-07-03", "2020-09-07", "2020-11-26", "2020-12-25",
        "2021-01-01", "2021-01-18", "2021-02-15", "2021-04-02", "2021-05-31",
        "2021-07-05", "2021-09-06", "2021-11-25", "2021-12-24",
    ]  # fmt: skip


def test_days_absent_once_are_not_predicted() -> None:
    days = without_weekends(days_between("2015-01-01", "2019-12-31"))
    assert learn(days, "2016-03-08", "2018-09-11") == []


@pytest.mark.parametrize(
    ("absent", "soon"),
    [
        (("2018-05-17", "2019-05-17"), []),
        (("2013-06-04", "2014-06-04", "2015-06-04"), []),
        (("2017-06-05", "2018-06-05", "2019-06-05"), ["2020-06-05", "2023-06-05"]),
        (("2015-04-03", "2016-03-25", "2017-04-14", "2018-03-30", "2019-04-19"), ["2020-04-10", "2021-04-02"]),
        (
            ("2014-08-25", "2015-08-31", "2016-08-29", "2017-08-28", "2018-08-27", "2019-08-26"),
            ["2020-08-31", "2021-08-30"],
        ),
    ],
    ids=["only twice", "abolished", "introduced late", "by Easter", "last Monday"],
)
def test_a_holiday_continues_if_it_occurred_three_times_and_in_the_last_year(
    absent: tuple[str, ...], soon: list[str]
) -> None:
    days = without_weekends(days_between("2013-01-01", "2019-12-31"))
    assert learn(days, *absent)[:2] == soon


def test_a_week_with_friday_and_saturday_off_is_learned() -> None:
    days = days_between("2020-01-01", "2020-03-31")
    weekmask = learn_weekdays(days[~np.isin((days + 3) % 7, [4, 5])])
    assert weekmask is not None
    assert weekmask.tolist() == [1, 1, 1, 1, 0, 0, 1]


def test_daily_data_has_no_calendar() -> None:
    assert learn_trading(days_between("2020-01-01", "2020-03-31"), min_coverage=0.9) is None
