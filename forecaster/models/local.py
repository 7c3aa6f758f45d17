"""The base of forecasters that extrapolate each series from its own visible history."""

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
        is_fallback: [N] True if a simpler forecast replaces one that failed; None if no forecast can fail.
    """

    mean: Rows
    spread: Rows
    is_fallback: npt.NDArray[np.bool_] | None = None


class Local:
    """A forecaster that learns nothing from the panel; a subclass implements `extrapolate`.

    Intervals are normal, so the point forecast is also the median. The state is empty, since a method estimates its
    parameters from the visible history of each forecast.
    """

    name: str
    point: str

    def __init__(self) -> None:
        self.history: list[TrainingStep] = []

    def extrapolate(self, panel: Panel, horizon: int) -> Extrapolation:
        """Forecast each series of a panel; each has at least one observed step."""
        raise NotImplementedError

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Do nothing: the season comes from the panel."""

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        mean, spread, is_fallback = self.extrapolate(panel, horizon)
        quantiles = np.empty((*mean.shape, len(PROBABILITIES)), panel.values.dtype)  # [N, H, Q]
        # One quantile at a time saves memory: all of them in float64 would take the most of a run.
        for number, probability in enumerate(PROBABILITIES):
            quantiles[:, :, number] = mean + spread * NormalDist().inv_cdf(probability)
        return Forecast.of(
            panel, quantiles, model=self.name, mean=mean.astype(panel.values.dtype), fallback=is_fallback
        )

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        return {}

    def restore(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """Do nothing: the state is empty."""
