"""A pool whose workers are processes of this machine."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
import traceback
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Generic

from forecaster import runtime
from forecaster.errors import ForecastError, Interrupted
from forecaster.parallel.pool import MAX_ATTEMPTS, Callbacks, NextTask, Result, Task, Work, WorkerKilled


class _Kind(IntEnum):
    """The kinds of what a worker process sends."""

    MESSAGE = 0
    QUESTION = 1
    CHECKPOINT = 2
    RESULT = 3
    ERROR = 4


@dataclass
class _Worker:
    """A worker process as the parent sees it, with the number of its current or last task."""

    process: Any
    pipe: Any
    number: int = 0
    is_busy: bool = False


class ProcessPool:
    """A pool that runs tasks in spawned processes.

    Processes are not forked, because a fork would copy torch's threads in an undefined state. They ignore the signals
    of the terminal, and exit when their parent exits.
    """

    def __init__(self, *, workers: int, threads: int | None) -> None:
        """Set the number of processes, and the threads that torch uses in each one (None: they do not need torch)."""
        self._workers = workers
        self._threads = threads

    def run(self, work: Work[Task, Result], callbacks: Callbacks[Result]) -> None:
        """Run all tasks; see `Pool.run`."""
        context = multiprocessing.get_context("spawn")
        is_stopped = context.Event()
        workers: list[_Worker] = []
        failure: BaseException | None = None
        try:
            with _signals_blocked():
                workers.extend(_spawn(context, self._threads, work.shared, is_stopped) for _ in range(self._workers))
            while True:
                try:
                    if failure is None:
                        _assign_tasks(workers, work)
                    if not any(worker.is_busy for worker in workers):
                        break
                    for worker in _wait_for_data(workers):
                        _receive(worker, callbacks, is_failed=failure is not None)
                except BaseException as error:  # even a signal must not lose the last checkpoints
                    failure = failure or error
                    is_stopped.set()
                    if callbacks.on_checkpoint is None:
                        raise
        finally:
            _end(workers)
        if failure is not None:
            raise failure

    def iterate(self, work: Work[Task, Result]) -> Generator[tuple[int, Result], None, None]:
        """Run all tasks, and yield the number and the result of each as soon as it has ended.

        The workers go on while the caller uses a result. They end with the generator, so close it. A task whose worker
        was killed is repeated, `MAX_ATTEMPTS` times at most; tasks cannot send messages or checkpoints.

        Raises:
            WorkerKilled: the worker of a task was killed each time.
            Exception: the error of a task, with the worker's traceback as a note, or an error of `next_task`.
        """
        context = multiprocessing.get_context("spawn")
        is_stopped = context.Event()
        repeated = _RepeatedTasks(work.next_task)
        work = replace(work, next_task=repeated.next_task)
        workers: list[_Worker] = []

        def spawn() -> None:
            with _signals_blocked():
                workers.append(_spawn(context, self._threads, work.shared, is_stopped))

        try:
            for _ in range(self._workers):
                spawn()
            while True:
                _assign_tasks(workers, work)
                if not any(worker.is_busy for worker in workers):
                    return
                results: list[tuple[int, Result]] = []
                for worker in _wait_for_data(workers):
                    try:
                        kind, content = _read(worker)
                    except WorkerKilled as error:
                        repeated.add(worker.number, error)
                        workers.remove(worker)
                        spawn()
                        continue
                    if kind is _Kind.ERROR:
                        raise content
                    assert kind is _Kind.RESULT
                    repeated.forget(worker.number)
                    results.append((worker.number, content))
                _assign_tasks(workers, work)  # No worker waits while the caller uses the results.
                yield from results
        finally:
            _end(workers)


class _RepeatedTasks(Generic[Task]):
    """The tasks of a pool, those first whose workers were killed."""

    def __init__(self, next_task: NextTask[Task]) -> None:
        self._next_task = next_task
        self._tasks: dict[int, Task] = {}  # those that run, by number
        self._pending: list[int] = []
        self._attempts: Counter[int] = Counter()

    def next_task(self) -> tuple[int, Task] | None:
        """Return the next task and its number; None if there is none at the moment."""
        if self._pending:
            number = self._pending.pop(0)
            return number, self._tasks[number]
        numbered_task = self._next_task()
        if numbered_task is not None:
            self._tasks[numbered_task[0]] = numbered_task[1]
        return numbered_task

    def add(self, number: int, error: WorkerKilled) -> None:
        """Repeat a task.

        Raises: WorkerKilled: it has run often enough.
        """
        self._attempts[number] += 1
        if self._attempts[number] >= MAX_ATTEMPTS:
            raise WorkerKilled(f"{error.message}, {MAX_ATTEMPTS} times at the same part", hint=error.hint) from error
        self._pending.append(number)

    def forget(self, number: int) -> None:
        """Let go of a task that has ended."""
        del self._tasks[number]


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()


def _spawn(context: Any, threads: int | None, shared: object, is_stopped: Any) -> _Worker:
    pipe, far_end = context.Pipe()
    process = context.Process(target=_worker_main, args=(far_end, threads, shared, is_stopped, time.monotonic()))
    process.start()
    far_end.close()
    return _Worker(process, pipe)


def _assign_tasks(workers: list[_Worker], work: Work[Task, Result]) -> None:
    """Send a task to each idle worker, until `next_task` has none at the moment."""
    for worker in workers:
        if not worker.is_busy:
            if (numbered_task := work.next_task()) is None:
                return
            worker.number, task = numbered_task
            worker.is_busy = True
            with suppress(BrokenPipeError, ConnectionResetError):  # `_receive` reports a dead worker
                worker.pipe.send((work.function, task))


def _wait_for_data(workers: list[_Worker]) -> list[_Worker]:
    """Wait until at least one worker has sent something, and return those that have."""
    ready = multiprocessing.connection.wait([worker.pipe for worker in workers if worker.is_busy])
    return [worker for worker in workers if worker.pipe in ready]


def _receive(worker: _Worker, callbacks: Callbacks[Result], *, is_failed: bool) -> None:
    """Receive one item from a worker and call its callback.

    Args:
        is_failed: if True, messages and results are dropped, because the pool is about to raise an error.

    Raises: WorkerKilled: the process was killed.
    """
    kind, content = _read(worker)
    match kind:
        case _Kind.ERROR:
            raise content
        case _Kind.CHECKPOINT:
            if callbacks.on_checkpoint:
                callbacks.on_checkpoint(worker.number, content)
        case _Kind.QUESTION:
            worker.pipe.send(callbacks.on_question(worker.number, content))
        case _Kind.MESSAGE if not is_failed:
            callbacks.on_message(worker.number, content)
        case _Kind.RESULT if not is_failed:
            callbacks.on_result(worker.number, content)


def _read(worker: _Worker) -> tuple[_Kind, Any]:
    """Read one item from the pipe of a worker; a signal is delivered only after the whole item.

    Raises: WorkerKilled: the process was killed.
    """
    try:
        with _signals_blocked():
            kind, content = worker.pipe.recv()
    except (EOFError, ConnectionResetError) as error:
        worker.is_busy = False
        worker.process.join()
        raise WorkerKilled(
            f"a worker process was killed ({_describe_exit(worker.process.exitcode)})",
            hint="if memory ran short, train one network after the other: --set ensemble.workers=1",
        ) from error
    worker.is_busy = kind not in (_Kind.RESULT, _Kind.ERROR)
    return kind, content


def _describe_exit(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM within the block; processes that are spawned in it keep them blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True)
class _PipeContext:
    """The `WorkerContext` of a task in a worker process."""

    shared: Any
    startup_seconds: float
    pipe: Any
    is_stopped: Any

    def send_message(self, message: object) -> None:
        self.pipe.send((_Kind.MESSAGE, message))
        if self.is_stopped.is_set():
            raise Interrupted(signal.SIGINT)

    def send_checkpoint(self, state: object) -> None:
        self.pipe.send((_Kind.CHECKPOINT, state))

    def ask(self, question: object) -> Any:
        self.pipe.send((_Kind.QUESTION, question))
        return self.pipe.recv()


def _worker_main(pipe: Any, threads: int | None, shared: object, is_stopped: Any, spawned_at: float) -> None:
    """Run tasks from the pipe until the parent closes it."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    if threads is not None:
        runtime.prepare_torch(threads)
    startup_seconds = time.monotonic() - spawned_at
    with suppress(EOFError):
        while True:
            function, task = pipe.recv()
            try:
                item = (_Kind.RESULT, function(_PipeContext(shared, startup_seconds, pipe, is_stopped), task))
            except Exception as error:
                if not isinstance(error, ForecastError):
                    error.add_note(f"in a worker process:\n{traceback.format_exc()}")
                item = (_Kind.ERROR, error)
            pipe.send(item)
            startup_seconds = 0.0


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
