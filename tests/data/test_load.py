"""Tables loaded as panels, with notes and a quality report."""

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.config import DataConfig
from forecaster.data.files.read import TableSource
from forecaster.data.load import LoadedData, load
from forecaster.errors import DataError, DependencyError, ForecastError, UsageError
from tests.conftest import fake_holidays

SAMPLES = Path(__file__).parents[2] / "data"


def load_text(content: str | bytes, folder: Path, **config: Any) -> LoadedData:
    path = folder / "sales.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load(str(path), DataConfig(**config))


def table(rows: int, *, freq: str = "D", start: str = "2020-01-01", name: str = "y") -> str:
    stamps = pd.date_range(start, periods=rows, freq=freq)
    return f"date,{name}\n" + "".join(f"{stamp.isoformat()},{number}\n" for number, stamp in enumerate(stamps))


def next_of(loaded: LoadedData, steps: int) -> list[Any]:
    panel = loaded.panel
    return panel.frequency.format(panel.future(steps)[0], panel.zone).tolist()


@pytest.mark.parametrize(
    ("name", "target", "ids", "freq", "season", "horizon", "first", "following"),
    [
        ("melbourne_temperature", None, ["Daily minimum temperatures"], "D", 7, 14, "1981-01-01", "1991-01-01"),
        ("air_passengers", None, ["#Passengers"], "MS", 12, 12, "1949-01-01", "1961-01-01"),
        (
            "sp500",
            None,
            ["open", "high", "low", "close", "adjclose", "volume"],
            "trading",
            5,
            10,
            "2000-01-03",
            "2020-04-20",
        ),
        ("sp500", ("close",), ["close"], "trading", 5, 10, "2000-01-03", "2020-04-20"),
        (
            "seattle_weather",
            None,
            ["precipitation", "temp_max", "temp_min", "wind"],
            "D",
            7,
            14,
            "2012-01-01",
            "2016-01-01",
        ),
    ],
)
def test_the_samples_need_no_flag(
    name: str, target: Any, ids: list[str], freq: str, season: int, horizon: int, first: str, following: str
) -> None:
    loaded = load(str(SAMPLES / f"{name}.csv"), DataConfig(target=target))
    assert loaded.panel.ids.tolist() == ids
    assert (loaded.config.freq, loaded.config.season, loaded.config.horizon) == (freq, season, horizon)
    assert loaded.quality["first"] == first
    assert next_of(loaded, 1) == [following]


def test_a_panel_is_flat_float32_and_its_series_follow_each_other() -> None:
    panel = load(str(SAMPLES / "sp500.csv"), DataConfig()).panel
    assert panel.values.dtype == np.float32
    assert panel.values.flags.c_contiguous
    assert panel.values.shape == (6 * 5105, 1)
    np.testing.assert_array_equal(panel.begin[1:], panel.end[:-1])


def test_trading_data_is_forecast_on_trading_days_only() -> None:
    days = next_of(load(str(SAMPLES / "sp500.csv"), DataConfig()), 180)
    assert not {"2020-05-25", "2020-07-03", "2020-09-07", "2020-11-26", "2020-12-25"} & set(days)
    assert {"2020-05-26", "2020-07-02", "2020-11-27"} <= set(days)


def test_roles_are_described_in_one_line() -> None:
    loaded = load(str(SAMPLES / "seattle_weather.csv"), DataConfig())
    assert loaded.roles == (
        "date -> time (daily), precipitation, temp_max, temp_min, wind -> 4 series; left out: weather (text)"
    )
    assert loaded.quality["left_out"] == {"weather": "text"}
    assert any("season 7" in note for note in loaded.notes)
    assert any("horizon 14" in note for note in loaded.notes)


EVERY_SHAPE = {
    "single": table(40),
    "wide": "date,a,b\n" + "".join(f"2020-{1 + d // 28:02}-{1 + d % 28:02},{d},{d * d}\n" for d in range(56)),
    "long": "id,day,sales\n" + "".join(f"{s},{d},{d * s}.5\n" for s in ("1", "2", "3") for d in range(30)),
    "business": table(60, freq="B"),
    "month ends": table(30, freq="ME"),
    "zone": table(100, freq="h").replace(":00,", ":00+02:00,"),
    "gaps": table(40).replace("2020-01-10", "2020-02-29"),
}


@pytest.mark.parametrize("content", EVERY_SHAPE.values(), ids=EVERY_SHAPE)
def test_the_completed_config_loads_the_same_panel_again(content: str, tmp_path: Path) -> None:
    loaded = load_text(content, tmp_path)
    again = load_text(content, tmp_path, **loaded.config.model_dump())
    for name in ("values", "begin", "end", "start", "ids"):
        np.testing.assert_array_equal(getattr(loaded.panel, name), getattr(again.panel, name))
    assert again.panel.frequency == loaded.panel.frequency
    assert (again.config, again.roles, again.quality) == (loaded.config, loaded.roles, loaded.quality)
    assert (again.panel.season, again.panel.zone) == (loaded.panel.season, loaded.panel.zone)


SHOPS = "shop,size,kind,day,sales,promo,sky,temp\n" + "".join(
    f"s{s},{s}0,{'ab'[s % 2]},{pd.Timestamp('2020-01-01') + pd.Timedelta(d, 'D'):%Y-%m-%d},"
    f"{d * s % 11},{'true' if d % 7 == 0 else 'false'},{['sun', 'rain', 'NA'][d % 3]},{d}.5\n"
    for s in (1, 2, 3)
    for d in range(30)
)
COVARIATES = {"target": ("sales",), "past": ("temp",), "known": ("promo", "sky"), "static": ("size", "kind")}


def test_covariates_are_columns_after_the_target(tmp_path: Path) -> None:
    loaded = load_text(SHOPS, tmp_path, **COVARIATES)
    panel = loaded.panel
    assert panel.columns == ("sales", "temp", "promo", "sky=rain", "sky=sun")
    assert panel.roles == ("target", "past", "known", "known", "known")
    assert panel.columns_as("known") == [2, 3, 4]
    np.testing.assert_array_equal(
        panel.values[:4], [[0, 0.5, 1, 0, 1], [1, 1.5, 0, 1, 0], [2, 2.5, 0, np.nan, np.nan], [3, 3.5, 0, 0, 1]]
    )
    assert panel.static_columns == ("size", "kind=a", "kind=b")
    assert panel.static.tolist() == [[10, 0, 1], [20, 1, 0], [30, 0, 1]]
    assert loaded.config.categories == {"sky": ("rain", "sun"), "kind": ("a", "b")}
    assert "sales -> target, temp -> past, promo, sky -> known, size, kind -> static" in loaded.roles


def test_fresh_data_is_encoded_as_the_config_says(tmp_path: Path) -> None:
    config = load_text(SHOPS, tmp_path, **COVARIATES).config
    fresh = SHOPS.replace("s1,10,b", "s9,10,z").replace("rain", "fog")
    panel = load_text(fresh, tmp_path, **config.model_dump()).panel
    assert panel.columns == ("sales", "temp", "promo", "sky=rain", "sky=sun")
    assert panel.ids[0] == "s9"
    assert panel.static[0].tolist() == [10, 0, 0]
    assert panel.values[1, 3:].tolist() == [0, 0]


def test_every_series_of_a_wide_table_gets_all_covariates(tmp_path: Path) -> None:
    lines = ["day,a,b,promo,size"] + [f"2020-01-{d:02},{d},{d * d},{d % 2},4" for d in range(1, 31)]
    panel = load_text("\n".join(lines), tmp_path, known=("promo",), static=("size",)).panel
    assert panel.ids.tolist() == ["a", "b"]
    assert panel.values.shape == (60, 2)
    np.testing.assert_array_equal(panel.values[:30, 1], panel.values[30:, 1])
    assert panel.static.tolist() == [[4], [4]]


def test_a_table_without_covariates_has_none(tmp_path: Path) -> None:
    loaded = load_text(table(30), tmp_path)
    assert loaded.panel.static.shape == (1, 0)
    assert (loaded.panel.roles, loaded.config.categories) == (("target",), None)
    np.testing.assert_array_equal(loaded.panel.stop, loaded.panel.end)


@pytest.mark.parametrize("given", [None, False, True])
def test_the_calendar_setting_is_left_to_the_preset(given: bool | None, tmp_path: Path) -> None:
    assert load_text(table(30), tmp_path, calendar=given).config.calendar is given


def test_bounds_reach_the_panel_and_values_outside_them_are_reported(tmp_path: Path) -> None:
    support = {"minimum": 0, "maximum": 100, "integer": True}
    loaded = load_text(table(30), tmp_path, **support)
    assert (loaded.panel.minimum, loaded.panel.maximum, loaded.panel.is_integer) == (0, 100, True)
    assert not [note for note in loaded.notes if "mum" in note or "whole" in note]
    text = table(30).replace(",7\n", ",-7\n").replace(",8\n", ",8.5\n").replace(",9\n", ",900\n")
    odd = load_text(text, tmp_path, **support)
    assert "1 value above the maximum 100; forecasts will not exceed it" in odd.notes
    assert "1 value below the minimum 0; forecasts will not go below it" in odd.notes
    assert "1 value with a fraction; forecasts will be whole numbers" in odd.notes


def test_holidays_are_checked_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", fake_holidays())
    assert load_text(table(30), tmp_path, holidays="DE-BY").config.holidays == "DE-BY"
    with pytest.raises(UsageError, match="no calendar of 'XX'"):
        load(str(tmp_path / "nowhere.csv"), DataConfig(holidays="XX"))
    with pytest.raises(DataError, match="integers, so --holidays DE"):
        load_text("t,y\n" + "".join(f"{n},{n % 5}\n" for n in range(30)), tmp_path, holidays="DE")
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(DependencyError):
        load_text(table(30), tmp_path, holidays="DE")


@pytest.mark.parametrize("content", EVERY_SHAPE.values(), ids=EVERY_SHAPE)
def test_the_quality_report_is_json(content: str, tmp_path: Path) -> None:
    quality = load_text(content, tmp_path).quality
    assert json.loads(json.dumps(quality)) == quality


def test_descending_rows_give_the_panel_of_ascending_ones(tmp_path: Path) -> None:
    header, *rows = table(30).splitlines()
    loaded = load_text("\n".join([header, *rows[::-1]]), tmp_path)
    assert loaded.panel.values[:, 0].tolist() == list(range(30))
    assert loaded.quality["out_of_order"] == 29
    assert "29 rows out of order, sorted" in loaded.notes


def test_gaps_and_missing_values_are_masked_and_counted(tmp_path: Path) -> None:
    header, *rows = table(30).splitlines()
    rows[4] = rows[4].split(",")[0] + ",NA"
    loaded = load_text("\n".join([header, *rows[:10], *rows[12:]]), tmp_path)
    assert np.flatnonzero(np.isnan(loaded.panel.values[:, 0])).tolist() == [4, 10, 11]
    assert (loaded.quality["gaps"], loaded.quality["missing_values"]) == (2, 1)


def test_each_series_ends_at_its_own_last_value(tmp_path: Path) -> None:
    days = [f"2020-01-{day:02}" for day in range(1, 31)]
    lines = ["date,a,b"] + [f"{day},{n},{n if 3 <= n < 25 else ''}" for n, day in enumerate(days)]
    loaded = load_text("\n".join(lines), tmp_path)
    assert loaded.panel.frequency.format(loaded.panel.start).tolist() == ["2020-01-01", "2020-01-04"]
    assert loaded.panel.frequency.format(loaded.panel.cutoff).tolist() == ["2020-01-30", "2020-01-25"]


def test_a_series_without_a_value_is_left_out_and_reported(tmp_path: Path) -> None:
    lines = ["unique_id,ds,y"] + [f"{s},{n},{n if s == 'a' else 'NA'}" for s in "ab" for n in range(20)]
    loaded = load_text("\n".join(lines), tmp_path)
    assert loaded.panel.ids.tolist() == ["a"]
    assert loaded.quality["left_out"] == {"b": "no values"}
    assert "1 series without a value, left out: b" in loaded.notes


def test_series_keep_the_order_in_which_they_appear(tmp_path: Path) -> None:
    lines = ["unique_id,ds,y"] + [f"{s},{n},{n}" for n in range(20) for s in ("z", "10", "9")]
    assert load_text("\n".join(lines), tmp_path).panel.ids.tolist() == ["z", "10", "9"]


def test_without_a_time_column_rows_are_steps(tmp_path: Path) -> None:
    loaded = load_text("y\n" + "\n".join(map(str, range(20))), tmp_path, time="none")
    assert next_of(loaded, 2) == [20, 21]
    assert loaded.config.time == "none"
    lines = ["unique_id,y"] + [f"{s},{n}" for s in "ab" for n in range(20)]
    assert load_text("\n".join(lines), tmp_path, time="none").panel.lengths.tolist() == [20, 20]


@pytest.mark.parametrize("tail", ["", "Z", "+05:30"])
def test_a_zone_is_kept_in_the_times_that_follow(tail: str, tmp_path: Path) -> None:
    loaded = load_text(table(60, freq="h").replace(":00,", f":00{tail},"), tmp_path)
    assert next_of(loaded, 1) == ["2020-01-03T12:00:00" + tail.replace("Z", "+00:00")]


@pytest.mark.parametrize(("freq", "rows"), [("h", 200), ("D", 30)])
def test_a_clock_change_is_neither_gap_nor_duplicate(freq: str, rows: int, tmp_path: Path) -> None:
    stamps = pd.date_range("2020-03-25", periods=rows, freq=freq, tz="Europe/Paris")
    pd.DataFrame({"ds": stamps, "y": np.arange(rows)}).to_parquet(tmp_path / "t.parquet")
    loaded = load(str(tmp_path / "t.parquet"), DataConfig(horizon=5))
    assert loaded.panel.values[:, 0].tolist() == list(range(rows))
    following = pd.date_range("2020-03-25", periods=rows + 1, freq=freq, tz="Europe/Paris")[-1]
    assert next_of(loaded, 1) == [following.isoformat()]


def test_a_folder_of_single_files_names_series_by_file(tmp_path: Path) -> None:
    (tmp_path / "north.csv").write_text(table(20))
    (tmp_path / "south.csv.gz").write_bytes(gzip.compress(table(30).encode()))
    loaded = load(str(tmp_path), DataConfig())
    assert loaded.panel.ids.tolist() == ["north", "south"]
    assert loaded.panel.lengths.tolist() == [20, 30]
    again = load(str(tmp_path), loaded.config)
    assert again.config == loaded.config
    assert again.panel.ids.tolist() == ["north", "south"]


def test_a_folder_of_long_files_is_one_table(tmp_path: Path) -> None:
    for name, series in (("one", "ab"), ("two", "c")):
        lines = ["unique_id,ds,y"] + [f"{s},{n},{n}" for s in series for n in range(20)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    assert load(f"{tmp_path}/*.csv", DataConfig()).panel.ids.tolist() == ["a", "b", "c"]


def test_standard_input_becomes_a_panel() -> None:
    loaded = load(TableSource("-", stdin=io.BytesIO(table(30).encode())), DataConfig())
    assert len(loaded.panel.values) == 30


def test_integer_time_gets_its_season_from_the_values(tmp_path: Path) -> None:
    waves = "t,y\n" + "".join(f"{n},{[0, 5, 9, 2][n % 4] + n % 3 * 0.1}\n" for n in range(80))
    loaded = load_text(waves, tmp_path)
    assert (loaded.panel.season, loaded.config.horizon) == (4, 8)
    assert any("season 4, found by autocorrelation" in note for note in loaded.notes)
    assert load_text(waves, tmp_path, season=6).panel.season == 6


def test_series_no_longer_than_the_horizon_are_counted(tmp_path: Path) -> None:
    assert load_text(table(1), tmp_path, freq="D").quality["short"] == 1
    assert load_text(table(14), tmp_path).quality["short"] == 1
    assert load_text(table(15), tmp_path).quality["short"] == 0


@pytest.mark.parametrize("policy", ["mean", "first", "last", "sum"])
def test_a_policy_for_duplicates_is_applied_and_counted(policy: str, tmp_path: Path) -> None:
    loaded = load_text(table(30) + "2020-01-30T00:00:00,99\n", tmp_path, duplicates=policy)
    assert loaded.panel.values[-1, 0] == {"mean": 64, "first": 29, "last": 99, "sum": 128}[policy]
    assert loaded.quality["duplicates_merged"] == 1


@pytest.mark.parametrize(
    ("content", "config", "error", "says", "hint"),
    [
        (table(1), {}, DataError, "has 1 row", "more rows"),
        (
            table(30) + "2020-01-05T00:00:00,99\n",
            {},
            DataError,
            "series 'y' has 2 rows for 2020-01-05",
            "--duplicates mean",
        ),
        (table(30).replace(",7\n", ",inf\n"), {}, DataError, "column 'y', line 9: an infinite value", "NA"),
        (
            table(30).replace(",7\n", ',"1,234 kg"\n'),
            {},
            DataError,
            "column 'y', line 9: '1,234 kg' is not a number",
            "NA",
        ),
        (table(30).replace("2020-01-08T", "someday T"), {}, DataError, "line 9: 'someday T", "fix that cell"),
        (table(48, freq="h"), {"freq": "D"}, DataError, "which is not a step of D", "--freq"),
        (table(30), {"target": ("yy",)}, UsageError, "no column 'yy' (did you mean 'y'?)", "date, y"),
        ("unique_id,ds,y\n" + "a,1,1\n" * 2 + ",2,2\n", {}, DataError, "line 4: the series has no name", "--id"),
        ("a,b\n" + "0.5,x\n" * 9, {}, DataError, "no column contains times", "--time none"),
    ],
)
def test_the_error_for_an_unusable_table_says_where_and_what_to_type(
    content: str, config: dict[str, Any], error: type[ForecastError], says: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        load_text(content, tmp_path, **config)
    assert caught.value.message.startswith(f"{tmp_path / 'sales.csv'}: ")
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_series_that_ended_long_ago_and_single_values_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [
        f"{name},2021-{1 + day // 28:02}-{1 + day % 28:02},{day % 7}.5\n"
        for name, days in (("new", 1), ("old", 100), ("gone", 80), ("late", 95))
        for day in range(days)
    ]
    path.write_text("id,date,y\n" + "".join(rows))
    notes = load(str(path), DataConfig(horizon=10)).notes
    ended = "2 of 4 series ended more than 10 steps before 2021-04-16"
    assert f"{ended}, and their forecasts start where they ended: new, gone" in notes
    assert "1 of 4 series with a single value; a forecast repeats it, with the intervals of the others: new" in notes


def test_steps_without_a_calendar_have_no_common_end(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "unique_id,ds,y\n" + "".join(f"{name},{t},{t}.5\n" for name, n in (("a", 90), ("b", 30)) for t in range(n))
    )
    assert not any("ended" in note for note in load(str(path), DataConfig(horizon=10)).notes)


def test_the_files_of_a_folder_are_read_as_one_text(tmp_path: Path) -> None:
    days = pd.date_range("2021-01-01", periods=56).strftime("%Y-%m-%d")
    (tmp_path / "a.csv").write_text("store;date;y\n" + "".join(f"007;{day};1\n7;{day};3\n" for day in days[:28]))
    (tmp_path / "b.csv").write_text("store;date;y\n" + "".join(f"007;{day};1,5\n7;{day};3,5\n" for day in days[28:]))
    panel = load(str(tmp_path), DataConfig()).panel
    assert panel.ids.tolist() == ["007", "7"]
    assert panel.values[[0, 55, 56, 111], 0].tolist() == [1, 1.5, 3, 3.5]


def test_future_values_may_have_the_columns_of_the_data_or_of_the_template(tmp_path: Path) -> None:
    days = pd.date_range("2021-03-01", periods=20)
    head = "store;item;Datum;Stunde"
    keys = [(store, item) for store in ("01", "1") for item in ("a", "b")]
    past = [f"{s};{i};{d:%d.%m.%Y};{h};{h},5;{h % 2}" for s, i in keys for d in days for h in range(24)]
    (tmp_path / "t.csv").write_text("\n".join([f"{head};y;promo", *past, ""]))
    later = [f"{s};{i};21.03.2021;{h};{h % 2}" for s, i in keys for h in range(24)]
    (tmp_path / "own.csv").write_text("\n".join([f"{head};promo", *later, ""]))
    joint = [f"{i}/{s},2021-03-21T{h:02}:00:00,{h % 2}" for s, i in keys for h in range(24)]
    (tmp_path / "template.csv").write_text("\n".join(['"item,store","Datum,Stunde",promo', *joint, ""]))
    config = DataConfig(target=("y",), known=("promo",), horizon=24)
    panels = [
        load(str(tmp_path / "t.csv"), config, later=str(tmp_path / name)).panel for name in ("own.csv", "template.csv")
    ]
    for panel in panels:
        assert panel.ids.tolist() == ["a/01", "b/01", "a/1", "b/1"]
        assert panel.stop is not None
        assert (panel.stop - panel.end).tolist() == [24] * 4
