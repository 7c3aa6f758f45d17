"""The times of a job's scores, and the errors of its newest model by period."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from forecaster.frequency import DAY, Ints
from forecaster.store.database import Database, reading
from forecaster.store.ledger.score import is_last_of_cutoff
from forecaster.store.ledger.tables import forecast_rows, run_series, runs, score_rows, series


@dataclass(frozen=True)
class Extent:
    """The times of a job's scores, as `at` in the tables.

    Attributes:
        newest: the time of the last actual by which a forecast was scored.
        step: the difference of two forecast times; the mean difference if it varies, as with months.
        frequency: the name of the frequency, as in `runs`.
        zone: the time zone of the data.
        horizon: the horizon of the newest forecasts.
        run: the newest run that made forecasts, with every column of `runs`.
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
    def has_daily_periods(self) -> bool:
        """True if steps are shorter than a day. A period is a day then, and a step otherwise."""
        return not self.is_integer and self.step < DAY

    def start_of_last(self, periods: int) -> int:
        """Return the first time of the last periods."""
        return self.newest - periods * (DAY if self.has_daily_periods else self.step) + 1

    def number_periods(self, at: Ints) -> Ints:
        """Return the numbers of the periods of times. Numbers grow with time, and have gaps if periods are steps."""
        return at // DAY if self.has_daily_periods else at

    def last_known_period(self, cutoff: Ints) -> Ints:
        """Return the number of the last period that has ended at a cutoff."""
        return (cutoff + self.step) // DAY - 1 if self.has_daily_periods else cutoff


def find_extent(ledger: Database, job: str) -> Extent | None:
    """Return the extent of a job's scores; None if no forecast is scored."""
    newest_run = sa.select(runs).where(runs.c.job == job, runs.c.first_at.is_not(None)).order_by(runs.c.id.desc())
    with reading(ledger) as connection:
        run = connection.execute(newest_run.limit(1)).mappings().first()
        last = sa.select(sa.func.max(score_rows.c.at)).where(score_rows.c.series_id == series.c.id)
        newest = connection.execute(_over_series(sa.func.max, last, job)).scalar()
        if run is None or newest is None:
            return None
        rows = forecast_rows.c
        first = sa.select(sa.func.min(run_series.c.series_id)).where(run_series.c.run_id == run["id"]).scalar_subquery()
        is_same = (run_series.c.run_id == rows.run_id) & (run_series.c.series_id == rows.series_id)
        length_query = sa.select(sa.func.max(rows.at) - sa.func.min(run_series.c.cutoff_at)).select_from(forecast_rows)
        length_query = length_query.join(run_series, is_same).where(rows.run_id == run["id"], rows.series_id == first)
        length = int(connection.execute(length_query).scalar_one())
    step = max(1, length // run["horizon"])
    return Extent(int(newest), step, run["frequency"], run["zone"], run["horizon"], dict(run))


def find_first_scored(ledger: Database, job: str, since: int | None) -> int | None:
    """Return the time of the first actual by which a forecast was scored; None if there is none.

    Args:
        since: the earliest time; None for no bound.
    """
    query = sa.select(sa.func.min(score_rows.c.at)).where(score_rows.c.series_id == series.c.id)
    if since is not None:
        query = query.where(score_rows.c.at >= since)
    with reading(ledger) as connection:
        first = connection.execute(_over_series(sa.func.min, query, job)).scalar()
    return None if first is None else int(first)


def list_series(ledger: Database, job: str) -> list[str]:
    """Return the ids of the series that a job has forecast."""
    with reading(ledger) as connection:
        return list(connection.execute(sa.select(series.c.unique_id).where(series.c.job == job)).scalars())


def errors_by_period(
    ledger: Database, job: str, extent: Extent, *, since: int | None = None, max_series: int = 50
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Return the mean scaled error of each period that the bundle of the newest run has forecast, in order of time.

    Args:
        since: the first time; None for the bundle's first forecast.
        max_series: if there are more series, an evenly spaced sample of at most this many represents them.

    Returns: [T] first times of the periods, and [T] errors; NaN if no series has a scale.
    """
    bundle = extent.run["bundle"]
    is_same = runs.c.bundle.is_(None) if bundle is None else runs.c.bundle == bundle
    run_ids = sa.select(runs.c.id).where(runs.c.job == job, runs.c.first_at.is_not(None), is_same)
    first = sa.select(sa.func.min(runs.c.first_at)).where(runs.c.id.in_(run_ids)).scalar_subquery()
    score = score_rows.c
    numbers = sa.select(series.c.id).where(series.c.job == job).order_by(series.c.id)
    period = score.at // sa.literal(DAY, sa.BigInteger) if extent.has_daily_periods else score.at
    query = (
        sa.select(sa.func.min(score.at), sa.func.avg(score.scaled))
        .where(
            is_last_of_cutoff(),
            score.at >= first,
            score.run_id.in_(run_ids),
            *([] if since is None else [score.at >= since]),
        )
        .group_by(period)
        .order_by(period)
    )
    with reading(ledger) as connection:
        all_numbers = connection.execute(numbers).scalars().all()
        sample = all_numbers[:: max(1, -(-len(all_numbers) // max_series))]
        rows = connection.execute(query.where(score.series_id.in_(sample))).all()
    at = np.array([row[0] for row in rows], np.int64)
    return at, np.array([np.nan if row[1] is None else row[1] for row in rows], np.float64)


def errors_by_time(ledger: Database, job: str, since: int) -> pd.DataFrame:
    """Return the errors of the forecasts of a job's models and of seasonal naive ones, by the time that they forecast.

    Returns: columns at, scaled, seasonal_naive (mean scaled errors) and inside (share covered by the 80 % interval), in
        order of time, without times that have no scale.
    """
    score = score_rows.c
    numbers = sa.select(series.c.id).where(series.c.job == job)
    query = (
        sa.select(
            score.at,
            sa.func.avg(score.scaled).label("scaled"),
            sa.func.avg(score.seasonal_naive_scaled).label("seasonal_naive"),
            sa.func.avg(sa.case((score.inside <= 80, 1.0), else_=0.0)).label("inside"),
        )
        .where(score.series_id.in_(numbers), score.at >= since, is_by_model(job), is_last_of_cutoff())
        .where(score.scaled.is_not(None), score.seasonal_naive_scaled.is_not(None))
        .group_by(score.at)
        .order_by(score.at)
    )
    with reading(ledger) as connection:
        return pd.DataFrame(
            connection.execute(query).mappings().all(), columns=["at", "scaled", "seasonal_naive", "inside"]
        )


def is_by_model(job: str) -> sa.ColumnElement[bool]:
    """Return the condition for scores of runs whose model forecast; where it failed the gate, no bundle is recorded."""
    by_model = sa.select(runs.c.id).where(runs.c.job == job, runs.c.bundle.is_not(None))
    return score_rows.c.run_id.in_(by_model)


def _over_series(function: Any, query: sa.Select[tuple[Any]], job: str) -> sa.Select[tuple[Any]]:
    """Return a minimum or maximum over the series of a job. The query of one series is a fast look-up in its key."""
    return sa.select(function(query.correlate(series).scalar_subquery())).where(series.c.job == job)
