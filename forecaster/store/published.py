"""A table of a SQL database that holds the newest forecasts of each job, to be read by others."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from forecaster.errors import OutputError, UsageError
from forecaster.forecast import Forecast
from forecaster.store.database import Database, insert_rows, open_database, parse, reading, write_ahead, writing
from forecaster.store.ledger.decimals import shorten
from forecaster.store.ledger.record import to_text
from forecaster.store.ledger.tables import QUANTILES

_TABLE = "forecasts"
_WORDS = ("job", "run", "unique_id", "ds", "cutoff", "model", "status")


def replace_rows(url: str, forecast: Forecast, *, job: str, run: str) -> str:
    """Replace a job's rows by a forecast, at one stroke; the table is made where there is none.

    Args:
        url: with `?table=NAME`; `forecasts` without.

    Returns: what `digest_rows` will say.
    Raises:
        OutputError: what has the table's name is of another make.
        ForecastError: see `database.writing`; the old rows still stand.
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
    if not database.is_sqlite:  # two jobs that create one table at one moment would be in each other's way
        with writing(database, table.name) as connection:
            table.create(connection, checkfirst=True)
    with writing(database, f"{table.name} {job}") as connection:
        table.create(connection, checkfirst=True)
        _check(connection, database, table)
        connection.execute(table.delete().where(table.c.job == job))
        insert_rows(connection, table, columns)
    return _digest(columns)


def digest_rows(url: str, *, job: str) -> str | None:
    """Digest all that the rows of a job say, in whatever order they lie; None where there are none."""
    database, table = _open(url)
    if database.path is not None and not database.path.exists():
        return None
    with reading(database) as connection:
        if not sa.inspect(connection).has_table(table.name):
            return None
        _check(connection, database, table)
        rows = connection.execute(sa.select(table).where(table.c.job == job)).all()
    return _digest(dict(zip(table.c.keys(), zip(*rows, strict=True), strict=True))) if rows else None


def _digest(columns: Mapping[str, Sequence[Any]]) -> str:
    order = sorted(range(len(columns["step"])), key=lambda row: (columns["unique_id"][row], columns["step"][row]))
    content = hashlib.sha256()
    for name in sorted(columns):
        if name in _WORDS:
            content.update("\0".join([str(columns[name][row]) for row in order]).encode())
        else:  # a number that somebody else has taken away is NaN
            content.update(np.array(columns[name], np.float64)[order].tobytes())
    return content.hexdigest()


def _check(connection: sa.Connection, database: Database, table: sa.Table) -> None:
    """Raises: OutputError: it is a view, as a ledger has one of this name, or lacks our columns."""
    known = sa.inspect(connection)
    is_ours = known.has_table(table.name) and table.name not in known.get_view_names()
    if not is_ours or {*table.c.keys()} - {column["name"] for column in known.get_columns(table.name)}:
        raise OutputError(
            f"{database.place}: has a table or view {table.name!r} that is not of published forecasts",
            hint="name another in job.outputs: ?table=published",
        )


def _open(url: str) -> tuple[Database, sa.Table]:
    parsed = parse(url)
    name = parsed.query.get("table", _TABLE)
    if not isinstance(name, str) or not name.isidentifier():
        raise UsageError(f"job.outputs: ?table={name}: is no plain name", hint="write it as ?table=forecasts")
    plain = parsed.difference_update_query(["table"]).render_as_string(hide_password=False)
    table = sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(word, sa.Text, nullable=False) for word in _WORDS[:5]),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("mean", sa.Double, nullable=False),
        *(sa.Column(quantile, sa.Double, nullable=False) for quantile in QUANTILES),
        sa.Column("status", sa.Text, nullable=False),
    )
    return open_database(plain), table
