"""`forecast explain` from the command line."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.cli.app import main
from tests.cli.conftest import QUICK, SAMPLES, Forecast

AIR = SAMPLES / "air_passengers.csv"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that trains a tiny bundle once for all tests of this file."""
    made: dict[tuple[str, ...], Path] = {}

    def train(*arguments: str) -> Path:
        if arguments not in made:
            folder = tmp_path_factory.mktemp("bundle") / "b"
            assert main(["train", *arguments, "--out", str(folder), "-q"]) == 0
            made[arguments] = folder
        return made[arguments]

    return train


@pytest.fixture
def air(made: Callable[..., Path]) -> Path:
    return made(str(AIR), *QUICK)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two series whose level follows `promo`; the future is known for a week."""
    generator = np.random.default_rng(0)
    frames = []
    for name, level in (("a", 10.0), ("b", 90.0)):
        promo = generator.integers(0, 2, 107)
        y = level + 5 * promo + generator.normal(size=107)
        y[100:] = np.nan
        ds = pd.date_range("2024-01-01", periods=107)
        sky = np.where(generator.random(107) < 0.5, "sun", "rain").astype(object)
        frames.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": y, "promo": promo, "sky": sky, "size": level}))
    path = tmp_path_factory.mktemp("shop") / "shop.csv"
    pd.concat(frames).to_csv(path, index=False)
    return path


def test_a_bundle_is_explained_in_four_sections(forecast: Forecast, air: Path) -> None:
    done = forecast("explain", air)
    assert done.code == 0, done.err
    for title in (
        "Unrolled in time",
        "Backpropagation through time",
        "(the memory)",
        "What matters",
        "Why this forecast",
    ):
        assert title in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert not list(Path.cwd().iterdir())


def test_json_is_one_document_whose_parts_agree(forecast: Forecast, air: Path) -> None:
    first, again = forecast("explain", air, "--json"), forecast("explain", air, "--json")
    assert first.out == again.out
    document = first.json
    assert document["network"].startswith("1 network, context")
    steps = len(document["unrolling"]["lags"])
    assert steps == len(document["unrolling"]["times"]) == len(document["gradients"]["total"]["norm"])
    assert document["unrolling"]["cutoff"] == document["unrolling"]["times"][-1] == "1960-12-01"
    attribution = document["attribution"]
    added = sum(attribution["of_lags"]) + sum(attribution["of_groups"].values())
    assert attribution["baseline"] + added == pytest.approx(attribution["forecast"], rel=1e-3)


def test_the_forecast_explained_is_the_one_that_predict_gives(forecast: Forecast, air: Path) -> None:
    table = forecast("predict", "--bundle", air, "-o", "-", "-q").out.splitlines()
    expected = float(table[3].split(",")[table[0].split(",").index("median")])
    found = forecast("explain", air, "--step", "3", "--json").json["attribution"]
    assert found["step"] == 3
    assert found["forecast"] == pytest.approx(expected, rel=1e-4)


def test_a_window_of_the_past_is_chosen_by_its_time(forecast: Forecast, air: Path) -> None:
    document = forecast("explain", air, "--window", "1958-06", "--json").json
    assert document["unrolling"]["cutoff"] == document["attribution"]["cutoff"] == "1958-06-01"
    assert forecast("explain", air, "--window", "1958-06-01", "--json").json == document
    unclear = forecast("explain", air, "--window", "1958")
    assert (unclear.code, "12 times" in unclear.err) == (2, True)
    absent = forecast("explain", air, "--window", "2030-01-01")
    assert (absent.code, "from 1949-01-01 to 1960-12-01" in absent.err) == (2, True)


def test_pictures_and_numbers_go_to_a_file(forecast: Forecast, air: Path) -> None:
    pytest.importorskip("matplotlib")
    assert forecast("explain", air, "-o", "look.png", "-q").code == 0
    assert Path("look.png").read_bytes().startswith(b"\x89PNG")
    assert forecast("explain", air, "-o", "look.json").code == 0
    assert json.loads(Path("look.json").read_text())["model"] == "gru"
    done = forecast("explain", air, "-o", "look.txt")
    assert (done.code, "look.txt" in done.err) == (2, True)


def test_without_matplotlib_a_picture_is_refused_before_any_work(
    forecast: Forecast, air: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "forecaster.report.figure.explain.find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    done = forecast("explain", air, "-o", "look.svg")
    assert (done.code, done.out) == (69, "")
    assert "pip install matplotlib" in done.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--series", "Passenger"], "--series"),
        (["--step", "99"], "--step"),
        (["--member", "2"], "--member"),
    ],
)
def test_what_is_not_there_is_wrong_usage(forecast: Forecast, air: Path, arguments: list[str], hint: str) -> None:
    done = forecast("explain", air, *arguments, "--json")
    assert done.code == 2
    assert done.json["error"]["message"].startswith(hint)
    if hint == "--series":
        assert done.json["error"]["hint"] == "pass one such as --series '#Passengers'"


def test_runs_latest_is_explained_where_nothing_is_named(forecast: Forecast, air: Path) -> None:
    assert forecast("explain").code == 66
    Path("runs").mkdir()
    shutil.copytree(air, "runs/latest")
    assert forecast("explain", "--json").json["model"] == "gru"


def test_covariates_are_told_by_the_names_of_the_table(
    forecast: Forecast, made: Callable[..., Path], shop: Path
) -> None:
    columns = ["--known", "promo", "--past", "sky", "--static", "size", "--horizon", "7"]
    bundle = made(str(shop), *columns, *QUICK, "--set", "data.calendar=true")
    document = forecast("explain", bundle, "--series", "b", "--json").json
    groups = [(each["kind"], each["name"]) for each in document["importance"]["influences"] if each["kind"] != "lags"]
    assert groups == [("past", "sky"), ("known", "promo"), ("static", "size"), ("calendar", "calendar")]
    assert list(document["attribution"]["of_groups"]) == ["sky", "calendar", "promo", "size"]
    assert document["unrolling"]["series"] == "b"
    assert document["notes"] == []


def test_without_known_values_ahead_an_earlier_window_is_looked_at(
    forecast: Forecast, made: Callable[..., Path], shop: Path
) -> None:
    columns = ["--known", "promo", "--past", "sky", "--static", "size", "--horizon", "7"]
    bundle = made(str(shop), *columns, *QUICK, "--set", "data.calendar=true")
    frame = pd.read_csv(shop)
    frame[frame.y.notna()].to_csv("bare.csv", index=False)
    done = forecast("explain", bundle, "--data", "bare.csv", "--json")
    assert done.json["unrolling"]["cutoff"] == "2024-04-02"
    assert "known values ahead" in done.json["notes"][0]


def test_a_recursive_network_is_explained_as_far_as_it_computes(forecast: Forecast, made: Callable[..., Path]) -> None:
    tiny = [
        "--set",
        "training.steps=4",
        "--set",
        "model.hidden=4",
        "--set",
        "decode.paths=20",
        "--set",
        "embed.width=1",
    ]
    bundle = made(str(AIR), "--model", "deepar", *tiny)
    document = forecast("explain", bundle, "--json").json
    assert document["attribution"]["steps"] == 1
    assert len(document["gradients"]["total"]["lags"]) == len(document["unrolling"]["lags"])
    done = forecast("explain", bundle, "--step", "2")
    assert (done.code, "drawn" in done.err) == (2, True)


def test_of_an_ensemble_one_network_is_looked_into(forecast: Forecast, made: Callable[..., Path]) -> None:
    bundle = made(str(AIR), *QUICK, "--model", "lstm", "--set", "ensemble.seeds=2", "--set", "ensemble.workers=1")
    done = forecast("explain", bundle, "--member", "2")
    assert done.code == 0, done.err
    assert done.out.startswith("lstm: network 2 of 2: lstm")
    assert "2 networks forecast together" in done.err
    assert forecast("explain", bundle, "--member", "3").code == 2


def test_a_series_that_never_moves_is_no_failure(forecast: Forecast) -> None:
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=60), "y": 5.0})
    frame.to_csv("flat.csv", index=False)
    forecast("train", "flat.csv", *QUICK, "--out", "b")
    done = forecast("explain", "b", "--json")
    assert done.code == 0, done.err
    assert done.json["importance"] is None
    assert "never change" in done.json["notes"][0]
    assert done.json["gradients"]["advice"] == ""
    assert "No gradient reaches any state" in forecast("explain", "b").out


def test_a_baseline_tells_what_its_forecasts_hang_on(forecast: Forecast, made: Callable[..., Path]) -> None:
    bundle = made(str(AIR), "--model", "seasonal_naive")
    done = forecast("explain", bundle, "--json")
    assert done.code == 0, done.err
    document: dict[str, Any] = done.json
    assert document["unrolling"] is document["gradients"] is document["attribution"] is None
    lost = {each["name"]: each["lost"] for each in document["importance"]["influences"]}
    assert lost["lags 2-12"] > 0
    assert lost["lags 13-24"] == 0
    assert "no network" in document["notes"][0]
    assert forecast("explain", bundle).out.startswith("seasonal_naive: no network inside")
