"""Covariates from the table to the forecast, and the files that `forecast init` writes."""

import json
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.cli.conftest import QUICK, Done, Forecast
from tests.conftest import fake_holidays

DAYS = [str(day) for day in np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-04-01"))]
FLAGS = ["--target", "sales", "--known", "promo,weather", "--past", "temp", "--static", "region", "--horizon", "5"]


@pytest.fixture(autouse=True)
def shops(forecast: Forecast) -> None:
    """Two shops over 80 days as `shops.csv`, in the folder of the test."""
    lines = ["shop,region,date,sales,promo,temp,weather"]
    for shop, region in (("a", "north"), ("b", "south")):
        for n, day in enumerate(DAYS[:80]):
            weather = "rain" if n % 3 else "sun"
            lines.append(f"{shop},{region},{day},{20 + 9 * (n % 7 == 0) + n % 5},{int(n % 7 == 0)},{n % 9}.5,{weather}")
    Path("shops.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def bundle(forecast: Forecast) -> Done:
    done = forecast("train", "shops.csv", *FLAGS, *QUICK, "-o", "b")
    assert done.code == 0, done.err
    return done


def future(steps: Iterable[int], cells: str = "1,sun") -> None:
    lines = [f"{shop},{DAYS[step]},{cells}" for shop in "ab" for step in steps]
    Path("next.csv").write_text("\n".join(["shop,date,promo,weather", *lines]) + "\n")


def refused(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done.err
    assert done.out == ""
    error, hint = done.err.splitlines()[-2:]
    assert (error[:7], hint[:6]) == ("error: ", "hint: ")
    for word in words:
        assert word in f"{error} {hint}"


def test_a_bundle_keeps_what_its_covariates_are(bundle: Done) -> None:
    assert "temp -> past, promo, weather -> known, region -> static" in bundle.err
    data = yaml.safe_load(Path("b/config.yaml").read_text())["data"]
    assert data["categories"] == {"weather": ["rain", "sun"], "region": ["north", "south"]}
    columns = json.loads(Path("b/manifest.json").read_text())["data"]["columns"]
    assert (columns["past"], columns["known"], columns["static"]) == (["temp"], ["promo", "weather"], ["region"])


def test_a_missing_value_of_the_future_names_series_time_and_column(forecast: Forecast, bundle: Done) -> None:
    words = [f"series 'a' has no value of 'promo' for {DAYS[80]}", "forecast init", "--future-template"]
    refused(forecast("predict", "--bundle", "b"), 65, *words)
    future(range(80, 84))
    refused(forecast("predict", "--bundle", "b", "--future", "next.csv"), 65, f"no value of 'promo' for {DAYS[84]}")
    future(range(80, 85), "1,")
    refused(forecast("predict", "--bundle", "b", "--future", "next.csv"), 65, "no value of 'weather'")
    assert not Path("forecasts.csv").exists()


def test_the_future_may_come_in_a_table_of_its_own_or_with_the_data(forecast: Forecast, bundle: Done) -> None:
    future(range(80, 85), "1,fog")  # a category that was never seen
    assert forecast("predict", "--bundle", "b", "--future", "next.csv", "-o", "own.csv").code == 0
    rows = [f"{shop},,{DAYS[step]},,1,,fog" for shop in "ab" for step in range(80, 85)]
    Path("whole.csv").write_text(Path("shops.csv").read_text() + "\n".join(rows) + "\n")
    assert forecast("predict", "whole.csv", "--bundle", "b", "-o", "whole_forecasts.csv").code == 0
    assert Path("own.csv").read_bytes() == Path("whole_forecasts.csv").read_bytes()
    table = pd.read_csv("own.csv")
    assert table["ds"].tolist() == DAYS[80:85] * 2
    assert table["mean"].notna().all()


def test_unseen_series_and_categories_are_forecast_all_the_same(forecast: Forecast, bundle: Done) -> None:
    fresh = Path("shops.csv").read_text().replace("\na,north", "\nz,east").replace("rain", "hail")
    Path("fresh.csv").write_text(fresh)
    future(range(80, 85))
    Path("next.csv").write_text(Path("next.csv").read_text().replace("\na,", "\nz,"))
    done = forecast("predict", "fresh.csv", "--bundle", "b", "--future", "next.csv")
    assert done.code == 0, done.err
    assert set(pd.read_csv("forecasts.csv")["unique_id"]) == {"z", "b"}


def test_a_longer_horizon_needs_a_longer_future(forecast: Forecast, bundle: Done) -> None:
    future(range(80, 90))
    run = ["predict", "--bundle", "b", "--future", "next.csv", "--horizon"]
    assert forecast(*run, "10").code == 0
    refused(forecast(*run, "11"), 65, DAYS[90])


def test_a_future_that_contradicts_the_data_is_refused(forecast: Forecast, bundle: Done) -> None:
    future(range(79, 85), "7,sun")
    refused(forecast("predict", "--bundle", "b", "--future", "next.csv"), 65, "next.csv", "has 7 in 'promo'")
    refused(forecast("predict", "--bundle", "b", "--future", "gone.csv"), 66, "gone.csv")


def test_a_future_without_known_columns_is_a_wrong_usage(forecast: Forecast) -> None:
    assert forecast("train", "shops.csv", "--target", "sales", "--model", "naive", "-o", "n").code == 0
    refused(forecast("predict", "--bundle", "n", "--future", "next.csv"), 2, "--future", "--known")


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--known", "prmo"], 2, ["no column 'prmo' (did you mean 'promo'?)"]),
        (["--past", "sales"], 2, ["'sales' is named twice, by --target and --past"]),
        (["--id", "shop", "--static", "promo"], 65, ["series 'a'", "'promo'"]),
        (["--holidays", "XX"], 2, ["--holidays", "'XX'"]),
        (["--min", "low"], 2, ["--min"]),
        (["--min", "3", "--max", "2"], 78, ["data.maximum", "data.minimum 3"]),
    ],
)
def test_a_covariate_that_cannot_be_is_refused(
    forecast: Forecast, monkeypatch: pytest.MonkeyPatch, flags: list[str], code: int, words: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", fake_holidays())
    refused(forecast("train", "shops.csv", "--target", "sales", *flags, *QUICK), code, *words)
    assert [path.name for path in Path().iterdir()] == ["shops.csv"]


def test_a_missing_package_is_named_by_its_installation(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    run = ["train", "shops.csv", "--target", "sales", "--holidays", "DE"]
    refused(forecast(*run), 69, "pip install holidays")
    assert json.loads(forecast(*run, "--json").out)["error"]["code"] == 69


def test_forecasts_stay_within_what_the_target_can_be(forecast: Forecast) -> None:
    limits = ["--min", "26", "--max", "27.5", "--integer"]
    assert forecast("train", "shops.csv", "--target", "sales", *limits, *QUICK, "-o", "b").code == 0
    for table in ("b/holdout.csv", "forecasts.csv"):
        if table == "forecasts.csv":
            assert forecast("predict", "--bundle", "b").code == 0
        frame = pd.read_csv(table)
        assert set(np.unique(frame.filter(regex=r"median|q0"))) == {26, 27}
        assert frame["mean"].between(26, 27).all()  # an expectation is not rounded


def test_init_writes_a_config_that_trains_the_same(forecast: Forecast, bundle: Done) -> None:
    done = forecast("init", "shops.csv", *FLAGS)
    assert done.code == 0, done.err
    assert "next: forecast train --config forecast.yaml" in done.err
    assert done.out == ""
    text = Path("forecast.yaml").read_text()
    assert "  known: [promo, weather]  # " in text
    assert "  id: shop  # " in text
    assert "  season: 7  # " in text
    assert forecast("train", "--config", "forecast.yaml", *QUICK, "-o", "c").code == 0
    for name in ("weights.safetensors", "config.yaml"):
        assert Path("c", name).read_bytes() == Path("b", name).read_bytes()


def test_init_writes_over_nothing(forecast: Forecast) -> None:
    Path("forecast.yaml").write_text("mine")
    refused(forecast("init", "shops.csv", *FLAGS), 73, "forecast.yaml", "--out")
    assert Path("forecast.yaml").read_text() == "mine"
    refused(forecast("init", "shops.csv", *FLAGS, "-o", "nowhere/f.yaml"), 73, "nowhere")


def test_init_to_stdout_is_the_file_alone(forecast: Forecast) -> None:
    done = forecast("init", "shops.csv", *FLAGS, "-o", "-")
    assert yaml.safe_load(done.out)["data"]["target"] == ["sales"]
    assert forecast("init", "shops.csv", *FLAGS, "-o", "-", "--json", "-q").json["config"]["data"]["id"] == "shop"
    assert not Path("forecast.yaml").exists()


@pytest.mark.parametrize("flags", [[*FLAGS], ["--bundle", "b"]], ids=["flags", "bundle"])
def test_the_filled_template_is_the_future(forecast: Forecast, bundle: Done, flags: list[str]) -> None:
    done = forecast("init", "shops.csv", "--future-template", *flags)
    assert done.code == 0, done.err
    assert "forecast predict --future future.csv" in done.err
    frame = pd.read_csv("future.csv")
    assert list(frame.columns) == ["shop", "date", "promo", "weather"]
    assert frame["date"].tolist() == DAYS[80:85] * 2
    assert frame[["promo", "weather"]].isna().all(axis=None)
    refused(forecast("predict", "--bundle", "b", "--future", "future.csv"), 65, "'promo'")
    frame.assign(promo=1, weather="rain").to_csv("future.csv", index=False)
    assert forecast("predict", "--bundle", "b", "--future", "future.csv").code == 0


def test_a_bundle_and_a_horizon_are_enough_for_a_template(forecast: Forecast, bundle: Done) -> None:
    done = forecast("init", "--future-template", "--bundle", "b", "--horizon", "7", "-o", "-", "-q")
    assert len(done.out.splitlines()) == 1 + 2 * 7
    assert done.err == ""


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["shops.csv", "--future-template", "--target", "sales"], ["--known"]),
        (["shops.csv", "--bundle", "b"], ["--future-template"]),
        (["shops.csv", "--future-template", "--bundle", "b", "--known", "promo"], ["--bundle"]),
        (
            ["shops.csv", "--future-template", "--time", "none", "--target", "sales", "--known", "promo"],
            ["time column"],
        ),
        (["shops.csv", "--known", "prmo"], ["did you mean 'promo'"]),
        ([], ["DATA"]),
    ],
)
def test_a_wrong_flag_of_init_is_refused(forecast: Forecast, flags: list[str], words: list[str]) -> None:
    refused(forecast("init", *flags), 2, *words)
    assert [path.name for path in Path().iterdir()] == ["shops.csv"]


def test_init_on_missing_data_or_bundle_is_66(forecast: Forecast) -> None:
    refused(forecast("init", "gone.csv"), 66, "gone.csv")
    refused(forecast("init", "shops.csv", "--future-template", "--bundle", "gone"), 66, "gone")


def test_the_next_steps_after_a_training_with_known_columns_lead_to_a_forecast(
    forecast: Forecast, bundle: Done
) -> None:
    steps = [line.partition(": ")[2] for line in bundle.err.splitlines() if line.startswith(("next: ", "then fill in"))]
    assert len(steps) == 2
    assert "then fill in promo, weather, and: " in bundle.err
    assert forecast(*shlex.split(steps[0])[1:]).code == 0
    table = pd.read_csv("future.csv", dtype=str)
    unfilled = forecast(*shlex.split(steps[1])[1:])
    refused(unfilled, 65, f"future.csv: series 'a' has no value of 'promo' for {DAYS[80]}", "20 of 20", "fill in")
    table.assign(promo="1", weather="sun").to_csv("future.csv", index=False)
    assert forecast(*shlex.split(steps[1])[1:]).code == 0


def test_the_hint_names_the_template_with_the_horizon_that_was_asked_for(forecast: Forecast, bundle: Done) -> None:
    done = forecast("predict", "shops.csv", "--bundle", "b", "--horizon", "7")
    command = done.err.partition("`")[2].partition("`")[0]
    assert command == "forecast init shops.csv --future-template --bundle b --horizon 7"
    written = forecast(*shlex.split(command)[1:])
    assert written.code == 0
    assert "then: forecast predict --future future.csv --bundle b" in written.err
    filled = pd.read_csv("future.csv", dtype=str).assign(promo="1", weather="sun")
    filled.to_csv("future.csv", index=False)
    assert forecast("predict", "shops.csv", "--bundle", "b", "--horizon", "7", "--future", "future.csv").code == 0


def test_an_explanation_needs_the_same_future_as_a_forecast(forecast: Forecast, bundle: Done) -> None:
    refused(forecast("explain", "b", "--window", DAYS[79], "--series", "a"), 65, f"no value of 'promo' for {DAYS[80]}")
    future(range(80, 85), "1,sun")
    done = forecast("explain", "b", "--window", DAYS[79], "--series", "a", "--future", "next.csv")
    assert done.code == 0, done.err
