"""The trials that a process starts and ends within a study."""

import math
import time
from collections.abc import Collection
from dataclasses import dataclass

from forecaster.errors import ForecastError
from forecaster.events import Note, TrialEnded, TrialStarted, Watch
from forecaster.selection.search.limits import Clock, Limits
from forecaster.selection.search.optuna import RunningTrial
from forecaster.selection.search.space import Dimension, Values
from forecaster.selection.search.study import Study, Trial
from forecaster.store.alive import AliveMarker

_POLL_SECONDS = 0.1  # The time between two looks at the trials of other processes.


@dataclass(frozen=True)
class Progress:
    """The loss of a trial after some tenths of its training schedule."""

    tenth: int
    loss: float


@dataclass(frozen=True)
class Outcome:
    """The end of a trial: its loss, or the error that refused its settings; neither if it was pruned."""

    loss: float | None = None
    refusal: ForecastError | None = None


class Scheduler:
    """The running trials of this process, by their place in the study."""

    def __init__(
        self, study: Study, marker: AliveMarker, space: Collection[Dimension], seed: int, limits: Limits, watch: Watch
    ) -> None:
        """Start the clock of a search.

        Args:
            marker: of this process.
            space: the settings that trials vary.
            watch: receives the start and the end of each trial.
        """
        self._study = study
        self._marker = marker
        self._space = space
        self._seed = seed
        self._limits = limits
        self._watch = watch
        self._clock = Clock(limits)
        self._running: dict[int, tuple[RunningTrial, list[Trial]]] = {}  # with the trials that had ended before

    def start_next(self) -> tuple[int, Values] | None:
        """Start a trial, and return its place and values; None if there is none, or none before another has ended."""
        while not self._clock.is_over(ended := self._study.trials()):
            if trial := self._study.start_trial(self._marker, self._limits.max_trials):
                self._running[trial.place] = trial, ended
                self._watch(TrialStarted(trial.place + 1, self._limits.trials))
                return trial.place, trial.draw_values(self._space, self._seed)
            if self._running or not self._study.is_blocked(self._limits.max_trials):
                return None
            time.sleep(_POLL_SECONDS)
        return None

    def should_stop(self, place: int, progress: Progress) -> bool:
        """Report the progress of a trial, and return True if it should stop: it is pruned, or the time is over."""
        trial, ended = self._running[place]
        return trial.report_and_prune(progress.tenth, progress.loss) or self._clock.is_over(ended)

    def end(self, place: int, outcome: Outcome) -> None:
        """Write the outcome of a trial to the study.

        Raises: ForecastError: the settings of the first trial were refused.
        """
        trial, _ = self._running.pop(place)
        loss, refusal = outcome.loss, outcome.refusal
        if refusal is not None:
            trial.end("failed")
            if place == 0:
                raise refusal
            self._watch(Note(f"trial {place + 1} failed: {refusal.message}"))
        elif loss is None:
            trial.end("pruned")
        else:
            trial.end("done", loss) if math.isfinite(loss) else trial.end("failed")
        self._watch(self._summarise(place + 1))

    def requeue_all(self) -> None:
        """Let all running trials be tried again."""
        for trial, _ in self._running.values():
            trial.requeue()

    def fail_all(self) -> None:
        """End all running trials as failed."""
        for trial, _ in self._running.values():
            trial.end("failed")

    def _summarise(self, number: int) -> TrialEnded:
        trials = self._study.trials()
        ended = next(trial for trial in trials if trial.number == number)
        leaders = self._study.leaders()
        missing = max(self._limits.max_trials - len(trials), 0)
        return TrialEnded(
            number=number,
            state=ended.state,
            loss=ended.loss,
            best=leaders[0].loss if leaders else None,
            best_number=leaders[0].number if leaders else None,
            done=len(trials),
            trials=self._limits.trials,
            seconds_left=self._clock.seconds_left(missing * self._study.seconds / len(trials), trials),
        )
