from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.store import csv


@pytest.mark.parametrize("name", ["plain", 'a,b "c"\nd', "ü"])
def test_a_table_is_read_back_as_it_was(tmp_path: Path, name: str) -> None:
    values = np.array([1, np.nan, 5e-7, 1e20, 12.345678], np.float32)
    frame = pd.DataFrame({"unique_id": [name, "b", "b", "c", name], "step": range(5), "y": values})
    csv.write_csv(tmp_path / "t.csv", (frame[first : first + 2] for first in (0, 2, 4)))
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv", dtype={"y": np.float32}), frame)


def test_texts_are_quoted_where_one_needs_it(tmp_path: Path) -> None:
    csv.write_csv(tmp_path / "t.csv", [pd.DataFrame({"unique_id": ["a", "b"], "y": [1.5, np.nan]})])
    assert (tmp_path / "t.csv").read_bytes() == b"unique_id,y\na,1.5\nb,\n"
    csv.write_csv(tmp_path / "t.csv", [pd.DataFrame({"unique_id": ["a,", "b"], "y": [1.5, np.nan]})])
    assert (tmp_path / "t.csv").read_bytes() == b'unique_id,y\n"a,",1.5\n"b",\n'


def test_a_table_in_memory_is_the_one_in_a_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"unique_id": ["a,", "b"], "step": [1, 2], "y": [100.0, 0.1]})
    csv.write_csv(tmp_path / "t.csv", [frame])
    assert csv.to_csv(frame) == (tmp_path / "t.csv").read_bytes() == b'unique_id,step,y\n"a,",1,100\n"b",2,0.1\n'
