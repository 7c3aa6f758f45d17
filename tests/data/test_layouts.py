"""Tables in the layouts of exports: several columns for the time or the id, times as columns, moving days."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecaster.config import DataConfig
from forecaster.config.table_format import TableFormat
from forecaster.data.cells import month_names
from forecaster.data.load import LoadedData, load
from forecaster.errors import DataError, UsageError

DAYS = pd.date_range("2021-03-01", periods=60)


def load_text(folder: Path, text: str, **config: object) -> LoadedData:
    path = folder / "t.csv"
    path.write_text(text)
    return load(str(path), DataConfig(**config))  # type: ignore[arg-type]


def load_frame(folder: Path, frame: pd.DataFrame, **config: object) -> LoadedData:
    return load_text(folder, frame.to_csv(index=False), **config)


def stamps_of(loaded: LoadedData, count: int = 3) -> list[str]:
    panel = loaded.panel
    return [
        str(text)
        for text in panel.frequency.format(
            panel.start[:1] * 0 + panel.frequency.timestamps(panel.start[:1], np.arange(count))
        )
    ]


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        ({"Date": np.repeat(DAYS.strftime("%Y-%m-%d"), 24), "Hour": np.tile(range(24), 60)}, "2021-03-01T01:00:00"),
        ({"Date": np.repeat(DAYS.strftime("%d.%m.%Y"), 24), "HE": np.tile(range(1, 25), 60)}, "2021-03-01T01:00:00"),
        (
            {
                "Datum": np.repeat(DAYS.strftime("%d.%m.%Y"), 48),
                "Uhrzeit": np.tile([f"{h:02}:{m:02}" for h in range(24) for m in (0, 30)], 60),
            },
            "2021-03-01T00:30:00",
        ),
        (
            {
                "SETTLEMENT_DATE": np.repeat(DAYS.strftime("%Y-%m-%d"), 48),
                "SETTLEMENT_PERIOD": np.tile(range(1, 49), 60),
            },
            "2021-03-01T00:30:00",
        ),
        ({"Year": np.repeat(range(2012, 2017), 12), "Month": np.tile(range(1, 13), 5)}, "2012-02-01"),
        ({"Jahr": np.repeat(range(2012, 2017), 4), "Quartal": np.tile(range(1, 5), 5)}, "2012-04-01"),
        ({"year": DAYS.year, "month": DAYS.month, "day": DAYS.day}, "2021-03-02"),
        ({"year": np.repeat([2019, 2021], 52), "week": np.tile(range(1, 53), 2)}, "2019-01-07"),
    ],
)
def test_several_columns_are_the_time_together(columns: dict[str, object], first: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(columns)
    frame["load"] = np.arange(len(frame)) % 17
    loaded = load_frame(tmp_path, frame)
    assert stamps_of(loaded)[1] == first
    assert loaded.shape == "single"
    assert loaded.panel.ids.tolist() == ["load"]
    assert loaded.config.time == ",".join(list(columns))
    assert any("are the time together" in note for note in loaded.notes)
    again = load_frame(tmp_path, frame, **loaded.config.model_dump(include={"time", "target"}))
    np.testing.assert_array_equal(again.panel.values, loaded.panel.values)


def test_the_hours_of_several_series_are_joined(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"date": np.tile(np.repeat(DAYS.strftime("%Y-%m-%d"), 24), 2), "hour": np.tile(range(24), 120)}
    )
    frame["meter"] = np.repeat(["a", "b"], 24 * 60)
    frame["load"] = np.arange(len(frame)) % 19
    loaded = load_frame(tmp_path, frame)
    assert loaded.panel.ids.tolist() == ["a", "b"]
    assert loaded.panel.frequency.name == "h"


def test_two_columns_name_the_series(tmp_path: Path) -> None:
    rows = [(day, store, family) for day in DAYS.strftime("%Y-%m-%d") for store in (1, 2) for family in ("B", "D", "M")]
    frame = pd.DataFrame(rows, columns=["date", "store", "family"])
    frame.insert(0, "id", range(len(frame)))
    frame["sales"] = np.arange(len(frame)) * 7 % 101 / 4
    loaded = load_frame(tmp_path, frame)
    assert loaded.panel.ids.tolist() == ["1/B", "1/D", "1/M", "2/B", "2/D", "2/M"] or set(loaded.panel.ids) == {
        f"{family}/{store}" for store in (1, 2) for family in "BDM"
    }
    assert loaded.config.target == ("sales",)
    named = load_frame(tmp_path, frame, id="store,family")
    assert named.panel.ids.tolist() == ["1/B", "1/D", "1/M", "2/B", "2/D", "2/M"]


@pytest.mark.parametrize("names", [[str(year) for year in range(1990, 2020)], list(DAYS.strftime("%Y-%m-%d"))])
def test_times_as_columns_make_a_series_of_each_row(names: list[str], tmp_path: Path) -> None:
    frame = pd.DataFrame(np.arange(3 * len(names)).reshape(3, -1) * 1.5, columns=names)
    frame.insert(0, "Indicator", "population")
    frame.insert(0, "Code", ["AT", "DE", "IT"])
    frame.insert(0, "Country", ["Austria", "Germany", "Italy"])
    loaded = load_frame(tmp_path, frame)
    assert loaded.panel.ids.tolist() == ["Austria", "Germany", "Italy"]
    assert loaded.panel.lengths.tolist() == [len(names)] * 3
    assert stamps_of(loaded)[0] == pd.Timestamp(names[0]).strftime("%Y-%m-%d")
    assert loaded.panel.values[:3, 0].tolist() == [0, 1.5, 3]


def test_series_named_by_numbers_are_not_times(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"date": DAYS.strftime("%Y-%m-%d"), **{str(number): np.arange(60) for number in range(1950, 1960)}}
    )
    assert len(load_frame(tmp_path, frame).panel) == 10


@pytest.mark.parametrize(
    "ids", [["01", "02", "10"], ["10E2", "1000", "12E1"], ["1" * 20, "2" * 20, "3" * 20], ["NA", "null", "-"]]
)
def test_ids_are_text_to_the_letter(ids: list[str], tmp_path: Path) -> None:
    rows = [(day, id) for day in DAYS.strftime("%Y-%m-%d") for id in ids]
    frame = pd.DataFrame(rows, columns=["date", "sku"])
    frame["qty"] = np.arange(len(frame)) * 31 % 89
    assert load_frame(tmp_path, frame, id="sku").panel.ids.tolist() == ids


def test_the_last_business_day_stands_for_its_month(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"date": pd.date_range("2010-01-31", periods=60, freq="BME").strftime("%Y-%m-%d"), "y": range(60)}
    )
    loaded = load_frame(tmp_path, frame)
    assert loaded.panel.lengths.tolist() == [60]
    assert loaded.panel.frequency.name == "ME"
    later = load_frame(tmp_path, frame.iloc[30:], freq="ME")
    assert later.panel.lengths.tolist() == [30]


def test_a_week_moved_by_holidays_is_one_step(tmp_path: Path) -> None:
    days = pd.date_range("2012-01-05", periods=100, freq="7D").to_series()
    days.iloc[[10, 30, 51]] -= pd.Timedelta(days=1)
    frame = pd.DataFrame({"date": days.dt.strftime("%Y-%m-%d"), "y": range(100)})
    loaded = load_frame(tmp_path, frame)
    assert loaded.panel.lengths.tolist() == [100]
    assert loaded.panel.frequency.name == "W"


@pytest.mark.parametrize(
    ("cells", "delimiter", "values"),
    [
        (["987", "1.021", "1.150", "890"], ";", [987, 1021, 1150, 890]),
        (["0", "0", "0,511", "0,72"], ";", [0, 0, 0.511, 0.72]),
        (["5,014", "6,360", "4,999"], "\t", [5014, 6360, 4999]),
        (["4.875", "5.677", "6.018"], ",", [4.875, 5.677, 6.018]),
        (["12,34,567", "9,87,654", "1,00,000"], "\t", [1234567, 987654, 100000]),
        (["1", "1.125", "2", "1.500"], ",", [1, 1.125, 2, 1.5]),
        (["1.234,5", "1.000", "999"], ";", [1234.5, 1000, 999]),
        (["1 234", "987", "2 345"], ";", [1234, 987, 2345]),
    ],
)
def test_the_whole_column_decides_the_decimal_mark(
    cells: list[str], delimiter: str, values: list[float], tmp_path: Path
) -> None:
    rows = [f"{day}{delimiter}{cell}" for day, cell in zip(DAYS.strftime("%Y-%m-%d"), cells * 3, strict=False)]
    loaded = load_text(tmp_path, "\n".join([f"date{delimiter}y", *rows]) + "\n")
    np.testing.assert_allclose(loaded.panel.values[: len(values), 0], values, rtol=1e-6)


def test_columns_may_have_different_decimal_marks(tmp_path: Path) -> None:
    rows = [f"{day};{number},5;{number}.25" for number, day in enumerate(DAYS.strftime("%Y-%m-%d"))]
    loaded = load_text(tmp_path, "\n".join(["date;a;b", *rows]) + "\n")
    assert loaded.panel.values[[1, 61], 0].tolist() == [1.5, 1.25]
    assert loaded.config.format.decimal == {"a": ",", "b": "."}


def test_a_mark_that_nothing_decides_is_refused_with_both_flags(tmp_path: Path) -> None:
    rows = [f"{day};{number}.234" for number, day in enumerate(DAYS.strftime("%Y-%m-%d"), start=1)]
    text = "\n".join(["date;y", *rows]) + "\n"
    with pytest.raises(UsageError, match=r"may be 1\.234 or 1234") as caught:
        load_text(tmp_path, text)
    assert "--decimal . for 1.234" in caught.value.hint
    assert "--decimal , for 1234" in caught.value.hint
    for mark, value in ((".", 1.234), (",", 1234)):
        loaded = load_text(tmp_path, text, format={"decimal": mark})
        assert loaded.panel.values[0, 0] == pytest.approx(value)


def test_an_order_that_nothing_decides_is_refused_with_both_flags(tmp_path: Path) -> None:
    text = "date,y\n" + "".join(f"01/{month:02}/2018,{month}\n" for month in range(1, 13))
    with pytest.raises(UsageError, match="day/month/year or month/day/year") as caught:
        load_text(tmp_path, text)
    assert "--day-first" in caught.value.hint
    assert load_text(tmp_path, text, format={"day_first": True}).panel.frequency.name == "MS"
    assert load_text(tmp_path, text, format={"day_first": False}).panel.frequency.name == "D"


def test_words_and_numbers_can_mean_missing(tmp_path: Path) -> None:
    text = "date,y\n" + "".join(
        f"{day},{cell}\n" for day, cell in zip(DAYS.strftime("%Y-%m-%d"), ["1", "-999", "3"] * 20, strict=True)
    )
    assert any("--na=-999" in note for note in load_text(tmp_path, text).notes)
    masked = load_text(tmp_path, text, format={"na": "-999"})
    assert masked.quality["missing_values"] == 20
    assert masked.config.format.na == ("-999",)
    words = load_text(tmp_path, text.replace("-999", "n.d."), format={"na": "n.d."})
    assert words.quality["missing_values"] == 20


ROWS = "".join(f"{day:%d.%m.%Y};{number % 7 + 1}.{number % 10}00,5\n" for number, day in enumerate(DAYS))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Netz Süd;;\nStand: 01.05.2021;;\n;;\nDatum;Umsatz\n" + ROWS, id="preamble-with-empty-cells"),
        pytest.param("Report: Daily\nCreated: 2021-03-05 10:11\nCustomer: 4711\nDatum;Umsatz\n" + ROWS, id="preamble"),
        pytest.param("Category: All categories\n\nDatum;Umsatz\n" + ROWS, id="title"),
        pytest.param(" Datum | Umsatz \n-------+-------\n" + ROWS.replace(";", " | ") + "(60 rows)\n", id="psql"),
        pytest.param("Datum|Umsatz\n---|---\n" + ROWS.replace(";", "|"), id="markdown"),
        pytest.param("Datum;Umsatz\n" + ROWS + "Quelle: Amt;\nStand: Mai;\n", id="notes-of-the-same-width"),
        pytest.param("Datum;Umsatz\n" + ROWS + ";\nSumme;123.456,7\nMittel;2.345,6\n", id="totals"),
        pytest.param("Datum;Umsatz\n" + ROWS + "\nNotes:\n1. Seasonally unadjusted; see below\n", id="numbered-note"),
    ],
)
def test_lines_around_the_table_are_skipped(text: str, tmp_path: Path) -> None:
    loaded = load_text(tmp_path, text)
    assert (loaded.quality["first"], loaded.quality["last"]) == ("2021-03-01", "2021-04-29")
    assert loaded.config.target == ("Umsatz",)
    assert loaded.panel.values[:2, 0].tolist() == [1000.5, 2100.5]


def test_totals_are_recognised_by_any_column_with_digits(tmp_path: Path) -> None:
    rows = "".join(f"{day:%A};{day:%Y-%m-%d};{number};{number}.5\n" for number, day in enumerate(DAYS, start=1))
    loaded = load_text(tmp_path, "Weekday;Date;Guests;Sales\n" + rows + "Total;;1830;\n", target=("Sales",))
    assert loaded.panel.lengths.tolist() == [60]


def test_a_last_series_with_a_name_without_digits_is_no_footer(tmp_path: Path) -> None:
    names = [f"S{number}" for number in range(20)] + ["Other"]
    frame = pd.DataFrame({"id": np.repeat(names, 10), "date": np.tile(DAYS[:10], 21), "y": 1.5})
    assert load_frame(tmp_path, frame).panel.ids.tolist() == names


def test_text_that_may_be_a_time_is_not_replaced_by_row_numbers(tmp_path: Path) -> None:
    rows = "".join(f"<{day:%Y~%m~%d}>,{number}.5\n" for number, day in enumerate(DAYS))
    with pytest.raises(
        DataError, match="column 'when' may be the time, but '<2021~03~01>' has no known format"
    ) as caught:
        load_text(tmp_path, "when,y\n" + rows)
    assert "--time none" not in caught.value.hint
    loaded = load_text(tmp_path, "when,y\n" + rows, time="when", format=TableFormat(date_format="<%Y~%m~%d>"))
    assert loaded.quality["last"] == "2021-04-29"


def test_the_hint_names_the_package_that_knows_more_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{day} marca 2021;{day}.5\n" for day in range(1, 29))
    assert load_text(tmp_path, "dzień;y\n" + rows).panel.lengths.tolist() == [28]
    monkeypatch.setattr(month_names, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="'dzień' may be the time") as caught:
        load_text(tmp_path, "dzień;y\n" + rows.replace("2021", "2022"))
    assert "pip install babel" in caught.value.hint


def test_row_numbers_in_front_are_no_series(tmp_path: Path) -> None:
    frame = pd.DataFrame({"row_id": range(60), "sensor_time": 1_643_673_600 + 3600 * np.arange(60), "temp": 20.5})
    loaded = load_frame(tmp_path, frame)
    assert loaded.config.target == ("temp",)
    assert loaded.quality["left_out"] == {"row_id": "row numbers"}


@pytest.mark.parametrize("cell", ["100,5", "1.100,5", "100.0 ", ":"])
def test_times_as_columns_may_have_cells_of_text(cell: str, tmp_path: Path) -> None:
    years = [str(year) for year in range(1990, 2020)]
    number = "105.0" if cell.startswith("100.0") else "105,0"
    rows = "".join(f"{name};{cell};" + ";".join([number] * 29) + "\n" for name in ("Nord", "Ost"))
    loaded = load_text(tmp_path, "Region;" + ";".join(years) + "\n" + rows)
    assert loaded.panel.ids.tolist() == ["Nord", "Ost"]
    assert loaded.panel.frequency.every == 12


def test_months_as_columns_are_months_of_the_year(tmp_path: Path) -> None:
    names = ["Year", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Annual"]
    rows = [[1960 + year, *[year * 12 + month + 0.5 for month in range(12)], 99.0] for year in range(20)]
    loaded = load_frame(tmp_path, pd.DataFrame(rows, columns=names))
    assert loaded.panel.values[:, 0].tolist() == [number + 0.5 for number in range(240)]
    assert (loaded.quality["first"], loaded.quality["last"]) == ("1960-01-01", "1979-12-01")
    assert "the columns Jan to Dec are months of Year; left out: Annual" in loaded.notes


def test_months_as_columns_keep_the_ids_and_the_missing_end(tmp_path: Path) -> None:
    names = ["Ort", "Jahr", *(["Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"])]
    for towns in (["Ulm", "Jena"], ["007", "070"]):
        rows = [[town, 2000 + year, *[10.5] * 12] for town in towns for year in range(10)]
        rows[-1][-3:] = [None] * 3
        loaded = load_frame(tmp_path, pd.DataFrame(rows, columns=names))
        assert loaded.panel.ids.tolist() == towns
        assert loaded.panel.lengths.tolist() == [120, 117]


@pytest.mark.parametrize(
    "names",
    [
        [f"H{hour:02}" for hour in range(1, 25)],
        [f"HE{hour}" for hour in range(1, 25)],
        [f"{hour:02}:00" for hour in range(24)],
        [f"{half // 2}:{half % 2 * 30:02}" for half in range(48)],
    ],
    ids=["H01", "HE1", "00:00", "0:30"],
)
def test_times_of_day_as_columns_are_steps_of_the_day(names: list[str], tmp_path: Path) -> None:
    values = np.arange(30 * len(names)).reshape(30, -1) + 0.5
    frame = pd.DataFrame(values, columns=names)
    frame.insert(0, "Datum", DAYS[:30].strftime("%d.%m.%Y"))
    loaded = load_frame(tmp_path, frame)
    assert loaded.panel.values[:, 0].tolist() == values.ravel().tolist()
    assert loaded.quality["first"] == "2021-03-01T00:00:00"


HOURS = {"day": np.repeat(DAYS, 24), "hour": np.tile(range(24), 60)}
HALVES = np.tile([f"{half // 2:02}{half % 2 * 30:02}" for half in range(48)], 60)


@pytest.mark.parametrize(
    ("columns", "last"),
    [
        ({"Date": HOURS["day"].strftime("%m/%d/%Y"), "HE": [f"HE{h + 1:02}" for h in HOURS["hour"]]}, "2021-04-29T23"),
        ({"YYYYMMDD": HOURS["day"].strftime("%Y%m%d"), "HH": HOURS["hour"]}, "2021-04-29T23"),
        ({"STN": 260, "YYYYMMDD": HOURS["day"].strftime("%Y%m%d"), "HH": HOURS["hour"] + 1}, "2021-04-29T23"),
        ({"date": np.repeat(DAYS, 48), "time": HALVES.astype(int)}, "2021-04-29T23:30"),
        ({"date": np.repeat(DAYS.strftime("%Y%m%d"), 48), "hhmm": HALVES}, "2021-04-29T23:30"),
        (
            {
                "Date": np.repeat(DAYS.strftime("%d/%m/%Y"), 24),
                "Interval": [f"{h:02}:00 - {(h + 1) % 24:02}:00" for h in HOURS["hour"]],
            },
            "2021-04-29T23",
        ),
        (
            {"date": np.repeat(DAYS, 48), "hour": np.tile(np.arange(48) // 2, 60), "minute": np.tile([0, 30], 24 * 60)},
            "2021-04-29T23:30",
        ),
        ({"Jahr": np.repeat(range(1998, 2013), 4), "Quartal": ["Q1", "Q2", "Q3", "Q4"] * 15}, "2012-10-01"),
        ({"Year": np.repeat(range(1960, 1990), 2), "Half": ["H1", "H2"] * 30}, "1989-07-01"),
        ({"Year": np.repeat(range(2000, 2020), 12), "Period": [f"M{m:02}" for m in range(1, 13)] * 20}, "2019-12-01"),
        ({"YEAR": DAYS.year, "DOY": DAYS.day_of_year}, "2021-04-29"),
        ({"YYYY": DAYS.year, "MM": DAYS.month, "DD": DAYS.day}, "2021-04-29"),
        ({"Year": 2019, "Week": [f"W{week:02}" for week in range(1, 53)]}, "2019-12-23"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else value,
)
def test_parts_of_the_time_have_many_forms(columns: dict[str, object], last: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(columns)
    frame["value"] = np.arange(len(frame)) + 0.5
    loaded = load_frame(tmp_path, frame)
    assert loaded.panel.lengths.tolist() == [len(frame)]
    assert loaded.quality["last"].startswith(last)
    assert loaded.config.target == ("value",)


def test_parts_of_the_time_may_have_no_names(tmp_path: Path) -> None:
    rows = "".join(f"{day:%Y;%m;%d};{hour};{hour + 45.5};\n" for day in DAYS for hour in range(1, 25))
    loaded = load_text(tmp_path, "MARGINALPDBC;\n" + rows + "*\n")
    assert loaded.quality["last"] == "2021-04-29T23:00:00"
    assert loaded.panel.lengths.tolist() == [1440]


def test_named_columns_of_any_name_are_joined(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Stichtag": np.repeat(DAYS, 24), "Pos": np.tile(range(24), 60), "y": 0.5})
    with pytest.raises(UsageError, match="'Pos' counts to 23 on each day: times of day, or 24 series") as caught:
        load_frame(tmp_path, frame)
    assert "--time 'Stichtag,Pos'" in caught.value.hint
    assert load_frame(tmp_path, frame, time="Stichtag,Pos").panel.lengths.tolist() == [1440]
    assert load_frame(tmp_path, frame, id="Pos").panel.lengths.tolist() == [60] * 24
    with pytest.raises(UsageError, match="column 'y' is no part of a time"):
        load_frame(tmp_path, frame, time="Stichtag,y")


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("id", ["001", "007", "7", "070"]),
        ("store", ["01", "1", "2", "3"]),
        ("member", ["TRUE", "FALSE"]),
        ("sensor", ["1.0", "1.10", "1.1", "2"]),
    ],
)
def test_ids_that_are_equal_numbers_stay_apart(name: str, ids: list[str], tmp_path: Path) -> None:
    rows = "".join(f"{each},{day:%Y-%m-%d},{number}.5\n" for each in ids for number, day in enumerate(DAYS))
    assert load_text(tmp_path, f"{name},date,y\n" + rows).panel.ids.tolist() == ids


def test_the_hint_for_repeated_times_names_the_column_that_divides_them(tmp_path: Path) -> None:
    cohorts = [f"2019-{month:02}" for month in range(5, 8)]
    rows = "".join(f"{each},{day:%Y-%m-%d},{number}.5\n" for each in cohorts for number, day in enumerate(DAYS))
    rows = rows.replace("2019-06,2021-03-01,0.5", "2019-06,2021-03-01,9.5")
    with pytest.raises(DataError) as caught:
        load_text(tmp_path, "cohort,date,y\n" + rows.replace(".5\n", ".25\n", 1))
    assert "--id cohort" in caught.value.hint
    assert load_text(tmp_path, "cohort,date,y\n" + rows, id="cohort").panel.ids.tolist() == cohorts


def test_many_equal_rows_are_not_dropped_without_a_question(tmp_path: Path) -> None:
    rows = "".join(f"{day:%Y-%m-%d},1\n" * 4 for day in DAYS)
    with pytest.raises(DataError, match="180 of 240 rows are equal to the one before") as caught:
        load_text(tmp_path, "date,sold\n" + rows)
    assert "--duplicates first" in caught.value.hint
    assert "--duplicates sum" in caught.value.hint
    assert load_text(tmp_path, "date,sold\n" + rows, duplicates="sum").panel.values[0, 0] == 4


@pytest.mark.parametrize("digits", ["%Y%m%d", "%Y%m%d%H", "%Y%m"])
def test_times_in_digits_may_be_text(digits: str, tmp_path: Path) -> None:
    frequency = {"%Y%m%d": "D", "%Y%m%d%H": "h", "%Y%m": "MS"}[digits]
    times = pd.date_range("2020-01-01", periods=90, freq=frequency)
    path = tmp_path / "t.parquet"
    pd.DataFrame({"when": times.strftime(digits), "y": np.arange(90) + 0.5}).to_parquet(path)
    loaded = load(str(path), DataConfig())
    assert loaded.panel.start.tolist() == [times[0].value // 1000]
    assert loaded.panel.lengths.tolist() == [90]


def test_whole_floats_name_series_as_integers(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pairs = [(float(store), item) for store in (1, 2) for item in (1, 2, 3)]
    frame = pd.DataFrame(pairs, columns=["store", "item"]).loc[np.repeat(range(6), 60)]
    frame.assign(date=np.tile(DAYS, 6), y=np.arange(360) + 0.5).to_parquet(path)
    assert load(str(path), DataConfig()).panel.ids.tolist() == ["1/1", "1/2", "1/3", "2/1", "2/2", "2/3"]


def test_the_start_of_an_interval_is_its_time(tmp_path: Path) -> None:
    times = pd.date_range("2021-03-01", periods=100, freq="15min")
    ends = times + pd.Timedelta(minutes=15)
    frame = pd.DataFrame({"Datum bis": ends, "Datum von": times, "Last": np.arange(100) + 0.5})
    for names in (["Datum von", "Datum bis", "Last"], ["Datum bis", "Datum von", "Last"]):
        loaded = load_frame(tmp_path, frame[names])
        assert loaded.config.time == "Datum von"
        assert loaded.quality["left_out"] == {"Datum bis": "times"}


def test_day_numbers_of_matlab_are_dates(tmp_path: Path) -> None:
    frame = pd.DataFrame({"datenum": 737_791 + np.arange(60), "level": np.arange(60) + 0.5})
    assert load_frame(tmp_path, frame).quality["first"] == "2020-01-01"


@pytest.mark.parametrize("type_", [pa.decimal128(20, 0), pa.uint64(), pa.string()])
def test_ids_of_twenty_digits_keep_them_all(type_: pa.DataType, tmp_path: Path) -> None:
    ids = ["12345678901234567890", "12345678901234567891"]
    values = [ids[number // 60] for number in range(120)]
    kind = Decimal if pa.types.is_decimal(type_) else int if pa.types.is_integer(type_) else str
    column = pa.array([kind(each) for each in values], type_)
    table = pa.table({"id": column, "day": pa.array([*DAYS, *DAYS]), "y": pa.array(np.arange(120) / 4)})
    pq.write_table(table, tmp_path / "t.parquet")
    assert load(str(tmp_path / "t.parquet"), DataConfig()).panel.ids.tolist() == ids


def test_decimals_without_a_fraction_are_numbers(tmp_path: Path) -> None:
    counts = pa.array([Decimal(number) for number in range(60)], pa.decimal128(38, 0))
    pq.write_table(pa.table({"day": pa.array(DAYS), "y": counts}), tmp_path / "t.parquet")
    assert load(str(tmp_path / "t.parquet"), DataConfig()).panel.values[:, 0].tolist() == list(range(60))


@pytest.mark.parametrize("zone", ["", "+02:00"])
def test_times_a_little_off_the_grid_are_snapped(zone: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    offsets = pd.to_timedelta(generator.integers(-4, 5, 400), unit="s")
    times = (pd.date_range("2021-03-01", periods=400, freq="15min") + offsets).delete([50, 51])
    rows = "".join(f"{time:%Y-%m-%d %H:%M:%S}{zone},{number}.5\n" for number, time in enumerate(times))
    loaded = load_text(tmp_path, "when,y\n" + rows)
    assert loaded.panel.frequency.name == "15min"
    assert loaded.panel.lengths.tolist() == [400]
    assert any("up to 4 s off the steps of 15min" in note for note in loaded.notes)
    again = load(str(tmp_path / "t.csv"), loaded.config, frequency=loaded.panel.frequency)
    assert again.panel.lengths.tolist() == [400]
    assert load_text(tmp_path, "when,y\n" + rows, freq="15min").panel.lengths.tolist() == [400]


def test_times_without_a_grid_are_refused(tmp_path: Path) -> None:
    seconds = np.cumsum(np.random.default_rng(0).integers(1, 2000, 300))
    times = pd.Timestamp("2021-03-01") + pd.to_timedelta(seconds, unit="s")
    with pytest.raises(DataError, match="time is irregular"):
        load_text(tmp_path, "when,y\n" + "".join(f"{time},{number}.5\n" for number, time in enumerate(times)))
