"""The ledger as frames: the runs of a job, its scores by step, series, model or week, revisions and anomalies."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecaster.frequency import DAY, WEEK
from forecaster.store.database import Database, reading
from forecaster.store.ledger.score import INTERVALS, is_last_of_cutoff
from forecaster.store.ledger.tables import (
    BASELINES,
    QUANTILES,
    actual_rows,
    forecast_rows,
    run_series,
    runs,
    score_rows,
    series,
)

By = Literal["step", "unique_id", "model", "week"]
LEVELS = (50, 80, 90, 95)

_FIRST_MONDAY = date(1969, 12, 29)  # The Monday of the week of 1970-01-01.
_WEEK_OFFSET = 100_000  # Keeps week numbers positive, because databases differ in how they divide negative numbers.


def list_jobs(ledger: Database) -> list[str]:
    """Return the names of the jobs that have runs, sorted."""
    with reading(ledger) as connection:
        return list(connection.execute(sa.select(runs.c.job).distinct().order_by(runs.c.job)).scalars())


def history(ledger: Database, job: str, *, limit: int | None = None, containing: str = "") -> pd.DataFrame:
    """Return the runs of a job with every column of the table `runs`, the newest first.

    Args:
        limit: number of runs; None for all.
        containing: text that the details of the runs contain.
    """
    query = sa.select(runs).where(runs.c.job == job, runs.c.details.contains(containing, autoescape=True))
    query = query.order_by(runs.c.id.desc()).limit(limit)
    return _frame(ledger, query)


def summarise(
    ledger: Database,
    job: str,
    *,
    by: By | None = None,
    since: int | None = None,
    until: int | None = None,
    where: sa.ColumnElement[bool] | None = None,
) -> pd.DataFrame:
    """Summarise the scores of a job in one row, or in a row for each step, series, model or week.

    Of several forecasts of a series from one cutoff, the last one counts.

    Args:
        since, until: the first and the last time of the actuals, as `at` in the tables; None for no bound.
        where: a further condition on the scores; None for none.

    Returns: columns `by` (a week as `2026-W47`), forecasts (their number), mae, rmse, bias (mean of forecast - actual),
        mase (mean of |error| / scale), skill and skill_naive (1 - mase / mase of the seasonal naive and the naive
        forecast, over the forecasts that have both), coverage50, 80, 90 and 95; NaN where there is no value.
    """
    score = score_rows.c
    week = (score.at + (_WEEK_OFFSET * WEEK + 3 * DAY)) // sa.literal(WEEK, sa.BigInteger)
    key = {"step": score.step, "unique_id": series.c.unique_id, "model": runs.c.model, "week": week}
    query = sa.select(
        sa.func.count().label("forecasts"),
        sa.func.avg(score.absolute).label("mae"),
        sa.func.avg(score.error * score.error).label("rmse"),
        sa.func.avg(score.error).label("bias"),
        sa.func.avg(score.scaled).label("mase"),
        *(_skill(score.scaled, score[f"{name}_scaled"]).label(name) for name in BASELINES),
        *(_share(score.inside <= level).label(f"coverage{level}") for level in LEVELS),
    ).select_from(score_rows)
    query = query.where(is_last_of_cutoff(), *_between(score_rows, since, until), *([] if where is None else [where]))
    if by == "unique_id":
        query = query.join(series, series.c.id == score.series_id).where(series.c.job == job)
    else:
        query = query.where(score.series_id.in_(sa.select(series.c.id).where(series.c.job == job)))
    if by == "model":
        query = query.join(runs, runs.c.id == score.run_id)
    if by is not None:
        query = query.add_columns(key[by].label(by)).group_by(key[by]).order_by(key[by])
    summary = _frame(ledger, query).rename(columns={"seasonal_naive": "skill", "naive": "skill_naive"})
    numbers = [name for name in summary.columns if name != by]
    summary[numbers] = summary[numbers].astype(float)
    summary["forecasts"] = summary["forecasts"].astype(int)
    summary["rmse"] = np.sqrt(summary["rmse"])
    if by == "week":
        summary[by] = [_name_week(int(number) - _WEEK_OFFSET) for number in summary[by]]
    return summary[[*([by] if by else []), *(name for name in summary.columns if name != by)]]


def read_scored_forecasts(
    ledger: Database,
    job: str,
    *,
    since: int | None = None,
    until: int | None = None,
    max_rows: int | None = None,
    include: Sequence[str] = (),
) -> pd.DataFrame:
    """Read the scored forecasts of a job, the last one from each cutoff, beside the newest version of their actuals.

    Args:
        since, until: the first and the last time of the actuals, as `at` in the tables; None for no bound.
        max_rows: if there are more rows, a sample of series with about this many rows represents them.
        include: ids of series to read besides this sample.

    Returns: run_id, adjustment (of the run), unique_id, ds, at, cutoff_at, step, y, mean, scale, q025 ... q975.
    """
    sample = [condition | series.c.unique_id.in_(include) for condition in _sample(ledger, job, since, until, max_rows)]
    forecast, score, actual = forecast_rows.c, score_rows.c, actual_rows.c
    query = (
        sa.select(
            score.run_id,
            runs.c.adjustment,
            series.c.unique_id,
            forecast.ds,
            score.at,
            run_series.c.cutoff_at,
            score.step,
            actual.y,
            forecast.mean,
            run_series.c.scale,
            *(forecast[name] for name in QUANTILES),
        )
        .select_from(score_rows)
        .join(series, series.c.id == score.series_id)
        .join(runs, runs.c.id == score.run_id)
        .join(actual_rows, sa.and_(*(actual[name] == score[name] for name in ("series_id", "at", "version"))))
        .join(forecast_rows, sa.and_(*(forecast[name] == score[name] for name in ("run_id", "series_id", "step"))))
        .join(run_series, sa.and_(*(run_series.c[name] == score[name] for name in ("run_id", "series_id"))))
        .where(
            series.c.job == job,
            is_last_of_cutoff(),
            *sample,
            *_between(score_rows, since, until),
        )
        .order_by(score.run_id, score.series_id, score.step)
    )
    return _frame(ledger, query)


def anomalies(
    ledger: Database, job: str, *, level: int = 95, since: int | None = None, until: int | None = None
) -> pd.DataFrame:
    """Return the actuals outside the interval of the last forecast made for them, the farthest outside first.

    Args:
        level: coverage in per cent: 20, 40, 50, 60, 80, 90 or 95.
        since, until: the first and the last time of the actuals, as `at` in the tables; None for no bound.

    Returns: unique_id, ds, at, y, mean, lower, upper, excess (distance to the interval, in the units of the series),
        scaled (excess / scale of the series), step, run, version.
    Raises: ValueError: the ledger has no interval of that level.
    """
    if level not in INTERVALS:
        raise ValueError(f"the ledger has no interval of {level} %")
    forecast, score, actual = forecast_rows.c, score_rows.c, actual_rows.c
    lower, upper = (forecast[name] for name in INTERVALS[level])
    later = score_rows.alias()
    is_superseded = sa.exists().where(
        later.c.series_id == score.series_id, later.c.at == score.at, later.c.run_id > score.run_id
    )
    excess = sa.case((actual.y > upper, actual.y - upper), else_=lower - actual.y)
    scaled = excess / sa.func.nullif(run_series.c.scale, 0)
    query = (
        sa.select(
            series.c.unique_id,
            forecast.ds,
            score.at,
            actual.y,
            forecast.mean,
            lower.label("lower"),
            upper.label("upper"),
            excess.label("excess"),
            scaled.label("scaled"),
            score.step,
            runs.c.key.label("run"),
            score.version,
        )
        .select_from(score_rows)
        .join(series, series.c.id == score.series_id)
        .join(runs, runs.c.id == score.run_id)
        .join(actual_rows, sa.and_(*(actual[name] == score[name] for name in ("series_id", "at", "version"))))
        .join(forecast_rows, sa.and_(*(forecast[name] == score[name] for name in ("run_id", "series_id", "step"))))
        .join(run_series, sa.and_(*(run_series.c[name] == score[name] for name in ("run_id", "series_id"))))
        .where(series.c.job == job, score.inside > level, ~is_superseded, *_between(score_rows, since, until))
        .order_by(scaled.desc().nulls_last(), excess.desc(), series.c.unique_id, score.at)
    )
    return _frame(ledger, query)


def revisions(ledger: Database, job: str, *, run: str | None = None, limit: int | None = None) -> pd.DataFrame:
    """Compare the forecasts of a run with the last forecasts before it for the same times.

    Args:
        run: the key of the run; None for the newest run that made forecasts.
        limit: number of rows; None for all.

    Returns: unique_id, ds, at, mean, previous, change (mean - previous), scaled (change / scale of the series), q100,
        q900, previous_q100, previous_q900, previous_run, sorted by the size of `scaled`, then of `change`. Empty if
        there is no such run, or none before it.
    """
    new, old = forecast_rows.alias("new"), forecast_rows.alias("old")
    earlier = forecast_rows.alias("earlier")
    newest = sa.select(runs.c.id).where(runs.c.job == job, runs.c.first_at.is_not(None))
    newest = newest.order_by(runs.c.id.desc()).limit(1) if run is None else newest.where(runs.c.key == run)
    before = (
        sa.select(sa.func.max(earlier.c.run_id))
        .where(earlier.c.series_id == new.c.series_id, earlier.c.at == new.c.at, earlier.c.run_id < new.c.run_id)
        .scalar_subquery()
    )
    is_same_time = (old.c.series_id == new.c.series_id) & (old.c.at == new.c.at)
    change = new.c.mean - old.c.mean
    scaled = change / sa.func.nullif(run_series.c.scale, 0)
    query = (
        sa.select(
            series.c.unique_id,
            new.c.ds,
            new.c.at,
            new.c.mean,
            old.c.mean.label("previous"),
            change.label("change"),
            scaled.label("scaled"),
            new.c.q100,
            new.c.q900,
            old.c.q100.label("previous_q100"),
            old.c.q900.label("previous_q900"),
            runs.c.key.label("previous_run"),
        )
        .select_from(new)
        .join(old, is_same_time & (old.c.run_id == before))
        .join(series, series.c.id == new.c.series_id)
        .join(run_series, (run_series.c.run_id == new.c.run_id) & (run_series.c.series_id == new.c.series_id))
        .join(runs, runs.c.id == old.c.run_id)
        .where(new.c.run_id == newest.scalar_subquery())
        .order_by(sa.func.abs(scaled).desc().nulls_last(), sa.func.abs(change).desc(), series.c.unique_id, new.c.at)
        .limit(limit)
    )
    return _frame(ledger, query)


def _frame(ledger: Database, query: sa.Select[Any]) -> pd.DataFrame:
    with reading(ledger) as connection:
        result = connection.execute(query)
        return pd.DataFrame(result.all(), columns=list(result.keys()))


def _between(table: sa.Table, since: int | None, until: int | None) -> list[sa.ColumnElement[bool]]:
    bounds = []
    if since is not None:
        bounds.append(table.c.at >= since)
    if until is not None:
        bounds.append(table.c.at <= until)
    return bounds


def _sample(
    ledger: Database, job: str, since: int | None, until: int | None, max_rows: int | None
) -> list[sa.ColumnElement[bool]]:
    """Return a condition that selects evenly spaced series with about `max_rows` scores; no condition if all fit."""
    if max_rows is None:
        return []
    is_of_job = score_rows.c.series_id.in_(sa.select(series.c.id).where(series.c.job == job))
    count = sa.select(sa.func.count()).select_from(score_rows).where(is_of_job, *_between(score_rows, since, until))
    with reading(ledger) as connection:
        total = int(connection.execute(count).scalar_one())
        first = connection.execute(sa.select(sa.func.min(series.c.id)).where(series.c.job == job)).scalar()
    stride = max(1, -(-total // max_rows))
    return [] if stride == 1 else [series.c.id % stride == int(first or 0) % stride]


def _skill(scaled: sa.ColumnElement[Any], baseline: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return 1 - MASE / MASE of a baseline, over the forecasts that have both."""
    scaled_with_baseline = sa.case((baseline.is_not(None), scaled), else_=None)
    return 1.0 - sa.func.sum(scaled_with_baseline) / sa.func.nullif(sa.func.sum(baseline), 0)


def _share(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.func.avg(sa.case((condition, sa.literal(1.0, sa.Double)), else_=sa.literal(0.0, sa.Double)))


def _name_week(number: int) -> str:
    year, week, _ = (_FIRST_MONDAY + timedelta(weeks=number)).isocalendar()
    return f"{year}-W{week:02d}"
