"""The usual formats of times."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.cells import month_names
from forecaster.data.cells.time_formats import ParsedTimes, has_date_format, parse


def read(*words: str) -> ParsedTimes:
    return parse(pd.Index(words))


def text_of(found: ParsedTimes) -> list[str]:
    return [
        str(stamp).removesuffix("T00:00:00") for stamp in found.stamps.astype("datetime64[us]").astype("datetime64[s]")
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("1981-01-31", "1981-01-31"),
        ("1981/1/31", "1981-01-31"),
        ("1981.01.31", "1981-01-31"),
        ("19810131", "1981-01-31"),
        ("31/1/1981", "1981-01-31"),
        ("1/31/1981", "1981-01-31"),
        ("31.01.1981", "1981-01-31"),
        ("31-01-81", "1981-01-31"),
        ("01/31/05", "2005-01-31"),
        ("1949-01", "1949-01-01"),
        ("1949/1", "1949-01-01"),
        ("1949M01", "1949-01-01"),
        ("01/1949", "1949-01-01"),
        ("1981Q2", "1981-04-01"),
        ("1981-Q2", "1981-04-01"),
        ("Q2 1981", "1981-04-01"),
        ("31 Jan 1981", "1981-01-31"),
        ("31-January-81", "1981-01-31"),
        ("Sat, 31 Jan 1981", "1981-01-31"),
        ("January 31, 1981", "1981-01-31"),
        ("Sep. 3rd, 2020", "2020-09-03"),
        ("Jan 1981", "1981-01-01"),
        ("Jan-81", "1981-01-01"),
        ("1981 January", "1981-01-01"),
        ("2020-01-02T03:04", "2020-01-02T03:04:00"),
        ("2020-01-02 03:04:05", "2020-01-02T03:04:05"),
        ("1/2/2020 12:30 AM", "2020-01-02T00:30:00"),
        ("1/2/2020 12:30 pm", "2020-01-02T12:30:00"),
        ("1/2/2020 1:30:00 PM", "2020-01-02T13:30:00"),
        ("2020-01-02 24:00", "2020-01-03"),
        ("  2020-01-02  ", "2020-01-02"),
        ("Mo, 04.01.2021", "2021-01-04"),
        ("lunes, 4 de enero de 2021", "2021-01-04"),
        ("4th of January 2021", "2021-01-04"),
        ("le 3 mars 2021", "2021-03-03"),
        ("2021. 1. 4.", "2021-01-04"),
        ("2021年1月4日", "2021-01-04"),
        ("2021년 1월 4일", "2021-01-04"),
        ("2021年1月", "2021-01-01"),
        ("Q1-98", "1998-01-01"),
        ("3Q21", "2021-07-01"),
        ("2. Quartal 1998", "1998-04-01"),
        ("1er trimestre 2020", "2020-01-01"),
        ("2020T3", "2020-07-01"),
        ("2020K2", "2020-04-01"),
        ("2. Halbjahr 2020", "2020-07-01"),
        ("1H20", "2020-01-01"),
        ("2010m3", "2010-03-01"),
        ("FY2019/20", "2019-01-01"),
        ("20220201-0300", "2022-02-01T03:00:00"),
        ("20220201 03", "2022-02-01T03:00:00"),
        ("2022-02-01-03.00.00.000000", "2022-02-01T03:00:00"),
        ("1.5.2021 3.30", "2021-05-01T03:30:00"),
        ("13/05/2021 3h30", "2021-05-13T03:30:00"),
        ("13/05/2021 03h", "2021-05-13T03:00:00"),
    ],
)
def test_a_word_is_parsed(word: str, expected: str) -> None:
    found = read(word)
    assert found.is_time.all()
    assert text_of(found) == [expected]
    assert found.zones.tolist() == [None]


@pytest.mark.parametrize(
    "word",
    ["2020-02-30", "2020-13-01", "2020-01-01 25:00", "1/2/2020 13:00 PM", "31/31/2020", "Foo 1981", "total", "1.5"],
)
def test_other_text_is_not_a_time(word: str) -> None:
    assert not read(word).is_time.any()


@pytest.mark.parametrize(
    ("word", "utc", "zone"),
    [
        ("2020-01-01T12:00Z", "2020-01-01T12:00:00", "UTC"),
        ("2020-01-01 12:00:00 UTC", "2020-01-01T12:00:00", "UTC"),
        ("2020-01-01 12:00:00+02:00", "2020-01-01T10:00:00", "+02:00"),
        ("2020-01-01 12:00:00-0530", "2020-01-01T17:30:00", "-05:30"),
        ("2020-01-01 12:00:00+00", "2020-01-01T12:00:00", "UTC"),
        ("20220201T030405Z", "2022-02-01T03:04:05", "UTC"),
        ("Tue Feb 01 2022 03:00:00 GMT+0100 (Central European Standard Time)", "2022-02-01T02:00:00", "+01:00"),
        ("Tue Feb  1 03:00:00 CET 2022", "2022-02-01T02:00:00", "+01:00"),
        ("Wed Aug 27 13:08:45 +0000 2008", "2008-08-27T13:08:45", "UTC"),
    ],
)
def test_zones_are_kept_and_times_counted_in_utc(word: str, utc: str, zone: str) -> None:
    found = read(word)
    assert text_of(found) == [utc]
    assert found.zones.tolist() == [zone]


def test_a_fraction_of_a_second_is_kept() -> None:
    assert read("1970-01-01 00:00:01.000250").stamps.tolist() == [1_000_250]


@pytest.mark.parametrize(
    ("words", "expected", "note"),
    [
        (["1/1/1981", "1/2/1981", "1/13/1981"], ["1981-01-01", "1981-01-02", "1981-01-13"], None),
        (["1/1/1981", "2/1/1981", "13/1/1981"], ["1981-01-01", "1981-01-02", "1981-01-13"], None),
        (["1/1/2020", "2/2/2020"], ["2020-01-01", "2020-02-02"], None),
        (["1.11.2020", "1.12.2020", "1.1.2021"], ["2020-11-01", "2020-12-01", "2021-01-01"], None),
        (
            ["1/3/2021 23:00", "2/3/2021 00:00", "2/3/2021 01:00"],
            ["2021-03-01T23:00:00", "2021-03-02", "2021-03-02T01:00:00"],
            "read as day/month/year",
        ),
        (["1/11/2020", "1/12/2020", "1/1/2021"], ["2020-11-01", "2020-12-01", "2021-01-01"], "read as day/month/year"),
    ],
)
def test_day_and_month_follow_from_the_whole_column(words: list[str], expected: list[str], note: str | None) -> None:
    found = read(*words)
    assert text_of(found) == expected
    assert (found.note or "None").startswith(str(note))


def test_a_column_with_both_orders_leaves_the_fewest_words_unparsed() -> None:
    found = read("1/13/2020", "1/14/2020", "15/1/2020")
    np.testing.assert_array_equal(found.is_time, [True, True, False])


@pytest.mark.parametrize(
    "words", [["drizzle", "rain"], ["A12", "B7"], ["1-2", "2-3"], ["may", "june"], ["12:30", "13:00"]]
)
def test_ordinary_text_has_no_date_format(words: list[str]) -> None:
    assert not has_date_format(pd.Index(words))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["2020-W53", "2021-W01"], ["2020-12-28", "2021-01-04"]),
        (["2020W53-7", "2021W01-1"], ["2021-01-03", "2021-01-04"]),
        (["KW 1/2021", "KW 2/2021"], ["2021-01-04", "2021-01-11"]),
        (["2020-H2", "2021-H1"], ["2020-07-01", "2021-01-01"]),
        (["1979/80", "1980/81"], ["1979-01-01", "1980-01-01"]),
        (["1999/2000", "2000/2001"], ["1999-01-01", "2000-01-01"]),
        (["01JAN2022:00:00:00", "01JAN2022:01:00:00"], ["2022-01-01", "2022-01-01T01:00:00"]),
        (["2021-01-01 11-PM", "2021-01-02 12-AM"], ["2021-01-01T23:00:00", "2021-01-02"]),
        (["01/31/2021 11 PM", "02/01/2021 12 AM"], ["2021-01-31T23:00:00", "2021-02-01"]),
        (
            ["01.01.2021 00:00 - 01.01.2021 01:00", "01.01.2021 01:00 - 01.01.2021 02:00"],
            ["2021-01-01", "2021-01-01T01:00:00"],
        ),
        (
            ["2021-01-01T00:00Z/2021-01-01T01:00Z", "2021-01-01T01:00Z/2021-01-01T02:00Z"],
            ["2021-01-01", "2021-01-01T01:00:00"],
        ),
        (
            ["2022-01-01T01:00+01:00[Europe/Berlin]", "2022-01-01T02:00+01:00[Europe/Berlin]"],
            ["2022-01-01", "2022-01-01T01:00:00"],
        ),
        (["2022-01-01 01:00 CET", "2022-07-01 02:00 CEST"], ["2022-01-01", "2022-07-01"]),
    ],
)
def test_formats_of_exports_are_read(words: list[str], expected: list[str]) -> None:
    found = read(*words)
    assert found.is_time.all()
    assert text_of(found) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["Jan 2020", "Mär 2020", "Mai 2020", "Okt 2020", "Dez 2020"],
        ["janv. 2020", "févr. 2020", "août 2020", "déc. 2020"],
        ["enero 2020", "agosto 2020", "diciembre 2020"],
        ["1 gennaio 2020", "2 luglio 2020"],
        ["sty 2020", "paź 2020", "gru 2020"],
        ["15. März 2020", "16. Juni 2020"],
    ],
)
def test_names_of_months_in_the_languages_of_europe_are_read(words: list[str]) -> None:
    pytest.importorskip("babel")
    found = read(*words)
    assert found.is_time.all()
    assert (np.diff(found.stamps) > 0).all()


def test_orders_that_fit_equally_well_are_ambiguous() -> None:
    assert read("6/1/2020", "7/1/2020", "8/1/2020").is_ambiguous
    assert not parse(pd.Index(["6/1/2020", "7/1/2020"]), day_first=True).is_ambiguous


def test_the_format_of_a_bundle_decides_the_order() -> None:
    words = pd.Index(["01/03/2021", "02/03/2021"])
    assert text_of(parse(words, date_format="%d/%m/%Y")) == ["2021-03-01", "2021-03-02"]
    assert text_of(parse(words, date_format="%m/%d/%Y")) == ["2021-01-03", "2021-02-03"]
    assert not parse(pd.Index(["13/25/2021"]), date_format="%d/%m/%Y").is_time.any()


def test_a_format_of_strftime_is_followed_strictly() -> None:
    found = parse(pd.Index(["2021, day 32", "2021-02-02"]), date_format="%Y, day %j")
    assert found.is_time.tolist() == [True, False]
    assert text_of(found)[0] == "2021-02-01"


def test_names_in_other_languages_are_looked_up_for_letters_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month_names, "_names_in", lambda language: pytest.fail("loads a language"))
    assert month_names.find_month_numbers(["1949-01", "1949-02"]) == {}


@pytest.mark.parametrize("minutes", [10, 15, 30, 60])
@pytest.mark.parametrize("is_day_first", [True, False])
def test_ten_days_are_not_ten_months(minutes: int, is_day_first: bool) -> None:
    times = pd.date_range("2021-03-01", "2021-03-10 23:59", freq=f"{minutes}min")
    words = times.strftime("%d/%m/%Y %H:%M" if is_day_first else "%m/%d/%Y %H:%M")
    found = parse(words)
    assert not found.is_ambiguous
    assert text_of(found)[-1].startswith("2021-03-10T23")


@pytest.mark.parametrize("is_day_first", [True, False])
def test_the_first_business_days_of_months_decide_the_order(is_day_first: bool) -> None:
    days = pd.date_range("2010-01-01", periods=150, freq="BMS")
    days = days[days.day < 10]  # all of them
    found = parse(days.strftime("%d/%m/%Y" if is_day_first else "%m/%d/%Y"))
    assert found.stamps.tolist() == days.astype("datetime64[us]").astype(np.int64).tolist()
