"""Reports of a run that is over: a failure in the ledger, the metrics file, and the commands of alerts."""

import contextlib
from datetime import datetime

from forecaster.errors import ForecastError, OutputError
from forecaster.workflows.job.alert import send_alerts
from forecaster.workflows.job.job_ledger import JobLedger
from forecaster.workflows.job.metrics_file import write_metrics_file
from forecaster.workflows.job.run_state import JobRun, describe_run
from forecaster.workflows.job.summary import RunSummary
from forecaster.workflows.jobfile import Job


def report_outcome(job: Job, summary: RunSummary, run_state: JobRun | None, now: datetime) -> None:
    """Report how a run ended to everything that the job names; a report that fails is a warning.

    Args:
        job: the job, or what is readable of it (see `jobfile.open_for_reports`).
        summary: of the run; it gets the warnings and the alerts.
        run_state: None if the run failed before its first step.
        now: time at which the run took place.
    """
    is_bug = summary.error is not None and summary.error.kind == "bug"
    if summary.status == "failed" and (run_state is None or (is_bug and not run_state.is_recorded)):
        _record_failure(job, summary, now)
    if job.metrics is not None:
        try:
            write_metrics_file(job.metrics, summary, now)
        except OutputError as error:
            summary.warn(f"job.metrics: {error.message}")
    summary.alerts = send_alerts(job.policy, summary, is_new_alarm=bool(run_state and run_state.is_new_alarm))
    for alert in summary.alerts:
        if alert.ended != "ok":
            summary.warn(f"job.{alert.event}: the command failed: {alert.ended}")


def _record_failure(job: Job, summary: RunSummary, now: datetime) -> None:
    """Record a run that failed outside its steps, which record their own failures, if the job has a ledger already."""
    with contextlib.suppress(ForecastError):  # The failure itself is the one to report.
        ledger = JobLedger.open(job, must_exist=True)
        with ledger.explained_damage():
            ledger.record(describe_run(summary, now))
