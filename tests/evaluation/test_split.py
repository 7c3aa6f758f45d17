import numpy as np
from numpy.testing import assert_array_equal

from forecaster.evaluation.split import split
from tests.conftest import MakePanel


def test_a_long_series_keeps_back_a_holdout_and_a_share_for_validation(make_panel: MakePanel) -> None:
    parts = split(make_panel([np.arange(1010)]), 10)
    assert_array_equal(parts.holdout, [10])
    assert_array_equal(parts.validation, [150])


def test_a_short_series_gives_up_validation_then_the_holdout(make_panel: MakePanel) -> None:
    parts = split(make_panel([np.arange(size) for size in (16, 15, 11, 10, 1)]), 5)
    assert_array_equal(parts.holdout, [5, 5, 5, 0, 0])
    assert_array_equal(parts.validation, [5, 0, 0, 0, 0])
    assert_array_equal(parts.is_scored, [True, True, True, False, False])


def test_without_a_holdout_the_validation_tail_ends_the_series(make_panel: MakePanel) -> None:
    parts = split(make_panel([np.arange(size) for size in (1000, 11, 10)]), 5, holds_out=False)
    assert_array_equal(parts.holdout, [0, 0, 0])
    assert_array_equal(parts.validation, [150, 5, 0])
