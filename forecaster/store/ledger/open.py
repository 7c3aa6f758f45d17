"""Ledgers by URL, created or migrated when they are opened."""

import os
import secrets
import shlex
from dataclasses import replace
from pathlib import Path

from forecaster.errors import InputError, OutputError
from forecaster.store.database import LOCK_SECONDS, Database, enable_write_ahead_log, open_database, reading, writing
from forecaster.store.files import temporary_prefix
from forecaster.store.ledger.damage import explained_damage
from forecaster.store.ledger.migrations import VERSION, find_version, migrate

_HEADER_BYTES = 100  # the header of a SQLite file
_SCHEMA_LOCK = "forecast ledger schema"


class MissingLedgerError(InputError):
    """A ledger that must exist and does not."""


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
    if not _can_exist(database, must_exist=must_exist):
        _create(database)  # Another process may create it at the same moment; then that file is opened below.
    with explained_damage(database):
        _refuse_short(database)
        with reading(database) as connection:
            version = find_version(connection, database)
        if version == VERSION:
            return database
        if version is None and must_exist:
            raise _missing(database)
        _migrate(database)
    return database


def _migrate(database: Database) -> None:
    """Create the schema in a database, or bring an older one up to date."""
    enable_write_ahead_log(database)
    with writing(database, _SCHEMA_LOCK) as connection:
        version = find_version(connection, database)  # another process may have migrated it
        if version != VERSION:
            migrate(connection, version)


def _create(database: Database) -> None:
    """Create the file of a ledger; it appears with its whole schema, so that an empty file is always damage."""
    path = Path(str(database.path)).resolve()
    temporary = path.with_name(f"{temporary_prefix(path.name, None)}{secrets.token_hex(4)}")
    url = database.engine.url.set(database=str(temporary)).render_as_string(hide_password=False)
    try:
        _migrate(replace(open_database(url, lock_seconds=database.lock_seconds), place=database.place))
        _publish(temporary, path)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)


def _publish(temporary: Path, path: Path) -> None:
    """Rename a new file unless the path exists by now."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            temporary.rename(path)


def _refuse_short(database: Database) -> None:
    """Check that the file of a SQLite ledger is not cut off at its beginning.

    Raises:
        InputError: it is.
        LockError: another process is about to write it.
    """
    path = database.path
    if path is None or path.stat().st_size >= _HEADER_BYTES:
        return
    with writing(database, _SCHEMA_LOCK):  # An error in the block leaves the file as it is.
        size = path.stat().st_size
        if size < _HEADER_BYTES:
            raise InputError(
                f"{database.place}: is damaged: the file has {size} bytes",
                hint=f"restore it from a backup, or start a new ledger: {shlex.join(['rm', str(path)])}",
            )


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


def _missing(database: Database) -> MissingLedgerError:
    return MissingLedgerError(
        f"{database.place}: has no ledger", hint="name the ledger that `forecast run` writes, or run the job first"
    )
