"""Any usual file becomes columns; anything else is refused with a reason."""

import codecs
import gzip
import io
import os
import threading
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

from forecaster.data.files.read import read
from forecaster.errors import DataError, ForecastError, InputError

PLAIN = "date,y\n2020-01-01,1.5\n2020-01-02,2.5\n2020-01-03,NA\n"


def frame_of(content: str | bytes, folder: Path, name: str = "t.csv") -> pd.DataFrame:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (table,) = read(str(path))
    return table.frame


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", "   "),
        PLAIN.replace("\n", "\r\n"),
        PLAIN + "\n\n",
        '"date","y"\n"2020-01-01","1.5"\n"2020-01-02","2.5"\n"2020-01-03",""\n',
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        gzip.compress(PLAIN.encode()),
    ],
    ids=[
        "comma",
        "semicolon",
        "tab",
        "pipe",
        "blanks",
        "crlf",
        "blank-lines",
        "quoted",
        "bom",
        "utf-16",
        "gzip",
    ],
)
def test_every_csv_format_gives_the_same_columns(content: str | bytes, tmp_path: Path) -> None:
    frame = frame_of(content, tmp_path)
    assert list(frame.columns) == ["date", "y"]
    assert frame["date"].dt.day.tolist() == [1, 2, 3]
    assert frame["y"].tolist()[:2] == [1.5, 2.5]
    assert frame["y"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "utf-16"])
def test_accents_survive_any_encoding(encoding: str, tmp_path: Path) -> None:
    frame = frame_of("série,ville,y\n1,Zürich,3\n2,Málaga,4\n".encode(encoding), tmp_path)
    assert list(frame.columns) == ["série", "ville", "y"]
    assert frame["ville"].tolist() == ["Zürich", "Málaga"]


def test_text_that_is_not_utf8_only_far_into_the_file_is_read(tmp_path: Path) -> None:
    lines = ["city,y"] + [f"Paris,{number}" for number in range(5000)] + ["Zürich,1"]
    assert frame_of("\n".join(lines).encode("latin-1"), tmp_path)["city"].iloc[-1] == "Zürich"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("2020-01-01,5\n2020-01-02,6\n", ["column1", "column2"]),
        ("A,2020-01-01,5\nA,2020-01-02,6\n", ["column1", "column2", "column3"]),
        ("1,5\n2,6\n", ["column1", "column2"]),
        ("date,1,2\n2020-01-01,5,6\n", ["date", "1", "2"]),
        (",0,1\n0,5,6\n", ["column1", "0", "1"]),
        ("a,a, b\n1,2,3\n", ["a", "a.1", "b"]),
    ],
)
def test_columns_get_distinct_names_with_or_without_a_header(content: str, names: list[str], tmp_path: Path) -> None:
    frame = frame_of(content, tmp_path)
    assert list(frame.columns) == names
    assert len(frame) == len(content.splitlines()) - (names[0] != "column1" or content.startswith(","))


def test_parquet_is_read_under_any_name_and_from_standard_input(tmp_path: Path) -> None:
    frame = pd.DataFrame({"ds": pd.date_range("2020", periods=3), "y": [1.0, 2.0, None], "id": ["a", "b", "a"]})
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    for table in (*read(str(path)), *read("-", io.BytesIO(path.read_bytes()))):
        assert table.frame["y"].sum() == 3
        assert table.frame["id"].tolist() == ["a", "b", "a"]
        assert table.place(2) == "row 3"


def test_nested_boolean_and_decimal_columns_of_parquet_become_plain(tmp_path: Path) -> None:
    frame = pd.DataFrame({"list": [[1], [2]], "flag": [True, None], "small": pd.array([1, 2], "UInt8"), "y": [1, 2]})
    frame.to_parquet(tmp_path / "t.parquet")
    (table,) = read(str(tmp_path / "t.parquet"))
    assert [str(dtype) for dtype in table.frame.dtypes] == ["category", "category", "int64", "int64"]


def test_a_folder_and_a_glob_give_a_table_for_each_file(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", ".hidden.csv", "notes.md"):
        (tmp_path / name).write_text(PLAIN)
    for source in (str(tmp_path), f"{tmp_path}/*.csv"):
        tables = read(source)
        assert [table.parts[0].name for table in tables] == ["a", "b"]


def test_standard_input_is_read(tmp_path: Path) -> None:
    (table,) = read("-", io.BytesIO(gzip.compress(PLAIN.encode())))
    assert len(table.frame) == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n  \n", "is empty"),
        (b"date,y\n", "has a header but no rows"),
        (b"%PDF-1.7\n%\xe2\xe3", "is a PDF"),
        (b"FEA1\0\0", "is a Feather file of version 1"),
        (b"SQLite format 3\0", "is a SQLite database"),
        (b"<html></html>", "is HTML"),
        (bytes(range(256)) * 20, "is binary"),
        (b"date,y\n2020-01-01,1\n2020-01-02,2,3\n", "line 3 has 3 fields where the table has 2"),
        (b"date,y\n2020-01-01,1\n\n2020-01-02\n2020-01-03,3\n", "line 4 has 1 fields where the table has 2"),
        (b"a,b\n1,2\n" + b"x" * (3 << 20), "line 3 is longer than 1 MiB"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_with_a_reason(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"t\.csv") as caught:
        read(str(path))
    assert says in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sale.csv", "no such file (did you mean 'sales.csv'?)"),
        ("nothing/sales.csv", "no such folder"),
        ("nothing-*.csv", "no file matches"),
        ("empty", "the folder has no table"),
    ],
)
def test_a_missing_file_is_an_input_error(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(PLAIN)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        read(str(tmp_path / name))
    assert says in caught.value.message


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=[PLAIN])
    writer.start()
    (table,) = read(str(pipe))
    writer.join()
    assert len(table.frame) == 3


def test_a_closed_standard_input_is_an_input_error() -> None:
    with pytest.raises(InputError, match="standard input is closed"):
        read("-")


class EndlessLine(io.RawIOBase):
    """200 MB without an end of line."""

    def __init__(self) -> None:
        self.left = 200 << 20

    def read(self, size: int = -1) -> bytes:
        size = self.left if size < 0 else min(size, self.left)
        self.left -= size
        return b"7" * size


@pytest.mark.parametrize("is_gzip", [False, True])
def test_one_endless_line_is_refused_within_little_memory(is_gzip: bool) -> None:
    stream = io.BytesIO(gzip.compress(b"7" * (20 << 20))) if is_gzip else EndlessLine()
    tracemalloc.start()
    with pytest.raises(ForecastError, match="line 1 is longer than 1 MiB"):
        read("-", stream)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"PAR1 no parquet", "damaged Parquet"), (gzip.compress(PLAIN.encode() * 100)[:-40], "damaged gzip")],
    ids=["parquet", "gzip"],
)
def test_a_truncated_file_cannot_be_read(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=says):
        read(str(tmp_path / "t.csv"))


def test_the_row_numbers_that_pandas_writes_are_not_a_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"date": ["2024-01-01", "2024-01-02", "2024-01-03"], "y": [1, 2, 3]})
    frame[frame["y"] != 2].to_parquet(tmp_path / "t.parquet")
    (table,) = read(str(tmp_path / "t.parquet"))
    assert list(table.frame.columns) == ["date", "y"]
