"""The state of a run of a job, which every step of the run reads and extends."""

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from forecaster.evaluation.score import without_nan
from forecaster.events import Watch
from forecaster.store.ledger.leases import Lease
from forecaster.store.ledger.record import Run
from forecaster.store.ledger.widths import Adjustment
from forecaster.store.owner import Owner
from forecaster.workflows.clock import Clock
from forecaster.workflows.job.claim import claim
from forecaster.workflows.job.job_ledger import JobLedger, ScorableForecast
from forecaster.workflows.job.previous_runs import KEY, PreviousRuns
from forecaster.workflows.job.summary import RunSummary
from forecaster.workflows.jobfile import Job


@dataclass
class JobRun:
    """One run of a job.

    Attributes:
        key: name of the run within the job.
        now: time at which the run takes place.
        clock: the present time; it shows `now` when the run starts.
        summary: outcome of the run, extended by every step.
        watch: receives every event.
        is_dry: True if nothing may be written.
        ledger: the job's part of the ledger.
        previous: records of previous runs, which this run extends for the next one.
        owner: owner of the job's bundles folder, which is this job.
        lease: the lease of the job in a ledger on a server; None for other ledgers.
        start: reading of a clock that never jumps.
        is_new_alarm: True if the drift alarm was not raised at the last run.
        is_recorded: True if the ledger has a record of this run, which can still be amended.
    """

    job: Job
    key: str
    now: datetime
    clock: Clock
    summary: RunSummary
    watch: Watch
    is_dry: bool
    ledger: JobLedger
    previous: PreviousRuns
    owner: Owner
    lease: Lease | None = None
    start: float = field(default_factory=time.monotonic)
    is_new_alarm: bool = False
    is_recorded: bool = False

    @property
    def stamp(self) -> str:
        """Time at which the run takes place: ISO 8601, UTC."""
        return self.now.astimezone(UTC).isoformat(timespec="seconds")

    @cached_property
    def adjustment(self) -> Adjustment | None:
        """Adjustment of the intervals, read once: another process may add a newer one during the run."""
        return self.ledger.find_adjustment()

    def branch(self, watch: Watch) -> "JobRun":
        """Return a copy whose summary and records can be extended while those of this run stay as they are."""
        copy = replace(self, summary=self.summary.model_copy(deep=True), watch=watch)
        copy.__dict__["adjustment"] = self.adjustment  # Both use the same widths.
        return copy

    def join(self, branch: "JobRun", *, with_attempt: bool) -> None:
        """Take over the publication of a branch: its summary and its records.

        Args:
            with_attempt: True to keep this run's record of a training or update, so that the next run does not repeat
                it.
        """
        self.summary.adopt_publication(branch.summary)
        self.is_recorded = branch.is_recorded
        if with_attempt and branch.previous.published:
            published = replace(branch.previous.published, is_training_due=False)
            self.previous = self.previous.with_published(published)
        else:
            self.previous = branch.previous

    def claim_bundles(self) -> None:
        """Record in the bundles folder that it belongs to this job."""
        self.owner = claim(self.job)

    def require_lease(self) -> None:
        """Check that no run on another machine has taken over the job, before something is published.

        Raises: LostLeaseError: one has.
        """
        if self.lease:
            self.lease.renew()

    def recalibrate(self) -> None:
        """Adapt the widths of intervals to the actuals, and use the new widths in this run."""
        self.ledger.recalibrate()
        self.__dict__.pop("adjustment", None)  # so that the property reads it again

    def record(self, code: int, scorable: ScorableForecast | None = None) -> None:
        """Record the run in the ledger, or amend its record, unless nothing may be written.

        Args:
            code: exit code of the run.
            scorable: forecast to record; None if the run made none, or published the one of a previous run again.
        """
        if self.is_dry:
            return
        run = replace(
            describe_run(self.summary, self.now, self.previous),
            code=code,
            lease=self.lease,
            seconds=round(time.monotonic() - self.start, 3),
            adjustment=self.adjustment.number if scorable and self.adjustment else None,
        )
        if self.is_recorded:
            self.ledger.amend(run)
        else:
            self.ledger.record(run, scorable)
            self.is_recorded = True


def describe_run(summary: RunSummary, now: datetime, previous: PreviousRuns | None = None) -> Run:
    """Return the ledger's record of a run.

    Args:
        now: time at which the run took place.
        previous: records for the next run; None if this run could not read those of previous runs.
    """
    memory = {} if previous is None else {KEY: without_nan(previous.to_dict())}
    return Run(
        job=summary.job,
        key=str(summary.run),
        started=now,
        code=summary.code,
        seconds=summary.seconds,
        bundle=summary.bundle,
        details={**summary.to_details(), **memory},
        series=summary.data.series if summary.data else 0,
        cutoff=summary.data.cutoff if summary.data else None,
    )
