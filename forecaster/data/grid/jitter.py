"""Times of loggers that are a little off an even grid, such as every 15 minutes give or take three seconds."""

import numpy as np

from forecaster.frequency import DAY, HOUR, MINUTE, SECOND, Frequency, Ints

_STEPS = (
    *(count * SECOND for count in (1, 2, 5, 10, 15, 20, 30)),
    *(count * MINUTE for count in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
    *(count * HOUR for count in (1, 2, 3, 4, 6, 8, 12)),
    DAY,
)
_MAX_STEP_RATIO = 1.05
_MAX_DEVIATION_IN_STEPS = 0.2
_MIN_SHARE_OF_ROWS = 0.99


def find_step(stamps: Ints, codes: Ints) -> Frequency | None:
    """Return the frequency that times keep up to a small deviation; None if they keep none.

    Args:
        stamps: [R] times, sorted by series.
        codes: [R] number of the series of each row.
    """
    steps = np.diff(stamps)[np.diff(codes) == 0]
    steps = steps[steps > 0]
    if len(steps) < 2:
        return None
    usual = float(np.median(steps))
    every = min(_STEPS, key=lambda step: abs(np.log(step / usual)))
    frequency = Frequency("fixed", every)
    is_close = 1 / _MAX_STEP_RATIO <= usual / every <= _MAX_STEP_RATIO
    return frequency if is_close and snap(stamps, codes, frequency) is not None else None


def snap(stamps: Ints, codes: Ints, frequency: Frequency) -> Ints | None:
    """Return the [R] times of the grid that times stand for; None if they are far from it, or share a time of it.

    The grid contains the start of the day where that is as near as any other grid.

    Args:
        stamps, codes: as for `find_step`.
        frequency: of a fixed step.
    """
    every = frequency.every
    for shift in (0, int(np.median(stamps % every))):
        snapped = np.round((stamps - shift) / every).astype(np.int64) * every + shift
        deviation = np.abs(stamps - snapped)
        is_near = (deviation <= _MAX_DEVIATION_IN_STEPS * every).mean() >= _MIN_SHARE_OF_ROWS
        if is_near and not ((np.diff(snapped) == 0) & (np.diff(codes) == 0)).any():
            return snapped
    return None
