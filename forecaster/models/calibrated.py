"""A Forecaster whose intervals hold as much as they say, whatever makes the forecast within."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from forecaster.evaluation.calibration import WidthFactors, estimate_width_factors
from forecaster.evaluation.metrics import seasonal_error
from forecaster.evaluation.split import calibration_steps
from forecaster.events import Note, TrainingStep, Watch
from forecaster.forecast import Checkpoint, Exportable, Forecast, Forecaster, Updatable
from forecaster.frequency import Ints
from forecaster.panel import Panel

Arrays = dict[str, npt.NDArray[np.generic]]

MAX_CUTOFFS = 32  # of a series, at most
_POINTS = 250_000  # forecast for calibration at most, but for one cutoff of each series
_PREFIX = "conformal."


class Calibrated:
    """Stretch another Forecaster's intervals about its median to their nominal coverage (split conformal prediction).

    How much is learnt from forecasts of steps that taught the other one nothing, made from several cutoffs. A refit
    keeps what was learnt; the median and the point forecast stay as they are. Of the forecaster within it sees what
    that computed, before it is brought to the target's minimum, maximum and whole numbers; these hold for the result.
    """

    def __init__(self, inner: Forecaster, *, horizon: int, cutoffs: int = MAX_CUTOFFS) -> None:
        """Take the forecaster to calibrate.

        Args:
            horizon: steps that it is calibrated for.
            cutoffs: of a series that it forecasts from to learn, at most.
        """
        self.inner = inner
        self._cutoffs = cutoffs
        self._horizon = horizon
        self._factors: WidthFactors | None = None

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def point(self) -> str:
        return self.inner.point

    @property
    def history(self) -> list[TrainingStep]:
        return self.inner.history

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Fit on all but the last part of the `validation` steps, which calibrates (see `evaluation.split`)."""
        if validation is None:
            self.inner.fit(panel, None, watch=watch, checkpoint=checkpoint)
            return
        calibration = calibration_steps(validation, self._horizon)
        self.inner.fit(panel.cut(calibration), validation - calibration, watch=watch, checkpoint=checkpoint)
        self._factors = None
        if calibration.any():
            self._factors = self._learn(panel, calibration)
        else:
            watch(Note("no series is long enough to calibrate intervals on: they are the model's own"))

    def update(self, panel: Panel, since: int, *, watch: Watch) -> None:
        """Update the forecaster within; how much its intervals are stretched stays."""
        if isinstance(self.inner, Updatable):
            self.inner.update(panel, since, watch=watch)

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        forecast = self._forecast(panel, max(horizon, self._horizon))  # the group is that of the whole horizon
        quantiles = forecast.quantiles
        if self._factors:
            quantiles = self._factors.apply(quantiles, seasonal_error(panel, panel.season))
        return replace(
            Forecast.of(panel, forecast.mean[:, :horizon], quantiles[:, :horizon], model=self.name),
            fallback=forecast.fallback,
        )

    def state(self) -> Arrays:
        learnt = self._factors
        own: Arrays = {"factors": learnt.factors, "edges": learnt.edges} if learnt else {}
        return self.inner.state() | {_PREFIX + name: value for name, value in own.items()}

    def exports(self) -> dict[str, bytes]:
        return self.inner.exports() if isinstance(self.inner, Exportable) else {}

    def restore(self, state: Arrays) -> None:
        own = {name.removeprefix(_PREFIX): value for name, value in state.items() if name.startswith(_PREFIX)}
        self.inner.restore({name: value for name, value in state.items() if not name.startswith(_PREFIX)})
        self._factors = WidthFactors(own["factors"], own["edges"]) if own else None  # type: ignore[arg-type]

    def _forecast(self, panel: Panel, horizon: int) -> Forecast:
        return self.inner.predict(replace(panel, minimum=None, maximum=None, is_integer=False), horizon)

    def _learn(self, panel: Panel, calibration: Ints) -> WidthFactors:
        series, back = choose_cutoffs(calibration, self._horizon, most=self._cutoffs)
        whole = panel.select(series)
        seen = whole.cut(back)
        forecast = self._forecast(seen, self._horizon)
        windows = calibration // self._horizon
        return estimate_width_factors(
            forecast.quantiles,
            seen.actual(self._horizon, whole.end),
            seasonal_error(seen, panel.season),
            independent=int(np.minimum(windows, np.bincount(series, minlength=len(panel))).sum()),
            windows=int(windows.max()),
        )


def choose_cutoffs(calibration: Ints, horizon: int, *, most: int = MAX_CUTOFFS) -> tuple[Ints, Ints]:
    """Choose cutoffs whose whole horizon lies within the last `calibration` [N] steps of each series, evenly spread.

    They overlap where there is room for more than one: a horizon begins at any phase of the season then.

    Args:
        most: cutoffs of a series; fewer where there are many series.

    Returns: [R] the number of the series, and [R] the steps that lie after the cutoff.
    """
    some = np.flatnonzero(calibration >= horizon)
    count = int(np.clip(_POINTS // (horizon * max(len(some), 1)), 1, most))
    spread = np.linspace(horizon, calibration[some], count, axis=1).round().astype(np.int64)  # [S, count]
    is_new = np.diff(spread, axis=1, prepend=0) > 0
    return np.repeat(some, is_new.sum(axis=1)), spread[is_new]
