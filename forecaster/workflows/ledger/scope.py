"""The ledger, job and times that a command is about, and the notation of times and rows in its output."""

import re
import shlex
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.errors import UsageError, did_you_mean
from forecaster.frequency import DAY, HOUR, WEEK, Frequency
from forecaster.store.database import Database
from forecaster.store.ledger import queries
from forecaster.store.ledger.damage import explained_damage
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.recent import Extent
from forecaster.workflows.jobfile import Job, open_job

_UNIT_LENGTHS = {"h": HOUR, "d": DAY, "w": WEEK}


@dataclass(frozen=True)
class LedgerScope:
    """A ledger, and the job in it that a command is about.

    Attributes:
        jobs: names of the jobs with runs in the ledger.
        requested_job: name of the job that the user named; None if the user named only the ledger.
        job: the job's file; None if the user named only the ledger.
    """

    ledger: Database
    jobs: list[str]
    requested_job: str | None
    job: Job | None

    def explained_damage(self) -> AbstractContextManager[None]:
        """Return a context that reports damage of the ledger as such; see `damage.explained_damage`."""
        return explained_damage(self.ledger)

    @property
    def job_name(self) -> str:
        """Name of the requested job, or of the only one.

        Raises: UsageError: several jobs have runs and none was requested, or the requested one has no runs.
        """
        if not self.jobs:
            raise UsageError(f"{self.ledger.place}: no job has run yet", hint="run one: forecast run JOB.yaml")
        name = self.requested_job or (self.jobs[0] if len(self.jobs) == 1 else None)
        if name is None:
            raise UsageError(
                f"{self.ledger.place}: has runs of {len(self.jobs)} jobs",
                hint=f"pass --job {' or '.join(map(shlex.quote, self.jobs[:10]))}",
            )
        if name not in self.jobs:
            run_it = f"run it first: forecast run {shlex.quote(str(self.job.path))}" if self.job else None
            raise UsageError(
                f"{self.ledger.place}: has no runs of job {name!r}{did_you_mean(name, self.jobs)}",
                hint=run_it or f"pass --job {' or '.join(map(shlex.quote, self.jobs[:10]))}",
            )
        return name


def open_scope(path: Path | None, url: str | None, name: str | None) -> LedgerScope:
    """Open the ledger of a job's file, or the one at a URL.

    Args:
        path: the job's file.
        url: SQL URL or SQLite file of a ledger.
        name: name of a job in the ledger at `url`; None for the only one.

    Raises:
        UsageError: neither a file nor a URL was passed, or both, or a file and a name.
        ForecastError: see `open_job` and `open_ledger`.
    """
    if (path is None) == (url is None):
        raise UsageError(
            "name either the job's file or --ledger",
            hint="type `forecast ledger history JOB.yaml`, or --ledger ledger.db",
        )
    if path is not None and name is not None:
        raise UsageError("--job goes with --ledger: a job's file already names the job", hint="leave --job out")
    job = None if path is None else open_job(path)
    ledger = open_ledger(job.ledger if job else str(url), must_exist=True)
    with explained_damage(ledger):
        jobs = queries.list_jobs(ledger)
    return LedgerScope(ledger, jobs, job.name if job else name, job)


def parse_since(text: str, extent: Extent) -> int | None:
    """Parse the value of --since.

    Args:
        text: a date or timestamp, a number for integer time, `30d` (or h, w) before the last score, or `all`.

    Returns: the first time to use, as `at` in the tables; None for `all`.
    Raises: UsageError: the text is none of these.
    """
    if text == "all":
        return None
    ago = re.fullmatch(r"(\d+) ?([hdw])", text)
    try:
        if extent.is_integer:
            return int(text)
        if ago:
            return extent.newest - int(ago[1]) * _UNIT_LENGTHS[ago[2]] + 1
        if not text:
            raise ValueError("empty")  # pandas would read a missing time
        time = pd.Timestamp(text)
        if extent.has_daily_periods and extent.zone:
            time = (time if time.tz else time.tz_localize(extent.zone)).tz_convert("UTC")
        return int(np.datetime64(time.tz_localize(None), "us").astype(np.int64))
    except ValueError as error:
        example = "--since 1000" if extent.is_integer else "--since 2024-01-31, --since 30d"
        raise UsageError(f"--since {text}: is not a time", hint=f"write it as {example} or --since all") from error


def format_time(extent: Extent, at: int) -> str:
    """Format a time of the tables as ISO 8601, or as a number for integer time."""
    every = extent.step if extent.has_daily_periods else DAY
    frequency = Frequency("integer") if extent.is_integer else Frequency("fixed", every)
    return str(frequency.format(np.array([at]), extent.zone)[0])


def list_rows(frame: pd.DataFrame, *without: str) -> list[dict[str, Any]]:
    """Convert a table to rows of plain values, with None for missing ones.

    Args:
        without: columns to leave out.
    """
    plain = frame.drop(columns=list(without)).astype(object)
    return [
        {str(key): value for key, value in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")
    ]
