"""Adjustments: factors for the intervals of the next forecasts of a job, learnt from scores."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from forecaster.store.database import Column, Database, insert_rows, reading, writing
from forecaster.store.ledger.record import format_utc
from forecaster.store.ledger.score import INTERVALS
from forecaster.store.ledger.tables import adjustments


@dataclass(frozen=True)
class Adjustment:
    """Factors by group of steps and interval.

    Attributes:
        number: 1 for the first adjustment of a job; the highest number is in force.
        created: the time of its creation, as ISO 8601 in UTC.
        until_at: the time of the last actual that it was learnt from.
        last_steps: [G] last step of each group.
        factors: [G, K] for the intervals of `score.INTERVALS`, the narrowest first.
    """

    number: int
    created: str
    until_at: int
    last_steps: tuple[int, ...]
    factors: npt.NDArray[np.float64]


def record_adjustment(
    ledger: Database,
    job: str,
    last_steps: tuple[int, ...],
    factors: npt.NDArray[np.float64],
    *,
    created: datetime,
    until_at: int,
) -> int:
    """Write an adjustment, which is in force from now on.

    Args:
        last_steps, factors, until_at: as in `Adjustment`; all factors are above 0.
        created: with a time zone.

    Returns: the number of the adjustment; if the newest one has the same factors, its number.
    Raises: ForecastError: see `database.writing`; nothing was written.
    """
    with writing(ledger, job) as connection:
        newest = max(_read(connection, job), key=lambda each: each.number, default=None)
        if newest and newest.last_steps == last_steps and np.array_equal(newest.factors, factors):
            return newest.number
        number = newest.number + 1 if newest else 1
        count = factors.size
        columns: dict[str, Column] = {
            "job": [job] * count,
            "number": [number] * count,
            "last_step": np.repeat(last_steps, len(INTERVALS)),
            "level": np.tile(list(INTERVALS), len(last_steps)),
            "made": [format_utc(created)] * count,
            "until_at": [until_at] * count,
            "factor": factors.ravel(),
        }
        insert_rows(connection, adjustments, columns)
    return number


def list_adjustments(ledger: Database, job: str) -> list[Adjustment]:
    """Read all adjustments of a job, the oldest first."""
    with reading(ledger) as connection:
        return sorted(_read(connection, job), key=lambda each: each.number)


def newest_adjustment(ledger: Database, job: str) -> Adjustment | None:
    """Read the adjustment that is in force; None if the job has none."""
    return next(reversed(list_adjustments(ledger, job)), None)


def _read(connection: sa.Connection, job: str) -> list[Adjustment]:
    table = adjustments.c
    rows = connection.execute(
        sa.select(table.number, table.last_step, table.level, table.made, table.until_at, table.factor)
        .where(table.job == job)
        .order_by(table.number, table.last_step, table.level)
    ).all()
    all_adjustments = []
    for number in dict.fromkeys(row.number for row in rows):
        group = [row for row in rows if row.number == number]
        last_steps = tuple(dict.fromkeys(row.last_step for row in group))
        factors = np.array([row.factor for row in group]).reshape(len(last_steps), -1)
        all_adjustments.append(Adjustment(number, group[0].made, group[0].until_at, last_steps, factors))
    return all_adjustments
