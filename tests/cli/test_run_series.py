"""A run names the series that are new, missing or ended since the training, and its exit code says so."""

import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Forecast

JOB = """\
data: {path: shops.csv, horizon: 7}
model: {kind: seasonal_naive}
job: {outputs: [forecasts.csv], gate: {skill: null}}
"""
START = date(2024, 1, 1)


def write_shops(**days: int) -> None:
    """Write a long table whose series have the given numbers of days."""
    rows = [
        f"{name},{START + timedelta(days=day)},{day % 7 + 10 + 0.1 * (day % 5)}"
        for name, count in days.items()
        for day in range(count)
    ]
    Path("shops.csv").write_text("\n".join(["shop,day,sold", *rows, ""]))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "nightly.yaml"
    path.write_text(JOB)
    return path


def run(forecast: Forecast, job: Path) -> tuple[int, dict[str, object], str]:
    done = forecast("run", job)
    status = json.loads(done.out)
    return done.code, status, done.err


def test_series_that_appear_or_vanish_are_named(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90, c=90)
    assert run(forecast, job)[0] == 0
    write_shops(a=91, c=91, d=91)
    code, status, notes = run(forecast, job)
    assert (code, status["status"]) == (3, "partial")
    assert (status["data"]["new"], status["data"]["missing"]) == (["d"], ["b"])  # type: ignore[index]
    assert "1 series is new since the training: d" in notes
    assert "1 series of the training is missing: b" in notes


def test_a_new_series_alone_is_no_reason_for_another_code(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    write_shops(a=91, b=91, c=91)
    code, status, _ = run(forecast, job)
    assert (code, status["data"]["new"]) == (0, ["c"])  # type: ignore[index]


def test_a_series_that_ended_long_ago_gets_a_marked_fallback(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    write_shops(a=101, b=91)
    code, status, _ = run(forecast, job)
    assert (code, status["status"], status["data"]["ended"]) == (3, "partial", ["b"])  # type: ignore[index]
    assert status["fallbacks"] == {"b": "it ended at 2024-03-31"}
    frame = pd.read_csv("forecasts.csv")
    assert frame.groupby("unique_id")["status"].first().to_dict() == {"a": "ok", "b": "fallback"}


def test_a_job_may_keep_series_that_ended(forecast: Forecast, job: Path) -> None:
    job.write_text(JOB.replace("job: {", "job: {ended: keep, "))
    write_shops(a=101, b=91)
    code, status, _ = run(forecast, job)
    assert (code, status["data"]["ended"]) == (0, ["b"])  # type: ignore[index]


def test_a_single_value_gets_a_marked_fallback(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    write_shops(a=91, b=91)
    with Path("shops.csv").open("a") as file:
        file.write(f"new,{START + timedelta(days=90)},40\n")
    code, status, _ = run(forecast, job)
    assert (code, status["fallbacks"]) == (3, {"new": "it has a single value"})
