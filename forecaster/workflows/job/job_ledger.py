"""A job's pages of the ledger."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from forecaster.errors import InputError
from forecaster.evaluation.significance import minimum_differences
from forecaster.forecast import Forecast
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle
from forecaster.store.database import Database
from forecaster.store.ledger import queries
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.recent import errors_beside_naive, find_extent
from forecaster.store.ledger.record import Run, record
from forecaster.store.ledger.score import add_and_score
from forecaster.store.ledger.widths import Adjustment, newest_adjustment
from forecaster.workflows.job.champion import trained_until
from forecaster.workflows.job.policy import Evidence
from forecaster.workflows.job.previous_runs import Memory, recall
from forecaster.workflows.jobfile import Job
from forecaster.workflows.ledger.drift import describe_drift
from forecaster.workflows.ledger.recalibrate import recalibrate_job
from forecaster.workflows.ledger.scope import Source

_HORIZONS = 10  # that are looked back on
_LOOKED_AT = 50  # runs, the newest; each keeps the memory of those before


@dataclass(frozen=True)
class Notebook:
    """What one job keeps in its ledger.

    Attributes:
        ledger: None where there is none and none may be made.
    """

    job: Job
    ledger: Database | None

    @classmethod
    def open(cls, job: Job, *, must_exist: bool) -> "Notebook":
        """Open the ledger, or make it.

        Args:
            must_exist: make none; nothing can be kept then.

        Raises: ForecastError: see `ledger.open.open_ledger`.
        """
        try:
            return cls(job, open_ledger(job.ledger, must_exist=must_exist))
        except InputError:
            if not must_exist:
                raise
            return cls(job, None)

    def recall(self) -> Memory:
        """What the runs before knew."""
        if self.ledger is None:
            return Memory()
        return recall(list(queries.history(self.ledger, self.job.name, limit=_LOOKED_AT)["details"]))

    def score(self, panel: Panel, seen: datetime) -> tuple[dict[str, int], int]:
        """Keep what came true, and score the forecasts of it.

        Returns: how many actuals were new and how many re-stated, and how many forecasts were scored.
        """
        if self.ledger is None:
            return {"new": 0, "restated": 0}, 0
        added, scored = add_and_score(self.ledger, self.job.name, panel, seen=seen)
        return {"new": added.new, "restated": added.restated}, scored

    def skill(self, used: Bundle, panel: Panel, steps: int) -> float:
        """Skill of the forecasts of the last steps, of those that this model alone can have made,
        whether it has been updated since or not.

        Args:
            steps: that count, at most; fewer forecasts tell nothing.

        Returns: against the seasonal naive forecast; NaN where too few came true.
        """
        if self.ledger is None:
            return math.nan
        newest = np.array([panel.cutoff.max()])
        first = panel.frequency.timestamps(newest, np.array([1 - steps]))
        since = max(self._own_since(used, panel), int(first[0]))
        found = queries.summarise(self.ledger, self.job.name, since=since)
        row = found.iloc[0]
        return float(row["skill"]) if row["forecasts"] >= steps else math.nan

    def evidence(self, used: Bundle, panel: Panel) -> Evidence | None:
        """Say how good the forecasts of the last horizons were, a horizon at a time, of those that this model alone can
        have made; None where too few came true to tell anything from chance.
        """
        if self.ledger is None:
            return None
        horizon = int(used.manifest["horizon"])
        first = panel.frequency.timestamps(np.array([panel.cutoff.max()]), np.array([1 - _HORIZONS * horizon]))
        since = max(self._own_since(used, panel), int(first[0]))
        found = errors_beside_naive(self.ledger, self.job.name, since)
        place = panel.frequency.index(np.full(len(found), since), found["at"].to_numpy(np.int64)) // horizon
        pieces = found.groupby(place).mean()
        if len(pieces) < minimum_differences(1):
            return None
        errors, naive = (tuple(pieces[name].tolist()) for name in ("scaled", "seasonal_naive"))
        return Evidence(errors, naive, float(found["inside"].mean()), "ledger")

    def _own_since(self, used: Bundle, panel: Panel) -> int:
        """The first time whose forecasts can all be this model's."""
        ahead = np.array([int(used.manifest["horizon"]) + 1])
        return int(panel.frequency.timestamps(np.array([trained_until(used)]), ahead)[0])

    def drift(self) -> dict[str, Any] | None:
        """Say whether the model in use has become worse than promised; see `ledger.drift.describe_drift`."""
        extent = find_extent(self.ledger, self.job.name) if self.ledger else None
        if self.ledger is None or extent is None:
            return None
        return describe_drift(self.ledger, extent, self.job.policy.alarm, self.job.bundles)

    def adjustment(self) -> Adjustment | None:
        """How intervals must be stretched, as `forecast ledger recalibrate` has found; None where they stay."""
        return newest_adjustment(self.ledger, self.job.name) if self.ledger else None

    def recalibrate(self) -> None:
        """Adapt the widths of intervals, as `forecast ledger recalibrate` does."""
        if self.ledger is not None and find_extent(self.ledger, self.job.name) is not None:
            recalibrate_job(Source(self.ledger, [self.job.name], self.job.name, self.job))

    def record(
        self,
        key: str,
        started: datetime,
        code: int,
        seconds: float,
        details: dict[str, Any],
        forecast: Forecast | None,
        baselines: dict[Any, Any] | None,
        scale: Any,
        adjustment: int | None,
    ) -> None:
        """Keep a run and its forecasts, whole or not at all."""
        if self.ledger is None:
            return
        run = Run(self.job.name, key, started, code, seconds, details.get("bundle"), details, adjustment)
        record(self.ledger, run, forecast, baselines=baselines, scale=scale)
