import numpy as np
import torch
from numpy.testing import assert_array_equal

from forecaster.data.windows import Windows, spread
from tests.conftest import MakePanel

NAN = np.nan


def rows(windows: Windows, numbers: list[int]) -> tuple[list[list[float]], list[list[float]]]:
    batch = windows.at(torch.tensor(numbers))
    return batch.context.tolist(), batch.target.tolist()


def test_training_windows_have_their_whole_target_in_sight(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([[1, 2, 3, 4, 5]]).cut(1), context=2, horizon=2)
    assert len(windows) == 2
    context, target = rows(windows, [0, 1])
    assert_array_equal(context, [[NAN, 1], [1, 2]])
    assert target == [[2, 3], [3, 4]]


def test_no_window_reaches_into_another_series(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([[1, 2, 3], [7, 8, 9]]), context=3, horizon=1)
    context, target = rows(windows, list(range(len(windows))))
    assert_array_equal(context, [[NAN, NAN, 1], [NAN, 1, 2], [NAN, NAN, 7], [NAN, 7, 8]])
    assert target == [[2], [3], [8], [9]]


def test_a_series_shorter_than_the_horizon_gives_one_window_with_what_it_has(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([[1, 2, 3], [4]]), context=2, horizon=5)
    assert len(windows) == 1
    context, target = rows(windows, [0])
    assert_array_equal(context, [[NAN, 1]])
    assert_array_equal(target, [[2, 3, NAN, NAN, NAN]])


def test_validation_targets_lie_in_the_tail(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5, 6], [7, 8, 9]])
    windows = Windows.for_validation(panel, np.array([3, 0]), context=2, horizon=2)
    context, target = rows(windows, list(range(len(windows))))
    assert context == [[2, 3], [3, 4]]
    assert target == [[4, 5], [5, 6]]


def test_prediction_windows_end_at_the_cutoff_and_keep_the_order(make_panel: MakePanel) -> None:
    windows = Windows.for_prediction(make_panel([[1, 2, 3], [4]]), context=2)
    batch = windows.at(torch.arange(len(windows)))
    assert_array_equal(batch.context, [[2, 3], [NAN, 4]])
    assert batch.target.shape == (2, 0)


def test_the_gather_equals_a_plain_loop_over_every_window(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(1)
    series = [generator.normal(size=size).astype(np.float32) for size in (9, 2, 30, 5)]
    windows = Windows.for_training(make_panel(series), context=6, horizon=3)
    expected = []
    for values in series:
        for cut in range(1, max(len(values) - 3, 1) + 1):
            padded = np.concatenate([np.full(6, NAN), values, np.full(3, NAN)])
            expected.append(padded[cut : cut + 9])
    batch = windows.at(torch.arange(len(windows)))
    assert_array_equal(torch.cat([batch.context, batch.target], dim=1), np.float32(expected))


def test_windows_share_the_panels_memory(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4]])
    windows = Windows.for_training(panel, context=2, horizon=1)
    panel.values[0, 0] = 100
    assert windows.at(torch.tensor([0])).context[0, 1] == 100


def test_the_spread_is_the_visible_standard_deviation(make_panel: MakePanel) -> None:
    panel = make_panel([[1, NAN, 3, 1000], [1e6, 1e6 + 2, 1e6, 0]]).cut(1)
    np.testing.assert_allclose(spread(panel), [1, np.std([0, 2, 0])])


def test_spaced_numbers_cover_all_windows(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([np.arange(100)]), context=2, horizon=1)
    assert windows.spaced(3).tolist() == [0, 49, 98]
    assert len(windows.spaced(1000)) == 99
