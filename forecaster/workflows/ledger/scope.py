"""Which ledger, job and times a command is about; times and rows as people and JSON write them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.errors import UsageError, did_you_mean
from forecaster.frequency import DAY, HOUR, WEEK, Frequency
from forecaster.store.database import Database
from forecaster.store.ledger import queries
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.recent import Extent
from forecaster.workflows.jobfile import Job, open_job

_UNITS = {"h": HOUR, "d": DAY, "w": WEEK}


@dataclass(frozen=True)
class LedgerScope:
    """A ledger, and what of it is asked for.

    Attributes:
        jobs: that have runs in it.
        requested_job: the job that is asked for; None for all of them.
        job: its file; None where only the ledger was named.
    """

    ledger: Database
    jobs: list[str]
    requested_job: str | None
    job: Job | None

    @property
    def job_name(self) -> str:
        """The job.

        Raises: UsageError: there are several, or it has no runs.
        """
        if not self.jobs:
            raise UsageError(f"{self.ledger.place}: no job has run yet", hint="run one: forecast run JOB.yaml")
        name = self.requested_job or (self.jobs[0] if len(self.jobs) == 1 else None)
        if name is None:
            raise UsageError(
                f"{self.ledger.place}: has {len(self.jobs)} jobs", hint=f"pass --job {' or '.join(self.jobs[:10])}"
            )
        if name not in self.jobs:
            raise UsageError(
                f"{self.ledger.place}: has no runs of job {name!r}{did_you_mean(name, self.jobs)}",
                hint=f"jobs here: {', '.join(self.jobs[:10])}",
            )
        return name


def open_scope(path: Path | None, url: str | None, name: str | None) -> LedgerScope:
    """Open the ledger of a job's file, or the one behind a URL.

    Raises:
        UsageError: not one of the two was named.
        ForecastError: see the errors of `open_job` and `open_ledger`.
    """
    if (path is None) == (url is None):
        raise UsageError(
            "name one: the job's file or --ledger",
            hint="type `forecast ledger history JOB.yaml`, or --ledger ledger.db",
        )
    if path is not None and name is not None:
        raise UsageError("--job goes with --ledger: a file says which job it is", hint="leave --job out")
    job = None if path is None else open_job(path)
    ledger = open_ledger(job.ledger if job else str(url), must_exist=True)
    return LedgerScope(ledger, queries.list_jobs(ledger), job.name if job else name, job)


def parse_since(text: str, extent: Extent) -> int | None:
    """Read a first time: a date or timestamp, a number for integer time, `30d` (or h, w) before the last, or `all`.

    Returns: as `at` in the tables; None for no bound.
    Raises: UsageError: it is none of these.
    """
    if text == "all":
        return None
    ago = re.fullmatch(r"(\d+) ?([hdw])", text)
    try:
        if extent.is_integer:
            return int(text)
        if ago:
            return extent.newest - int(ago[1]) * _UNITS[ago[2]] + 1
        if not text:
            raise ValueError("empty")  # pandas takes it for a missing time
        time = pd.Timestamp(text)
        if extent.is_short and extent.zone:
            time = (time if time.tz else time.tz_localize(extent.zone)).tz_convert("UTC")
        return int(np.datetime64(time.tz_localize(None), "us").astype(np.int64))
    except ValueError as error:
        usual = "--since 1000" if extent.is_integer else "--since 2024-01-31, --since 30d"
        raise UsageError(f"--since {text}: is no time", hint=f"write it as {usual} or --since all") from error


def format_time(extent: Extent, at: int) -> str:
    """A time as people write it."""
    every = extent.step if extent.is_short else DAY
    frequency = Frequency("integer") if extent.is_integer else Frequency("fixed", every)
    return str(frequency.format(np.array([at]), extent.zone)[0])


def list_rows(frame: pd.DataFrame, *without: str) -> list[dict[str, Any]]:
    """Rows as plain values, None for what is missing."""
    plain = frame.drop(columns=list(without)).astype(object)
    return [
        {str(key): value for key, value in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")
    ]
