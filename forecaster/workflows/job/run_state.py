"""A run that is going on: what every part of it knows."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from forecaster.evaluation.metrics import Array
from forecaster.evaluation.score import without_nan
from forecaster.events import Watch
from forecaster.forecast import Forecast
from forecaster.panel import Floats
from forecaster.store.ledger.widths import Adjustment
from forecaster.workflows.job.job_ledger import Notebook
from forecaster.workflows.job.previous_runs import KEY, Memory
from forecaster.workflows.jobfile import Job

_OF_THE_TABLE = ("job", "run", "code", "seconds")  # columns of their own


@dataclass
class Night:
    """One run of a job.

    Attributes:
        key: the run's own name.
        now: when it began.
        told: what is known of it so far, for its status and the ledger.
        watch: told of all that happens.
        is_dry: whether nothing may be written.
        book: its pages of the ledger.
        memory: what the runs before knew, and this one adds.
        begun: on a clock that never jumps.
    """

    job: Job
    key: str
    now: datetime
    told: dict[str, Any]
    watch: Watch
    is_dry: bool
    book: Notebook
    memory: Memory
    begun: float = field(default_factory=time.monotonic)

    @property
    def stamp(self) -> str:
        """When it began: ISO 8601, UTC."""
        return self.now.astimezone(UTC).isoformat(timespec="seconds")

    @cached_property
    def adjustment(self) -> Adjustment | None:
        """How its intervals are stretched: read once, since another may be found while it goes on."""
        return self.book.adjustment()

    def recalibrate(self) -> None:
        """Let the widths of intervals follow what came true."""
        self.book.recalibrate()
        self.__dict__.pop("adjustment", None)  # to be read anew

    def record(
        self,
        code: int,
        forecast: Forecast | None = None,
        *,
        baselines: dict[Any, Floats] | None = None,
        scale: Array | None = None,
    ) -> None:
        """Keep the run in the ledger, unless nothing may be written."""
        if self.is_dry:
            return
        seconds = round(time.monotonic() - self.begun, 3)
        told = {name: value for name, value in self.told.items() if name not in _OF_THE_TABLE}
        details = without_nan({**told, KEY: self.memory.to_dict()})
        adjustment = self.adjustment.number if forecast and self.adjustment else None
        self.book.record(self.key, self.now, code, seconds, details, forecast, baselines, scale, adjustment)
