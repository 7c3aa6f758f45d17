"""A job that two machines run: each has a copy of its folder, and both share a ledger on a server."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from forecaster.events import Event, ForecastsWritten
from forecaster.store.database import open_database, reading, writing
from forecaster.store.ledger.leases import Lease
from forecaster.store.ledger.open import open_ledger
from forecaster.workflows.jobfile import open_job
from forecaster.workflows.run import run
from tests.cli.conftest import write_sales

ROOT = Path(__file__).parents[2]
NIGHT = datetime(2024, 3, 31, 2, tzinfo=UTC)


@pytest.fixture
def machines(tmp_path: Path, postgres_url: str) -> tuple[Path, Path]:
    """The file of the same job on each of two machines."""
    (tmp_path / "one").mkdir()
    write_sales(tmp_path / "one")
    (tmp_path / "one" / "nightly.yaml").write_text(
        f"""\
data: {{path: sales.csv, horizon: 7}}
model: {{kind: seasonal_naive}}
job:
  ledger: "{postgres_url}"
  outputs: [forecasts.csv, "{postgres_url}&table=published"]
  zone: UTC
  gate: {{skill: null}}
  retrain: {{max_age: null}}
"""
    )
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    return tmp_path / "one" / "nightly.yaml", tmp_path / "two" / "nightly.yaml"


def start(job: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "forecaster", "run", "-q", str(job)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, _ = process.communicate(timeout=90)
    return process.returncode, json.loads(out)


def ask(job: Path, query: str) -> list[Any]:
    with reading(open_database(open_job(job).ledger)) as connection:
        return [tuple(row) for row in connection.execute(sa.text(query)).all()]


def change(job: Path, query: str) -> None:
    with writing(open_database(open_job(job).ledger), "test") as connection:
        connection.execute(sa.text(query))


def wait_for_lease(job: Path) -> None:
    for _ in range(900):
        if ask(job, "SELECT 1 FROM job_leases"):
            return
        time.sleep(0.1)
    raise AssertionError("no run has a lease")


def test_of_two_machines_at_once_one_works_and_the_other_ends_with_75(machines: tuple[Path, Path]) -> None:
    open_ledger(open_job(machines[0]).ledger)
    with writing(open_database(open_job(machines[0]).ledger), "nightly"):  # The run that has the lease waits for it.
        both = [start(job) for job in machines]
        while all(process.poll() is None for process in both):
            time.sleep(0.05)
    ended = sorted((finish(process) for process in both), key=lambda pair: pair[0])
    assert [(code, status["status"]) for code, status in ended] == [(0, "published"), (75, "locked")]
    error = ended[1][1]["error"]
    owner = next(process for process in both if process.returncode == 0)
    assert f"another run (process {owner.pid} on {socket.gethostname()}, since 20" in error["message"]
    assert "its lease ends within 120 seconds" in error["hint"]
    assert ask(machines[0], "SELECT code, count(*) FROM runs GROUP BY code") == [(0, 1)]
    assert ask(machines[0], "SELECT count(*) FROM job_leases") == [(0,)]


def test_a_run_that_was_killed_blocks_the_other_machine_until_its_lease_ends(machines: tuple[Path, Path]) -> None:
    one, two = machines
    open_ledger(open_job(one).ledger)
    with writing(open_database(open_job(one).ledger), "nightly"):
        process = start(one)
        wait_for_lease(one)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    assert run(two, now=NIGHT).status == "locked"
    change(two, "UPDATE job_leases SET expires_at = expires_at - 121000000")
    assert run(two, now=NIGHT).status == "published"


def test_a_run_that_was_killed_does_not_block_its_own_machine(machines: tuple[Path, Path]) -> None:
    one, _ = machines
    open_ledger(open_job(one).ledger)
    with writing(open_database(open_job(one).ledger), "nightly"):
        process = start(one)
        wait_for_lease(one)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    assert run(one, now=NIGHT).status == "published"


def take_over(job: Path) -> None:
    """Acquire the lease of a job, as a run on another machine does after the lease has ended."""
    change(job, "UPDATE job_leases SET expires_at = 0")
    Lease(open_database(open_job(job).ledger), "nightly", "nightly.yaml").acquire()


def test_a_run_that_lost_its_lease_publishes_and_records_nothing(machines: tuple[Path, Path]) -> None:
    one, _ = machines
    is_lost = False

    def lose(event: Event) -> None:
        nonlocal is_lost
        if not is_lost:
            is_lost = True
            take_over(one)

    summary = run(one, now=NIGHT, watch=lose)
    assert is_lost
    assert (summary.status, summary.code) == ("locked", 75)
    assert summary.error is not None
    assert "this run lost the job in" in summary.error.message
    assert not one.with_name("forecasts.csv").exists()
    assert not (one.with_name("nightly.bundles") / "champion").exists()
    assert ask(one, "SELECT count(*) FROM runs") == [(0,)]
    assert ask(one, "SELECT to_regclass('published')") == [(None,)]
    assert ask(one, "SELECT count(*) FROM job_leases") == [(1,)]  # It is the lease of the other run.


def test_a_lease_lost_between_the_outputs_keeps_the_ledger_as_it_is(machines: tuple[Path, Path]) -> None:
    one, _ = machines

    def lose(event: Event) -> None:
        if isinstance(event, ForecastsWritten) and "forecasts.csv" in event.path:
            take_over(one)

    assert run(one, now=NIGHT, watch=lose).code == 75
    assert ask(one, "SELECT count(*) FROM runs") == [(0,)]


def test_a_dry_run_and_a_ledger_in_a_file_need_no_lease(machines: tuple[Path, Path]) -> None:
    one, two = machines
    assert run(one, now=NIGHT).code == 0
    change(one, "INSERT INTO job_leases VALUES ('nightly', 'x', 'elsewhere', 7, NULL, 0, 9000000000000000)")
    assert run(two, now=NIGHT, is_dry=True).status == "planned"
    locked = run(two, now=NIGHT)
    assert locked.error is not None
    assert "process 7 on elsewhere, since 1970-01-01 00:00:00 UTC" in locked.error.message
    settings = ("job.ledger=own.db", "job.outputs=[forecasts.csv]")
    assert run(two, now=NIGHT, settings=settings).status == "published"


def test_the_lease_is_released_after_a_failure(machines: tuple[Path, Path]) -> None:
    one, _ = machines
    one.with_name("sales.csv").write_text("nothing\n")
    assert run(one, now=NIGHT).code in (65, 66)
    assert ask(one, "SELECT count(*) FROM job_leases") == [(0,)]
