"""A query of a SQLite file that is opened for reading only, by an authorizer that permits nothing but reading."""

import contextlib
import sqlite3

from forecaster.errors import InputError
from forecaster.store.database import Database, translated_errors
from forecaster.store.query.rows import ROWS_AT_ONCE, QueryLimits, QueryRows

_STEPS_BETWEEN_CHECKS = 100_000  # The clock is read after so many instructions of SQLite, about a millisecond.
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
# SQLite asks for these itself when a query opens a full-text index; the file cannot be written in any case.
_INTERNAL_PRAGMAS = ((sqlite3.SQLITE_PRAGMA, "data_version"), (sqlite3.SQLITE_PRAGMA, "page_size"))
_DECLARATION = (sqlite3.SQLITE_UPDATE, "sqlite_master")
_UNREADABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR)


def fetch_sqlite(database: Database, query: str, limits: QueryLimits) -> QueryRows:
    """Return the rows of a query of a file that exists.

    Raises: ForecastError: see `read.read_query`.
    """
    rows = QueryRows(database.place, limits)
    with translated_errors(database), contextlib.closing(_connect(database)) as connection:
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(lambda: rows.seconds_left <= 0, _STEPS_BETWEEN_CHECKS)
        try:
            cursor = connection.execute(query)
            rows.name_columns(cursor.description)
            while batch := cursor.fetchmany(ROWS_AT_ONCE):
                rows.add(batch)
        except UnicodeDecodeError as error:
            raise InputError(f"{rows.place}: the name of a column is not UTF-8", hint="rename the column") from error
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _translate(error, rows) from error
    return rows


def _connect(database: Database) -> sqlite3.Connection:
    assert database.path is not None
    uri = f"{database.path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=database.lock_seconds, isolation_level=None)
    connection.text_factory = bytes  # Text that is not UTF-8 is an error of the data, which `read` reports.
    return connection


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    is_reading = action in _READS and second != "load_extension"
    is_internal = (action, first) == _DECLARATION or ((action, first) in _INTERNAL_PRAGMAS and second is None)
    return sqlite3.SQLITE_OK if is_reading or is_internal else sqlite3.SQLITE_DENY


def _translate(error: Exception, rows: QueryRows) -> Exception:
    """Translate an error of the driver; damaged and locked files are left to `translated_errors`."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_INTERRUPT:
            return rows.late()
        case sqlite3.SQLITE_AUTH:
            return rows.wrong(f"may only read: {error}")
        case code if code in _UNREADABLE:
            return InputError(
                f"{rows.place}: cannot be read: {error}",
                hint="check the permissions of the file, or open it once with the program that writes it",
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return error
    return rows.wrong(str(error) or type(error).__name__)
