"""A pool of workers that run tasks side by side: the types that its callers use, whatever its workers are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from forecaster.errors import DependencyError
from forecaster.events import Event, TrainingEnded, TrainingStarted, TrainingStep, Watch

Task = TypeVar("Task")
Result = TypeVar("Result")

NextTask = Callable[[], tuple[int, Task] | None]

# Training steps that a worker needs to be worth its start, which takes 2.5 seconds of a processor.
MIN_STEPS_PER_WORKER = 500


# The times that a task is run if its worker is killed each time.
MAX_ATTEMPTS = 3


class WorkerKilled(DependencyError):
    """A worker process that something outside this program has killed."""


class WorkerContext(Protocol):
    """The connection between a task function and the pool that runs it."""

    @property
    def shared(self) -> Any:
        """The value that all tasks share."""

    @property
    def startup_seconds(self) -> float:
        """The seconds that the worker took to start; 0 for all tasks after its first one."""

    def send_message(self, message: object) -> None:
        """Send a message to the pool's `on_message`.

        Raises: Interrupted: the pool was stopped, and the task has to end.
        """

    def send_checkpoint(self, state: object) -> None:
        """Send a state to the pool's `on_checkpoint`, which receives it even after the pool was stopped."""

    def ask(self, question: object) -> Any:
        """Send a question to the pool's `on_question`, and return the answer."""


def refuse_question(number: int, question: object) -> object:
    """Raise an error for a task that asks a question which its caller does not expect."""
    raise NotImplementedError(f"task {number} asked {question!r}, and nobody answers")


@dataclass(frozen=True)
class Work(Generic[Task, Result]):
    """The tasks of a pool.

    Attributes:
        function: computes the result of a task. It is a function of a module, since workers import it by name.
        next_task: returns the number of the next task and the task, or None if there is none at the moment. The pool
            calls it again whenever a task has ended.
        shared: what all tasks need; each worker receives it once.
        name: a noun for one task in messages, such as `network`.
        resume: returns the task that continues from a checkpoint; None for tasks that only start over.

    A pool may run a task again whose worker was lost. Unless the task had sent a checkpoint, it then has to send the
    same messages and to ask the same questions again; the pool drops these messages and repeats its answers.
    """

    function: Callable[[WorkerContext, Task], Result]
    next_task: NextTask[Task]
    shared: object = None
    name: str = "task"
    resume: Callable[[Task, Any], Task] | None = None


@dataclass(frozen=True)
class Callbacks(Generic[Result]):
    """The functions that a pool calls in the caller's process, each with the number of the task first.

    Attributes:
        on_message: receives the messages of a task in the order in which they were sent.
        on_result: receives the results in the order in which the tasks end.
        on_checkpoint: receives the checkpoints of a task. If it is set and the pool has to stop, each task may send a
            last checkpoint before it ends at its next message. If it is None, the workers are killed at once.
        on_question: returns the answer to a question of a task.
    """

    on_message: Callable[[int, Any], object]
    on_result: Callable[[int, Result], object]
    on_checkpoint: Callable[[int, Any], object] | None = None
    on_question: Callable[[int, Any], object] = refuse_question


class Pool(Protocol):
    """Workers that run tasks side by side."""

    def run(self, work: Work[Task, Result], callbacks: Callbacks[Result]) -> None:
        """Run all tasks; each worker starts the next task as soon as its last one has ended.

        If a task fails or a callback raises an error, all tasks end.

        Raises:
            DependencyError: a worker was killed.
            Exception: the error of a task, with the worker's traceback as a note, or the error of a callback.
        """


def iterate_tasks(tasks: Mapping[int, Task]) -> NextTask[Task]:
    """Return a `next_task` that returns the tasks of a mapping from numbers, one after the other."""
    iterator = iter(tasks.items())
    return lambda: next(iterator, None)


class OneAtATime:
    """A filter that forwards the events of the lowest-numbered running training, and the notes of all trainings."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._running: set[int] = set()
        self._pending_starts: dict[int, TrainingStarted] = {}  # starts that were not forwarded yet, by training

    def forward(self, number: int, event: Event) -> None:
        """Forward an event of a training, unless a training with a lower number is running."""
        self._running.add(number)
        is_first = number == min(self._running)
        match event:
            case TrainingStarted():
                self._pending_starts[number] = event
            case TrainingStep() if is_first:
                if (started := self._pending_starts.pop(number, None)) is not None:
                    self._watch(replace(started, done=event.step - 1))
                self._watch(event)
            case TrainingStep() | TrainingEnded() if not is_first:
                pass
            case _:
                self._watch(event)

    def end(self, number: int) -> None:
        """Mark a training as over, so that the one with the next higher number is forwarded."""
        self._running.discard(number)
