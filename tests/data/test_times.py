"""Time columns as integers."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.cells.times import Times, parse_times
from forecaster.data.table import LineNumbers, Part, Table
from forecaster.errors import DataError


def make_table(cells: object, name: str = "ds") -> Table:
    column = pd.Series(cells)
    if column.dtype.kind not in "ifM":
        column = column.astype("category")
    return Table("t.csv", pd.DataFrame({name: column}), (Part("t", 0, LineNumbers(b"", 0, above=1)),))


def days_of(times: Times) -> list[str]:
    return np.datetime_as_string(times.stamps.astype("datetime64[us]"), unit="D").tolist()


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("year", [1990, 1991], ["1990-01-01", "1991-01-01"]),
        ("date", [20200131, 20200201], ["2020-01-31", "2020-02-01"]),
        ("date", [202001, 202002], ["2020-01-01", "2020-02-01"]),
        ("yearweek", [202001, 202002], ["2019-12-30", "2020-01-06"]),
        ("ds", [202052, 202053, 202101], ["2020-12-21", "2020-12-28", "2021-01-04"]),
        ("ds", [1990, 1991], ["1990-01-01", "1991-01-01"]),
        ("MESS_DATUM", [2021022823, 2021030100], ["2021-02-28", "2021-03-01"]),
        ("stamp", [20211231235900, 20220101000000], ["2021-12-31", "2022-01-01"]),
        ("stamp", [202112312330, 202201010000], ["2021-12-31", "2022-01-01"]),
        ("day", [31122020, 1012021], ["2020-12-31", "2021-01-01"]),
        ("doy", [2020366, 2021001], ["2020-12-31", "2021-01-01"]),
        ("quarter", [20204, 20211], ["2020-10-01", "2021-01-01"]),
        ("d", [201231, 210101], ["2020-12-31", "2021-01-01"]),
        ("Date", [43831, 43832], ["2020-01-01", "2020-01-02"]),
        ("t", [1577836800_000_000_000, 1577923200_000_000_000], ["2020-01-01", "2020-01-02"]),
        ("decimal date", [1958.2083, 1958.2917], ["1958-03-01", "1958-04-01"]),
        ("month", [2010.09, 2010.1, 2010.11], ["2010-09-01", "2010-10-01", "2010-11-01"]),
        ("time", [1577836800, 1577923200], ["2020-01-01", "2020-01-02"]),
        ("time", [1577836800000, 1577923200000], ["2020-01-01", "2020-01-02"]),
    ],
)
def test_integers_that_are_dates_are_read_as_dates(name: str, cells: list[int], expected: list[str]) -> None:
    times = parse_times(make_table(cells, name), name)
    assert not times.is_integer
    assert days_of(times) == expected


@pytest.mark.parametrize(
    ("name", "cells"),
    [("ds", [0, 1]), ("load", [43831, 43832]), ("index", [1990, 1991]), ("step", [202001, 202002]), ("t", [5.0, 6.0])],
)
def test_other_integers_are_steps(name: str, cells: list[int]) -> None:
    times = parse_times(make_table(cells, name), name)
    assert times.is_integer
    assert times.stamps.tolist() == cells


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_timestamps_of_any_unit_become_microseconds(unit: str) -> None:
    times = parse_times(make_table(pd.date_range("2020", periods=2, unit=unit)), "ds")
    assert days_of(times) == ["2020-01-01", "2020-01-02"]


def test_a_zone_is_retained_and_has_a_wall_clock() -> None:
    stamps = pd.date_range("2020-03-28", periods=3, tz="Europe/Paris")
    times = parse_times(make_table(stamps), "ds")
    assert times.zone == "Europe/Paris"
    assert times.stamps[0] % 86_400_000_000 == 23 * 3_600_000_000
    assert (times.on_wall_clock() % 86_400_000_000 == 0).all()


@pytest.mark.parametrize(("zone", "first"), [("Europe/Paris", "+01:00"), ("Europe/London", "UTC")])
def test_offsets_of_winter_and_summer_are_one_zone(zone: str, first: str) -> None:
    for day, every in (("2020-03-28", "h"), ("2020-03-28", "D")):
        stamps = pd.date_range(day, periods=60, freq=every, tz=zone)
        times = parse_times(make_table([stamp.isoformat() for stamp in stamps]), "ds")
        assert times.zone == first
        assert times.note is not None
        if every == "h":
            assert times.stamps.tolist() == (stamps.as_unit("us").asi8).tolist()
        else:
            assert (np.diff(times.on_wall_clock()) == 86_400_000_000).all()
            assert (times.on_wall_clock() % 86_400_000_000 == 0).all()


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["2020-01-01", None], "line 3: the time is missing"),
        (["2020-01-01", "2020-01-02", "total"], "line 4: 'total' cannot be read as a time"),
        (["red", "green"], "line 2: 'red' cannot be read as a time"),
        (pd.Series([pd.Timestamp("2020"), pd.NaT]), "line 3: the time is missing"),
        ([0.5, 1.5], "line 2: '0.5' cannot be read as a time"),
        (["2020-01-01T00:00Z", "2020-01-01T01:00+05:00"], "mixes time zones: +05:00, UTC"),
        (
            ["2020-01-01T00:00Z", "2020-01-01T01:00+01:00", "2020-01-01T02:00+02:00"],
            "mixes time zones: +01:00, +02:00, UTC",
        ),
        (["2020-01-01T00:00Z", "2020-01-01T01:00"], "mixes time zones: UTC, none"),
    ],
)
def test_the_error_names_the_first_cell_without_a_time(cells: object, says: str) -> None:
    with pytest.raises(DataError, match=r"t\.csv: column 'ds'") as caught:
        parse_times(make_table(cells), "ds")
    assert says in caught.value.message
