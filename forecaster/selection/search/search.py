"""A search: trial after trial, until there were enough or the time is over."""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from forecaster.errors import DependencyError, ForecastError, Interrupted
from forecaster.events import Note, TrialEnded, TrialStarted, Watch
from forecaster.parallel.factory import create_pool
from forecaster.parallel.pool import Callbacks, OneAtATime, Work, WorkerContext
from forecaster.selection.search.optuna import Running
from forecaster.selection.search.space import Dimension, Values
from forecaster.selection.search.study import Report, Study, Trial, writable
from forecaster.store.presence import Presence

Try = Callable[[Values, Report], float]

_POLL = 0.1  # seconds between two looks at what other processes have under way


@dataclass(frozen=True)
class Crew:
    """Processes that try values out.

    Attributes:
        try_out: a function of a module; of its `shared`, the values, where to report and what is told of the training.
        shared: what it needs beside the values.
        workers: processes.
        threads: processor threads of each; None where torch has nothing to do.
    """

    try_out: Callable[[Any, Values, Report, Watch], float]
    shared: Any
    workers: int
    threads: int | None


@dataclass(frozen=True)
class Limits:
    """When a search ends: at the first that is reached.

    Attributes:
        trials: in all, by all processes and at all times; None for any number.
        seconds: from now on; None for any time.
        kept: of these seconds as many times what the first trial and the best one took are kept for what follows.
    """

    trials: int | None = None
    seconds: float | None = None
    kept: float = 0.0


def search(
    study: Study, try_out: Try | Crew, space: Collection[Dimension], *, seed: int, limits: Limits, watch: Watch
) -> None:
    """Try values until a limit is reached; the first trial is always brought to its end.

    Which values are tried, and what comes of them, does not depend on how many processes a crew has.

    Args:
        try_out: gives the loss of some values and reports on the way. Values that it refuses fail alone, but for the
            first ones; whatever else it raises stops the search.
        watch: told of every trial.

    Raises:
        OutputError: the database cannot be written.
        DependencyError: a process of a crew was killed.
        Interrupted: the trials that were under way will be tried again, as after a process was killed.
    """
    with writable(study.folder), Presence(study.folder) as presence:
        going = _Search(study, presence, space, seed, limits, watch)
        try:
            if isinstance(try_out, Crew):
                _search_side_by_side(going, try_out, watch)
            else:
                while begun := going.begin():
                    number, values = begun
                    going.end(number, _outcome(partial(try_out, values), partial(going.is_over, number)))
        except (Interrupted, DependencyError):
            going.give_up()
            raise
        except BaseException:
            going.drop()
            raise


def _search_side_by_side(going: "_Search", crew: Crew, watch: Watch) -> None:
    one_at_a_time = OneAtATime(watch)

    def on_result(number: int, outcome: _Outcome) -> None:
        one_at_a_time.end(number)
        going.end(number, outcome)

    create_pool(workers=crew.workers, threads=crew.threads).run(
        Work(_try_in_process, going.begin, shared=crew),
        Callbacks(on_message=one_at_a_time.forward, on_result=on_result, on_question=going.is_over),
    )


def _try_in_process(context: WorkerContext, values: Values) -> "_Outcome":
    crew: Crew = context.shared
    return _outcome(lambda report: crew.try_out(crew.shared, values, report, context.send_message), context.ask)


@dataclass(frozen=True)
class _Reached:
    """The loss after some tenths of the schedule."""

    tenth: int
    loss: float


@dataclass(frozen=True)
class _Outcome:
    """What came of a trial: `loss` unless it was pruned or refused, which says why."""

    loss: float | None = None
    refusal: ForecastError | None = None


class _Pruned(Exception):
    """A trial is not worth its end."""


def _outcome(attempt: Callable[[Report], float], is_over: Callable[[_Reached], bool]) -> _Outcome:
    """Bring a trial to one of its ends.

    Args:
        is_over: whether it ends here, where it has come to.
    """

    def report(tenth: int, loss: float) -> None:
        if is_over(_Reached(tenth, loss)):
            raise _Pruned

    try:
        return _Outcome(loss=attempt(report))
    except _Pruned:
        return _Outcome()
    except Interrupted:
        raise
    except ForecastError as refusal:
        return _Outcome(refusal=refusal)


class _Search:
    """A search under way: the trials that run, by their place."""

    def __init__(
        self, study: Study, presence: Presence, space: Collection[Dimension], seed: int, limits: Limits, watch: Watch
    ) -> None:
        self._study = study
        self._presence = presence
        self._space = space
        self._seed = seed
        self._limits = limits
        self._watch = watch
        self._clock = _Clock(limits)
        self._running: dict[int, tuple[Running, list[Trial]]] = {}  # with what was over when it began

    def begin(self) -> tuple[int, Values] | None:
        """The next trial's place and values; None where there is none, or none before another has ended."""
        most = math.inf if self._limits.trials is None else self._limits.trials
        while not self._clock.is_over(before := self._study.trials()):
            if running := self._study.take(self._presence, most):
                self._running[running.place] = running, before
                self._watch(TrialStarted(running.place + 1, self._limits.trials))
                return running.place, running.draw(self._space, self._seed)
            if self._running or not self._study.is_waiting(most):
                return None
            time.sleep(_POLL)
        return None

    def is_over(self, place: int, reached: _Reached) -> bool:
        """Whether a trial is not worth its end, or late."""
        running, before = self._running[place]
        return running.is_hopeless(reached.tenth, reached.loss) or self._clock.is_over(before)

    def end(self, place: int, outcome: _Outcome) -> None:
        """Note what came of a trial.

        Raises: ForecastError: the first values were refused.
        """
        running, _ = self._running.pop(place)
        loss, refusal = outcome.loss, outcome.refusal
        if refusal is not None:
            running.end("failed")
            if place == 0:
                raise refusal
            self._watch(Note(f"trial {place + 1} failed: {refusal.message}"))
        elif loss is None:
            running.end("pruned")
        else:
            running.end("done", loss) if math.isfinite(loss) else running.end("failed")
        self._watch(self._told(place + 1))

    def give_up(self) -> None:
        """Leave what is under way to be tried again."""
        for running, _ in self._running.values():
            running.give_up()

    def drop(self) -> None:
        """End what is under way as failed."""
        for running, _ in self._running.values():
            running.end("failed")

    def _told(self, number: int) -> TrialEnded:
        trials = self._study.trials()
        own = next(each for each in trials if each.number == number)
        leaders = self._study.leaders()
        missing = math.inf if self._limits.trials is None else max(self._limits.trials - len(trials), 0)
        return TrialEnded(
            number=number,
            state=own.state,
            loss=own.loss,
            best=leaders[0].loss if leaders else None,
            best_number=leaders[0].number if leaders else None,
            done=len(trials),
            trials=self._limits.trials,
            seconds_left=self._clock.seconds_left(missing * self._study.seconds / len(trials), trials),
        )


class _Clock:
    """The time that a search has, from when it is made."""

    def __init__(self, limits: Limits) -> None:
        self._started = time.monotonic()
        self._limits = limits

    def is_over(self, trials: list[Trial]) -> bool:
        """Whether no time is left, but for what is kept; never before the first trial is over."""
        return bool(trials) and self._left(trials) <= 0

    def seconds_left(self, by_count: float, trials: list[Trial]) -> float | None:
        """How long the search will take yet: at most `by_count`, for the trials that are missing; None for no end."""
        least = min(by_count, max(self._left(trials), 0.0))
        return least if math.isfinite(least) else None

    def _left(self, trials: list[Trial]) -> float:
        if self._limits.seconds is None:
            return math.inf
        best = min(trials, key=lambda trial: math.inf if trial.loss is None else trial.loss)
        kept = self._limits.kept * (trials[0].seconds + best.seconds)
        return self._limits.seconds - kept - (time.monotonic() - self._started)
