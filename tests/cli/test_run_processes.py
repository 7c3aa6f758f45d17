"""`forecast run` in processes of its own: several at once, a full disk, a termination."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecaster.workflows.run import run

ROOT = Path(__file__).parents[2]
JOB = "data: {path: sales.csv, horizon: 7}\nmodel: {kind: seasonal_naive}\njob:\n"


@pytest.fixture
def job(sales: Path) -> Path:
    path = sales.with_name("nightly.yaml")
    path.write_text(JOB)
    return path


def start(job: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "forecaster", "run", "-q", str(job)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any]]:
    out, _ = process.communicate(timeout=120)
    told: dict[str, Any] = json.loads(out)
    return process.returncode, told


@contextlib.contextmanager
def holding(ledger: Path) -> Iterator[None]:
    """Keep writers from a ledger, so that a run stands still in its midst."""
    connection = sqlite3.connect(ledger, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


@pytest.mark.parametrize("count", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_of_runs_started_at_once_one_works_and_the_others_end_with_75(job: Path, count: int) -> None:
    assert run(job).code == 0
    rows = job.with_name("sales.csv").read_text()
    job.with_name("sales.csv").write_text(rows + "2024-03-31,100\n")
    with holding(job.with_name("nightly.ledger.db")):
        processes = [start(job) for _ in range(count)]
        done = []
        while len(done) < count - 1:  # the one that works waits for the ledger
            time.sleep(0.05)
            done = [process for process in processes if process.poll() is not None]
    ended = [finish(process) for process in processes]
    assert sorted(code for code, _ in ended) == [0] + [75] * (count - 1)
    (winner,) = (process for process, (code, _) in zip(processes, ended, strict=True) if code == 0)
    for code, told in ended:
        assert told["status"] == ("published" if code == 0 else "locked")
        if code:
            assert f"(process {winner.pid}) holds nightly.lock" in told["error"]["message"]


def test_a_lock_left_by_a_dead_process_is_taken_over(job: Path) -> None:
    assert run(job).code == 0
    job.with_name("sales.csv").write_text(job.with_name("sales.csv").read_text() + "2024-03-31,100\n")
    with holding(job.with_name("nightly.ledger.db")):
        process = start(job)
        while not job.with_name("nightly.lock").exists() or not job.with_name("nightly.lock").read_text():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.communicate()
    assert job.with_name("nightly.lock").exists()
    assert run(job).status == "published"
    assert not job.with_name("nightly.lock").exists()


def test_a_terminated_run_says_how_to_go_on(job: Path) -> None:
    assert run(job).code == 0
    job.with_name("sales.csv").write_text(job.with_name("sales.csv").read_text() + "2024-03-31,100\n")
    with holding(job.with_name("nightly.ledger.db")):
        process = start(job)
        while not job.with_name("nightly.lock").exists():
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    code, told = finish(process)
    assert (code, told["error"]["kind"]) == (143, "interrupted")
    assert told["error"]["hint"] == f"run it again: forecast run {job}"
    assert run(job).status == "published"


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can make a small disk")
def test_a_full_disk_leaves_the_old_file_as_it_was(job: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no small disk can be made here")
    try:
        job.write_text(JOB + f"  outputs: [{disk}/forecasts.csv]\n")
        assert run(job).code == 0
        content = (disk / "forecasts.csv").read_bytes()

        with contextlib.suppress(OSError), (disk / "filler").open("ab", buffering=0) as filler:
            while True:
                filler.write(b"\0" * 4096)
        job.with_name("sales.csv").write_text(job.with_name("sales.csv").read_text() + "2024-03-31,100\n")
        done = run(job)
        assert (done.code, done.error.kind) == (73, "output")
        assert "No space left on device" in done.error.message
        assert (disk / "forecasts.csv").read_bytes() == content
        assert sorted(path.name for path in disk.iterdir()) == ["filler", "forecasts.csv"]
        (disk / "filler").unlink()
        assert run(job).status == "published"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_a_clock_that_jumps_or_changes_to_summer_time_does_no_harm(job: Path) -> None:
    if not shutil.which("faketime"):
        if os.environ.get("TEST_SCHEDULE"):
            pytest.fail("TEST_SCHEDULE is set, but faketime is not installed")
        pytest.skip("faketime is not installed")
    job.write_text(JOB + "  max_age: 2d\n")
    expected = {
        "2024-03-31 01:59:59": (0, "published"),
        "2024-03-31 03:00:01": (0, "unchanged"),  # two seconds later: an hour was skipped
        "2031-01-01 00:00:00": (5, "failed"),
        "2024-03-01 00:00:00": (5, "failed"),
        "2024-03-31 03:30:00": (0, "unchanged"),
    }
    for time_of_day, (code, status) in expected.items():
        command = ["faketime", time_of_day, sys.executable, "-m", "forecaster", "run", "-q", str(job)]
        env = {**os.environ, "TZ": "Europe/Berlin", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=env, cwd=job.parent, capture_output=True, text=True, check=False)
        assert (done.returncode, json.loads(done.stdout)["status"]) == (code, status), time_of_day


@pytest.mark.slow
def test_a_terminated_run_of_several_jobs_ends_them_all(job: Path) -> None:
    other = job.with_name("other.yaml")
    shutil.copy(job, other)
    for each in (job, other):
        assert run(each).code == 0
    job.with_name("sales.csv").write_text(job.with_name("sales.csv").read_text() + "2024-03-31,100\n")
    with holding(job.with_name("nightly.ledger.db")), holding(job.with_name("other.ledger.db")):
        command = [sys.executable, "-m", "forecaster", "run", "--workers", "2", str(job), str(other)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not (job.with_name("nightly.lock").exists() and job.with_name("other.lock").exists()):
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    out, _ = process.communicate(timeout=60)
    assert [json.loads(line)["code"] for line in out.splitlines()] == [143, 143]
    assert process.returncode == 143
