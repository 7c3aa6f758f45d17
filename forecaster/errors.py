"""What can go wrong, and what the process then answers.

    ForecastError
    ├── UsageError        2    wrong usage of the command line
    ├── GateError         4    a quality gate failed
    ├── StaleError        5    the input is stale or incomplete
    ├── DataError         65   the data is unusable as given
    ├── InputError        66   an input does not exist or cannot be read
    ├── DependencyError   69   a needed service or dependency is not available
    ├── OutputError       73   an output cannot be written
    ├── LockError         75   another run holds the lock
    ├── ConfigError       78   the config is wrong
    └── Interrupted       130 / 143   a signal stopped the run; its state is saved

Every message has place, what and got; every hint says what to type.
"""

import difflib
import signal
from collections.abc import Iterable
from functools import partial
from typing import Any


class ForecastError(Exception):
    """A failure that the user can mend. Never raised for our own bugs.

    Args:
        message: place, what and got, in one line: `sales.csv: series 'A12' has 2 rows for 2024-03-01`.
        hint: what to type or change, in one line.
    """

    code: int = 1
    kind: str = "error"

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), hint=self.hint), (self.message,)  # a keyword would be lost between processes


class UsageError(ForecastError):
    """Wrong usage of the command line: a bad flag value, an unknown column, ambiguous roles."""

    code, kind = 2, "usage"


class GateError(ForecastError):
    """What would have been published is not good enough."""

    code, kind = 4, "gate"


class StaleError(ForecastError):
    """The input of a job is too old, or less than there was before."""

    code, kind = 5, "stale"


class DataError(ForecastError):
    """The data is unusable as given: shape, types, time, too short, other columns than the bundle's."""

    code, kind = 65, "data"


class InputError(ForecastError):
    """A file, folder or bundle is missing, unreadable, truncated, altered or of a newer schema."""

    code, kind = 66, "input"


class DependencyError(ForecastError):
    """A needed service or an optional dependency is not there."""

    code, kind = 69, "dependency"


class OutputError(ForecastError):
    """An output cannot be written: disk full, permissions, a folder in use."""

    code, kind = 73, "output"


class LockError(ForecastError):
    """Another run is writing the same output; a later try may succeed."""

    code, kind = 75, "lock"


class ConfigError(ForecastError):
    """A config key or value is wrong."""

    code, kind = 78, "config"


class Interrupted(ForecastError):
    """SIGINT or SIGTERM arrived; raised between two training steps, so that the state is whole."""

    kind = "interrupted"

    def __init__(self, signum: int, *, hint: str = "type the command again to start over") -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}", hint=hint)
        self.signum = signum
        self.code = 128 + signum

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), hint=self.hint), (self.signum,)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Name the known word that was probably meant: ` (did you mean 'close'?)`, or nothing."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{matches[0]}'?)" if matches else ""
