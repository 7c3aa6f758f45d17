"""Which of a series' last steps are kept back, and for what."""

from dataclasses import dataclass

import numpy as np

from forecaster.frequency import Ints
from forecaster.panel import Panel

VALIDATION_SHARE = 0.15
CALIBRATION_SHARE = 0.1
_LEFT = 3  # horizons to learn from, or a series is too short to calibrate on


@dataclass(frozen=True)
class Split:
    """Steps kept back from the end of each series: fit | validation | calibration | holdout.

    Attributes:
        validation: [N] steps that choose when to stop; 0 for a series too short to spare them.
        calibration: [N] steps that tell how wide intervals must be; 0 for a series too short to spare them.
        holdout: [N] steps that only score: the horizon, or 0.
    """

    validation: Ints
    calibration: Ints
    holdout: Ints

    @property
    def is_scored(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[N] whether the series has a holdout."""
        return self.holdout > 0

    @property
    def unlearnt(self) -> Ints:
        """[N] steps before the holdout that teach the network nothing: what `Forecaster.fit` calls `validation`."""
        return self.validation + self.calibration


def split(panel: Panel, horizon: int, *, is_calibrated: bool, holds_out: bool = True) -> Split:
    """Keep back a holdout and the tails before it, wherever enough is left to learn from.

    The holdout is the last `horizon` steps. The calibration tail before it is `CALIBRATION_SHARE` of the rest, the
    validation tail before that `VALIDATION_SHARE`, both at least a horizon. A series that would keep less than three
    horizons to learn from gives up calibration; one that would keep less than a whole window, a step and a horizon,
    gives up validation, then the holdout. It is still learnt and forecast.

    Args:
        is_calibrated: whether intervals are to be calibrated.
        holds_out: whether there is a holdout; not where what follows the panel will score.
    """
    whole = horizon + 1
    holdout = np.where(panel.lengths >= horizon + whole, horizon if holds_out else 0, 0)
    rest = panel.lengths - holdout
    tail = np.maximum((VALIDATION_SHARE * rest).astype(np.int64), horizon)
    unlearnt = np.where(rest >= tail + whole, tail, 0)
    if not is_calibrated:
        return Split(unlearnt, np.zeros_like(unlearnt), holdout)
    both = np.maximum(((VALIDATION_SHARE + CALIBRATION_SHARE) * rest).astype(np.int64), 2 * horizon)
    unlearnt = np.where(rest >= both + _LEFT * horizon, both, unlearnt)
    calibration = calibration_of(unlearnt, horizon)
    return Split(unlearnt - calibration, calibration, holdout)


def calibration_of(unlearnt: Ints, horizon: int) -> Ints:
    """[N] how many of the last `unlearnt` [N] steps calibrate: none where a horizon is not left for validation."""
    share = CALIBRATION_SHARE / (VALIDATION_SHARE + CALIBRATION_SHARE)
    part = np.maximum((share * unlearnt).round().astype(np.int64), horizon)
    return np.where(unlearnt >= 2 * horizon, part, 0)
