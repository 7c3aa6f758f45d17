import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.data.history import mean_change, moments
from forecaster.panel import Panel
from tests.conftest import MakePanel


@pytest.fixture
def rows(make_panel: MakePanel) -> Panel:
    """Many cuts of three series, one with gaps; the last three have lost their first steps."""
    generator = np.random.default_rng(0)
    holed = np.where(np.arange(60) % 5 == 2, np.nan, 1e6 + generator.normal(size=60))
    panel = make_panel([generator.normal(size=80), holed, [4.0, 4.0, 4.0]], season=6)
    numbers = np.array([1, 0, 0, 2, 1, 0, 2, 1])
    cuts = panel.select(numbers).cut(np.array([3, 60, 0, 1, 55, 7, 0, 20]))
    windowed = panel.select(np.array([0, 1, 1])).cut(np.array([4, 2, 9])).last(15)
    return Panel(
        values=panel.values,
        begin=np.concatenate([cuts.begin, windowed.begin]),
        end=np.concatenate([cuts.end, windowed.end]),
        start=np.concatenate([cuts.start, windowed.start]),
        ids=np.concatenate([cuts.ids, windowed.ids]),
        frequency=panel.frequency,
        season=6,
    )


@pytest.mark.parametrize("lag", [1, 6, 70, 1000])
def test_changes_of_many_cuts_are_those_of_each_alone(rows: Panel, lag: int) -> None:
    expected = []
    for target in rows:
        change = np.abs(target[lag:].astype(float) - target[:-lag])
        expected.append(change[~np.isnan(change)].mean() if (~np.isnan(change)).any() else np.nan)
    assert_allclose(mean_change(rows, lag, np.abs), expected, rtol=1e-9)


def test_a_series_that_repeats_itself_does_not_change(rows: Panel) -> None:
    assert_array_equal(mean_change(rows, 1, np.square)[[3, 6]], [0, 0])


def test_moments_of_many_cuts_are_those_of_each_alone(rows: Panel) -> None:
    mean, deviation = moments(rows)
    assert_allclose(mean, [np.nanmean(target, dtype=np.float64) for target in rows], rtol=1e-12)
    assert_allclose(deviation, [np.nanstd(target, dtype=np.float64) for target in rows], rtol=1e-7)


def test_a_quiet_stretch_far_from_where_a_series_began_keeps_its_deviation(make_panel: MakePanel) -> None:
    quiet = 1e6 + np.arange(40) % 2
    panel = make_panel([np.r_[np.zeros(40), quiet, np.full(40, 7.0)]])
    rows = panel.select(np.zeros(4, int)).cut(np.array([100, 40, 42, 0])).last(20)
    mean, deviation = moments(rows)
    assert_allclose(mean, [0, 1e6 + 0.5, 1e6 + 0.5, 7])
    assert_allclose(deviation, [0, 0.5, 0.5, 0], rtol=1e-12, atol=0)
