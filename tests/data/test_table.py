"""The places of rows, and tables of several files."""

import pandas as pd
import pytest

from forecaster.data.table import LineNumbers, Part, Table, concatenate
from forecaster.errors import DataError


def make(name: str, **columns: list[object]) -> Table:
    frame = pd.DataFrame(columns)
    text = {column: "category" for column in frame if frame[column].dtype.kind not in "ifM"}
    return Table("sales", frame.astype(text), (Part(name, 0, LineNumbers(b"", 0, above=1)),))


def test_the_place_of_a_row_names_its_file() -> None:
    table = concatenate("sales", [make("a", id=["x", "y"], y=[1, 2]), make("b", id=["y", "z"], y=[0.5, 1.5])])
    assert table.frame["id"].tolist() == ["x", "y", "y", "z"]
    assert table.frame["y"].tolist() == [1, 2, 0.5, 1.5]
    assert table.place(0) == "a line 2"
    assert table.place(3) == "b line 3"


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (make("b", day=[1], y=[1]), "sales: b has columns day, y; a has id, y"),
        (make("b", id=["x"], y=["much"]), "sales: column 'y' is"),
    ],
)
def test_files_with_other_columns_are_refused(other: Table, says: str) -> None:
    with pytest.raises(DataError) as caught:
        concatenate("sales", [make("a", id=["x"], y=[1]), other])
    assert caught.value.message.startswith(says)
