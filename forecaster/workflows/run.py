"""`forecast run`: runs of jobs, each under the job's lock, each with one summary and one exit code."""

import contextlib
import json
import shlex
import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from forecaster.addresses import hide_secrets
from forecaster.errors import ForecastError, Interrupted, LockError
from forecaster.events import Event, Watch, ignore
from forecaster.parallel.cluster import connection, use_cluster
from forecaster.store import lock
from forecaster.store.owner import Owner
from forecaster.workflows.clock import start_clock
from forecaster.workflows.job.claim import claim, find_owner
from forecaster.workflows.job.hints import translate
from forecaster.workflows.job.job_ledger import JobLedger
from forecaster.workflows.job.log import Journal
from forecaster.workflows.job.outcome import report_outcome
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.job.steps import run_steps
from forecaster.workflows.job.summary import ErrorSummary, RunSummary
from forecaster.workflows.jobfile import Job, open_for_reports, open_job
from forecaster.workflows.program import same_program


def run(
    path: Path,
    *,
    settings: tuple[str, ...] = (),
    is_dry: bool = False,
    log_file: Path | None = None,
    now: datetime | None = None,
    watch: Watch = ignore,
) -> RunSummary:
    """Run a job once. A failure is part of the summary, never an exception.

    Args:
        path: the job's file.
        settings: `a.b=c` texts that override the file.
        is_dry: if True, find out what the run would do, and write nothing.
        log_file: file to append a JSON line to for each event.
        now: time at which the run takes place; None for the present.
    """
    clock = start_clock(now)
    now = now or clock()
    key = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
    summary = RunSummary(job=hide_secrets(path.stem), run=key, status="failed", code=1, seconds=0.0)
    journal = Journal(log_file, summary)
    start = time.monotonic()

    def watch_and_log(event: Event) -> None:
        journal.write_event(event)
        watch(event)

    job: Job | None = None
    run_state: JobRun | None = None
    try:
        job = open_job(path, settings=settings)
        summary.job = job.name
        journal.check()
        with contextlib.nullcontext() if is_dry else _prepare(job):
            owner = _identify_owner(job, is_dry)
            ledger = JobLedger.open(job, must_exist=is_dry)
            leased = contextlib.nullcontext() if is_dry else ledger.leased()
            with ledger.explained_damage(), leased as lease:
                previous = ledger.read_previous_runs()
                watch_run = lease.watching(watch_and_log) if lease else watch_and_log
                run_state = JobRun(job, key, now, clock, summary, watch_run, is_dry, ledger, previous, owner, lease)
                summary.code = run_steps(run_state)
    except ForecastError as error:
        hint = (
            f"run it again: forecast run {shlex.quote(str(path))}"
            if isinstance(error, Interrupted)
            else translate(error.hint)
        )
        if summary.deferred is None:
            summary.status = "locked" if isinstance(error, LockError) else "failed"
        summary.code = error.code
        summary.error = ErrorSummary(kind=error.kind, message=error.message, hint=hint)
    except Exception as error:  # a bug in one job must not stop the others
        print(hide_secrets(traceback.format_exc()), end="", file=sys.stderr)  # noqa: T201
        summary.status, summary.code = summary.status if summary.deferred else "failed", 1
        message = hide_secrets(f"{type(error).__name__}: {error}")
        summary.error = ErrorSummary(kind="bug", message=message, hint="please report it")
    summary.seconds = round(time.monotonic() - start, 3)
    job = job or open_for_reports(path, settings)
    if job and not is_dry:
        summary.job = job.name
        report_outcome(job, summary, run_state, now)
    journal.write_end()
    return summary


@contextlib.contextmanager
def _prepare(job: Job) -> Iterator[None]:
    """Lock the job, and use its cluster, unless the command names one; a run that trains nothing never connects."""
    cluster = None if connection() else job.policy.cluster
    message = f"{job.path}: another run{{}} holds {job.lock.name}"
    with lock.lock_file(job.lock, message, "wait for it to end"), use_cluster(cluster, is_lazy=True):
        yield


def _identify_owner(job: Job, is_dry: bool) -> Owner:
    """Claim the bundles of earlier runs; a folder without any is claimed once a model is trained."""
    owner = find_owner(job)
    has_bundles = job.bundles.is_dir() and any(job.bundles.iterdir())
    return claim(job) if has_bundles and not is_dry else owner


def run_in_processes(
    paths: Sequence[Path], *, workers: int, arguments: Sequence[str], on_end: Callable[[RunSummary], None]
) -> None:
    """Run each job in a process, several at a time, so that a crash ends only one of them.

    Args:
        workers: number of processes at a time.
        arguments: arguments of `forecast run` beside the job.
        on_end: receives each summary, in the order of the paths.
    """
    processes = _Processes()
    handler = signal.signal(signal.SIGTERM, lambda number, _: processes.stop(number))
    try:
        with ThreadPoolExecutor(workers) as pool:
            for summary in pool.map(lambda path: processes.run(path, arguments), paths):
                on_end(summary)
    finally:
        signal.signal(signal.SIGTERM, handler)


class _Processes:
    """Processes of runs, which a signal stops together; it also keeps waiting runs from starting."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._signal = 0

    def run(self, path: Path, arguments: Sequence[str]) -> RunSummary:
        if self._signal:
            return _summarize_failure(path, 128 + self._signal, "not started: a signal stopped the runs")
        program, environment = same_program()
        command = [*program, "run", str(path), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            self._running.add(process)
            out, _ = process.communicate()
            self._running.discard(process)
        return _read_summary(path, out, process.returncode)

    def stop(self, number: int) -> None:
        self._signal = number
        for process in list(self._running):
            process.send_signal(number)


def _read_summary(path: Path, out: str, return_code: int) -> RunSummary:
    try:
        return RunSummary.model_validate(json.loads(out.splitlines()[-1]))
    except (IndexError, ValueError):
        code = return_code if return_code > 0 else 128 - return_code
        return _summarize_failure(path, code, f"the process ended with {return_code} and printed no status line")


def _summarize_failure(path: Path, code: int, reason: str) -> RunSummary:
    error = ErrorSummary(kind="interrupted" if code > 128 else "bug", message=reason, hint="see standard error")
    return RunSummary(job=hide_secrets(path.stem), run=None, status="failed", code=code, error=error)


def exit_code(summaries: Sequence[RunSummary]) -> int:
    """Return the exit code of a command that ran one job or several.

    Returns: the code of the only run; of several, 0 if all are 0, else 3 if some published, else the first failure's.
    """
    codes = [summary.code for summary in summaries]
    if len(codes) == 1:
        return codes[0]
    failures = [code for code in codes if code]
    if failures and any(summary.has_published for summary in summaries):
        return 3
    return failures[0] if failures else 0
