"""The features of every time that a window can read, computed once for all series that share it."""

import numpy as np

from forecaster.batches import calendar_features
from forecaster.batches.window_spec import WindowSpec
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel


def tabulate(panel: Panel, spec: WindowSpec) -> tuple[Floats, Ints, tuple[str, ...]]:
    """Compute the features of every time that a window can read, once for all series that share it.

    Returns: the features of each distinct time [R, K], the row of each series' first step [N], and the names [K].
    """
    names = (calendar_features.names(panel.frequency) if spec.calendar else ()) + (
        calendar_features.holiday_names(panel.frequency) if spec.holidays else ()
    )
    if not names:
        return np.empty((0, 0), np.float32), np.zeros(len(panel), np.int64), ()
    stamps, row = _distinct_times(panel, spec)
    parts = [calendar_features.calendar(panel.frequency, stamps, panel.zone)] if spec.calendar else []
    if spec.holidays:
        parts.append(calendar_features.holidays(spec.holidays, panel.frequency, stamps, panel.zone))
    return np.hstack(parts), row, names


def _distinct_times(panel: Panel, spec: WindowSpec) -> tuple[Ints, Ints]:
    """List the times from a context before each series to a horizon after its last row; series whose times
    overlap share them, so that the list is never longer than all series together.

    Returns: [R] timestamps, and [N] where each series' first step is among them.
    """
    frequency = panel.frequency
    number = frequency.index(np.zeros(1, np.int64), panel.start)
    origin = frequency.timestamps(np.zeros(1, np.int64), number)
    offset = panel.start - origin  # series of one frequency may run beside each other, half a step apart
    low = number - spec.context
    high = number + np.maximum(panel.stop - panel.begin, panel.lengths) + spec.horizon
    order = np.lexsort((low, offset))
    blocks: list[tuple[int, int, int]] = []  # series that a block starts from, its first and last step
    block_of = np.empty(len(panel), np.int64)
    for series in order:
        is_apart = not blocks or offset[blocks[-1][0]] != offset[series] or low[series] > blocks[-1][2]
        if is_apart:
            blocks.append((int(series), int(low[series]), int(high[series])))
        else:
            blocks[-1] = (*blocks[-1][:2], max(blocks[-1][2], int(high[series])))
        block_of[series] = len(blocks) - 1
    sizes = np.array([last - first for _, first, last in blocks])
    begin = np.cumsum(sizes) - sizes
    row = begin[block_of] + number - np.array([first for _, first, _ in blocks])[block_of]
    stamps = [
        frequency.timestamps(panel.start[series], np.arange(first, last) - number[series])
        for series, first, last in blocks
    ]
    return np.concatenate(stamps), row
