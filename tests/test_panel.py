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
