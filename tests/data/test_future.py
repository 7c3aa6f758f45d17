"""The known covariates of the steps to forecast."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from forecaster.config import DataConfig
from forecaster.data.future import FutureCheck, template
from forecaster.data.load import LoadedData, load
from forecaster.errors import DataError, ForecastError, InputError

NAN = np.nan
DAYS = [f"2024-01-{day:02}" for day in range(1, 32)]
LONG = "id,day,y,promo,sky\n" + "".join(
    f"{s},{DAYS[n]},{n * 7 % 10},{n % 3},{'sun' if n % 2 else 'rain'}\n" for s in "ab" for n in range(20)
)
WIDE = "day,p,q,promo\n" + "".join(f"{DAYS[n]},{n},{n if n < 18 else ''},{n % 3}\n" for n in range(20))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load_with(content: str, later: str | None = None, **config: Any) -> LoadedData:
    Path("data.csv").write_text(content)
    if later is not None:
        Path("next.csv").write_text(later)
    given = {"known": ("promo",), **config}
    return load("data.csv", DataConfig(**given), later=None if later is None else "next.csv")


def known_of(loaded: LoadedData, series: int, column: int = -1) -> list[float]:
    """Return the known values of the steps after the end of a series."""
    panel = loaded.panel
    cells: list[float] = panel.values[panel.end[series] : panel.stop[series], column].tolist()
    return cells


def next_rows(*cells: str, ids: str = "ab") -> str:
    lines = [f"{s},{DAYS[20 + n]},{cell}" for s in ids for n, cell in enumerate(cells)]
    return "\n".join(["id,day,promo", *lines]) + "\n"


def test_rows_of_the_future_follow_the_data() -> None:
    loaded = load_with(LONG, next_rows("5", "6"))
    plain = load_with(LONG).panel
    panel = loaded.panel
    assert_array_equal(panel.lengths, plain.lengths)
    assert_array_equal(panel.cutoff, plain.cutoff)
    assert [known_of(loaded, series) for series in (0, 1)] == [[5, 6], [5, 6]]
    assert np.isnan(panel.values[panel.end[0] : panel.stop[0], 0]).all()
    assert_array_equal(panel.values[: panel.end[0]], plain.values[: plain.end[0]])


def test_rows_without_a_target_at_the_end_of_the_data_are_future_steps() -> None:
    loaded = load_with(LONG + f"a,{DAYS[20]},,5,sun\na,{DAYS[22]},,7,\n")
    assert_array_equal(known_of(loaded, 0), [5, NAN, 7])
    assert known_of(loaded, 1) == []
    assert loaded.quality["later_rows"] == 2
    assert loaded.quality["missing_values"] == 0
    assert "2 rows after the last value, known columns only" in loaded.notes


def test_rows_after_the_last_value_are_no_missing_values_where_no_column_is_known() -> None:
    blank = [f"a,{DAYS[22]},,5,sun", f"a,{DAYS[21]},,5,sun", f"c,{DAYS[0]},,5,sun", f"c,{DAYS[1]},,5,sun"]
    table = f"{LONG}a,{DAYS[20]},7,1,sun\n".replace(f"a,{DAYS[3]},1,", f"a,{DAYS[3]},,")
    loaded = load_with("\n".join([table.strip(), *blank, ""]), known=())
    assert (loaded.quality["later_rows"], loaded.quality["missing_values"]) == (2, 3)
    assert "2 rows after the last value, not used" in loaded.notes


def test_past_columns_end_with_the_target() -> None:
    loaded = load_with(LONG + f"a,{DAYS[20]},,5,\n", known=(), past=("promo",))
    assert loaded.panel.stop[0] == loaded.panel.end[0]
    both = load_with(LONG.replace("sky", "temp").replace("sun", "1").replace("rain", "2") + f"a,{DAYS[20]},,5,9\n",
                     past=("temp",))  # fmt: skip
    assert both.panel.columns == ("y", "temp", "promo")
    assert_array_equal(both.panel.values[both.panel.end[0]], [NAN, NAN, 5])


def test_every_series_of_a_wide_table_gets_the_same_known_values() -> None:
    loaded = load_with(WIDE, "day,promo\n" + "".join(f"{day},{n}\n" for n, day in enumerate(DAYS[20:23])))
    assert loaded.panel.ids.tolist() == ["p", "q"]
    assert known_of(loaded, 0) == [0, 1, 2]
    assert known_of(loaded, 1) == [0, 1, 0, 1, 2]  # two steps that the data knows, its own target being shorter


def test_files_of_one_series_each_get_their_own_future() -> None:
    for name, more in (("north", 1), ("south", 2)):
        rows = "".join(f"{DAYS[n]},{n},{n % 3}\n" for n in range(20))
        Path(f"{name}.csv").write_text("day,y,promo\n" + rows)
        Path(f"next_{name}.csv").write_text(f"unique_id,day,promo\n{name},{DAYS[20]},{more}\n")
    Path("later").mkdir()
    for name, more in (("north", 3), ("south", 4)):
        Path(f"later/{name}.csv").write_text(f"day,promo\n{DAYS[20]},{more}\n")
    for later, expected in (("next_*.csv", [[1], [2]]), ("later", [[3], [4]])):
        loaded = load("[ns]o*th.csv", DataConfig(known=("promo",)), later=later)
        assert loaded.is_by_file
        assert [known_of(loaded, series) for series in (0, 1)] == expected


def test_an_empty_cell_of_the_data_is_filled_and_an_equal_one_may_be_repeated() -> None:
    known = LONG + f"a,{DAYS[20]},,,\na,{DAYS[21]},,6,\nb,{DAYS[20]},,5,\n"
    assert known_of(load_with(known, next_rows("5", "6")), 0) == [5, 6]
    assert known_of(load_with(known, next_rows("", "6")), 1) == [5, 6]


def test_series_that_the_data_does_not_have_are_ignored() -> None:
    assert len(load_with(LONG, next_rows("5", ids="az")).panel) == 2


def test_categories_of_the_future_are_those_of_the_data() -> None:
    later = next_rows("fog", "sun").replace("promo", "sky")
    panel = load_with(LONG, later, known=("sky",)).panel
    assert panel.columns == ("y", "sky=rain", "sky=sun")
    assert_array_equal(panel.values[panel.end[0] : panel.stop[0], 1:], [[0, 0], [0, 1]])


@pytest.mark.parametrize(
    ("data", "later"),
    [
        ("{d.day}/{d.month}/{d.year}", "{d.day}/{d.month}/{d.year}"),
        ("{d.day}/{d.month}/{d.year}", "{d:%Y-%m-%d}"),
        ("{d:%Y-%m-%d}", "{d:%Y-%m-%dT%H:%M:%S}"),
        ("{d:%Y-%m-%dT%H:%M:%S}Z", "{d:%Y-%m-%dT%H:%M:%S}+00:00"),
        ("{d:%Y%m%d}", "{d:%Y-%m-%d}"),
    ],
)
def test_future_times_may_have_another_format(data: str, later: str) -> None:
    days = pd.date_range("2024-01-20", periods=24, freq="D")
    rows = "".join(f"{data.format(d=day)},{n},1\n" for n, day in enumerate(days[:20]))
    more = "".join(f"{later.format(d=day)},{n}\n" for n, day in enumerate(days[20:]))
    assert known_of(load_with("date,y,promo\n" + rows, "date,promo\n" + more), 0) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("later", "error", "says"),
    [
        (next_rows("5").replace("promo", "prom"), DataError, "has no column 'promo' (did you mean 'prom'?)"),
        (next_rows("5").replace("day", "when"), DataError, "has no column 'day'"),
        (f"id,day,promo\na,{DAYS[20]},5\nb,{DAYS[19]},7\n", DataError, "line 3: series 'b' has 7 in 'promo' where the"),
        (next_rows("5") + f"b,{DAYS[20]},6\n", DataError, f"series 'b' has 2 rows for {DAYS[20]}"),
        (next_rows("5").replace(DAYS[20], f"{DAYS[20]}T00:00:00+01:00"), DataError, "without a zone"),
        (next_rows("inf"), DataError, "column 'promo', line 2: an infinite value"),
    ],
)
def test_a_future_that_does_not_fit_is_refused(later: str, error: type[ForecastError], says: str) -> None:
    with pytest.raises(error) as caught:
        load_with(LONG, later)
    assert says in caught.value.message


def test_a_missing_future_table_is_an_input_error() -> None:
    Path("data.csv").write_text(LONG)
    with pytest.raises(InputError, match=r"next\.csv: no such file"):
        load("data.csv", DataConfig(known=("promo",)), later="next.csv")


def test_each_step_of_each_series_requires_a_value() -> None:
    loaded = load_with(LONG, next_rows("5", "6") + f"a,{DAYS[22]},7\n")
    FutureCheck("data.csv").require(loaded.panel, 2, loaded.config)
    with pytest.raises(DataError) as caught:
        FutureCheck("data.csv").require(loaded.panel, 3, loaded.config)
    assert caught.value.message == f"data.csv: series 'b' has no value of 'promo' for {DAYS[22]}, a step to forecast"
    assert "forecast init" in caught.value.hint
    assert "--future-template" in caught.value.hint


def test_a_missing_value_is_reported_with_the_column_of_the_table() -> None:
    loaded = load_with(LONG, next_rows("sun", "NA", "sun").replace("promo", "sky"), known=("sky",))
    with pytest.raises(DataError, match=f"series 'a' has no value of 'sky' for {DAYS[21]}"):
        FutureCheck("data.csv").require(loaded.panel, 3, loaded.config)


def test_nothing_is_required_without_known_columns() -> None:
    loaded = load_with(LONG, known=(), target=("y",))
    FutureCheck("data.csv").require(loaded.panel, 100, loaded.config)


@pytest.mark.parametrize("content", [LONG, WIDE], ids=["long", "wide"])
def test_the_filled_template_provides_all_required_values(content: str) -> None:
    loaded = load_with(content)
    frame = template(loaded.panel, 4, loaded.config, is_by_file=loaded.is_by_file)
    assert list(frame.columns) == (["id", "day", "promo"] if content == LONG else ["day", "promo"])
    assert set(frame["promo"]) == {""}
    assert len(frame) == (8 if content == LONG else 6)  # the wide table's series end two days apart
    frame["promo"] = "1"
    frame.loc[frame["day"] < DAYS[20], "promo"] = ""  # the data knows these
    filled = load_with(content, frame.to_csv(index=False))
    FutureCheck("data.csv").require(filled.panel, 4, filled.config)


def test_the_template_of_a_zone_with_a_clock_change_is_read_back() -> None:
    stamps = pd.date_range("2024-03-28", periods=60, freq="h", tz="Europe/Paris")
    pd.DataFrame({"ds": stamps, "y": np.arange(60), "promo": 1}).to_parquet("data.parquet")
    loaded = load("data.parquet", DataConfig(known=("promo",)))
    frame = template(loaded.panel, 40, loaded.config, is_by_file=False)
    frame["promo"] = np.arange(40)
    frame.to_csv("next.csv", index=False)
    filled = load("data.parquet", DataConfig(known=("promo",)), later="next.csv")
    assert known_of(filled, 0) == list(range(40))
