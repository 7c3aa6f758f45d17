"""The way to a ledger: the database behind its URL, with the schema of this program in it."""

from forecaster.errors import InputError, OutputError
from forecaster.store.database import PATIENCE, Database, open_database, reading, write_ahead, writing
from forecaster.store.ledger.migrations import VERSION, find_version, migrate

_SCHEMA_LOCK = "forecast ledger schema"


def open_ledger(url: str, *, must_exist: bool = False, patience: float = PATIENCE) -> Database:
    """Open a ledger: create it where there is none, bring an older one up to date.

    Args:
        url: see `database.open_database`.
        must_exist: whether a ledger that is not there is an error, for commands that only read one.
        patience: seconds to wait for a lock that another process holds.

    Raises:
        UsageError: it is not the URL of a database.
        InputError: there is none and there must be; the file is no database; the ledger is of a newer version.
        OutputError: it cannot be created or written.
        LockError: another process holds it.
        DependencyError: sqlalchemy or psycopg is missing, or the server cannot be reached.
    """
    database = open_database(url, patience=patience)
    is_there = _look(database, must_exist=must_exist)
    if is_there:
        with reading(database) as connection:
            found = find_version(connection, database)
        if found == VERSION:
            return database
        if found is None and must_exist:
            raise _missing(database)
    write_ahead(database)
    with writing(database, _SCHEMA_LOCK) as connection:
        found = find_version(connection, database)  # another process may have been faster
        if found != VERSION:
            migrate(connection, found)
    return database


def _look(database: Database, *, must_exist: bool) -> bool:
    """Whether there can be a ledger already."""
    path = database.path
    if path is None:
        return True
    if not path.parent.is_dir() and not must_exist:
        raise OutputError(f"{path}: no such folder", hint=f"make it: mkdir -p {path.parent}")
    if not path.exists() and must_exist:
        raise _missing(database)
    return path.exists()


def _missing(database: Database) -> InputError:
    return InputError(
        f"{database.place}: holds no ledger", hint="name the ledger that `forecast run` writes, or run the job first"
    )
