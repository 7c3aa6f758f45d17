"""`forecast predict DATA` where nothing was trained: the pretrained network forecasts."""

import csv
import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import QUICK, Forecast

pytestmark = [
    pytest.mark.skipif(not find_spec("onnx"), reason="the toy network is written by onnx"),
    pytest.mark.usefixtures("toy_weights"),
]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_pretrained_network_forecasts_at_once(forecast: Forecast, sales: Path) -> None:
    done = forecast("predict", sales)
    assert done.code == 0, done.err
    assert done.err.splitlines() == [
        "sales.csv: date -> time (daily), sales -> target",
        "season 7, the default for daily; --season overrides",
        "horizon 14, the default for daily; --horizon overrides",
        f"no bundle here: forecast by the pretrained network; `forecast train {sales}` learns from your data",
        "wrote forecasts.csv: 14 rows, 1 series",
    ]
    table = pd.read_csv("forecasts.csv")
    assert set(table["model"]) == {"pretrained"}
    assert table["ds"].iloc[0] == "2024-03-31"
    actual = pd.read_csv(sales)["sales"].to_numpy()[-7:]
    np.testing.assert_allclose(table["mean"], np.tile(actual, 2), rtol=1e-5)  # the toy repeats the last season


def test_nothing_but_the_forecasts_is_written(forecast: Forecast, sales: Path) -> None:
    forecast("predict", sales, "-o", "-")
    assert sorted(path.name for path in Path().iterdir()) == ["sales.csv"]


def test_options_decide_how_the_table_is_read(forecast: Forecast, tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    table = pd.DataFrame({"shop": ["b"] * 60 + ["a"] * 60, "day": [*days, *days]})
    table["units"], table["price"] = np.tile([0, 1, 2, 30], 30), 1.5
    table.to_csv("shops.csv", index=False)
    options = ["--id", "shop", "--time", "day", "--target", "units", "--season", "4", "--horizon", "5"]
    limits = ["--min", "1", "--max", "20", "--integer"]
    done = forecast("predict", "shops.csv", *options, *limits, "-o", "-", "--layout", "nixtla", "--levels", "95")
    assert done.code == 0, done.err
    rows = rows_of(done.out)
    assert list(rows[0]) == [
        "unique_id",
        "ds",
        "PRETRAINED",
        "PRETRAINED-median",
        "PRETRAINED-lo-95",
        "PRETRAINED-hi-95",
    ]
    assert [row["unique_id"] for row in rows] == ["b"] * 5 + ["a"] * 5
    assert [float(row["PRETRAINED-median"]) for row in rows[:5]] == [1, 1, 2, 20, 1]
    command = "forecast train shops.csv --time day --target units --id shop --season 4 --min 1 --max 20 --integer"
    assert f"`{command}` learns" in done.err


def test_json_names_no_bundle_and_no_verdict(forecast: Forecast, sales: Path) -> None:
    document = forecast("predict", sales, "--json", "--horizon", "3").json
    assert document == {
        "bundle": None,
        "model": "pretrained",
        "series": 1,
        "horizon": 3,
        "verdict": None,
        "out": "forecasts.csv",
    }
    assert len(forecast("predict", sales, "--json", "--horizon", "3", "-o", "-").json["forecasts"]) == 3


def test_a_plot_and_standard_input(forecast: Forecast, sales: Path) -> None:
    done = forecast("predict", "-", "--plot", stdin=sales.read_bytes())
    assert done.code == 0, done.err
    assert "Forecast of sales" in done.out
    assert "`forecast train DATA` learns from your data" in done.err


def test_covariates_are_named_in_one_note(forecast: Forecast, sales: Path) -> None:
    table = pd.read_csv(sales)
    table["promo"], table["rain"] = np.arange(len(table)) % 2, 0.5
    table.to_csv("more.csv", index=False)
    plain = forecast("predict", sales, "-o", "-", "-q").out
    done = forecast("predict", "more.csv", "--target", "sales", "--known", "promo", "--past", "rain", "-o", "-")
    assert done.code == 0, done.err
    assert "the pretrained network reads only the target: rain, promo change nothing" in done.err
    assert done.out == plain


@pytest.mark.parametrize("count", [1, 2])
def test_too_short_data_is_refused(forecast: Forecast, tmp_path: Path, count: int) -> None:
    Path("short.csv").write_text("t,y\n" + "".join(f"{step},{step}\n" for step in range(count)))
    done = forecast("predict", "short.csv")
    assert done.code == 65
    assert "short.csv" in done.err


def test_series_of_any_length_from_three_values_on_are_forecast(forecast: Forecast) -> None:
    Path("wide.csv").write_text("t,a,b\n1,5,\n2,6,\n3,7,1\n4,8,2\n")
    done = forecast("predict", "wide.csv", "-o", "-", "--horizon", "2")
    assert done.code == 0, done.err
    assert [float(row["mean"]) for row in rows_of(done.out)] == [8, 8, 2, 2]
    assert "1 series with fewer than 3 values: the last value is their forecast" in done.err


def test_many_series_are_streamed(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(50, 5, (12, 60)).round(2)
    hours = pd.date_range("2024-01-01", periods=60, freq="h")
    tables = [pd.DataFrame({"shop": f"s{n:02}", "ds": hours, "y": row}) for n, row in enumerate(values)]
    pd.concat(tables).to_parquet("t.parquet", index=False)
    whole = forecast("predict", "t.parquet", "-o", "-")
    monkeypatch.setattr("forecaster.data.memory_limit.DEFAULT_ROWS_AT_ONCE", 150)
    parts = forecast("predict", "t.parquet", "-o", "parts.csv", "--json")
    assert parts.code == 0, parts.err
    assert (parts.json["series"], parts.json["horizon"]) == (12, 48)
    assert parts.err.count("season 24") == 1
    one, other = pd.read_csv(io.StringIO(whole.out)), pd.read_csv("parts.csv")
    pd.testing.assert_frame_equal(one, other, rtol=1e-5)


def test_a_bundle_comes_first_and_decides_how_data_is_read(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, "--model", "naive").code == 0
    done = forecast("predict", sales, "-o", "-")
    assert {row["model"] for row in rows_of(done.out)} == {"naive"}
    assert "pretrained" not in done.err
    refused = forecast("predict", sales, "--min", "0")
    assert refused.code == 2
    assert refused.err.startswith("error: --min: the bundle runs/")
    assert f"leave --min out; train on the table with `forecast train {sales} --min ...`" in refused.err
    assert forecast("predict", sales, "--duplicates", "mean").code == 0


def test_without_data_or_without_the_named_bundle_the_error_stays(forecast: Forecast, sales: Path) -> None:
    done = forecast("predict")
    assert done.code == 66
    assert done.err.startswith("error: runs/latest: nothing was trained here yet")
    done = forecast("predict", sales, "--bundle", "nothing")
    assert done.code == 66
    assert done.err.startswith("error: nothing: no such bundle")


def test_a_package_without_the_network_gives_the_error_of_a_missing_bundle(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecaster.store.pretrained.FOLDER", Path("nothing"))
    done = forecast("predict", sales)
    assert done.code == 66
    assert "nothing was trained here yet" in done.err


def test_future_values_need_known_columns(forecast: Forecast, sales: Path) -> None:
    done = forecast("predict", sales, "--future", sales)
    assert done.code == 2
    assert "--future: no column is known ahead" in done.err


def test_an_environment_variable_sets_the_season(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_DATA__SEASON", "1")
    done = forecast("predict", sales, "-o", "-", "--horizon", "3")
    assert len({row["mean"] for row in rows_of(done.out)}) == 1
    assert "season" not in done.err


def test_training_on_the_same_data_replaces_the_pretrained_network(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *QUICK).code == 0
    assert {row["model"] for row in rows_of(forecast("predict", "-o", "-").out)} == {"gru"}
