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
    """The next steps of one series.

    Attributes:
        mean: [H] point forecast, finite.
        spread: [H] standard deviation, finite.
        is_fallback: whether a simpler forecast stands in for one that failed.
    """

    mean: Rows
    spread: Rows
    is_fallback: bool = False


class Local:
    """A Forecaster that learns nothing from the panel: `extrapolate` is all that a kind has to add.

    Intervals are normal, so that the point forecast is also the median. The state is empty, since whatever a method
    estimates it estimates anew from the history that it is asked to go on with.
    """

    name: str
    point: str

    def __init__(self) -> None:
        self.history: list[TrainingStep] = []

    def extrapolate(self, target: Rows, horizon: int, season: int) -> Extrapolation:
        """Go on with one series.

        Args:
            target: [T] visible values, NaN in the gaps, with at least one that is known.
        """
        raise NotImplementedError

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Nothing is learnt; the season is the panel's."""

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        rows = [self.extrapolate(target.astype(np.float64), horizon, panel.season) for target in panel]
        mean = np.array([row.mean for row in rows])
        spread = np.array([row.spread for row in rows])  # [N, H]
        normal = np.array([NormalDist().inv_cdf(p) for p in PROBABILITIES])
        quantiles = mean[:, :, None] + spread[:, :, None] * normal  # [N, H, Q]
        return Forecast.of(
            panel,
            mean.astype(np.float32),
            quantiles.astype(np.float32),
            model=self.name,
            fallback=np.array([row.is_fallback for row in rows]),
        )

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        return {}

    def restore(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """There is nothing to take up."""
