"""A worker process of a pool, seen from both sides of its pipe."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from forecaster import runtime
from forecaster.errors import ForecastError, Interrupted
from forecaster.parallel.pool import WorkerKilled


class Kind(IntEnum):
    """The kinds of what a worker process sends."""

    MESSAGE = 0
    QUESTION = 1
    CHECKPOINT = 2
    RESULT = 3
    ERROR = 4


@dataclass
class Worker:
    """A worker process as the parent sees it, with the number of its current or last task."""

    process: Any
    pipe: Any
    number: int = 0
    is_busy: bool = False


def end(workers: list[Worker]) -> None:
    """End worker processes at once."""
    for worker in workers:
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()


def spawn(context: Any, threads: int | None, shared: object, is_stopped: Any) -> Worker:
    """Start a worker process, which keeps SIGINT and SIGTERM blocked if the caller has blocked them."""
    pipe, far_end = context.Pipe()
    process = context.Process(target=_worker_main, args=(far_end, threads, shared, is_stopped, time.monotonic()))
    process.start()
    far_end.close()
    return Worker(process, pipe)


def wait_for_data(workers: list[Worker]) -> list[Worker]:
    """Wait until at least one worker has sent something, and return those that have."""
    ready = multiprocessing.connection.wait([worker.pipe for worker in workers if worker.is_busy])
    return [worker for worker in workers if worker.pipe in ready]


def read(worker: Worker) -> tuple[Kind, Any]:
    """Read one item from the pipe of a worker; a signal is delivered only after the whole item.

    Raises: WorkerKilled: the process was killed.
    """
    try:
        with signals_blocked():
            kind, content = worker.pipe.recv()
    except (EOFError, ConnectionResetError) as error:
        worker.is_busy = False
        worker.process.join()
        raise WorkerKilled(
            f"a worker process was killed ({_describe_exit(worker.process.exitcode)})",
            hint="if memory ran short, train one network after the other: --set ensemble.workers=1",
        ) from error
    worker.is_busy = kind not in (Kind.RESULT, Kind.ERROR)
    return kind, content


def _describe_exit(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


@contextmanager
def signals_blocked() -> Iterator[None]:
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
        self.pipe.send((Kind.MESSAGE, message))
        if self.is_stopped.is_set():
            raise Interrupted(signal.SIGINT)

    def send_checkpoint(self, state: object) -> None:
        self.pipe.send((Kind.CHECKPOINT, state))

    def ask(self, question: object) -> Any:
        self.pipe.send((Kind.QUESTION, question))
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
                item = (Kind.RESULT, function(_PipeContext(shared, startup_seconds, pipe, is_stopped), task))
            except Exception as error:
                if not isinstance(error, ForecastError):
                    error.add_note(f"in a worker process:\n{traceback.format_exc()}")
                item = (Kind.ERROR, error)
            pipe.send(item)
            startup_seconds = 0.0


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
