"""Covariates as numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from forecaster.data.columns.covariates import Categories, encode, encode_static, find_categories
from forecaster.data.files.read import read
from forecaster.data.table import Table
from forecaster.errors import DataError

NAN = np.nan
MakeTable = Callable[..., Table]


@pytest.fixture
def table_of(tmp_path: Path) -> MakeTable:
    def make(*lines: str) -> Table:
        (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
        return read(str(tmp_path / "t.csv"))[0]

    return make


def test_numbers_are_unchanged_booleans_are_0_and_1_and_text_is_one_column_per_value(table_of: MakeTable) -> None:
    table = table_of("n,flag,sky", "1.5,true,sun", "NA,false,rain", "3,true,NA", "4,false,sun")
    categories, notes = find_categories(table, ("n", "flag", "sky"))
    assert (categories, notes) == ({"sky": ("rain", "sun")}, [])
    encoded = encode(table, ("n", "flag", "sky"), categories)
    assert encoded.columns == ("n", "flag", "sky=rain", "sky=sun")
    assert encoded.values.dtype == np.float32
    assert_array_equal(encoded.values, [[1.5, 1, 0, 1], [NAN, 0, 1, 0], [3, 1, NAN, NAN], [4, 0, 0, 1]])


def test_booleans_with_missing_cells_are_not_text(table_of: MakeTable) -> None:
    table = table_of("flag,y", "true,1", ",2", "False,3")
    assert find_categories(table, ("flag",)) == ({}, [])
    assert_array_equal(encode(table, ("flag",), {}).values[:, 0], [1, NAN, 0])


def test_numbers_written_as_text_are_read_as_numbers(table_of: MakeTable) -> None:
    table = table_of("n,y", '"1,200",1', '"2,400",2')
    assert find_categories(table, ("n",)) == ({}, [])
    assert encode(table, ("n",), {}).values[:, 0].tolist() == [1200, 2400]


def test_an_unseen_category_is_0_everywhere(table_of: MakeTable) -> None:
    encoded = encode(table_of("sky,y", "fog,1", "sun,2"), ("sky",), {"sky": ("rain", "sun")})
    assert_array_equal(encoded.values, [[0, 0], [0, 1]])


@pytest.mark.parametrize(
    "lines",
    [("code,y", "7,1", "8,2"), ("code,y", "7,1", "8,2", ",3"), ("code,y", "7,1", "8,2", "x,3")],
    ids=["integers", "floats", "text"],
)
def test_categories_that_look_like_numbers_now_are_still_found(table_of: MakeTable, lines: tuple[str, ...]) -> None:
    assert_array_equal(encode(table_of(*lines), ("code",), {"code": ("7", "b")}).values[:2], [[1, 0], [0, 0]])


def test_only_the_most_frequent_values_become_columns(table_of: MakeTable) -> None:
    words = [f"w{number:02}" for number in range(60)]
    table = table_of("word,y", *(f"{word},1" for word in [*words, *words[10:]]))
    categories, notes = find_categories(table, ("word",))
    assert categories["word"] == tuple(words[10:])
    assert notes == ["word: 60 values; only the 50 most frequent become columns"]
    assert encode(table, ("word",), categories).values.sum() == 100


def test_a_static_column_has_one_value_per_series_and_missing_cells_are_ignored(table_of: MakeTable) -> None:
    table = table_of("size,kind", ",b", "5,b", "7,", "7,")
    categories: Categories = {"kind": ("a", "b")}
    ids = np.array(["s", "t"], object)
    found = encode_static(table, ("size", "kind"), categories, np.array([0, 0, 1, 1]), ids)
    assert found.columns == ("size", "kind=a", "kind=b")
    assert_array_equal(found.values, [[5, 0, 1], [7, NAN, NAN]])


@pytest.mark.parametrize(("name", "words"), [("size", "5.0, 6.0"), ("kind", "a, b")])
def test_the_error_for_a_changing_static_column_names_the_series(table_of: MakeTable, name: str, words: str) -> None:
    table = table_of("size,kind", "5.0,a", "5,a", "5,a", "6.0,b")
    with pytest.raises(DataError) as caught:
        encode_static(table, (name,), {"kind": ("a", "b")}, np.array([0, 0, 1, 1]), np.array(["s", "t"], object))
    assert caught.value.message.endswith(f"series 't' has more than one value of the static column {name!r}: {words}")
    assert f"--past {name}" in caught.value.hint


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("x,y", "NA,1", "NA,2"), "'x' contains no values"),
        (("x,y", "2020-01-01,1", "2020-01-02,2"), "'x' contains times"),
        (("x,y", "1,1", "inf,2"), "column 'x', line 3: an infinite value"),
        (("x,y", "1,1", "2,2", "3,3", "low,4"), "column 'x', line 5: 'low' is not a number"),
    ],
)
def test_cells_that_are_neither_numbers_nor_text_are_refused(
    table_of: MakeTable, lines: tuple[str, ...], says: str
) -> None:
    table = table_of(*lines)
    with pytest.raises(DataError, match=says):
        encode(table, ("x",), find_categories(table, ("x",))[0])
