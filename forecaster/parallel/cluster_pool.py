"""A pool whose workers are actors on the machines of a cluster."""

import pickle
import time
from collections import Counter, deque
from typing import Any, Generic

from forecaster.errors import DependencyError
from forecaster.events import Note
from forecaster.parallel.cluster import Connection
from forecaster.parallel.pool import MAX_ATTEMPTS, Callbacks, Result, Task, Work
from forecaster.parallel.progress import TaskProgress
from forecaster.parallel.wire import Kind, Order

_START_SECONDS = 300.0  # A cluster that grows on demand needs minutes for a machine.
_STOP_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_NOTE_SECONDS = 10.0


class ClusterPool:
    """A pool that runs tasks in actors of Ray.

    A task whose worker is lost goes to another one, and continues from its last checkpoint.
    """

    def __init__(self, connection: Connection, *, workers: int, threads: int | None) -> None:
        """Set the most actors, and the threads that torch uses in each one (None: they do not need torch)."""
        self._connection = connection
        self._workers = workers
        self._threads = threads

    def run(self, work: Work[Task, Result], callbacks: Callbacks[Result]) -> None:
        """Run all tasks; see `Pool.run`.

        Raises: DependencyError: the cluster is lost, has no free processor, or a task ended its worker three times.
        """
        self._connection.connect()
        is_over = False
        try:
            self._connection.open(self._workers, self._threads, pickle.dumps(work.shared))
            _Run(self._connection, work, callbacks).run()
            self._connection.send(Order.CLOSE)
            is_over = True
        finally:
            if not is_over:
                self._connection.abort()


class _Run(Generic[Task, Result]):
    """One run of a pool: which worker runs which task, and which tasks wait for another worker."""

    def __init__(self, connection: Connection, work: Work[Task, Result], callbacks: Callbacks[Result]) -> None:
        self._connection = connection
        self._work = work
        self._callbacks = callbacks
        self._idle: list[int] = []
        self._busy: dict[int, int] = {}  # numbers of tasks, by worker
        self._waiting: deque[int] = deque()  # numbers of tasks whose worker was lost
        self._progress: dict[int, TaskProgress[Task]] = {}
        self._failed_starts: Counter[int] = Counter()  # by worker, since it was last ready
        self._idle_since = self._noted_at = time.monotonic()
        self._is_failed = False

    def run(self) -> None:
        """Run all tasks, and raise the first failure after the others have sent their last checkpoints."""
        failure: BaseException | None = None
        stop_at = 0.0
        while True:
            try:
                if failure is None:
                    self._assign()
                if not self._busy and (self._idle or failure):
                    break
                if failure and time.monotonic() > stop_at:
                    break
                self._receive()
            except BaseException as error:  # even a signal must not lose the last checkpoints
                if self._callbacks.on_checkpoint is None or not self._connection.is_alive:
                    raise (failure or error) from error
                if failure is None:
                    failure, self._is_failed = error, True
                    stop_at = time.monotonic() + _STOP_SECONDS
                    self._connection.send(Order.STOP)
        if failure is not None:
            raise failure

    def _assign(self) -> None:
        """Send a task to each idle worker, first those whose worker was lost."""
        while self._idle:
            if self._waiting:
                number = self._waiting.popleft()
            elif (numbered_task := self._work.next_task()) is not None:
                number, task = numbered_task
                self._progress[number] = TaskProgress(task)
            else:
                return
            worker = self._idle.pop(0)
            self._busy[worker] = number
            self._connection.send(Order.RUN, worker, pickle.dumps((self._work.function, self._progress[number].task)))

    def _receive(self) -> None:
        item = self._connection.receive(_LOOK_SECONDS)
        if item is not None:
            self._handle(*item)
        if self._busy or self._idle:
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since > _START_SECONDS:
            raise DependencyError(
                f"the cluster {self._connection.address} had no free processor for {_START_SECONDS:.0f} seconds",
                hint="look at `ray status` for what uses the processors, or type the command again without --cluster",
            )
        elif self._waiting and time.monotonic() - self._noted_at > _NOTE_SECONDS:
            self._noted_at = time.monotonic()
            # The receiver of this note also raises a signal that has arrived.
            self._callbacks.on_message(self._waiting[0], Note("waiting for a free processor of the cluster"))

    def _handle(self, worker: int, kind: Kind, content: Any) -> None:
        if kind == Kind.READY:
            self._idle.append(worker)
            self._failed_starts.pop(worker, None)
        elif kind == Kind.ABSENCE:
            self._waiting.appendleft(self._busy.pop(worker))
        elif kind == Kind.DEATH:
            self._lose(worker, content)
        elif kind == Kind.ERROR:
            self._busy.pop(worker, None)
            raise pickle.loads(content)
        else:
            self._deliver(worker, self._busy[worker], kind, content)

    def _deliver(self, worker: int, number: int, kind: Kind, content: bytes) -> None:
        """Pass what a task has sent to its callback; messages and results are dropped once the run has failed."""
        progress = self._progress[number]
        match kind:
            case Kind.CHECKPOINT:
                state = pickle.loads(content)
                progress.save(state, self._work.resume)
                if self._callbacks.on_checkpoint:
                    self._callbacks.on_checkpoint(number, state)
            case Kind.QUESTION:
                if progress.repeated_answers:
                    answer = progress.repeated_answers.popleft()
                else:
                    answer = pickle.dumps(self._callbacks.on_question(number, pickle.loads(content)))
                    progress.answers.append(answer)
                self._connection.send(Order.ANSWER, worker, answer)
            case Kind.MESSAGE if progress.repeated_messages:
                progress.repeated_messages -= 1
            case Kind.MESSAGE if not self._is_failed:
                progress.messages += 1
                self._callbacks.on_message(number, pickle.loads(content))
            case Kind.RESULT:
                del self._busy[worker], self._progress[number]
                if not self._is_failed:
                    self._callbacks.on_result(number, pickle.loads(content))

    def _lose(self, worker: int, reason: str) -> None:
        """Note that a worker is lost, and let its task run again, unless it was the task's third.

        Raises: DependencyError: it was, or a worker could not start three times.
        """
        number = self._busy.pop(worker, None)
        if number is None:
            self._idle = [each for each in self._idle if each != worker]
            self._failed_starts[worker] += 1
            if self._failed_starts[worker] >= MAX_ATTEMPTS:
                raise DependencyError(
                    f"the workers of the cluster {self._connection.address} cannot start: {reason}",
                    hint="install this version of forecast with the extra cluster on all machines of the cluster",
                )
            return
        if self._is_failed:
            return
        progress = self._progress[number]
        progress.restart()
        name = f"{self._work.name} {number + 1}"
        if progress.lost_workers >= MAX_ATTEMPTS:
            raise DependencyError(
                f"{name} lost its worker {MAX_ATTEMPTS} times, last because: {reason}",
                hint="if memory ran short, use machines with more of it, or fewer processors a machine",
            )
        self._waiting.append(number)
        self._callbacks.on_message(number, Note(f"{name} lost its worker and {progress.way_on}: {reason}"))
