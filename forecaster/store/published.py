"""A table of a SQL database that holds the newest forecasts of each job, to be read by others."""

from typing import Any

import sqlalchemy as sa

from forecaster.errors import UsageError
from forecaster.forecast import Forecast
from forecaster.store.database import Database, insert_rows, open_database, parse, reading, write_ahead, writing
from forecaster.store.ledger.decimals import shorten
from forecaster.store.ledger.record import to_text
from forecaster.store.ledger.tables import QUANTILES

_TABLE = "forecasts"


def replace_rows(url: str, forecast: Forecast, *, job: str, run: str) -> str:
    """Replace a job's rows by a forecast, at one stroke; the table is made where there is none.

    Args:
        url: with `?table=NAME`; `forecasts` without.

    Returns: what `digest_rows` will say.
    Raises: ForecastError: see `database.writing`; the old rows still stand.
    """
    database, table = _open(url)
    count, horizon = forecast.mean.shape
    at = forecast.ds.ravel()
    quantiles = shorten(forecast.quantiles).reshape(count * horizon, -1)
    status = ["fallback" if is_one else "ok" for is_one in forecast.fallback]
    columns: dict[str, Any] = {
        "job": [job] * at.size,
        "run": [run] * at.size,
        "unique_id": [str(name) for name in forecast.ids.repeat(horizon)],
        "ds": [str(text) for text in to_text(forecast.frequency, at, forecast.zone)],
        "cutoff": [str(text) for text in to_text(forecast.frequency, forecast.cutoff, forecast.zone).repeat(horizon)],
        "step": list(range(1, horizon + 1)) * count,
        "model": [forecast.model] * at.size,
        "mean": shorten(forecast.mean).ravel(),
        **{name: quantiles[:, number] for number, name in enumerate(QUANTILES)},
        "status": [text for text in status for _ in range(horizon)],
    }
    write_ahead(database)
    with writing(database, f"{table.name} {job}") as connection:
        table.create(connection, checkfirst=True)
        connection.execute(table.delete().where(table.c.job == job))
        insert_rows(connection, table, columns)
    return f"{run} {at.size}"


def digest_rows(url: str, *, job: str) -> str | None:
    """Say which run the rows of a job are of, and how many there are; None where there are none."""
    database, table = _open(url)
    if database.path is not None and not database.path.exists():
        return None
    with reading(database) as connection:
        if not sa.inspect(connection).has_table(table.name):
            return None
        query = sa.select(table.c.run, sa.func.count()).where(table.c.job == job).group_by(table.c.run)
        found = connection.execute(query).all()
    return f"{found[0][0]} {found[0][1]}" if len(found) == 1 else None


def _open(url: str) -> tuple[Database, sa.Table]:
    parsed = parse(url)
    name = parsed.query.get("table", _TABLE)
    if not isinstance(name, str) or not name.isidentifier():
        raise UsageError(f"job.outputs: ?table={name}: is no plain name", hint="write it as ?table=forecasts")
    plain = parsed.difference_update_query(["table"]).render_as_string(hide_password=False)
    words = ("job", "run", "unique_id", "ds", "cutoff")
    table = sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(word, sa.Text, nullable=False) for word in words),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("mean", sa.Double, nullable=False),
        *(sa.Column(quantile, sa.Double, nullable=False) for quantile in QUANTILES),
        sa.Column("status", sa.Text, nullable=False),
    )
    return open_database(plain), table
