"""Series whose first or last rows are far away in time from all others, as after a mistyped year."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.panel import Panel

_MAX_ROWS_APART = 3
_MIN_RATIO = 10  # The gap is as many times longer than any other.


@dataclass(frozen=True)
class Jump:
    """A gap between a few rows at an end of a series and all its other rows.

    Attributes:
        row: the number of the series in the panel.
        rows: the number of rows beyond the gap.
        steps: the length of the gap.
        from_step, to_step: the steps beside the gap, from the first step of the series.
        is_at_end: True if the few rows are the last ones, after which a forecast begins.
    """

    row: int
    rows: int
    steps: int
    from_step: int
    to_step: int
    is_at_end: bool


def find_jumps(panel: Panel, horizon: int) -> list[Jump]:
    """Find the series in which one to three rows at an end are further away than a horizon.

    The gap must also be ten times as long as any other gap of the series.
    """
    rows = np.flatnonzero(panel.lengths > horizon + 1 + _MAX_ROWS_APART)
    near = np.arange(1, _MAX_ROWS_APART + 1)
    positions = np.concatenate([panel.begin[rows, None] + near, panel.end[rows, None] - 1 - near], axis=1)
    rows = rows[np.isnan(panel.values[positions, 0]).any(axis=1)]  # A gap begins or ends beside the few rows.
    jumps = []
    for row in rows:
        target = panel.values[panel.begin[row] : panel.end[row], 0]
        if (jump := _find_jump(int(row), np.flatnonzero(~np.isnan(target)), horizon)) is not None:
            jumps.append(jump)
    return jumps


def _find_jump(row: int, steps: npt.NDArray[np.int64], horizon: int) -> Jump | None:
    """Return the jump of a series with values at some steps, of which there are at least two; None if it has none."""
    gaps = np.diff(steps)
    number = int(gaps.argmax())
    gap, others = int(gaps[number]), np.delete(gaps, number)
    if gap <= horizon or not len(others) or gap < _MIN_RATIO * others.max():
        return None
    before, after = number + 1, len(gaps) - number
    if min(before, after) > _MAX_ROWS_APART or len(steps) <= 2 * _MAX_ROWS_APART:
        return None
    return Jump(row, min(before, after), gap, int(steps[number]), int(steps[number + 1]), is_at_end=after <= before)
