"""Which of a series' last steps are kept back, and for what."""

from dataclasses import dataclass

import numpy as np

from forecaster.frequency import Ints
from forecaster.panel import Panel

VALIDATION_SHARE = 0.15


@dataclass(frozen=True)
class Split:
    """Steps kept back from the end of each series: fit | validation | holdout.

    Attributes:
        validation: [N] steps that choose when to stop; 0 for a series too short to spare them.
        holdout: [N] steps that only score: the horizon, or 0.
    """

    validation: Ints
    holdout: Ints

    @property
    def is_scored(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[N] whether the series has a holdout."""
        return self.holdout > 0


def split(panel: Panel, horizon: int, *, holds_out: bool = True) -> Split:
    """Keep back a holdout and a validation tail wherever a whole window of a step and a horizon is left before them.

    The holdout is the last `horizon` steps. The validation tail before it is `VALIDATION_SHARE` of the rest and at
    least a horizon. A series too short for both gives up validation, then the holdout; it is still learnt and forecast.

    Args:
        holds_out: whether there is a holdout; not where what follows the panel will score.
    """
    whole = horizon + 1
    holdout = np.where(panel.lengths >= horizon + whole, horizon if holds_out else 0, 0)
    rest = panel.lengths - holdout
    tail = np.maximum((VALIDATION_SHARE * rest).astype(np.int64), horizon)
    validation = np.where(rest >= tail + whole, tail, 0)
    return Split(validation=validation, holdout=holdout)
