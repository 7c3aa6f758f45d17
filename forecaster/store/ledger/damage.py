"""Damage of a ledger: a search for values that this program cannot have written, after a command has failed on one."""

import contextlib
import json
import zoneinfo
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from forecaster.errors import ForecastError, InputError
from forecaster.store.database import Database, reading
from forecaster.store.ledger.migrations import VERSION
from forecaster.store.ledger.score import INTERVALS
from forecaster.store.ledger.tables import (
    VIEWS,
    actual_rows,
    adjustments,
    forecast_rows,
    metadata,
    run_series,
    runs,
    score_rows,
    series,
    sources,
    version,
)

_HINT = "restore the ledger from a backup, or name another"
_LARGEST = 1.7976931348623157e308
_LAST_AT = 253_402_300_799_999_999  # the last microsecond of the year 9999
_FIRST_AT = -62_135_596_800_000_000
_TYPES = {sa.Integer: ("integer",), sa.Double: ("real", "integer"), sa.Text: ("text",)}
_TIMES = (
    "at",
    "cutoff_at",
    "first_at",
    "last_at",
    "known_from",
    "known_until",
    "until_at",
    "acquired_at",
    "expires_at",
)


@contextlib.contextmanager
def explained_damage(ledger: Database) -> Iterator[None]:
    """Turn an unexpected error of the block into an InputError if the ledger is damaged; otherwise it is a bug."""
    try:
        yield
    except ForecastError:
        raise
    except Exception as error:
        damage = find_damage(ledger)
        if damage is None:
            raise
        raise InputError(f"{ledger.place}: is damaged: {damage}", hint=_HINT) from error


def find_damage(ledger: Database) -> str | None:
    """Return the first damage of a ledger in words; None if there is none."""
    try:
        with reading(ledger) as connection:
            searches = (
                _find_in_schema,
                _find_in_version,
                _find_in_values,
                _find_in_links,
                _find_in_scores,
                _find_in_runs,
            )
            return next((damage for search in searches if (damage := search(connection))), None)
    except ForecastError as error:
        return error.message
    except (sa.exc.SQLAlchemyError, UnicodeDecodeError) as error:
        return str(error).splitlines()[0]


def _find_in_schema(connection: sa.Connection) -> str | None:
    schema = sa.inspect(connection)
    views = schema.get_view_names()
    names = {*schema.get_table_names()}
    for name in (name for name in metadata.tables if name not in names):  # the oldest tables first
        return f"it has no table {name!r}"
    for name in VIEWS.keys() - {*views}:
        return f"it has no view {name!r}"
    for name, table in metadata.tables.items():
        for column in {*table.c.keys()} - {column["name"] for column in schema.get_columns(name)}:
            return f"table {name!r} has no column {column!r}"
    return None


def _find_in_version(connection: sa.Connection) -> str | None:
    """Find an older version although the tables are those of the present one."""
    number = connection.execute(sa.select(version.c.version)).scalar()
    return None if number == VERSION else f"its version is {number}, but its tables are of version {VERSION}"


def _find_in_values(connection: sa.Connection) -> str | None:
    """Find a value that is not of its column's type or range; a server checks the types itself."""
    is_sqlite = connection.dialect.name == "sqlite"
    for table in metadata.sorted_tables:
        for column in table.c:
            conditions = [] if not is_sqlite else [_has_other_type(column)]
            if isinstance(column.type, sa.Double):
                conditions.append(sa.func.abs(column) > _LARGEST)
            if column.name in _TIMES:
                conditions.append((column > _LAST_AT) | (column < _FIRST_AT))
            query = sa.select(1).select_from(table).where(sa.or_(sa.false(), *conditions)).limit(1)
            if conditions and connection.execute(query).first():
                return f"table {table.name!r} has a wrong value in column {column.name!r}"
    return None


def _has_other_type(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    types = next(names for kind, names in _TYPES.items() if isinstance(column.type, kind))
    return sa.func.typeof(column).not_in((*types, "null") if column.nullable else types)


def _find_in_links(connection: sa.Connection) -> str | None:
    """Find a row whose series or run is missing, or a run with forecasts that has no rows."""
    for table in metadata.sorted_tables:
        for name, parent in (("series_id", series), ("run_id", runs), ("source_id", sources)):
            if name in table.c:
                query = sa.select(1).select_from(table).where(table.c[name].not_in(sa.select(parent.c.id))).limit(1)
                if connection.execute(query).first():
                    return f"table {table.name!r} has a row without its row in {parent.name!r}"
    group = (adjustments.c.job, adjustments.c.number, adjustments.c.last_step)
    incomplete = sa.select(adjustments.c.number).group_by(*group).having(sa.func.count() != len(INTERVALS)).limit(1)
    if connection.execute(incomplete).first():
        return f"table {adjustments.name!r} has an incomplete adjustment"
    for child in (run_series, forecast_rows):
        has_rows = sa.exists().where(child.c.run_id == runs.c.id)
        key = connection.execute(sa.select(runs.c.key).where(runs.c.first_at.is_not(None), ~has_rows)).scalar()
        if key is not None:
            return f"run {key!r} has no rows in {child.name!r}"
    return None


def _find_in_scores(connection: sa.Connection) -> str | None:
    """Find a score whose actual or forecast is missing."""
    keys = ((actual_rows, ("series_id", "at", "version")), (forecast_rows, ("run_id", "series_id", "step")))
    for table, names in keys:
        exists = sa.exists().where(*(table.c[name] == score_rows.c[name] for name in names))
        if connection.execute(sa.select(1).select_from(score_rows).where(~exists).limit(1)).first():
            return f"table {score_rows.name!r} has a row without its row in {table.name!r}"
    return None


def _find_in_runs(connection: sa.Connection) -> str | None:
    """Find a run whose details, zone or horizon cannot be read."""
    zones = zoneinfo.available_timezones()
    for row in connection.execute(sa.select(runs)):
        try:
            is_object = isinstance(json.loads(row.details), dict)
        except (ValueError, RecursionError):
            is_object = False
        if not is_object:
            return f"the details of run {row.key!r} are not JSON"
        if row.zone is not None and row.zone not in zones and not _is_offset(row.zone):
            return f"run {row.key!r} has the unknown time zone {row.zone!r}"
        if row.first_at is not None and not (row.horizon and row.horizon > 0 and row.frequency and row.last_at):
            return f"run {row.key!r} has forecasts without a horizon or frequency"
    return None


def _is_offset(zone: str) -> bool:
    return zone == "UTC" or zone[:1] in ("+", "-") or zone.startswith("UTC")
