"""`--model pretrained` as any other model, with a toy network that repeats the last season."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from forecaster.store import bundle as store
from tests.cli.conftest import QUICK, SAMPLES, Forecast

pytestmark = [
    pytest.mark.skipif(not find_spec("onnx"), reason="the toy network is written by onnx"),
    pytest.mark.usefixtures("toy_weights"),
]


def hash_in(folder: Path) -> str:
    return str(json.loads((folder / "card.json").read_text())["sha256"]["weights.safetensors"])


@pytest.fixture
def long_sales(tmp_path: Path) -> Path:
    """Three series of 400 days, as `long.csv`."""
    days = pd.date_range("2023-01-01", periods=400)
    noise = np.random.default_rng(0).normal(0, 1, (3, 400))
    season = 10 * np.sin(np.arange(400) * 2 * np.pi / 7)
    tables = [pd.DataFrame({"shop": f"s{n}", "day": days, "units": 50 + season + noise[n]}) for n in range(3)]
    path = tmp_path / "long.csv"
    pd.concat(tables).to_csv(path, index=False)
    return path


def test_a_bundle_names_the_weights_and_contains_none(forecast: Forecast, long_sales: Path, toy_weights: Path) -> None:
    done = forecast("train", long_sales, "--model", "pretrained", "--out", "b", "--json")
    assert done.code == 0, done.err
    scores = done.json["holdout"]["models"]
    assert list(scores) == ["pretrained", "seasonal_naive", "naive"]
    bundle = store.read(Path("b"))
    assert bundle.exports == {}
    assert bundle.state["weights"].tobytes().decode() == hash_in(toy_weights)
    assert yaml.safe_load(Path("b/config.yaml").read_text())["model"]["weights"] == hash_in(toy_weights)
    assert Path("b/weights.safetensors").stat().st_size < 3000
    assert "conformal.factors" in bundle.state  # the series are long enough to calibrate intervals


def test_intervals_are_calibrated(forecast: Forecast, long_sales: Path) -> None:
    def evaluate(kind: str) -> dict[str, float]:
        done = forecast("train", long_sales, "--model", "pretrained", "--set", f"conformal.kind={kind}", "--json")
        scores: dict[str, float] = done.json["holdout"]["models"]["pretrained"]
        return scores

    raw, calibrated = evaluate("off"), evaluate("split")
    assert raw["coverage80"] == 1  # the toy's intervals are much too wide
    assert calibrated["coverage80"] < 1
    assert calibrated["wql"] < 0.8 * raw["wql"]
    assert calibrated["mae"] == raw["mae"]


def test_predict_show_inspect_and_explain_know_the_network(
    forecast: Forecast, long_sales: Path, toy_weights: Path
) -> None:
    assert forecast("train", long_sales, "--model", "pretrained", "--out", "b").code == 0
    done = forecast("predict", "--bundle", "b", "-o", "-")
    assert done.code == 0, done.err
    assert done.out.splitlines()[1].split(",")[4] == "pretrained"
    shown = forecast("show", "b")
    assert f"the pretrained network, weights {hash_in(toy_weights)[:12]}" in shown.out
    assert "training   not necessary" in shown.out
    assert forecast("show", "b", "--json").json["pretrained"] == [hash_in(toy_weights)]
    explained = forecast("explain", "b")
    assert explained.code == 0, explained.err
    assert "pretrained: trained on other series" in explained.out
    assert "is not explained from inside" in explained.err


def test_inspect_says_that_nothing_is_trained(forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_MODEL__KIND", "pretrained")
    assert "the pretrained network; nothing is trained" in forecast("inspect", sales).out


def test_a_bundle_whose_weights_are_missing_names_a_version(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forecast("train", sales, "--model", "pretrained", "--out", "b").code == 0
    monkeypatch.setattr("forecaster.store.pretrained.FOLDER", Path("nothing"))
    done = forecast("predict", "--bundle", "b")
    assert done.code == 66
    assert "are not in this installation" in done.err
    assert "pip install forecast-rnn==" in done.err
    assert forecast("show", "b").code == 0


def test_the_saved_config_repeats_the_training(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, "--model", "pretrained", "--out", "a").code == 0
    assert forecast("train", sales, "--config", "a/config.yaml", "--out", "b").code == 0
    assert Path("a/weights.safetensors").read_bytes() == Path("b/weights.safetensors").read_bytes()
    assert Path("a/holdout.csv").read_bytes() == Path("b/holdout.csv").read_bytes()


def test_a_wrong_hash_is_a_config_error(forecast: Forecast, sales: Path) -> None:
    done = forecast("train", sales, "--model", "pretrained", "--set", "model.weights=newest")
    assert done.code == 78
    assert "model.weights" in done.err
    done = forecast("train", sales, "--model", "pretrained", "--set", f"model.weights={'a' * 64}")
    assert done.code == 66
    assert "the pretrained weights aaaaaaaaaaaa are not in this installation" in done.err


def test_it_joins_a_comparison_by_default(forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    done = forecast("compare", sales, *QUICK, "--folds", "2", "--json")
    assert done.code == 0, done.err
    assert set(done.json["compare"]["models"]) == {"gru", "pretrained", "seasonal_naive", "naive"}


def test_it_is_backtested_without_any_fit(forecast: Forecast, sales: Path) -> None:
    done = forecast("backtest", sales, "--model", "pretrained", "--folds", "3", "--horizon", "7", "--json")
    assert done.code == 0, done.err
    assert done.json["backtest"]["forecasts"] == 3


def test_auto_considers_it(forecast: Forecast, long_sales: Path, toy_weights: Path) -> None:
    done = forecast("train", long_sales, "--model", "auto", *QUICK, "--out", "b")
    assert done.code == 0, done.err
    choice = json.loads(Path("b/manifest.json").read_text())["chosen"]
    assert "pretrained" in choice["among"]


def test_an_ensemble_has_it_as_a_member_and_names_its_weights(
    forecast: Forecast, long_sales: Path, toy_weights: Path
) -> None:
    members = [{"model": {"kind": kind}} for kind in ("pretrained", "drift", "seasonal_naive")]
    Path("e.yaml").write_text(yaml.safe_dump({"model": {"kind": "drift"}, "ensemble": {"variants": members}}))
    done = forecast("train", long_sales, "--config", "e.yaml", "--out", "b")
    assert done.code == 0, done.err
    variants = yaml.safe_load(Path("b/config.yaml").read_text())["ensemble"]["variants"]
    assert variants[0]["model"]["weights"] == hash_in(toy_weights)
    done = forecast("predict", "--bundle", "b", "-o", "-")
    assert done.code == 0, done.err
    assert "pretrained+drift+seasonal_naive" in done.out


def test_networks_and_the_pretrained_one_are_combined(forecast: Forecast, long_sales: Path, toy_weights: Path) -> None:
    members = [{}, {"model": {"kind": "pretrained"}}]
    Path("e.yaml").write_text(yaml.safe_dump({"ensemble": {"variants": members}}))
    done = forecast("train", long_sales, "--config", "e.yaml", *QUICK, "--out", "b")
    assert done.code == 0, done.err
    variants = yaml.safe_load(Path("b/config.yaml").read_text())["ensemble"]["variants"]
    assert variants[1]["model"]["weights"] == hash_in(toy_weights)
    done = forecast("predict", "--bundle", "b", "-o", "-")
    assert done.code == 0, done.err
    assert "gru+pretrained" in done.out


def test_a_job_publishes_its_forecasts(forecast: Forecast, sales: Path) -> None:
    settings = ("--set", "model.kind=pretrained", "--set", "job.gate.skill=null")
    assert forecast("init", sales, "--job", "-o", "job.yaml", *settings).code == 0
    first, second = (forecast("run", "job.yaml") for _ in range(2))
    assert first.json["status"] == "published", first.err
    assert second.code == 0, second.err
    assert set(pd.read_csv("forecasts.csv")["model"]) == {"pretrained"}
    report = forecast("ledger", "history", "job.yaml")
    assert report.code == 0, report.err


@pytest.mark.slow
@pytest.mark.parametrize("members", [[], ["pretrained", "drift"]], ids=["alone", "ensemble"])
def test_torch_is_never_loaded(tmp_path: Path, toy_weights: Path, members: list[str]) -> None:
    pytest.importorskip("onnxruntime")
    data = SAMPLES / "air_passengers.csv"
    config = {
        "model": {"kind": "pretrained"},
        "ensemble": {"variants": [{"model": {"kind": kind}} for kind in members]},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    for arguments in (
        ["predict", str(data)],
        ["train", str(data), "--config", "c.yaml", "--out", "b"],
        ["predict", "--bundle", "b"],
    ):
        code = (
            "import sys; from pathlib import Path; from forecaster.store import pretrained;"
            f"pretrained.FOLDER = Path({str(toy_weights.parent)!r});"
            f"from forecaster.cli.app import main; code = main({arguments!r});"
            "heavy = {'torch', 'optuna', 'statsforecast', 'scipy', 'sqlalchemy', 'holidays'} & set(sys.modules);"
            "sys.exit(f'loaded {heavy}' if heavy else code)"
        )
        run = [sys.executable, "-c", code]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_network_that_chose_the_pretrained_one_names_it_and_is_trained_again_from_its_config(
    forecast: Forecast, long_sales: Path
) -> None:
    variants = [{}, {"model": {"kind": "pretrained"}}, {"model": {"kind": "drift"}}]
    Path("c.yaml").write_text(yaml.safe_dump({"ensemble": {"name": "gru", "choose": 2, "variants": variants}}))
    done = forecast("train", long_sales, "--config", "c.yaml", *QUICK, "--out", "b")
    assert done.code == 0, done.err
    chosen = json.loads(Path("b/manifest.json").read_text())["chosen"]
    assert [name.split()[0] for name in chosen["members"]] == ["gru", "pretrained"]
    assert set(chosen["among"]) == {*chosen["members"], "drift"}
    assert chosen["why"] in " ".join(done.err.split())
    shown = " ".join(forecast("show", "b").out.split())
    assert "gru: a gru network of 4 units" in shown
    assert "and the pretrained network, the median of all; " in shown
    assert f"chosen {chosen['why']}" in shown
    assert forecast("predict", "--bundle", "b").code == 0
    assert set(pd.read_csv("forecasts.csv")["model"]) == {"gru"}
    assert forecast("train", long_sales, "--config", "b/config.yaml", "--out", "again").code == 0
    for name in ("weights.safetensors", "config.yaml", "holdout.csv"):
        assert Path("again", name).read_bytes() == Path("b", name).read_bytes(), name
