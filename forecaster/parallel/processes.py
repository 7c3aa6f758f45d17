"""A pool whose workers are processes of this machine."""

import multiprocessing
from collections import Counter, deque
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from typing import Generic

from forecaster.events import Note
from forecaster.parallel.pool import MAX_ATTEMPTS, Callbacks, NextTask, Result, Task, Work, WorkerKilled
from forecaster.parallel.progress import TaskProgress
from forecaster.parallel.worker_process import Kind, Worker, end, read, spawn, wait_for_data


class ProcessPool:
    """A pool that runs tasks in spawned processes.

    Processes are not forked, because a fork would copy torch's threads in an undefined state. They ignore the signals
    of the terminal, and exit when their parent exits. A task whose process was killed continues from its last
    checkpoint in another one, or starts again; the third time is an error.
    """

    def __init__(self, *, workers: int, threads: int | None) -> None:
        """Set the number of processes, and the threads that torch uses in each one (None: they do not need torch)."""
        self._workers = workers
        self._threads = threads

    def run(self, work: Work[Task, Result], callbacks: Callbacks[Result]) -> None:
        """Run all tasks; see `Pool.run`."""
        _Run(work, callbacks, self._threads).run(self._workers)

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
        workers: list[Worker] = []

        try:
            workers.extend(spawn(context, self._threads, work.shared, is_stopped) for _ in range(self._workers))
            while True:
                _assign_tasks(workers, work)
                if not any(worker.is_busy for worker in workers):
                    return
                results: list[tuple[int, Result]] = []
                for worker in wait_for_data(workers):
                    try:
                        kind, content = read(worker)
                    except WorkerKilled as error:
                        repeated.add(worker.number, error)
                        workers.remove(worker)
                        workers.append(spawn(context, self._threads, work.shared, is_stopped))
                        continue
                    if kind is Kind.ERROR:
                        raise content
                    assert kind is Kind.RESULT
                    repeated.forget(worker.number)
                    results.append((worker.number, content))
                _assign_tasks(workers, work)  # No worker waits while the caller uses the results.
                yield from results
        finally:
            end(workers)


class _Run(Generic[Task, Result]):
    """One run of a pool: its workers, and the tasks that they run or that wait for another worker."""

    def __init__(self, work: Work[Task, Result], callbacks: Callbacks[Result], threads: int | None) -> None:
        self._work = work
        self._callbacks = callbacks
        self._threads = threads
        self._context = multiprocessing.get_context("spawn")
        self._is_stopped = self._context.Event()
        self._workers: list[Worker] = []
        self._waiting: deque[int] = deque()  # numbers of tasks whose worker was killed
        self._progress: dict[int, TaskProgress[Task]] = {}
        self._failure: BaseException | None = None

    def run(self, count: int) -> None:
        """Run all tasks, and raise the first failure after the others have sent their last checkpoints."""
        try:
            for _ in range(count):
                self._spawn()
            while True:
                try:
                    if self._failure is None:
                        self._assign()
                    if not any(worker.is_busy for worker in self._workers):
                        break
                    for worker in wait_for_data(self._workers):
                        self._receive(worker)
                except BaseException as error:  # even a signal must not lose the last checkpoints
                    self._failure = self._failure or error
                    self._is_stopped.set()
                    if self._callbacks.on_checkpoint is None:
                        raise
        finally:
            end(self._workers)
        if self._failure is not None:
            raise self._failure

    def _spawn(self) -> None:
        self._workers.append(spawn(self._context, self._threads, self._work.shared, self._is_stopped))

    def _assign(self) -> None:
        """Send a task to each idle worker, first those whose worker was killed."""
        for worker in self._workers:
            if worker.is_busy:
                continue
            if self._waiting:
                number = self._waiting.popleft()
            elif (numbered_task := self._work.next_task()) is not None:
                number, task = numbered_task
                self._progress[number] = TaskProgress(task)
            else:
                return
            worker.number, worker.is_busy = number, True
            with suppress(BrokenPipeError, ConnectionResetError):  # `read` reports a dead worker
                worker.pipe.send((self._work.function, self._progress[number].task))

    def _receive(self, worker: Worker) -> None:
        """Receive one item from a worker and call its callback; messages and results are dropped after a failure."""
        number, is_failed = worker.number, self._failure is not None
        progress = self._progress[number]
        try:
            kind, content = read(worker)
        except WorkerKilled as error:
            self._workers.remove(worker)
            if not is_failed:
                self._repeat(number, error)
            return
        match kind:
            case Kind.ERROR:
                raise content
            case Kind.CHECKPOINT:
                progress.save(content, self._work.resume)
                if self._callbacks.on_checkpoint:
                    self._callbacks.on_checkpoint(number, content)
            case Kind.QUESTION:
                worker.pipe.send(self._answer(number, content))
            case Kind.MESSAGE if progress.repeated_messages:
                progress.repeated_messages -= 1
            case Kind.MESSAGE if not is_failed:
                progress.messages += 1
                self._callbacks.on_message(number, content)
            case Kind.RESULT:
                del self._progress[number]
                if not is_failed:
                    self._callbacks.on_result(number, content)

    def _answer(self, number: int, question: object) -> object:
        progress = self._progress[number]
        if progress.repeated_answers:
            return progress.repeated_answers.popleft()
        answer = self._callbacks.on_question(number, question)
        progress.answers.append(answer)
        return answer

    def _repeat(self, number: int, error: WorkerKilled) -> None:
        """Start another worker for a task whose worker was killed.

        Raises: WorkerKilled: it was the task's third.
        """
        progress = self._progress[number]
        progress.restart()
        name = f"{self._work.name} {number + 1}"
        if progress.lost_workers >= MAX_ATTEMPTS:
            raise WorkerKilled(f"{name}: {error.message}, {MAX_ATTEMPTS} times", hint=error.hint) from error
        self._spawn()
        self._waiting.append(number)
        self._callbacks.on_message(number, Note(f"{name} {progress.way_on}: {error.message}"))


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


def _assign_tasks(workers: list[Worker], work: Work[Task, Result]) -> None:
    """Send a task to each idle worker, until `next_task` has none at the moment."""
    for worker in workers:
        if not worker.is_busy:
            if (numbered_task := work.next_task()) is None:
                return
            worker.number, task = numbered_task
            worker.is_busy = True
            with suppress(BrokenPipeError, ConnectionResetError):  # `_receive` reports a dead worker
                worker.pipe.send((work.function, task))
