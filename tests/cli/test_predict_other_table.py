"""`forecast predict DATA` where the latest bundle was trained on another table."""

import json
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Forecast

GERMAN = "".join(f"{day:%d.%m.%Y};{day.day},5\n" for day in pd.date_range("2024-01-01", periods=44))


@pytest.fixture
def bundle(forecast: Forecast, tmp_path: Path) -> Path:
    """Train the latest bundle on a German table, and return its folder."""
    (tmp_path / "german.csv").write_text("datum;wert\n" + GERMAN)
    done = forecast("train", "german.csv", "--model", "naive", "--json")
    assert done.code == 0, done.err
    return Path(done.json["bundle"])


def write(name: str, head: str, rows: str) -> str:
    Path(name).write_text(head + rows)
    return name


@pytest.mark.parametrize(
    ("head", "rows", "columns"),
    [
        ("date,sold\n", "2024-02-{:02},1.5\n", "s 'datum', 'wert'"),
        ("datum,sold\n", "2024-02-{:02},1.5\n", " 'wert'"),
        ("datum;verkauf\n", "{:02}.02.2024;1,5\n", " 'wert'"),
        ("date,sold,remark\n", '2024-02-{:02},1.5,"good, cheap; new"\n', "s 'datum', 'wert'"),
    ],
)
def test_a_table_with_other_columns_names_the_bundle_and_the_ways_on(
    forecast: Forecast, bundle: Path, head: str, rows: str, columns: str
) -> None:
    table = write("other.csv", head, "".join(rows.format(day) for day in range(1, 25)))
    done = forecast("predict", table)
    assert done.code == 65
    error, hint = done.err.splitlines()
    assert error == f"error: other.csv: has no column{columns}, on which {bundle} was trained"
    for way in ("`forecast train other.csv`", "`forecast predict other.csv --model pretrained`", "--bundle"):
        assert way in hint


def test_parquet_with_other_columns_is_explained_alike(forecast: Forecast, bundle: Path) -> None:
    pd.DataFrame({"ds": pd.date_range("2024-02-01", periods=30), "y": range(30)}).to_parquet("other.parquet")
    done = forecast("predict", "other.parquet")
    assert done.code == 65
    assert f"has no columns 'datum', 'wert', on which {bundle} was trained" in done.err


@pytest.mark.parametrize(
    ("head", "rows", "options"),
    [
        ("datum,wert\n", "2024-02-{:02},1.5\n", "--delimiter , --decimal ."),
        ("datum;wert\n", "{:02}.02.2024;1.5\n", "--decimal ."),
    ],
)
def test_a_table_written_in_another_way_names_the_options_that_read_it(
    forecast: Forecast, bundle: Path, head: str, rows: str, options: str
) -> None:
    table = write("newer.csv", head, "".join(rows.format(day) for day in range(1, 25)))
    done = forecast("predict", table)
    assert done.code == 65
    assert f"it was read like the data of {bundle}" in done.err
    assert done.err.endswith(f"hint: pass {options}\n")
    assert forecast("predict", table, *options.split()).code == 0


def test_a_fault_of_the_right_table_keeps_its_own_error(forecast: Forecast, bundle: Path) -> None:
    table = write("newer.csv", "datum;wert\n", GERMAN.replace("3,5\n", "many\n", 1))
    done = forecast("predict", table)
    assert done.code == 65
    assert "line 4" in done.err
    assert "--model pretrained" not in done.err


@pytest.mark.skipif(not find_spec("onnx"), reason="the toy network is written by onnx")
@pytest.mark.usefixtures("toy_weights", "bundle")
def test_the_pretrained_network_can_be_named_beside_a_bundle(forecast: Forecast) -> None:
    table = write("other.csv", "date,a,b\n", "".join(f"2024-02-{day:02},1.5,{day}\n" for day in range(1, 25)))
    refused = forecast("predict", table, "--target", "b")
    assert refused.code == 2
    assert "add --model pretrained" in refused.err
    done = forecast("predict", table, "--target", "b", "--model", "pretrained", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["model"] == "pretrained"
    assert "no bundle here" not in done.err
    assert forecast("predict", "--model", "pretrained").code == 2
    assert forecast("predict", table, "--model", "pretrained", "--bundle", "runs/latest").code == 2
