"""The main job, end to end."""

import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from forecaster.forecast import PROBABILITIES
from forecaster.store import lock
from forecaster.workflows import results
from forecaster.workflows.manifest import Origin
from forecaster.workflows.train import TrainingRun
from tests.cli.conftest import QUICK, SAMPLES, Forecast

_PYTHON = shlex.quote(sys.executable)  # the checkout may lie in a folder with blanks
BUNDLE = {
    "manifest.json",
    "weights.safetensors",
    "config.yaml",
    "metrics.json",
    "history.csv",
    "quality.json",
    "holdout.csv",
    "series.json",
    "network.onnx",
}


@pytest.fixture
def trained(forecast: Forecast, sales: Path) -> Path:
    done = forecast("train", sales, "--horizon", "5", *QUICK)
    assert done.code == 0, done.err
    return Path("runs/latest")


@pytest.mark.graphs
def test_train_writes_a_bundle_and_says_what_it_is_worth(forecast: Forecast, sales: Path) -> None:
    done = forecast("train", "sales.csv", *QUICK)
    assert done.code == 0
    assert "seasonal_naive" in done.out
    assert "date" in done.err
    assert "horizon 14" in done.err
    assert "next: forecast predict" in done.err
    (folder,) = (path for path in Path("runs").iterdir() if not path.is_symlink())
    assert folder.name.startswith("sales-gru-2")
    assert {file.name for file in folder.iterdir()} == BUNDLE
    assert Path("runs/latest").resolve() == folder.resolve()
    assert sorted(path.name for path in Path().iterdir()) == ["runs", "sales.csv"]
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_summary_says_what_the_intervals_held(forecast: Forecast, sales: Path) -> None:
    out = forecast("train", sales, "--horizon", "5", *QUICK).out.replace("\N{NO-BREAK SPACE}", " ")
    assert "\nOf the held-out values, the 50 % interval covered " in out


def test_a_bundle_holds_the_widths_that_were_learnt_without_the_holdout(forecast: Forecast, sales: Path) -> None:
    weights = []
    for number in range(2):
        assert forecast("train", sales, "--horizon", "5", *QUICK, "--no-refit", "-o", f"b{number}").code == 0
        weights.append((Path(f"b{number}") / "weights.safetensors").read_bytes())
        lines = sales.read_text().splitlines()
        sales.write_text("\n".join(lines[:-5] + [f"{line.split(',')[0]},9999" for line in lines[-5:]]) + "\n")
    assert weights[0] == weights[1]
    assert b"conformal.factors" in weights[0]
    assert forecast("train", sales, "--horizon", "5", *QUICK, "--set", "conformal.kind=off", "-o", "off").code == 0
    assert b"conformal" not in Path("off/weights.safetensors").read_bytes()


def test_metrics_history_and_holdout_hold_what_the_contract_says(trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["schema_version"] == 1
    assert metrics["verdict"] in ("better", "worse", "undecided")
    holdout = metrics["holdout"]
    assert holdout["cutoff"] == {"first": "2024-03-25", "last": "2024-03-25"}
    assert (holdout["horizon"], holdout["season"], holdout["series"], holdout["unscored"]) == (5, 7, 1, 0)
    assert set(holdout["models"]) == {"gru", "seasonal_naive", "naive"}
    for scores in holdout["models"].values():
        assert set(scores) >= {"mae", "rmse", "smape", "mase", "nd", "wql", "coverage80", "coverage80_error"}
    assert list(holdout["reliability"]) == [f"{p:g}" for p in PROBABILITIES]
    assert 1 - holdout["models"]["gru"]["mase"] / holdout["models"]["naive"]["mase"] == metrics["skill_naive"]

    history = pd.read_csv(trained / "history.csv")
    columns = ["step", "seconds", "train_loss", "validation_loss", "learning_rate", "gradient_norm"]
    assert list(history.columns) == columns
    assert history["validation_loss"].notna().tolist() == [False, False, True] * 2

    table = pd.read_csv(trained / "holdout.csv")
    assert len(table) == 5
    assert table["ds"].tolist()[0] == "2024-03-26"
    assert math.isclose((table["y"] - table["median"]).abs().mean(), holdout["models"]["gru"]["mae"], rel_tol=1e-5)

    manifest = json.loads((trained / "manifest.json").read_text())
    assert manifest["point"] == "expectation"
    assert manifest["data"]["rows"] == 90
    assert manifest["data"]["last"] == "2024-03-30"
    assert manifest["training"]["windows_per_second"] > 0
    assert manifest["training"]["device"] == "cpu"


def test_predict_writes_what_comes_next(forecast: Forecast, trained: Path) -> None:
    done = forecast("predict")
    assert done.code == 0
    table = pd.read_csv("forecasts.csv")
    assert list(table.columns)[:6] == ["unique_id", "ds", "cutoff", "step", "model", "mean"]
    assert table["ds"].tolist() == ["2024-03-31", "2024-04-01", "2024-04-02", "2024-04-03", "2024-04-04"]
    assert set(table["unique_id"]) == {"sales"}
    assert "2024-03-31" in done.out
    assert "wrote forecasts.csv" in done.err
    verdict = json.loads((trained / "metrics.json").read_text())["verdict"]
    assert ("undecided" in done.err) == (verdict == "undecided")


@pytest.mark.parametrize("horizon", [1, 3, 12])
def test_predict_takes_another_horizon_than_the_trained_one(forecast: Forecast, trained: Path, horizon: int) -> None:
    assert forecast("predict", "--horizon", horizon).code == 0
    table = pd.read_csv("forecasts.csv")
    assert len(table) == horizon
    assert table["mean"].notna().all()


def test_predict_to_stdout_is_the_table_alone(forecast: Forecast, trained: Path) -> None:
    done = forecast("predict", "-o", "-", "--levels", "95")
    lines = done.out.splitlines()
    assert len(lines) == 6
    assert lines[0].split(",")[5:8] == ["mean", "median", "q0.025"]
    assert not Path("forecasts.csv").exists()


def test_predict_writes_parquet_and_the_nixtla_layout(forecast: Forecast, trained: Path) -> None:
    assert forecast("predict", "-o", "f.parquet", "--layout", "nixtla", "--levels", "80,95").code == 0
    columns = ["unique_id", "ds", "GRU", "GRU-median", "GRU-lo-80", "GRU-hi-80", "GRU-lo-95", "GRU-hi-95"]
    assert list(pd.read_parquet("f.parquet").columns) == columns


def test_predict_reads_fresh_data(forecast: Forecast, sales: Path, trained: Path) -> None:
    sales.write_text(sales.read_text() + "2024-03-31,100\n2024-04-01,101\n")
    assert forecast("predict", sales).code == 0
    assert pd.read_csv("forecasts.csv")["cutoff"].tolist()[0] == "2024-04-01"


def test_json_is_one_document(forecast: Forecast, sales: Path) -> None:
    done = forecast("train", sales, "--json", "--quiet", *QUICK, "-o", "b")
    assert done.err == ""
    assert done.json["bundle"] == "b"
    assert "verdict" in done.json
    done = forecast("predict", "--bundle", "b", "--json", "-o", "-")
    assert len(done.json["forecasts"]) == done.json["horizon"] == 14


def test_a_run_in_the_users_own_folder_leaves_latest_alone(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *QUICK, "--out", "deep/er/b").code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["deep", "sales.csv"]


def test_the_saved_config_reproduces_the_forecast(forecast: Forecast, sales: Path, trained: Path) -> None:
    assert forecast("predict", "-o", "first.csv").code == 0
    assert forecast("train", sales, "--config", trained / "config.yaml", "-o", "again").code == 0
    assert forecast("predict", "--bundle", "again", "-o", "second.csv").code == 0
    assert Path("first.csv").read_bytes() == Path("second.csv").read_bytes()


def test_baselines_are_models_too(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, "--model", "seasonal_naive", "-o", "b").code == 0
    assert forecast("predict", "--bundle", "b").code == 0
    assert set(pd.read_csv("forecasts.csv")["model"]) == {"seasonal_naive"}


@pytest.mark.parametrize(
    ("model", "point"),
    [("drift", "last value and drift"), ("auto_ets", "expectation"), ("auto_theta", "expectation")],
)
def test_local_models_are_trained_and_asked_like_any_other(
    forecast: Forecast, sales: Path, model: str, point: str
) -> None:
    done = forecast("train", sales, "--model", model, "--horizon", "5", "-o", "b")
    assert done.code == 0, done.err
    assert model in done.out
    assert json.loads(Path("b/manifest.json").read_text())["point"] == point
    assert forecast("predict", "--bundle", "b", "--levels", "95").code == 0
    table = pd.read_csv("forecasts.csv")
    assert set(table["model"]) == {model}
    assert set(table["status"]) == {"ok"}
    assert (table["q0.025"] < table["mean"]).all()


@pytest.mark.slow
def test_arima_is_told_how_much_to_read_and_its_config_makes_the_same_forecast(forecast: Forecast, sales: Path) -> None:
    chosen = ["--set", "model.history=40", "--season", "1"]
    done = forecast("train", sales, "--model", "auto_arima", *chosen, "--horizon", "3", "-o", "a")
    assert done.code == 0, done.err
    assert done.err.count("auto_arima reads the last 40 steps") == 1
    assert forecast("predict", "--bundle", "a", "-o", "a.csv").code == 0
    assert forecast("train", sales, "--config", "a/config.yaml", "-o", "b").code == 0
    assert forecast("predict", "--bundle", "b", "-o", "b.csv").code == 0
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()


def test_a_series_that_could_not_be_fitted_is_told(forecast: Forecast, tmp_path: Path) -> None:
    rows = [
        f"{name},2024-01-{day:02},{day * day % 7}" for name, days in (("a", 30), ("b", 5)) for day in range(1, days)
    ]
    (tmp_path / "two.csv").write_text("\n".join(["unique_id,ds,y", *rows, ""]))
    assert forecast("train", "two.csv", "--model", "auto_theta", "--horizon", "2", "-o", "b").code == 0
    done = forecast("predict", "--bundle", "b")
    assert done.code == 0
    assert "auto_theta could not be fitted to series 'b', so the seasonal naive forecast replaces it" in done.err
    assert pd.read_csv("forecasts.csv").groupby("unique_id")["status"].first().to_dict() == {"a": "ok", "b": "fallback"}


def test_without_statsforecast_the_error_names_what_to_install(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    done = forecast("train", sales, "--model", "auto_ets", "-o", "b")
    assert done.code == 69
    assert "pip install statsforecast" in done.err
    assert not Path("b").exists()


def test_a_baseline_has_no_scale_to_choose(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, "--model", "drift", "--set", "scale.kind=auto", "-o", "b").code == 0


@pytest.mark.parametrize(
    "model", [["rnn"], ["lstm"], ["gru", "--bidirectional"], ["slstm"], ["mingru", "--bidirectional"]]
)
def test_every_cell_is_trained_by_its_name(forecast: Forecast, sales: Path, model: list[str]) -> None:
    assert forecast("train", sales, "--model", *model, *QUICK, "-o", "b").code == 0
    config = yaml.safe_load(Path("b/config.yaml").read_text())
    assert config["model"]["kind"] == model[0]
    assert config["model"]["bidirectional"] == (len(model) > 1)


def test_standard_input_is_data_too(forecast: Forecast, sales: Path) -> None:
    content = sales.read_bytes()
    assert forecast("train", "-", "-o", "b", *QUICK, stdin=content).code == 0
    assert forecast("predict", "-", "--bundle", "b", stdin=content).code == 0
    done = forecast("predict", "--bundle", "b")
    assert done.code == 66
    assert "standard input" in done.err


def test_without_a_refit_the_judged_network_is_kept(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *QUICK, "--no-refit", "-o", "b").code == 0
    assert list(json.loads(Path("b/manifest.json").read_text())["training"]["steps"]) == ["fit"]


def test_short_series_are_forecast_though_nothing_is_held_out(forecast: Forecast, tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("date,y\n" + "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 9)))
    done = forecast("train", "short.csv", "--horizon", "5", *QUICK, "--json", "-o", "b")
    assert done.code == 0
    assert done.json["holdout"]["unscored"] == 1
    assert done.json["verdict"] == "undecided"
    assert forecast("predict", "--bundle", "b").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
@pytest.mark.parametrize("stage", ["fit", pytest.param("refit", marks=pytest.mark.slow)])
def test_a_stopped_run_resumes_to_the_same_bytes(
    forecast: Forecast, sales: Path, tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    arguments = [
        "train",
        str(sales),
        "--preset",
        "fast",
        "--horizon",
        "5",
        "--set",
        "training.steps=40",
        "--set",
        "model.hidden=4",
    ]
    arguments += ["--set", "training.validate_every=10", "--set", "training.patience=100"]
    assert forecast(*arguments, "-o", "whole").code == 0

    code = (  # a run that gets the signal at the 12th step of a stage
        "import os, sys; from forecaster.cli import console; from forecaster import events\n"
        "plain = console.Console.watch; at = {'stage': ''}\n"
        "def watch(self, event):\n"
        "    if isinstance(event, events.TrainingStarted): at['stage'] = event.stage\n"
        f"    if isinstance(event, events.TrainingStep) and at['stage'] == {stage!r} and event.step == 12:\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "    plain(self, event)\n"
        "console.Console.watch = watch\n"
        "from forecaster.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    run = [sys.executable, "-c", code, *arguments, "-o", "stopped"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 128 + number
    assert "--resume stopped.partial" in done.stderr
    assert not Path("stopped").exists()

    resumed = forecast("train", "--resume", "stopped.partial", "--json")
    assert resumed.code == 0, resumed.err
    assert not Path("stopped.partial").exists()
    for bundle in ("whole", "stopped"):
        assert forecast("predict", "--bundle", bundle, "-o", f"{bundle}.csv").code == 0
    assert Path("whole.csv").read_bytes() == Path("stopped.csv").read_bytes()
    for name in ("metrics.json", "holdout.csv", "weights.safetensors", "config.yaml"):
        assert (Path("whole") / name).read_bytes() == (Path("stopped") / name).read_bytes(), name
    training = [json.loads((Path(name) / "manifest.json").read_text())["training"] for name in ("whole", "stopped")]
    assert training[0]["steps"] == training[1]["steps"]


@pytest.mark.slow
def test_resume_refuses_data_that_has_changed(forecast: Forecast, sales: Path, tmp_path: Path) -> None:
    endless = [
        "--set",
        "training.steps=100000",
        "--set",
        "training.patience=100000",
        "--set",
        "training.validate_every=1",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "forecaster", "train", "sales.csv", "-o", "b", "-v", *endless],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr
    while "step 3" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 143
    sales.write_text(sales.read_text() + "2024-03-31,100\n")
    done = forecast("train", "--resume", "b")
    assert done.code == 65
    assert "has changed" in done.err
    assert forecast("train", sales, "-o", "b").code == 73
    assert forecast("train", sales, "--resume", "b").code == 65
    assert forecast("train", "--resume", "nowhere").code == 66


def test_a_second_run_of_the_same_folder_is_told_to_wait_before_it_begins(forecast: Forecast, sales: Path) -> None:
    Path("b.partial").mkdir()
    run = TrainingRun(Path("b"), False, Origin(str(sales), "0a1b"))
    Path("b.partial/run.json").write_text(json.dumps(run.to_dict()))
    with lock.lock_folder(Path("b")):
        for arguments in ([sales, "-o", "b", *QUICK], ["--resume", "b"]):
            done = forecast("train", *arguments)
            assert done.code == 75
            assert "another run" in done.err
            assert "date ->" not in done.err
            assert "hint: wait for it" in done.err
    assert sorted(path.name for path in Path().iterdir()) == ["b.partial", "sales.csv"]


def test_runs_of_one_second_take_default_folders_of_their_own(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "datetime", SimpleNamespace(now=lambda: datetime(2024, 1, 1)))
    with lock.lock_folder(Path("runs/sales-naive-20240101-000000")):
        done = forecast("train", sales, "--model", "naive")
    assert done.code == 0
    assert Path("runs/sales-naive-20240101-000000-2/manifest.json").exists()


def test_a_closed_pipe_ends_quietly(sales: Path, tmp_path: Path) -> None:
    line = (
        f"{_PYTHON} -m forecaster train sales.csv --model naive -o b -q && "
        f"{_PYTHON} -m forecaster predict --bundle b -q --horizon 20000 -o - | head -1; echo ${{PIPESTATUS[*]}}"
    )
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.splitlines()[-1] == "0 0"
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["train sales.csv --model naive -o c", "predict --bundle b -o f.csv"])
def test_a_table_into_a_closed_pipe_ends_quietly_too(
    forecast: Forecast, sales: Path, tmp_path: Path, command: str
) -> None:
    assert forecast("train", sales, "--model", "naive", "-o", "b").code == 0
    line = f"{_PYTHON} -m forecaster {command} -q | true; echo ${{PIPESTATUS[*]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.stdout, done.stderr) == ("0 0\n", "")


def test_a_full_disk_behind_stdout_is_told(forecast: Forecast, sales: Path, tmp_path: Path) -> None:
    assert forecast("train", sales, "--model", "naive", "-o", "b").code == 0
    line = f"{_PYTHON} -m forecaster predict --bundle b -q -o - > /dev/full"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 73
    assert done.stderr.startswith("error: standard output")


def test_a_signal_between_two_stages_loses_nothing(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecaster import events
    from forecaster.cli.console import Console

    plain = Console.watch

    def watch(self: Console, event: events.Event) -> None:
        if isinstance(event, events.TrainingEnded) and event.stage == "fit":
            os.kill(os.getpid(), signal.SIGTERM)
        plain(self, event)

    monkeypatch.setattr(Console, "watch", watch)
    done = forecast("train", sales, *QUICK)
    assert done.code == 143
    monkeypatch.setattr(Console, "watch", plain)
    (partial,) = Path("runs").iterdir()
    assert str(partial) in done.err
    done = forecast("train", "--resume", partial)
    assert done.code == 0
    assert "next: forecast predict\n" in done.err
    assert forecast("predict").code == 0


def test_a_model_named_by_a_flag_replaces_the_files(forecast: Forecast, sales: Path, trained: Path) -> None:
    assert forecast("train", sales, "--config", trained / "config.yaml", "--model", "naive", "-o", "b").code == 0


def test_fresh_trading_days_keep_the_calendar_that_was_learnt(forecast: Forecast) -> None:
    prices = (SAMPLES / "sp500.csv").read_text().splitlines(keepends=True)
    assert forecast("train", SAMPLES / "sp500.csv", "--target", "close", *QUICK, "-o", "b").code == 0
    Path("fresh.csv").write_text("".join([prices[0], *prices[-60:]]))
    assert forecast("predict", "fresh.csv", "--bundle", "b", "--horizon", "200").code == 0
    days = set(pd.read_csv("forecasts.csv")["ds"])
    assert "2020-11-25" in days
    assert not days & {"2020-05-25", "2020-07-03", "2020-09-07", "2020-11-26", "2020-12-25", "2021-01-01"}


@pytest.mark.parametrize("name", ["melbourne_temperature", "air_passengers", "sp500", "seattle_weather"])
def test_the_samples_train_without_a_flag(forecast: Forecast, name: str) -> None:
    assert forecast("train", SAMPLES / f"{name}.csv", *QUICK, "-o", "b").code == 0
    assert forecast("predict", "--bundle", "b").code == 0
    table = pd.read_csv("forecasts.csv")
    assert table["mean"].notna().all()
    first = {"melbourne_temperature": "1991-01-01", "air_passengers": "1961-01-01"}
    first |= {"sp500": "2020-04-20", "seattle_weather": "2016-01-01"}
    assert table["ds"][0] == first[name]


def test_auto_says_what_it_chose_and_its_config_trains_that_without_choosing_again(
    forecast: Forecast, sales: Path
) -> None:
    quick = ["--preset", "fast", "--set", "training.steps=6", "--set", "training.validate_every=3"]
    done = forecast("train", sales, "--model", "auto", "--horizon", "5", *quick)
    assert done.code == 0, done.err
    assert "\nauto: " in done.err
    (bundle,) = (path for path in Path("runs").iterdir() if not path.is_symlink())
    assert bundle.name.startswith("sales-auto-")
    manifest = json.loads((bundle / "manifest.json").read_text())
    chosen = manifest["chosen"]
    assert set(chosen) == {"model", "among", "by", "folds", "forecasts", "why"}
    assert {"gru", "seasonal_naive", "naive", "drift", "auto_theta", "auto_ets"} <= set(chosen["among"])
    assert sorted(manifest["model"].split("+")) == sorted(chosen["model"].split("+"))
    again = forecast("train", sales, "--config", bundle / "config.yaml", "-o", "again")
    assert again.code == 0, again.err
    assert "auto: " not in again.err
    assert "chosen" not in json.loads(Path("again/manifest.json").read_text())
    for name in ("weights.safetensors", "metrics.json", "holdout.csv", "config.yaml"):
        assert (bundle / name).read_bytes() == Path("again", name).read_bytes(), name
    assert forecast("predict", "--horizon", "5").code == 0
    assert set(pd.read_csv("forecasts.csv")["model"]) == {manifest["model"]}


def test_a_forecast_is_drawn_where_that_is_asked_for(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, "--model", "naive", "-o", "b").code == 0
    assert "80 % interval" not in forecast("predict", "--bundle", "b").out
    assert "80 % interval" in forecast("predict", "--bundle", "b", "--plot").out
    refused = forecast("predict", "--bundle", "b", "--plot", "-o", "-")
    assert refused.code == 2
    assert "--out" in refused.err


def test_a_table_is_the_same_in_a_file_and_on_standard_output(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, "--model", "naive", "-o", "b").code == 0
    assert forecast("predict", "--bundle", "b", "-o", "f.csv").code == 0
    assert forecast("predict", "--bundle", "b", "-o", "-").out == Path("f.csv").read_text()


def test_threads_are_what_is_asked_for_and_recorded(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *QUICK, "--threads", "2", "-o", "b").code == 0
    assert yaml.safe_load(Path("b/config.yaml").read_text())["training"]["threads"] == 2
    assert json.loads(Path("b/manifest.json").read_text())["training"]["threads"] == 2


def test_predict_says_how_newer_data_was_read_and_what_changed(forecast: Forecast) -> None:
    days = [f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(84)]
    rows = {name: "".join(f"{name};{day};1.{number:03}\n" for number, day in enumerate(days)) for name in "abc"}
    Path("old.csv").write_text("shop;day;sales\n" + rows["a"] + rows["b"])
    assert forecast("train", "old.csv", "--model", "naive", "--decimal", ",", "-o", "b").code == 0
    Path("new.csv").write_text("Report of June;;\nshop;day;sales\n" + rows["a"] + rows["b"] + rows["c"] + "Total;;9\n")
    done = forecast("predict", "new.csv", "--bundle", "b")
    assert done.code == 0
    assert "1 series is new since the training: c" in done.err
    assert "skipped 1 line above the table" in done.err
    assert "skipped 1 line below the table" in done.err


def test_predict_names_new_and_missing_series_and_marks_single_values(forecast: Forecast) -> None:
    days = [f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(84)]
    rows = {name: "".join(f"{name},{day},{(number * 7) % 31}\n" for number, day in enumerate(days)) for name in "abcd"}
    Path("old.csv").write_text("shop,day,sales\n" + rows["a"] + rows["b"])
    assert forecast("train", "old.csv", "--model", "naive", "-o", "b").code == 0
    Path("new.csv").write_text("shop,day,sales\n" + rows["a"] + rows["c"] + f"d,{days[-1]},50\n")
    done = forecast("predict", "new.csv", "--bundle", "b", "-o", "f.csv")
    assert "2 series are new since the training: c, d" in done.err
    assert "1 series of the training is missing: b" in done.err
    assert "1 of 3 series with a single value" in done.err
    assert "could not be fitted" not in done.err
    frame = pd.read_csv("f.csv")
    assert frame.loc[frame["status"] == "fallback", "unique_id"].unique().tolist() == ["d"]
    assert (frame["q0.9"] - frame["q0.1"] > 0).all()


def test_predict_says_which_series_are_shorter_than_the_context(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *QUICK, "--set", "model.context=30", "-o", "b").code == 0
    rows = sales.read_text().splitlines()
    Path("short.csv").write_text("\n".join([rows[0], *rows[-20:], ""]))
    assert (
        "1 of 1 series are shorter than the 30 steps that the network reads"
        in forecast("predict", "short.csv", "--bundle", "b").err
    )


@pytest.mark.parametrize("command", ["train", "predict", "inspect", "backtest"])
@pytest.mark.parametrize("option", ["--delimiter=ab", "--zone=Nowhere/Now"])
def test_an_impossible_value_of_a_format_option_is_wrong_usage(
    command: str, option: str, forecast: Forecast, sales: Path
) -> None:
    done = forecast(command, sales, option)
    assert done.code == 2
    assert f"error: {option.partition('=')[0]}: " in done.err


@pytest.mark.parametrize("value", ["", "MS", "\x1b[2J"])
def test_predict_refuses_a_delimiter_that_is_no_character(value: str, forecast: Forecast, trained: Path) -> None:
    done = forecast("predict", "--bundle", trained, "--delimiter", value)
    assert done.code == 2
    assert "error: --delimiter: String should have at" in done.err
