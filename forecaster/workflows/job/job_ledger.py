"""The part of a ledger that belongs to one job."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from forecaster.evaluation.metrics import Array
from forecaster.evaluation.significance import minimum_differences
from forecaster.forecast import Forecast
from forecaster.panel import Floats, Panel
from forecaster.store.bundle import Bundle
from forecaster.store.database import Database
from forecaster.store.ledger import queries
from forecaster.store.ledger.actuals import AddedActuals
from forecaster.store.ledger.damage import explained_damage
from forecaster.store.ledger.leases import Lease
from forecaster.store.ledger.open import MissingLedgerError, open_ledger
from forecaster.store.ledger.recent import errors_by_time, find_extent, is_by_model
from forecaster.store.ledger.record import Run, amend, mark_killed, record
from forecaster.store.ledger.score import add_and_score
from forecaster.store.ledger.widths import Adjustment, newest_adjustment
from forecaster.store.lock import identify_file
from forecaster.workflows.job.champion import trained_until
from forecaster.workflows.job.policy import Evidence
from forecaster.workflows.job.previous_runs import KEY, PreviousRuns
from forecaster.workflows.jobfile import Job
from forecaster.workflows.ledger.drift import DriftStatus, measure_drift
from forecaster.workflows.ledger.recalibrate import recalibrate_job
from forecaster.workflows.ledger.scope import LedgerScope

_EVIDENCE_HORIZONS = 10
_KILLED_CODE = 137  # A shell reports it for a process that SIGKILL ended.
_RUNS_READ = 3  # Every run repeats what the previous runs recorded, unless it failed before it could read them.


@dataclass(frozen=True)
class ScorableForecast:
    """A forecast, and what the ledger needs to score it.

    Attributes:
        baselines: [N, H] point forecasts of the naive models from the same cutoffs.
        scale: [N] in-sample seasonal errors, by which scaled errors are divided.
    """

    forecast: Forecast
    baselines: Mapping[Literal["seasonal_naive", "naive"], Floats]
    scale: Array


@dataclass(frozen=True)
class JobLedger:
    """The part of a ledger that belongs to one job.

    Attributes:
        database: None if there is no ledger and none may be created.
    """

    job: Job
    database: Database | None

    @classmethod
    def open(cls, job: Job, *, must_exist: bool) -> "JobLedger":
        """Open the job's ledger.

        Args:
            must_exist: if True, do not create a ledger; without one, nothing is recorded.

        Raises: ForecastError: see `ledger.open.open_ledger`.
        """
        try:
            return cls(job, open_ledger(job.ledger, must_exist=must_exist))
        except MissingLedgerError:
            return cls(job, None)

    def explained_damage(self) -> contextlib.AbstractContextManager[None]:
        """Return a context that reports damage of the ledger as such; see `damage.explained_damage`."""
        return explained_damage(self.database) if self.database else contextlib.nullcontext()

    @contextlib.contextmanager
    def leased(self) -> Iterator[Lease | None]:
        """Lock the job in a ledger on a server for the length of the block. The caller has locked the job's file.

        A ledger in a file needs no lease: only one machine uses it, where the job's file is locked.

        Raises: LockError: a run on another machine has the job.
        """
        if self.database is None or self.database.is_sqlite:
            yield None
            return
        lease = Lease(self.database, self.job.name, str(self.job.path))
        lease.acquire(identify_file(self.job.lock))
        with lease.renewed():
            yield lease

    def read_previous_runs(self) -> PreviousRuns:
        """Read what the previous runs of the job recorded for the next one."""
        if self.database is None:
            return PreviousRuns()
        history = queries.history(self.database, self.job.name, limit=_RUNS_READ, containing=f'"{KEY}": ')
        return PreviousRuns.from_details(history["details"])

    def score(self, panel: Panel, now: datetime) -> tuple[AddedActuals, int]:
        """Add the actuals of a panel, and score the forecasts of them.

        Returns: the number of new and restated actuals, and the number of forecasts that were scored.
        """
        if self.database is None:
            return AddedActuals(), 0
        return add_and_score(self.database, self.job.name, panel, read_at=now)

    def measure_skill(self, champion: Bundle, panel: Panel, steps: int) -> float:
        """Measure the skill of recent forecasts, if only the champion can have made them.

        Forecasts from before and after an update of the champion count alike.

        Args:
            steps: number of newest steps to look at; fewer forecasts than steps are too few.

        Returns: the skill against the seasonal naive forecast; NaN if too few forecasts have actuals.
        """
        if self.database is None:
            return math.nan
        newest = np.array([panel.cutoff.max()])
        first = panel.frequency.timestamps(newest, np.array([1 - steps]))
        since = max(_first_forecast_of(champion, panel), int(first[0]))
        row = queries.summarise(self.database, self.job.name, since=since, where=is_by_model(self.job.name)).iloc[0]
        return float(row["skill"]) if row["forecasts"] >= steps else math.nan

    def find_evidence(self, champion: Bundle, panel: Panel) -> Evidence | None:
        """Measure the errors of recent forecasts per horizon, if only the champion can have made them.

        Returns: None if too few forecasts have actuals for a significance test.
        """
        if self.database is None:
            return None
        horizon = champion.manifest.horizon
        newest = np.array([panel.cutoff.max()])
        first = panel.frequency.timestamps(newest, np.array([1 - _EVIDENCE_HORIZONS * horizon]))
        since = max(_first_forecast_of(champion, panel), int(first[0]))
        by_time = errors_by_time(self.database, self.job.name, since)
        steps = panel.frequency.index(np.full(len(by_time), since), by_time["at"].to_numpy(np.int64))
        by_period = by_time.groupby(steps // horizon).mean()
        if len(by_period) < minimum_differences(1):
            return None
        errors, naive = (tuple(by_period[name].tolist()) for name in ("scaled", "seasonal_naive"))
        return Evidence(errors, naive, float(by_time["inside"].mean()), "ledger")

    def find_drift(self) -> DriftStatus | None:
        """Compare the errors of the champion with its holdout; see `ledger.drift.measure_drift`."""
        extent = find_extent(self.database, self.job.name) if self.database else None
        if self.database is None or extent is None:
            return None
        return measure_drift(self.database, extent, self.job.policy.alarm, self.job.bundles)

    def find_adjustment(self) -> Adjustment | None:
        """Read the newest adjustment of the intervals; None if they were never adjusted."""
        return newest_adjustment(self.database, self.job.name) if self.database else None

    def recalibrate(self) -> None:
        """Adapt the widths of intervals to the actuals, as `forecast ledger recalibrate` does."""
        if self.database is not None and find_extent(self.database, self.job.name) is not None:
            recalibrate_job(LedgerScope(self.database, [self.job.name], self.job.name, self.job))

    def record(self, run: Run, scorable: ScorableForecast | None = None) -> None:
        """Record a run and its forecast in one transaction."""
        if self.database is None:
            return
        if scorable is None:
            record(self.database, run)
        else:
            record(self.database, run, scorable.forecast, baselines=scorable.baselines, scale=scorable.scale)

    def mark_killed(self, key: str) -> bool:
        """Record that a run was killed during its training, after it had published at its deadline.

        Returns: False if the run has recorded its end itself.
        """
        message = "the run was killed during its training, after the publication at the deadline"
        if self.database is None:
            return False
        return mark_killed(self.database, self.job.name, key, code=_KILLED_CODE, message=message)

    def amend(self, run: Run) -> None:
        """Replace the outcome that the ledger has of a run."""
        if self.database is not None:
            amend(self.database, run)


def _first_forecast_of(champion: Bundle, panel: Panel) -> int:
    """Return the first time after the champion's training that no earlier model can have forecast."""
    ahead = np.array([champion.manifest.horizon + 1])
    return int(panel.frequency.timestamps(np.array([trained_until(champion)]), ahead)[0])
