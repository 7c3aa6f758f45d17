"""A search in a file: reproducible, resumable, shared, and ended in time."""

import math
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from forecaster.errors import ConfigError, DependencyError, InputError, Interrupted, OutputError
from forecaster.events import Event, Note, TrialEnded, TrialStarted, Watch, ignore
from forecaster.selection.search.limits import Limits
from forecaster.selection.search.optuna import TRIALS_PER_ROUND
from forecaster.selection.search.search import Objective, ReportLoss, TrialPool, search
from forecaster.selection.search.space import Choice, Dimension, Range, Values
from forecaster.selection.search.study import DATABASE, Study, Trial

SPACE: tuple[Dimension, ...] = (
    Choice("model.kind", ("gru", "lstm")),
    Range("model.hidden", 32, 256, 32),
    Range("model.dropout", 0.0, 0.5, 0.05),
    Range("training.learning_rate", 0.0005, 0.01),
)
FIRST = {"model.kind": "gru", "model.hidden": 64, "model.dropout": 0.2, "training.learning_rate": 0.002}
METADATA = {"colour": "blue"}

SHARED = """
import sys, time
from pathlib import Path
from forecaster.events import TrialEnded
from forecaster.selection.search.limits import Limits
from forecaster.selection.search.search import search
from forecaster.selection.search.study import Study
from tests.selection.search.test_search import SPACE, loss_of

def attempt(values, report):
    {attempt}
    return loss_of(values, report)

def watch(event):
    if isinstance(event, TrialEnded):
        print(event.number, flush=True)

search(Study.open(Path(sys.argv[1])), attempt, SPACE, seed=3, limits=Limits({trials}), watch=watch)
"""


def loss_of(values: Values, report: ReportLoss) -> float:
    return float(values["model.hidden"]) / 256 + float(values["model.dropout"])


def loss_in_turn(folder: Path, values: Values, report: ReportLoss, watch: Watch) -> float:
    """A loss that takes the longer the lower it is, with two looks on the way; one value is refused."""
    watch(Note("at work"))
    if values["model.dropout"] == 0.4:
        raise ConfigError("too much", hint="")
    loss = loss_of(values, report)
    if (folder / "stop").exists() and loss < 0.4:
        time.sleep(60)
    time.sleep(0.02 * (2 - loss))
    for tenth in (4, 8):
        report(tenth, loss + 1 / tenth)
    return loss


def begin(folder: Path) -> Study:
    folder.mkdir(exist_ok=True)
    return Study.create(folder, METADATA, FIRST)


def run(
    study: Study, attempt: Objective | TrialPool = loss_of, *, trials: int | None = 6, seconds: float | None = None
) -> list[Event]:
    told: list[Event] = []
    search(study, attempt, SPACE, seed=3, limits=Limits(trials, seconds), watch=told.append)
    return told


def tried(study: Study) -> list[tuple[int, str, float | None, dict[str, object]]]:
    return [(each.number, each.state, each.loss, dict(each.values)) for each in study.trials()]


def spawn(folder: Path, *, attempt: str = "pass", trials: int = 6) -> "subprocess.Popen[str]":
    code = SHARED.format(attempt=attempt, trials=trials)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def hasty(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    monkeypatch.setattr(sqlite3, "connect", hasty)


def test_the_first_trial_tries_what_it_is_given_and_the_others_differ(tmp_path: Path) -> None:
    study = begin(tmp_path)
    events = run(study)
    trials = study.trials()
    assert [each.number for each in trials] == [1, 2, 3, 4, 5, 6]
    assert trials[0].values == FIRST
    assert len({repr(each.values) for each in trials}) == 6
    assert [type(event) for event in events] == [TrialStarted, TrialEnded] * 6
    last = events[-1]
    assert isinstance(last, TrialEnded)
    assert (last.done, last.trials, last.seconds_left) == (6, 6, 0.0)
    assert last.best == min(each.loss or 9 for each in trials)
    assert study.leaders()[0].number == last.best_number


def test_numbers_are_drawn_as_people_would_write_them(tmp_path: Path) -> None:
    study = begin(tmp_path)
    run(study)
    for each in study.trials():
        assert float(each.values["model.hidden"]) % 32 == 0
        for key in ("model.dropout", "training.learning_rate"):
            assert each.values[key] == float(f"{each.values[key]:.3g}")


def test_the_same_seed_gives_the_same_trials(tmp_path: Path) -> None:
    one, other = begin(tmp_path / "one"), begin(tmp_path / "other")
    for study in (one, other):
        run(study, trials=12)  # beyond the ten that are drawn without looking back
    assert tried(one) == tried(other)


@pytest.mark.parametrize("at", [1, 4])
def test_an_interrupted_search_goes_on_as_if_nothing_had_been(tmp_path: Path, at: int) -> None:
    whole, stopped = begin(tmp_path / "whole"), begin(tmp_path / "stopped")
    run(whole)
    begun = 0

    def attempt(values: Values, report: ReportLoss) -> float:
        nonlocal begun
        begun += 1
        if begun == at:
            raise Interrupted(signal.SIGINT)
        return loss_of(values, report)

    with pytest.raises(Interrupted):
        run(stopped, attempt)
    assert len(stopped.trials()) == at - 1
    assert not stopped.has_running_trials
    again = Study.open(tmp_path / "stopped")
    assert again.metadata == METADATA
    run(again)
    assert tried(again) == tried(whole)


def test_a_killed_search_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole, killed = begin(tmp_path / "whole"), begin(tmp_path / "killed")
    run(whole)
    attempt = "if values['model.hidden'] != 64 and print('caught', flush=True) is None: time.sleep(60)"
    process = spawn(tmp_path / "killed", attempt=attempt)
    assert process.stdout
    while process.stdout.readline().strip() != "caught":
        assert process.poll() is None
    assert killed.has_running_trials
    process.kill()
    process.communicate()
    assert not killed.has_running_trials
    assert len(killed.trials()) == 1
    run(killed)
    assert tried(killed) == tried(whole)
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [DATABASE]


def test_trials_side_by_side_are_those_of_one_after_the_other(tmp_path: Path) -> None:
    alone, beside = begin(tmp_path / "alone"), begin(tmp_path / "beside")
    run(alone, partial(loss_in_turn, tmp_path, watch=ignore), trials=14)
    events = run(beside, TrialPool(loss_in_turn, tmp_path, 3, threads=None), trials=14)
    assert tried(beside) == tried(alone)
    assert {each.state for each in alone.trials()} >= {"done", "pruned"}
    assert sorted(event.number for event in events if isinstance(event, TrialEnded)) == list(range(1, 15))
    assert sum(event == Note("at work") for event in events) == 14
    order = [event for event in events if isinstance(event, TrialStarted | TrialEnded)]
    under_way = np.cumsum([1 if isinstance(event, TrialStarted) else -1 for event in order])
    assert under_way.max() == 3
    assert {under_way[number] for number in range(7, len(order), 2 * TRIALS_PER_ROUND)} == {0}  # after each round


@pytest.mark.slow
def test_trials_side_by_side_that_are_stopped_are_tried_again(tmp_path: Path) -> None:
    whole, stopped = begin(tmp_path / "whole"), begin(tmp_path / "stopped")
    run(whole, partial(loss_in_turn, tmp_path, watch=ignore), trials=10)
    (tmp_path / "stop").touch()
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if isinstance(event, TrialEnded) and event.number > TRIALS_PER_ROUND:
            raise Interrupted(signal.SIGINT)

    pool = TrialPool(loss_in_turn, tmp_path, 2, threads=None)
    with pytest.raises(Interrupted):
        search(stopped, pool, SPACE, seed=3, limits=Limits(10), watch=watch)
    assert not stopped.has_running_trials
    assert TRIALS_PER_ROUND < len(stopped.trials()) < 10
    (tmp_path / "stop").unlink()
    run(stopped, pool, trials=10)
    assert tried(stopped) == tried(whole)


def test_time_is_counted_once_where_trials_run_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = begin(tmp_path)
    noon = datetime(2024, 1, 1, 12)
    spans = [(0, 10), (5, 12), (6, 8), (20, 21)]
    trials = [
        SimpleNamespace(datetime_start=noon + timedelta(seconds=begun), datetime_complete=noon + timedelta(seconds=end))
        for begun, end in spans
    ]
    monkeypatch.setattr(
        Study, "_all", lambda self: [*trials, SimpleNamespace(datetime_start=noon, datetime_complete=None)]
    )
    assert study.seconds == 13


def test_two_processes_share_a_study(tmp_path: Path) -> None:
    study = begin(tmp_path)
    process = spawn(tmp_path, attempt="time.sleep(0.05)", trials=12)
    assert process.stdout
    elsewhere = [process.stdout.readline()]  # it has begun

    def attempt(values: Values, report: ReportLoss) -> float:
        time.sleep(0.05)
        return loss_of(values, report)

    here = [event.number for event in run(study, attempt, trials=12) if isinstance(event, TrialEnded)]
    elsewhere += process.communicate()[0].split()
    there = [int(number) for number in elsewhere]
    assert process.returncode == 0
    assert sorted(here + there) == list(range(1, 13))
    assert here
    assert there
    assert [each.number for each in study.trials()] == list(range(1, 13))
    assert not study.has_running_trials


def test_more_trials_are_added_to_a_search_that_is_over(tmp_path: Path) -> None:
    whole, later = begin(tmp_path / "whole"), begin(tmp_path / "later")
    run(whole)
    run(later, trials=2)
    assert run(later, trials=2) == []
    run(later)
    assert tried(later) == tried(whole)


def test_a_hopeless_trial_ends_early(tmp_path: Path) -> None:
    study = begin(tmp_path)
    reached: list[int] = []

    def attempt(values: Values, report: ReportLoss) -> float:
        is_bad = len(study.trials()) == 6
        for tenth in range(1, 10):
            report(tenth, 9.0 if is_bad else 1.0 / tenth)
            if is_bad:
                reached.append(tenth)
        return 0.1

    run(study, attempt, trials=7)
    assert [each.state for each in study.trials()] == ["done"] * 6 + ["pruned"]
    assert 1 <= reached[-1] <= 4
    assert study.trials()[-1].loss is None
    assert len(study.leaders()) == 6


def test_a_loss_that_is_no_number_fails_its_trial_alone(tmp_path: Path) -> None:
    study = begin(tmp_path)
    run(study, lambda values, report: math.nan if values["model.kind"] == "lstm" else 1.0)
    states = {each.values["model.kind"]: each.state for each in study.trials()}
    assert states == {"gru": "done", "lstm": "failed"}
    assert len(study.trials()) == 6


def test_values_that_are_refused_fail_their_trial_alone_and_are_told(tmp_path: Path) -> None:
    study = begin(tmp_path)

    def attempt(values: Values, report: ReportLoss) -> float:
        if values["model.kind"] == "lstm":
            raise ConfigError("lstm: not here", hint="")
        return 1.0

    events = run(study, attempt)
    assert [each.state for each in study.trials()].count("failed") >= 1
    assert any(isinstance(event, Note) and "lstm: not here" in event.text for event in events)


def test_a_default_that_is_refused_stops_the_search(tmp_path: Path) -> None:
    def attempt(values: Values, report: ReportLoss) -> float:
        raise ConfigError("no", hint="")

    with pytest.raises(ConfigError):
        run(begin(tmp_path), attempt)


def test_time_ends_a_search_but_never_its_first_trial(tmp_path: Path) -> None:
    study = begin(tmp_path)

    def attempt(values: Values, report: ReportLoss) -> float:
        report(1, 1.0)
        return 1.0

    run(study, attempt, trials=None, seconds=0.0)
    assert [each.state for each in study.trials()] == ["done"]


def test_time_that_runs_out_ends_the_trial_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = begin(tmp_path)
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def attempt(values: Values, report: ReportLoss) -> float:
        nonlocal now
        now += 40
        report(1, 1.0)
        return 1.0

    events = run(study, attempt, trials=None, seconds=100)
    assert [each.state for each in study.trials()] == ["done", "done", "pruned"]
    lefts = [event.seconds_left for event in events if isinstance(event, TrialEnded)]
    assert lefts == pytest.approx([60, 20, 0], abs=1)


@pytest.mark.parametrize(("reserve", "tried"), [(0.0, 9), (0.01, 4), (1e6, 1)])
def test_what_follows_the_search_has_its_share_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reserve: float, tried: int
) -> None:
    """The first trial takes 1,000 seconds by its own account, the best one, which is the fourth, 4,000."""
    study = begin(tmp_path)
    now = 0.0
    trials: list[Trial] = []
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(Study, "trials", lambda self: list(trials))

    def attempt(values: Values, report: ReportLoss) -> float:
        nonlocal now
        number = len(trials) + 1
        now += 10
        loss = 0.5 if number == 4 else 1.0
        trials.append(Trial(number, "done", loss, dict(values), 1000.0 * number))
        return loss

    search(study, attempt, SPACE, seed=3, limits=Limits(None, seconds=90.0, reserve=reserve), watch=ignore)
    assert len(trials) == tried


def test_only_distinct_settings_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = begin(tmp_path)
    twice = [Trial(1, "done", 0.3, dict(FIRST), 1.0), Trial(2, "done", 0.2, {"a": 1}, 1.0)]
    twice += [Trial(3, "done", 0.3, dict(FIRST), 1.0), Trial(4, "pruned", None, {"b": 1}, 1.0)]
    monkeypatch.setattr(Study, "trials", lambda self: twice)
    assert [each.number for each in study.leaders()] == [2, 1]


@pytest.mark.parametrize("name", ["a b", "what?{#}", "100%41", "ünï"])
def test_a_study_lies_in_folders_of_any_name(tmp_path: Path, name: str) -> None:
    begin(tmp_path / name)
    assert Study.open(tmp_path / name).metadata == METADATA
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_a_folder_without_a_study_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(InputError, match="has no study"):
        Study.open(tmp_path)


def test_a_database_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    study = begin(tmp_path)

    def attempt(values: Values, report: ReportLoss) -> float:
        (tmp_path / DATABASE).write_bytes(b"not a database any more" * 1000)
        return 1.0

    with pytest.raises(OutputError, match="cannot write") as caught:
        run(study, attempt)
    assert "forecast tune --resume" in caught.value.hint


def test_without_the_library_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(DependencyError) as caught:
        begin(tmp_path)
    assert caught.value.hint == "pip install optuna"
