"""What version 0.1 wrote is read today, and says what it said then (tests/golden/README.md)."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.cli.app import main

GOLDEN = Path(__file__).parent / "golden"
KINDS = {
    "network": ("sales.csv", None),
    "graphs": ("sales.csv", "onnxruntime"),
    "ensemble": ("sales.csv", "onnxruntime"),
    "deepar": ("sales.csv", None),
    "statistical": ("sales.csv", "statsforecast"),
    "covariates": ("shops.csv", None),
}
# The column of today that `mean` of 0.1 was; the values of point heads and of drawn futures are in none.
POINTS = {"network": "median", "graphs": "median", "ensemble": "median", "statistical": "mean"}
WITH_GRAPHS = {"graphs": 1, "ensemble": 2}  # and how many
JOB = Path("job/nightly.yaml")
RTOL = 1e-4  # processors and versions of torch round differently

Command = Callable[..., str]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Give a function that runs `forecast ...` on a copy of the golden files, and returns what it shows."""
    shutil.copytree(GOLDEN, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str | Path) -> str:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        assert code == 0, shown.out + shown.err
        return shown.out

    return run


@pytest.fixture
def ledger(command: Command) -> Command:
    """Give the same where there is what a ledger needs."""
    pytest.importorskip("sqlalchemy")
    return command


def predict(command: Command, kind: str) -> None:
    """Forecast by a bundle, and compare with what 0.1 forecast by it, whose `mean` was the median."""
    command("predict", KINDS[kind][0], "--bundle", f"{kind}/bundle", "-o", "now.csv")
    found = pd.read_csv("now.csv")
    if kind in POINTS:
        found["mean"] = found[POINTS[kind]]
    assert_same(found, pd.read_csv(GOLDEN / kind / "forecasts.csv").drop(columns=[] if kind in POINTS else ["mean"]))


def assert_same(found: pd.DataFrame, recorded: pd.DataFrame) -> None:
    """Hold a table, which may have more columns, to each recorded one: fractions nearly, all else to the letter."""
    fractions = recorded.select_dtypes("float").columns
    others = recorded.columns.difference(fractions)
    pd.testing.assert_frame_equal(found[others], recorded[others])
    np.testing.assert_allclose(found[fractions].astype(float), recorded[fractions], rtol=RTOL)


def assert_holds(found: Any, recorded: Any, place: str = "") -> None:
    """Make sure that everything that a document of 0.1 said is in one of today, which may say more."""
    match recorded:
        case dict():
            for key, value in recorded.items():
                assert key in found, f"{place}.{key}"
                assert_holds(found[key], value, f"{place}.{key}")
        case list():
            assert len(found) == len(recorded), place
            for number, value in enumerate(recorded):
                assert_holds(found[number], value, f"{place}[{number}]")
        case float():
            assert found == pytest.approx(recorded, rel=RTOL), place
        case _:
            assert found == recorded, place


def read_json(name: str) -> dict[str, Any]:
    """Read what 0.1 told of its ledger."""
    document: dict[str, Any] = json.loads((GOLDEN / "ledger" / name).read_text())
    return document


def ask(database: str, query: str) -> pd.DataFrame:
    """Read rows of a database of the job, by SQLite alone."""
    with closing(sqlite3.connect(JOB.parent / database)) as connection:
        return pd.read_sql_query(query, connection)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_forecasts_what_it_did(command: Command, kind: str) -> None:
    package = KINDS[kind][1]
    if package:
        pytest.importorskip(package)
    predict(command, kind)


@pytest.mark.parametrize("kind", WITH_GRAPHS)
def test_graphs_are_what_a_bundle_that_has_some_forecasts_by(
    command: Command, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    opened: list[Any] = []

    session = runtime.InferenceSession

    def open_session(*arguments: Any, **named: Any) -> Any:
        opened.append(session(*arguments, **named))
        return opened[-1]

    monkeypatch.setattr(runtime, "InferenceSession", open_session)
    predict(command, kind)
    assert len(opened) == WITH_GRAPHS[kind]


@pytest.mark.parametrize("kind", WITH_GRAPHS)
def test_weights_say_the_same_as_graphs_where_the_runtime_is_missing(
    command: Command, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    predict(command, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_is_shown(command: Command, kind: str) -> None:
    shown = command("show", f"{kind}/bundle")
    manifest = json.loads(Path(f"{kind}/bundle/manifest.json").read_text())
    assert manifest["model"] in shown
    assert f"{manifest['horizon']} steps ahead" in shown
    assert "forecast-rnn 0.1.0" in shown


def test_a_config_trains_what_it_did(command: Command) -> None:
    settings = ("--set", "training.steps=2", "--set", "ensemble.workers=1")
    command("train", "sales.csv", "--config", "config.yaml", *settings, "-o", "new")
    command("predict", "sales.csv", "--bundle", "new", "-o", "now.csv")
    assert pd.read_csv("now.csv")["step"].tolist() == [1, 2, 3, 4]
    networks = command("show", "new").partition("model")[2].partition("forecasts")[0]
    assert "3 gru networks of 4 units that read 35, 17, 35 steps" in " ".join(networks.split())


def test_a_ledger_tells_of_its_runs(ledger: Command) -> None:
    found = json.loads(ledger("ledger", "history", JOB, "--json"))
    assert_holds(found["runs"], read_json("history.json")["runs"])


def test_forecasts_and_scores_of_a_ledger_are_kept(ledger: Command) -> None:
    ledger("ledger", "history", JOB)  # brings the ledger up to date
    for view in ("forecasts", "scores"):
        found = ask("nightly.ledger.db", f"SELECT * FROM {view} ORDER BY run_id, series_id, step")
        assert_same(found, pd.read_csv(GOLDEN / "ledger" / f"{view}.csv"))


def test_what_came_true_since_is_scored(ledger: Command) -> None:
    found = json.loads(ledger("ledger", "score", JOB, "--since", "all", "--json"))
    recorded = read_json("score.json")
    del recorded["ledger"]  # its path
    assert_holds(found, recorded)


def test_a_job_goes_on_by_the_model_in_use(ledger: Command) -> None:
    recorded = read_json("history.json")["runs"]
    status = json.loads(ledger("run", JOB, "-q"))
    assert (status["status"], status["retrain"]) == ("published", None)
    assert status["actuals"] == {"new": 7, "restated": 0}
    assert status["scored"] == 7
    newest, *before = json.loads(ledger("ledger", "history", JOB, "--json"))["runs"]
    assert (newest["key"], newest["code"], newest["cutoff"]) == (status["run"], 0, "2024-03-15")
    assert_holds(before, recorded)
    published = ask("published.db", "SELECT * FROM published ORDER BY step")
    assert published["ds"].tolist() == [f"2024-03-{day}" for day in range(16, 23)]
    assert pd.read_csv(JOB.with_name("forecasts.csv"))["ds"].tolist() == published["ds"].tolist()
    assert json.loads(ledger("run", JOB, "-q"))["status"] == "unchanged"
