"""A large table is forecast some series at a time, and nobody sees a difference."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.data import memory_limit
from forecaster.evaluation import backtest
from tests.cli.conftest import Forecast

CHEAP = ("--model", "seasonal_naive", "--set", "conformal.kind=off", "-q")


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    stamps = pd.date_range("2024-01-01", periods=60)
    dice = np.random.default_rng(0)
    frames = [pd.DataFrame({"shop": f"s{number}", "ds": stamps, "y": dice.normal(size=60)}) for number in range(30)]
    pd.concat(frames).to_parquet("shops.parquet", index=False, row_group_size=100)
    return Path("shops.parquet")


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 300)
    return monkeypatch


@pytest.mark.parametrize("flags", [(), ("--layout", "nixtla"), ("--levels", "95", "--horizon", "9")])
def test_forecasts_in_parts_are_the_forecasts(
    flags: tuple[str, ...], forecast: Forecast, shops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forecast("train", shops, "-o", "b", *CHEAP).code == 0
    whole = forecast("predict", "--bundle", "b", "-o", "whole.csv", *flags)
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 900)
    parts = forecast("predict", "--bundle", "b", "-o", "parts.csv", *flags)
    assert (parts.code, parts.out) == (0, whole.out)
    assert "30 series" in parts.out
    assert "... and 16 more series" in parts.out
    assert parts.err == whole.err.replace("whole.csv", "parts.csv")
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert forecast("predict", "--bundle", "b", "-o", "-", *flags).out.encode() == Path("whole.csv").read_bytes()
    assert forecast("predict", "--bundle", "b", "-o", "parts.parquet", *flags).code == 0
    assert forecast("predict", "--bundle", "b", "-o", "-", "--json", *flags).json["series"] == 30
    found = pd.read_parquet("parts.parquet")
    assert found["ds"].tolist() == pd.read_csv("whole.csv")["ds"].tolist()


def test_many_series_in_one_table_are_forecast_some_at_a_time(
    forecast: Forecast, shops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forecast("train", shops, "-o", "b", *CHEAP).code == 0
    assert forecast("predict", "--bundle", "b", "-o", "whole.csv").code == 0
    shared = backtest.iterate_parts.__kwdefaults__ or {}
    monkeypatch.setitem(shared, "points", 50)
    assert forecast("predict", "--bundle", "b", "-o", "parts.csv").code == 0
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_old_data_is_refused_before_anything_is_written(
    forecast: Forecast, shops: Path, in_parts: pytest.MonkeyPatch
) -> None:
    assert forecast("train", shops, "-o", "b", *CHEAP).code == 0
    table = pd.read_parquet(shops)
    table[table["ds"] < "2024-02-20"].to_parquet("old.parquet", index=False)
    done = forecast("predict", "old.parquet", "--bundle", "b", "-o", "f.csv")
    assert done.code == 65
    assert "ends at 2024-02-19, the bundle's data at 2024-02-29" in done.err
    assert not Path("f.csv").exists()


def test_one_series_that_goes_on_is_enough(forecast: Forecast, shops: Path, in_parts: pytest.MonkeyPatch) -> None:
    assert forecast("train", shops, "-o", "b", *CHEAP).code == 0
    table = pd.read_parquet(shops)
    table[(table["ds"] < "2024-02-20") | (table["shop"] == "s3")].to_parquet("some.parquet", index=False)
    done = forecast("predict", "some.parquet", "--bundle", "b", "-o", "f.csv")
    assert done.code == 0, done.err
    assert pd.read_csv("f.csv").groupby("unique_id")["cutoff"].first().nunique() == 2


def test_training_within_memory_draws_series_and_says_so(
    forecast: Forecast, shops: Path, in_parts: pytest.MonkeyPatch
) -> None:
    in_parts.setattr(memory_limit, "_PROGRAM_BYTES", 0)
    done = forecast("train", shops, "-o", "b", *CHEAP[:-1], "--memory", "80KB")
    assert done.code == 0, done.err
    assert "not all series fit into --memory; training uses a random sample of 6 of the 30 series" in done.err
    assert forecast("predict", "--bundle", "b", "-o", "f.csv").code == 0
    assert pd.read_csv("f.csv")["unique_id"].nunique() == 30


def test_a_size_that_is_none_is_refused(forecast: Forecast, shops: Path) -> None:
    done = forecast("train", shops, "--memory", "much")
    assert done.code == 2
    assert "--memory much is no size" in done.err
    assert "--memory 4 has no unit" in forecast("train", shops, "--memory", "4").err
    assert forecast("train", shops, "--set", "data.memory=much").code == 78


def test_a_job_forecasts_every_series_whatever_memory_there_is(
    forecast: Forecast, shops: Path, in_parts: pytest.MonkeyPatch
) -> None:
    in_parts.setattr(memory_limit, "_PROGRAM_BYTES", 0)
    given = ("--set", "data.memory=80KB", "--set", "model.kind=seasonal_naive", "--set", "conformal.kind=off")
    assert forecast("init", shops, "--job", "-o", "nightly.yaml", *given).code == 0
    done = forecast("run", "nightly.yaml", "--set", "job.gate.skill=null")
    assert done.code == 0, done.err
    assert pd.read_csv("forecasts.csv")["unique_id"].nunique() == 30
