"""How much of a large table fits into memory at once; the figures are measured (docs/LOG.md)."""

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints

ROWS = 4_000_000  # read at once where no limit is set: about 0.4 GB
_LEAST_ROWS = 100_000

_PROGRAM = 600 * 10**6  # bytes of the program itself, torch and a batch of training included
_PER_ROW_READ = 100  # bytes while a row is read and laid out
_PER_ROW_LEARNT = 50  # bytes of a row of which a network learns, forecasts of its series included


def rows_at_once(memory: int | None) -> int:
    """How many rows of a table to read at once.

    Args:
        memory: bytes that may be taken; None for any number.
    """
    if memory is None:
        return ROWS
    return int(np.clip((memory - _PROGRAM) / 2 // _PER_ROW_READ, min(_LEAST_ROWS, ROWS), ROWS))


def choose_series(rows: Ints, memory: int | None) -> npt.NDArray[np.bool_] | None:
    """Draw evenly as many series as a network can learn from in memory, always the same ones; None for all.

    Args:
        rows: [N] of each series.
        memory: bytes that may be taken; None for any number.
    """
    if memory is None:
        return None
    room = (memory - _PROGRAM - _PER_ROW_READ * rows_at_once(memory)) / _PER_ROW_LEARNT
    if rows.sum() <= room:
        return None
    order = np.random.default_rng(0).permutation(len(rows))
    chosen = order[: max(int(np.searchsorted(np.cumsum(rows[order]), room)), 1)]
    kept = np.zeros(len(rows), bool)
    kept[chosen] = True
    return kept
