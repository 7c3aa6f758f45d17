"""The formats of numbers in text."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.cells.number_formats import numeric_share, parse_numbers, to_float32
from forecaster.data.table import LineNumbers, Part, Table
from forecaster.errors import DataError


@pytest.mark.parametrize(
    ("word", "decimal", "value"),
    [
        ("12", ".", 12),
        (" 12.5 ", ".", 12.5),
        ("-1,234.5", ".", -1234.5),
        ("1,234,567", ".", 1234567),
        ("1.234,5", ",", 1234.5),
        ("1 234", ".", 1234),
        ("1\u202f234,5", ",", 1234.5),
        ("1'234.5", ".", 1234.5),
        ("\u22125", ".", -5),
        ("+.5", ".", 0.5),
        ("1e-3", ".", 0.001),
    ],
)
def test_a_number_is_read(word: str, decimal: str, value: float) -> None:
    values, is_fine = parse_numbers(pd.Index([word]), decimal)
    assert is_fine.all()
    assert values[0] == value


@pytest.mark.parametrize("word", ["1,234 kg", "12,34", "1.2.3", "abc", "--5", "1 2", "$5", "0056", "+0056.1"])
def test_other_text_is_not_a_number(word: str) -> None:
    _, is_fine = parse_numbers(pd.Index([word]), ".")
    assert not is_fine.any()


def test_the_share_of_numbers_counts_rows_not_words() -> None:
    column = pd.Series(["1,000", "1,000", "1,000", "closed", None], dtype="category")
    assert numeric_share(column, ".") == 0.75


def make_table(cells: list[object]) -> Table:
    column = pd.Series(cells)
    frame = pd.DataFrame({"sales": column.astype("category") if column.dtype.kind not in "if" else column})
    return Table("t.csv", frame, (Part("t", 0, LineNumbers(b"", 0, above=1)),))


def test_values_are_float32_with_nan_if_missing() -> None:
    values = to_float32(make_table(["1,000", None, " NA ", "2"]), "sales")
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [1000, np.nan, np.nan, 2])


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["1", "2", "1,234 kg"], "t.csv: column 'sales', line 4: '1,234 kg' is not a number"),
        ([1.0, np.inf], "t.csv: column 'sales', line 3: an infinite value"),
        ([1e300, 1.0], "t.csv: column 'sales', line 2: 1e+300 is beyond the range of float32"),
    ],
)
def test_the_error_names_the_first_cell_that_is_not_a_finite_number(cells: list[object], says: str) -> None:
    with pytest.raises(DataError) as caught:
        to_float32(make_table(cells), "sales")
    assert caught.value.message == says
