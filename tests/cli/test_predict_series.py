"""Predict chosen series, and write workbooks."""

from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Forecast

START = date(2024, 1, 1)


@pytest.fixture
def shops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [
        f"{name},{START + timedelta(days=day)},{day % 7 + number}"
        for number, name in enumerate(("north", "=south", "007"))
        for day in range(90)
    ]
    path = tmp_path / "shops.csv"
    path.write_text("\n".join(["shop,day,sold", *rows, ""]))
    return path


@pytest.mark.skipif(not find_spec("onnx"), reason="the toy network is written by onnx")
@pytest.mark.usefixtures("toy_weights")
@pytest.mark.parametrize("is_trained", [True, False])
def test_only_the_named_series_are_forecast(forecast: Forecast, shops: Path, is_trained: bool) -> None:
    if is_trained:
        assert forecast("train", shops, "--model", "seasonal_naive").code == 0
    done = forecast("predict", shops, "--series", "007", "--series", "north")
    assert done.code == 0, done.err
    table = pd.read_csv("forecasts.csv", dtype={"unique_id": str})
    assert table["unique_id"].unique().tolist() == ["north", "007"]
    assert "missing" not in done.err


@pytest.mark.skipif(not find_spec("onnx"), reason="the toy network is written by onnx")
@pytest.mark.usefixtures("toy_weights")
@pytest.mark.parametrize("is_trained", [True, False])
def test_an_unknown_series_is_wrong_usage(forecast: Forecast, shops: Path, is_trained: bool) -> None:
    if is_trained:
        assert forecast("train", shops, "--model", "seasonal_naive").code == 0
    done = forecast("predict", shops, "--series", "nroth")
    assert done.code == 2
    assert "error: --series nroth: not in the data (did you mean 'north'?)" in done.err
    assert not Path("forecasts.csv").exists()


def test_a_workbook_has_the_rows_of_the_csv_and_text_stays_text(forecast: Forecast, shops: Path) -> None:
    pytest.importorskip("openpyxl")
    assert forecast("train", shops, "--model", "seasonal_naive", "--horizon", "3").code == 0
    assert forecast("predict", "-o", "f.csv").code == 0
    assert forecast("predict", "-o", "f.xlsx").code == 0
    expected = pd.read_csv("f.csv", dtype={"unique_id": str}, parse_dates=["ds", "cutoff"])
    found = pd.read_excel("f.xlsx", engine="openpyxl", dtype={"unique_id": str})
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-6, check_dtype=False)
    assert found["unique_id"].unique().tolist() == ["north", "=south", "007"]


@pytest.mark.parametrize(
    ("first", "freq", "zone", "form"),
    [
        ("2024-01-01", "D", None, "yyyy-mm-dd"),
        ("2024-01-01", "h", None, "yyyy-mm-dd hh:mm:ss"),
        ("2024-01-01", "h", "Europe/Paris", "General"),  # Excel has no time zones, so these times stay text.
        ("1850-01-01", "MS", None, "General"),  # It has no times before 1900 either.
    ],
)
def test_a_workbook_has_dates_and_short_numbers_below_a_header_that_stays(
    forecast: Forecast, first: str, freq: str, zone: str | None, form: str
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    times = pd.date_range(first, periods=60, freq=freq, tz=zone)
    pd.DataFrame({"time": [time.isoformat() for time in times], "y": [1234.5, 2345.25, 987.125] * 20}).to_csv(
        "t.csv", index=False
    )
    assert forecast("train", "t.csv", "--model", "naive", "--horizon", "3").code == 0
    assert forecast("predict", "-o", "f.xlsx").code == 0
    sheet = openpyxl.load_workbook("f.xlsx").active
    titles = {cell.value: cell for cell in sheet[1]}
    first_row = {name: sheet.cell(2, cell.column) for name, cell in titles.items()}
    assert titles["ds"].font.bold
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", f"A1:{titles['status'].column_letter}4")
    assert {first_row[name].number_format for name in ("ds", "cutoff")} == {form}
    assert first_row["ds"].is_date == (form != "General")
    assert first_row["mean"].number_format == "#,##0.0"
    assert first_row["q0.9"].value % 1  # The digits that the format does not show are still there.
    assert sheet.column_dimensions[titles["ds"].column_letter].width > len(form)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("f.png", "draw it with `forecast report -o f.png`"),
        ("f.html", "draw it with `forecast report -o f.html`"),
        ("f.txt", "use a name that ends in .csv, .parquet or .xlsx"),
    ],
)
def test_another_format_is_refused_with_what_to_do(forecast: Forecast, shops: Path, name: str, hint: str) -> None:
    done = forecast("predict", shops, "-o", name)
    assert done.code == 2
    assert f"hint: {hint}" in done.err
