"""Forecasts are scored when their actuals arrive, inside the database."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from forecaster.forecast import PROBABILITIES
from forecaster.panel import Panel
from forecaster.store.database import Database, writing
from forecaster.store.ledger.actuals import Added, insert_actuals
from forecaster.store.ledger.tables import (
    BASELINES,
    OUTSIDE,
    QUANTILES,
    forecast_rows,
    pending_rows,
    run_series,
    score_rows,
    series,
)

# coverage in per cent and the columns of its bounds, the narrowest first: 20, 40, 50, 60, 80, 90, 95
INTERVALS = {
    round(100 * (1 - 2 * probability)): (QUANTILES[number], QUANTILES[-1 - number])
    for number, probability in reversed(list(enumerate(PROBABILITIES)))
    if probability < 0.5
}


def score(ledger: Database, job: str) -> int:
    """Score every forecast of a job whose actual arrived or was re-stated since the last time.

    The score of a re-stated actual replaces the one before, so that each forecast counts once and by the best that is
    known; `version` says of which actual it is, and the actuals before it stay in `actual_rows`.

    Returns: how many forecasts were scored.
    Raises: ForecastError: see `database.writing`; nothing was scored.
    """
    with writing(ledger, job) as connection:
        return _settle(ledger, connection, job)


def add_and_score(ledger: Database, job: str, panel: Panel, *, seen: datetime) -> tuple[Added, int]:
    """Keep actuals as `add_actuals` does and score by them, both or neither: one transaction is faster than two.

    Returns: what was added, and how many forecasts were scored.
    """
    with writing(ledger, job) as connection:
        return insert_actuals(connection, job, panel, seen), _settle(ledger, connection, job)


def _settle(ledger: Database, connection: sa.Connection, job: str) -> int:
    is_mine = pending_rows.c.series_id.in_(sa.select(series.c.id).where(series.c.job == job))
    rows = _rows(ledger).where(is_mine)
    upsert = (sqlite if ledger.is_sqlite else postgresql).insert(score_rows)
    insert = upsert.from_select([column.name for column in rows.selected_columns], rows)
    key = [column.name for column in score_rows.primary_key]
    rest = [column.name for column in score_rows.c if column.name not in key]
    replace = insert.on_conflict_do_update(index_elements=key, set_={name: insert.excluded[name] for name in rest})
    done = connection.execute(replace, execution_options={"preserve_rowcount": True})
    connection.execute(pending_rows.delete().where(is_mine))
    return done.rowcount


def _rows(ledger: Database) -> sa.Select[tuple[object, ...]]:
    """The scores of all that is pending."""
    actual, forecast, of_series = pending_rows.c, forecast_rows.c, run_series.c
    # SQLite goes through the tables in whatever order it finds cheap without knowing their sizes; the sum keeps it from
    # going through all forecasts, to look for each in what is pending
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
            (sa.func.abs(forecast.mean - y) / scale).label("scaled"),
            *((sa.func.abs(forecast[name] - y) / scale).label(f"{name}_scaled") for name in BASELINES),
            inside.label("inside"),
            below.label("below"),
        )
        .select_from(pending_rows)
        .join(forecast_rows, (forecast.series_id == number) & (forecast.at == actual.at))
        .join(run_series, (of_series.run_id == forecast.run_id) & (of_series.series_id == forecast.series_id))
    )
