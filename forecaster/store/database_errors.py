"""The errors of SQLite and PostgreSQL drivers, translated into errors with hints."""

import sqlite3
from collections.abc import Iterable

from forecaster.errors import DependencyError, ForecastError, InputError, LockError, OutputError

_CONNECTION_HINT = (
    "check that the server runs and the URL names its host, user and database;"
    " the password can be set in PGPASSWORD or ~/.pgpass"
)
_SPACE_HINT = "free some space, or name another place"


def translate_error(
    error: BaseException, place: str, lock_seconds: float, secrets: Iterable[str]
) -> ForecastError | None:
    """Translate an error of a driver into an error with a hint.

    Args:
        place: the database, as messages name it.
        lock_seconds: seconds that the program waited for a lock.
        secrets: passwords, which are removed from the driver's message.

    Returns: None if the error is a bug of this program. Otherwise:
        LockError: another process had a lock longer than `lock_seconds`.
        OutputError: the disk is full, or writing is not permitted.
        InputError: the file is damaged, or not a database.
        DependencyError: the server cannot be reached, or refuses the user.
    """
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    for secret in secrets:
        reason = reason.replace(secret, "***")
    locked = LockError(
        f"{place}: another process has locked it for more than {lock_seconds:g} s",
        hint="try again when that process has ended",
    )
    if isinstance(error, sqlite3.Error):
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return locked
            case sqlite3.SQLITE_FULL:
                return OutputError(f"{place}: the disk is full", hint=_SPACE_HINT)
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_IOERR:
                return OutputError(
                    f"{place}: cannot be written: {reason}", hint="check the permissions of the file and its folder"
                )
            case sqlite3.SQLITE_NOTADB:
                return InputError(f"{place}: is not a SQLite database", hint="name another file")
            case sqlite3.SQLITE_CORRUPT:
                return InputError(f"{place}: is damaged: {reason}", hint="restore the file from a backup")
        if "Could not decode to UTF-8" in reason:
            return InputError(f"{place}: is damaged: text that is not UTF-8", hint="restore the file from a backup")
        return None
    state = getattr(error, "sqlstate", None) or ""
    if state in ("55P03", "40P01"):
        return locked
    if state == "53100":
        return OutputError(f"{place}: the server's disk is full", hint=_SPACE_HINT)
    if state in ("42501", "25006"):
        return OutputError(f"{place}: cannot be written: {reason}", hint="ask for the right to create and write tables")
    is_of_connection = type(error).__name__ == "OperationalError" and not state
    if is_of_connection or state.startswith(("08", "28", "3D", "53", "57P")):
        return DependencyError(f"{place}: cannot be reached: {reason}", hint=_CONNECTION_HINT)
    return None
