"""`forecast show`."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from forecaster.config import Config
from forecaster.models.build import build
from forecaster.models.ensemble import Ensemble
from forecaster.models.neural import NeuralForecaster
from forecaster.selection.search.study import Study
from forecaster.store import bundle, lock
from forecaster.workflows.show import count_parameters
from tests.cli.conftest import QUICK, Forecast


@pytest.fixture
def trained(forecast: Forecast, sales: Path) -> Path:
    done = forecast("train", sales.name, "--horizon", "5", "--min", "0", *QUICK)
    assert done.code == 0, done.err
    return Path("runs/latest")


def test_a_bundle_is_told_in_words_within_80_columns(forecast: Forecast, trained: Path) -> None:
    done = forecast("show")
    assert done.code == 0
    told = " ".join(done.out.split())
    assert "gru: a gru network of 4 units" in told
    assert "5 steps ahead; calibrated intervals; never below 0" in told
    assert "sales.csv: 90 rows, 1 series, daily, 2024-01-01 to 2024-03-30, season 7" in told
    assert "date -> time; sales -> target" in told
    assert "files 8, " in told
    assert "all match their hashes" in told
    assert "Held out: the last 5 steps" in done.out
    assert "next: forecast predict\n" in done.err
    assert max(map(len, done.out.splitlines())) <= 80
    assert forecast("show", trained).out == done.out
    document = forecast("show", trained.resolve(), "--json").json
    assert document["metrics"] == json.loads((trained / "metrics.json").read_text())
    assert document["other_versions"] == {}
    assert set(document["files"]) == {path.name for path in trained.iterdir()}


def test_learnt_numbers_are_those_of_the_networks(trained: Path) -> None:
    read = bundle.read(trained.resolve())
    assert count_parameters(read.state) == _parameters(read.config, read.state)


def _parameters(config: Config, state: Any) -> int:
    forecaster: Any = build(config)
    forecaster.restore(state)
    members = forecaster.inner.members if isinstance(forecaster.inner, Ensemble) else [forecaster.inner]
    assert all(isinstance(member, NeuralForecaster) for member in members)
    return sum(each.numel() for member in members for each in member.network.parameters())


@pytest.mark.parametrize(
    "settings", [("head.kind=point",), ("ensemble.seeds=2",), ("embed.identity=3", "data.calendar=true")]
)
def test_whatever_is_measured_is_not_learnt(forecast: Forecast, sales: Path, settings: tuple[str, ...]) -> None:
    given = [word for each in settings for word in ("--set", each)]
    assert (
        forecast("train", sales, "--horizon", "5", "--set", "ensemble.workers=1", *given, *QUICK, "-o", "b").code == 0
    )
    read = bundle.read(Path("b"))
    assert forecast("show", "b", "--json").json["parameters"] == _parameters(read.config, read.state)


def test_a_bundle_in_another_world_says_what_differs(
    forecast: Forecast, trained: Path, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales.unlink()
    monkeypatch.setattr(
        "forecaster.workflows.show._installed_version", {"torch": "1.0", "pandas": None, "numpy": "9"}.get
    )
    out = " ".join(forecast("show").out.split())
    assert "is 1.0 here." in out
    assert "pandas was " in out
    assert "in training and is not installed here." in out
    assert "does not exist any more" in out


def test_a_baseline_has_nothing_learnt(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, "--model", "naive", "-o", "b").code == 0
    done = forecast("show", "b")
    assert "naive, which has no network" in done.out
    assert "next: forecast predict --bundle b" in done.err


@pytest.mark.parametrize("name", ["metrics.json", "weights.safetensors", "manifest.json"])
def test_an_altered_bundle_is_refused(forecast: Forecast, trained: Path, name: str) -> None:
    path = trained / name
    path.write_bytes(path.read_bytes().replace(b"0", b"1"))
    done = forecast("show")
    assert done.code == 66
    assert name in done.err


def test_an_interrupted_run_says_how_far_it_came(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecaster.training.loop import Training

    steps = Training.steps_from

    def interrupted(self: Training, *given: Any) -> Any:
        for step in steps(self, *given):
            if step.step == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            yield step

    monkeypatch.setattr(Training, "steps_from", interrupted)
    assert forecast("train", sales, "--horizon", "5", *QUICK, "-o", "b").code == 143
    for folder in ("b", "b.partial"):
        done = forecast("show", folder)
        assert done.code == 0, done.err
        assert "b.partial: a training that was interrupted" in done.out
        assert "fit: 4 steps of at most 6" in done.out
        assert "next: forecast train --resume b.partial" in done.err
    with lock.lock_folder(Path("b")):
        assert f"that is still running (process {os.getpid()})" in forecast("show", "b").out
    assert forecast("show", "b", "--json").json["is_at_work"] is False


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"out": 1}', '{"out": "b", "is_default": true}'])
def test_a_damaged_file_of_an_interrupted_run_is_refused(forecast: Forecast, tmp_path: Path, content: str) -> None:
    (tmp_path / "b.partial").mkdir()
    (tmp_path / "b.partial/run.json").write_text(content)
    for command in (("show", "b.partial"), ("train", "--resume", "b")):
        done = forecast(*command)
        assert done.code == 66
        assert "error: b.partial: no interrupted run here" in done.err


@pytest.mark.parametrize(
    ("command", "told"),
    [(("backtest", "--model"), "a backtest of sales.csv"), (("compare", "--models"), "a comparison")],
)
def test_results_are_told_as_the_command_told_them(
    forecast: Forecast, sales: Path, command: tuple[str, str], told: str
) -> None:
    first = forecast(command[0], "sales.csv", command[1], "naive", "--folds", "2", "-o", "found").out
    done = forecast("show", "found")
    assert told in done.out
    assert done.out.endswith(first)
    assert "next: forecast " in done.err
    assert forecast("show", "found", "--json").json["kind"] == command[0]


def test_a_search_that_has_not_ended_says_how_to_go_on(forecast: Forecast, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    (tmp_path / "found").mkdir()
    Study.create(Path("found"), {"data": "sales.csv", "trials": 3, "config": {}}, {})
    done = forecast("show", "found")
    assert "a study of settings, not finished" in done.out
    assert "0 of 3, no loss yet" in done.out
    assert "next: forecast tune --resume found" in done.err


@pytest.mark.slow
def test_a_search_that_has_ended_is_told_as_it_was(forecast: Forecast, sales: Path) -> None:
    pytest.importorskip("optuna")
    given = ("--trials", "1", "--horizon", "5", "--folds", "1", "--set", "training.steps=3", "-o", "found")
    first = forecast("tune", sales, *given)
    assert first.code == 0, first.err
    assert forecast("show", "found").out.endswith(first.out)


def test_what_is_no_folder_of_ours_names_those_that_are(forecast: Forecast, sales: Path) -> None:
    assert forecast("show").code == 66
    assert forecast("train", sales, "--model", "naive").code == 0
    for folder in ("runs", "runs/nothing"):
        done = forecast("show", folder)
        assert done.code == 66
        assert "name one of these: runs/sales-naive-" in done.err
    assert forecast("show", sales).code == 66
