"""SQL databases by URL: a SQLite file or a PostgreSQL server."""

import contextlib
import re
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.addresses import hide_secrets, is_connection_string, is_database_url, secret_values
from forecaster.errors import DataError, DependencyError, LockError, UsageError
from forecaster.store.database_errors import translate_error

try:
    import sqlalchemy as sa
    from sqlalchemy import event
except ImportError as missing:
    raise DependencyError("a SQL database needs sqlalchemy", hint="type `pip install sqlalchemy`") from missing

LOCK_SECONDS = 30.0  # The program waits this long for the lock of another process.
_URL_HINT = "write it as sqlite:///ledger.db or postgresql://USER@HOST:5432/DATABASE"
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
    """A database to connect to.

    Attributes:
        place: the URL without its password, as messages name it.
        lock_seconds: seconds to wait for a lock.
    """

    engine: sa.Engine
    place: str
    lock_seconds: float

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database; None for PostgreSQL."""
        return Path(str(self.engine.url.database)) if self.is_sqlite else None


def open_database(url: str, *, lock_seconds: float = LOCK_SECONDS) -> Database:
    """Return the database of a URL, without a connection to it.

    Args:
        url: `sqlite:///file.db`, `postgresql://user@host:port/database`, or only the name of a SQLite file.
        lock_seconds: seconds to wait for a lock.

    Raises:
        UsageError: the URL is not one of these.
        DependencyError: psycopg is needed and not installed.
    """
    parsed = parse_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            engine = sa.create_engine(parsed, poolclass=sa.NullPool, connect_args={"timeout": lock_seconds})
            _control_transactions(engine)
        else:
            timeout = {} if "connect_timeout" in parsed.query else {"connect_timeout": 10}
            engine = sa.create_engine(parsed, poolclass=sa.NullPool, connect_args=timeout)
    except ImportError as error:
        raise DependencyError(
            "a PostgreSQL database needs psycopg", hint="type `pip install 'psycopg[binary]'`"
        ) from error
    return Database(engine, hide_password(parsed), lock_seconds)


def parse_url(url: str) -> sa.URL:
    """Parse a URL, and set the driver that this program uses.

    Raises: UsageError: it is not a URL, or of another kind of database. The message never contains a password.
    """
    if is_connection_string(url) and not is_database_url(url):
        raise UsageError(f"{hide_secrets(url)}: is not the URL of a database", hint=_URL_HINT)
    if re.search("[\0\ud800-\udfff]", url):
        raise UsageError("the URL of a database contains a character that is not text", hint=_URL_HINT)
    if "://" not in url:
        url = f"sqlite:///{url}"
    scheme = url.partition("://")[0]
    try:
        parsed = sa.make_url(url)
        backend = parsed.drivername.partition("+")[0].lower()
    except (sa.exc.ArgumentError, ValueError) as error:
        raise UsageError(f"{scheme}://...: is not the URL of a database", hint=_URL_HINT) from error
    if "@" in (parsed.host or ""):
        raise UsageError(f"{scheme}://...: contains more than one @", hint="write %40 for each @ of the password")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise UsageError(f"{scheme}://...: only SQLite and PostgreSQL are known", hint=_URL_HINT)
    if parsed.database in (None, "", ":memory:"):
        raise UsageError(f"{scheme}://: names no file", hint=_URL_HINT)
    return parsed.set(drivername="sqlite")


def hide_password(url: sa.URL) -> str:
    """Return the URL without its password and other secrets, for messages and bundles."""
    plain = sa.URL.create(
        url.get_backend_name(), url.username, None, url.host, url.port, url.database, url.query
    ).render_as_string()
    return hide_secrets(plain)


@contextlib.contextmanager
def reading(database: Database) -> Iterator[sa.Connection]:
    """Yield a connection that sees one state of the database and cannot change it.

    Raises: ForecastError: see `database_errors.translate_error`.
    """
    with translated_errors(database), database.engine.connect() as connection:
        if not database.is_sqlite:
            connection.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextlib.contextmanager
def writing(database: Database, lock: str) -> Iterator[sa.Connection]:
    """Yield a connection whose changes are committed at the end of the block, or rolled back after an error.

    Args:
        lock: the name of a lock. Blocks with the same name run one after the other; in SQLite, all blocks do.

    Raises: ForecastError: see `database_errors.translate_error`.
    """
    with translated_errors(database), database.engine.connect() as connection:
        connection.execution_options(is_writing=True)
        with connection.begin():
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(database.lock_seconds * 1000)}")
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(lock, 0))))
            yield connection


def enable_write_ahead_log(database: Database) -> None:
    """Switch a SQLite database to write-ahead logging, so that a writer does not block readers. It stays on.

    Raises: LockError: other processes are using the database.
    """
    # SQLite refuses processes that switch at the same moment without waiting, so this function waits itself.
    until = time.monotonic() + database.lock_seconds
    while database.is_sqlite:
        try:
            with translated_errors(database), contextlib.closing(database.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
        except LockError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def insert_rows(connection: sa.Connection, table: sa.Table, columns: Mapping[str, Column]) -> None:
    """Insert many rows by the fastest way of the driver: executemany for SQLite, a binary COPY for PostgreSQL.

    Args:
        columns: by name, all of the same length; NaN and None become NULL.
    """
    driver: Any = connection.connection.driver_connection
    rows = zip(*(_to_python(column) for column in columns.values()), strict=True)
    quote = connection.dialect.identifier_preparer.quote
    names, target = ", ".join(map(quote, columns)), quote(table.name)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        driver.executemany(f"INSERT INTO {target} ({names}) VALUES ({marks})", rows)
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([_COPY_TYPES[type(table.c[name].type)] for name in columns])
        for row in rows:
            copy.write_row(row)


def refuse_unstorable(names: Iterable[str]) -> None:
    """Check that a database can store the names of series.

    Raises: DataError: one contains NUL, or a character that is not text.
    """
    for name in names:
        if re.search("[\0\ud800-\udfff]", name):
            raise DataError(
                f"series {name!r}: a database cannot store this name",
                hint="remove NUL and other characters that are not text from the ids",
            )


def _control_transactions(engine: sa.Engine) -> None:
    """Make this program begin transactions, because the driver begins them late and without the write lock."""

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        # With FULL, a recorded run survives a loss of power. It costs one fsync per transaction.
        for setting in ("foreign_keys = ON", "synchronous = FULL", "cache_size = -65536"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("is_writing"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("BEGIN")


def _to_python(column: Column) -> Sequence[Any]:
    """Return a column as Python values, with None for NaN."""
    if not isinstance(column, np.ndarray):
        return column
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f" and np.isnan(column).any():
        return [None if value != value else value for value in values]
    return values


@contextlib.contextmanager
def translated_errors(database: Database) -> Iterator[None]:
    """Translate the errors of drivers in the block; see `translate_error`."""
    psycopg = sys.modules.get("psycopg")
    drivers = (sqlite3.Error, psycopg.Error) if psycopg else (sqlite3.Error,)
    try:
        yield
    except (sa.exc.DBAPIError, *drivers) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
        url = database.engine.url
        secrets = [*([str(url.password)] if url.password else []), *secret_values(url.query)]
        failure = translate_error(cause, database.place, database.lock_seconds, secrets)
        if failure is None:
            raise
        raise failure from error
