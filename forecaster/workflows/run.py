"""`forecast run`: jobs, each under its lock, each ending with one status and one exit code."""

import json
import shlex
import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forecaster.errors import ForecastError, Interrupted, LockError
from forecaster.evaluation.score import without_nan
from forecaster.events import Event, Watch, ignore
from forecaster.store import lock
from forecaster.workflows.job import alert, log
from forecaster.workflows.job.job_ledger import Notebook
from forecaster.workflows.job.run_state import Night
from forecaster.workflows.job.steps import conduct
from forecaster.workflows.jobfile import Job, open_job

PUBLISHED = ("published", "partial", "republished")


@dataclass(frozen=True)
class Status:
    """How a run ended.

    Attributes:
        code: the exit code.
        told: the status line: `job`, `run`, `status`, `code`, `seconds` and what came of each part of the run.
    """

    code: int
    told: dict[str, Any]

    @property
    def has_published(self) -> bool:
        return self.told["status"] in PUBLISHED

    def to_json(self) -> str:
        return json.dumps(self.told, ensure_ascii=False, allow_nan=False)


def run(
    path: Path,
    *,
    settings: tuple[str, ...] = (),
    is_dry: bool = False,
    log_file: Path | None = None,
    now: datetime | None = None,
    watch: Watch = ignore,
) -> Status:
    """Run a job once. Never raises for what can go wrong with a job: the status says it.

    Args:
        path: the job's file.
        settings: `a.b=c` texts that beat it.
        is_dry: say what would be done, and write nothing.
        log_file: gets a JSON line for each event.
        now: when the run takes place; None for the present.
    """
    now = now or datetime.now(UTC)
    key = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
    told: dict[str, Any] = {"job": path.stem, "run": key, "status": "failed", "code": 1, "seconds": 0.0}
    journal = log.Journal(log_file, told)
    begun = time.monotonic()

    def watch_and_log(event: Event) -> None:
        journal.note(event)
        watch(event)

    job: Job | None = None
    try:
        journal.check()
        job = open_job(path, settings=settings)
        told["job"] = job.name
        told["code"] = _hold_and_conduct(job, key, now, told, watch_and_log, is_dry)
    except ForecastError as error:
        hint = f"run it again: forecast run {shlex.quote(str(path))}" if isinstance(error, Interrupted) else error.hint
        failure = {"kind": error.kind, "message": error.message, "hint": hint}
        status = "locked" if isinstance(error, LockError) else "failed"
        told |= {"status": status, "code": error.code, "error": failure}
    except Exception as error:  # one job's bug is not to stop the others
        traceback.print_exc()
        failure = {"kind": "bug", "message": f"{type(error).__name__}: {error}", "hint": "please report it"}
        told |= {"status": "failed", "code": 1, "error": failure}
    told["seconds"] = round(time.monotonic() - begun, 3)
    told = dict(without_nan(told))
    if job and not is_dry:
        told["alerts"] = alert.send(job.policy, told)
    journal.write(told)
    return Status(int(str(told["code"])), told)


def _hold_and_conduct(job: Job, key: str, now: datetime, told: dict[str, Any], watch: Watch, is_dry: bool) -> int:
    if is_dry:
        book = Notebook.open(job, must_exist=True)
        return conduct(Night(job, key, now, told, watch, True, book, book.recall()))
    held = f"{job.path}: another run{{}} holds {job.lock.name}"
    with lock.hold_file(job.lock, held, "wait for it to end"):
        book = Notebook.open(job, must_exist=False)
        return conduct(Night(job, key, now, told, watch, False, book, book.recall()))


def run_apart(paths: Sequence[Path], *, workers: int, arguments: Sequence[str], tell: Callable[[Status], None]) -> None:
    """Run jobs in processes of their own, some at a time; what ends one of them ends no other.

    Args:
        arguments: of `forecast run`, beside the job.
        tell: gets each status as it comes.
    """
    crowd = _Crowd()
    before = signal.signal(signal.SIGTERM, lambda number, _: crowd.stop(number))
    try:
        with ThreadPoolExecutor(workers) as pool:
            for status in pool.map(lambda path: crowd.run(path, arguments), paths):
                tell(status)
    finally:
        signal.signal(signal.SIGTERM, before)


class _Crowd:
    """Runs in processes of their own, which a signal ends together; those not yet begun do not begin."""

    def __init__(self) -> None:
        self._going: set[subprocess.Popen[str]] = set()
        self._signal = 0

    def run(self, path: Path, arguments: Sequence[str]) -> Status:
        if self._signal:
            return _lost(path, 128 + self._signal, "not begun: the runs were stopped")
        command = [sys.executable, "-m", "forecaster", "run", str(path), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            self._going.add(process)
            out, _ = process.communicate()
            self._going.discard(process)
        return _read_status(path, out, process.returncode)

    def stop(self, number: int) -> None:
        self._signal = number
        for process in list(self._going):
            process.send_signal(number)


def _read_status(path: Path, out: str, returned: int) -> Status:
    try:
        told = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        code = returned if returned > 0 else 128 - returned
        return _lost(path, code, f"ended with {returned} before it could say how")
    return Status(int(told["code"]), told)


def _lost(path: Path, code: int, reason: str) -> Status:
    failure = {"kind": "interrupted" if code > 128 else "bug", "message": reason, "hint": "see standard error"}
    return Status(code, {"job": path.stem, "run": None, "status": "failed", "code": code, "error": failure})


def exit_code(statuses: Sequence[Status]) -> int:
    """The only job's code; of several 0 if all are, else 3 if some published, else the first failure's."""
    codes = [status.code for status in statuses]
    if len(codes) == 1:
        return codes[0]
    failures = [code for code in codes if code]
    if failures and any(status.has_published for status in statuses):
        return 3
    return failures[0] if failures else 0
