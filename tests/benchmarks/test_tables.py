from pathlib import Path

import pandas as pd

from benchmarks import tables


def test_a_series_of_the_large_table_is_the_same_however_many_there_are(tmp_path: Path) -> None:
    few, many = tmp_path / "few.csv", tmp_path / "many.csv"
    tables.main(["large", str(few), "--series", "3", "--steps", "30"])
    tables.main(["large", str(many), "--series", "1002", "--steps", "30"])
    frame = pd.read_csv(many, parse_dates=["ds"])
    assert frame["unique_id"].nunique() == 1002
    assert frame.groupby("unique_id").size().eq(30).all()
    pd.testing.assert_frame_equal(frame[:90], pd.read_csv(few, parse_dates=["ds"]))


def test_the_first_of_the_newest_series_keeps_its_rows_as_they_are(tmp_path: Path) -> None:
    data, found = tmp_path / "data.csv", tmp_path / "one.csv"
    old, newest, other = "b,2024-01-01,1.50\n", "ab,2024-01-01,2\nab,2024-01-02,2.0\n", "a,2024-01-02,3\n"
    data.write_text(f"unique_id,ds,y\n{old}{newest}{other}")
    tables.main(["one", str(found), "--data", str(data)])
    assert found.read_text() == f"unique_id,ds,y\n{newest}"
