"""Jobs while clocks change, go back, and values come late."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.workflows.run import run
from tests.cli.test_run import add_days

ZONE = "Europe/Paris"
JOB = """\
data: {path: data.csv, horizon: 4}
model: {kind: seasonal_naive}
job: {zone: Europe/Paris, gate: {skill: null}, retrain: {max_age: null}, max_age: 6h}
"""


def ask(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "job.ledger.db")) as ledger:
        return ledger.execute(query).fetchall()


def write_hours(path: Path, notation: str, last: pd.Timestamp) -> None:
    """Two weeks of hours, as a source in Paris writes them."""
    stamps = pd.date_range(last - pd.Timedelta(days=14), last, freq="h")
    hours = stamps.as_unit("s").asi8 // 3600
    values = (100 + 10 * np.sin(hours * 2 * np.pi / 24) + hours % 7).round(2)
    local = stamps.tz_convert(ZONE)
    if notation == "clock on the wall":
        rows = pd.DataFrame({"ds": local.strftime("%Y-%m-%d %H:%M"), "y": values}).drop_duplicates("ds")
    else:
        shown = local if notation == "offset" else stamps
        rows = pd.DataFrame({"ds": [stamp.isoformat() for stamp in shown], "y": values})
    rows.to_csv(path, index=False)


@pytest.mark.parametrize("notation", ["clock on the wall", "offset", pytest.param("UTC", marks=pytest.mark.slow)])
@pytest.mark.parametrize("day", ["2024-03-31", "2024-10-27"])
def test_no_hour_is_lost_or_doubled_where_clocks_change(tmp_path: Path, day: str, notation: str) -> None:
    (tmp_path / "job.yaml").write_text(JOB)
    midnight = pd.Timestamp(day, tz=ZONE).tz_convert("UTC")
    for hour in range(6):
        begun = midnight + pd.Timedelta(hours=hour)  # an hour that is not over: it is left out
        write_hours(tmp_path / "data.csv", notation, begun)
        now = (begun + pd.Timedelta(minutes=15)).to_pydatetime()
        done = run(tmp_path / "job.yaml", now=now).to_dict()
        again = run(tmp_path / "job.yaml", now=now).to_dict()
        assert (done["code"], again["status"]) == (0, "unchanged"), (done, again)
    seen = [text for (text,) in ask(tmp_path, "SELECT ds FROM actual_rows ORDER BY at")]
    hours = pd.date_range(midnight, midnight + pd.Timedelta(hours=4), freq="h")
    if notation == "clock on the wall":  # in spring no clock shows the third hour, in autumn it is there once
        assert seen == list(dict.fromkeys(hours.tz_convert(ZONE).strftime("%Y-%m-%dT%H:%M:%S")))
    else:
        assert pd.to_datetime(seen, utc=True).tolist() == hours.tolist()
    assert ask(tmp_path, "SELECT count(*) FROM scores") == ask(
        tmp_path, "SELECT count(*) FROM forecasts JOIN actuals USING (series_id, at)"
    )


def test_a_clock_that_went_back_a_day_is_told_and_publishes_nothing(sales: Path) -> None:
    job = sales.with_name("job.yaml")
    job.write_text(JOB.replace("data.csv", "sales.csv").replace("6h", "2d"))
    now = datetime(2024, 3, 31, 2, tzinfo=UTC)
    assert run(job, now=now).code == 0
    done = run(job, now=now - timedelta(days=2)).to_dict()
    assert done["code"] == 5
    assert done["error"]["message"].endswith(
        "sales.csv: has a value for 2024-03-30T00:00:00, and it is 2024-03-29T03:00:00"
    )
    assert "check the clock" in done["error"]["hint"]
    done = run(job, now=now - timedelta(days=1)).to_dict()  # the last day does not seem to be over yet
    assert done["code"] == 5
    assert done["error"]["message"].endswith("sales.csv: ends at 2024-03-29; at the last run it ended at 2024-03-30")
    assert run(job, now=now).status == "unchanged"


def test_a_day_that_goes_on_publishes_nothing_new(sales: Path) -> None:
    job = sales.with_name("job.yaml")
    job.write_text(JOB.replace("data.csv", "sales.csv").replace("6h", "2d"))
    noon = datetime(2024, 3, 30, 12, tzinfo=UTC)
    assert run(job, now=noon).data.cutoff == "2024-03-29"
    lines = sales.read_text().splitlines()
    sales.write_text("\n".join([*lines[:-1], "2024-03-30,500"]) + "\n")
    assert run(job, now=noon + timedelta(hours=1)).status == "unchanged"


def test_a_late_correction_is_a_second_version_and_replaces_the_scores(sales: Path) -> None:
    job = sales.with_name("job.yaml")
    job.write_text(JOB.replace("data.csv", "sales.csv").replace("6h", "2d"))
    now = datetime(2024, 3, 31, 2, tzinfo=UTC)
    for night in range(3):
        assert run(job, now=now + timedelta(days=night)).code == 0
        add_days(sales, 100 + night)
    sales.write_text(sales.read_text().replace("2024-04-01,101.00", "2024-04-01,150.00"))
    done = run(job, now=now + timedelta(days=3)).to_dict()
    assert done["actuals"] == {"new": 1, "restated": 1}
    assert done["scored"] == 3 + 2  # of the new day, and again of the one before
    versions = "SELECT version, y FROM actual_rows WHERE ds = '2024-04-01' ORDER BY version"
    assert ask(sales.parent, versions) == [(1, 101.0), (2, 150.0)]
    scores = ask(sales.parent, "SELECT version, y, error, mean - y FROM scores WHERE ds = '2024-04-01'")
    assert [score[:2] for score in scores] == [(2, 150.0)] * 2
    assert all(error == pytest.approx(expected) for _, _, error, expected in scores)
