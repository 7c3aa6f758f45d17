"""What the drivers of SQLite and PostgreSQL say when they fail, as the failures that users know."""

import sqlite3

from forecaster.errors import DependencyError, ForecastError, InputError, LockError, OutputError

_REACH = (
    "check that the server runs and the URL names its host, user and database;"
    " the password may stand in PGPASSWORD or ~/.pgpass"
)
_SPACE = "free some space, or name another place"


def name_failure(error: BaseException, place: str, patience: float, password: str) -> ForecastError | None:
    """Name a driver's error in our words; None where it is our own bug.

    Args:
        place: the database, as messages name it.
        patience: seconds that were waited for a lock.
        password: what must not be told; empty for none.

    Returns:
        LockError: another process held a lock longer than we wait.
        OutputError: the disk is full, or nothing may be written there.
        InputError: the file is no database, or damaged.
        DependencyError: the server cannot be reached, or does not let us in.
    """
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    if password:
        reason = reason.replace(password, "***")
    locked = LockError(
        f"{place}: another process has held it for more than {patience:g} s", hint="try again when that has ended"
    )
    if isinstance(error, sqlite3.Error):
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return locked
            case sqlite3.SQLITE_FULL:
                return OutputError(f"{place}: the disk is full", hint=_SPACE)
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_IOERR:
                return OutputError(
                    f"{place}: cannot be written: {reason}", hint="check who may write the file and its folder"
                )
            case sqlite3.SQLITE_NOTADB:
                return InputError(f"{place}: is not a SQLite database", hint="name another file")
            case sqlite3.SQLITE_CORRUPT:
                return InputError(f"{place}: is damaged: {reason}", hint="restore the file from a backup")
        return None
    state = getattr(error, "sqlstate", None) or ""
    if state in ("55P03", "40P01"):
        return locked
    if state == "53100":
        return OutputError(f"{place}: the server's disk is full", hint=_SPACE)
    if state in ("42501", "25006"):
        return OutputError(f"{place}: cannot be written: {reason}", hint="ask for the right to create and write tables")
    is_of_connection = type(error).__name__ == "OperationalError" and not state
    if is_of_connection or state.startswith(("08", "28", "3D", "53", "57P")):
        return DependencyError(f"{place}: cannot be reached: {reason}", hint=_REACH)
    return None
