"""Windows as batches, against plain loops."""

import sys
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from numpy.testing import assert_array_equal

from forecaster.batches import calendar_features, holidays
from forecaster.batches.update_windows import NEW_WINDOW_SHARE, UpdateWindows
from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Windows
from forecaster.frequency import HOUR, WEEK, Frequency, Ints
from forecaster.panel import Panel
from tests.conftest import MakePanel, fake_holidays

HOURLY = Frequency("fixed", HOUR)
NAN = np.nan


class NumpyRandom:
    """Random numbers that are the same at every call of a test."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(0)

    def integers(self, end: int, size: int) -> Ints:
        return self._generator.integers(end, size=size)

    def shares(self, size: int) -> npt.NDArray[np.float64]:
        return self._generator.random(size)


def rows(windows: Windows, numbers: list[int]) -> tuple[list[list[float]], list[list[float]]]:
    batch = windows.gather(np.array(numbers))
    return batch.context.tolist(), batch.target.tolist()


def test_training_windows_have_their_whole_target_in_sight(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([[1, 2, 3, 4, 5]]).cut(1), WindowSpec(2, 2))
    assert len(windows) == 2
    context, target = rows(windows, [0, 1])
    assert_array_equal(context, [[NAN, 1], [1, 2]])
    assert target == [[2, 3], [3, 4]]


def test_no_window_reaches_into_another_series(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([[1, 2, 3], [7, 8, 9]]), WindowSpec(3, 1))
    context, target = rows(windows, list(range(len(windows))))
    assert_array_equal(context, [[NAN, NAN, 1], [NAN, 1, 2], [NAN, NAN, 7], [NAN, 7, 8]])
    assert target == [[2], [3], [8], [9]]


def test_a_series_shorter_than_the_horizon_gives_one_window_with_what_it_has(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([[1, 2, 3], [4]]), WindowSpec(2, 5))
    assert len(windows) == 1
    context, target = rows(windows, [0])
    assert_array_equal(context, [[NAN, 1]])
    assert_array_equal(target, [[2, 3, NAN, NAN, NAN]])


def test_validation_targets_lie_in_the_tail(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5, 6], [7, 8, 9]])
    windows = Windows.for_validation(panel, np.array([3, 0]), WindowSpec(2, 2))
    context, target = rows(windows, list(range(len(windows))))
    assert context == [[2, 3], [3, 4]]
    assert target == [[4, 5], [5, 6]]


def test_prediction_windows_end_at_the_cutoff_and_keep_the_order(make_panel: MakePanel) -> None:
    windows = Windows.for_prediction(make_panel([[1, 2, 3], [4]]), WindowSpec(2, 0))
    batch = windows.gather(np.arange(len(windows)))
    assert_array_equal(batch.context, [[2, 3], [NAN, 4]])
    assert batch.target.shape == (2, 0)


def test_the_gather_equals_a_plain_loop_over_every_window(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(1)
    series = [generator.normal(size=size).astype(np.float32) for size in (9, 2, 30, 5)]
    windows = Windows.for_training(make_panel(series), WindowSpec(6, 3))
    expected = []
    for values in series:
        for cut in range(1, max(len(values) - 3, 1) + 1):
            padded = np.concatenate([np.full(6, NAN), values, np.full(3, NAN)])
            expected.append(padded[cut : cut + 9])
    batch = windows.gather(np.arange(len(windows)))
    assert_array_equal(np.concatenate([batch.context, batch.target], axis=1), np.float32(expected))


def test_windows_share_the_panels_memory(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4]])
    windows = Windows.for_training(panel, WindowSpec(2, 1))
    panel.values[0, 0] = 100
    assert windows.gather(np.array([0])).context[0, 1] == 100


def test_centre_and_spread_are_those_of_the_visible_history(make_panel: MakePanel) -> None:
    panel = make_panel([[1, NAN, 3, 1000], [1e6, 1e6 + 2, 1e6, 0]]).cut(1)
    batch = Windows.for_prediction(panel, WindowSpec(2, 0)).gather(np.array([1, 0]))
    np.testing.assert_allclose(batch.centre, [1e6 + 2 / 3, 2])
    np.testing.assert_allclose(batch.spread, [np.std([0, 2, 0]), 1])


def test_spaced_numbers_cover_all_windows(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([np.arange(100)]), WindowSpec(2, 1))
    assert windows.pick_spaced(3).tolist() == [0, 49, 98]
    assert len(windows.pick_spaced(1000)) == 99


@pytest.fixture
def mixed(make_panel: MakePanel) -> Panel:
    """Three hourly series of 12, 3 and 7 steps, cut by 2, 0 and 1, with covariates and some of the future."""
    generator = np.random.default_rng(2)
    panel = make_panel([generator.normal(size=size) for size in (12, 3, 7)], season=5, frequency=HOURLY)
    stop = np.cumsum([16, 3, 9])
    values = generator.normal(size=(28, 4)).astype(np.float32)
    values[generator.random((28, 4)) < 0.1] = NAN
    begin = np.array([0, 16, 19])
    values[begin, 0] = 1.0
    return replace(
        panel,
        values=values,
        begin=begin,
        end=begin + np.array([12, 3, 7]),
        stop=stop,
        start=panel.start + np.array([0, 5, 1000]) * HOUR,
        columns=("y", "p", "k", "l"),
        roles=("target", "past", "known", "known"),
        static=np.array([[1, NAN], [2, 5], [3, 6]], np.float32),
        static_columns=("s", "t"),
    ).cut(np.array([2, 0, 1]))


def expected_at(panel: Panel, series: int, step: int, context: int, horizon: int) -> dict[str, np.ndarray]:
    """Gather a window by a plain loop; `step` is the number of its first target step within the series."""
    begin, end, stop = (int(each[series]) for each in (panel.begin, panel.end, panel.stop))
    past, known, rows = [], [], range(step - context, step + horizon)
    for row in rows:
        is_inside = row >= 0
        if row < step:
            is_visible = is_inside and begin + row < end
            past.append(panel.values[begin + row, 1:2] if is_visible else np.full(1, NAN))
        there = is_inside and begin + row < stop
        known.append(panel.values[begin + row, 2:4] if there else np.full(2, NAN))
    stamps = panel.start[series] + np.array(rows) * HOUR
    clock = calendar_features.compute_features(panel.frequency, stamps, panel.zone)
    public = holidays.compute_features("DE", panel.frequency, stamps, panel.zone)
    phase = (panel.start[series] + step * HOUR) // HOUR % panel.season
    return {"past": np.array(past), "known": np.hstack([clock, public, known]), "phase": phase}


@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
def test_covariates_equal_a_plain_loop_over_every_window(
    mixed: Panel, zone: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", fake_holidays())
    panel = replace(mixed, zone=zone)
    shape = {"context": 4, "horizon": 3}
    windows = Windows.for_training(panel, WindowSpec(**shape, calendar=True, holidays="DE"))
    batch = windows.gather(np.arange(len(windows)))
    steps = [(n, s) for n in range(3) for s in range(1, max(int(panel.lengths[n]) - 3, 1) + 1)]
    assert len(steps) == len(windows)
    for row, (series, step) in enumerate(steps):
        expected = expected_at(panel, series, step, **shape)
        assert_array_equal(batch.past[row], expected["past"])
        np.testing.assert_allclose(batch.known[row], expected["known"], atol=1e-6)
        assert int(batch.phase[row]) == expected["phase"]
    assert batch.series.tolist() == [series for series, _ in steps]
    assert_array_equal(batch.static, panel.static[batch.series])
    names = (*calendar_features.feature_names(HOURLY), *holidays.feature_names(HOURLY), "k", "l")
    assert windows.known_names == names
    assert batch.known.shape[2] == len(names)


def test_a_prediction_sees_known_columns_after_the_cut_but_no_past_ones(mixed: Panel) -> None:
    windows = Windows.for_prediction(mixed, WindowSpec(4, 9, calendar=True))
    batch = windows.gather(np.arange(3))
    assert batch.target.shape == (3, 9)
    assert np.isnan(batch.target).all()
    assert batch.past.shape == (3, 4, 1)
    first = batch.known[0, :, -2:]
    assert_array_equal(first[4:10], mixed.values[10:16, 2:])  # two cut and four after the end
    assert np.isnan(first[10:]).all()
    assert not np.isnan(batch.known[:, :, :-2]).any()
    for row in range(3):
        expected = calendar_features.compute_features(HOURLY, mixed.future(9)[row])
        np.testing.assert_allclose(batch.known[row, 4:, :-2], expected, atol=1e-6)


def test_what_is_not_there_has_no_width(make_panel: MakePanel) -> None:
    batch = Windows.for_training(make_panel([[1, 2, 3]]), WindowSpec(4, 1)).gather(np.array([0, 1]))
    assert (batch.past.shape, batch.known.shape, batch.static.shape) == ((2, 4, 0), (2, 5, 0), (2, 0))
    assert batch.context.shape == (2, 4)


FREQUENCIES = [
    HOURLY,
    Frequency("fixed", WEEK),
    Frequency("months", 1),
    Frequency("months", 3, month_end=True),
    Frequency("business", holidays=(19723, 19731)),
    Frequency("integer"),
]


@pytest.mark.parametrize("frequency", FREQUENCIES, ids=lambda frequency: frequency.name)
def test_one_timestamp_has_one_phase_whatever_the_panel(make_panel: MakePanel, frequency: Frequency) -> None:
    panel = make_panel([np.arange(30), np.arange(20)], season=5, frequency=frequency)
    start = np.array([20] if frequency.is_integer else ["2024-01-31"], "int64" if frequency.is_integer else "M8[us]")
    start = np.repeat(start.astype(np.int64), 2)
    later = replace(panel, start=frequency.timestamps(start, np.array([0, 7])))
    batch = Windows.for_training(later, WindowSpec(2, 1)).gather(np.arange(48))
    first = {int(phase) for phase in batch.phase[6:29]}  # cuts 7 .. 29 of the first series
    assert first == {0, 1, 2, 3, 4}
    assert_array_equal(batch.phase[7:26], batch.phase[29:])  # of the second, from its cut 1 on
    assert_array_equal(batch.phase[1:29], (batch.phase[:28] + 1) % 5)
    if frequency.is_integer:
        assert int(batch.phase[0]) == 21 % 5


def test_series_half_a_step_apart_each_get_their_own_times(make_panel: MakePanel) -> None:
    panel = make_panel([np.arange(9)] * 3, frequency=HOURLY)
    panel = replace(panel, start=panel.start + np.array([0, HOUR // 2, 3 * HOUR]))
    windows = Windows.for_prediction(panel, WindowSpec(2, 2, calendar=True))
    known = windows.gather(np.arange(3)).known
    for row in range(3):
        stamps = panel.start[row] + np.arange(7, 11) * HOUR
        np.testing.assert_allclose(known[row], calendar_features.compute_features(HOURLY, stamps), atol=1e-6)


def test_times_that_series_share_are_computed_once(make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    plain = calendar_features.compute_features
    monkeypatch.setattr(
        calendar_features, "compute_features", lambda *arguments: sizes.append(arguments[1].size) or plain(*arguments)
    )
    panel = make_panel([np.arange(100)] * 50, frequency=HOURLY)
    panel = replace(panel, start=panel.start + np.repeat([0, 10**6], 25) * HOUR)
    windows = Windows.for_training(panel, WindowSpec(5, 3, calendar=True))
    windows.draw(10, NumpyRandom())
    assert sizes == [2 * 108]


def test_windows_may_be_drawn_evenly_over_series_of_uneven_length(make_panel: MakePanel) -> None:
    panel = make_panel([np.arange(1000), [1.0], np.arange(3), np.arange(10)])
    windows = Windows.for_training(panel, WindowSpec(2, 1), sample_by="series")
    batch = windows.draw(6000, NumpyRandom())
    shares = np.bincount(batch.series, minlength=4) / 6000
    np.testing.assert_allclose(shares, [1 / 3, 0, 1 / 3, 1 / 3], atol=0.03)
    short = batch.target[batch.series == 3, 0]
    np.testing.assert_allclose(np.bincount(short.astype(int))[1:] / len(short), np.full(9, 1 / 9), atol=0.03)
    assert len(np.unique(batch.target[batch.series == 0])) > 700
    evenly = Windows.for_training(panel, WindowSpec(2, 1)).draw(6000, NumpyRandom())
    assert (evenly.series == 0).mean() > 0.95


def test_windows_that_reach_new_steps_are_those_whose_target_holds_one(make_panel: MakePanel) -> None:
    panel = make_panel([np.arange(10), np.arange(100, 106), np.arange(200, 204)])
    windows = Windows.for_training(panel, WindowSpec(2, 3)).select_reaching(panel.begin + np.array([8, 4, 4]))
    _, target = rows(windows, list(range(len(windows))))
    assert target == [[6, 7, 8], [7, 8, 9], [102, 103, 104], [103, 104, 105]]


def test_a_share_of_what_an_update_draws_is_new(make_panel: MakePanel) -> None:
    panel = make_panel([np.arange(1000), np.arange(5000, 5100)])
    windows = Windows.for_training(panel, WindowSpec(4, 2))
    batch = UpdateWindows(windows, panel.begin + np.array([990, 100]), np.array([7, 3])).draw(200, NumpyRandom())
    count = round(NEW_WINDOW_SHARE * 200)
    assert ((batch.target[:count] >= 989).all(), (batch.target[:count] < 1000).all()) == (True, True)
    assert (batch.target[count:] < 900).any(1).sum() > 0.6 * (200 - count)
    assert set(batch.series.tolist()) == {7, 3}
    assert (batch.series[:count] == 7).all()
    nothing_new = UpdateWindows(windows, panel.end, np.array([0, 1])).draw(8, NumpyRandom())
    assert len(nothing_new.target) == 8
