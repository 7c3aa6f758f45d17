"""`forecast tune`, end to end."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import yaml

from forecaster import events
from forecaster.cli.console import Console
from tests.cli.conftest import QUICK, SAMPLES, Done, Forecast
from tests.json_schema import validate

SMALL = ["--horizon", "5", "--set", "model.context=14", "--set", "embed.width=7", "--set", "ensemble.workers=1", *QUICK]
ENSEMBLE = ["--preset", "default"]  # overrides the one network that QUICK asks for
FILES = [".forecast.schema.json", "config.yaml", "metrics.json", "study.db"]


def names(folder: Path | str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.fixture(scope="module")
def study_once(tmp_path_factory: pytest.TempPathFactory) -> list[Done]:
    """Where the module's finished study is kept, once there is one."""
    return []


@pytest.fixture
def tuned(forecast: Forecast, sales: Path, study_once: list[Done], tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A study of three trials in `runs/`, and what the command said."""
    kept = tmp_path_factory.getbasetemp() / "study"
    if not study_once:
        study_once.append(forecast("tune", "sales.csv", "--trials", "3", *SMALL, *ENSEMBLE))
        shutil.copytree("runs", kept, symlinks=True)
    else:
        shutil.copytree(kept, "runs", symlinks=True)
    return study_once[0]


def folder_of(root: Path | str = "runs") -> Path:
    (folder,) = Path(root).iterdir()
    return folder


def test_tune_writes_a_study_a_config_and_what_they_are_worth(tuned: Done) -> None:
    assert tuned.code == 0, tuned.err
    folder = folder_of()
    assert folder.name.startswith("sales-tune-2")
    assert names(folder) == FILES
    assert "the trials are compared on only 2 horizons of data, so the best may be best by chance" in tuned.err
    assert "3 trials" in tuned.out
    assert "Held out from the search" in tuned.out
    assert "seasonal_naive" in tuned.out
    assert "next: forecast train sales.csv" in tuned.err
    assert max(map(len, tuned.out.splitlines())) <= 80


def test_metrics_tell_the_search_and_the_unseen_folds(tuned: Done) -> None:
    metrics = json.loads((folder_of() / "metrics.json").read_text())
    assert metrics["schema_version"] == 1
    tune = metrics["tune"]
    assert (tune["trials"], tune["pruned"], tune["failed"]) == (3, 0, 0)
    assert tune["best"]["loss"] == min(each["loss"] for each in tune["leaders"]) <= tune["default"]["loss"]
    unseen = tune["unseen"]
    assert (unseen["folds"], unseen["horizon"], unseen["series"]) == (4, 5, 1)  # a quarter of 90 days
    assert unseen["cutoff"] == {"first": "2024-03-10", "last": "2024-03-25"}
    for name in ("mase", "wql"):
        scores = {model: each[name] for model, each in unseen["models"].items()}
        assert tune["gain"][name] == pytest.approx(1 - scores["tuned"] / scores["default"])
    evidence = tune["evidence"]
    assert tune["verdict"] == "undecided"  # 4 folds are too few for a test
    assert (evidence["metric"], evidence["units"], evidence["count"], evidence["p"]) == ("mase", "cutoffs", 4, None)
    assert evidence["skill"] == pytest.approx(tune["gain"]["mase"])
    assert evidence["needed"] == 5
    assert tune["chosen"] == ("tuned" if min(tune["gain"].values()) > 0 else "default")


def test_the_naive_forecast_is_calibrated_as_in_a_backtest(forecast: Forecast) -> None:
    data = SAMPLES / "melbourne_temperature.csv"
    done = forecast("tune", data, "--trials", "1", *QUICK, "--folds", "4", "--json", "-o", "s")
    naive = done.json["tune"]["unseen"]["models"]["seasonal_naive"]
    done = forecast("backtest", data, "--model", "naive", "--folds", "4", "--json", "-o", "t")
    assert naive["wql"] == pytest.approx(done.json["backtest"]["overall"]["seasonal_naive"]["wql"], rel=1e-6)


def test_the_tuned_config_points_to_its_schema(tuned: Done) -> None:
    config = folder_of() / "config.yaml"
    first, _, rest = config.read_text().partition("\n")
    schema = folder_of() / first.removeprefix("# yaml-language-server: $schema=")
    assert not validate(yaml.safe_load(rest), json.loads(schema.read_text()))


def test_what_the_user_set_is_not_searched(tuned: Done) -> None:
    metrics = json.loads((folder_of() / "metrics.json").read_text())
    searched = set(metrics["tune"]["best"]["settings"])
    assert searched == {
        "model.kind",
        "model.layers",
        "model.dropout",
        "training.learning_rate",
        "scale.kind",
        "decode.kind",
    }
    config = yaml.safe_load((folder_of() / "config.yaml").read_text())
    assert (config["model"]["hidden"], config["model"]["context"]) == (4, 14)


def test_the_config_has_as_many_networks_as_the_default_and_trains(forecast: Forecast, tuned: Done) -> None:
    file = folder_of() / "config.yaml"
    config = yaml.safe_load(file.read_text())
    metrics = json.loads((folder_of() / "metrics.json").read_text())
    leaders = [each["settings"] for each in metrics["tune"]["leaders"]]
    variants = config["ensemble"]["variants"]
    assert [variant["training"]["learning_rate"] for variant in variants] == [
        each["training.learning_rate"] for each in leaders
    ]
    assert config["training"]["refit"]
    done = forecast("train", "sales.csv", "--config", file, "-o", "bundle", "--json")
    assert done.code == 0, done.err
    saved = yaml.safe_load(Path("bundle/config.yaml").read_text())
    for section in ("model", "scale", "embed", "decode", "training", "ensemble"):
        assert saved[section] == config[section], section
    assert forecast("predict", "--bundle", "bundle").code == 0


def test_a_study_that_is_over_takes_more_trials(forecast: Forecast, tuned: Done) -> None:
    done = forecast("tune", "--resume", folder_of(), "--trials", "4", "--json")
    assert done.code == 0, done.err
    assert done.json["tune"]["trials"] == 4
    assert done.json["folder"] == str(folder_of())
    assert names(folder_of()) == FILES


def test_a_folder_that_holds_something_is_refused(forecast: Forecast, tuned: Done) -> None:
    done = forecast("tune", "sales.csv", "-o", folder_of())
    assert done.code == 73
    assert "--resume" in done.err


def test_data_that_has_changed_is_refused(forecast: Forecast, sales: Path, tuned: Done, tmp_path: Path) -> None:
    from forecaster.selection.search.study import Study

    path = tmp_path / "sales.csv"
    study = Study.open(folder_of())
    study._study.set_user_attr("facts", study.metadata | {"data": str(path)})
    path.write_text(path.read_text() + "2024-03-31,100\n")
    assert forecast("tune", "--resume", folder_of()).code == 2  # a study of somebody else, as far as this user knows
    done = forecast("tune", path, "--resume", folder_of())
    assert done.code == 65
    assert "has changed" in done.err


def test_a_stopped_study_resumes_to_the_same_result(
    forecast: Forecast, tuned: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Console.watch
    trial = 0

    def watch(self: Console, event: events.Event) -> None:  # the signal comes in the second trial
        nonlocal trial
        if isinstance(event, events.TrialStarted):
            trial = event.number
        if isinstance(event, events.TrainingStep) and trial == 2:
            os.kill(os.getpid(), signal.SIGINT)
        plain(self, event)

    monkeypatch.setattr(Console, "watch", watch)
    done = forecast("tune", "sales.csv", "--trials", "3", *SMALL, *ENSEMBLE, "-o", "stopped")
    assert done.code == 130, done.err
    assert "forecast tune --resume stopped" in done.err
    assert names("stopped") == ["study.db"]
    monkeypatch.setattr(Console, "watch", plain)
    assert forecast("tune", "--resume", "stopped").code == 0
    whole, stopped = (json.loads((Path(each) / "metrics.json").read_text()) for each in (folder_of(), "stopped"))
    for metrics in (whole, stopped):
        del metrics["tune"]["seconds"]
    assert stopped == whole
    assert (Path("stopped") / "config.yaml").read_bytes() == (folder_of() / "config.yaml").read_bytes()


def test_a_process_that_ends_while_another_is_at_work_leaves_the_verdict_to_it(
    forecast: Forecast, tuned: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecaster.selection.search.study import Study

    monkeypatch.setattr(Study, "has_running_trials", True)
    done = forecast("tune", "--resume", folder_of(), "--json")
    assert done.code == 0
    assert done.json == {"folder": str(folder_of()), "tune": None}
    assert "evaluates the study" in done.err


def test_time_alone_may_end_a_search(forecast: Forecast, sales: Path) -> None:
    done = forecast("tune", sales, "--budget", "0.1s", *SMALL, "--folds", "1", "--json", "-o", "s")
    assert done.code == 0, done.err
    assert done.json["tune"]["trials"] == 1
    assert done.json["tune"]["gain"] == {"mase": 0.0, "wql": 0.0}
    assert (done.json["tune"]["verdict"], done.json["tune"]["chosen"]) == ("undecided", "default")
    assert done.json["tune"]["unseen"]["folds"] == 1


def test_verbose_tells_each_trial(forecast: Forecast, sales: Path) -> None:
    done = forecast("tune", sales, "--trials", "2", *SMALL, "--folds", "1", "-v", "-o", "s")
    assert "trial 2: loss" in done.err
    assert "in trial" in done.err


def test_standard_input_can_be_tuned_on_but_not_resumed(forecast: Forecast, sales: Path) -> None:
    content = sales.read_bytes()
    assert forecast("tune", "-", "--trials", "1", *SMALL, "--folds", "1", "-o", "s", stdin=content).code == 0
    done = forecast("tune", "--resume", "s")
    assert done.code == 66
    assert "standard input" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sales.csv", "--model", "naive"], 2, "'naive' is not one of 'gru', 'lstm'"),
        (["sales.csv", "--set", "model.kind=naive"], 2, "nothing to tune"),
        (["sales.csv", "--budget", "soon"], 2, "write it as --budget 30s"),
        (["sales.csv", "--budget", "0m"], 2, "write it as --budget 30s"),
        ([], 2, "DATA is missing"),
        (["sales.csv", "--resume", "s", "--seed", "1"], 2, "only DATA, --query, --trials and --budget"),
        (["--resume", "nowhere"], 66, "has no study"),
        (["nowhere.csv"], 66, "nowhere.csv"),
        (["sales.csv", "--horizon", "30"], 65, "too few for a search"),
        (["sales.csv", "--horizon", "10", "--folds", "9"], 65, "--folds"),
    ],
)
def test_wrong_usage_says_what_to_type(
    forecast: Forecast, sales: Path, arguments: list[str], code: int, words: str
) -> None:
    done = forecast("tune", *arguments)
    assert done.code == code, done.err
    assert words in done.err
    assert "hint:" in done.err
    assert names(".") == ["sales.csv"]


def test_a_config_that_decides_everything_leaves_nothing_to_search(forecast: Forecast, tuned: Done) -> None:
    done = forecast("tune", "sales.csv", "--config", folder_of() / "config.yaml", "-o", "again")
    assert done.code == 78
    assert "nothing is left" in done.err


def test_without_the_library_the_package_is_named(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = forecast("tune", sales)
    assert done.code == 69
    assert "pip install optuna" in done.err
