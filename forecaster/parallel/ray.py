"""A process that is connected to a Ray cluster, and starts the workers there.

Ray ends the process that is connected to it when it loses the head of the cluster, writes to its standard error, and
installs signal handlers. Therefore a process of its own does this work, and Ray never enters the process of a command.
"""

import os
import pickle
import queue
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import ray

from forecaster import __version__
from forecaster.errors import ForecastError
from forecaster.parallel.actor import Worker
from forecaster.parallel.wire import Kind, Order

_BEAT_SECONDS = 5.0
_MAX_FAILED_BEATS = 3
_RESTART_SECONDS = 1.0
_DIAL_SECONDS = 10.0
_MAX_REASON = 300  # characters of an error of Ray


def serve(pipe: Any, address: str) -> None:
    """Connect to a cluster, and follow the orders from a pipe until its other end is closed.

    Args:
        pipe: receives an `Order` with its content, and sends items `(worker, Kind, content)`.
        address: `auto`, or `HOST:PORT` of the head.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _silence()
    link = _Link(pipe)
    try:
        head, processors = _connect(address)
    except BaseException as error:
        link.send(-1, Kind.LOSS, _describe(error))
        return
    threading.Thread(target=_beat, args=(link, head), daemon=True).start()
    link.send(-1, Kind.CONNECTED, processors)
    crew: dict[int, _Member] = {}
    with suppress(EOFError, OSError):
        while True:
            _follow(link, crew, pipe.recv())
    os._exit(0)  # Ray ends the actors of a process that has ended.


def _silence() -> None:
    """Discard what Ray writes to standard output and standard error, also from its own threads."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(sink)


def _connect(address: str) -> tuple[str, list[int]]:
    """Return the address of the head, and the number of processors of each machine."""
    if address != "auto":
        _dial(address)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except ConnectionError as error:
        if address == "auto" or os.environ.get("RAY_AUTH_MODE") == "token":
            raise
        raise ConnectionError(f"{error}; if it requires a token, set RAY_AUTH_MODE=token here as well") from error
    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return ray.get_runtime_context().gcs_address, [int(node["Resources"].get("CPU", 0)) for node in nodes]


def _dial(address: str) -> None:
    """Raise an OSError unless something listens at an address; Ray itself would try for a minute."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _DIAL_SECONDS).close()


def _beat(link: "_Link", head: str) -> None:
    """Report at intervals that the head answers, and end this process once it no longer does."""
    failures = 0
    while failures < _MAX_FAILED_BEATS:
        time.sleep(_BEAT_SECONDS)
        try:
            _dial(head)
        except OSError:
            failures += 1
        else:
            failures = 0
        link.send(-1, Kind.BEAT, None)
    link.send(-1, Kind.LOSS, f"its head {head} no longer answers")
    os._exit(1)


class _Link:
    """The sending end of the pipe, for several threads."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, worker: int, kind: Kind, content: object) -> None:
        with self._lock, suppress(OSError):  # The main thread notices a closed pipe.
            self._pipe.send((worker, kind, content))


def _follow(link: _Link, crew: dict[int, "_Member"], order: tuple[Any, ...]) -> None:
    match order:
        case (Order.OPEN, numbers, threads, shared):
            reference = ray.put(shared)
            crew.update((number, _Member(link, number, threads, reference)) for number in numbers)
        case (Order.RUN, worker, work):
            crew[worker].orders.put(work)
        case (Order.ANSWER, worker, content):
            crew[worker].answer(content)
        case (Order.STOP,):
            for member in crew.values():
                member.stop()
        case (Order.CLOSE,):
            for member in crew.values():
                member.close()
            crew.clear()


class _Member:
    """A thread that starts an actor, another one whenever it dies, and forwards what it sends."""

    def __init__(self, link: _Link, number: int, threads: int | None, shared: Any) -> None:
        self._link = link
        self._number = number
        self._threads = threads
        self._shared = shared
        self._actor: Any = None
        self._is_closed = False
        self.orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def answer(self, content: bytes) -> None:
        self._actor.answer.remote(content)

    def stop(self) -> None:
        if self._actor is not None:
            self._actor.stop.remote()

    def close(self) -> None:
        self._is_closed = True
        self.orders.put(None)
        if self._actor is not None:
            ray.kill(self._actor)

    def _run(self) -> None:
        while not self._is_closed:
            try:
                self._start_actor()
                while (work := self.orders.get()) is not None:
                    self._run_task(work)
            except Exception as error:
                cause = getattr(error, "cause", None)
                if isinstance(cause, ForecastError):
                    self._send(Kind.ERROR, pickle.dumps(cause))
                    return
                self._send(Kind.DEATH, _describe(error))
                time.sleep(_RESTART_SECONDS)

    def _start_actor(self) -> None:
        options = {"num_cpus": self._threads or 1, "max_concurrency": 4, "max_restarts": 0}
        self._actor = (
            ray.remote(Worker)
            .options(**options, scheduling_strategy="SPREAD")
            .remote(self._threads, self._shared, __version__)
        )
        if self._is_closed:  # `close` may have come before there was an actor.
            ray.kill(self._actor)
        ray.get(self._actor.prepare.remote())
        self._send(Kind.READY, None)

    def _run_task(self, work: bytes) -> None:
        try:
            ray.get(self._actor.answer_call.remote())
        except Exception:
            self._send(Kind.ABSENCE, None)  # The task is not to blame.
            raise
        ray.get(self._actor.start.remote(work))
        is_over = False
        while not is_over:
            for kind, content in ray.get(self._actor.poll.remote()):
                is_over = kind in (Kind.RESULT, Kind.ERROR)
                self._send(kind, content)
        self._send(Kind.READY, None)

    def _send(self, kind: Kind, content: object) -> None:
        if not self._is_closed:
            self._link.send(self._number, kind, content)


def _describe(error: BaseException) -> str:
    """Return the first line of an error of Ray that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reasons = [line.partition(":")[2].strip() for line in lines if line.startswith("Worker exit detail:")]
    reason = (reasons or lines or [type(error).__name__])[0]
    return reason[:_MAX_REASON]
