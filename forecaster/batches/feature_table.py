"""A table of calendar and holiday features by time, computed once for all series that share their times."""

import numpy as np

from forecaster.batches import calendar_features, holidays
from forecaster.batches.window_spec import WindowSpec
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel


def tabulate_features(panel: Panel, spec: WindowSpec) -> tuple[Floats, Ints, tuple[str, ...]]:
    """Compute the features of every time that a window can contain.

    Returns: the features of each distinct time [R, K], the row of each series' first step [N], and the names [K].
    """
    frequency = panel.frequency
    names = (calendar_features.feature_names(frequency) if spec.calendar else ()) + (
        holidays.feature_names(frequency) if spec.holidays else ()
    )
    if not names:
        return np.empty((0, 0), np.float32), np.zeros(len(panel), np.int64), ()
    stamps, row = _distinct_times(panel, spec)
    parts = [calendar_features.compute_features(frequency, stamps, panel.zone)] if spec.calendar else []
    if spec.holidays:
        parts.append(holidays.compute_features(spec.holidays, frequency, stamps, panel.zone))
    return np.hstack(parts), row, names


def _distinct_times(panel: Panel, spec: WindowSpec) -> tuple[Ints, Ints]:
    """List the times from a context before each series to a horizon after its last row.

    Series whose times overlap share them, so the list is never longer than all series together.

    Returns: [R] timestamps, and [N] the index of each series' first step among them.
    """
    frequency = panel.frequency
    number = frequency.index(np.zeros(1, np.int64), panel.start)
    origin = frequency.timestamps(np.zeros(1, np.int64), number)
    offset = panel.start - origin  # the grids of two series of one frequency may differ by a part of a step
    low = number - spec.context
    high = number + np.maximum(panel.stop - panel.begin, panel.lengths) + spec.horizon
    order = np.lexsort((low, offset))
    blocks: list[tuple[int, int, int]] = []  # the first series of each block, its first step and the end of its steps
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
