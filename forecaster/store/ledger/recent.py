"""Where in time a job's scores lie, and how its newest model has done from period to period."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from forecaster.frequency import DAY, Ints
from forecaster.store.database import Database, reading
from forecaster.store.ledger.tables import forecast_rows, run_series, runs, score_rows, series


@dataclass(frozen=True)
class Extent:
    """The times of a job's scores, as `at` in the tables.

    Attributes:
        newest: the last actual that a forecast was scored by.
        step: between two forecast times; its mean where steps differ, as months do.
        frequency: its name, as in `runs`.
        zone: of the data.
        horizon: of the newest forecasts.
        run: the newest run that made forecasts: every column of `runs`.
    """

    newest: int
    step: int
    frequency: str
    zone: str | None
    horizon: int
    run: dict[str, Any]

    @property
    def is_integer(self) -> bool:
        return self.frequency.endswith("integer")

    @property
    def is_short(self) -> bool:
        """Whether steps are shorter than a day: then a period is a day, otherwise a step."""
        return not self.is_integer and self.step < DAY

    def back(self, periods: int) -> int:
        """The first time of the last so many periods."""
        return self.newest - periods * (DAY if self.is_short else self.step) + 1

    def period(self, at: Ints) -> Ints:
        """Number the periods of times; numbers grow with time, with gaps where steps are a day or longer."""
        return at // DAY if self.is_short else at

    def known(self, cutoff: Ints) -> Ints:
        """The last period that is wholly known to forecasts of a cutoff."""
        return (cutoff + self.step) // DAY - 1 if self.is_short else cutoff


def find_extent(ledger: Database, job: str) -> Extent | None:
    """Where a job's scores lie; None where no forecast of it is scored."""
    newest_run = sa.select(runs).where(runs.c.job == job, runs.c.first_at.is_not(None)).order_by(runs.c.id.desc())
    with reading(ledger) as connection:
        run = connection.execute(newest_run.limit(1)).mappings().first()
        last = sa.select(sa.func.max(score_rows.c.at)).where(score_rows.c.series_id == series.c.id)
        newest = connection.execute(_over_series(sa.func.max, last, job)).scalar()
        if run is None or newest is None:
            return None
        rows = forecast_rows.c
        one = sa.select(sa.func.min(run_series.c.series_id)).where(run_series.c.run_id == run["id"]).scalar_subquery()
        is_same = (run_series.c.run_id == rows.run_id) & (run_series.c.series_id == rows.series_id)
        reach = sa.select(sa.func.max(rows.at) - sa.func.min(run_series.c.cutoff_at)).select_from(forecast_rows)
        reach = reach.join(run_series, is_same).where(rows.run_id == run["id"], rows.series_id == one)
        length = int(connection.execute(reach).scalar_one())
    step = max(1, length // run["horizon"])
    return Extent(int(newest), step, run["frequency"], run["zone"], run["horizon"], dict(run))


def find_first(ledger: Database, job: str, since: int | None) -> int | None:
    """The first actual, at or after a time, that a forecast was scored by; None where there is none."""
    query = sa.select(sa.func.min(score_rows.c.at)).where(score_rows.c.series_id == series.c.id)
    if since is not None:
        query = query.where(score_rows.c.at >= since)
    with reading(ledger) as connection:
        first = connection.execute(_over_series(sa.func.min, query, job)).scalar()
    return None if first is None else int(first)


def list_series(ledger: Database, job: str) -> list[str]:
    """The series that a job has forecast."""
    with reading(ledger) as connection:
        return list(connection.execute(sa.select(series.c.unique_id).where(series.c.job == job)).scalars())


def errors_of_periods(
    ledger: Database, job: str, extent: Extent, *, since: int | None = None, most: int = 50
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """The mean scaled error of each period that the newest run's bundle has forecast, in the order of time.

    Args:
        since: the first time that counts; None for the bundle's first forecast.
        most: series that are looked at; where there are more, some evenly spread stand for all.

    Returns: [T] the first time of each period, and [T] its error; NaN where no series has a scale.
    """
    bundle = extent.run["bundle"]
    is_same = runs.c.bundle.is_(None) if bundle is None else runs.c.bundle == bundle
    mine = sa.select(runs.c.id).where(runs.c.job == job, runs.c.first_at.is_not(None), is_same)
    began = sa.select(sa.func.min(runs.c.first_at)).where(runs.c.id.in_(mine)).scalar_subquery()
    score = score_rows.c
    numbers = sa.select(series.c.id).where(series.c.job == job).order_by(series.c.id)
    period = score.at // sa.literal(DAY, sa.BigInteger) if extent.is_short else score.at
    query = (
        sa.select(sa.func.min(score.at), sa.func.avg(score.scaled))
        .where(score.at >= began, score.run_id.in_(mine), *([] if since is None else [score.at >= since]))
        .group_by(period)
        .order_by(period)
    )
    with reading(ledger) as connection:
        known = connection.execute(numbers).scalars().all()
        some = known[:: max(1, -(-len(known) // most))]
        rows = connection.execute(query.where(score.series_id.in_(some))).all()
    at = np.array([row[0] for row in rows], np.int64)
    return at, np.array([np.nan if row[1] is None else row[1] for row in rows], np.float64)


def errors_beside_naive(ledger: Database, job: str, since: int) -> pd.DataFrame:
    """The errors of a job's forecasts and of the seasonal naive ones of the same steps, by the time forecast.

    Returns: columns at, scaled, seasonal_naive (mean scaled errors) and inside (share inside the 80 % interval), in
        order; times without a scale are left out.
    """
    score = score_rows.c
    mine = sa.select(series.c.id).where(series.c.job == job)
    query = (
        sa.select(
            score.at,
            sa.func.avg(score.scaled).label("scaled"),
            sa.func.avg(score.seasonal_naive_scaled).label("seasonal_naive"),
            sa.func.avg(sa.case((score.inside <= 80, 1.0), else_=0.0)).label("inside"),
        )
        .where(score.series_id.in_(mine), score.at >= since)
        .where(score.scaled.is_not(None), score.seasonal_naive_scaled.is_not(None))
        .group_by(score.at)
        .order_by(score.at)
    )
    with reading(ledger) as connection:
        return pd.DataFrame(
            connection.execute(query).mappings().all(), columns=["at", "scaled", "seasonal_naive", "inside"]
        )


def _over_series(function: Any, of_one: sa.Select[tuple[Any]], job: str) -> sa.Select[tuple[Any]]:
    """A minimum or maximum over a job's series of what a query finds for each, a look-up in the key a series."""
    return sa.select(function(of_one.correlate(series).scalar_subquery())).where(series.c.job == job)
