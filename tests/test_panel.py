from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from forecaster.frequency import DAY
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
    panel = make_panel([[1, 2, np.nan, 4], [5]])
    assert panel.cut(np.array([1, 0])).last_value(0) == 2
    assert panel.last_value(1) == 5


def test_spacing_is_the_usual_distance_of_observations(make_panel: MakePanel) -> None:
    nan = np.nan
    assert make_panel([[1, nan, nan, 2, nan, nan, 3], [1]]).spacing == 3
    assert make_panel([[1, 2, nan, 3, 4]]).spacing == 1


def test_selecting_keeps_series_whole(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2], [3, 4], [5, 6]]).select(np.array([2, 0]))
    assert list(panel.ids) == ["s2", "s0"]
    assert [list(target) for target in panel] == [[5, 6], [1, 2]]


def test_a_plain_panel_has_a_target_and_nothing_else(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2], [3]])
    assert_array_equal(panel.stop, panel.end)
    assert (panel.roles, panel.static.shape, panel.columns_as("known")) == (("target",), (2, 0), [])
    assert (panel.minimum, panel.is_integer) == (None, False)


def test_what_is_known_after_a_cut_stays_where_it_is(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3], [4, 5, 6, 7]])
    seen = panel.cut(2)
    assert_array_equal(seen.stop, panel.stop)
    assert_array_equal(seen.end, panel.end - 2)


def test_selecting_takes_stop_and_static_along(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2], [3, 4], [5, 6]])
    static = np.array([[1], [2], [3]], np.float32)
    panel = replace(panel, stop=panel.stop, static=static, static_columns=("size",)).cut(1)
    chosen = panel.select(np.array([False, True, True]))
    assert chosen.static.tolist() == [[2], [3]]
    assert chosen.stop.tolist() == [4, 6]
