"""The errors that a user can fix, each with the exit code of the process.

    ForecastError
    ├── UsageError        2    wrong usage of the command line
    ├── GateError         4    a quality gate failed
    ├── StaleError        5    the input is stale or incomplete
    ├── DataError         65   the data is unusable as given
    ├── InputError        66   an input does not exist or cannot be read
    ├── DependencyError   69   a needed service or dependency is not available
    ├── OutputError       73   an output cannot be written
    ├── LockError         75   another run is writing the same output
    ├── ConfigError       78   the config is wrong
    └── Interrupted       130 / 143   a signal stopped the run; its state is saved

A message names the place, the problem and the value found; a hint says what to type. Neither contains a password.
"""

import difflib
import shlex
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from forecaster.addresses import hide_secrets

_MAX_MESSAGE = 3000  # characters
_MAX_REASON = 300  # characters of a library's message


class ForecastError(Exception):
    """A failure that the user can fix. A bug of this program is never a ForecastError.

    Args:
        message: the place, the problem and the value found, in one line:
            `sales.csv: series 'A12' has 2 rows for 2024-03-01`.
        hint: one line that says what to type or change.
    """

    code: int = 1
    kind: str = "error"

    def __init__(self, message: str, *, hint: str) -> None:
        if len(message) > _MAX_MESSAGE:  # A file can contain any text, and the last word may be half an address.
            message = f"{message[:_MAX_MESSAGE].rpartition(' ')[0]} ..."
        self.message, self.hint = hide_secrets(message), hide_secrets(hint)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), hint=self.hint), (self.message,)  # pickling would lose the keyword


class UsageError(ForecastError):
    """Wrong usage of the command line: a bad flag value, an unknown column, or ambiguous roles."""

    code, kind = 2, "usage"


class GateError(ForecastError):
    """A forecast that is not good enough to be published."""

    code, kind = 4, "gate"


class StaleError(ForecastError):
    """Input of a job that is too old or incomplete."""

    code, kind = 5, "stale"


class DataError(ForecastError):
    """Data that is unusable as given: its shape, types, times, length, or columns that the bundle does not have."""

    code, kind = 65, "data"


class InputError(ForecastError):
    """A file, folder or bundle that is missing, unreadable, truncated, altered or of a newer schema."""

    code, kind = 66, "input"


class DependencyError(ForecastError):
    """A service or an optional dependency that is not available."""

    code, kind = 69, "dependency"


class OutputError(ForecastError):
    """An output that cannot be written: the disk is full, permissions are missing, or the folder is in use."""

    code, kind = 73, "output"


class LockError(ForecastError):
    """Another run that is writing the same output; a later attempt may succeed."""

    code, kind = 75, "lock"


class ConfigError(ForecastError):
    """A wrong config key or value."""

    code, kind = 78, "config"


class Interrupted(ForecastError):
    """SIGINT or SIGTERM; raised between two training steps, so that the saved state is complete."""

    kind = "interrupted"

    def __init__(self, signum: int, *, hint: str = "type the command again to start over") -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}", hint=hint)
        self.signum = signum
        self.code = 128 + signum

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), hint=self.hint), (self.signum,)


@contextmanager
def as_input_error(problem: str, hint: str = "train again") -> Iterator[None]:
    """Turn whatever fails in a block that reads or runs the files of a stranger into an input error.

    Their values may cause any error of any library. A config error becomes an input error, too: the user did not write
    the config.

    Args:
        problem: the file or folder, and what cannot be done with it.

    Raises: InputError: the block failed, and not by an error that the user can fix.
    """
    try:
        yield
    except ConfigError as error:
        raise InputError(f"{problem}: {error.message}", hint=hint) from error
    except ForecastError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_REASON]
        raise InputError(f"{problem}: {reason}", hint=hint) from error


def quote_value(value: str) -> str:
    """Quote the value of an option for the shell; one with a comma as well, which would seem to end in a sentence."""
    quoted = shlex.quote(value)
    return f"'{value}'" if quoted == value and "," in value else quoted


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the most similar known word: ` (did you mean 'close'?)`, or an empty text."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{matches[0]}'?)" if matches else ""
