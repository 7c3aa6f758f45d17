"""What a job forecasts now: the rows of its newest run that made forecasts, and the actuals before and since."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from forecaster.store.database import Database, reading
from forecaster.store.ledger.tables import QUANTILES, actual_rows, forecast_rows, run_series, runs, series


def newest_forecasts(ledger: Database, job: str, names: Sequence[str]) -> pd.DataFrame:
    """The forecasts of the newest run that made any.

    Args:
        names: the series that are asked for.

    Returns: unique_id, ds, at, cutoff_at, step, mean, status, q025 ... q975, by series and step; empty where none are.
    """
    row, own = forecast_rows.c, run_series.c
    newest = sa.select(runs.c.id).where(runs.c.job == job, runs.c.first_at.is_not(None)).order_by(runs.c.id.desc())
    is_own = sa.and_(own.run_id == row.run_id, own.series_id == row.series_id)
    query = (
        sa.select(
            series.c.unique_id,
            row.ds,
            row.at,
            own.cutoff_at,
            row.step,
            row.mean,
            own.status,
            *(row[name] for name in QUANTILES),
        )
        .select_from(forecast_rows)
        .join(run_series, is_own)
        .join(series, series.c.id == row.series_id)
        .where(row.run_id == newest.limit(1).scalar_subquery(), series.c.unique_id.in_(names))
        .order_by(row.series_id, row.step)
    )
    return _frame(ledger, query)


def known_actuals(ledger: Database, job: str, names: Sequence[str], *, since: int | None = None) -> pd.DataFrame:
    """The actuals of some series as they were last stated, in the order of time.

    Args:
        since: the first time that counts, as `at` in the tables; None for all.

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
