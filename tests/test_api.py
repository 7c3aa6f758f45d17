"""Train, forecast and backtest from Python, as the command line does."""

import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

import forecaster
from forecaster.api_options import BacktestOptions, TableOptions, TrainOptions, to_keys
from forecaster.cli.app import app
from forecaster.config import Config
from forecaster.config.table_format import TableFormat
from forecaster.errors import ConfigError, InputError, UsageError

ROOT = Path(__file__).parents[1]

FAST: dict[str, Any] = {"preset": "fast", "model__hidden": 4, "ensemble__workers": 1}
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


def test_options_are_those_of_the_command(table: pd.DataFrame) -> None:
    model = forecaster.train(
        table, target=["sold"], id="shop", season=7, seed=3, horizon=4, out="a", settings={"training.steps": 3}, **FAST
    )
    config = yaml.safe_load((model.folder / "config.yaml").read_text())
    assert (config["data"]["season"], config["data"]["target"], config["data"]["horizon"]) == (7, ["sold"], 4)
    assert (config["training"]["seed"], config["training"]["steps"]) == (3, 3)
    again = forecaster.train(table, config=model.folder / "config.yaml", seed=4, no_refit=True, out="b")
    config = yaml.safe_load((again.folder / "config.yaml").read_text())
    assert (config["training"]["seed"], config["training"]["steps"], config["training"]["refit"]) == (4, 3, False)


def test_a_backtest_has_options_on_its_folds(table: pd.DataFrame) -> None:
    test = forecaster.backtest(table, model="naive", folds=3, horizon=5, stride=7, window=30, out="t")
    assert (test.metrics["backtest"]["folds"], test.metrics["backtest"]["stride"]) == (3, 7)


def test_the_format_can_be_passed(table: pd.DataFrame) -> None:
    Path("a.csv").write_text("day;sold\n" + "".join(f"{n}.1.2024;{n},5\n" for n in range(1, 29)))
    model = forecaster.train("a.csv", model="naive", decimal=",", day_first=True, delimiter=";", out="a")
    assert model.predict().frame["ds"].iloc[0] == "2024-01-29"
    with pytest.raises(UsageError, match="--sheet has no effect"):
        forecaster.train("a.csv", model="naive", sheet="2", out="b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": "sold"}, r"train: unknown option 'targets' \(did you mean 'target'\?\)"),
        ({"horizons": 3}, r"train: unknown option 'horizons' \(did you mean 'horizon'\?\)"),
        ({"stride": 3}, "train: unknown option 'stride'"),
    ],
)
def test_an_unknown_option_suggests_the_nearest(table: pd.DataFrame, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as failure:
        forecaster.train(table, **options)
    assert failure.value.hint.startswith("pass one of bidirectional, budget")


def test_a_setting_with_underscores_is_a_key(table: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="did you mean"):
        forecaster.train(table, training__stpes=3)
    with pytest.raises(UsageError, match="unknown option 'training__steps'"):
        forecaster.predict(table, training__steps=3)


def test_a_bundle_decides_the_columns(table: pd.DataFrame) -> None:
    model = forecaster.train("shops.csv", model="naive", out="a")
    with pytest.raises(UsageError, match="--target: the bundle a decides"):
        forecaster.predict(table, bundle=model.folder, target="sold")
    assert len(forecaster.predict(table, bundle=model.folder, duplicates="last").frame)


def test_options_name_settings_that_exist() -> None:
    sections = {name: type(getattr(Config(), name)) for name in ("data", "training", "evaluation")}
    for options in (TableOptions, TrainOptions, BacktestOptions):
        values = dict.fromkeys(set(options.__annotations__) - {"settings", "config", "no_refit"}, "x")
        for key in to_keys(values, options, forecaster.train):
            section, _, name = key.partition(".")
            if key.startswith("data.format."):
                assert name.removeprefix("format.") in TableFormat.model_fields, key
            elif section in sections:
                assert name in sections[section].model_fields, key
    text = CliRunner().invoke(app, ["train", "--help"]).output
    flags = {name.replace("-", "_") for name in re.findall(r"^  (?:-\w, )?--([a-z-]+)", text, re.MULTILINE)}
    ours = {*TrainOptions.__annotations__, "horizon", "model", "out"}
    renamed = {"min", "max", "set", "help", "resume", "json", "quiet", "verbose", "no_color", "no_day_first"}
    assert flags - renamed == ours - {"minimum", "maximum", "settings", "calendar"}


def test_type_checkers_check_the_options(tmp_path: Path) -> None:
    code = """
import forecaster
from typing import assert_type
from forecaster.api import Backtest, Forecasts, Model

model = forecaster.train("a.csv", target=["sold"], preset="fast", seed=1, budget="5m", settings={"training.steps": 3})
assert_type(model, Model)
assert_type(model.predict(levels=[95]), Forecasts)
assert_type(forecaster.backtest("a.csv", folds=3, stride=7, season=12), Backtest)
assert_type(forecaster.predict("a.csv", target="sold", duplicates="last"), Forecasts)
forecaster.train("a.csv", targets="sold")
forecaster.train("a.csv", preset="slow")
forecaster.train("a.csv", seed="1")
forecaster.backtest("a.csv", no_refit=True)
forecaster.predict("a.csv", preset="fast")
"""
    path = tmp_path / "user.py"
    path.write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path), str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    problems = [line for line in done.stdout.splitlines() if "error:" in line]
    assert [int(line.split(":")[1]) for line in problems] == [11, 12, 13, 14, 15], done.stdout
    assert 'Unexpected keyword argument "targets"' in problems[0]
