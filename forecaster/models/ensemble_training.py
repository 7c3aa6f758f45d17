"""Networks of an ensemble trained side by side, in processes of their own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from forecaster.config import Config
from forecaster.events import Event
from forecaster.frequency import Ints
from forecaster.models.neural import NeuralForecaster
from forecaster.panel import Panel
from forecaster.parallel.processes import Desk, in_order, work_side_by_side

Arrays = dict[str, npt.NDArray[np.generic]]

_SAVE_EVERY = 30.0  # seconds


class States(Protocol):
    """The members' checkpoints: `parts`, what was saved of each, and a way to save one's state."""

    parts: list[Arrays]

    def save(self, number: int, state: Arrays) -> None: ...


@dataclass(frozen=True)
class _Member:
    """What a process has to know of a member: what it learnt before, and its checkpoint."""

    config: Config
    fitted: Arrays
    saved: Arrays


def fit_in_processes(
    members: Mapping[int, NeuralForecaster],
    panel: Panel,
    validation: Ints | None,
    workers: int,
    watch: Callable[[int, Event], None],
    states: States,
) -> None:
    """Fit each member as `Forecaster.fit` does; one that is stopped saves its state between two steps.

    Args:
        members: by number.
        workers: processes at a time.
        watch: told of the events of each member, by its number.
        states: where members find and save their checkpoints.
    """
    tasks = {number: _Member(each.config, each.fitted(), states.parts[number]) for number, each in members.items()}
    work_side_by_side(
        _fit,
        in_order(tasks),
        shared=(panel, validation),
        workers=min(workers, len(members)),
        threads=next(iter(members.values())).config.training.threads,
        hear=watch,
        take=lambda number, fitted: members[number].take_fitted(fitted),
        keep=states.save,
    )


def _fit(desk: Desk, task: _Member) -> Arrays:
    """Fit one member in this process, and give what it learnt."""
    member = NeuralForecaster(task.config, late=desk.late)
    desk.late = 0.0
    if task.fitted:
        member.take_fitted(task.fitted)
    member.fit(*desk.shared, watch=desk.tell, checkpoint=_Posted(desk, task.saved))
    return member.fitted()


class _Posted:
    """A checkpoint that the parent process keeps."""

    def __init__(self, desk: Desk, saved: Arrays) -> None:
        self._desk = desk
        self._saved = saved
        self._saved_at = time.monotonic()

    def load(self) -> Arrays:
        return self._saved

    def save(self, state: Arrays) -> None:
        self._saved = state
        self._desk.post(state)
        self._saved_at = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= _SAVE_EVERY
