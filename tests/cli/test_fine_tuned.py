"""`training.start: pretrained` on the command line, with a small network that has random weights."""

import json
import os
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from forecaster.store import bundle as store
from tests.cli.conftest import Forecast
from tests.toy_weights import hash_of

pytestmark = [
    pytest.mark.skipif(not find_spec("onnx"), reason="the small network is written by onnx"),
    pytest.mark.usefixtures("small_network"),
]

SETTINGS = {"start": "pretrained", "steps": 6, "batch": 8, "validate_every": 3, "learning_rate": 0.01}
TUNED = ["--model", "pretrained", *(f"--set=training.{name}={value}" for name, value in SETTINGS.items())]


def test_a_bundle_contains_its_own_weights_and_names_those_it_started_from(
    forecast: Forecast, sales: Path, small_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = forecast("train", sales, *TUNED, "--out", "b", "--json")
    assert done.code == 0, done.err
    assert list(done.json["holdout"]["models"]) == ["fine_tuned", "seasonal_naive", "naive"]
    manifest = json.loads(Path("b/manifest.json").read_text())
    assert manifest["training"]["start"] == hash_of(small_network)
    assert manifest["model"] == "fine_tuned"
    assert manifest["training"]["best_step"]["fit"] > 0
    assert any(name.startswith("network.") for name in store.read(Path("b")).state)
    assert len(pd.read_csv("b/history.csv")) == 6
    shown = forecast("show", "b")
    assert f"the pretrained network, fine-tuned from weights {hash_of(small_network)[:12]}" in shown.out
    monkeypatch.setattr("forecaster.store.pretrained.FOLDER", Path("nothing"))
    done = forecast("predict", "--bundle", "b", "-o", "-")
    assert done.code == 0, done.err
    assert done.out.splitlines()[1].split(",")[4] == "fine_tuned"


def test_without_training_start_nothing_is_trained(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, "--model", "pretrained", "--out", "b").code == 0
    manifest = json.loads(Path("b/manifest.json").read_text())
    assert manifest["model"] == "pretrained"
    assert manifest["training"]["steps"] == {}
    assert "start" not in manifest["training"]


def test_the_saved_config_repeats_the_training(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *TUNED, "--out", "a").code == 0
    assert forecast("train", sales, "--config", "a/config.yaml", "--out", "b").code == 0
    assert Path("a/weights.safetensors").read_bytes() == Path("b/weights.safetensors").read_bytes()
    assert Path("a/holdout.csv").read_bytes() == Path("b/holdout.csv").read_bytes()


def test_an_interrupted_training_is_resumed_to_the_same_bytes(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecaster.training.loop import Training

    steps = Training.steps_from

    def interrupt(self: Training, *given: Any) -> Any:
        for step in steps(self, *given):
            if step.step == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            yield step

    assert forecast("train", sales, *TUNED, "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(Training, "steps_from", interrupt)
        stopped = forecast("train", sales, *TUNED, "--out", "b")
    assert stopped.code == 143, stopped.err
    assert forecast("train", "--resume", "b.partial").code == 0
    assert Path("whole/weights.safetensors").read_bytes() == Path("b/weights.safetensors").read_bytes()


def test_other_models_refuse_it_with_the_right_command(forecast: Forecast, sales: Path) -> None:
    done = forecast("train", sales, "--model", "gru", "--set", "training.start=pretrained")
    assert done.code == 78
    assert "error: settings: training.start pretrained needs model.kind pretrained, got gru" in done.err
    assert "hint: type `forecast train DATA --model pretrained --set training.start=pretrained`" in done.err


@pytest.mark.graphs
def test_a_graph_forecasts_without_the_weights(forecast: Forecast, sales: Path) -> None:
    pytest.importorskip("onnxruntime")
    assert forecast("train", sales, *TUNED, "--out", "b").code == 0
    assert (Path("b") / "network.onnx").exists()
    done = forecast("predict", "--bundle", "b", "--horizon", "30", "-o", "-")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 31


def test_reports_and_explanations_know_it(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *TUNED, "--out", "b").code == 0
    explained = forecast("explain", "b")
    assert explained.code == 0, explained.err
    assert "fine_tuned: trained on other series, then on these" in explained.out
    report = forecast("report", "b", "-o", "report.html")
    assert report.code == 0, report.err
    assert "The training loss went from" in Path("report.html").read_text()


def test_inspect_describes_the_training(forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_MODEL__KIND", "pretrained")
    monkeypatch.setenv("FORECAST_TRAINING__START", "pretrained")
    assert "the pretrained network, fine-tuned on your series" in forecast("inspect", sales).out


def test_it_is_compared_with_the_untrained_network(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    Path("c.yaml").write_text(yaml.safe_dump({"model": {"kind": "pretrained"}, "training": SETTINGS}))
    done = forecast("compare", sales, "--config", "c.yaml", "--folds", "2", "--json")
    assert done.code == 0, done.err
    assert set(done.json["compare"]["models"]) == {"fine_tuned", "pretrained", "seasonal_naive", "naive"}


def test_a_backtest_fits_it_once_or_for_every_fold(forecast: Forecast, sales: Path) -> None:
    arguments = ("backtest", sales, *TUNED, "--folds", "3", "--horizon", "5")
    once = forecast(*arguments, "-o", "once")
    assert once.code == 0, once.err
    assert "the model is fitted once" in once.err
    each = forecast(*arguments, "--refit", "1", "-o", "each")
    assert each.code == 0, each.err
    first, second = (pd.read_csv(f"{name}/backtest.csv") for name in ("once", "each"))
    assert (first["mean"] != second["mean"]).any()
    assert forecast("train", sales, *TUNED, "--horizon", "5", "-o", "b").code == 0
    again = forecast("backtest", sales, "--bundle", "b", "--folds", "2")
    assert again.code == 0, again.err
    assert "its settings are fitted again" in again.err


def test_an_ensemble_has_it_as_a_member(forecast: Forecast, sales: Path, small_network: Path) -> None:
    members = [{"model": {"kind": "pretrained"}}, {"model": {"kind": "pretrained"}, "training": SETTINGS}]
    members.append({"model": {"kind": "seasonal_naive"}})
    Path("e.yaml").write_text(yaml.safe_dump({"model": {"kind": "naive"}, "ensemble": {"variants": members}}))
    done = forecast("train", sales, "--config", "e.yaml", "--out", "b")
    assert done.code == 0, done.err
    assert json.loads(Path("b/manifest.json").read_text())["training"]["start"] == hash_of(small_network)
    done = forecast("predict", "--bundle", "b", "-o", "-")
    assert done.code == 0, done.err
    assert "pretrained+fine_tuned+seasonal_naive" in done.out


def test_a_job_trains_it_and_publishes_its_forecasts(forecast: Forecast, sales: Path) -> None:
    settings = [f"--set=training.{name}={value}" for name, value in SETTINGS.items()]
    settings += ["--set=model.kind=pretrained", "--set=data.horizon=5"]
    assert forecast("init", sales, "--job", "-o", "job.yaml", *settings).code == 0
    first, second = (forecast("run", "job.yaml", "--set=job.gate.skill=null") for _ in range(2))
    assert first.json["status"] == "published", first.err
    assert second.code == 0, second.err
    assert set(pd.read_csv("forecasts.csv")["model"]) == {"fine_tuned"}
    manifest = next(Path().glob("job.bundles/*/manifest.json"))
    assert json.loads(manifest.read_text())["training"]["best_step"]["fit"] > 0
