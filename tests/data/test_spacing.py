"""The frequency of timestamps."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.grid import spacing
from forecaster.data.grid.spacing import describe_frequency, find_frequency, infer_frequency, parse_frequency
from forecaster.errors import DataError, UsageError
from forecaster.frequency import DAY, HOUR, MINUTE, SECOND, WEEK, Frequency, Ints

ONE = np.array([0])


def stamps(start: str, periods: int, freq: str) -> Ints:
    return pd.date_range(start, periods=periods, freq=freq).to_numpy("datetime64[us]").astype(np.int64)


@pytest.mark.parametrize(
    ("start", "freq", "expected"),
    [
        ("2020-01-01", "s", Frequency("fixed", SECOND)),
        ("2020-01-01", "10s", Frequency("fixed", 10 * SECOND)),
        ("2020-01-01", "15min", Frequency("fixed", 15 * MINUTE)),
        ("2020-01-01 00:30", "h", Frequency("fixed", HOUR)),
        ("2020-01-01", "D", Frequency("fixed", DAY)),
        ("2020-01-01", "2D", Frequency("fixed", 2 * DAY)),
        ("2020-01-01", "W-WED", Frequency("fixed", WEEK)),
        ("2020-01-01", "28D", Frequency("fixed", 28 * DAY)),
        ("2020-01-01", "30D", Frequency("fixed", 30 * DAY)),
        ("2020-01-01", "MS", Frequency("months", 1)),
        ("2020-01-31", "ME", Frequency("months", 1, month_end=True)),
        ("2020-01-01", "QS", Frequency("months", 3)),
        ("2020-03-31", "QE", Frequency("months", 3, month_end=True)),
        ("2020-01-01", "YS", Frequency("months", 12)),
        ("2020-06-30", "YE-JUN", Frequency("months", 12, month_end=True)),
        ("2020-01-01", "B", Frequency("business")),
        ("2020-01-01 16:00", "B", Frequency("business")),
    ],
)
@pytest.mark.parametrize("has_gaps", [False, True])
def test_the_spacing_is_found_with_and_without_gaps(start: str, freq: str, expected: Frequency, has_gaps: bool) -> None:
    times = stamps(start, 60, freq)
    if has_gaps and freq != "B":  # an absent business day is taken for a holiday
        times = np.delete(times, [7, 8, 9, 10, 30, 31])
    assert infer_frequency(times, ONE) == expected


def test_months_on_any_day_are_months() -> None:
    times = stamps("2020-01-01", 30, "MS") + 14 * DAY
    assert infer_frequency(times, ONE) == Frequency("months", 1)


def test_the_panel_decides_together() -> None:
    times = np.concatenate([stamps("2020-01-01", 30, "D"), stamps("2021-05-05", 1, "D"), stamps("2020-02-02", 20, "D")])
    assert infer_frequency(times, np.array([0, 30, 31])) == Frequency("fixed", DAY)


def test_integers_step_by_their_most_common_difference() -> None:
    assert infer_frequency(np.array([0, 2, 4, 10, 12, 14]), ONE, is_integer=True) == Frequency("integer", 2)


def test_three_days_a_week_are_a_trading_calendar() -> None:
    days = stamps("2020-01-01", 100, "D")
    times = days[np.isin((days // DAY + 3) % 7, [0, 2, 4])]
    assert infer_frequency(times, ONE) == Frequency("business", weekmask="1010100")


def test_a_few_days_in_one_week_are_daily() -> None:
    assert infer_frequency(stamps("2020-01-06", 5, "D"), ONE) == Frequency("fixed", DAY)


def test_business_days_with_many_absent_keep_their_gaps() -> None:
    times = stamps("2020-01-01", 200, "B")
    kept = np.random.default_rng(0).random(200) < 0.7
    assert infer_frequency(times[kept], ONE) == Frequency("business")


@pytest.mark.parametrize("piece", [1, 2, 7, 100])
def test_slices_of_a_table_give_the_frequency_of_the_whole(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    holed = [np.delete(stamps("2024-01-01", 40, "h"), np.arange(first, 40, 5)) for first in range(1, 5)]
    holed[2][11] += 7 * MINUTE
    begin = np.cumsum([0, *map(len, holed)])[:-1]
    uneven, days = np.cumsum(np.arange(60) ** 2 % 11 * MINUTE + MINUTE), stamps("2024-01-01", 90, "B")

    def find() -> list[object]:
        with pytest.raises(DataError) as refused:
            infer_frequency(uneven, ONE)
        found = infer_frequency(np.concatenate(holed), begin), infer_frequency(days, ONE)
        return [*found, refused.value.message, refused.value.hint]

    whole = find()
    monkeypatch.setattr(spacing, "_ROWS_AT_ONCE", piece)
    assert find() == whole
    assert whole[:2] == [Frequency("fixed", HOUR), Frequency("business")]


def test_a_few_times_off_the_grid_do_not_break_the_spacing() -> None:
    times = stamps("2020-01-01", 300, "h")
    times[100] += 7 * MINUTE
    assert infer_frequency(times, ONE) == Frequency("fixed", HOUR)


@pytest.mark.parametrize(
    ("times", "says", "hint"),
    [
        (
            np.cumsum(np.tile([2, 3, 5], 20)) * DAY,
            "the most frequent steps are 3D (34 %), 5D (34 %), 2D (32 %)",
            "--freq D",
        ),
        (np.cumsum(np.arange(1, 60)) * SECOND, "time is irregular", "--freq s"),
        (np.array([5]), "has 1 row", "--freq D"),
        (np.array([5, 5]), "only one time per series", "--freq D"),
    ],
)
def test_irregular_time_is_refused_with_the_most_frequent_steps(times: Ints, says: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        infer_frequency(times, ONE, source="t.csv")
    assert caught.value.message.startswith("t.csv: ")
    assert says in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D", Frequency("fixed", DAY)),
        ("h", Frequency("fixed", HOUR)),
        ("H", Frequency("fixed", HOUR)),
        ("15T", Frequency("fixed", 15 * MINUTE)),
        ("15min", Frequency("fixed", 15 * MINUTE)),
        ("W-WED", Frequency("fixed", WEEK)),
        ("2W", Frequency("fixed", 2 * WEEK)),
        ("MS", Frequency("months", 1)),
        ("M", Frequency("months", 1, month_end=True)),
        ("QE-DEC", Frequency("months", 3, month_end=True)),
        ("YS", Frequency("months", 12)),
        ("B", Frequency("business")),
        ("integer", Frequency("integer")),
        ("2 integer", Frequency("integer", 2)),
        ("daily", Frequency("fixed", DAY)),
    ],
)
def test_old_and_new_aliases_are_parsed(text: str, expected: Frequency) -> None:
    assert parse_frequency(text) == expected


@pytest.mark.parametrize("text", ["fortnight", "", "0D", "2B", "D-", "-1D"])
def test_an_unknown_frequency_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_frequency(text)
    assert "trading" in caught.value.hint


@pytest.mark.parametrize(
    "frequency",
    [
        Frequency("fixed", 90 * MINUTE),
        Frequency("fixed", 3 * WEEK),
        Frequency("months", 6),
        Frequency("months", 24, month_end=True),
        Frequency("business"),
        Frequency("integer", 5),
    ],
)
def test_a_name_reads_back_as_its_frequency(frequency: Frequency) -> None:
    assert parse_frequency(frequency.name) == frequency


def test_the_data_decides_between_month_starts_and_month_ends() -> None:
    assert not find_frequency(stamps("2020-01-01", 5, "MS"), ONE, text="M").month_end
    assert find_frequency(stamps("2020-01-31", 5, "ME"), ONE, text="MS").month_end


@pytest.mark.parametrize(("text", "is_integer"), [("D", True), ("integer", False)])
def test_a_frequency_for_another_kind_of_time_is_refused(text: str, is_integer: bool) -> None:
    with pytest.raises(DataError, match=f"so --freq {text} cannot be used"):
        find_frequency(np.arange(5), ONE, text=text, is_integer=is_integer)


@pytest.mark.parametrize(
    ("text", "words"), [("D", "daily"), ("30min", "half-hourly"), ("10min", "every 10min"), ("B", "business days")]
)
def test_a_frequency_is_described_in_words(text: str, words: str) -> None:
    assert describe_frequency(parse_frequency(text)) == words


TRADING_DAYS = pd.bdate_range("2023-01-02", periods=60)
HOURS = pd.DatetimeIndex([day + pd.Timedelta(hours=9.5 + hour) for day in TRADING_DAYS for hour in range(7)])
MANY_HOURS = pd.date_range("2023-01-01", periods=1400, freq="h")


def microseconds(times: pd.DatetimeIndex) -> Ints:
    return times.to_numpy("datetime64[us]").astype(np.int64)


def test_the_hours_of_trade_are_learned_as_its_days_are() -> None:
    stamps = microseconds(HOURS.delete([100, 200, 201]))
    frequency = infer_frequency(stamps, np.array([0]))
    assert frequency.times == tuple(microseconds(HOURS[:7]) % DAY)
    assert frequency.defaults() == (7, 8)
    following = frequency.timestamps(stamps[-1:], np.arange(1, 9))
    assert [str(each) for each in following.astype("datetime64[us]").astype("datetime64[m]")][::7] == [
        "2023-03-27T09:30",
        "2023-03-28T09:30",
    ]
    assert frequency.index(stamps[0], microseconds(HOURS)).tolist() == list(range(420))


def test_trading_hours_can_be_named_and_may_have_a_break() -> None:
    times = HOURS[[number for number in range(len(HOURS)) if number % 7 != 3]]
    frequency = find_frequency(microseconds(times), np.array([0]), text="trading")
    assert len(frequency.times) == 6


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(pd.date_range("2023-01-01", periods=900, freq="h").delete(slice(200, 260)), id="gap"),
        pytest.param(HOURS[:21], id="three-days"),
        pytest.param(MANY_HOURS[np.random.default_rng(0).random(1400) < 0.7], id="random"),
    ],
)
def test_hours_with_other_gaps_stay_hourly(times: pd.DatetimeIndex) -> None:
    assert infer_frequency(microseconds(times), np.array([0])) == Frequency("fixed", HOUR)


@pytest.mark.parametrize(
    ("days", "following"),
    [
        ((1, 15), "2023-01-01"),
        ((15, 31), "2023-01-15"),
        ((5, 20), "2023-01-05"),
        ((1, 11, 21), "2023-01-01"),
    ],
)
def test_half_months_and_dekads_are_steps(days: tuple[int, ...], following: str) -> None:
    every = pd.date_range("2020-01-01", "2022-12-31")
    is_step = np.isin(every.day, days) | ((days[-1] == 31) & every.is_month_end)
    times = every[is_step].delete([9, 20])
    frequency = infer_frequency(microseconds(times), ONE)
    assert frequency == Frequency("months", 1, days=days)
    assert frequency.defaults()[0] == 12 * len(days)
    last = microseconds(times)[-1:]
    assert str(frequency.timestamps(last, np.array([1]))[0].astype("datetime64[us]"))[:10] == following
    assert find_frequency(microseconds(times), ONE, text=frequency.name) == frequency
