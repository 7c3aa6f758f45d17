"""Small files that would unpack to gigabytes, and counts that no work could serve."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from forecaster.config import DataConfig
from forecaster.data.load import load
from tests.cli.conftest import Forecast

TABLE = "ds,y\n" + "".join(f"{day:%Y-%m-%d},{day.day % 5}\n" for day in pd.date_range("2024-01-01", periods=40))


def write_equal_rows(path: Path) -> None:
    """Write millions of equal rows in a few kilobytes."""
    rows = 20_000_000
    column = pa.array(np.zeros(rows, np.int8))
    parquet.write_table(pa.table({"t": column, "y": column}), path, compression="zstd")


def write_long_words(path: Path) -> None:
    """Write one word of a megabyte, repeated in each of many rows."""
    words = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), ["x" * (1 << 20)])
    days = pa.array(np.arange(20_000), pa.int64())
    parquet.write_table(pa.table({"t": days, "name": words, "y": days}), path, store_schema=False)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_equal_rows_in_a_few_kilobytes_are_refused(forecast: Forecast, tmp_path: Path, suffix: str) -> None:
    write_equal_rows(tmp_path / f"t.{suffix}")
    done = forecast("inspect", f"t.{suffix}")
    assert (done.code, "would unpack to" in done.err) == (65, True)
    (tmp_path / "folder").mkdir()
    (tmp_path / f"t.{suffix}").rename(tmp_path / "folder" / "t.parquet")
    assert forecast("inspect", "folder").code == 65


def test_a_long_word_is_read_once(tmp_path: Path) -> None:
    write_long_words(tmp_path / "t.parquet")
    panel = load(str(tmp_path / "t.parquet"), DataConfig(target=("y",), time="t")).panel  # 20 GB as plain text
    assert len(panel.values) == 20_000


def test_a_table_that_is_compressed_twice_is_refused(forecast: Forecast, tmp_path: Path) -> None:
    once = gzip.compress(TABLE.encode())
    (tmp_path / "once.csv.gz").write_bytes(once)
    (tmp_path / "twice.csv.gz").write_bytes(gzip.compress(once))
    assert forecast("inspect", "once.csv.gz").code == 0
    done = forecast("inspect", "twice.csv.gz")
    assert (done.code, "compressed twice" in done.err) == (65, True)


@pytest.mark.parametrize(
    ("arguments", "code", "limit"),
    [
        (["train", "t.csv", "--horizon", "1000000000"], 2, "100000"),
        (["predict", "t.csv", "--horizon", "1000000000"], 2, "100000"),
        (["backtest", "t.csv", "--model", "naive", "--folds", "1000000000"], 2, "10000"),
        (["backtest", "t.csv", "--model", "naive", "--stride", "1000000000000000000"], 2, "10000000"),
        (["compare", "t.csv", "--models", "naive", "--folds", "1000000000"], 2, "10000"),
        (["tune", "t.csv", "--trials", "1000000000"], 2, "100000"),
        (["tune", "t.csv", "--folds", "1000000000"], 2, "10000"),
        (["train", "t.csv", "--set", "ensemble.seeds=1000000000"], 78, "256"),
        (["train", "t.csv", "--set", "evaluation.folds=1000000000"], 78, "10000"),
        (["train", "t.csv", "--set", "evaluation.refit=1000000000"], 78, "10000"),
        (["train", "t.csv", "--set", "data.horizon=1000000000"], 78, "100000"),
        (["train", "t.csv", "--set", "data.season=1000000000000"], 78, "1000000"),
        (["train", "t.csv", "--set", "job.challenger.folds=1000000000"], 78, "10000"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_absurd_count_is_refused_before_work(
    forecast: Forecast, tmp_path: Path, arguments: list[str], code: int, limit: str
) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    done = forecast(*arguments)
    assert done.code == code, done.err
    assert limit in done.err.replace(",", "")
    assert not (tmp_path / "runs").exists()
