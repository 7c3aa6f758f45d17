"""Adjustments: by which factors the intervals of a job's next forecasts are to be stretched, as scores taught."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from forecaster.store.database import Column, Database, insert_rows, reading, writing
from forecaster.store.ledger.record import stamp
from forecaster.store.ledger.score import INTERVALS
from forecaster.store.ledger.tables import adjustments


@dataclass(frozen=True)
class Adjustment:
    """Factors by group of steps and interval.

    Attributes:
        number: its own within the job, from 1; the highest is in force.
        made: when, UTC.
        until_at: the time of the last actual that it was learnt from.
        last_steps: [G] the last step of each group.
        factors: [G, K] at the levels of `score.INTERVALS`, the narrowest first.
    """

    number: int
    made: str
    until_at: int
    last_steps: tuple[int, ...]
    factors: npt.NDArray[np.float64]


def adjust(
    ledger: Database,
    job: str,
    last_steps: tuple[int, ...],
    factors: npt.NDArray[np.float64],
    *,
    made: datetime,
    until_at: int,
) -> int:
    """Keep factors that are in force from now on.

    Args:
        factors: [G, K], all above 0.

    Returns: the adjustment's number; that of the newest where it has the same factors already.
    Raises: ForecastError: see `database.writing`; nothing was kept.
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
            "made": [stamp(made)] * count,
            "until_at": [until_at] * count,
            "factor": factors.ravel(),
        }
        insert_rows(connection, adjustments, columns)
    return number


def list_adjustments(ledger: Database, job: str) -> list[Adjustment]:
    """All adjustments of a job, the oldest first."""
    with reading(ledger) as connection:
        return sorted(_read(connection, job), key=lambda each: each.number)


def newest_adjustment(ledger: Database, job: str) -> Adjustment | None:
    """The adjustment that is in force; None where the model's own intervals are."""
    return next(reversed(list_adjustments(ledger, job)), None)


def _read(connection: sa.Connection, job: str) -> list[Adjustment]:
    table = adjustments.c
    rows = connection.execute(
        sa.select(table.number, table.last_step, table.level, table.made, table.until_at, table.factor)
        .where(table.job == job)
        .order_by(table.number, table.last_step, table.level)
    ).all()
    found = []
    for number in dict.fromkeys(row.number for row in rows):
        own = [row for row in rows if row.number == number]
        last_steps = tuple(dict.fromkeys(row.last_step for row in own))
        factors = np.array([row.factor for row in own]).reshape(len(last_steps), -1)
        found.append(Adjustment(number, own[0].made, own[0].until_at, last_steps, factors))
    return found
