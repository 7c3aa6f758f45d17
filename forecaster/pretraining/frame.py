"""The frame of synthetic series, and the draws that the families share."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Ints

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Range = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """The seasons and the number of steps of the series that a family draws.

    Attributes:
        season: [n] steps in a season, 1 for none.
        second_season: [n] steps in the second season; equals `season` if there is none.
        steps: number of steps T of each series.
        season_scale: [n] factor of the seasonal amplitude, or one for all series; 0 for a season without effect.
    """

    season: Ints
    second_season: Ints
    steps: int
    season_scale: Values | float = 1.0

    def __len__(self) -> int:
        return len(self.season)

    def select(self, rows: Ints) -> "Frame":
        """Return the frame of some rows."""
        scale = self.season_scale
        part = scale if isinstance(scale, float) else scale[rows]
        return Frame(self.season[rows], self.second_season[rows], self.steps, part)

    @property
    def times(self) -> Ints:
        """[T] number of each step."""
        return np.arange(self.steps)

    @property
    def is_seasonal(self) -> Flags:
        """[n] True for series with a season."""
        return self.season > 1

    @property
    def has_second_season(self) -> Flags:
        """[n] True for series with two seasons."""
        return self.second_season > self.season


def uniform(rng: np.random.Generator, bounds: Range, count: int) -> Values:
    """Draw [count] values that are uniform between two bounds."""
    return rng.uniform(*bounds, count)


def log_uniform(rng: np.random.Generator, bounds: Range, count: int) -> Values:
    """Draw [count] values whose logarithm is uniform between the logarithms of two positive bounds."""
    low, high = bounds
    values: Values = low * (high / low) ** rng.random(count)
    return values


def chance(rng: np.random.Generator, share: float, count: int) -> Flags:
    """Draw [count] flags, each of which is True with probability `share`."""
    return rng.random(count) < share


def standardise(values: Values) -> Values:
    """Return [n, T] values with mean 0 and deviation 1 along T; constant rows become zeros."""
    centred: Values = values - values.mean(1, keepdims=True)
    centred /= np.maximum(centred.std(1, keepdims=True), 1e-12)
    return centred


def local_deviation(values: Values, window: int = 32) -> Values:
    """Return the [n] mean deviation of [n, T] values within windows of some steps, which a trend hardly raises."""
    deviation: Values = window_deviations(values, window).mean(1)
    return deviation


def window_deviations(values: Values, window: int = 32) -> Values:
    """Return the [n, T // window] deviations of [n, T] values within windows that follow each other."""
    count, steps = values.shape
    window = min(window, steps)
    number = steps // window
    deviations: Values = values[:, : number * window].reshape(count, number, window).std(2)
    return deviations
