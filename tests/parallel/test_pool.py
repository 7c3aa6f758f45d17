"""The events of several trainings, forwarded as those of one."""

from dataclasses import replace

from forecaster.events import Event, Note, TrainingEnded, TrainingStarted, TrainingStep
from forecaster.parallel.pool import OneAtATime, iterate_tasks


def test_only_the_lowest_numbered_training_is_forwarded_and_every_note() -> None:
    events: list[Event] = []
    one_at_a_time = OneAtATime(events.append)
    step = TrainingStep(1, 0.0, 1.0, None, 0.1, 1.0)
    started, ended = TrainingStarted("fit", 9, 0), TrainingEnded("fit", 9, 9, 1.0, (9,))
    one_at_a_time.forward(0, started)
    one_at_a_time.forward(1, TrainingStarted("fit", 7, 0))
    one_at_a_time.forward(1, step)
    one_at_a_time.forward(0, step)
    one_at_a_time.forward(1, Note("short"))
    one_at_a_time.forward(1, replace(step, step=2))
    assert events == [started, step, Note("short")]
    one_at_a_time.end(0)
    one_at_a_time.forward(1, replace(step, step=3))
    one_at_a_time.forward(2, ended)
    assert events[3:] == [TrainingStarted("fit", 7, 2), replace(step, step=3)]


def test_tasks_of_a_mapping_come_in_its_order_and_then_none() -> None:
    next_task = iterate_tasks({4: "b", 2: "a"})
    assert [next_task(), next_task(), next_task()] == [(4, "b"), (2, "a"), None]
