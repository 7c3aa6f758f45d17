"""Windows for the update of a network that was trained on an earlier part of its panel."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.batches.windows import Batch, RandomSource, Windows
from forecaster.frequency import Ints

NEW_WINDOW_SHARE = 0.1  # share of an update's windows that reach new steps; a half made forecasts worse


class UpdateWindows:
    """Windows for the update of a trained network.

    A share of each batch reaches steps that are new, so that they count; the rest is drawn from all windows, so that
    nothing is forgotten.
    """

    def __init__(self, windows: Windows, position: Ints, numbers: Ints) -> None:
        """Prepare to mix new and old windows.

        Args:
            windows: windows of a panel with N series.
            position: [N] position of each series' first new step.
            numbers: [N] number of each series among those that the network was trained on.
        """
        self._all, self._new = windows, windows.select_reaching(position)
        self._numbers = numbers

    def draw(self, size: int, random: RandomSource) -> Batch:
        """Draw `size` windows; from all windows where none is new."""
        count = round(NEW_WINDOW_SHARE * size) if len(self._new) else 0
        parts = [
            windows.draw(number, random)
            for windows, number in ((self._new, count), (self._all, size - count))
            if number
        ]
        batch = Batch(*(np.concatenate(each) for each in zip(*map(_fields, parts), strict=True)))
        return replace(batch, series=self._numbers[batch.series])


def _fields(batch: Batch) -> list[npt.NDArray[Any]]:
    return [getattr(batch, field.name) for field in fields(batch)]
