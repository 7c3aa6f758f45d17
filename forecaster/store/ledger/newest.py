"""The newest forecasts of a job, and the actuals of its series."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from forecaster.store.database import Database, reading
from forecaster.store.ledger.tables import QUANTILES, actual_rows, forecast_rows, run_series, runs, series


def newest_forecasts(ledger: Database, job: str, names: Sequence[str]) -> pd.DataFrame:
    """Read the forecasts of the newest run that made any.

    Args:
        names: ids of the series to read.

    Returns: unique_id, ds, at, cutoff_at, step, mean, status, q025 ... q975, by series and step.
    """
    row, of_series = forecast_rows.c, run_series.c
    newest = sa.select(runs.c.id).where(runs.c.job == job, runs.c.first_at.is_not(None)).order_by(runs.c.id.desc())
    is_same = sa.and_(of_series.run_id == row.run_id, of_series.series_id == row.series_id)
    query = (
        sa.select(
            series.c.unique_id,
            row.ds,
            row.at,
            of_series.cutoff_at,
            row.step,
            row.mean,
            of_series.status,
            *(row[name] for name in QUANTILES),
        )
        .select_from(forecast_rows)
        .join(run_series, is_same)
        .join(series, series.c.id == row.series_id)
        .where(row.run_id == newest.limit(1).scalar_subquery(), series.c.unique_id.in_(names))
        .order_by(row.series_id, row.step)
    )
    return _frame(ledger, query)


def known_actuals(ledger: Database, job: str, names: Sequence[str], *, since: int | None = None) -> pd.DataFrame:
    """Read the newest version of the actuals of series, by series and time.

    Args:
        names: ids of the series to read.
        since: the first time, as `at` in the tables; None for all times.

    Returns: unique_id, ds, at, y.
    """
    row, later = actual_rows.c, actual_rows.alias()
    is_restated = sa.exists().where(
        later.c.series_id == row.series_id, later.c.at == row.at, later.c.version > row.version
    )
    query = (
        sa.select(series.c.unique_id, row.ds, row.at, row.y)
        .select_from(actual_rows)
        .join(series, series.c.id == row.series_id)
        .where(series.c.job == job, series.c.unique_id.in_(names), ~is_restated)
        .where(*([] if since is None else [row.at >= since]))
        .order_by(row.series_id, row.at)
    )
    return _frame(ledger, query)


def _frame(ledger: Database, query: sa.Select[Any]) -> pd.DataFrame:
    with reading(ledger) as connection:
        result = connection.execute(query)
        return pd.DataFrame(result.all(), columns=list(result.keys()))
