"""Bounds on the time and memory of a graph that a stranger may have written."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecaster.errors import InputError
from forecaster.models.state import Arrays

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_BASE_BYTES = 2**30
_BYTES_PER_FEATURE = 64  # The gates of a cell and copies of its states, for each window and step.
_BUILD_BYTES = 2**29
_BUILD_FACTOR = 4  # The size of a network while it is built, relative to its weights.
_BASE_SECONDS = 6.0
_MULTIPLICATIONS_PER_SECOND = 1e9  # The speed of a slow core that other processes use as well.


def largest_memory(windows: int, steps: int, values: int) -> int:
    """Return the bytes that a network of as many weights needs at most for a batch of windows."""
    return _BASE_BYTES + int(_BYTES_PER_FEATURE * windows * steps * math.sqrt(values))


def longest_time(windows: int, steps: int, values: int) -> float:
    """Return the seconds that a network of as many weights needs at most for a batch of windows."""
    return _BASE_SECONDS + windows * steps * values / _MULTIPLICATIONS_PER_SECOND


def memory_to_build(state: Arrays) -> int:
    """Return the bytes that torch needs at most to build the network of a state, whatever its config asks for."""
    return _BUILD_BYTES + _BUILD_FACTOR * sum(array.nbytes for array in state.values())


@contextmanager
def limited_memory(most_bytes: int | None) -> Iterator[None]:
    """Limit the memory that the process can reserve within the block; without effect where the system has no limits.

    A reservation beyond the limit fails within the library that asks for it, which raises an error of its own.

    Args:
        most_bytes: the memory beside what the process has reserved already; None for no limit.
    """
    pages = Path("/proc/self/statm")
    if most_bytes is None or resource is None or not pages.exists():
        yield
        return
    soft, hard = before = resource.getrlimit(resource.RLIMIT_AS)
    most = int(pages.read_text().split()[0]) * resource.getpagesize() + most_bytes
    limits = [most, *(limit for limit in before if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class Stopwatch:
    """Ends a run of onnxruntime that takes too long.

    Attributes:
        is_over: True if the run was ended.
    """

    def __init__(self, options: object, seconds: float) -> None:
        """Prepare to end a run.

        Args:
            options: the `RunOptions` of the run.
            seconds: the longest time.
        """
        self.is_over = False
        self._options = options
        self._timer = threading.Timer(seconds, self._stop)
        self._timer.daemon = True

    def __enter__(self) -> "Stopwatch":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _stop(self) -> None:
        self.is_over = True
        self._options.terminate = True  # type: ignore[attr-defined]


def refuse_long_run(name: str, seconds: float) -> InputError:
    """Return the error for a graph that was ended."""
    return InputError(f"{name}: its ONNX graph ran for more than {seconds:.0f} s", hint="train again")
