"""The number of rows and series that fit into memory; the figures are measured (docs/LOG.md)."""

import contextlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints

DEFAULT_ROWS_AT_ONCE = 4_000_000  # about 0.4 GB
_MIN_ROWS_AT_ONCE = 100_000
_UNKNOWN_BYTES = 1 << 40

_PROGRAM_BYTES = 900 * 10**6  # torch and a batch, without data
_BYTES_PER_ROW_READ = 100
# These cover the training of two networks in worker processes.
_BYTES_PER_ROW, _BYTES_PER_SERIES, _BYTES_PER_FORECAST_STEP = 20, 2000, 200
_USUAL_HORIZON = 48


def free_memory() -> int:
    """Return the bytes of memory that this process can still use, at least; many where the system does not say."""
    limits = [_UNKNOWN_BYTES]
    with contextlib.suppress(OSError, ValueError, TypeError):
        limits.append(1024 * int(re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())[1]))  # type: ignore[index]
    with contextlib.suppress(OSError, ValueError):  # a container; the file contains `max` where there is no limit
        folder = Path("/sys/fs/cgroup")
        limits.append(int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text()))
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limits.append(limit - pages * resource.getpagesize())
    return max(min(limits), 0)


def rows_at_once(memory: int | None) -> int:
    """Return the number of rows of a table to read at once.

    Args:
        memory: the limit in bytes; None for no limit.
    """
    if memory is None:
        return DEFAULT_ROWS_AT_ONCE
    rows = (memory - _PROGRAM_BYTES) / 2 // _BYTES_PER_ROW_READ
    return int(np.clip(rows, min(_MIN_ROWS_AT_ONCE, DEFAULT_ROWS_AT_ONCE), DEFAULT_ROWS_AT_ONCE))


def sample_series(rows: Ints, horizon: int | None, memory: int | None) -> npt.NDArray[np.bool_] | None:
    """Draw a random sample of as many series as networks can be trained on in memory; the same one every time.

    Args:
        rows: [N] rows of each series.
        horizon: steps of each series that are held out and forecast; None if it depends on the data.
        memory: the limit in bytes; None for no limit.

    Returns: [N] True for each series in the sample; None if all of them fit.
    """
    if memory is None:
        return None
    cost = rows * _BYTES_PER_ROW + _BYTES_PER_SERIES + (horizon or _USUAL_HORIZON) * _BYTES_PER_FORECAST_STEP
    budget = memory - _PROGRAM_BYTES
    if cost.sum() <= budget:
        return None
    order = np.random.default_rng(0).permutation(len(rows))
    count = max(int(np.searchsorted(np.cumsum(cost[order]), budget)), 1)
    is_selected = np.zeros(len(rows), bool)
    is_selected[order[:count]] = True
    return is_selected
