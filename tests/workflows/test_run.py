"""Jobs whose ledger and output a PostgreSQL server holds."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from forecaster.store.database import open_database, reading, writing
from forecaster.workflows.jobfile import open_job
from forecaster.workflows.ledger.diff import diff
from forecaster.workflows.ledger.history import history
from forecaster.workflows.ledger.recalibrate import recalibrate_job
from forecaster.workflows.ledger.scope import open_scope
from forecaster.workflows.ledger.score import score
from forecaster.workflows.run import run
from tests.cli.conftest import write_sales
from tests.cli.test_run import add_days

ROOT = Path(__file__).parents[2]
NIGHT = datetime(2024, 3, 31, 2, tzinfo=UTC)  # after the last day of the data


@pytest.fixture
def job(tmp_path: Path, postgres_url: str) -> Path:
    """`nightly.yaml`, whose ledger and only output lie in one schema of a server."""
    write_sales(tmp_path)
    path = tmp_path / "nightly.yaml"
    path.write_text(
        f"""\
data: {{path: sales.csv, horizon: 7}}
model: {{kind: seasonal_naive}}
job:
  ledger: "{postgres_url}"
  outputs: ["{postgres_url}&table=published"]
  zone: UTC
  gate: {{skill: null}}
  retrain: {{max_age: null}}
"""
    )
    return path


def ask(job: Path, query: str) -> list[Any]:
    with reading(open_database(open_job(job).ledger)) as connection:
        return list(connection.execute(sa.text(query)).all())


def tell(job: Path, query: str) -> None:
    with writing(open_database(open_job(job).ledger), "test") as connection:
        connection.execute(sa.text(query))


def test_a_job_publishes_to_a_server_and_keeps_its_ledger_there(job: Path) -> None:
    assert run(job, now=NIGHT).status == "published"
    first = ask(job, "SELECT unique_id, ds, step, mean FROM published ORDER BY step")
    assert [row.ds for row in first][:2] == ["2024-03-31", "2024-04-01"]
    assert first == ask(job, "SELECT unique_id, ds, step, mean FROM forecasts ORDER BY step")
    assert run(job, now=NIGHT).status == "unchanged"
    add_days(job.with_name("sales.csv"), 104)
    done = run(job, now=NIGHT + timedelta(days=1)).to_dict()
    assert (done["status"], done["actuals"], done["scored"]) == ("published", {"new": 1, "restated": 0}, 1)
    assert ask(job, "SELECT run, min(ds), count(*) FROM published GROUP BY run") == [(done["run"], "2024-04-01", 7)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE published SET mean = mean + 1 WHERE step = 3",
        "UPDATE published SET status = 'fine' WHERE step = 1",
        "DELETE FROM published WHERE step = 7",
        "DROP TABLE published",
    ],
)
def test_rows_that_are_not_those_published_are_published_again(job: Path, change: str) -> None:
    assert run(job, now=NIGHT).code == 0
    published = "SELECT unique_id, ds, step, mean, q025, q975, status FROM published ORDER BY step"
    before = ask(job, published)
    tell(job, change)
    assert run(job, now=NIGHT).status == "republished"
    assert ask(job, published) == before
    assert run(job, now=NIGHT).status == "unchanged"


def test_a_table_that_is_not_of_published_forecasts_is_left_alone(job: Path) -> None:
    job.write_text(job.read_text().replace("&table=published", ""))  # then it is `forecasts`, a view of the ledger
    done = run(job, now=NIGHT)
    assert (done.code, done.error.kind) == (73, "output")
    assert "'forecasts' that is not of published forecasts" in done.error.message
    assert ask(job, "SELECT code FROM runs") == [(73,)]


def test_of_two_runs_at_once_one_works_and_the_other_ends_with_75(job: Path) -> None:
    assert run(job).code == 0
    add_days(job.with_name("sales.csv"), 104)
    command = [sys.executable, "-m", "forecaster", "run", "-q", str(job)]
    with writing(open_database(open_job(job).ledger), "nightly"):  # as a run of another machine holds it: they wait
        both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        while all(process.poll() is None for process in both):
            time.sleep(0.05)
    statuses = [json.loads(process.communicate(timeout=60)[0])["status"] for process in both]
    assert sorted(statuses) == ["locked", "published"]
    assert ask(job, "SELECT count(DISTINCT run), count(*) FROM published") == [(1, 7)]


def test_jobs_that_share_a_ledger_and_a_table_run_side_by_side_from_the_first_night(job: Path) -> None:
    paths = [job.with_name(f"{name}.yaml") for name in "abcd"]
    for path in paths:
        path.write_text(job.read_text())
    with ThreadPoolExecutor(len(paths)) as pool:
        done = list(pool.map(lambda path: run(path, now=NIGHT), paths))
    assert [status.status for status in done] == ["published"] * 4, [status.to_dict() for status in done]
    expected = [(name, 7) for name in "abcd"]
    for table in ("published", "forecasts"):
        assert ask(job, f"SELECT job, count(*) FROM {table} GROUP BY job ORDER BY job") == expected


@pytest.mark.slow
def test_what_came_true_is_told_of_a_job_on_a_server(job: Path) -> None:
    for night in range(26):
        run(job, now=NIGHT + timedelta(days=night))
        add_days(job.with_name("sales.csv"), 100 + night * 37 % 23)
    scope = open_scope(job, None, None)
    found = score(scope, now=NIGHT + timedelta(days=26))
    assert (found["scored"], found["overall"]["forecasts"]) == (7, 7 * 26 - 21)
    assert len(found["by_step"]) == 7
    assert len(history(scope)["runs"]) == 26
    assert diff(scope)["revised"] == 6
    assert recalibrate_job(scope)["adjustment"] == 1
    assert run(job, now=NIGHT + timedelta(days=26)).status == "published"
    assert ask(job, "SELECT adjustment FROM runs ORDER BY id DESC LIMIT 1") == [(1,)]
