"""Tables in other formats than CSV and Parquet: compressed, JSON, Arrow, workbooks."""

import bz2
import datetime
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from forecaster.config import DataConfig
from forecaster.config.table_format import TableFormat
from forecaster.data.files.read import read
from forecaster.data.load import load
from forecaster.errors import DataError, DependencyError, InputError

CSV = b"date,store,sales\n" + b"".join(
    f"2021-01-{day:02d},{store},{day + 0.25}\n".encode() for store in ("001", "002") for day in range(1, 29)
)
ROWS = [
    {"date": f"2021-01-{day:02d}", "store": store, "sales": day + 0.25}
    for store in ("001", "002")
    for day in range(1, 29)
]


def zip_of(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def arrow_of(write: Callable[[pa.Table, io.BytesIO], None]) -> bytes:
    stream = io.BytesIO()
    write(pa.Table.from_pylist(ROWS), stream)
    return stream.getvalue()


def write_stream(table: pa.Table, stream: io.BytesIO) -> None:
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)


def save(folder: Path, content: bytes, name: str = "data") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(CSV), id="gzip"),
        pytest.param(bz2.compress(CSV), id="bzip2"),
        pytest.param(lzma.compress(CSV), id="xz"),
        pytest.param(pa.compress(CSV, codec="zstd", asbytes=True), id="zstd"),
        pytest.param(zip_of(**{"export/a.csv": CSV, "__MACOSX/._a.csv": b"\0"}), id="zip"),
        pytest.param(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()), id="compressed-json"),
        pytest.param("\n".join(map(json.dumps, ROWS)).encode(), id="json-lines"),
        pytest.param(json.dumps(ROWS, indent=1).encode(), id="json-array"),
        pytest.param(json.dumps({"count": 56, "data": ROWS}).encode(), id="json-wrapped"),
        pytest.param(json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]}).encode(), id="json-columns"),
        pytest.param(arrow_of(pyarrow.feather.write_feather), id="feather"),
        pytest.param(arrow_of(write_stream), id="arrow-stream"),
    ],
)
def test_the_content_decides_the_format(content: bytes, tmp_path: Path) -> None:
    loaded = load(save(tmp_path, content), DataConfig())
    assert loaded.panel.ids.tolist() == ["001", "002"]
    assert loaded.quality["first"], loaded.quality["last"] == ("2021-01-01", "2021-01-28")
    assert loaded.panel.values[:2, 0].tolist() == [1.25, 2.25]


BROKEN = [
    (zip_of(a=CSV, b=CSV), "the zip archive has 2 files: a, b"),
    (zip_of(a=CSV)[:60], "damaged zip"),
    (lzma.compress(CSV)[:100], "damaged xz"),
    (bz2.compress(CSV)[:100], "damaged bzip2"),
    (pa.compress(CSV, codec="zstd", asbytes=True)[:100], "damaged zstd"),
    (zip_of(a=gzip.compress(CSV)), "is compressed twice"),
    (b'{"date": "2021-01-01"\n', "is not JSON"),
    (b'{"date": "2021-01-01"}\nx\n', "line 2 is not JSON"),
    (b'{"date": "2021-01-01"}\n[1]\n', "line 2 is not an object"),
    (b"[1, 2, 3]", "the JSON has no rows"),
    (b"[[", "is not JSON"),
    (b"[" * 100_000, "nested more than 200 levels deep"),
    (b'{"a":1}\n{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}\n", "nested more than 200 levels deep"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000 + b'\n{"a":1}\n', "nested more than 200 levels deep"),
    (b"ARROW1\0\0" + bytes(60), "the Arrow file is damaged"),
    (b"\xd0\xcf\x11\xe0" + bytes(600), "the workbook is damaged"),
    (zip_of(**{"xl/workbook.xml": b"<"}), "the workbook is damaged"),
]


@pytest.mark.parametrize(
    ("content", "says"), BROKEN, ids=[f"{number}-{says}" for number, (_, says) in enumerate(BROKEN)]
)
def test_what_is_no_table_is_refused_with_the_reason(content: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises((DataError, InputError)) as caught:
        read(save(tmp_path, content))
    assert says in caught.value.message
    assert caught.value.hint


def test_a_column_of_several_types_in_json_is_text(tmp_path: Path) -> None:
    lines = [{"date": f"2021-01-{day:02d}", "y": day if day != 3 else "n/a"} for day in range(1, 20)]
    panel = load(save(tmp_path, "\n".join(map(json.dumps, lines)).encode()), DataConfig()).panel
    assert panel.values[[0, 1, 3], 0].tolist() == [1, 2, 4]
    assert pd.isna(panel.values[2, 0])


def test_times_in_json_keep_their_zone(tmp_path: Path) -> None:
    lines = [{"ts": f"2021-01-01T{hour:02d}:00:00+02:00", "y": hour} for hour in range(24)]
    loaded = load(save(tmp_path, "\n".join(map(json.dumps, lines)).encode()), DataConfig())
    assert loaded.panel.zone == "+02:00"
    assert loaded.quality["first"] == "2021-01-01T00:00:00+02:00"


def test_a_folder_may_contain_files_of_any_format(tmp_path: Path) -> None:
    save(tmp_path, gzip.compress(b"date,y\n2021-01-01,1\n2021-01-02,2\n2021-01-03,2\n"), "a.csv.gz")
    save(tmp_path, b'{"date": "2021-01-01", "y": 1}\n{"date": "2021-01-02", "y": 3}\n', "b.jsonl")
    save(tmp_path, b"ignored", "~$open.xlsx")
    assert [table.parts[0].name for table in read(str(tmp_path))] == ["a", "b"]


Book = Callable[[dict[str, list[list[object]]]], str]


@pytest.fixture
def workbook(tmp_path: Path) -> Book:
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")

    def write(sheets: dict[str, list[list[object]]]) -> str:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for number, row in enumerate(rows, start=1):
                for column, value in enumerate(row, start=1):
                    sheet.cell(number, column, value)
        path = tmp_path / "book.xlsx"
        book.save(path)
        return str(path)

    return write


def days(count: int = 40) -> list[list[object]]:
    first = datetime.date(2021, 1, 1)
    return [
        [first + datetime.timedelta(days=number), store, 1 + number / 1000]
        for store in ("001", "2E3")
        for number in range(count)
    ]


def test_a_sheet_has_preamble_ids_and_footer(workbook: Book) -> None:
    header: list[list[object]] = [["Report North"], ["As of", datetime.date(2022, 1, 3)], [], ["Day", "Item", "Sales"]]
    source = workbook({"Sales": [*header, *days(), [], ["Total", None, 41.5], ["Source: SAP"]]})
    loaded = load(source, DataConfig())
    assert loaded.panel.ids.tolist() == ["001", "2E3"]
    assert loaded.panel.lengths.tolist() == [40, 40]
    assert loaded.panel.values[3, 0] == pytest.approx(1.003)  # the point is one of a fraction, not of thousands


def test_a_table_may_start_anywhere_on_a_sheet(workbook: Book) -> None:
    clocks: list[list[object]] = [
        [None, None, datetime.date(2021, 1, 1 + hour // 24), datetime.time(hour % 24), float(hour)]
        for hour in range(72)
    ]
    loaded = load(workbook({"a": [[], [None, None, "Day", "Hour", "Load"], *clocks]}), DataConfig())
    assert loaded.quality["last"] == "2021-01-03T23:00:00"
    assert loaded.config.time == "Day,Hour"


def test_an_error_names_the_row_of_the_sheet(workbook: Book) -> None:
    rows = days(3)[:3]
    rows[1][2] = "3 kg"
    with pytest.raises(DataError, match="line 5: '3 kg' is not a number"):
        load(workbook({"a": [["note"], [], ["day", "item", "sales"], *rows]}), DataConfig())


def test_the_sheet_is_chosen_by_name_or_number_and_kept(workbook: Book) -> None:
    head: list[list[object]] = [["day", "item", "sales"]]
    source = workbook({"Notes": [["do not change"]], "2020": [*head, *days(20)], "2021": [*head, *days(30)]})
    first = load(source, DataConfig())
    assert first.config.format.sheet == "2020"
    assert "read the sheet '2020'; --sheet 2021 reads another one" in first.notes
    for sheet in ("2021", "3"):
        loaded = load(source, DataConfig(format=TableFormat(sheet=sheet)))
        assert loaded.panel.lengths.max() == 30
    with pytest.raises(DataError, match="no sheet '2012'") as caught:
        load(source, DataConfig(format=TableFormat(sheet="2012")))
    assert caught.value.hint == "sheets are Notes, 2020, 2021"


def test_a_sheet_is_read_by_the_format_of_a_csv_file(workbook: Book) -> None:
    fixed = TableFormat(encoding="cp1252", delimiter=";", skip_rows=0, header=1)
    loaded = load(workbook({"a": [["day", "item", "sales"], *days()]}), DataConfig(format=fixed))
    assert loaded.panel.lengths.tolist() == [40, 40]


def test_a_sheet_of_libreoffice_is_read(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    rows = "".join(
        f'<table:table-row><table:table-cell office:value-type="date" office:date-value="2021-02-{day:02d}"/>'
        f'<table:table-cell office:value-type="float" office:value="{day}.5"/></table:table-row>'
        for day in range(1, 29)
    )
    names = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>'
        for name in ("Tag", "Wert")
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name='Daten'>"
        f"<table:table-row>{names}</table:table-row>{rows}</table:table></office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind.decode()}"/></manifest:manifest>'
    )
    files = {"mimetype": kind, "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    source = save(tmp_path, zip_of(**files), "t.ods")
    panel = load(source, DataConfig()).panel
    assert panel.lengths.tolist() == [28]
    assert panel.values[0, 0] == 1.5


def test_without_the_package_a_workbook_is_refused_with_its_name(
    workbook: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = workbook({"a": [["day", "item", "sales"], *days()]})
    monkeypatch.setattr("forecaster.data.files.workbook.find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="needs the package python-calamine"):
        read(source)


def test_a_cell_far_from_the_table_ends_no_process(workbook: Book, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active["A1"] = "date"
    book.active.cell(1_048_576, 16_384, 5)
    book.save(tmp_path / "corner.xlsx")
    with pytest.raises(DataError, match="needs more than 2 GiB of memory"):
        read(str(tmp_path / "corner.xlsx"))


def test_modules_in_the_working_directory_are_not_run(
    workbook: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = workbook({"a": [["day", "item", "sales"], *days()]})
    (tmp_path / "python_calamine.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert len(read(source)) == 1
