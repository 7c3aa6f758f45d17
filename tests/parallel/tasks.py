"""Tasks for workers."""

import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forecaster.errors import DataError, Interrupted
from forecaster.parallel.pool import WorkerContext


def fit(context: WorkerContext, task: Any) -> Any:
    """Fit a network of an ensemble, whose state is sent five times a second."""
    from forecaster.models import ensemble_training  # It loads torch, which other tasks do not need.

    ensemble_training._SAVE_SECONDS = 0.2
    context.send_message(os.getpid())
    return ensemble_training._fit(context, task)


@dataclass(frozen=True)
class Sum:
    """The task to add the numbers below a limit, one a message; it ends its worker after some of them, once a file.

    Attributes:
        has_checkpoints: if True, the state is sent after each number.
        marks: folder of the files that count the ends; each worker that ends leaves one.
        ends_at: numbers after which the worker ends.
        pause: seconds after each number.
    """

    limit: int
    has_checkpoints: bool = False
    marks: str = ""
    ends_at: tuple[int, ...] = ()
    pause: float = 0.0
    state: tuple[int, int] = (0, 0)


def resume(task: Sum, state: tuple[int, int]) -> Sum:
    """Continue from a checkpoint."""
    return replace(task, state=state)


def add(context: WorkerContext, task: Sum) -> tuple[int, int]:
    """Return the sum, and the number from which this worker began."""
    first, total = task.state
    for number in range(first, task.limit):
        time.sleep(task.pause)
        total += number
        context.send_message((os.getpid(), number))
        if task.has_checkpoints:
            context.send_checkpoint((number + 1, total))
        mark = Path(task.marks, str(number))
        if number in task.ends_at and not mark.exists():
            mark.touch()
            time.sleep(1)  # What was sent is fetched within a tenth of a second.
            os.kill(os.getpid(), signal.SIGKILL)
        if context.shared == "ask" and context.ask(number) != number:
            raise AssertionError("the answer belongs to another question")
    return total, first


def run(context: WorkerContext, task: object) -> object:
    """Do what the task names."""
    match task:
        case "fail":
            raise DataError("cannot", hint="may not")
        case "stumble":
            raise ValueError("our own fault")
        case "vanish":
            os.kill(os.getpid(), signal.SIGKILL)
        case "save at the end":
            try:
                while True:
                    context.send_message("running")
                    time.sleep(0.01)
            except Interrupted:
                context.send_checkpoint("everything")
                raise
        case "sleep":
            context.send_message("asleep")
            time.sleep(60)
        case "ask":
            return context.ask("may I")
        case "threads":
            import torch

            return torch.get_num_threads()
        case "startup":
            return context.startup_seconds
    context.send_message(os.getpid())
    return context.shared, task
