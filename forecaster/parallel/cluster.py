"""The cluster that a command uses: its address, and the process that is connected to it."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from forecaster.addresses import check_cluster
from forecaster.errors import DependencyError, UsageError
from forecaster.parallel.wire import Kind, Order

_CONNECT_SECONDS = 90.0
_MAX_SILENT_SECONDS = 60.0
_INSTALL = 'pip install -c constraints.txt ".[cluster]"'
_CHECK = "check it with `ray status`; this machine must be part of it: ray start --address=HOST:6379"

Item = tuple[int, Kind, Any]


class Connection:
    """A connection to a cluster, in a process that starts when it is needed and that may be lost."""

    def __init__(self, address: str) -> None:
        """Remember an address: `auto`, or `HOST:PORT` of the head."""
        self.address = address
        self._process: Any = None
        self._pipe: Any = None
        self._processors: list[int] = []
        self._numbers = range(0)  # of the workers of the last `open`
        self._last_item_at = 0.0

    @property
    def is_alive(self) -> bool:
        """True if the process runs and has not reported that the cluster is lost."""
        return self._process is not None

    def connect(self) -> None:
        """Start the process, unless it runs.

        Raises: DependencyError: the cluster does not answer, or its Ray or its Python is another one than here.
        """
        if self.is_alive:
            return
        context = multiprocessing.get_context("spawn")
        self._pipe, far_end = context.Pipe()
        with _signals_blocked():
            self._process = context.Process(target=_serve, args=(far_end, self.address), daemon=True)
            self._process.start()
        far_end.close()
        self._numbers = range(0)
        deadline = self._last_item_at = time.monotonic()
        deadline += _CONNECT_SECONDS
        try:
            while not self._processors or not self.is_alive:
                item = self.receive(max(deadline - time.monotonic(), 0.0))
                if item is None:
                    raise DependencyError(
                        f"the cluster {self.address} did not answer for {_CONNECT_SECONDS:.0f} seconds", hint=_CHECK
                    )
                self._processors = item[2]
        except BaseException:
            self.abort()
            raise

    def count_places(self, threads: int) -> int:
        """Return the number of workers, each with some processor threads, that the machines can run at a time."""
        self.connect()
        return max(sum(processors // threads for processors in self._processors), 1)

    def open(self, workers: int, threads: int | None, shared: bytes) -> None:
        """Start workers, which have other numbers than all before, so that late items of those are no longer received.

        Args:
            workers: the number of workers.
            threads: processor threads of each; None for workers that do not need torch.
            shared: pickled, what all tasks share.
        """
        self._numbers = range(self._numbers.stop, self._numbers.stop + workers)
        self.send(Order.OPEN, self._numbers, threads, shared)

    def send(self, order: Order, *content: object) -> None:
        """Send an order; `receive` reports a lost process."""
        with suppress(OSError):
            self._pipe.send((order, *content))

    def receive(self, seconds: float) -> Item | None:
        """Return the next item, or None if there is none within some seconds.

        Raises: DependencyError: the connection is lost.
        """
        if not self._pipe.poll(seconds):
            if time.monotonic() - self._last_item_at > max(_MAX_SILENT_SECONDS, seconds):
                raise self._lose("it does not answer")
            return None
        try:
            with _signals_blocked():
                item: Item = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._lose("the process that was connected to it ended") from error
        self._last_item_at = time.monotonic()
        if item[1] == Kind.LOSS:
            raise self._lose(item[2])
        is_late = item[1] != Kind.CONNECTED and item[0] not in self._numbers
        return None if is_late else item

    def abort(self) -> None:
        """End the process; Ray then ends the workers that it had started."""
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
        self._process, self._processors = None, []

    def _lose(self, reason: str) -> DependencyError:
        verb = "is lost" if self._processors else "cannot be used"
        self.abort()
        return DependencyError(f"the cluster {self.address} {verb}: {reason}", hint=_CHECK)


_connection: Connection | None = None


def connection() -> Connection | None:
    """Return the connection to the cluster that is in use; None for this machine alone."""
    return _connection


@contextmanager
def use_cluster(address: str | None, *, is_lazy: bool = False) -> Iterator[None]:
    """Run the tasks of all pools within the block on a cluster.

    Args:
        address: `auto`, or `HOST:PORT` of the head; None or an empty text for what is in use already, or this machine.
        is_lazy: if True, connect when the first tasks are there; if False, at once.

    Raises:
        UsageError: it is no such address.
        DependencyError: ray is not installed, or the cluster does not answer.
    """
    global _connection
    if not address:
        yield
        return
    _check(address)
    before, _connection = _connection, Connection(address)
    try:
        if not is_lazy:
            _connection.connect()
        yield
    finally:
        _connection.abort()
        _connection = before


def _check(address: str) -> None:
    try:
        check_cluster(address)
    except ValueError as error:
        raise UsageError(f"--cluster {error}", hint="write --cluster auto, or --cluster HOST:6379") from error
    environment = os.environ.get("RAY_ADDRESS", "")
    if address == "auto" and "://" in environment:
        raise UsageError(
            f"--cluster auto: RAY_ADDRESS is {environment}, an address of Ray's client or of its jobs",
            hint="unset RAY_ADDRESS, or write --cluster HOST:6379",
        )
    if find_spec("ray") is None:
        raise DependencyError("--cluster needs the package ray", hint=_INSTALL)


def _serve(pipe: Any, address: str) -> None:
    from forecaster.parallel.ray import serve

    serve(pipe, address)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM, so that no item is lost between two of its bytes."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
