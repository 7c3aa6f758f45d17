"""Rows on a regular grid, with counted repairs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from forecaster.data.grid import spacing
from forecaster.data.grid.repair import Rows, Series, merge_duplicates, number_steps, sort, split_columns, to_grid, trim
from forecaster.errors import DataError
from forecaster.frequency import DAY, HOUR, SECOND, Frequency

DAILY = Frequency("fixed", DAY)
NAN = np.nan
NOTHING = np.empty((3, 0), np.float32)


def make(codes: list[int], days: list[float], values: list[Any]) -> Rows:
    ids = np.array(["a", "b", "c"][: max(codes) + 1], object)
    cells = np.array(values, np.float32).reshape(len(codes), -1)
    return Rows("t.csv", (np.array(days) * DAY).astype(np.int64), np.array(codes), ids, cells)


def days_of(rows: Rows) -> list[int]:
    return (rows.stamps // DAY).tolist()


@pytest.mark.parametrize(
    ("codes", "days", "late"),
    [
        ([0, 0, 1, 1], [1, 2, 1, 2], 0),
        ([0, 1, 0, 1], [1, 1, 2, 2], 0),
        ([0, 0, 0, 0], [4, 3, 2, 1], 3),
        ([0, 0, 0, 0], [1, 3, 2, 4], 1),
        ([1, 1, 0, 0], [5, 4, 1, 2], 1),
        ([0] * 5, [1, 9, 2, 3, 4], 3),
    ],
)
def test_rows_are_sorted_by_series_and_time_and_late_ones_are_counted(
    codes: list[int], days: list[float], late: int
) -> None:
    rows, count = sort(make(codes, days, days))
    assert count == late
    order = list(zip(rows.codes.tolist(), days_of(rows), strict=True))
    assert order == sorted(order)
    assert rows.values[:, 0].tolist() == days_of(rows)


def test_equal_rows_are_dropped_and_counted() -> None:
    rows, dropped, merged = merge_duplicates(make([0] * 5, [1, 1, 2, 3, 3], [5, 5, 6, NAN, NAN]), "error", DAILY)
    assert (days_of(rows), dropped, merged) == ([1, 2, 3], 2, 0)


def test_the_same_time_in_two_series_is_not_a_duplicate() -> None:
    rows = make([0, 1], [1, 1], [5, 5])
    assert merge_duplicates(rows, "error", DAILY) == (rows, 0, 0)


def test_differing_rows_are_refused_with_series_and_time() -> None:
    with pytest.raises(DataError) as caught:
        merge_duplicates(make([0, 1, 1, 1], [0, 1, 1, 2], [5, 6, 7, 8]), "error", DAILY)
    assert caught.value.message == "t.csv: series 'b' has 2 rows for 1970-01-02 with different values"
    assert "--duplicates mean (or first, last, sum)" in caught.value.hint


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("first", [[1, NAN], [9, 9]]), ("last", [[3, 5], [9, 9]]), ("mean", [[2, 5], [9, 9]]), ("sum", [[6, 5], [9, 9]])],
)
def test_a_policy_merges_differing_rows(policy: Any, expected: list[list[float]]) -> None:
    rows = make([0] * 4, [1, 1, 1, 2], [[1, NAN], [2, NAN], [3, 5], [9, 9]])
    rows, dropped, merged = merge_duplicates(rows, policy, DAILY)
    np.testing.assert_array_equal(rows.values, expected)
    assert (dropped, merged) == (0, 2)


def test_gaps_become_nan_and_later_series_are_not_touched() -> None:
    rows = make([0, 0, 1, 1], [1, 4, 2, 3], [1, 4, 20, 30])
    rows, steps = number_steps(rows, DAILY, is_named=False)
    grid = to_grid(rows, steps, DAILY, NOTHING[:2])
    np.testing.assert_array_equal(grid.values[:, 0], [1, NAN, NAN, 4, 20, 30])
    assert (grid.begin.tolist(), grid.end.tolist()) == ([0, 4], [4, 6])
    assert (grid.start // DAY).tolist() == [1, 2]


@pytest.mark.parametrize("piece", [1, 5, 1000])
def test_rows_get_the_same_positions_in_slices_of_any_length(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spacing, "_ROWS_AT_ONCE", piece)
    days = [0.0, 1, 5, 6, 9, 3, 4, 8, 2, 7, 11, 12]
    codes = [0] * 5 + [1] * 3 + [2] * 4
    grid = to_grid(*number_steps(make(codes, days, days), DAILY, is_named=True), DAILY, NOTHING[:3])
    plain = [
        [float(day) if day in days[low:high] else np.nan for day in range(int(days[low]), int(days[high - 1]) + 1)]
        for low, high in ((0, 5), (5, 8), (8, 12))
    ]
    assert_array_equal(grid.values[:, 0], np.concatenate(plain))
    assert_array_equal(grid.end - grid.begin, [len(each) for each in plain])


def test_a_row_off_the_grid_of_a_named_frequency_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"series 'a' has a row for 1970-01-02T12:00:00, which is not a step of D from 1970-01-01"
    ):
        number_steps(make([0] * 3, [0, 1.5, 2], [1, 2, 3]), DAILY, is_named=True)


def test_a_rare_row_off_the_grid_is_left_out_if_the_frequency_was_detected() -> None:
    days = [float(day) for day in range(200)]
    days[50] += 0.25
    rows, steps = number_steps(make([0] * 200, days, days), DAILY, is_named=False)
    assert len(rows.stamps) == len(steps) == 199
    assert 50 not in steps


def test_a_grid_of_mostly_gaps_is_refused() -> None:
    rows, steps = number_steps(make([0] * 3, [0, 1, 40_000], [1, 2, 3]), Frequency("fixed", SECOND), is_named=True)
    with pytest.raises(DataError, match=r"3 rows would become 3,456,000,001 steps of s"):
        to_grid(rows, steps, Frequency("fixed", SECOND), NOTHING[:1])


def test_columns_become_series_end_to_end() -> None:
    grid = Series(
        np.array([[1, 10], [2, 20]], np.float32),
        np.array([0]),
        np.array([2]),
        np.array([7]),
        np.array(["x"]),
        NOTHING[:1],
    )
    series = split_columns(grid, ("p", "q"))
    assert series.values.tolist() == [[1], [2], [10], [20]]
    assert series.ids.tolist() == ["p", "q"]
    assert (series.begin.tolist(), series.end.tolist(), series.start.tolist()) == ([0, 2], [2, 4], [7, 7])


def test_series_begin_and_end_on_a_value_and_empty_ones_are_named() -> None:
    values = np.array([NAN, 1, NAN, 2, NAN, NAN, NAN, 5, 6], np.float32)[:, None]
    begin, end = np.array([0, 5, 7]), np.array([5, 7, 9])
    start = np.array([0, 0, HOUR])
    series, empty = trim(
        Series(values, begin, end, start, np.array(["a", "b", "c"], object), NOTHING), Frequency("fixed", HOUR)
    )
    np.testing.assert_array_equal(series.values[:, 0], [1, NAN, 2, 5, 6])
    assert (series.begin.tolist(), series.end.tolist()) == ([0, 3], [3, 5])
    assert (series.start // HOUR).tolist() == [1, 1]
    assert (series.ids.tolist(), empty) == (["a", "c"], ["b"])


def test_covariates_are_averaged_where_targets_are_summed() -> None:
    rows = replace(make([0, 0], [1, 1], [[1, 10, 4], [2, 20, 6]]), targets=2)
    rows, _, _ = merge_duplicates(rows, "sum", DAILY)
    assert rows.values.tolist() == [[3, 30, 5]]


def test_covariates_and_static_values_go_to_the_series_of_each_column() -> None:
    values = np.array([[1, 10, 7], [2, 20, 8]], np.float32)
    static = np.array([[5]], np.float32)
    grid = Series(values, np.array([0]), np.array([2]), np.array([7]), np.array(["x"]), static)
    series = split_columns(grid, ("p", "q"))
    assert series.values.tolist() == [[1, 7], [2, 8], [10, 7], [20, 8]]
    assert series.static.tolist() == [[5], [5]]


def test_known_values_after_the_last_target_are_retained_and_past_values_are_not() -> None:
    cells = [  # target, past, known
        *([NAN, 1, 1], [5, 2, 2], [NAN, 3, 3], [NAN, NAN, NAN], [NAN, 5, 5], [NAN, 6, NAN]),
        *([NAN, 7, 7],),
        *([8, 8, 8], [NAN, 9, NAN]),
    ]
    begin, end = np.array([0, 6, 7]), np.array([6, 7, 9])
    static = np.array([[1], [2], [3]], np.float32)
    ids = np.array(["a", "b", "c"], object)
    grid = Series(np.array(cells, np.float32), begin, end, np.zeros(3, np.int64), ids, static)
    series, empty = trim(grid, Frequency("fixed", HOUR), known=1)
    expected = [[5, 2, 2], [NAN, NAN, 3], [NAN, NAN, NAN], [NAN, NAN, 5], [8, 8, 8]]
    np.testing.assert_array_equal(series.values, expected)
    assert series.stop is not None
    assert (series.begin.tolist(), series.end.tolist(), series.stop.tolist()) == ([0, 4], [1, 5], [4, 5])
    assert (series.start // HOUR).tolist() == [1, 0]
    assert (series.static.tolist(), empty) == ([[1], [3]], ["b"])
