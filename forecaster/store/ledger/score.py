"""Scores of forecasts whose actuals have arrived, computed inside the database."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from forecaster.forecast import PROBABILITIES
from forecaster.panel import Panel
from forecaster.store.database import Database, writing
from forecaster.store.ledger.actuals import AddedActuals, insert_actuals
from forecaster.store.ledger.tables import (
    BASELINES,
    MEDIAN,
    OUTSIDE,
    QUANTILES,
    forecast_rows,
    pending_rows,
    run_series,
    score_rows,
    series,
)

# The columns of the lower and upper bound by coverage in per cent: 20, 40, 50, 60, 80, 90, 95.
INTERVALS = {
    round(100 * (1 - 2 * probability)): (QUANTILES[number], QUANTILES[-1 - number])
    for number, probability in reversed(list(enumerate(PROBABILITIES)))
    if probability < 0.5
}


def score(ledger: Database, job: str) -> int:
    """Score every forecast of a job whose actual arrived or was re-stated since the last call.

    The score of a re-stated actual replaces the earlier score, so that each forecast counts once, with the newest
    actual. The column `version` names this actual; earlier versions stay in `actual_rows`.

    Returns: the number of forecasts that were scored.
    Raises: ForecastError: see `database.writing`; nothing was scored.
    """
    with writing(ledger, job) as connection:
        return _score_pending(ledger, connection, job)


def add_and_score(ledger: Database, job: str, panel: Panel, *, read_at: datetime) -> tuple[AddedActuals, int]:
    """Add actuals as `add_actuals` does, and score by them in the same transaction, which is faster than two.

    Returns: the numbers of added actuals, and the number of forecasts that were scored.
    """
    with writing(ledger, job) as connection:
        return insert_actuals(connection, job, panel, read_at), _score_pending(ledger, connection, job)


def is_last_of_cutoff() -> sa.ColumnElement[bool]:
    """Return the condition for the scores of the last forecast of a series from a cutoff, when runs were repeated."""
    later, names = score_rows.alias(), ("series_id", "at", "step")  # The step and the time determine the cutoff.
    is_same = (later.c[name] == score_rows.c[name] for name in names)
    return ~sa.exists().where(*is_same, later.c.run_id > score_rows.c.run_id)


def _score_pending(ledger: Database, connection: sa.Connection, job: str) -> int:
    is_of_job = pending_rows.c.series_id.in_(sa.select(series.c.id).where(series.c.job == job))
    rows = _select_scores(ledger).where(is_of_job)
    upsert = (sqlite if ledger.is_sqlite else postgresql).insert(score_rows)
    insert = upsert.from_select([column.name for column in rows.selected_columns], rows)
    key = [column.name for column in score_rows.primary_key]
    values = [column.name for column in score_rows.c if column.name not in key]
    replace = insert.on_conflict_do_update(index_elements=key, set_={name: insert.excluded[name] for name in values})
    result = connection.execute(replace, execution_options={"preserve_rowcount": True})
    connection.execute(pending_rows.delete().where(is_of_job))
    return result.rowcount


def _select_scores(ledger: Database) -> sa.Select[tuple[object, ...]]:
    """Return the query of the scores of all pending actuals."""
    actual, forecast, of_series = pending_rows.c, forecast_rows.c, run_series.c
    # SQLite orders the tables without knowing their sizes. `+ 0` hides the key of pending_rows from it; with that key,
    # it would scan all forecasts, and look for a pending actual of each one.
    number = actual.series_id + 0 if ledger.is_sqlite else actual.series_id
    y = actual.y
    scale = sa.func.nullif(of_series.scale, 0)
    inside = sa.case(
        *((y.between(forecast[low], forecast[high]), level) for level, (low, high) in INTERVALS.items()),
        else_=OUTSIDE,
    )
    is_below = [sa.case((forecast[name] < y, 1), else_=0) for name in QUANTILES]
    below: sa.ColumnElement[int] = sum(is_below[1:], start=is_below[0])
    return (
        sa.select(
            actual.series_id,
            actual.at,
            forecast.run_id,
            forecast.step,
            actual.version,
            (forecast.mean - y).label("error"),
            sa.func.abs(forecast[MEDIAN] - y).label("absolute"),
            (sa.func.abs(forecast[MEDIAN] - y) / scale).label("scaled"),
            *((sa.func.abs(forecast[name] - y) / scale).label(f"{name}_scaled") for name in BASELINES),
            inside.label("inside"),
            below.label("below"),
        )
        .select_from(pending_rows)
        .join(forecast_rows, (forecast.series_id == number) & (forecast.at == actual.at))
        .join(run_series, (of_series.run_id == forecast.run_id) & (of_series.series_id == forecast.series_id))
    )
