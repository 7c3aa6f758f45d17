"""Delimiter, decimal mark and header, detected from a sample."""

import pyarrow as pa
import pytest

from forecaster.data.csv import BLOCK_BYTES, CsvFormat, detect_format, parse


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("date,y\n2020,1\n", CsvFormat(",", ".", True)),
        ("date;y\n2020-01-01;1,5\n2020-01-02;2,5\n", CsvFormat(";", ",", True)),
        ("2020-01-01;1,5\n2020-01-02;2,5\n", CsvFormat(";", ",", False)),
        ("date;a;b\n1;1.234,5;1.000\n2;2.345,5;2.000\n", CsvFormat(";", ",", True)),
        ("date;y\n1;1,234\n2;2,345\n", CsvFormat(";", ",", True)),
        ("date;y\n1;1,234,567\n2;2,345\n", CsvFormat(";", ".", True)),
        ("date;y\n1;1,234.5\n2;2,345\n", CsvFormat(";", ".", True)),
        ('date,y\n1,"1,234"\n2,"2,345"\n', CsvFormat(",", ".", True)),
        ('date,y\n1,"1,5"\n2,"2,25"\n', CsvFormat(",", ",", True)),
        ('note,y\n"a; b; c",1\n"d; e; f",2\n"g",2\n', CsvFormat(",", ".", True)),
        ("y\n1\n2\n", CsvFormat(",", ".", True)),
        ("date y\n2020-01-01  1\n2020-01-02 12\n", CsvFormat(" ", ".", True)),
    ],
)
def test_the_format_is_detected_from_a_sample(sample: str, expected: CsvFormat) -> None:
    assert detect_format(sample) == expected


@pytest.mark.parametrize(
    ("later", "expected"),
    [("1.5", pa.float64()), ("12.03.2024", pa.dictionary(pa.int32(), pa.string())), ("NA", pa.int64())],
)
def test_a_column_has_the_type_that_fits_all_its_cells(later: str, expected: pa.DataType) -> None:
    lines = [f"{number},7" for number in range(2 * BLOCK_BYTES // 8)]
    content = "\n".join(["step,y", *lines, f"1,{later}", ""]).encode()
    columns, _ = parse("t.csv", content)
    assert len(content) > BLOCK_BYTES
    assert columns.schema.field("y").type == expected
    assert columns.num_rows == len(lines) + 1
    assert str(columns.column("y")[0]).startswith("7")
