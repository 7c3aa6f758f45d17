"""A pool whose workers are processes of this machine."""

import multiprocessing
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from typing import Generic

from forecaster.events import Note
from forecaster.parallel.pool import MAX_ATTEMPTS, Callbacks, Result, Task, Work, WorkerKilled
from forecaster.parallel.progress import TaskProgress
from forecaster.parallel.worker_process import Kind, Worker, end, read, signals_blocked, spawn, wait_for_data


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
        run = _Run(work, callbacks, self._threads)
        try:
            run.start(self._workers)
            run.run()
        finally:
            run.end()

    def iterate(self, work: Work[Task, Result]) -> Generator[tuple[int, Result], None, None]:
        """Run all tasks, and yield the number and the result of each as soon as it has ended.

        The workers go on while the caller uses a result. They end with the generator, so close it. A task whose worker
        was killed is repeated, `MAX_ATTEMPTS` times at most; tasks cannot send messages or checkpoints.

        Raises:
            WorkerKilled: the worker of a task was killed each time.
            Exception: the error of a task, with the worker's traceback as a note, or an error of `next_task`.
        """
        results: list[tuple[int, Result]] = []
        callbacks = Callbacks[Result](
            lambda *_: None, on_result=lambda number, result: results.append((number, result))
        )
        run = _Run(work, callbacks, self._threads)
        try:
            run.start(self._workers)
            while run.step():
                run.assign()  # No worker waits while the caller uses the results.
                yield from results
                results.clear()
        finally:
            run.end()


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

    def start(self, count: int) -> None:
        """Start worker processes."""
        for _ in range(count):
            self._spawn()

    def run(self) -> None:
        """Run all tasks, and raise the first failure after the others have sent their last checkpoints."""
        is_going_on = True
        while is_going_on:
            try:
                is_going_on = self.step()
            except BaseException as error:  # even a signal must not lose the last checkpoints
                self._failure = self._failure or error
                self._is_stopped.set()
                if self._callbacks.on_checkpoint is None:
                    raise
        if self._failure is not None:
            raise self._failure

    def step(self) -> bool:
        """Receive from the workers that have sent something; return False if no task is left."""
        if self._failure is None:
            self.assign()
        if not any(worker.is_busy for worker in self._workers):
            return False
        for worker in wait_for_data(self._workers):
            self._receive(worker)
        return True

    def end(self) -> None:
        """End the worker processes."""
        end(self._workers)

    def _spawn(self) -> None:
        with signals_blocked():  # A signal in between would leave a process that nobody ends.
            self._workers.append(spawn(self._context, self._threads, self._work.shared, self._is_stopped))

    def assign(self) -> None:
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
