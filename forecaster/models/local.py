"""What forecasters share that extrapolate each series by itself, from its visible history alone."""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forecaster.events import TrainingStep, Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.panel import Panel

Rows = npt.NDArray[np.float64]


class Extrapolation(NamedTuple):
    """The next steps of each series.

    Attributes:
        mean: [N, H] point forecast, finite.
        spread: [N, H] standard deviation, finite.
        is_fallback: [N] whether a simpler forecast stands in for one that failed; None where none could fail.
    """

    mean: Rows
    spread: Rows
    is_fallback: npt.NDArray[np.bool_] | None = None


class Local:
    """A Forecaster that learns nothing from the panel: `extrapolate` is all that a kind has to add.

    Intervals are normal, so that the point forecast is also the median. The state is empty, since whatever a method
    estimates it estimates anew from the history that it is asked to go on with.
    """

    name: str
    point: str

    def __init__(self) -> None:
        self.history: list[TrainingStep] = []

    def extrapolate(self, panel: Panel, horizon: int) -> Extrapolation:
        """Go on with each series; every one has a step that was observed."""
        raise NotImplementedError

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Nothing is learnt; the season is the panel's."""

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        mean, spread, is_fallback = self.extrapolate(panel, horizon)
        quantiles = np.empty((*mean.shape, len(PROBABILITIES)), np.float32)  # [N, H, Q]
        for number, probability in enumerate(PROBABILITIES):  # in float64 all at once would be the most memory of all
            quantiles[:, :, number] = mean + spread * NormalDist().inv_cdf(probability)
        return Forecast.of(panel, mean.astype(np.float32), quantiles, model=self.name, fallback=is_fallback)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        return {}

    def restore(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """There is nothing to take up."""
