"""A wrapper that calibrates the intervals of any forecaster."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from forecaster.evaluation.calibration import WidthFactors, estimate_width_factors
from forecaster.evaluation.metrics import seasonal_error
from forecaster.evaluation.split import calibration_steps
from forecaster.events import Note, TrainingStep, Watch
from forecaster.forecast import Checkpoint, Exportable, Forecast, Forecaster, HasNetworks, Updatable
from forecaster.frequency import Ints
from forecaster.models.state import Arrays, add_prefix, select_prefix
from forecaster.panel import Panel

MAX_CUTOFFS = 32  # cutoffs of a series that calibration forecasts from
# Forecast steps of a calibration, unless one cutoff of each series takes more.
_MAX_POINTS = 250_000
_PREFIX = "conformal."


@runtime_checkable
class Choosing(Protocol):
    """A forecaster that chooses its members by their forecasts of held-out steps."""

    def choose(self, panel: Panel, tail: Ints) -> None:
        """Choose among the fitted candidates by the last `tail` [N] steps of each series."""


class Calibrated:
    """A forecaster whose intervals are scaled to their nominal coverage (split conformal prediction).

    The factors are estimated on held-out steps, forecast from several cutoffs, and a refit keeps them. The median
    does not change. The factors apply to the raw output of the inner forecaster; the minimum, the
    maximum and rounding to whole numbers come after.
    """

    def __init__(self, inner: Forecaster, *, horizon: int, cutoffs: int = MAX_CUTOFFS) -> None:
        """Wrap a forecaster.

        Args:
            inner: the forecaster to calibrate.
            horizon: number of steps that it is calibrated for.
            cutoffs: maximum number of cutoffs of a series that calibration forecasts from.
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
        """Fit the inner forecaster and calibrate it on the last part of the `validation` steps.

        See `evaluation.split` for the size of that part. An ensemble chooses its members on that part as well, because
        its networks look better than they are on the rest, which decided the length of their trainings.
        """
        if validation is None:
            self.inner.fit(panel, None, watch=watch, checkpoint=checkpoint)
            return
        calibration = calibration_steps(validation, self._horizon)
        self.inner.fit(panel.cut(calibration), validation - calibration, watch=watch, checkpoint=checkpoint)
        if isinstance(self.inner, Choosing) and calibration.any():
            self.inner.choose(panel, validation)
        self._factors = None
        if calibration.any():
            self._factors = self._estimate(panel, calibration)
        else:
            watch(Note("no series is long enough to calibrate intervals, so the model's own are used"))

    def update(self, panel: Panel, since: int, *, watch: Watch) -> None:
        """Update the inner forecaster; the factors do not change."""
        if isinstance(self.inner, Updatable):
            self.inner.update(panel, since, watch=watch)

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        forecast = self._forecast(panel, max(horizon, self._horizon))  # the whole horizon decides the group
        quantiles = forecast.quantiles
        if self._factors:
            quantiles = self._factors.apply(quantiles, seasonal_error(panel, panel.season))
        return replace(forecast.first(horizon), model=self.name).with_quantiles(panel, quantiles[:, :horizon])

    def state(self) -> Arrays:
        factors = self._factors
        arrays: Arrays = {"factors": factors.factors, "edges": factors.edges} if factors else {}
        return self.inner.state() | add_prefix(_PREFIX, arrays)

    def exports(self) -> dict[str, bytes]:
        return self.inner.exports() if isinstance(self.inner, Exportable) else {}

    def networks(self) -> Sequence[Forecaster]:
        return self.inner.networks() if isinstance(self.inner, HasNetworks) else []

    def restore(self, state: Arrays) -> None:
        factors = select_prefix(_PREFIX, state)
        self.inner.restore({name: value for name, value in state.items() if not name.startswith(_PREFIX)})
        self._factors = None
        if factors:
            self._factors = WidthFactors(**factors)  # type: ignore[arg-type]
            self._factors.check(self._horizon)

    def _forecast(self, panel: Panel, horizon: int) -> Forecast:
        return self.inner.predict(replace(panel, minimum=None, maximum=None, is_integer=False), horizon)

    def _estimate(self, panel: Panel, calibration: Ints) -> WidthFactors:
        series, steps_back = choose_cutoffs(calibration, self._horizon, most=self._cutoffs)
        rows = panel.select(series)
        visible = rows.cut(steps_back)
        forecast = self._forecast(visible, self._horizon)
        windows = calibration // self._horizon
        return estimate_width_factors(
            forecast.quantiles,
            visible.actual(self._horizon, rows.end),
            seasonal_error(visible, panel.season),
            independent=int(np.minimum(windows, np.bincount(series, minlength=len(panel))).sum()),
            windows=int(windows.max()),
        )


def choose_cutoffs(calibration: Ints, horizon: int, *, most: int = MAX_CUTOFFS) -> tuple[Ints, Ints]:
    """Choose evenly spread cutoffs whose whole horizon lies within the last `calibration` [N] steps of each series.

    Their horizons may overlap, so that they begin at all phases of the season.

    Args:
        most: maximum number of cutoffs of a series; with many series there are fewer.

    Returns: [R] the number of the series, and [R] the steps after the cutoff.
    """
    series = np.flatnonzero(calibration >= horizon)
    count = int(np.clip(_MAX_POINTS // (horizon * max(len(series), 1)), 1, most))
    spread = np.linspace(horizon, calibration[series], count, axis=1).round().astype(np.int64)  # [S, count]
    is_new = np.diff(spread, axis=1, prepend=0) > 0
    return np.repeat(series, is_new.sum(axis=1)), spread[is_new]
