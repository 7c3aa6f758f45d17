"""A job with a deadline: the last good model publishes if training lasts longer, and training goes on afterwards."""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecaster.errors import DataError, Interrupted, OutputError
from forecaster.events import Event, Note, TrainingStep
from forecaster.workflows import run as workflow
from forecaster.workflows.job import choose_model, deadline
from forecaster.workflows.job.challenge import Comparison
from forecaster.workflows.train import train_on
from tests.cli.conftest import QUICK, write_sales
from tests.cli.test_run import add_days

JOB = """\
data: {path: sales.csv, horizon: 7}
model: {kind: drift}
job:
  outputs: [forecasts.csv, forecasts.parquet]
  zone: UTC
  deadline: 05:30
  gate: {skill: null}
  challenger: {folds: 1}
"""
NIGHT = datetime(2024, 3, 31, 2, 15, tzinfo=UTC)  # after the last day of the data
RETRAIN = "job.retrain.max_age=1h"


class FakeClock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = NIGHT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(workflow, "start_clock", lambda now: clock)
    monkeypatch.setattr(deadline, "_SECONDS_BETWEEN_LOOKS", 0.01)
    return clock


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_sales(tmp_path)
    path = tmp_path / "nightly.yaml"
    path.write_text(JOB)
    return path


def run(job: Path, *settings: str, watch: Callable[[Event], None] = lambda event: None) -> dict[str, Any]:
    return workflow.run(job, settings=settings, watch=watch).to_dict()


def start_with_model(job: Path, clock: FakeClock) -> None:
    """Train the first model, and go on to the next night, on which a training is due and always wins."""
    clock.now = NIGHT.replace(hour=1)
    assert run(job)["status"] == "published"
    add_days(job.with_name("sales.csv"), 150)
    clock.now = NIGHT + timedelta(days=1)


def wait_for_publication() -> None:
    """Wait until the run is in the ledger, which is the last step of a publication."""
    end, before = time.monotonic() + 30, len(rows())
    while len(rows()) == before:
        assert time.monotonic() < end, "nothing was published"
        time.sleep(0.01)


def rows() -> list[tuple[Any, ...]]:
    if not Path("nightly.ledger.db").exists():
        return []
    with closing(sqlite3.connect("nightly.ledger.db")) as ledger:
        return ledger.execute("SELECT code, bundle, json_extract(details, '$.status') FROM runs ORDER BY id").fetchall()


def champion() -> str:
    return str(Path("nightly.bundles/champion").readlink())


def let_challengers_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Comparison, "is_challenger_better", lambda self, margin: True)


def beyond_deadline(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock, *, then: Callable[[], None] = lambda: None
) -> None:
    """Let trainings last until the deadline is over, without an event, and then do something else."""

    def train_slowly(*arguments: Any, **options: Any) -> Any:
        clock.now = clock.now.replace(hour=5, minute=29, second=50)
        wait_for_publication()
        clock.now += timedelta(hours=1)
        then()
        return train_on(*arguments, **options)

    monkeypatch.setattr(choose_model, "train_on", train_slowly)
    let_challengers_win(monkeypatch)


def test_the_model_in_use_publishes_and_the_new_one_waits(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with_model(job, clock)
    old = champion()
    beyond_deadline(monkeypatch, clock)
    status = run(job, RETRAIN)
    assert (status["code"], status["status"], status["bundle"]) == (0, "published", old)
    assert status["retrain"] == "trained 25 hours ago"
    assert status["deferred"] == {"deadline": "2024-04-01T05:30+00:00", "bundle": champion()}
    assert champion() != old
    table = pd.read_csv("forecasts.csv")
    assert table["ds"][0] == "2024-04-01"
    assert table["status"].unique().tolist() == ["ok"]
    assert rows() == [(0, old, "published")] * 2


def test_the_same_data_is_not_published_twice_and_newer_data_by_the_new_model(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with_model(job, clock)
    beyond_deadline(monkeypatch, clock)
    new = run(job, RETRAIN, "job.keep=1")["deferred"]["bundle"]
    before = {name: Path(name).read_bytes() for name in ("forecasts.csv", "forecasts.parquet")}
    again = run(job, "job.keep=1")
    assert (again["status"], "retrain" in again) == ("unchanged", False)
    Path("forecasts.csv").unlink()
    assert run(job, "job.keep=1")["status"] == "republished"
    assert {name: Path(name).read_bytes() for name in before} == before
    add_days(job.with_name("sales.csv"), 90)
    clock.now = NIGHT + timedelta(days=2)
    status = run(job, "job.keep=1")
    assert (status["status"], status["bundle"], status["retrain"]) == ("published", new, None)
    folders = [path.name for path in Path("nightly.bundles").iterdir() if path.is_dir() and not path.is_symlink()]
    assert folders == [new]


def test_a_training_in_time_publishes_its_own_model(job: Path, clock: FakeClock) -> None:
    start_with_model(job, clock)
    notes: list[str] = []
    status = run(job, RETRAIN, watch=lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    assert "deferred" not in status
    assert status["bundle"] == champion()
    assert "the model in use publishes at 05:29:45 if training is not over by then" in notes


def test_without_a_model_a_naive_forecast_is_published_and_replaced(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    beyond_deadline(monkeypatch, clock)
    status = run(job)
    assert (status["code"], status["status"], status["bundle"]) == (3, "partial", None)
    assert status["fallbacks"] == {"sales": "there is no model yet"}
    assert pd.read_csv("forecasts.csv")["status"].unique().tolist() == ["fallback"]
    assert status["deferred"]["bundle"] == champion()
    again = run(job)
    assert (again["code"], again["status"], again["bundle"], again["retrain"]) == (0, "published", champion(), None)
    assert run(job)["status"] == "unchanged"


def test_the_lock_is_kept_while_training_goes_on(job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    start_with_model(job, clock)
    codes = []
    beyond_deadline(monkeypatch, clock, then=lambda: codes.append(run(job)["code"]))
    assert run(job, RETRAIN)["code"] == 0
    assert codes == [75]


@pytest.mark.parametrize("is_late", [False, True])
def test_a_training_that_fails_does_not_keep_the_last_good_model_from_publishing(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    start_with_model(job, clock)
    old = champion()

    def fail() -> None:
        raise DataError("no", hint="none")

    beyond_deadline(monkeypatch, clock, then=fail)
    if not is_late:
        monkeypatch.setattr(choose_model, "train_on", lambda *_, **__: fail())
    status = run(job, RETRAIN)
    assert (status["code"], status["status"], status["bundle"]) == (65, "published", old)
    assert status["error"]["message"] == "no"
    assert status["deferred"]["bundle"] is None
    assert pd.read_csv("forecasts.csv")["ds"][0] == "2024-04-01"
    assert rows()[1:] == [(65, old, "published")]
    clock.now += timedelta(minutes=5)
    again = run(job, RETRAIN)
    assert (again["status"], "retrain" in again) == ("unchanged", False)  # the attempt counts


def test_without_a_good_model_a_training_that_fails_publishes_nothing(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise DataError("no", hint="none")

    monkeypatch.setattr(choose_model, "train_on", fail)
    status = run(job)
    assert (status["code"], status["status"]) == (65, "failed")
    assert not Path("forecasts.csv").exists()


@pytest.mark.parametrize("error", [Interrupted(signal.SIGTERM), SystemExit()], ids=["terminated", "killed"])
def test_a_training_that_was_stopped_after_the_deadline_is_made_up_for(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    start_with_model(job, clock)
    old = champion()

    def stop() -> None:
        raise error

    with monkeypatch.context() as patch:
        beyond_deadline(patch, clock, then=stop)
        if isinstance(error, SystemExit):  # Nothing more is written, as if the process had been killed.
            with pytest.raises(SystemExit):
                run(job, RETRAIN)
        else:
            status = run(job, RETRAIN)
            assert (status["code"], status["status"], status["deferred"]["bundle"]) == (143, "published", None)
    content = Path("forecasts.csv").read_bytes()
    let_challengers_win(monkeypatch)
    again = run(job, RETRAIN)
    assert (again["code"], again["status"]) == (0, "unchanged")
    assert again["retrain"] == "the last training was stopped before its end"
    killed = isinstance(error, SystemExit)
    assert rows()[1][0] == (137 if killed else 143)
    assert again.get("warnings", [""])[0].endswith("was killed during its training, which is repeated now") == killed
    assert champion() != old
    assert Path("forecasts.csv").read_bytes() == content
    once_more = run(job, RETRAIN)
    assert (once_more["status"], "retrain" in once_more) == ("unchanged", False)


def test_a_publication_that_fails_at_the_deadline_is_left_to_the_new_model(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with_model(job, clock)
    failures = []

    def fail(self: Any, reason: str) -> None:
        failures.append(reason)
        raise OutputError("the disk is full", hint="none")

    def train_slowly(*arguments: Any, **options: Any) -> Any:
        clock.now = clock.now.replace(hour=6)
        end = time.monotonic() + 30
        while not failures:
            assert time.monotonic() < end
            time.sleep(0.01)
        return train_on(*arguments, **options)

    monkeypatch.setattr(deadline.Standby, "_publish", fail)
    monkeypatch.setattr(choose_model, "train_on", train_slowly)
    let_challengers_win(monkeypatch)
    notes: list[str] = []
    status = run(job, RETRAIN, watch=lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    assert (status["code"], status["bundle"], "deferred" in status) == (0, champion(), False)
    assert "the deadline was missed: the disk is full" in notes


def test_a_model_for_another_horizon_does_not_stand_in(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with_model(job, clock)
    beyond_deadline(monkeypatch, clock)
    status = run(job, "data.horizon=5")
    assert (status["code"], status["retrain"]) == (3, "the settings have changed")
    assert len(pd.read_csv("forecasts.csv")) == 5
    assert run(job, "data.horizon=5")["code"] == 0


def test_a_gate_that_refuses_the_model_in_use_waits_for_the_new_one(job: Path, clock: FakeClock) -> None:
    start_with_model(job, clock)
    refuse = ("job.gate={coverage: [0.999, 1], otherwise: refuse}", RETRAIN)
    notes: list[str] = []
    status = run(job, *refuse, watch=lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    assert (status["code"], "deferred" in status) == (4, False)
    assert any(note.startswith("the model in use cannot publish at the deadline: ") for note in notes)


def test_a_publication_between_two_steps_changes_no_bit_of_the_training(
    job: Path, clock: FakeClock, tmp_path: Path
) -> None:
    """The same network is trained in a run that publishes between two of its steps, and in one that does not."""
    settings = [word for word in QUICK if "=" in word] + ["model.kind=gru", "preset=fast"]
    weights = {}
    for name in ("late", "in time"):
        folder = tmp_path / name
        folder.mkdir()
        write_sales(folder)
        os.chdir(folder)
        (folder / "nightly.yaml").write_text(JOB)
        clock.now = NIGHT

        def pass_deadline(event: Event, name: str = name) -> None:
            if name == "late" and isinstance(event, TrainingStep) and not rows():
                clock.now = NIGHT.replace(hour=5, minute=30)
                wait_for_publication()

        status = run(folder / "nightly.yaml", *settings, watch=pass_deadline)
        assert ("deferred" in status) == (name == "late")
        bundle = Path("nightly.bundles") / champion()
        weights[name] = json.loads((bundle / "manifest.json").read_text())["files"]["weights.safetensors"]
    assert weights["late"] == weights["in time"]


def test_an_update_is_deferred_too(job: Path, clock: FakeClock) -> None:
    settings = [word for word in QUICK if "=" in word] + ["model.kind=gru", "preset=fast", "job.update=true"]
    clock.now = NIGHT.replace(hour=1)
    assert run(job, *settings)["code"] == 0
    old = champion()
    add_days(job.with_name("sales.csv"), *range(100, 121))
    clock.now = NIGHT + timedelta(days=21)

    def pass_deadline(event: Event) -> None:
        if isinstance(event, TrainingStep) and len(rows()) == 1:
            clock.now = clock.now.replace(hour=5, minute=30)
            wait_for_publication()

    status = run(job, *settings, "job.retrain.max_age=null", watch=pass_deadline)
    assert (status["bundle"], status["update"]["reason"], "deferred" in status) == (old, "21 new steps", True)
    assert run(job, *settings, "job.retrain.max_age=null")["status"] == "unchanged"


def test_a_training_that_a_signal_stopped_without_a_deadline_is_repeated(
    job: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with_model(job, clock)
    let_challengers_win(monkeypatch)

    def stop(*_: Any, **__: Any) -> None:
        raise Interrupted(signal.SIGTERM)

    settings = ("job.deadline=null", "model.kind=naive")
    with monkeypatch.context() as patch:
        patch.setattr(choose_model, "train_on", stop)
        status = run(job, *settings)
        assert (status["code"], status["retrain"]) == (143, "the settings have changed")
    clock.now += timedelta(minutes=5)
    again = run(job, *settings)
    assert (again["code"], again["model"]) == (0, "naive")
    assert again["retrain"] == "the last training was stopped before its end"
    assert "retrain" not in run(job, *settings)


def test_a_run_after_the_deadline_names_the_day_of_the_next(job: Path, clock: FakeClock) -> None:
    start_with_model(job, clock)
    clock.now = clock.now.replace(hour=6)
    notes: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    dry = workflow.run(job, settings=(RETRAIN,), is_dry=True, watch=watch).to_dict()
    warning = "job.deadline 05:30 had passed when the run started: the next one is at 05:30 on 2024-04-02"
    assert dry["warnings"] == [warning]
    assert (
        "deadline: the model in use would publish shortly before 05:30 on 2024-04-02 if training lasts longer" in notes
    )
    status = run(job, RETRAIN, watch=watch)
    assert status["warnings"] == [warning]
    assert "the model in use publishes at 05:29:45 on 2024-04-02 if training is not over by then" in notes
