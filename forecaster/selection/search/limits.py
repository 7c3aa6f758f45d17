"""The limits of a search in trials and time."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from forecaster.selection.search.study import Trial


@dataclass(frozen=True)
class Limits:
    """The limits of a search, which ends at the first that it reaches.

    Attributes:
        trials: number of trials of the study, by all processes and earlier searches together; None for no limit.
        seconds: time from the start of this search; None for no limit.
        reserve: multiple of (first + best trial's seconds) that is reserved for the final comparison, out of `seconds`.
    """

    trials: int | None = None
    seconds: float | None = None
    reserve: float = 0.0

    @property
    def max_trials(self) -> float:
        """The number of trials, infinite without a limit."""
        return math.inf if self.trials is None else self.trials


class Clock:
    """The time of a search, from the moment at which the clock is made."""

    def __init__(self, limits: Limits) -> None:
        self._started = time.monotonic()
        self._limits = limits

    def is_over(self, trials: Sequence[Trial]) -> bool:
        """Return True if only the reserve is left; never before the first trial has ended.

        Args:
            trials: those that have ended.
        """
        return bool(trials) and self._remaining(trials) <= 0

    def seconds_left(self, seconds_by_count: float, trials: Sequence[Trial]) -> float | None:
        """Estimate the seconds until the search ends; None without a limit.

        Args:
            seconds_by_count: the estimate for the trials that are missing.
            trials: those that have ended.
        """
        seconds = min(seconds_by_count, max(self._remaining(trials), 0.0))
        return seconds if math.isfinite(seconds) else None

    def _remaining(self, trials: Sequence[Trial]) -> float:
        if self._limits.seconds is None:
            return math.inf
        best = min(trials, key=lambda trial: math.inf if trial.loss is None else trial.loss)
        reserve = self._limits.reserve * (trials[0].seconds + best.seconds)
        return self._limits.seconds - reserve - (time.monotonic() - self._started)
