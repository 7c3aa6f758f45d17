"""Options on the format of a table are refused where they have no effect, and settings of a saved config are noted."""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import Forecast

TYPED = ["--sheet 1", "--delimiter ;", "--encoding cp1252", "--skip-rows 1", "--header 1"]
CELLS = ["--decimal ,", "--date-format %d.%m.%Y", "--day-first", "--no-day-first"]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Write the same table in each format."""
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=40), "sold": np.arange(40) % 7 + 0.5})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_feather(tmp_path / "a.feather")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True, date_format="iso")
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    with sqlite3.connect(tmp_path / "a.db") as database:
        frame.to_sql("t", database, index=False)
    return tmp_path


def flag_of(option: str) -> str:
    return option.split()[0]


@pytest.mark.parametrize(
    ("data", "option"),
    [
        *((data, "--sheet 1") for data in ("a.csv", "a.csv.gz")),
        *(("a.xlsx", option) for option in ("--delimiter ;", "--encoding cp1252")),
        *((data, option) for data in ("a.parquet", "a.feather") for option in (*TYPED, *CELLS)),
        *((data, option) for data in ("a.jsonl", "sqlite:///a.db") for option in TYPED),
    ],
)
def test_an_option_without_effect_is_refused(data: str, option: str, tables: Path, forecast: Forecast) -> None:
    query = ("--query", "select * from t") if data.startswith("sqlite") else ()
    done = forecast("inspect", data, *query, *option.split())
    assert done.code == 2
    assert f"{data}: {flag_of(option)} has no effect on a" in done.err
    assert f"hint: leave {flag_of(option)} out, or name a" in done.err
    assert forecast("inspect", data, *query).code == 0


@pytest.mark.parametrize(
    ("data", "option"),
    [
        ("a.csv", "--delimiter ,"),
        ("a.csv", "--encoding cp1252"),
        ("a.csv", "--decimal ."),
        ("a.xlsx", "--sheet 1"),
        ("a.xlsx", "--header 1"),
        ("a.parquet", "--na 3.5"),
        ("a.parquet", "--zone Europe/Berlin"),
        ("a.jsonl", "--day-first"),
    ],
)
def test_an_option_with_an_effect_is_accepted(data: str, option: str, tables: Path, forecast: Forecast) -> None:
    done = forecast("inspect", data, *option.split())
    assert done.code == 0, done.err
    assert "no effect" not in done.err + done.out


@pytest.mark.parametrize("command", ["train", "backtest", "compare", "tune", "inspect", "init"])
def test_every_command_that_reads_a_table_refuses(command: str, tables: Path, forecast: Forecast) -> None:
    done = forecast(command, "a.csv", "--sheet", "2")
    assert done.code == 2
    assert "a.csv: --sheet has no effect on a file of text, which has no sheets" in done.err


def test_predict_with_a_bundle_and_standard_input_refuse_as_well(tables: Path, forecast: Forecast) -> None:
    assert forecast("train", "a.csv", "--model", "naive", "-o", "b").code == 0
    done = forecast("predict", "a.csv", "--bundle", "b", "--sheet", "2")
    assert done.code == 2
    assert "hint: leave --sheet out, or name a workbook" in done.err
    done = forecast("inspect", "-", "--sheet", "2", "--json", stdin=Path("a.csv").read_bytes())
    assert done.code == 2
    assert json.loads(done.out)["error"]["message"].startswith("-: --sheet has no effect")


def test_a_folder_accepts_what_one_of_its_files_uses(tables: Path, forecast: Forecast) -> None:
    folder = tables / "mixed"
    folder.mkdir()
    shutil.copy("a.xlsx", folder / "workbook.xlsx")
    shutil.copy("a.csv", folder / "text.csv")
    assert forecast("inspect", folder, "--sheet", "1").code == 0
    assert "--sheet has no effect" in forecast("inspect", "a.c*v", "--sheet", "1").err


def test_a_saved_config_serves_for_a_file_of_another_kind(tables: Path, forecast: Forecast) -> None:
    assert forecast("train", "a.csv", "--model", "naive", "-o", "b").code == 0
    done = forecast("train", "a.parquet", "--config", "b/config.yaml", "-o", "c")
    assert done.code == 0, done.err
    assert done.err.count("no effect on a Parquet file") == 1
    assert "data.format.encoding, data.format.delimiter" in done.err
    done = forecast("predict", "a.parquet", "--bundle", "b")
    assert done.code == 0, done.err
    done = forecast("inspect", "a.csv", "--set", "data.format.sheet='2'")
    assert done.code == 0
    assert "data.format.sheet: no effect on a file of text, which has no sheets" in done.out


def test_a_large_parquet_file_refuses_before_it_is_read(
    tables: Path, forecast: Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecaster.data.load.rows_at_once", lambda memory: 10)
    done = forecast("inspect", "a.parquet", "--encoding", "cp1252")
    assert done.code == 2
    assert "--encoding has no effect on a Parquet file" in done.err
