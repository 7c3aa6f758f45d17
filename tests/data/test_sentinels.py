"""Numbers that look like a code for a missing value."""

import numpy as np
import pytest

from forecaster.data.cells.sentinels import Code, describe_codes, find_codes


def codes_of(*series: list[float]) -> list[Code]:
    values = np.concatenate([np.asarray(each, np.float32) for each in series])
    return find_codes(values, np.cumsum([0, *(len(each) for each in series[:-1])]))


@pytest.mark.parametrize("code", [-999.0, -99.0, 999.0, 9999.0, -1e6])
def test_a_repeated_value_far_from_all_others_is_a_code(code: float) -> None:
    wave = [20.0, 22, 25, 21, 23, 27]
    assert codes_of([*wave, code, *wave, code]) == [Code(code, 2)]


@pytest.mark.parametrize(
    "series",
    [
        [1.0, 2, 3, 100, 2, 3],
        [0.0, 0, 100, 101, 102],
        [5.0, 5, 5],
        [1.0, 1, 2, 2],
        [np.nan, np.nan],
        [99.0, 98, 99, 97],
    ],
)
def test_other_values_are_not(series: list[float]) -> None:
    assert codes_of(series) == []


def test_codes_of_several_series_are_counted_together() -> None:
    assert codes_of([1.0, 2, 3, 99, 99], [10.0, 20, 30, 40, 9999, 9999], [7.0, 8, 9, 99, 99]) == [
        Code(99.0, 4),
        Code(9999.0, 2),
    ]


def test_the_note_names_the_flag() -> None:
    assert describe_codes([Code(-999.0, 6)]) == "6 values of -999 look like a code for missing; --na=-999 masks them"
    assert describe_codes([]) is None
