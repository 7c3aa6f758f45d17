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


def test_sums_run_over_visible_steps_only(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3], [4, 5, 6, 7]])
    assert_array_equal(panel.sums(panel.values[:, 0]), [6, 22])
    assert_array_equal(panel.cut(1).sums(panel.values[:, 0]), [3, 15])


def test_selecting_keeps_series_whole(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2], [3, 4], [5, 6]]).select(np.array([2, 0]))
    assert list(panel.ids) == ["s2", "s0"]
    assert [list(target) for target in panel] == [[5, 6], [1, 2]]
