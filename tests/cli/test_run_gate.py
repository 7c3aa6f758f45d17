"""A model that fails the gate does not forecast: the better naive forecast does, marked, until a model passes."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.workflows import run as workflow

JOB = """\
data: {path: walk.csv, horizon: 5, season: 7}
model: {kind: seasonal_naive}
job: {outputs: [forecasts.csv], zone: UTC, gate: {skill: 0.2}, retrain: {max_age: 10d}}
"""
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "nightly.yaml"
    path.write_text(JOB)
    return path


def run(job: Path, days: int, *settings: str) -> dict[str, Any]:
    """Run the job on so many days of a random walk, of which the last value is the better naive forecast."""
    walk = np.cumsum(np.random.default_rng(0).normal(0, 1, 200))[:days] + 100
    dates = pd.date_range(START.date(), periods=days)
    pd.DataFrame({"day": dates, "price": walk}).to_csv("walk.csv", index=False)
    return workflow.run(job, settings=settings, now=START + timedelta(days=days, hours=2)).to_dict()


def test_the_better_naive_forecast_is_published_and_marked(job: Path) -> None:
    status = run(job, 90)
    assert (status["code"], status["status"], status["model"]) == (3, "partial", "naive")
    assert status["gate"]["objection"] == "skill 0.000 on the backtest is below 0.2"
    assert status["fallbacks"] == {"price": "the gate: skill 0.000 on the backtest is below 0.2"}
    table = pd.read_csv("forecasts.csv")
    assert set(table["status"]) == {"fallback"}
    assert set(table["model"]) == {"naive"}
    assert table["mean"].nunique() == 1


def test_the_judged_model_is_kept_and_not_trained_again_every_night(job: Path) -> None:
    statuses = [run(job, days) for days in (90, 91, 92)]
    assert [status["retrain"] for status in statuses] == ["there is no model yet", None, None]
    assert [status["code"] for status in statuses] == [3, 3, 3]
    assert len([path for path in Path("nightly.bundles").iterdir() if path.is_dir() and not path.is_symlink()]) == 1
    assert run(job, 92)["status"] == "unchanged"


def test_a_changed_output_is_restored_as_the_naive_forecast(job: Path) -> None:
    run(job, 90)
    before = Path("forecasts.csv").read_bytes()
    Path("forecasts.csv").unlink()
    assert run(job, 90)["status"] == "republished"
    assert Path("forecasts.csv").read_bytes() == before


def test_the_ledger_does_not_blame_the_model_for_the_naive_forecast(job: Path) -> None:
    for days in range(90, 120, 5):
        run(job, days)
    connection = sqlite3.connect("nightly.ledger.db")
    try:
        assert connection.execute("SELECT DISTINCT bundle, model FROM runs").fetchall() == [(None, "naive")]
    finally:
        connection.close()
    assert run(job, 121, "job.retrain.max_age=null")["gate"]["source"] == "backtest"


def test_a_model_that_passes_takes_over(job: Path) -> None:
    assert run(job, 90)["code"] == 3
    job.write_text(JOB.replace("seasonal_naive", "drift").replace("skill: 0.2", "skill: -9"))
    status = run(job, 91)
    assert (status["code"], status["status"], status["gate"]["objection"]) == (0, "published", None)
    assert set(pd.read_csv("forecasts.csv")["status"]) == {"ok"}


def test_a_job_may_publish_nothing_instead(job: Path) -> None:
    job.write_text(JOB.replace("skill: 0.2", "skill: 0.2, otherwise: refuse"))
    status = run(job, 90)
    assert (status["code"], status["error"]["kind"]) == (4, "gate")
    assert not Path("forecasts.csv").exists()
    assert json.dumps(status)
