import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.batches import running_means
from forecaster.batches.running_means import mean_change, moments
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


@pytest.fixture(params=[10, 100, 10_000])
def apart(request: pytest.FixtureRequest, make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch) -> Panel:
    """Series side by side, cut and out of order, some of which overlap; read in stretches of several lengths."""
    monkeypatch.setattr(running_means, "_VALUES_PER_CHUNK", request.param)
    generator = np.random.default_rng(1)
    series = []
    for length in generator.integers(1, 40, 30):
        level, size = 10.0 ** generator.integers(-3, 7), 10.0 ** generator.integers(-3, 3)
        values = level + size * generator.normal(size=length)
        values[1:-1][generator.random(max(length - 2, 0)) < 0.3] = np.nan
        series.append(values)
    panel = make_panel([*series, [0.1] * 30, [3.3e-7, np.nan, 3.3e-7], [1e30] * 7])
    cut = panel.cut(np.minimum(generator.integers(0, 5, len(panel)), panel.lengths - 1))
    return cut.select(np.append(generator.permutation(len(panel)), [4, 4]))


@pytest.mark.parametrize("lag", [1, 3, 50])
def test_changes_of_many_series_are_those_of_a_plain_loop(apart: Panel, lag: int) -> None:
    expected = []
    for target in apart:
        change = (target[lag:].astype(float) - target[:-lag]) ** 2
        expected.append(change[~np.isnan(change)].mean() if (~np.isnan(change)).any() else np.nan)
    assert_allclose(mean_change(apart, lag, np.square), expected, rtol=1e-12)


def test_moments_of_many_series_are_those_of_a_plain_loop(apart: Panel) -> None:
    mean, deviation = moments(apart)
    assert_allclose(mean, [np.nanmean(target, dtype=np.float64) for target in apart], rtol=1e-12)
    expected = np.array([np.nanstd(target.astype(float)) for target in apart])
    assert_allclose(deviation, expected, rtol=1e-12, atol=0)
    assert (deviation[expected == 0] == 0).all()
    assert (expected == 0).sum() >= 3


def test_a_quiet_stretch_after_a_wild_one_keeps_its_changes(make_panel: MakePanel) -> None:
    panel = make_panel([np.r_[np.resize([0, 1e9], 40), np.resize([1.0, 1.25], 41)]])
    windows = panel.select(np.zeros(2, int)).cut(np.array([0, 1])).last(30)
    assert_allclose(mean_change(windows, 1, np.square), [0.0625, 0.0625], rtol=1e-12)


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
