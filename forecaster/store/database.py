"""A SQL database by its URL: SQLite in a file or a PostgreSQL server, and their failures in this project's words."""

import contextlib
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.errors import DependencyError, LockError, UsageError
from forecaster.store.database_errors import name_failure

try:
    import sqlalchemy as sa
    from sqlalchemy import event
except ImportError as missing:
    raise DependencyError("a SQL database needs sqlalchemy", hint="type `pip install sqlalchemy`") from missing

PATIENCE = 30.0  # seconds to wait for a lock that another process holds
_SYNTAX = "write it as sqlite:///ledger.db or postgresql://USER@HOST:5432/DATABASE"
_COPY_TYPES = {
    sa.SmallInteger: "int2",
    sa.BigInteger: "int8",
    sa.Integer: "int4",
    sa.Double: "float8",
    sa.Boolean: "bool",
    sa.Text: "text",
}

Column = Sequence[Any] | npt.NDArray[Any]


@dataclass(frozen=True)
class Database:
    """A database that can be connected to.

    Attributes:
        place: the URL without its password, as messages name it.
        patience: seconds to wait for a lock.
    """

    engine: sa.Engine
    place: str
    patience: float

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(str(self.engine.url.database)) if self.is_sqlite else None


def open_database(url: str, *, patience: float = PATIENCE) -> Database:
    """Take up a URL; nothing is connected to yet.

    Args:
        url: `sqlite:///file.db`, `postgresql://user@host:port/database`, or a file's name alone, which means SQLite.

    Raises:
        UsageError: it is no such URL.
        DependencyError: psycopg is needed and not installed.
    """
    parsed = parse(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            engine = sa.create_engine(parsed, poolclass=sa.NullPool, connect_args={"timeout": patience})
            _take_transactions_over(engine)
        else:
            timeout = {} if "connect_timeout" in parsed.query else {"connect_timeout": 10}
            engine = sa.create_engine(parsed, poolclass=sa.NullPool, connect_args=timeout)
    except ImportError as error:
        raise DependencyError(
            "a PostgreSQL database needs psycopg", hint="type `pip install 'psycopg[binary]'`"
        ) from error
    return Database(engine, without_password(parsed), patience)


def parse(url: str) -> sa.URL:
    """Read a URL; the driver is ours to choose.

    Raises: UsageError: it is none, or of another kind of database. Its message never repeats what could be a password.
    """
    if "://" not in url:
        url = f"sqlite:///{url}"
    scheme = url.partition("://")[0]
    try:
        parsed = sa.make_url(url)
        if parsed.drivername.partition("+")[0] == "postgres":  # as some hosts write it
            parsed = parsed.set(drivername="postgresql")
        backend = parsed.drivername.partition("+")[0]
    except (sa.exc.ArgumentError, ValueError) as error:
        raise UsageError(f"{scheme}://...: is not the URL of a database", hint=_SYNTAX) from error
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise UsageError(f"{scheme}://...: only SQLite and PostgreSQL are known", hint=_SYNTAX)
    if parsed.database in (None, "", ":memory:"):
        raise UsageError(f"{scheme}://: names no file", hint=_SYNTAX)
    return parsed.set(drivername="sqlite")


def without_password(url: sa.URL) -> str:
    """The URL as messages and bundles may hold it."""
    plain = url.difference_update_query(["password"])
    return sa.URL.create(
        url.get_backend_name(), url.username, None, url.host, url.port, url.database, plain.query
    ).render_as_string()


@contextlib.contextmanager
def reading(database: Database) -> Iterator[sa.Connection]:
    """Give a connection that sees one state of the database and can change nothing.

    Raises: ForecastError: see `failure.name_failure`.
    """
    with _failing_as_ours(database), database.engine.connect() as connection:
        if not database.is_sqlite:
            connection.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextlib.contextmanager
def writing(database: Database, lock: str) -> Iterator[sa.Connection]:
    """Give a connection whose changes are kept together at the end of the block, or not at all.

    Args:
        lock: who holds the same is waited for; SQLite knows one writer, whatever its name.

    Raises: ForecastError: see `failure.name_failure`.
    """
    with _failing_as_ours(database), database.engine.connect() as connection:
        connection.execution_options(is_writing=True)
        with connection.begin():
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(database.patience * 1000)}")
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(lock, 0))))
            yield connection


def write_ahead(database: Database) -> None:
    """Let readers of a SQLite database go on while it is written to; the file remembers it.

    Raises: LockError: other processes keep using it. Those that switch at one moment are refused by SQLite at once.
    """
    until = time.monotonic() + database.patience
    while database.is_sqlite:
        try:
            with _failing_as_ours(database), contextlib.closing(database.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
        except LockError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def insert_rows(connection: sa.Connection, table: sa.Table, columns: Mapping[str, Column]) -> None:
    """Insert many rows by the fastest way of the driver: executemany for SQLite, a binary COPY for PostgreSQL.

    Args:
        columns: equally long, by name; NaN and None become NULL.
    """
    driver: Any = connection.connection.driver_connection
    rows = zip(*(_plain(column) for column in columns.values()), strict=True)
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        driver.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([_COPY_TYPES[type(table.c[name].type)] for name in columns])
        for row in rows:
            copy.write_row(row)


def _take_transactions_over(engine: sa.Engine) -> None:
    """Begin transactions ourselves: the driver would do it late, and never take the write lock at the beginning."""

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        # FULL: a run that was told to be recorded outlives a loss of power; it costs one fsync a transaction
        for setting in ("foreign_keys = ON", "synchronous = FULL", "cache_size = -65536"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("is_writing"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("BEGIN")


def _plain(column: Column) -> Sequence[Any]:
    """Python values, which drivers take; None for NaN."""
    if not isinstance(column, np.ndarray):
        return column
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f" and np.isnan(column).any():
        return [None if value != value else value for value in values]
    return values


@contextlib.contextmanager
def _failing_as_ours(database: Database) -> Iterator[None]:
    psycopg = sys.modules.get("psycopg")
    drivers = (sqlite3.Error, psycopg.Error) if psycopg else (sqlite3.Error,)
    try:
        yield
    except (sa.exc.DBAPIError, *drivers) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
        url = database.engine.url
        password = str(url.password or url.query.get("password", ""))
        failure = name_failure(cause, database.place, database.patience, password)
        if failure is None:
            raise
        raise failure from error
