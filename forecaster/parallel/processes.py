"""Work done side by side, in processes of their own."""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from typing import Any, TypeVar

from forecaster import runtime as process
from forecaster.errors import DependencyError, ForecastError, Interrupted
from forecaster.events import Event, TrainingEnded, TrainingStarted, TrainingStep, Watch

Task = TypeVar("Task")
Result = TypeVar("Result")

LEAST_STEPS = 500  # of a network's training, that are worth the start of a process (2.5 s of a processor)

_TOLD, _ASKED, _POSTED, _DONE, _FAILED = range(5)


class Desk:
    """Where a process does one task after the other.

    Attributes:
        shared: what all tasks need.
        late: seconds that the process took to start; who takes them off a budget sets them to 0.
    """

    def __init__(self, shared: Any, line: Any, is_stopped: Any, late: float) -> None:
        self.shared = shared
        self.late = late
        self._line = line
        self._is_stopped = is_stopped

    def tell(self, said: object) -> None:
        """Tell the parent process something.

        Raises: Interrupted: the task shall end.
        """
        self._line.send((_TOLD, said))
        if self._is_stopped.is_set():
            raise Interrupted(signal.SIGINT)

    def ask(self, question: object) -> Any:
        """Ask the parent process something."""
        self._line.send((_ASKED, question))
        return self._line.recv()

    def post(self, kept: object) -> None:
        """Give the parent process something to keep."""
        self._line.send((_POSTED, kept))


@dataclass
class _Worker:
    """A process as its parent knows it, with the number of its task."""

    process: Any
    line: Any
    number: int = 0
    is_busy: bool = False


def in_order(tasks: Mapping[int, Task]) -> Callable[[], tuple[int, Task] | None]:
    """One task after the other, by its number."""
    following = iter(tasks.items())
    return lambda: next(following, None)


def work_side_by_side(
    work: Callable[[Desk, Task], Result],
    give: Callable[[], tuple[int, Task] | None],
    *,
    shared: object,
    workers: int,
    threads: int | None = None,
    hear: Callable[[int, Any], object],
    take: Callable[[int, Result], None],
    keep: Callable[[int, Any], None] | None = None,
) -> None:
    """Do tasks in processes, each of which gets the next one when it is through with one.

    Processes are spawned, not forked: a fork would copy torch's threads in whatever state they are. They are deaf to
    the terminal's signals and leave with their parent. When a task fails or `hear` or `take` raises, all end.

    Args:
        work: a function of a module, for it is sent by its name.
        give: the next task and its number; None where there is none for now: it is asked again when one has ended.
        shared: sent to each process once.
        workers: processes.
        threads: that each process is made ready for training with; None where torch has nothing to do.
        hear: gets what a task tells or asks, by its number; gives the answer.
        take: gets what came of a task, in the order in which they end.
        keep: gets what a task posts, even after it was stopped: it ends itself then, at its next `Desk.tell`. None
            where tasks post nothing: their processes are killed.

    Raises:
        DependencyError: a process was killed.
        Exception: whatever a task, `hear`, `take` or `keep` raised.
    """
    context = multiprocessing.get_context("spawn")
    is_stopped = context.Event()
    crew: list[_Worker] = []
    failure: BaseException | None = None
    try:
        with _signals_held():
            crew.extend(_spawn(context, threads, shared, is_stopped) for _ in range(workers))
        while True:
            try:
                if failure is None:
                    _employ(crew, work, give)
                if not any(worker.is_busy for worker in crew):
                    break
                for worker in _speaking(crew):
                    kind, said = _receive(worker)
                    if kind == _FAILED:
                        raise said
                    if kind == _POSTED and keep:
                        keep(worker.number, said)
                    elif kind == _TOLD and failure is None:
                        hear(worker.number, said)
                    elif kind == _ASKED:
                        worker.line.send(hear(worker.number, said))
                    elif kind == _DONE and failure is None:
                        take(worker.number, said)
            except BaseException as error:  # whatever it is, what is posted yet must be kept
                failure = failure or error
                is_stopped.set()
                if keep is None:
                    raise
    finally:
        for worker in crew:
            worker.line.close()
            worker.process.kill()  # all was said
            worker.process.join()
    if failure is not None:
        raise failure


def _spawn(context: Any, threads: int | None, shared: object, is_stopped: Any) -> _Worker:
    line, far_end = context.Pipe()
    started = context.Process(target=_sit, args=(far_end, threads, shared, is_stopped, time.monotonic()))
    started.start()
    far_end.close()
    return _Worker(started, line)


def _employ(
    crew: list[_Worker], work: Callable[[Desk, Task], Result], give: Callable[[], tuple[int, Task] | None]
) -> None:
    """Hand tasks to those who have none, as long as there are some."""
    for worker in crew:
        if not worker.is_busy:
            if (following := give()) is None:
                return
            worker.number, task = following
            worker.is_busy = True
            with suppress(BrokenPipeError, ConnectionResetError):  # `_receive` says so
                worker.line.send((work, task))


def _speaking(crew: list[_Worker]) -> list[_Worker]:
    """Wait until there is something to receive."""
    ready = wait([worker.line for worker in crew if worker.is_busy])
    return [worker for worker in crew if worker.line in ready]


def _receive(worker: _Worker) -> tuple[int, Any]:
    """What a process says next, whole: a signal waits.

    Raises: DependencyError: it is no more.
    """
    try:
        with _signals_held():
            kind, said = worker.line.recv()
    except (EOFError, ConnectionResetError) as error:
        worker.is_busy = False
        worker.process.join()
        raise DependencyError(
            f"a process that trained was killed ({_ending(worker.process.exitcode)})",
            hint="if memory ran short, train one network after the other: --set ensemble.workers=1",
        ) from error
    worker.is_busy = kind not in (_DONE, _FAILED)
    return kind, said


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back for the length of the block; processes spawned in it go on to hold them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _sit(line: Any, threads: int | None, shared: object, is_stopped: Any, started: float) -> None:
    """Do what comes down the line, until nobody is at its other end."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if threads is not None:
        process.prepare_torch(threads)
    desk = Desk(shared, line, is_stopped, time.monotonic() - started)
    with suppress(EOFError):
        while True:
            work, task = line.recv()
            try:
                done = (_DONE, work(desk, task))
            except Exception as error:
                if not isinstance(error, ForecastError):
                    error.add_note(f"in a process of its own:\n{traceback.format_exc()}")
                done = (_FAILED, error)
            line.send(done)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Foremost:
    """Tell of several trainings as of one at a time: of the one with the lowest number. Notes are told of all."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._under_way: set[int] = set()
        self._started: dict[int, TrainingStarted] = {}  # the stage that each is in, if it has not been told

    def watch(self, number: int, event: Event) -> None:
        self._under_way.add(number)
        is_foremost = number == min(self._under_way)
        match event:
            case TrainingStarted():
                self._started[number] = event
            case TrainingStep() if is_foremost:
                if (started := self._started.pop(number, None)) is not None:
                    self._watch(replace(started, done=event.step - 1))
                self._watch(event)
            case TrainingStep() | TrainingEnded() if not is_foremost:
                pass
            case _:
                self._watch(event)

    def end(self, number: int) -> None:
        """Note that a task is over; the one with the lowest number of the others is told of from now on."""
        self._under_way.discard(number)
