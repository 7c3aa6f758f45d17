"""Features of the calendar, against the standard library."""

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.batches import calendar_features
from forecaster.frequency import DAY, HOUR, MINUTE, SECOND, WEEK, Frequency, Ints

HOURLY, DAILY, WEEKLY = (Frequency("fixed", every) for every in (HOUR, DAY, WEEK))
MONTHLY, BUSINESS = Frequency("months", 1), Frequency("business")
EPOCH = datetime(1970, 1, 1)


def stamps_of(start: str, frequency: Frequency, steps: int) -> Ints:
    first = np.datetime64(start, "us").astype(np.int64)
    return frequency.timestamps(first, np.arange(steps))


def waves(name: str, share: float, count: int) -> dict[str, float]:
    turns = [(wave, 2 * math.pi * wave * share) for wave in range(1, count + 1)]
    return {f"{name}_{f.__name__}{wave}": f(angle) for wave, angle in turns for f in (math.sin, math.cos)}


def plain(moment: datetime) -> dict[str, float]:
    """Compute every feature of one moment, the slow way."""
    second = moment.second + moment.microsecond / 1e6
    minute = moment.minute + second / 60
    year = [datetime(moment.year + k, 1, 1) for k in (0, 1)]
    features = waves("second_of_minute", second / 60, 1) | waves("minute_of_hour", minute / 60, 1)
    features |= waves("hour_of_day", (moment.hour + minute / 60) / 24, 2)
    features |= {f"weekday_{day + 1}": float(moment.weekday() == day) for day in range(7)}
    features |= waves("day_of_year", (moment - year[0]).days / (year[1] - year[0]).days, 2)
    features |= {f"month_{month}": float(moment.month == month) for month in range(1, 13)}
    return features | {f"quarter_{q + 1}": float((moment.month - 1) // 3 == q) for q in range(4)}


FREQUENCIES = [
    *(HOURLY, DAILY, WEEKLY, MONTHLY, BUSINESS),
    *(Frequency("fixed", every) for every in (SECOND, MINUTE, 15 * MINUTE, 90 * MINUTE, 6 * HOUR, 2 * DAY)),
    *(Frequency("months", 3), Frequency("months", 2), Frequency("months", 1, month_end=True)),
    Frequency("business", weekmask="1111011", holidays=(18262,)),
]


@pytest.mark.parametrize("frequency", FREQUENCIES, ids=lambda frequency: frequency.name)
def test_features_equal_a_plain_computation_stamp_by_stamp(frequency: Frequency) -> None:
    start = "2019-12-31T00:00:00" if frequency.month_end else "2019-12-30T21:30:17" if frequency.every < DAY else None
    stamps = stamps_of(start or "2020-01-01", frequency, 900)
    stamps = np.concatenate([stamps[:300], stamps[-300:]])
    table = calendar_features.compute_features(frequency, stamps)
    assert table.dtype == np.float32
    expected = [plain(EPOCH + timedelta(microseconds=int(stamp))) for stamp in stamps]
    assert_allclose(
        table, [[row[name] for name in calendar_features.feature_names(frequency)] for row in expected], atol=1e-5
    )
    assert np.abs(table).max() <= 1


@pytest.mark.parametrize(
    ("frequency", "cycles"),
    [
        (Frequency("fixed", SECOND), ["second", "minute", "hour", "weekday", "day"]),
        (Frequency("fixed", 15 * MINUTE), ["minute", "hour", "weekday", "day"]),
        (HOURLY, ["hour", "weekday", "day"]),
        (DAILY, ["weekday", "day"]),
        (BUSINESS, ["weekday", "day"]),
        (WEEKLY, ["day"]),
        (MONTHLY, ["month"]),
        (Frequency("months", 3), ["quarter"]),
        (Frequency("months", 12), []),
        (Frequency("fixed", 364 * DAY), []),
        (Frequency("integer"), []),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_only_what_can_vary_is_a_feature(frequency: Frequency, cycles: list[str]) -> None:
    names = calendar_features.feature_names(frequency)
    assert list(dict.fromkeys(name.split("_")[0] for name in names)) == cycles
    assert calendar_features.compute_features(frequency, np.arange(6).reshape(2, 3) * frequency.every).shape == (
        2,
        3,
        len(names),
    )


def test_business_days_have_no_weekend() -> None:
    assert [name for name in calendar_features.feature_names(BUSINESS) if "week" in name] == [
        f"weekday_{day}" for day in range(1, 6)
    ]


def test_the_hour_is_the_one_on_the_wall_clock_of_the_zone() -> None:
    stamps = stamps_of("2024-03-30T20:00", HOURLY, 12).reshape(3, 4)  # the clock changes within
    local = [
        datetime.fromtimestamp(stamp / 1e6, ZoneInfo("Europe/Paris")).replace(tzinfo=None) for stamp in stamps.flat
    ]
    expected = [[plain(moment)[name] for name in calendar_features.feature_names(HOURLY)] for moment in local]
    assert_allclose(
        calendar_features.compute_features(HOURLY, stamps, "Europe/Paris").reshape(12, -1), expected, atol=1e-6
    )


def test_daily_stamps_of_a_zone_already_are_on_its_wall_clock() -> None:
    stamps = stamps_of("2024-03-30", DAILY, 9)
    assert_array_equal(
        calendar_features.compute_features(DAILY, stamps, "Asia/Tokyo"),
        calendar_features.compute_features(DAILY, stamps),
    )
