"""The wrapper that calibrates; what all Forecasters share is in test_laws."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from forecaster.events import Event, Note, ignore
from forecaster.forecast import Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.models.calibrated import Calibrated, choose_cutoffs
from forecaster.models.naive import Naive
from forecaster.panel import Panel
from tests.conftest import MakePanel

HORIZON = 5


class Narrow(Naive):
    """A naive forecast with intervals half as wide as they should be, that remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.fits: list[tuple[Panel, Ints | None]] = []

    def fit(self, panel: Panel, validation: Ints | None, *, watch: object, checkpoint: Checkpoint | None) -> None:
        self.fits.append((panel, validation))

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        forecast = super().predict(panel, horizon)
        median = forecast.quantiles[:, :, 7:8]
        return replace(forecast, quantiles=median + (forecast.quantiles - median) / 2)


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    walks = np.random.default_rng(0).normal(0, 1, (300, 80)).cumsum(axis=1)
    return make_panel(list(100 + walks))


def coverage80(forecast: Forecast, actual: np.ndarray) -> float:
    return float(((forecast.at(0.1) <= actual) & (actual <= forecast.at(0.9))).mean())


def fitted(panel: Panel) -> Calibrated:
    forecaster = Calibrated(Narrow(), horizon=HORIZON)
    forecaster.fit(panel, np.full(len(panel), 4 * HORIZON), watch=ignore, checkpoint=None)
    return forecaster


def test_intervals_half_as_wide_as_they_should_be_hold_what_they_say_of_later_steps(panel: Panel) -> None:
    seen = panel.cut(HORIZON)
    actual = seen.actual(HORIZON, panel.end)
    forecaster = fitted(seen)
    assert coverage80(forecaster.inner.predict(seen, HORIZON), actual) < 0.55
    assert abs(coverage80(forecaster.predict(seen, HORIZON), actual) - 0.8) < 0.04


def test_the_forecaster_within_learns_and_stops_before_the_steps_that_calibrate(panel: Panel) -> None:
    forecaster = fitted(panel)
    assert isinstance(forecaster.inner, Narrow)
    ((given, validation),) = forecaster.inner.fits
    assert_array_equal(given.end, panel.end - 8)  # two fifths of the tail
    assert_array_equal(validation, np.full(300, 12))


def test_a_refit_learns_from_everything_and_keeps_the_widths_that_were_found(panel: Panel) -> None:
    forecaster = fitted(panel)
    before = forecaster.state()
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    assert isinstance(forecaster.inner, Narrow)
    assert forecaster.inner.fits[-1] == (panel, None)
    assert set(before) == {"conformal.factors", "conformal.edges"}
    for name, value in forecaster.state().items():
        assert_array_equal(value, before[name])


def test_no_bound_leaves_what_the_target_can_be(panel: Panel) -> None:
    forecaster = fitted(panel)
    free = forecaster.predict(panel, HORIZON)
    low, high = np.quantile(free.quantiles, [0.2, 0.8])
    bound = forecaster.predict(replace(panel, minimum=float(low), maximum=float(high)), HORIZON)
    assert_array_equal(bound.quantiles, np.clip(free.quantiles, np.float32(low), np.float32(high)))
    whole = forecaster.predict(replace(panel, is_integer=True), HORIZON)
    assert_array_equal(whole.quantiles, np.rint(free.quantiles))


def test_a_panel_too_short_to_calibrate_is_told_and_forecast_as_it_is(make_panel: MakePanel) -> None:
    short = make_panel([np.arange(20.0) % 3])
    told: list[Event] = []
    forecaster = Calibrated(Narrow(), horizon=HORIZON)
    forecaster.fit(short, np.array([HORIZON]), watch=told.append, checkpoint=None)
    assert [event.text[:34] for event in told if isinstance(event, Note)] == ["no series is long enough to calibr"]
    assert_array_equal(forecaster.predict(short, 3).quantiles, Narrow().predict(short, 3).quantiles)
    assert forecaster.state() == {}


def test_a_state_without_widths_is_of_a_forecaster_that_was_not_calibrated(panel: Panel) -> None:
    forecaster = fitted(panel)
    forecaster.restore({})
    assert_array_equal(forecaster.predict(panel, 3).quantiles, Narrow().predict(panel, 3).quantiles)


def test_a_series_that_failed_within_is_still_marked(panel: Panel) -> None:
    class Failing(Narrow):
        def predict(self, panel: Panel, horizon: int) -> Forecast:
            return replace(super().predict(panel, horizon), fallback=np.arange(len(panel)) == 2)

    assert np.flatnonzero(Calibrated(Failing(), horizon=2).predict(panel, 2).fallback).tolist() == [2]


def test_cutoffs_are_spread_over_the_tail_and_leave_a_whole_horizon_after_them() -> None:
    calibration = np.array([0, 10, 100, 12])
    series, back = choose_cutoffs(calibration, 10)
    assert series.tolist() == [1] + [2] * 32 + [3] * 3
    assert (back >= 10).all()
    assert (back <= calibration[series]).all()
    assert back[series == 3].tolist() == [10, 11, 12]
    assert np.ptp(np.diff(back[series == 2])) <= 1
    assert choose_cutoffs(calibration, 10, most=2)[1].tolist() == [10, 10, 100, 10, 12]


def test_a_large_panel_gives_one_cutoff_a_series() -> None:
    series, back = choose_cutoffs(np.full(30_000, 40), 10)
    assert_array_equal(series, np.arange(30_000))
    assert_array_equal(back, np.full(30_000, 10))
