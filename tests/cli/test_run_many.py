"""Twenty jobs that share one SQLite ledger."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forecaster.workflows.run import exit_code, run
from tests.cli.conftest import write_sales
from tests.cli.test_run import add_days

JOB = """\
data: {path: sales.csv, horizon: 7}
model: {kind: seasonal_naive}
job: {ledger: ../all.db, zone: UTC, gate: {skill: null}, retrain: {max_age: null}}
"""
NIGHT = datetime(2024, 3, 31, 2, tzinfo=UTC)  # after the last day of the data
COUNT = 20


@pytest.fixture
def jobs(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(COUNT):
        folder = tmp_path / f"shop{number:02d}"
        folder.mkdir()
        write_sales(folder)
        path = folder / f"job{number:02d}.yaml"
        path.write_text(JOB)
        paths.append(path)
    return paths


def test_twenty_jobs_share_a_ledger_and_one_that_fails_stops_no_other(jobs: list[Path], tmp_path: Path) -> None:
    jobs[7].with_name("sales.csv").unlink()
    with ThreadPoolExecutor(COUNT) as pool:
        first = list(pool.map(lambda path: run(path, now=NIGHT), jobs))
        write_sales(jobs[7].parent)
        for path in jobs:
            add_days(path.with_name("sales.csv"), 100)
        second = list(pool.map(lambda path: run(path, now=NIGHT + timedelta(days=1)), jobs))
    assert [summary.code for summary in first] == [66 if number == 7 else 0 for number in range(COUNT)]
    assert exit_code(first) == 3
    assert [summary.code for summary in second] == [0] * COUNT
    assert [summary.scored for summary in second] == [0 if number == 7 else 1 for number in range(COUNT)]
    assert exit_code(second) == 0
    with closing(sqlite3.connect(tmp_path / "all.db")) as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        runs = ledger.execute("SELECT job, count(*), sum(code) FROM runs GROUP BY job ORDER BY job").fetchall()
        forecasts = ledger.execute("SELECT job, count(*) FROM forecasts GROUP BY job ORDER BY job").fetchall()
    names = [path.stem for path in jobs]
    assert runs == [(name, 2, 66 if name == "job07" else 0) for name in names]
    assert forecasts == [(name, 7 if name == "job07" else 14) for name in names]
