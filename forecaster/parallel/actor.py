"""A worker on a machine of a cluster: it runs a task, and collects what the task sends until it is fetched."""

import pickle
import queue
import signal
import socket
import threading
import time
import traceback
from typing import Any

from forecaster import __version__, runtime
from forecaster.errors import DependencyError, ForecastError, Interrupted
from forecaster.parallel.wire import Kind

_BATCH_SECONDS = 0.1  # Messages are collected for so long, since each call of an actor costs about a millisecond.
_POLL_SECONDS = 5.0
_URGENT = (Kind.QUESTION, Kind.CHECKPOINT, Kind.RESULT, Kind.ERROR)


class Worker:
    """An actor that runs one task at a time in a thread. Another thread of the actor sends what the task has sent."""

    def __init__(self, threads: int | None, shared: bytes, version: str) -> None:
        """Remember what all tasks need.

        Args:
            threads: processor threads of torch; None for tasks that do not need it.
            shared: pickled.
            version: the version of this package that the command has.
        """
        self._created_at = time.monotonic()
        self._threads = threads
        self._pickled, self._shared = shared, None
        self._version = version
        self._items: list[tuple[Kind, bytes]] = []
        self._change = threading.Condition()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._is_stopped = threading.Event()
        self.startup_seconds = 0.0

    def prepare(self) -> None:
        """Load what all tasks need.

        Raises: DependencyError: the machine of this worker has another version of this package.
        """
        if __version__ != self._version:
            raise DependencyError(
                f"forecast is {__version__} on {socket.gethostname()} and {self._version} here",
                hint="install the same version on all machines of the cluster",
            )
        if self._threads is not None:
            runtime.prepare_torch(self._threads)
        self._shared = pickle.loads(self._pickled)
        self._pickled = b""
        self.startup_seconds = time.monotonic() - self._created_at

    def answer_call(self) -> None:
        """Return at once: the worker lives."""

    def start(self, work: bytes) -> None:
        """Start a task; `work` is a pickled pair of a function and its task."""
        threading.Thread(target=self._run, args=(work,), daemon=True).start()

    def poll(self) -> list[tuple[Kind, bytes]]:
        """Return what the task has sent since the last call, as soon as there is something."""
        with self._change:
            if self._change.wait_for(lambda: bool(self._items), _POLL_SECONDS):
                self._change.wait_for(lambda: self._items[-1][0] in _URGENT, _BATCH_SECONDS)
            items, self._items = self._items, []
        return items

    def answer(self, content: bytes) -> None:
        """Pass a pickled answer to the task."""
        self._answers.put(content)

    def stop(self) -> None:
        """Let the task end at its next message."""
        self._is_stopped.set()

    @property
    def shared(self) -> Any:
        """The value that all tasks share."""
        return self._shared

    def send_message(self, message: object) -> None:
        """Implement `WorkerContext`."""
        self._send(Kind.MESSAGE, message)
        if self._is_stopped.is_set():
            raise Interrupted(signal.SIGINT)

    def send_checkpoint(self, state: object) -> None:
        """Implement `WorkerContext`."""
        self._send(Kind.CHECKPOINT, state)

    def ask(self, question: object) -> Any:
        """Implement `WorkerContext`."""
        self._send(Kind.QUESTION, question)
        return pickle.loads(self._answers.get())

    def _run(self, work: bytes) -> None:
        try:
            if self._threads is not None:
                runtime.prepare_torch(self._threads)  # The number of threads belongs to the calling thread.
            function, task = pickle.loads(work)
            result = function(self, task)
            self._send(Kind.RESULT, result)
        except Exception as error:
            if not isinstance(error, ForecastError):
                error.add_note(f"in a worker of the cluster:\n{traceback.format_exc()}")
            self._send_error(error)
        self.startup_seconds = 0.0

    def _send_error(self, error: Exception) -> None:
        try:
            self._send(Kind.ERROR, error)
        except Exception:  # not every error of a library can be pickled
            self._send(Kind.ERROR, RuntimeError(traceback.format_exc()))

    def _send(self, kind: Kind, content: object) -> None:
        item = kind, pickle.dumps(content)
        with self._change:
            self._items.append(item)
            self._change.notify_all()
