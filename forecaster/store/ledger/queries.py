"""What the ledger knows, as frames: the runs of a job, its scores by any cut, revisions, anomalies."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecaster.frequency import DAY, WEEK
from forecaster.store.database import Database, reading
from forecaster.store.ledger.score import INTERVALS
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

_MONDAY = date(1969, 12, 29)  # the week of 1970-01-01, a Thursday
_WEEKS_BEFORE = 100_000  # so that the division below never sees a negative number, which engines round differently


def list_jobs(ledger: Database) -> list[str]:
    """The jobs that have runs, by name."""
    with reading(ledger) as connection:
        return list(connection.execute(sa.select(runs.c.job).distinct().order_by(runs.c.job)).scalars())


def history(ledger: Database, job: str, *, limit: int | None = None) -> pd.DataFrame:
    """The runs of a job, the newest first: every column of the table `runs`."""
    query = sa.select(runs).where(runs.c.job == job).order_by(runs.c.id.desc()).limit(limit)
    return _frame(ledger, query)


def summarise(
    ledger: Database, job: str, *, by: By | None = None, since: int | None = None, until: int | None = None
) -> pd.DataFrame:
    """Score a job over all its forecasts whose actuals are known, or a row for each step, series, model or week.

    Args:
        since, until: the first and the last time of actuals that count, as `at` in the tables; None for no bound.

    Returns: columns `by` (a week as `2026-W47`), forecasts (how many), mae, rmse, bias (mean of forecast - actual),
        mase (mean of |error| / scale), skill and skill_naive (1 - mase / that of the seasonal naive and the naive
        forecast, over the forecasts that have both), coverage50, 80, 90 and 95; NaN where nothing is known.
    """
    score = score_rows.c
    week = (score.at + (_WEEKS_BEFORE * WEEK + 3 * DAY)) // sa.literal(WEEK, sa.BigInteger)
    key = {"step": score.step, "unique_id": series.c.unique_id, "model": runs.c.model, "week": week}
    query = sa.select(
        sa.func.count().label("forecasts"),
        sa.func.avg(sa.func.abs(score.error)).label("mae"),
        sa.func.avg(score.error * score.error).label("rmse"),
        sa.func.avg(score.error).label("bias"),
        sa.func.avg(score.scaled).label("mase"),
        *(_skill(score.scaled, score[f"{name}_scaled"]).label(name) for name in BASELINES),
        *(_share(score.inside <= level).label(f"coverage{level}") for level in LEVELS),
    ).select_from(score_rows)
    query = query.where(*_between(score_rows, since, until))
    if by == "unique_id":
        query = query.join(series, series.c.id == score.series_id).where(series.c.job == job)
    else:
        query = query.where(score.series_id.in_(sa.select(series.c.id).where(series.c.job == job)))
    if by == "model":
        query = query.join(runs, runs.c.id == score.run_id)
    if by is not None:
        query = query.add_columns(key[by].label(by)).group_by(key[by]).order_by(key[by])
    found = _frame(ledger, query).rename(columns={"seasonal_naive": "skill", "naive": "skill_naive"})
    numbers = [name for name in found.columns if name != by]
    found[numbers] = found[numbers].astype(float)
    found["forecasts"] = found["forecasts"].astype(int)
    found["rmse"] = np.sqrt(found["rmse"])
    if by == "week":
        found[by] = [_name_week(int(number) - _WEEKS_BEFORE) for number in found[by]]
    return found[[*([by] if by else []), *(name for name in found.columns if name != by)]]


def pairs(
    ledger: Database,
    job: str,
    *,
    since: int | None = None,
    until: int | None = None,
    most: int | None = None,
    also: Sequence[str] = (),
) -> pd.DataFrame:
    """Every scored forecast of a job beside its actual.

    Where an actual was re-stated, `y` is the newest.

    Args:
        most: about how many rows are wanted at most: where there are more, some series stand for all.
        also: series that are wanted besides.

    Returns: run_id, adjustment (of the run), unique_id, ds, at, cutoff_at, step, y, mean, scale, q025 ... q975.
    """
    some = [each | series.c.unique_id.in_(also) for each in _sample(ledger, job, since, until, most)]
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
            *some,
            *_between(score_rows, since, until),
        )
        .order_by(score.run_id, score.series_id, score.step)
    )
    return _frame(ledger, query)


def anomalies(
    ledger: Database, job: str, *, level: int = 95, since: int | None = None, until: int | None = None
) -> pd.DataFrame:
    """The actuals outside the interval of the last forecast made for them, the farthest outside first.

    Args:
        level: coverage in per cent: 20, 40, 50, 60, 80, 90 or 95.

    Returns: unique_id, ds, at, y, mean, lower, upper, excess (how far outside, in the series' own units), scaled
        (excess over the series' scale), step, run, version.
    Raises: ValueError: no interval of that level is kept.
    """
    if level not in INTERVALS:
        raise ValueError(f"no interval of {level} % is kept")
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
    """What a run changed against the forecast before it for the same times, the largest revisions first.

    Args:
        run: the key of the run; None for the newest that made forecasts.

    Returns: unique_id, ds, at, mean, previous, change (mean - previous), scaled (change over the series' scale), q100,
        q900, previous_q100, previous_q900, previous_run. Empty where there is no such run, or none before it. Sorted by
        the size of `scaled`, then of `change`.
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
    ledger: Database, job: str, since: int | None, until: int | None, most: int | None
) -> list[sa.ColumnElement[bool]]:
    """What leaves about `most` rows of scores: the series whose number a number divides."""
    if most is None:
        return []
    mine = score_rows.c.series_id.in_(sa.select(series.c.id).where(series.c.job == job))
    count = sa.select(sa.func.count()).select_from(score_rows).where(mine, *_between(score_rows, since, until))
    with reading(ledger) as connection:
        total = int(connection.execute(count).scalar_one())
        first = connection.execute(sa.select(sa.func.min(series.c.id)).where(series.c.job == job)).scalar()
    every = max(1, -(-total // most))
    return [] if every == 1 else [series.c.id % every == int(first or 0) % every]


def _skill(scaled: sa.ColumnElement[Any], baseline: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """1 - MASE / MASE of a baseline, over the forecasts that have both."""
    both = sa.case((baseline.is_not(None), scaled), else_=None)
    return 1.0 - sa.func.sum(both) / sa.func.nullif(sa.func.sum(baseline), 0)


def _share(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.func.avg(sa.case((condition, sa.literal(1.0, sa.Double)), else_=sa.literal(0.0, sa.Double)))


def _name_week(number: int) -> str:
    year, week, _ = (_MONDAY + timedelta(weeks=number)).isocalendar()
    return f"{year}-W{week:02d}"
