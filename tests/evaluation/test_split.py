import numpy as np
from numpy.testing import assert_array_equal

from forecaster.evaluation.split import calibration_steps, split
from tests.conftest import MakePanel


def test_a_long_series_keeps_back_a_holdout_and_a_share_for_each_purpose(make_panel: MakePanel) -> None:
    parts = split(make_panel([np.arange(1010)]), 10, is_calibrated=True)
    assert_array_equal(parts.holdout, [10])
    assert_array_equal(parts.calibration, [100])
    assert_array_equal(parts.validation, [150])


def test_without_calibration_only_the_validation_tail_is_kept_back(make_panel: MakePanel) -> None:
    parts = split(make_panel([np.arange(1010)]), 10, is_calibrated=False)
    assert_array_equal(parts.calibration, [0])
    assert_array_equal(parts.tail, [150])


def test_a_short_series_gives_up_calibration_then_validation_then_the_holdout(make_panel: MakePanel) -> None:
    parts = split(make_panel([np.arange(size) for size in (30, 29, 16, 15, 11, 10, 1)]), 5, is_calibrated=True)
    assert_array_equal(parts.holdout, [5, 5, 5, 5, 5, 0, 0])
    assert_array_equal(parts.validation, [5, 5, 5, 0, 0, 0, 0])
    assert_array_equal(parts.calibration, [5, 0, 0, 0, 0, 0, 0])
    assert_array_equal(parts.is_scored, [True, True, True, True, True, False, False])


def test_calibration_leaves_a_horizon_to_validate_on() -> None:
    unlearnt = np.arange(200)
    for horizon in (1, 7, 48):
        calibration = calibration_steps(unlearnt, horizon)
        some = calibration > 0
        assert_array_equal(some, unlearnt >= 2 * horizon)
        assert (calibration[some] >= horizon).all()
        assert ((unlearnt - calibration)[some] >= horizon).all()


def test_without_a_holdout_the_tails_end_the_series(make_panel: MakePanel) -> None:
    panel = make_panel([np.arange(size) for size in (1000, 11, 10)])
    parts = split(panel, 5, is_calibrated=True, has_holdout=False)
    assert_array_equal(parts.holdout, [0, 0, 0])
    assert_array_equal(parts.calibration, [100, 0, 0])
    assert_array_equal(parts.validation, [150, 5, 0])
