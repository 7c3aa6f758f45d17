"""`forecast run` end to end, on models that learn nothing."""

import json
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.score import INTERVALS
from forecaster.store.ledger.widths import record_adjustment
from forecaster.workflows import run as workflow
from forecaster.workflows.job.publish import publish
from tests.cli.conftest import Done, Forecast

JOB = """\
data: {path: sales.csv, horizon: 7}
model: {kind: seasonal_naive}
job:
"""


@pytest.fixture
def job(sales: Path) -> Path:
    """`nightly.yaml` beside `sales.csv`, whose last day is 2024-03-30."""
    path = sales.with_name("nightly.yaml")
    path.write_text(JOB + "  outputs: [forecasts.csv]\n")
    return path


def told(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def add_days(path: Path, *values: float) -> None:
    """Append a day a value to a table of days."""
    last = datetime.strptime(path.read_text().splitlines()[-1].split(",")[0], "%Y-%m-%d")
    with path.open("a") as file:
        for number, value in enumerate(values, 1):
            file.write(f"{last + timedelta(days=number):%Y-%m-%d},{value:.2f}\n")


def ask(query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect("nightly.ledger.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_a_first_run_trains_publishes_and_records(forecast: Forecast, job: Path) -> None:
    done = forecast("run", "nightly.yaml", "-q")
    assert done.code == 0
    (status,) = told(done)
    assert status["status"] == "published"
    assert status["retrain"] == "there is no model yet"
    assert files() == ["forecasts.csv", "nightly.bundles", "nightly.ledger.db", "nightly.yaml", "sales.csv"]
    frame = pd.read_csv("forecasts.csv")
    assert frame["ds"].tolist()[0] == "2024-03-31"
    assert frame["status"].unique().tolist() == ["ok"]
    assert ask("SELECT job, key, code, model FROM runs") == [("nightly", status["run"], 0, "seasonal_naive")]
    assert ask("SELECT count(*), count(seasonal_naive), count(naive) FROM forecasts") == [(7, 7, 7)]


def test_the_same_data_again_publishes_nothing(forecast: Forecast, job: Path) -> None:
    forecast("run", "nightly.yaml")
    before = Path("forecasts.csv").stat().st_mtime_ns
    done = forecast("run", "nightly.yaml")
    assert (done.code, told(done)[0]["status"]) == (0, "unchanged")
    assert Path("forecasts.csv").stat().st_mtime_ns == before
    assert ask("SELECT count(*), count(model) FROM runs") == [(2, 1)]
    assert ask("SELECT json_extract(details, '$.status') FROM runs ORDER BY id") == [("published",), ("unchanged",)]


def test_an_output_that_is_gone_is_published_again(forecast: Forecast, job: Path) -> None:
    job.write_text(JOB + "  outputs: [forecasts.csv, 'sqlite:///out.db?table=fc', f.parquet]\n")
    forecast("run", "nightly.yaml")
    content = Path("forecasts.csv").read_bytes()
    Path("forecasts.csv").write_text("half of")
    Path("out.db").unlink()
    (status,) = told(forecast("run", "nightly.yaml"))
    assert status["status"] == "republished"
    assert Path("forecasts.csv").read_bytes() == content
    assert told(forecast("run", "nightly.yaml"))[0]["status"] == "unchanged"
    assert ask("SELECT count(*) FROM forecasts") == [(7,)]
    connection = sqlite3.connect("out.db")
    assert connection.execute("SELECT job, count(*), min(ds) FROM fc").fetchall() == [("nightly", 7, "2024-03-31")]
    connection.close()
    assert len(pd.read_parquet("f.parquet")) == 7


def test_a_model_that_cannot_be_read_is_trained_anew(forecast: Forecast, job: Path) -> None:
    forecast("run", "nightly.yaml")
    Path("nightly.bundles/champion/weights.safetensors").write_bytes(b"half")
    done = forecast("run", "nightly.yaml")
    (status,) = told(done)
    assert (status["status"], status["retrain"]) == ("published", "the model in use cannot be read")
    assert "altered or truncated" in done.err
    assert told(forecast("run", "nightly.yaml"))[0]["status"] == "unchanged"


def test_forecasts_are_scored_when_their_actuals_arrive(forecast: Forecast, job: Path) -> None:
    forecast("run", "nightly.yaml")
    add_days(job.with_name("sales.csv"), 100, 101)
    (status,) = told(forecast("run", "nightly.yaml"))
    assert (status["status"], status["actuals"], status["scored"]) == ("published", {"new": 2, "restated": 0}, 2)
    rows = job.with_name("sales.csv").read_text().splitlines()
    job.with_name("sales.csv").write_text("\n".join([*rows[:-1], "2024-04-01,105.00"]) + "\n")
    (status,) = told(forecast("run", "nightly.yaml"))
    assert (status["actuals"], status["scored"]) == ({"new": 0, "restated": 1}, 1)
    assert ask("SELECT y, version FROM actual_rows ORDER BY at, version") == [(100.0, 1), (101.0, 1), (105.0, 2)]


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(forecast: Forecast, job: Path) -> None:
    before = files()
    done = forecast("run", "nightly.yaml", "--dry-run")
    assert (done.code, told(done)[0]["status"], told(done)[0]["retrain"]) == (0, "planned", "there is no model yet")
    assert files() == before
    forecast("run", "nightly.yaml")
    add_days(job.with_name("sales.csv"), 100)
    before = ask("SELECT count(*) FROM runs")
    (status,) = told(forecast("run", "nightly.yaml", "--dry-run"))
    assert (status["status"], status["retrain"]) == ("planned", None)
    assert ask("SELECT count(*) FROM runs") == before


@pytest.mark.parametrize(
    ("section", "code", "words"),
    [
        ("  max_age: 2d\n", 5, "job.max_age is 2d"),
        ("  min_rows: 91\n", 5, "has 90 values"),
        ("  gate: {skill: 0.5, otherwise: refuse}\n", 4, "skill 0.000 on the backtest is below 0.5"),
        ("  keeep: 3\n", 78, "did you mean 'keep'?"),
        ("  outputs: [absent/f.csv]\n", 73, "absent/f.csv: cannot write"),
    ],
)
def test_a_run_that_must_not_publish_says_why(
    forecast: Forecast, job: Path, section: str, code: int, words: str
) -> None:
    job.write_text(JOB + section)
    done = forecast("run", "nightly.yaml")
    (status,) = told(done)
    assert (done.code, status["code"], status["status"]) == (code, code, "failed")
    assert words in status["error"]["message"]
    assert f"error: {status['error']['message']}" in done.err
    assert not Path("forecasts.csv").exists()
    if code != 78:
        assert ask("SELECT code FROM runs") == [(code,)]


def test_a_stale_source_leaves_the_old_forecast_alone(forecast: Forecast, job: Path) -> None:
    sales = job.with_name("sales.csv")
    forecast("run", "nightly.yaml")
    content = Path("forecasts.csv").read_bytes()
    rows = sales.read_text().splitlines()
    sales.write_text("\n".join(rows[:-1]) + "\n")
    done = forecast("run", "nightly.yaml")
    assert (done.code, Path("forecasts.csv").read_bytes()) == (5, content)
    sales.write_text("\n".join(rows) + "\n")
    assert told(forecast("run", "nightly.yaml"))[0]["status"] == "unchanged"


def test_a_missing_job_is_66_and_still_a_line(forecast: Forecast) -> None:
    done = forecast("run", "absent.yaml")
    assert (done.code, told(done)[0]["error"]["kind"]) == (66, "input")
    assert "hint: name a job's YAML file, or write one: forecast init DATA --job" in done.err


def test_a_stuck_series_gets_a_fallback_that_is_marked(forecast: Forecast, job: Path) -> None:
    rows = "".join(f"{name},2024-01-{day:02d},{day if name == 'a' else 5}\n" for name in "ab" for day in range(1, 29))
    job.with_name("long.csv").write_text("unique_id,ds,y\n" + rows)
    job.write_text(
        JOB.replace("sales.csv", "long.csv").replace("seasonal_naive", "drift") + "  {flat: 10, gate: {skill: null}}\n"
    )
    done = forecast("run", "nightly.yaml")
    (status,) = told(done)
    assert (done.code, status["status"], status["fallbacks"]) == (3, "partial", {"b": "its last 10 values are equal"})
    frame = pd.read_csv("forecasts.csv")
    assert frame.groupby("unique_id")["status"].unique().map(list).to_dict() == {"a": ["ok"], "b": ["fallback"]}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_one_bad_job_does_not_stop_the_others(forecast: Forecast, job: Path, workers: str) -> None:
    shutil.copy(job, "b.yaml")
    Path("a.yaml").write_text("job: {keeep: 3}\n")
    done = forecast("run", "a.yaml", "nightly.yaml", "--workers", workers, "-q")
    assert [(status["job"], status["status"], status["code"]) for status in told(done)] == [
        ("a", "failed", 78),
        ("nightly", "published", 0),
    ]
    assert done.code == 3
    assert forecast("run", "a.yaml", "absent.yaml").code == 78
    assert forecast("run", "b.yaml", "nightly.yaml").code == 0


def test_a_command_is_told_of_a_failure(forecast: Forecast, job: Path) -> None:
    catch = "sh -c 'cat > caught.json'"
    job.write_text(JOB + f'  min_rows: 91\n  on_failure: "{catch}"\n')
    (status,) = told(forecast("run", "nightly.yaml"))
    assert status["alerts"] == [{"event": "on_failure", "ended": "ok"}]
    caught = json.loads(Path("caught.json").read_text())
    assert (caught["code"], caught["status"]) == (5, "failed")
    job.write_text(JOB + "  min_rows: 91\n  on_failure: absent-command\n")
    done = forecast("run", "nightly.yaml")
    assert done.code == 5
    assert "could not be started" in told(done)[0]["alerts"][0]["ended"]


def test_the_log_gets_a_line_an_event(forecast: Forecast, job: Path) -> None:
    forecast("run", "nightly.yaml", "--log-file", "log.jsonl")
    forecast("run", "nightly.yaml", "--log-file", "log.jsonl")
    lines = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert [line["status"] for line in lines if line["event"] == "RunEnded"] == ["published", "unchanged"]
    assert {"DataRead", "BundleWritten", "ForecastsWritten"} <= {line["event"] for line in lines}
    assert forecast("run", "nightly.yaml", "--log-file", "absent/log.jsonl").code == 73


def test_changed_settings_train_anew_and_the_better_model_stays(forecast: Forecast, job: Path) -> None:
    forecast("run", "nightly.yaml")
    job.write_text(JOB.replace("seasonal_naive", "naive"))
    add_days(job.with_name("sales.csv"), 100)
    (status,) = told(forecast("run", "nightly.yaml"))
    assert status["retrain"] == "the settings have changed"
    assert status["challenger"]["has_won"] is False
    assert status["model"] == "seasonal_naive"
    add_days(job.with_name("sales.csv"), 101)
    (status,) = told(forecast("run", "nightly.yaml"))
    assert (status["retrain"], status["model"]) == (None, "seasonal_naive")
    job.write_text(JOB.replace("seasonal_naive", "auto_ets"))
    (status,) = told(forecast("run", "nightly.yaml"))
    assert status["challenger"]["has_won"] is True
    assert (status["model"], status["status"]) == ("auto_ets", "published")


def test_a_network_is_challenged_by_what_a_later_training_makes_of_its_settings(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(job.parent)
    job.write_text(JOB.replace("{kind: seasonal_naive}", "{kind: gru, hidden: 4}") + "  retrain: {new_rows: 2}\n")
    settings = ("training.steps=6", "training.validate_every=3", "preset=fast", "job.gate.skill=null")
    assert workflow.run(job, settings=settings).status == "published"
    add_days(job.with_name("sales.csv"), 100, 101)
    told = workflow.run(job, settings=settings).to_dict()
    assert told["retrain"] == "2 new values"
    assert told["challenger"]["champion_as"] == "fitted anew"
    assert told["challenger"]["folds"] == 5
    champion = Path("nightly.bundles/champion").resolve().name
    assert told["bundle"] == champion
    assert len(list(Path("nightly.bundles").iterdir())) == (4 if told["challenger"]["has_won"] else 3)
    add_days(job.with_name("sales.csv"), *range(100, 112))
    told = workflow.run(job, settings=(*settings, "job.challenger.folds=1")).to_dict()
    if told["bundle"] == champion:
        assert told["challenger"]["champion_as"] == "it is"  # its data ended before the fold


def test_a_day_that_is_not_over_is_forecast_rather_than_believed(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(job.parent)
    now = datetime(2024, 3, 30, 12, tzinfo=UTC)
    done = workflow.run(job, settings=("job.zone=UTC",), now=now)
    assert done.data.cutoff == "2024-03-29"
    assert pd.read_csv("forecasts.csv")["ds"][0] == "2024-03-30"
    done = workflow.run(job, settings=("job.zone=UTC",), now=now + timedelta(hours=12))
    assert (done.data.cutoff, done.status) == ("2024-03-30", "published")


def test_a_clock_that_jumps_publishes_nothing_wrong(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(job.parent)
    settings = ("job.zone=UTC", "job.max_age=2d")
    now = datetime(2024, 3, 31, 2, tzinfo=UTC)
    assert workflow.run(job, settings=settings, now=now).code == 0
    content = Path("forecasts.csv").read_bytes()
    for jump in (timedelta(days=-40), timedelta(days=400)):
        assert workflow.run(job, settings=settings, now=now + jump).code == 5
        assert Path("forecasts.csv").read_bytes() == content
    assert workflow.run(job, settings=settings, now=now).status == "unchanged"


def test_a_model_is_tried_against_the_old_one_once_its_time_has_come(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(job.parent)
    reasons = []
    for night in range(1, 17):
        add_days(job.with_name("sales.csv"), 100 + night)
        now = datetime(2024, 3, 31, 2, tzinfo=UTC) + timedelta(days=night)
        reasons.append(workflow.run(job, settings=("job.zone=UTC",), now=now).retrain)
    assert reasons[0] == "there is no model yet"
    assert [number for number, reason in enumerate(reasons) if reason == "trained 7 days ago"] == [7, 14]


def test_errors_above_what_was_promised_are_drift_and_train_anew(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(job.parent)
    job.write_text(JOB + "  retrain: {max_age: null, drift: true}\n  on_drift: \"sh -c 'cat > drift.json'\"\n")
    settings = ("job.zone=UTC", "job.gate.skill=null")
    statuses = []
    for night in range(1, 13):
        add_days(job.with_name("sales.csv"), 100 + 50 * (night % 3))
        now = datetime(2024, 3, 31, 2, tzinfo=UTC) + timedelta(days=night)
        statuses.append(workflow.run(job, settings=settings, now=now).to_dict())
    alarms = [bool(status["drift"] and status["drift"]["is_alarm"]) for status in statuses[1:]]
    assert alarms.index(True) == 3  # errors are four times what was promised
    assert json.loads(Path("drift.json").read_text())["drift"]["is_alarm"]
    calls = [bool(status["alerts"]) for status in statuses[1:]]
    begins = [status["drift"]["alarmed"] for status, alarm in zip(statuses[1:], alarms, strict=True) if alarm]
    assert sum(calls) == len(set(begins)) < sum(alarms)  # once for each alarm, not every night
    reasons = [status["retrain"] for status in statuses]
    assert reasons.index("errors left what the holdout promised") == 7  # a horizon after the first


def test_intervals_that_were_recalibrated_are_published_on_the_same_data(
    forecast: Forecast, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for night in range(1, 26):
        add_days(job.with_name("sales.csv"), 100 + night * 37 % 23)
        now = datetime(2024, 3, 31, 2, tzinfo=UTC) + timedelta(days=night)
        workflow.run(job, settings=("job.zone=UTC", "job.gate.skill=null", "job.retrain.max_age=null"), now=now)
    before = pd.read_csv("forecasts.csv")
    assert forecast("ledger", "recalibrate", job).code == 0
    done = forecast("run", job, "--set", "job.gate.skill=null")
    assert told(done)[0]["status"] == "published"
    after = pd.read_csv("forecasts.csv")
    assert (before["mean"] == after["mean"]).all()
    assert (before["q0.9"] != after["q0.9"]).any()
    assert ask("SELECT max(adjustment) FROM runs") == [(1,)]
    assert told(forecast("run", job, "--set", "job.gate.skill=null"))[0]["status"] == "unchanged"


def test_widths_follow_what_came_true_where_the_job_says_so(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(job.parent)
    settings = ("job.zone=UTC", "job.gate.skill=null", "job.retrain.max_age=null", "job.recalibrate=true")
    for night in range(1, 26):
        add_days(job.with_name("sales.csv"), 100 + night * 37 % 23)
        now = datetime(2024, 3, 31, 2, tzinfo=UTC) + timedelta(days=night)
        assert workflow.run(job, settings=settings, now=now).status == "published"
    assert ask("SELECT count(DISTINCT adjustment) > 1 FROM runs") == [(1,)]
    ((first, last),) = ask(
        "SELECT min(factor), max(factor) FROM adjustments WHERE number = (SELECT max(number) FROM adjustments)"
    )
    assert first != 1 or last != 1
    assert workflow.run(job, settings=settings, now=now).status == "unchanged"


def test_a_run_is_recorded_with_the_adjustment_that_it_was_stretched_by(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Widths that are found while a run goes on are those of the next one."""
    monkeypatch.chdir(job.parent)

    def publish_late(*given: Any, **named: Any) -> dict[str, str]:
        ledger = open_ledger("nightly.ledger.db")
        record_adjustment(
            ledger, "nightly", (7,), np.full((1, len(INTERVALS)), 2.0), created=datetime.now(UTC), until_at=0
        )
        return publish(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr("forecaster.workflows.job.ready_forecast.publish", publish_late)
        workflow.run(job)
    narrow = pd.read_csv("forecasts.csv")
    assert workflow.run(job).status == "published"
    wide = pd.read_csv("forecasts.csv")
    before, after = ((each["q0.9"] - each["q0.1"]).to_numpy() for each in (narrow, wide))
    assert after == pytest.approx(2 * before, rel=1e-4)
    assert ask("SELECT adjustment FROM runs ORDER BY id") == [(None,), (1,)]
    assert workflow.run(job).status == "unchanged"
