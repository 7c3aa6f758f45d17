"""Work in processes of its own."""

import os
import signal
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from forecaster.errors import DataError, DependencyError, Interrupted
from forecaster.events import Event, Note, TrainingEnded, TrainingStarted, TrainingStep
from forecaster.parallel.processes import Foremost, in_order, work_side_by_side
from tests.parallel.tasks import work

Pairs = list[tuple[int, Any]]


def do(*tasks: object, workers: int = 2, stop_at: object = None, is_kept: bool = False) -> tuple[Pairs, Pairs, Pairs]:
    """Do tasks; give what was heard, taken and kept."""
    heard, taken, kept = Pairs(), Pairs(), Pairs()

    def hear(number: int, said: object) -> str:
        heard.append((number, said))
        if said == stop_at:
            raise Interrupted(signal.SIGTERM)
        return f"{said}, yes"

    with suppress(Interrupted):
        work_side_by_side(
            work,
            in_order(dict(enumerate(tasks))),
            shared="all",
            workers=workers,
            hear=hear,
            take=lambda number, result: taken.append((number, result)),
            keep=(lambda number, said: kept.append((number, said))) if is_kept else None,
        )
    return heard, taken, kept


def test_more_tasks_than_processes_are_all_done() -> None:
    heard, taken, _ = do("a", "b", "c", "d", "e")
    assert sorted(taken) == [(number, ("all", task)) for number, task in enumerate("abcde")]
    assert sorted(number for number, _ in heard) == [0, 1, 2, 3, 4]
    assert 1 <= len({process for _, process in heard} - {os.getpid()}) <= 2


def test_what_a_task_asks_is_answered() -> None:
    heard, taken, _ = do("ask", "ask")
    assert sorted(heard) == [(0, "may I"), (1, "may I")]
    assert sorted(taken) == [(0, "may I, yes"), (1, "may I, yes")]


def test_a_task_that_is_not_there_yet_is_asked_for_again() -> None:
    taken: list[int] = []
    given: list[int] = []

    def give() -> tuple[int, object] | None:
        """Two at a time, and no more before both are taken."""
        if len(given) == 6 or (len(given) % 2 == 0 and len(taken) < len(given)):
            return None
        given.append(len(given))
        return given[-1], "a"

    work_side_by_side(
        work, give, shared=None, workers=2, hear=lambda *_: None, take=lambda number, _: taken.append(number)
    )
    assert [sorted(taken[first : first + 2]) for first in (0, 2, 4)] == [[0, 1], [2, 3], [4, 5]]


def test_a_failure_reaches_the_caller_and_ends_what_is_under_way() -> None:
    with pytest.raises(DataError, match="cannot") as caught:
        do("sleep", "fail", "a")
    assert caught.value.hint == "may not"


def test_a_fault_says_where_in_the_other_process_it_was() -> None:
    with pytest.raises(ValueError, match="our own fault") as caught:
        do("stumble")
    assert "tasks.py" in caught.value.__notes__[0]


def test_a_process_that_is_killed_is_told_and_holds_nobody_up() -> None:
    with pytest.raises(DependencyError, match="was killed \\(SIGKILL\\)") as caught:
        do("vanish", "sleep")
    assert "ensemble.workers=1" in caught.value.hint


def test_who_has_nothing_to_save_ends_at_once_when_the_work_is_stopped() -> None:
    heard, taken, _ = do("sleep", "sleep", "sleep", stop_at="asleep")
    assert len(heard) == 1
    assert taken == []


def test_who_has_something_to_save_is_heard_to_the_end() -> None:
    _, taken, kept = do("last words", "last words", stop_at="going on", is_kept=True)
    assert sorted(kept) == [(0, "all of it"), (1, "all of it")]
    assert taken == []


def test_a_process_takes_the_threads_it_is_given() -> None:
    taken: Pairs = []
    work_side_by_side(
        work,
        in_order({0: "threads"}),
        shared=None,
        workers=1,
        threads=3,
        hear=lambda *_: None,
        take=lambda number, result: taken.append((number, result)),
    )
    assert taken == [(0, 3)]


def test_of_several_trainings_the_foremost_is_told_and_every_note() -> None:
    told: list[Event] = []
    foremost = Foremost(told.append)
    step = TrainingStep(1, 0.0, 1.0, None, 0.1, 1.0)
    started, ended = TrainingStarted("fit", 9, 0), TrainingEnded("fit", 9, 9, 1.0, (9,))
    foremost.watch(0, started)
    foremost.watch(1, TrainingStarted("fit", 7, 0))
    foremost.watch(1, step)
    foremost.watch(0, step)
    foremost.watch(1, Note("short"))
    foremost.watch(1, replace(step, step=2))
    assert told == [started, step, Note("short")]
    foremost.end(0)
    foremost.watch(1, replace(step, step=3))
    foremost.watch(2, ended)
    assert told[3:] == [TrainingStarted("fit", 7, 2), replace(step, step=3)]
