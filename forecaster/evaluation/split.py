"""The division of each series into the steps for fitting, validation, calibration and the holdout."""

from dataclasses import dataclass

import numpy as np

from forecaster.frequency import Ints
from forecaster.panel import Panel

VALIDATION_SHARE = 0.15
CALIBRATION_SHARE = 0.1
_MIN_FIT_HORIZONS = 3  # horizons that a series must keep for fitting, or it has no calibration steps


@dataclass(frozen=True)
class Split:
    """Numbers of steps at the end of each series: fit | validation | calibration | holdout.

    Attributes:
        validation: [N] steps that decide when training stops; 0 for a series that is too short.
        calibration: [N] steps that the widths of intervals are calibrated on; 0 for a series that is too short.
        holdout: [N] steps that are only evaluated: the horizon, or 0.
    """

    validation: Ints
    calibration: Ints
    holdout: Ints

    @property
    def is_scored(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[N] flags: True if the series has a holdout."""
        return self.holdout > 0

    @property
    def tail(self) -> Ints:
        """[N] steps before the holdout that weights are not fitted on: the `validation` of `Forecaster.fit`."""
        return self.validation + self.calibration


def split(panel: Panel, horizon: int, *, is_calibrated: bool, has_holdout: bool = True) -> Split:
    """Reserve a holdout and the tails before it in each series that is long enough.

    The holdout is the last `horizon` steps. The calibration tail before it is `CALIBRATION_SHARE` of the rest, the
    validation tail before that is `VALIDATION_SHARE`, both at least a horizon. A series that would keep less than three
    horizons for fitting has no calibration tail. A series that would keep less than a whole window (a step and a
    horizon) has no validation tail, and if that is not enough, no holdout. It is still fitted and forecast.

    Args:
        is_calibrated: True if intervals will be calibrated.
        has_holdout: False if later data will be used for evaluation.
    """
    whole = horizon + 1
    holdout = np.where(panel.lengths >= horizon + whole, horizon if has_holdout else 0, 0)
    rest = panel.lengths - holdout
    validation = np.maximum((VALIDATION_SHARE * rest).astype(np.int64), horizon)
    tail = np.where(rest >= validation + whole, validation, 0)
    if not is_calibrated:
        return Split(tail, np.zeros_like(tail), holdout)
    both = np.maximum(((VALIDATION_SHARE + CALIBRATION_SHARE) * rest).astype(np.int64), 2 * horizon)
    tail = np.where(rest >= both + _MIN_FIT_HORIZONS * horizon, both, tail)
    calibration = calibration_steps(tail, horizon)
    return Split(tail - calibration, calibration, holdout)


def calibration_steps(tail: Ints, horizon: int) -> Ints:
    """Return the [N] calibration steps of tails [N]; 0 if less than a horizon would be left for validation."""
    share = CALIBRATION_SHARE / (VALIDATION_SHARE + CALIBRATION_SHARE)
    part = np.maximum((share * tail).round().astype(np.int64), horizon)
    return np.where(tail >= 2 * horizon, part, 0)
