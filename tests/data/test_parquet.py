"""Parquet files, read a few series at a time with the same result as at once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecaster.config import DataConfig
from forecaster.data import load as loading
from forecaster.data import memory_limit
from forecaster.data.files.parquet import ParquetFiles
from forecaster.data.files.read import open_parquet, read
from forecaster.data.load import LoadedData, load, load_in_parts
from forecaster.errors import DataError, InputError
from forecaster.frequency import HOUR, Frequency

GROUP = 50  # rows


def sales(series: int = 12, steps: int = 40) -> pd.DataFrame:
    """Return hourly rows, series by series, of unequal lengths; one value and one row are missing."""
    dice = np.random.default_rng(1)
    frames = []
    for number in range(series):
        length = steps + number
        stamps = pd.date_range("2024-01-01", periods=length, freq="h")
        frames.append(pd.DataFrame({"shop": f"s{number}", "ds": stamps, "y": dice.normal(size=length)}))
    table = pd.concat(frames, ignore_index=True)
    table.loc[5, "y"] = np.nan
    return table.drop(index=100).reset_index(drop=True)


def write(frame: pd.DataFrame, path: Path) -> str:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=GROUP)
    return str(path)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 100)


def assert_same(one: LoadedData, other: LoadedData) -> None:
    for name in ("values", "begin", "end", "stop", "start", "static"):
        np.testing.assert_array_equal(getattr(one.panel, name), getattr(other.panel, name))
    assert one.panel.ids.tolist() == other.panel.ids.tolist()
    assert one.panel.frequency == other.panel.frequency
    assert (one.quality, one.config, one.notes, one.roles) == (other.quality, other.config, other.notes, other.roles)


@pytest.mark.parametrize("order", [["shop", "ds"], ["ds", "shop"]], ids=["by-series", "by-time"])
def test_a_table_read_in_parts_equals_the_whole_table(
    order: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(sales().sort_values(order, kind="stable"), tmp_path / "t.parquet")
    whole = load(source, DataConfig())
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 100)
    parts = list(load_in_parts(source, DataConfig(season=24, horizon=4), frequency=Frequency("fixed", HOUR)))
    assert len(parts) > 3
    assert [name for part in parts for name in part.panel.ids] == whole.panel.ids.tolist()
    assert {(part.series, part.rows, part.roles) for part in parts} == {(12, whole.rows, whole.roles)}
    again = load(source, DataConfig())
    if order[0] == "ds":
        note, *others = again.notes
        assert note.endswith("is read many times; sort it by shop")
        again = replace(again, notes=tuple(others))
    assert_same(again, whole)


def test_the_first_part_decides_what_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = sales()
    table["ds"] = table.groupby("shop").cumcount()
    table["y"] = np.where(table["shop"] == "s0", np.sin(table["ds"] * np.pi / 3), table["ds"].to_numpy() % 4)
    source = write(table, tmp_path / "t.parquet")
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 40)
    parts = list(load_in_parts(source, DataConfig(), frequency=None))
    assert len(parts) > 3
    assert {(part.panel.season, part.config.horizon) for part in parts} == {(6, 8)}
    assert any("season 6, found by autocorrelation" in note for note in parts[0].notes)
    assert not any("season" in note for part in parts[1:] for note in part.notes)


def test_a_table_of_trading_days_without_a_frequency_is_one_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = pd.bdate_range("2024-01-01", periods=120)
    table = pd.concat([pd.DataFrame({"shop": f"s{number}", "ds": days, "y": 1.0 + number}) for number in range(6)])
    source = write(table, tmp_path / "t.parquet")
    whole = load(source, DataConfig())
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 150)
    (part,) = load_in_parts(source, DataConfig(), frequency=None)
    assert part.panel.frequency.kind == "business"
    assert_same(part, whole)


def test_several_files_with_numeric_ids_are_read_in_parts(tmp_path: Path, small_parts: None) -> None:
    table = sales().assign(shop=lambda frame: frame["shop"].str[1:].astype(int))
    whole = load(write(table, tmp_path / "t.parquet"), DataConfig())
    (tmp_path / "files").mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(table)), 3)):
        write(table.iloc[rows], tmp_path / "files" / f"{number}.parquet")
    assert_same(load(str(tmp_path / "files"), DataConfig()), whole)
    assert whole.panel.ids[:2].tolist() == ["0", "1"]


def test_a_partitioned_folder_is_one_table(tmp_path: Path) -> None:
    pq.write_to_dataset(pa.Table.from_pandas(sales()), tmp_path / "sales", partition_cols=["shop"])
    loaded = load(str(tmp_path / "sales"), DataConfig())
    assert sorted(loaded.panel.ids) == sorted(f"s{number}" for number in range(12))
    assert loaded.config.id == "shop"
    assert loaded.quality["rows"] == len(sales())


def test_a_partitioned_folder_is_read_in_parts(tmp_path: Path, small_parts: None) -> None:
    pq.write_to_dataset(pa.Table.from_pandas(sales()), tmp_path / "sales", partition_cols=["shop"])
    parts = list(load_in_parts(str(tmp_path / "sales"), DataConfig(horizon=4), frequency=Frequency("fixed", HOUR)))
    assert len(parts) > 3
    assert sum(len(part.panel) for part in parts) == 12


def test_no_part_has_many_more_rows_than_the_limit(tmp_path: Path) -> None:
    table = sales(30)
    files = open_parquet(write(table, tmp_path / "t.parquet"))
    assert isinstance(files, ParquetFiles)
    parts = list(files.catalogue("shop").shards(rows=100))
    assert [len(part.frame) for part in parts if len(part.frame) > 100 + 40 + 30] == []
    assert sum(len(part.frame) for part in parts) == len(table)


def test_an_error_names_the_row_of_the_file(tmp_path: Path, small_parts: None) -> None:
    table = sales()
    table.loc[321, "y"] = np.inf
    with pytest.raises(DataError, match="column 'y', row 322: an infinite value"):
        load(write(table, tmp_path / "t.parquet"), DataConfig())


def test_a_row_without_a_series_is_refused_in_parts_as_well(tmp_path: Path, small_parts: None) -> None:
    table = sales()
    table.loc[321, "shop"] = None
    with pytest.raises(DataError, match="column 'shop', row 322: the series has no name"):
        load(write(table, tmp_path / "t.parquet"), DataConfig())


def test_a_series_without_values_is_left_out_of_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = sales()
    table.loc[table["shop"].isin(["s2", "s3", "s4"]), "y"] = np.nan
    source = write(table, tmp_path / "t.parquet")
    whole = load(source, DataConfig())
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 60)
    assert_same(load(source, DataConfig()), whole)
    assert whole.empty == ("s2", "s3", "s4")


def test_a_table_without_any_value_is_refused(tmp_path: Path, small_parts: None) -> None:
    source = write(sales().assign(y=lambda frame: frame["y"].where(frame.index < 0)), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="no values"):
        list(load_in_parts(source, DataConfig(target=("y",), id="shop"), frequency=Frequency("fixed", HOUR)))


@pytest.mark.parametrize(
    "change",
    [{"ds": lambda frame: frame["ds"].astype(str)}, {"y": lambda frame: frame["y"].astype(str)}],
    ids=["times", "values"],
)
def test_text_is_parsed_from_all_rows(
    change: dict[str, Any], tmp_path: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_assemble_parts", None)  # would be called
    assert len(load(write(sales().assign(**change), tmp_path / "t.parquet"), DataConfig()).panel) == 12


def test_trading_days_are_learned_from_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = pd.bdate_range("2024-01-01", periods=120).delete([40, 41, 80])
    frames = [pd.DataFrame({"id": name, "ds": days, "y": np.arange(117.0)}) for name in "abcdef"]
    source = write(pd.concat(frames), tmp_path / "t.parquet")
    whole = load(source, DataConfig())
    assert whole.panel.frequency.kind == "business"
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 150)
    assert_same(load(source, DataConfig()), whole)


def test_files_with_different_columns_are_read_at_once(tmp_path: Path) -> None:
    write(sales().assign(y=1), tmp_path / "a.parquet")
    write(sales(), tmp_path / "b.parquet")
    assert open_parquet(str(tmp_path)) is None
    assert len(read(str(tmp_path))) == 2


def test_a_damaged_partition_is_named(tmp_path: Path) -> None:
    pq.write_to_dataset(pa.Table.from_pandas(sales()), tmp_path / "sales", partition_cols=["shop"])
    next((tmp_path / "sales" / "shop=s3").iterdir()).write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match="damaged Parquet"):
        load(str(tmp_path / "sales"), DataConfig())


def test_the_sample_has_as_many_series_as_fit_into_memory(tmp_path: Path, small_parts: None) -> None:
    source = write(sales(), tmp_path / "t.parquet")
    series = (
        50 * memory_limit._BYTES_PER_ROW
        + memory_limit._BYTES_PER_SERIES
        + memory_limit._USUAL_HORIZON * memory_limit._BYTES_PER_FORECAST_STEP
    )
    room = memory_limit._PROGRAM_BYTES + 4 * series
    some, again = (load(source, DataConfig(memory=room), is_sample=True) for _ in range(2))
    assert 3 <= len(some.panel) <= 4
    assert_same(some, again)
    assert some.quality["series_not_read"] == 12 - len(some.panel)
    assert f"a random sample of {len(some.panel)} of the 12 series" in some.notes[0]
    assert len(load(source, DataConfig(memory=memory_limit._PROGRAM_BYTES + 13 * series), is_sample=True).panel) == 12
    assert len(load(source, DataConfig(memory=room)).panel) == 12
