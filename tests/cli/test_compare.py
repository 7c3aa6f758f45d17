"""`forecast compare`, end to end."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.config import Config
from forecaster.errors import DataError
from forecaster.evaluation.compare import BASELINES
from forecaster.forecast import Forecaster
from forecaster.panel import Panel
from forecaster.workflows import backtest as backtest_workflow
from forecaster.workflows import compare as workflow
from tests.cli.conftest import QUICK, Forecast

FILES = {"leaderboard.csv", "metrics.json", "config.yaml"}
MEAN = ["--set", "scale.kind=mean", "--set", "scale.log=false"]


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """Two hundred hours without a pattern: their mean is the best forecast, and any single value a bad one."""
    values = np.random.default_rng(0).normal(100, 10, 200)
    path = tmp_path / "white noise.csv"
    hours = pd.date_range("2024-01-01", periods=200, freq="h")
    pd.DataFrame({"time": hours, "y": values.round(2)}).to_csv(path, index=False)
    return path


def test_the_model_to_use_is_one_that_beats_both_naive_forecasts_for_sure(forecast: Forecast, noise: Path) -> None:
    options = ["--models", "gru", "--horizon", "4", "--season", "4", "--folds", "12", *QUICK, *MEAN]
    done = forecast("compare", noise, *options)
    assert done.code == 0, done.err
    assert "gru is better: " in done.out
    assert "verdict: against both naive forecasts" in done.out
    (folder,) = Path("runs").iterdir()  # and no link `latest`, since this is no bundle
    assert folder.name.startswith("white_noise-compare-2")
    assert {file.name for file in folder.iterdir()} == FILES
    board = pd.read_csv(folder / "leaderboard.csv")
    assert board["model"][0] == "gru"
    assert sorted(board["model"]) == ["gru", "naive", "seasonal_naive"]
    assert board["mase"].is_monotonic_increasing
    assert board["beats"][0] == "seasonal_naive naive"
    assert board["verdict"].tolist() == ["better", "undecided", "undecided"]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["verdict"] == "better"
    assert metrics["skill"] == pytest.approx(1 - board["mase"][0] / board.set_index("model")["mase"]["seasonal_naive"])
    assert metrics["compare"]["test"]["units"] == "cutoffs"
    assert metrics["compare"]["test"]["count"] == 12
    assert f"next (a bundle of gru): forecast train '{noise}' --config {folder}/config.yaml" in done.err
    trained = forecast("train", noise, "--config", folder / "config.yaml", "--json", "-o", "b")
    assert trained.code == 0, trained.err
    assert next(iter(trained.json["holdout"]["models"])) == "gru"


def test_where_nothing_is_better_the_naive_forecast_is_the_model_to_use(forecast: Forecast, tmp_path: Path) -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(0, 1, 150)) + 100
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=150), "close": walk})
    frame.to_csv(tmp_path / "walk.csv", index=False)
    done = forecast("compare", "walk.csv", "--models", "gru", "--horizon", "3", *QUICK, "--json", "-o", "c")
    assert done.code == 0, done.err
    assert done.json["sentence"].startswith("gru is worse: ")
    assert done.json["sentence"].endswith("Use naive.")
    assert done.json["folder"] == "c"
    assert (done.json["verdict"], done.json["compare"]["chosen"]) == ("worse", "naive")
    assert forecast("train", "walk.csv", "--config", "c/config.yaml", "-o", "b").code == 0
    assert json.loads(Path("b/manifest.json").read_text())["model"] == "naive"


def test_scores_are_those_of_a_backtest_of_the_same_folds(forecast: Forecast, sales: Path) -> None:
    folds = ["--folds", "6", "--stride", "2", "--horizon", "5", *QUICK, "--json"]
    compared = forecast("compare", sales, "--models", "lstm", *folds, "-o", "c").json["compare"]
    alone = forecast("backtest", sales, "--model", "lstm", *folds, "-o", "b").json["backtest"]
    for name, scores in alone["overall"].items():
        assert {key: compared["models"][name][key] for key in scores} == pytest.approx(scores), name
    best = {step: min(each, key=lambda name: each[name]["mase"]) for step, each in alone["by_step"].items()}
    assert compared["steps_won"] == list(best.values())
    assert (compared["test"]["overlap"], compared["test"]["fewest"]) == (3, 30)


def test_folds_follow_from_the_length_unless_they_are_set(forecast: Forecast, sales: Path) -> None:
    def folds_of(*options: str) -> tuple[int, str]:
        done = forecast("compare", sales, "--models", "naive", "--json", *options)
        assert done.code == 0, done.err
        return done.json["compare"]["folds"], done.err

    found, told = folds_of("--horizon", "3")
    assert found == 7  # a quarter of 90 steps
    assert "7 folds, by the length of the series" in told
    assert folds_of("--horizon", "3", "--folds", "2")[0] == 2
    assert folds_of("--horizon", "8")[0] == 5  # a quarter has two; five fit into a half
    assert folds_of("--horizon", "20")[0] == 2  # a half
    Path("config.yaml").write_text("evaluation: {folds: 4}")
    assert folds_of("--horizon", "3", "--config", "config.yaml")[0] == 4


def test_too_few_cutoffs_say_so_and_how_many_it_takes(forecast: Forecast, noise: Path) -> None:
    options = ["--models", "gru", "--horizon", "4", "--season", "4", *QUICK, *MEAN]
    done = forecast("compare", noise, *options, "--folds", "3", "--json")
    assert " in 3 cutoffs, too few for a test. Use gru, or decide with --folds 5." in done.json["sentence"]
    assert done.json["compare"]["models"]["gru"]["p_naive"] is None
    assert done.json["verdict"] == "undecided"
    again = f"forecast compare '{noise}' --models gru --horizon 4 --season 4 --preset fast --folds 5 --set "
    assert f"next: {again}" in done.err


def test_a_cell_changes_the_cell_alone_and_a_recipe_is_taken_whole(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Config] = {}

    def catch(config: Config, models: Mapping[str, Config] | None, **_: Any) -> None:
        seen.update(models or {"own": config})
        raise DataError("enough", hint="stop here")

    monkeypatch.setattr(workflow, "compare", catch)
    assert forecast("compare", sales, "--models", "lstm, deepar,lstm", "--preset", "fast", "--seed", "5").code == 65
    assert list(seen) == ["lstm", "deepar"]
    assert (seen["lstm"].preset, seen["lstm"].name) == ("fast", "lstm")
    assert (seen["deepar"].preset, seen["deepar"].name) == ("deepar", "deepar")
    assert [each.training.seed for each in seen.values()] == [5, 5]
    seen.clear()
    forecast("compare", sales, "--set", "model.kind=mingru")
    assert seen["own"].name == "mingru"


def test_the_model_is_compared_with_theta_where_none_is_named(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["compare", sales, *QUICK, "--horizon", "5", "--folds", "2"]
    assert set(forecast(*options, "--json").json["compare"]["models"]) == {"gru", "auto_theta", *BASELINES}
    monkeypatch.setattr(workflow, "_MAX_DEFAULT_THETA", 1)
    left_out = forecast(*options)
    assert "auto_theta is left out, because 2 forecasts would take too long" in left_out.err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    left_out = forecast(*options, "--json")
    assert "auto_theta is left out: the package `statsforecast` is not installed" in left_out.err
    assert set(left_out.json["compare"]["models"]) == {"gru", *BASELINES}


def test_auto_chooses_by_what_precedes_the_first_cutoff(forecast: Forecast, sales: Path) -> None:
    options = [
        "--models",
        "auto,drift",
        "--horizon",
        "5",
        "--folds",
        "3",
        "--preset",
        "fast",
        "--set",
        "training.steps=4",
    ]
    done = forecast("compare", sales, *options, "--json", "-o", "c")
    assert done.code == 0, done.err
    assert set(done.json["compare"]["models"]) == {"auto", "drift", *BASELINES}
    (told,) = (line for line in done.err.splitlines() if line.startswith("auto: "))
    lines = sales.read_text().splitlines(keepends=True)
    sales.write_text("".join(lines[:76]) + "".join(line.split(",")[0] + ",-7\n" for line in lines[76:]))
    assert told in forecast("compare", sales, *options, "-o", "d").err


def test_a_model_that_fails_is_an_error_that_names_it(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = backtest_workflow.make_fit

    def make_fit(config: Config, watch: Any) -> Any:
        def fail(panel: Panel) -> Forecaster:
            raise DataError("it will not do", hint="do something else")

        return fail if config.name == "lstm" else plain(config, watch)

    monkeypatch.setattr(backtest_workflow, "make_fit", make_fit)
    done = forecast("compare", sales, "--models", "naive,lstm", "-o", "c")
    assert done.code == 65
    assert f"error: lstm: {sales}: fold 1: it will not do" in done.err
    assert not Path("c").exists()


def test_each_model_is_told_when_its_turn_comes(forecast: Forecast, sales: Path) -> None:
    done = forecast("compare", sales, "--models", "naive", "-v")
    told = [line for line in done.err.splitlines() if "model " in line or line.startswith("fold ")]
    assert told == [
        "naive: model 1 of 2",
        "fold 3 of 3 forecast",
        "seasonal_naive: model 2 of 2",
        "fold 3 of 3 forecast",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("sales.csv --models gru,lstn", 2, "--models: unknown model 'lstn' (did you mean 'lstm'?)"),
        ("sales.csv --models ,", 2, "--models names no model"),
        ("sales.csv --models naive --by mse", 2, "--by"),
        ("sales.csv --models naive --folds 10 --horizon 9", 65, "10 folds of 9 steps, 9 apart, need a series"),
        ("sales.csv --models naive -o full", 73, "full: exists and is not an empty folder"),
        ("sales.csv --models naive -o .", 2, "is no name for a new folder"),
        ("sales.csv --set evaluation.fold=3", 78, "did you mean 'folds'"),
        ("--models naive", 2, "DATA is missing"),
    ],
)
def test_what_cannot_be_done_says_why(forecast: Forecast, sales: Path, arguments: str, code: int, words: str) -> None:
    Path("full").mkdir()
    Path("full/file").write_text("")
    done = forecast("compare", *arguments.split())
    assert done.code == code, done.err
    assert words in done.err
    assert "hint: " in done.err
    assert not Path("runs").exists()
