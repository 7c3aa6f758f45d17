"""The newest forecasts of each job in a table of a SQL database, for other programs to read."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from forecaster.errors import OutputError, UsageError
from forecaster.forecast import Forecast
from forecaster.store.database import (
    Database,
    enable_write_ahead_log,
    insert_rows,
    open_database,
    parse_url,
    reading,
    refuse_unstorable,
    writing,
)
from forecaster.store.ledger.decimals import shorten
from forecaster.store.ledger.record import format_times
from forecaster.store.ledger.tables import QUANTILES

_DEFAULT_TABLE = "forecasts"
_MEDIAN = "median"
_MAX_NAME_BYTES = 63
_TABLE_HINT = "write it as ?table=forecasts"
_TEXT_COLUMNS = ("job", "run", "unique_id", "ds", "cutoff", "model", "status")


def replace_rows(url: str, forecast: Forecast, *, job: str, run: str) -> str:
    """Replace the rows of a job by a forecast in one transaction, and create the table if it is missing.

    Args:
        url: with `?table=NAME`; without it, the table is `forecasts`.
        run: the key of the run that made the forecast.

    Returns: the digest of the rows, as `digest_rows` returns it.
    Raises:
        OutputError: the name belongs to a view, or to a table of another program.
        ForecastError: see `database.writing`; the old rows are unchanged.
    """
    database, table = _open(url)
    refuse_unstorable([job, *forecast.ids])
    count, horizon = forecast.mean.shape
    at = forecast.ds.ravel()
    quantiles = shorten(forecast.quantiles).reshape(count * horizon, -1)
    status = ["fallback" if is_fallback else "ok" for is_fallback in forecast.fallback]
    columns: dict[str, Any] = {
        "job": [job] * at.size,
        "run": [run] * at.size,
        "unique_id": [str(name) for name in forecast.ids.repeat(horizon)],
        "ds": [str(text) for text in format_times(forecast.frequency, at, forecast.zone)],
        "cutoff": [
            str(text) for text in format_times(forecast.frequency, forecast.cutoff, forecast.zone).repeat(horizon)
        ],
        "step": list(range(1, horizon + 1)) * count,
        "model": [str(text) for text in forecast.names.repeat(horizon)],
        "mean": shorten(forecast.mean).ravel(),
        _MEDIAN: shorten(forecast.median).ravel(),
        **{name: quantiles[:, number] for number, name in enumerate(QUANTILES)},
        "status": [text for text in status for _ in range(horizon)],
    }
    enable_write_ahead_log(database)
    if not database.is_sqlite:  # two jobs must not create the same table at the same moment
        with writing(database, table.name) as connection:
            table.create(connection, checkfirst=True)
    with writing(database, f"{table.name} {job}") as connection:
        table.create(connection, checkfirst=True)
        if _MEDIAN not in _check(connection, database, table):  # the table of an earlier version
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {_MEDIAN} DOUBLE PRECISION")
        connection.execute(table.delete().where(table.c.job == job))
        insert_rows(connection, table, columns)
    return _digest(columns)


def digest_rows(url: str, *, job: str) -> str | None:
    """Return a digest of the rows of a job, whatever their order; None if there are none."""
    database, table = _open(url)
    if database.path is not None and not database.path.exists():
        return None
    with reading(database) as connection:
        if not sa.inspect(connection).has_table(table.name):
            return None
        names = _check(connection, database, table)
        rows = connection.execute(sa.select(*(table.c[name] for name in names)).where(table.c.job == job)).all()
    return _digest(dict(zip(names, zip(*rows, strict=True), strict=True))) if rows else None


def _digest(columns: Mapping[str, Sequence[Any]]) -> str:
    order = sorted(range(len(columns["step"])), key=lambda row: (columns["unique_id"][row], columns["step"][row]))
    content = hashlib.sha256()
    for name in sorted(columns):
        if name in _TEXT_COLUMNS:
            content.update("\0".join([str(columns[name][row]) for row in order]).encode())
        else:  # a number that another program has deleted is NaN
            content.update(np.array(columns[name], np.float64)[order].tobytes())
    return content.hexdigest()


def _check(connection: sa.Connection, database: Database, table: sa.Table) -> list[str]:
    """Check that a table has our columns; one of version 0.1 has no median.

    Returns: the names of those that it has.
    Raises: OutputError: it is a view, such as the one in a ledger with the same name, or lacks columns.
    """
    schema = sa.inspect(connection)
    is_table = schema.has_table(table.name) and table.name not in schema.get_view_names()
    present = {column["name"] for column in schema.get_columns(table.name)} if is_table else set()
    if {*table.c.keys()} - present - {_MEDIAN} or not is_table:
        raise OutputError(
            f"{database.place}: has a table or view {table.name!r} that is not of published forecasts",
            hint="name another in job.outputs: ?table=published",
        )
    return [name for name in table.c.keys() if name in present]  # noqa: SIM118


def _open(url: str) -> tuple[Database, sa.Table]:
    """Return the database of a URL, and the table that the URL names."""
    parsed = parse_url(url)
    name = parsed.query.get("table", _DEFAULT_TABLE)
    if not isinstance(name, str) or not name.isidentifier():
        raise UsageError(f"job.outputs: ?table={name}: is not a plain name", hint=_TABLE_HINT)
    if len(name.encode()) > _MAX_NAME_BYTES:  # PostgreSQL would cut it off, perhaps to the name of another table.
        raise UsageError(f"job.outputs: ?table={name}: is longer than {_MAX_NAME_BYTES} bytes", hint=_TABLE_HINT)
    if name.lower().startswith(("sqlite_", "pg_")):
        raise UsageError(f"job.outputs: ?table={name}: the database reserves such names", hint=_TABLE_HINT)
    plain = parsed.difference_update_query(["table"]).render_as_string(hide_password=False)
    table = sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(word, sa.Text, nullable=False) for word in _TEXT_COLUMNS[:5]),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("mean", sa.Double, nullable=False),
        sa.Column(_MEDIAN, sa.Double),
        *(sa.Column(quantile, sa.Double, nullable=False) for quantile in QUANTILES),
        sa.Column("status", sa.Text, nullable=False),
    )
    return open_database(plain), table
