"""The layout of CSV files, and the columns that Arrow parses."""

import pyarrow as pa
import pytest

from forecaster.config.table_format import TableFormat
from forecaster.data.files.csv import BLOCK_BYTES, ParsedCsv, parse
from forecaster.data.files.layout import detect_layout
from forecaster.errors import DataError

ROWS = "".join(f"2020-01-{day:02},{day},{day / 2}\n" for day in range(1, 21))


def parse_text(text: str, **given: object) -> ParsedCsv:
    return parse("t.csv", text.encode(), TableFormat(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sample", "delimiter", "header"),
    [
        ("date,y\n2020,1\n", ",", 1),
        ("date;y\n2020-01-01;1,5\n2020-01-02;2,5\n", ";", 1),
        ("2020-01-01;1,5\n2020-01-02;2,5\n", ";", 0),
        ("date;a;b\n1;1.234,5;1.000\n2;2.345,5;2.000\n", ";", 1),
        ('date,y\n1,"1,5"\n2,"2,25"\n', ",", 1),
        ('note,y\n"a; b; c",1\n"d; e; f",2\n"g",2\n', ",", 1),
        ("y\n1\n2\n", ",", 1),
        ("date y\n2020-01-01  1\n2020-01-02 12\n", " ", 1),
        ("sep=;\ndate;y\n2020-01-01;1,5\n", ";", 1),
    ],
)
def test_the_delimiter_and_the_header_are_detected(sample: str, delimiter: str, header: int) -> None:
    layout = detect_layout(sample, TableFormat())
    assert (layout.delimiter, layout.header) == (delimiter, header)


@pytest.mark.parametrize(
    ("above", "header", "names"),
    [
        ("", "date,a,b\n", ["date", "a", "b"]),
        ("sep=,\n", "date,a,b\n", ["date", "a", "b"]),
        ("# made by hand\n# units: kWh\n", "date,a,b\n", ["date", "a", "b"]),
        ("latitude,longitude,zone,name\n52.5,13.4,GMT,Berlin\n\n", "date,a,b\n", ["date", "a", "b"]),
        ("Report of sales\n\n", "date,a,b\n", ["date", "a", "b"]),
        ("", "date,a,b\n(UTC),kWh,EUR\n", ["date", "a", "b"]),
        ("", "Price,Close,Volume\nTicker,XYZ,XYZ\nDate,,\n", ["Price", "Close", "Volume"]),
        ("", "date,load,load\n,actual,planned\n", ["date", "load actual", "load planned"]),
        ("", "a,b\n", ["column1", "a", "b"]),
        ("", "", ["column1", "column2", "column3"]),
    ],
)
def test_lines_above_the_rows_are_skipped_or_name_columns(above: str, header: str, names: list[str]) -> None:
    columns = parse_text(above + header + ROWS).columns
    assert columns.column_names == names
    assert columns.num_rows == 20
    assert str(columns.column(1)[0]) == "1"


@pytest.mark.parametrize(
    ("below", "lines"),
    [("\nSource: the office\np: provisional, revised\n", 2), ("Total,210,105\n", 1), ("\n\n", 0), ("* estimate\n", 1)],
)
def test_lines_below_the_table_are_skipped_and_counted(below: str, lines: int) -> None:
    parsed = parse_text("date,a,b\n" + ROWS + below)
    assert parsed.columns.num_rows == 20
    assert parsed.columns.column("a").type == pa.int64()
    assert parsed.notes == ((f"skipped {lines} line{'s' * (lines > 1)} below the table",) if lines else ())


@pytest.mark.parametrize("source", ["Quelle: Zürich", "Quelle:\u2028 Amt", "Quelle:\x0c Amt"])
def test_lines_below_a_long_table_take_nothing_from_the_last_row(source: str) -> None:
    rows = "".join(f"2020-01-01 {minute // 60:02}:{minute % 60:02},{minute}\n" for minute in range(1440))
    for encoding in ("utf-8", "cp1252"):
        content = f"date,a\n{rows}{source}\n".encode(encoding, errors="ignore")
        parsed = parse("t.csv", content, TableFormat())
        assert parsed.columns.column("a")[-1].as_py() == 1439
        assert parsed.columns.num_rows == 1440


def test_a_last_row_that_was_cut_off_is_refused() -> None:
    with pytest.raises(DataError, match="line 22 has 2 fields where the table has 3"):
        parse_text("date,a,b\n" + ROWS + "2020-01-21,3")


def test_a_delimiter_at_the_end_of_each_row_adds_no_values() -> None:
    parsed = parse_text(
        "date,a\n" + ROWS.replace(",0.5\n", ",\n").replace("\n", ",\n").replace(".5,", ",").replace(".0,", ",")
    )
    assert parsed.columns.num_rows == 20


def test_blanks_before_quotes_do_not_split_cells() -> None:
    parsed = parse_text('date, y\n2020-01-01, "4,000"\n2020-01-02, "4,100"\n')
    assert parsed.columns.column_names == ["date", "y"]
    assert parsed.columns.column("y").to_pylist() == ["4,000", "4,100"]


def test_the_line_of_a_row_counts_blank_lines_and_breaks_within_cells() -> None:
    parsed = parse_text('date,note,y\n2020-01-01,"two\nlines",1\n\n2020-01-02,x,2\n2020-01-03,y,3\n')
    assert [parsed.lines[row] for row in range(3)] == [2, 5, 6]


def test_columns_are_read_again_to_the_letter() -> None:
    parsed = parse_text("id,date,y\n007,2020-01-01,1\n1e3,2020-01-01,2\nNA,2020-01-01,2\n")
    assert parsed.reread(["id"])["id"].tolist() == ["007", "1e3", "NA"]


def test_text_in_utf8_contradicts_another_encoding() -> None:
    text = "stadt,y\nKöln,1\nMünster,2\n"
    cp1252 = parse("t.csv", text.encode("cp1252"), TableFormat())
    assert cp1252.format.encoding == "cp1252"
    with pytest.raises(DataError, match="it is UTF-8"):
        parse("t.csv", text.encode(), cp1252.format)
    assert parse("t.csv", text.encode("ascii", errors="ignore"), cp1252.format).columns.num_rows == 2


def test_given_parts_of_the_format_are_not_detected() -> None:
    text = "a|b;c\n1|2;3\n" * 3
    assert parse_text(text, delimiter="|").columns.num_columns == 2
    assert parse_text("x\n" + text, skip_rows=1, delimiter="|").format.skip_rows == 1
    assert parse_text("1,2\n3,4\n", header=1).columns.column_names == ["1", "2"]


@pytest.mark.parametrize(
    ("later", "expected"),
    [("1.5", pa.float64()), ("12.03.2024", pa.dictionary(pa.int32(), pa.string())), ("NA", pa.int64())],
)
def test_a_column_has_the_type_that_fits_all_its_cells(later: str, expected: pa.DataType) -> None:
    lines = [f"{number},7" for number in range(2 * BLOCK_BYTES // 8)]
    content = "\n".join(["step,y", *lines, f"1,{later}", ""]).encode()
    columns = parse("t.csv", content, TableFormat()).columns
    assert len(content) > BLOCK_BYTES
    assert columns.schema.field("y").type == expected
    assert columns.num_rows == len(lines) + 1
    assert str(columns.column("y")[0]).startswith("7")
