"""Networks trained side by side, in processes of their own."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from forecaster import process
from forecaster.config import Config
from forecaster.errors import Interrupted
from forecaster.events import Event
from forecaster.frequency import Ints
from forecaster.models.neural import NeuralForecaster
from forecaster.panel import Panel

Arrays = dict[str, npt.NDArray[np.generic]]

_POLL = 0.05  # seconds between two looks while no process tells anything
_SAVE_EVERY = 30.0  # seconds


class States(Protocol):
    """The members' checkpoints: `parts`, what was saved of each, and a way to save one's state."""

    parts: list[Arrays]

    def save(self, number: int, state: Arrays) -> None: ...


@dataclass
class _Desk:
    """What a worker process keeps between two members."""

    panel: Panel
    validation: Ints | None
    told: Any  # queue of (number, event or state); a put returns once it lies in the pipe
    is_stopped: Any  # event
    late: float  # seconds that its start took, until the first member has taken them off its budget


_desk: _Desk


def fit_in_processes(
    members: Mapping[int, NeuralForecaster],
    panel: Panel,
    validation: Ints | None,
    workers: int,
    watch: Callable[[int, Event], None],
    states: States,
) -> None:
    """Fit each member as `Forecaster.fit` does.

    Processes are spawned, not forked: a fork would copy torch's threads in whatever state they are. They are deaf to
    the terminal's signals; when `watch` raises or one of them fails, they save their state between two steps, and end.

    Args:
        members: by number.
        workers: processes at a time.
        watch: told of the events of each member, by its number.
        states: where members find and save their checkpoints.
    """
    context = multiprocessing.get_context("spawn")
    told, is_stopped = context.SimpleQueue(), context.Event()
    threads = next(iter(members.values())).config.training.threads
    arguments = (threads, panel, validation, told, is_stopped, time.monotonic())
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_settle, initargs=arguments) as pool:
        fits: list[Future[Arrays]] = []
        failure: BaseException | None = None
        while True:
            try:
                if not fits and failure is None:
                    with _signals_held():
                        fits = [
                            pool.submit(_fit, number, member.config, member.fitted(), states.parts[number])
                            for number, member in members.items()
                        ]
                if failure is None:
                    failure = next((fit.exception() for fit in fits if fit.done() and fit.exception()), None)
                    if failure is not None:
                        raise failure
                if not told.empty():
                    number, said = told.get()
                    if isinstance(said, dict):
                        states.save(number, said)
                    elif failure is None:
                        watch(number, said)
                elif all(fit.done() for fit in fits):
                    break
                else:
                    time.sleep(_POLL)
            except BaseException as error:  # the processes must end and their last states be heard, whatever it is
                failure = failure or error
                is_stopped.set()
                for fit in fits:
                    fit.cancel()
    if failure is not None:
        raise failure
    for member, fit in zip(members.values(), fits, strict=True):
        member.take_fitted(fit.result())


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back while processes are spawned: these go on to hold them, the terminal's among them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _settle(threads: int, panel: Panel, validation: Ints | None, told: Any, is_stopped: Any, started: float) -> None:
    global _desk
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    process.settle(threads)
    _desk = _Desk(panel, validation, told, is_stopped, time.monotonic() - started)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _fit(number: int, config: Config, fitted: Arrays, saved: Arrays) -> Arrays:
    """Fit one member in this process, and give what it learnt."""
    member = NeuralForecaster(config, late=_desk.late)
    _desk.late = 0.0
    if fitted:
        member.take_fitted(fitted)

    def watch(event: Event) -> None:
        _desk.told.put((number, event))
        if _desk.is_stopped.is_set():
            raise Interrupted(signal.SIGINT)

    member.fit(_desk.panel, _desk.validation, watch=watch, checkpoint=_Posted(number, saved))
    return member.fitted()


class _Posted:
    """A checkpoint that the parent process keeps."""

    def __init__(self, number: int, saved: Arrays) -> None:
        self._number = number
        self._saved = saved
        self._saved_at = time.monotonic()

    def load(self) -> Arrays:
        return self._saved

    def save(self, state: Arrays) -> None:
        self._saved = state
        _desk.told.put((self._number, state))
        self._saved_at = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= _SAVE_EVERY
