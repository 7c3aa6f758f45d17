"""A search: trial after trial, until there were enough or the time is over."""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from forecaster.errors import ForecastError, Interrupted
from forecaster.events import Note, TrialEnded, TrialStarted, Watch
from forecaster.models.space import Dimension, Values
from forecaster.models.study import Report, Running, Study, Trial, writable
from forecaster.store.presence import Presence

Try = Callable[[Values, Report], float]


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
    study: Study, try_out: Try, space: Collection[Dimension], *, seed: int, limits: Limits, watch: Watch
) -> None:
    """Try values until a limit is reached; the first trial is always brought to its end.

    Args:
        try_out: gives the loss of some values and reports on the way. Values that it refuses fail alone, but for the
            first ones; whatever else it raises stops the search.
        watch: told of every trial.

    Raises:
        OutputError: the database cannot be written.
        Interrupted: the trial that was under way will be tried again.
    """
    clock = _Clock(limits)
    most = math.inf if limits.trials is None else limits.trials
    with writable(study.folder), Presence(study.folder) as presence:
        while not clock.is_over(before := study.trials()):
            running = study.take(presence, most)
            if running is None:
                return
            watch(TrialStarted(running.place + 1, limits.trials))
            _run(running, try_out, space, seed, lambda: clock.is_over(before), watch)
            watch(_told(running.place + 1, study, clock, limits))


class _Pruned(Exception):
    """A trial is not worth its end."""


def _run(
    running: Running,
    try_out: Try,
    space: Collection[Dimension],
    seed: int,
    is_late: Callable[[], bool],
    watch: Watch,
) -> None:
    """Bring a trial to one of its ends."""

    def report(tenth: int, loss: float) -> None:
        if running.is_hopeless(tenth, loss) or is_late():
            raise _Pruned

    try:
        loss = try_out(running.draw(space, seed), report)
    except _Pruned:
        running.end("pruned")
    except Interrupted:
        running.give_up()
        raise
    except ForecastError as refusal:
        running.end("failed")
        if running.place == 0:
            raise
        watch(Note(f"trial {running.place + 1} failed: {refusal.message}"))
    except BaseException:
        running.end("failed")
        raise
    else:
        running.end("done", loss) if math.isfinite(loss) else running.end("failed")


def _told(number: int, study: Study, clock: "_Clock", limits: Limits) -> TrialEnded:
    trials = study.trials()
    own = next(each for each in trials if each.number == number)
    leaders = study.leaders()
    missing = math.inf if limits.trials is None else max(limits.trials - len(trials), 0)
    return TrialEnded(
        number=number,
        state=own.state,
        loss=own.loss,
        best=leaders[0].loss if leaders else None,
        best_number=leaders[0].number if leaders else None,
        done=len(trials),
        trials=limits.trials,
        seconds_left=clock.seconds_left(trials, missing),
    )


class _Clock:
    """The time that a search has, from when it is made."""

    def __init__(self, limits: Limits) -> None:
        self._started = time.monotonic()
        self._limits = limits

    def is_over(self, trials: list[Trial]) -> bool:
        """Whether no time is left, but for what is kept; never before the first trial is over."""
        return bool(trials) and self._left(trials) <= 0

    def seconds_left(self, trials: list[Trial], missing: float) -> float | None:
        """How long the search will take yet, by the pace so far; None where nothing ends it."""
        by_count = missing * sum(each.seconds for each in trials) / len(trials)
        least = min(by_count, max(self._left(trials), 0.0))
        return least if math.isfinite(least) else None

    def _left(self, trials: list[Trial]) -> float:
        if self._limits.seconds is None:
            return math.inf
        best = min(trials, key=lambda trial: math.inf if trial.loss is None else trial.loss)
        kept = self._limits.kept * (trials[0].seconds + best.seconds)
        return self._limits.seconds - kept - (time.monotonic() - self._started)
