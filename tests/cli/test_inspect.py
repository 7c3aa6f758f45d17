"""`forecast inspect`."""

import json
import shlex
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import SAMPLES, Forecast

LONG = "shop,day,amount,promo,note\n" + "".join(
    f"{shop},2024-{1 + day // 28:02}-{1 + day % 28:02},{'' if day == 40 else day % 7 + 2},{day % 5},x{day % 3}\n"
    for shop, days in (("a", 84), ("b", 84), ("c", 9))
    for day in range(days)
    if not (shop == "b" and 20 <= day < 27)
)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    path = tmp_path / "long.csv"
    path.write_text(LONG)
    return path


def test_a_table_is_told_in_words_within_80_columns(forecast: Forecast) -> None:
    done = forecast("inspect", SAMPLES / "seattle_weather.csv")
    assert done.code == 0
    assert "1,461 rows, 4 series, daily" in done.out
    assert "weather        left out: text" in done.out
    assert "horizon 14" in done.out
    assert "the values hardly repeat every 7 steps" in done.out
    assert "the same value for 48 steps from 2012-07-23 of precipitation" in done.out
    assert "holdout         14  2015-12-18  2015-12-31" in done.out
    assert f"next: forecast train {shlex.quote(str(SAMPLES / 'seattle_weather.csv'))}" in done.err
    assert max(map(len, done.out.splitlines()[1:])) <= 80


def test_training_holds_back_what_was_told(forecast: Forecast, sales: Path) -> None:
    found = forecast("inspect", sales, "--horizon", "5", "--json").json
    holdout = found["splits"]["holdout"]
    assert (holdout["longest"], holdout["first"], holdout["last"]) == (5, "2024-03-26", "2024-03-30")
    assert forecast("train", sales, "--horizon", "5", "--model", "naive", "-o", "b").code == 0
    metrics = json.loads(Path("b/metrics.json").read_text())
    assert metrics["holdout"]["cutoff"]["last"] == found["splits"]["calibration"]["last"]
    assert json.loads(Path("b/quality.json").read_text()) == found["quality"]


def test_columns_gaps_and_short_series_are_found(forecast: Forecast, long: Path) -> None:
    options = ("--target", "amount", "--known", "promo", "--horizon", "7")
    found = forecast("inspect", long, *options, "--json").json
    roles = {each["name"]: each["role"] for each in found["columns"]}
    assert roles == {"day": "time", "shop": "id", "amount": "target", "promo": "known", "note": None}
    assert found["steps"] == {"shortest": 9, "median": 88, "longest": 88}
    assert found["longest_gaps"][0] == {"unique_id": "b", "from": "2024-01-21", "to": "2024-01-27", "steps": 7}
    assert found["splits"]["holdout"]["series"] == 2
    assert [each["unique_id"] for each in found["by_series"]] == ["a", "b", "c"]
    assert found["next"] == f"forecast train {long} --horizon 7 --target amount --known promo"
    told = forecast("inspect", long, *options).out
    assert "too short to decide when to stop or calibrate intervals or be scored: 1 series" in told


def test_what_was_found_can_be_written(forecast: Forecast, sales: Path) -> None:
    assert forecast("inspect", sales, "-o", "found.json").code == 0
    assert json.loads(Path("found.json").read_text())["rows"] == 90
    assert forecast("inspect", sales, "-o", "found.csv").code == 0
    row = pd.read_csv("found.csv").iloc[0]
    assert row[["unique_id", "steps", "first"]].tolist() == ["sales", 90, "2024-01-01"]
    assert forecast("inspect", "-", "-o", "-", stdin=sales.read_bytes()).out == Path("found.csv").read_text()
    assert forecast("inspect", sales, "-o", "found.txt").code == 2


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [("a,b\nx,y\n", (), 65), ("date,y\n2024-01-01,1\n", ("--target", "z"), 2), (None, (), 66)],
)
def test_a_broken_file_fails_as_in_training(
    forecast: Forecast, tmp_path: Path, text: str | None, options: tuple[str, ...], code: int
) -> None:
    if text is not None:
        (tmp_path / "broken.csv").write_text(text)
    looked, trained = (forecast(command, "broken.csv", *options) for command in ("inspect", "train"))
    assert (looked.code, looked.err) == (code, trained.err)


def test_a_table_too_short_to_train_on_is_told_all_the_same(forecast: Forecast, tmp_path: Path) -> None:
    (tmp_path / "tiny.csv").write_text("date,y\n" + "".join(f"2024-01-0{day},{day}\n" for day in range(1, 9)))
    done = forecast("inspect", "tiny.csv")
    assert done.code == 0
    assert "not possible: tiny.csv: has 8 steps; horizon 14 needs at least 15\npass --horizon 2" in done.out
    assert "next:" not in done.err
    assert forecast("inspect", "tiny.csv", "--json").json["train"]["is_possible"] is False


@pytest.mark.parametrize("model", ["seasonal_naive", "auto", "deepar", "negative_binomial"])
def test_any_model_can_be_looked_ahead_at(forecast: Forecast, sales: Path, model: str) -> None:
    key = "preset" if model == "deepar" else "head.kind" if model == "negative_binomial" else "model.kind"
    plan = forecast("inspect", sales, "--set", f"{key}={model}", "--json").json["train"]
    assert plan["is_possible"]
    assert bool(plan["networks"]) == (key != "model.kind")
    assert forecast("inspect", sales, "--set", f"{key}={model}").code == 0


@pytest.mark.parametrize(
    "table",
    [
        "y\n" + "".join(f"{step % 5}\n" for step in range(60)),
        "t,y\n" + "".join(f"{step},3\n" for step in range(60)),
        "ds,y\n" + "".join(f"2024-01-01T{hour:02}:00:00+02:00,{hour}\n" for hour in range(24)),
        "ds,"
        + ",".join(f"c{n}" for n in range(40))
        + "\n"
        + "".join(f"2024-01-{d:02}" + f",{d}" * 40 + "\n" for d in range(1, 31)),
    ],
)
def test_any_table_fits_80_columns_and_json(forecast: Forecast, tmp_path: Path, table: str) -> None:
    (tmp_path / "t.csv").write_text(table)
    options = ("--time", "none") if table.startswith("y") else ()
    done = forecast("inspect", "t.csv", *options)
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert forecast("inspect", "t.csv", *options, "--json").json["series"] >= 1
