"""Forecasts of sources beside the actuals, and beside the job's forecasts of the same series, time and lead time."""

from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecaster.store.database import Database, reading
from forecaster.store.ledger.sources import is_newest_row
from forecaster.store.ledger.tables import (
    BASELINES,
    MEDIAN,
    QUANTILES,
    actual_rows,
    forecast_rows,
    run_series,
    source_rows,
    sources,
)

_INTEGERS = ("series_id", "at", "step")
_TEXTS = ("recorded", "seen")


def read_scored_forecasts(ledger: Database, job: str, name: str, *, since: int | None = None) -> pd.DataFrame:
    """Read the forecasts of a source whose actuals are known.

    A forecast of the job belongs to one of the source if it is of the same series and time, from the same cutoff; if
    several runs have that cutoff, of the newest one.

    Args:
        since: the first time of the actuals, as `at` in the tables; None for all.

    Returns: series_id, at, step, recorded and seen (when the forecast was recorded and its actual was read), y, scale;
        source_mean, source_median, source_q025 ... source_q975; model_mean, model_median, model_q025 ... model_q975,
        seasonal_naive, naive, all NaN where the job has no such forecast.
    """
    row, ours = source_rows.c, forecast_rows.alias("ours")
    other, of_other = forecast_rows.alias("other"), run_series.alias("of_other")
    run_id = (
        sa.select(sa.func.max(other.c.run_id))
        .join(of_other, (of_other.c.run_id == other.c.run_id) & (of_other.c.series_id == other.c.series_id))
        .where(other.c.series_id == row.series_id, other.c.at == row.at, of_other.c.cutoff_at == row.cutoff_at)
        .scalar_subquery()
    )
    latest = run_series.alias("latest")
    newest = sa.select(sa.func.max(latest.c.run_id)).where(latest.c.series_id == row.series_id)
    scale_of = sa.func.coalesce(run_id, newest.scalar_subquery())
    own = [sa.func.coalesce(row[MEDIAN], row.value).label("source_median"), *(row[each] for each in QUANTILES)]
    query = (
        sa.select(
            row.series_id,
            row.at,
            row.step,
            row.recorded,
            actual_rows.c.seen,
            actual_rows.c.y,
            run_series.c.scale,
            row.value.label("source_mean"),
            *own,
            *_list_columns(ours),
        )
        .select_from(source_rows)
        .join(sources, sources.c.id == row.source_id)
        .join(actual_rows, _is_newest_actual(row))
        .outerjoin(ours, (ours.c.series_id == row.series_id) & (ours.c.at == row.at) & (ours.c.run_id == run_id))
        .outerjoin(run_series, (run_series.c.series_id == row.series_id) & (run_series.c.run_id == scale_of))
        .where(sources.c.job == job, sources.c.name == name, is_newest_row(source_rows), *_since(row.at, since))
    )
    query = query.order_by(row.series_id, row.at, row.step)
    return _frame(ledger, query).rename(columns={each: f"source_{each}" for each in QUANTILES})


def read_scored_overrides(ledger: Database, job: str, name: str, *, since: int | None = None) -> pd.DataFrame:
    """Read the forecasts of the runs that a source has overridden, whose actuals are known.

    Only series with an override are read; in all others, the override is the job's forecast. Where a series has an
    override, every forecast of its run counts, and those without a row of the source are the job's.

    Args:
        since: the first time of the actuals, as `at` in the tables; None for all.

    Returns: the columns of `read_scored_forecasts`, without quantiles of the source, and `is_changed`.
    """
    ours, change = forecast_rows.alias("ours"), source_rows.alias("change")
    number = sa.select(sources.c.id).where(sources.c.job == job, sources.c.name == name).scalar_subquery()
    changes = sa.select(change.c.run_id, change.c.series_id).where(change.c.source_id == number, is_newest_row(change))
    overridden = changes.distinct().subquery()
    is_change = (change.c.source_id == number) & (change.c.series_id == ours.c.series_id)
    is_change &= (change.c.at == ours.c.at) & (change.c.run_id == ours.c.run_id) & is_newest_row(change)
    is_of_run = (ours.c.run_id == overridden.c.run_id) & (ours.c.series_id == overridden.c.series_id)
    is_same = (run_series.c.run_id == ours.c.run_id) & (run_series.c.series_id == ours.c.series_id)
    query = (
        sa.select(
            ours.c.series_id,
            ours.c.at,
            ours.c.step,
            ours.c.run_id,
            run_series.c.cutoff_at,
            change.c.recorded,
            actual_rows.c.seen,
            actual_rows.c.y,
            run_series.c.scale,
            sa.func.coalesce(change.c.value, ours.c.mean).label("source_mean"),
            sa.func.coalesce(change.c.value, ours.c[MEDIAN]).label("source_median"),
            change.c.value.is_not(None).label("is_changed"),
            *_list_columns(ours),
        )
        .select_from(overridden)
        .join(ours, is_of_run)
        .join(run_series, is_same)
        .join(actual_rows, _is_newest_actual(ours.c))
        .outerjoin(change, is_change)
        .where(*_since(ours.c.at, since))
        .order_by(ours.c.run_id)
    )
    cells = _frame(ledger, query).drop_duplicates(["series_id", "at", "cutoff_at"], keep="last")
    return cells.assign(is_changed=cells["is_changed"].astype(bool)).drop(columns=["run_id", "cutoff_at"])


def _list_columns(ours: Any) -> list[sa.ColumnElement[Any]]:
    """List the columns of the job's forecast."""
    quantiles = [ours.c[name].label(f"model_{name}") for name in QUANTILES]
    points = [ours.c.mean.label("model_mean"), ours.c[MEDIAN].label("model_median")]
    return [*points, *quantiles, *(ours.c[name] for name in BASELINES)]


def _is_newest_actual(row: Any) -> sa.ColumnElement[bool]:
    actual, later = actual_rows.c, actual_rows.alias()
    is_restated = sa.exists().where(
        later.c.series_id == actual.series_id, later.c.at == actual.at, later.c.version > actual.version
    )
    return sa.and_(actual.series_id == row.series_id, actual.at == row.at, ~is_restated)


def _since(at: sa.ColumnElement[int], since: int | None) -> list[sa.ColumnElement[bool]]:
    return [] if since is None else [at >= since]


def _frame(ledger: Database, query: sa.Select[Any]) -> pd.DataFrame:
    with reading(ledger) as connection:
        result = connection.execute(query)
        frame = pd.DataFrame(result.all(), columns=list(result.keys()))
    numbers = [name for name in frame.columns if name not in (*_INTEGERS, *_TEXTS, "is_changed")]
    return frame.astype({**dict.fromkeys(numbers, np.float64), **dict.fromkeys(_INTEGERS, np.int64)})
