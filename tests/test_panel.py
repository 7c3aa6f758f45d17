from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from forecaster import panel as panel_module
from forecaster.frequency import DAY, Frequency
from forecaster.panel import Panel
from tests.conftest import MakePanel


def test_cutting_hides_steps_and_copies_nothing(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3], [4, 5, 6, 7]])
    seen = panel.cut(np.array([1, 2]))
    assert [list(target) for target in seen] == [[1, 2], [4, 5]]
    assert seen.values is panel.values
    assert_array_equal(seen.actual(3, panel.end), [[3, np.nan, np.nan], [6, 7, np.nan]])


def test_a_cut_must_leave_a_step(make_panel: MakePanel) -> None:
    with pytest.raises(ValueError, match="without a step"):
        make_panel([[1, 2, 3], [4]]).cut(1)


def test_the_future_follows_the_cutoff(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3]])
    assert_array_equal(panel.future(2)[0] - panel.cutoff, [DAY, 2 * DAY])


def test_the_last_value_is_the_last_observed_one(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, np.nan, np.nan, 4], [5]])
    assert panel.last_values().tolist() == [4, 5]
    assert panel.cut(np.array([1, 0])).last_values().tolist() == [2, 5]
    assert np.isnan(panel.select(np.array([0])).cut(1).last(2).last_values()).tolist() == [True]


def test_spacing_is_the_median_distance_of_observations(make_panel: MakePanel) -> None:
    nan = np.nan
    assert make_panel([[1, nan, nan, 2, nan, nan, 3], [1]]).spacing == 3
    assert make_panel([[1, 2, nan, 3, 4]]).spacing == 1


@pytest.fixture(params=[10, 100_000])
def holed(request: pytest.FixtureRequest, make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch) -> Panel:
    """Return series with gaps of many sizes, some of them cut several times, in batches of several lengths."""
    monkeypatch.setattr(panel_module, "_STEPS_AT_ONCE", request.param)
    generator = np.random.default_rng(2)
    series = [generator.normal(size=length) for length in generator.integers(1, 60, 40)]
    for values in series:
        values[1:-1][generator.random(max(len(values) - 2, 0)) < generator.random()] = np.nan
    panel = make_panel(series)
    rows = panel.select(generator.integers(0, 40, 80))
    return rows.cut(np.minimum(generator.integers(0, 9, 80), rows.lengths - 1))


def test_spacing_is_that_of_a_plain_loop(holed: Panel) -> None:
    known = [np.flatnonzero(~np.isnan(target)) for target in holed]
    assert holed.spacing == np.median([np.median(np.diff(each)) for each in known if len(each) > 1])


def test_observations_are_listed_series_by_series(holed: Panel) -> None:
    parts = list(holed.observations())
    series, step, value = (np.concatenate(each) for each in zip(*parts, strict=True))
    for number, target in enumerate(holed):
        assert_array_equal(step[series == number], np.flatnonzero(~np.isnan(target)))
        assert_array_equal(value[series == number], target[~np.isnan(target)])
        assert sum(number in part.series for part in parts) == 1


def test_selecting_keeps_series_whole(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2], [3, 4], [5, 6]]).select(np.array([2, 0]))
    assert list(panel.ids) == ["s2", "s0"]
    assert [list(target) for target in panel] == [[5, 6], [1, 2]]


def test_a_plain_panel_has_a_target_and_nothing_else(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2], [3]])
    assert_array_equal(panel.stop, panel.end)
    assert (panel.roles, panel.static.shape, panel.columns_as("known")) == (("target",), (2, 0), [])
    assert (panel.minimum, panel.maximum, panel.is_integer) == (None, None, False)


def test_known_columns_after_a_cut_remain_visible(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3], [4, 5, 6, 7]])
    seen = panel.cut(2)
    assert_array_equal(seen.stop, panel.stop)
    assert_array_equal(seen.end, panel.end - 2)


def test_selecting_includes_stop_and_static(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2], [3, 4], [5, 6]])
    static = np.array([[1], [2], [3]], np.float32)
    panel = replace(panel, stop=panel.stop, static=static, static_columns=("size",)).cut(1)
    chosen = panel.select(np.array([False, True, True]))
    assert chosen.static.tolist() == [[2], [3]]
    assert chosen.stop.tolist() == [4, 6]


def test_the_last_steps_of_a_series_keep_their_times(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4], [5, 6]])
    late = panel.last(3)
    assert [list(target) for target in late] == [[2, 3, 4], [5, 6]]
    assert late.values is panel.values
    assert_array_equal(late.cutoff, panel.cutoff)
    assert_array_equal(late.future(2), panel.future(2))


def test_a_history_does_not_begin_in_a_month_without_its_day(make_panel: MakePanel) -> None:
    start = np.datetime64("2024-01-31", "us").astype(np.int64)
    panel = replace(make_panel([range(24)], frequency=Frequency("months", 1)), start=np.array([start]))
    lengths = [int(panel.last(steps).lengths[0]) for steps in range(24, 9, -1)]
    assert lengths == [24, 24, 22, 22, 20, 20, 18, 17, 17, 15, 15, 13, 12, 12, 10]
    for steps in range(1, 24):
        assert_array_equal(panel.last(steps).future(5), panel.future(5))


def test_series_that_share_rows_are_one_group(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3], [4, 5], [6, 7, 8, 9]])
    rows = panel.select(np.array([2, 0, 2, 1])).cut(np.array([1, 0, 2, 1]))
    begin, end, group = rows.group_overlapping()
    assert begin.tolist() == [0, 3, 5]
    assert end.tolist() == [3, 4, 8]
    assert group.tolist() == [2, 0, 2, 1]
