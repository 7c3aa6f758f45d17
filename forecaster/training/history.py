"""The history of a training as an array, which checkpoints store."""

import math
from dataclasses import astuple, fields

import numpy as np
import numpy.typing as npt

from forecaster.events import TrainingStep

Rows = npt.NDArray[np.float64]


def history_to_array(history: list[TrainingStep]) -> Rows:
    """Convert a history to an array [steps, 6], NaN where no validation loss was measured."""
    rows = [[math.nan if value is None else value for value in astuple(step)] for step in history]
    return np.array(rows, np.float64).reshape(-1, len(fields(TrainingStep)))


def history_from_array(rows: Rows) -> list[TrainingStep]:
    """Convert an array from `history_to_array` back to a history."""
    return [
        TrainingStep(int(step), seconds, train, None if math.isnan(held_out_loss) else held_out_loss, rate, norm)
        for step, seconds, train, held_out_loss, rate, norm in rows.tolist()
    ]
