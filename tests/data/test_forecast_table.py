"""Tables of forecasts that somebody else made, in the shapes that planners have."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.config import DataConfig
from forecaster.data.files.read import TableSource
from forecaster.data.forecast_table import ForecastRows, find_probability, read_forecasts
from forecaster.errors import DataError, UsageError

SERIES = ("Nord", "Süd")


def read(tmp_path: Path, text: str, **options: object) -> ForecastRows:
    path = tmp_path / "plan.csv"
    path.write_text(text, "utf-8")
    cutoff = options.pop("cutoff", None)
    config = DataConfig(**options)  # type: ignore[arg-type]
    return read_forecasts(TableSource(str(path)), config, series=SERIES, cutoff=cutoff)  # type: ignore[arg-type]


def cells_of(rows: ForecastRows) -> list[tuple[str, str, float]]:
    days = rows.times.stamps.astype("datetime64[us]").astype("datetime64[D]").astype(str)
    return list(zip(rows.names.tolist(), days.tolist(), rows.values.tolist(), strict=True))


EXPECTED = [
    ("Nord", "2026-01-01", 1234.5),
    ("Nord", "2026-02-01", 1300.0),
    ("Nord", "2026-03-01", 7.5),
    ("Süd", "2026-01-01", 8.5),
    ("Süd", "2026-02-01", 9.5),
    ("Süd", "2026-03-01", 9.0),
]


@pytest.mark.parametrize(
    "text",
    [
        "Region;01/2026;02/2026;03/2026\nNord;1.234,5;1.300,0;7,5\nSüd;8,5;9,5;9,0\n",
        "Monat;Nord;Süd\n01.01.2026;1.234,5;8,5\n01.02.2026;1.300,0;9,5\n01.03.2026;7,5;9,0\n",
        "Region;Monat;Plan\nNord;01.01.2026;1.234,5\nNord;01.02.2026;1.300,0\nNord;01.03.2026;7,5\n"
        "Süd;01.01.2026;8,5\nSüd;01.02.2026;9,5\nSüd;01.03.2026;9,0\n",
    ],
    ids=["a column for each month", "a column for each product", "a row for each cell"],
)
def test_german_spreadsheets_of_each_shape_are_the_same_forecasts(tmp_path: Path, text: str) -> None:
    assert sorted(cells_of(read(tmp_path, text))) == EXPECTED


@pytest.mark.parametrize("name", ["cutoff", "made_on", "Stand", "as of"])
def test_a_column_of_cutoffs_is_found_by_its_name_or_named(tmp_path: Path, name: str) -> None:
    text = f"id,ds,{name},value\nNord,2026-01-01,2025-12-15,1\nNord,2026-02-01,2025-12-15,2\n"
    text += "Nord,2026-02-01,2026-01-15,3\n"
    rows = read(tmp_path, text)
    assert rows.cutoffs is not None
    days = rows.cutoffs.stamps.astype("datetime64[us]").astype("datetime64[D]").astype(str).tolist()
    assert days == ["2025-12-15", "2025-12-15", "2026-01-15"]
    other = read(tmp_path, text.replace(name, "wann"), cutoff="wann", time="ds")
    assert other.cutoffs is not None
    assert other.cutoffs.stamps.tolist() == rows.cutoffs.stamps.tolist()


def test_a_table_of_one_time_and_few_rows_has_its_columns(tmp_path: Path) -> None:
    """As a plan for the next month, or two cells that somebody changed."""
    rows = read(tmp_path, "Filiale;Monat;Plan\nNord;2026-01;1,5\nSüd;2026-01;2,5\n")
    assert cells_of(rows) == [("Nord", "2026-01-01", 1.5), ("Süd", "2026-01-01", 2.5)]


def test_quantiles_are_found_in_the_notations_of_tools(tmp_path: Path) -> None:
    text = "unique_id,ds,GRU,GRU-lo-80,GRU-hi-80\nNord,2026-01-01,5,1,9\nNord,2026-02-01,6,,9\n"
    rows = read(tmp_path, text)
    assert rows.values.tolist() == [5, 6]
    np.testing.assert_equal(rows.quantiles[0.1], [1, np.nan])
    np.testing.assert_equal(rows.quantiles[0.9], [9, 9])


@pytest.mark.parametrize(
    ("name", "probability"),
    [
        *(("q0.1", 0.1), ("0.1", 0.1), ("P90", 0.9), ("q10", 0.1), ("upper_95", 0.975), ("median", 0.5)),
        *(("10", None), ("1", None), ("value", None), ("P99", None), ("2026", None)),
    ],
)
def test_a_number_alone_is_no_percentile(name: str, probability: float | None) -> None:
    assert find_probability(name) == probability


def test_a_table_of_predict_has_its_mean_and_quantiles(tmp_path: Path) -> None:
    text = "unique_id,ds,cutoff,step,model,mean,median,q0.1,q0.9,status\n"
    text += "Nord,2026-01-02,2026-01-01,1,gru,5,4,1,9,ok\nNord,2026-01-03,2026-01-01,2,gru,6,5,2,9,ok\n"
    rows = read(tmp_path, text)
    assert rows.values.tolist() == [5, 6]
    assert sorted(rows.quantiles) == [0.1, 0.5, 0.9]
    assert rows.cutoffs is not None


def test_a_column_that_does_not_exist_and_a_table_without_times_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--cutoff-column: no column 'x'"):
        read(tmp_path, "ds,Nord\n2026-01-01,1\n2026-01-02,1\n", cutoff="x")
    with pytest.raises(DataError, match="no column contains times") as caught:
        read(tmp_path, "Nord,Süd\n1.5,2\n3.5,5\n")
    assert "--time" in caught.value.hint


def test_parquet_is_read_as_text_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["Nord", "Süd"], "ds": pd.to_datetime(["2026-01-01"] * 2), "plan": [1.5, 2.5]})
    frame.to_parquet(tmp_path / "plan.parquet")
    rows = read_forecasts(TableSource(str(tmp_path / "plan.parquet")), DataConfig(), series=SERIES)
    assert rows.values.tolist() == [1.5, 2.5]
    assert rows.place(1).endswith("row 2")


@pytest.mark.parametrize("columns", ["Plan", "Nord;Süd"])
def test_times_that_repeat_for_each_cutoff_need_no_ids(tmp_path: Path, columns: str) -> None:
    """A column of numbers that tells rows of one time apart would otherwise look like a column of ids."""
    lines = [f"Tag;Stand;{columns}"]
    for made in range(1, 9):
        values = ";".join([f"{made / 2:.1f}".replace(".", ",")] * len(columns.split(";")))
        lines += [f"0{made + step}.10.1990;0{made}.10.1990;{values}" for step in range(1, 2)]
        lines += [f"{10 + made + step}.10.1990;0{made}.10.1990;{values}" for step in range(1, 7)]
    rows = read(tmp_path, "\n".join(lines) + "\n")
    assert {*rows.names} == {*columns.split(";")}
    assert rows.values[0] == 0.5


def test_numbers_name_series_if_all_of_them_are_series(tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("shop,day,made_on,plan\n1,2026-01-02,2026-01-01,5\n2,2026-01-02,2026-01-01,6\n")
    rows = read_forecasts(TableSource(str(path)), DataConfig(), series=["1", "2"])
    assert (rows.names.tolist(), rows.values.tolist()) == (["1", "2"], [5, 6])
