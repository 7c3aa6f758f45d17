"""Tasks in worker processes."""

import multiprocessing
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from forecaster.errors import DataError, DependencyError, Interrupted
from forecaster.events import Note
from forecaster.parallel import processes
from forecaster.parallel.factory import create_pool
from forecaster.parallel.pool import Callbacks, Work, iterate_tasks
from forecaster.parallel.worker_process import Worker, spawn
from tests.parallel.tasks import Sum, add, resume, run

Pairs = list[tuple[int, Any]]


@dataclass
class Reports:
    """What a pool reported, each with the number of its task."""

    messages: Pairs = field(default_factory=list)
    results: Pairs = field(default_factory=list)
    checkpoints: Pairs = field(default_factory=list)
    questions: Pairs = field(default_factory=list)


def run_tasks(
    *tasks: object,
    workers: int = 2,
    threads: int | None = None,
    stop_at: object = None,
    has_checkpoints: bool = False,
) -> Reports:
    """Run tasks in a pool; a signal arrives with the message `stop_at`."""
    reports = Reports()

    def on_message(number: int, message: object) -> None:
        reports.messages.append((number, message))
        if message == stop_at:
            raise Interrupted(signal.SIGTERM)

    def on_question(number: int, question: object) -> str:
        reports.questions.append((number, question))
        return f"{question}, yes"

    with suppress(Interrupted):
        create_pool(workers=workers, threads=threads).run(
            Work(run, iterate_tasks(dict(enumerate(tasks))), shared="all"),
            Callbacks(
                on_message,
                on_result=lambda number, result: reports.results.append((number, result)),
                on_checkpoint=(lambda number, state: reports.checkpoints.append((number, state)))
                if has_checkpoints
                else None,
                on_question=on_question,
            ),
        )
    return reports


def test_more_tasks_than_processes_all_end() -> None:
    reports = run_tasks("a", "b", "c", "d", "e")
    assert sorted(reports.results) == [(number, ("all", task)) for number, task in enumerate("abcde")]
    assert sorted(number for number, _ in reports.messages) == [0, 1, 2, 3, 4]
    assert 1 <= len({process for _, process in reports.messages} - {os.getpid()}) <= 2


def test_a_question_gets_an_answer() -> None:
    reports = run_tasks("ask", "ask")
    assert sorted(reports.questions) == [(0, "may I"), (1, "may I")]
    assert sorted(reports.results) == [(0, "may I, yes"), (1, "may I, yes")]


def test_a_question_that_nobody_expects_is_an_error() -> None:
    pool = create_pool(workers=1)
    with pytest.raises(NotImplementedError, match="'may I'"):
        pool.run(Work(run, iterate_tasks({0: "ask"})), Callbacks(lambda *_: None, lambda *_: None))


def test_the_pool_asks_again_for_a_task_after_each_end() -> None:
    ended: list[int] = []
    started: list[int] = []

    def next_task() -> tuple[int, object] | None:
        """Return two tasks at a time, and no more before both have ended."""
        if len(started) == 6 or (len(started) % 2 == 0 and len(ended) < len(started)):
            return None
        started.append(len(started))
        return started[-1], "a"

    create_pool(workers=2).run(
        Work(run, next_task), Callbacks(lambda *_: None, on_result=lambda number, _: ended.append(number))
    )
    assert [sorted(ended[first : first + 2]) for first in (0, 2, 4)] == [[0, 1], [2, 3], [4, 5]]


def test_a_failure_reaches_the_caller_and_ends_the_other_tasks() -> None:
    with pytest.raises(DataError, match="cannot") as caught:
        run_tasks("sleep", "fail", "a")
    assert caught.value.hint == "may not"


def test_a_fault_says_where_in_the_worker_it_was() -> None:
    with pytest.raises(ValueError, match="our own fault") as caught:
        run_tasks("stumble")
    assert "tasks.py" in caught.value.__notes__[0]


def test_a_task_that_ends_three_processes_is_an_error_and_blocks_nothing() -> None:
    with pytest.raises(DependencyError, match="task 1: a worker process was killed \\(SIGKILL\\), 3 times") as caught:
        run_tasks("vanish", "sleep")
    assert "ensemble.workers=1" in caught.value.hint


@pytest.mark.parametrize(("has_checkpoints", "first"), [(False, 0), (True, 4)])
def test_the_task_of_a_killed_process_runs_again(tmp_path: Path, has_checkpoints: bool, first: int) -> None:
    task = Sum(5, has_checkpoints=has_checkpoints, marks=str(tmp_path), ends_at=(1, 3))
    messages, notes, results = list[int](), list[str](), dict[int, Any]()

    def on_message(number: int, message: Any) -> None:
        if isinstance(message, Note):
            notes.append(message.text)
        elif number == 0:
            messages.append(message[1])

    create_pool(workers=2).run(
        Work(add, iterate_tasks({0: task, 1: Sum(3)}), name="sum", resume=resume if has_checkpoints else None),
        Callbacks(on_message, on_result=results.__setitem__),
    )
    assert results == {0: (10, first), 1: (3, 0)}
    assert messages == [0, 1, 2, 3, 4]
    way_on = "continues from its last checkpoint" if has_checkpoints else "starts again"
    assert notes == [f"sum 1 {way_on}: a worker process was killed (SIGKILL)"] * 2


def test_a_signal_while_a_process_starts_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def spawn_and_interrupt(*arguments: Any) -> Worker:
        worker = spawn(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)
        return worker

    def interrupt(number: int, _: object) -> None:
        raise Interrupted(number)

    before = signal.signal(signal.SIGTERM, interrupt)
    monkeypatch.setattr(processes, "spawn", spawn_and_interrupt)
    try:
        with pytest.raises(Interrupted):
            create_pool(workers=2).run(Work(run, iterate_tasks({0: "a"})), Callbacks(lambda *_: None, lambda *_: None))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert multiprocessing.active_children() == []


def test_answers_are_repeated_to_the_task_of_a_killed_process(tmp_path: Path) -> None:
    questions, results = list[int](), dict[int, Any]()

    def answer(_: int, question: Any) -> Any:
        questions.append(question)
        return question

    create_pool(workers=1).run(
        Work(add, iterate_tasks({0: Sum(3, marks=str(tmp_path), ends_at=(1,))}), shared="ask"),
        Callbacks(lambda *_: None, on_result=results.__setitem__, on_question=answer),
    )
    assert (results, questions) == ({0: (3, 0)}, [0, 1, 2])


def test_tasks_without_checkpoints_end_at_once_when_the_pool_is_stopped() -> None:
    reports = run_tasks("sleep", "sleep", "sleep", stop_at="asleep")
    assert len(reports.messages) == 1
    assert reports.results == []


def test_tasks_with_checkpoints_can_save_when_the_pool_is_stopped() -> None:
    reports = run_tasks("save at the end", "save at the end", stop_at="running", has_checkpoints=True)
    assert sorted(reports.checkpoints) == [(0, "everything"), (1, "everything")]
    assert reports.results == []


def test_a_process_uses_the_threads_that_the_pool_names() -> None:
    assert run_tasks("threads", workers=1, threads=3).results == [(0, 3)]


def test_only_the_first_task_of_a_worker_counts_its_start() -> None:
    (_, first), (_, second) = run_tasks("startup", "startup", workers=1).results
    assert first > 0
    assert second == 0
