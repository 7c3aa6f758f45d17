"""Ledgers by URL, created or migrated when they are opened."""

import shlex

from forecaster.errors import InputError, OutputError
from forecaster.store.database import LOCK_SECONDS, Database, enable_write_ahead_log, open_database, reading, writing
from forecaster.store.ledger.migrations import VERSION, find_version, migrate

_SCHEMA_LOCK = "forecast ledger schema"


def open_ledger(url: str, *, must_exist: bool = False, lock_seconds: float = LOCK_SECONDS) -> Database:
    """Open a ledger; create a missing one, and migrate an older one.

    Args:
        url: see `database.open_database`.
        must_exist: if True, a missing ledger is an error, for commands that only read.
        lock_seconds: seconds to wait for the lock of another process.

    Raises:
        UsageError: it is not the URL of a database.
        InputError: the ledger is missing and must exist, it has a newer version, or the file is not a database.
        OutputError: it cannot be created or written.
        LockError: another process has locked it.
        DependencyError: sqlalchemy or psycopg is missing, or the server cannot be reached.
    """
    database = open_database(url, lock_seconds=lock_seconds)
    if _can_exist(database, must_exist=must_exist):
        with reading(database) as connection:
            version = find_version(connection, database)
        if version == VERSION:
            return database
        if version is None and must_exist:
            raise _missing(database)
    enable_write_ahead_log(database)
    with writing(database, _SCHEMA_LOCK) as connection:
        version = find_version(connection, database)  # another process may have migrated it
        if version != VERSION:
            migrate(connection, version)
    return database


def _can_exist(database: Database, *, must_exist: bool) -> bool:
    """Return False if the file of a SQLite ledger does not exist.

    Raises:
        InputError: it does not exist and must.
        OutputError: its folder does not exist.
    """
    path = database.path
    if path is None:
        return True
    if not path.parent.is_dir() and not must_exist:
        raise OutputError(f"{path}: no such folder", hint=f"create it: {shlex.join(['mkdir', '-p', str(path.parent)])}")
    if not path.exists() and must_exist:
        raise _missing(database)
    return path.exists()


def _missing(database: Database) -> InputError:
    return InputError(
        f"{database.place}: has no ledger", hint="name the ledger that `forecast run` writes, or run the job first"
    )
