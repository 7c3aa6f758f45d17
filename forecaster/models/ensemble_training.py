"""The parallel training of an ensemble's networks in worker processes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from forecaster.config import Config
from forecaster.events import Event
from forecaster.frequency import Ints
from forecaster.models.state import Arrays
from forecaster.models.trained import TrainedForecaster
from forecaster.panel import Panel
from forecaster.parallel.factory import count_places, create_pool
from forecaster.parallel.pool import Callbacks, Work, WorkerContext, iterate_tasks

_SAVE_SECONDS = 30.0


class States(Protocol):
    """The saved states of the members: `parts`, by number, and a method to save the state of one."""

    parts: list[Arrays]

    def save(self, number: int, state: Arrays) -> None: ...


@dataclass(frozen=True)
class _Member:
    """A member as a worker process receives it: its class, config, fitted arrays and saved checkpoint."""

    kind: type[TrainedForecaster]
    config: Config
    fitted: Arrays
    saved: Arrays


def fit_in_processes(
    members: Mapping[int, TrainedForecaster],
    panel: Panel,
    validation: Ints | None,
    workers: int,
    watch: Callable[[int, Event], None],
    states: States,
) -> None:
    """Fit each member as `Forecaster.fit` does; a member that is stopped saves its state between two steps.

    Args:
        members: by number.
        workers: maximum number of processes at a time on this machine; a cluster decides for itself.
        watch: receives the number of a member and an event of its training.
        states: the members' checkpoints.
    """
    tasks = {
        number: _Member(type(member), member.config, member.fitted_state(), states.parts[number])
        for number, member in members.items()
    }
    threads = next(iter(members.values())).config.training.threads
    create_pool(workers=min(count_places(workers, threads), len(members)), threads=threads).run(
        Work(_fit, iterate_tasks(tasks), shared=(panel, validation), name="network", resume=_resume),
        Callbacks(
            on_message=watch,
            on_result=lambda number, fitted: members[number].restore_fitted(fitted),
            on_checkpoint=states.save,
        ),
    )


def _resume(task: _Member, state: Arrays) -> _Member:
    return replace(task, saved=state)


def _fit(context: WorkerContext, task: _Member) -> Arrays:
    """Fit one member in a worker, and return its fitted arrays."""
    member = task.kind(task.config, startup_seconds=context.startup_seconds)
    if task.fitted:
        member.restore_fitted(task.fitted)
    member.fit(*context.shared, watch=context.send_message, checkpoint=_SentCheckpoint(context, task.saved))
    return member.fitted_state()


class _SentCheckpoint:
    """A checkpoint that a worker sends to the parent process, which saves it."""

    def __init__(self, context: WorkerContext, saved: Arrays) -> None:
        self._context = context
        self._saved = saved
        self._saved_at = time.monotonic()

    def load(self) -> Arrays:
        return self._saved

    def save(self, state: Arrays) -> None:
        self._saved = state
        self._context.send_checkpoint(state)
        self._saved_at = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= _SAVE_SECONDS
