"""How much of a large table fits into memory at once; the figures are measured (docs/LOG.md)."""

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints

DEFAULT_ROWS_AT_ONCE = 4_000_000  # read at once where no limit is set: about 0.4 GB
_LEAST_ROWS = 100_000

# bytes, of a training of two networks in processes of their own
_PROGRAM_BYTES = 900 * 10**6  # without data, but with torch and a batch
_PER_ROW_READ = 100  # while it is read and laid out
_PER_ROW, _PER_SERIES, _PER_STEP = 20, 2000, 200  # learnt from; and each of a series' steps that is forecast
_USUAL_HORIZON = 48


def rows_at_once(memory: int | None) -> int:
    """How many rows of a table to read at once.

    Args:
        memory: bytes that may be taken; None for any number.
    """
    if memory is None:
        return DEFAULT_ROWS_AT_ONCE
    return int(
        np.clip(
            (memory - _PROGRAM_BYTES) / 2 // _PER_ROW_READ, min(_LEAST_ROWS, DEFAULT_ROWS_AT_ONCE), DEFAULT_ROWS_AT_ONCE
        )
    )


def sample_series(rows: Ints, horizon: int | None, memory: int | None) -> npt.NDArray[np.bool_] | None:
    """Draw evenly as many series as networks can learn from in memory, always the same ones; None for all.

    Args:
        rows: [N] of each series.
        horizon: steps that are held out of each and forecast; None where the data is yet to say.
        memory: bytes that may be taken; None for any number.
    """
    if memory is None:
        return None
    cost = rows * _PER_ROW + _PER_SERIES + (horizon or _USUAL_HORIZON) * _PER_STEP
    room = memory - _PROGRAM_BYTES
    if cost.sum() <= room:
        return None
    order = np.random.default_rng(0).permutation(len(rows))
    chosen = order[: max(int(np.searchsorted(np.cumsum(cost[order]), room)), 1)]
    kept = np.zeros(len(rows), bool)
    kept[chosen] = True
    return kept
