"""Train, forecast and backtest from Python, as the command line does."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecaster
from forecaster.errors import InputError, UsageError

QUICK = {"preset": "fast", "training__steps": 4, "model__hidden": 4, "ensemble__workers": 1}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", periods=90)
    parts = [
        pd.DataFrame({"shop": shop, "day": days, "sold": 10.0 + number + np.arange(90) % 7})
        for number, shop in enumerate(("007", "north"))
    ]
    whole = pd.concat(parts, ignore_index=True)
    whole.to_csv("shops.csv", index=False)
    return whole


def test_a_path_and_a_frame_give_the_same_forecasts(table: pd.DataFrame) -> None:
    by_path = forecaster.train("shops.csv", horizon=5, out="a", **QUICK)
    by_frame = forecaster.train(table, horizon=5, out="b", **QUICK)
    expected = by_path.predict().frame
    pd.testing.assert_frame_equal(by_frame.predict(table).frame, expected)
    assert expected["unique_id"].unique().tolist() == ["007", "north"]
    assert len(expected) == 10
    assert (Path("a") / "manifest.json").exists()
    assert by_path.metrics["verdict"] in ("better", "worse", "undecided")
    assert by_path.holdout["y"].notna().all()


def test_the_command_line_forecasts_the_same(table: pd.DataFrame) -> None:
    model = forecaster.train("shops.csv", horizon=5, out="a", **QUICK)
    subprocess.run(
        [sys.executable, "-m", "forecaster", "predict", "shops.csv", "--bundle", "a", "-o", "f.csv", "-q"],
        check=True,
        env={"PYTHONPATH": str(Path(forecaster.__file__).parents[1]), "PATH": "/usr/bin"},
    )
    expected = pd.read_csv("f.csv", dtype={"unique_id": str})
    pd.testing.assert_frame_equal(model.predict("shops.csv").frame, expected, check_dtype=False, rtol=1e-5)


def test_series_horizons_and_levels_can_be_chosen(table: pd.DataFrame) -> None:
    model = forecaster.train(table, model="seasonal_naive", horizon=5, out="a")
    frame = model.predict(table, series=["north"], horizon=3, levels=[95]).frame
    assert (frame["unique_id"].unique().tolist(), len(frame)) == (["north"], 3)
    assert {"q0.025", "q0.975", "mean", "median"} <= set(frame.columns)


def test_a_backtest_has_its_frame_and_metrics(table: pd.DataFrame) -> None:
    found = forecaster.backtest("shops.csv", model="drift", folds=3, horizon=5)
    assert len(found.frame) == 2 * 3 * 5
    assert found.metrics["backtest"]["folds"] == 3


def test_known_columns_come_from_a_frame_of_the_future(table: pd.DataFrame) -> None:
    known = table.assign(promo=np.arange(len(table)) % 3)
    model = forecaster.train(known, target="sold", id="shop", known="promo", horizon=2, out="a", **QUICK)
    days = pd.date_range("2024-03-31", periods=2)
    future = pd.concat([pd.DataFrame({"shop": shop, "day": days, "promo": 1}) for shop in ("007", "north")])
    assert len(model.predict(known, future=future).frame) == 4


def test_notebooks_show_a_chart(table: pd.DataFrame) -> None:
    pytest.importorskip("matplotlib")
    model = forecaster.train("shops.csv", model="seasonal_naive", horizon=5, out="a")
    assert "<svg" in model._repr_html_()
    assert "<svg" in forecaster.backtest("shops.csv", model="drift", folds=3, horizon=5)._repr_html_()
    assert "<table" in model.predict()._repr_html_()


def test_failures_are_errors_with_a_hint(table: pd.DataFrame) -> None:
    with pytest.raises(InputError) as failure:
        forecaster.load("absent")
    assert failure.value.hint
    with pytest.raises(UsageError, match="not in the data"):
        forecaster.train(table, model="naive", out="a").predict(table, series=["nroth"])


def test_notes_go_to_the_logger(table: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "forecaster"):
        forecaster.train("shops.csv", model="naive", out="a")
    assert "season 7, the default for daily; --season overrides" in caplog.messages


def test_nothing_heavy_is_loaded_by_the_import() -> None:
    code = "import sys, forecaster; sys.exit(bool({'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        forecaster.trian  # noqa: B018
