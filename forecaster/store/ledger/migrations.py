"""The schema of the ledger in a database, and its versions."""

from collections.abc import Callable

import sqlalchemy as sa

from forecaster.errors import InputError
from forecaster.store.database import Database
from forecaster.store.ledger.tables import VIEWS, adjustments, leases, metadata, runs, score_rows, source_rows, sources
from forecaster.store.ledger.tables import version as version_table

VERSION = 5


def _add_adjustments(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"ALTER TABLE {runs.name} ADD COLUMN {runs.c.adjustment.name} INTEGER")
    adjustments.create(connection)


def _add_absolute_errors(connection: sa.Connection) -> None:
    """Add the errors of the median, which earlier versions recorded as the mean, too."""
    absolute = score_rows.c.absolute.name
    connection.exec_driver_sql(f"ALTER TABLE {score_rows.name} ADD COLUMN {absolute} DOUBLE PRECISION")
    connection.exec_driver_sql(f"UPDATE {score_rows.name} SET {absolute} = abs(error)")


def _add_sources(connection: sa.Connection) -> None:
    sources.create(connection)
    source_rows.create(connection)


def _add_leases(connection: sa.Connection) -> None:
    leases.create(connection)


# The migration to each version from the version before: `MIGRATIONS[2]` migrates from 1 to 2. A new ledger is created
# from `tables`, so a change of a table belongs there and here.
MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {
    2: _add_adjustments,
    3: _add_absolute_errors,
    4: _add_sources,
    5: _add_leases,
}


def find_version(connection: sa.Connection, database: Database) -> int | None:
    """Return the version of the ledger in a database; None if there is no ledger.

    Raises: InputError: the ledger is newer than this program, or a table of another program has one of its names.
    """
    schema = sa.inspect(connection)
    if not schema.has_table(version_table.name):
        conflicts = {*schema.get_table_names(), *schema.get_view_names()} & {*metadata.tables, *VIEWS}
        if conflicts:
            raise InputError(
                f"{database.place}: has a table {min(conflicts)!r} that is not a ledger's",
                hint="use another database for the ledger",
            )
        return None
    versions = connection.execute(sa.select(version_table.c.version)).scalars().all()
    if len(versions) != 1 or not isinstance(versions[0], int) or versions[0] < 1:
        raise InputError(
            f"{database.place}: is damaged: the version of the ledger is {', '.join(map(repr, versions)) or 'missing'}",
            hint="restore the ledger from a backup, or name another",
        )
    version = versions[0]
    if version > VERSION:
        raise InputError(
            f"{database.place}: ledger of version {version} is newer than this program reads ({VERSION})",
            hint="upgrade with `pip install --upgrade forecast-rnn`",
        )
    return version


def migrate(connection: sa.Connection, version: int | None) -> None:
    """Create the schema, or migrate it from a version to `VERSION`, within the caller's transaction."""
    if version is None:
        metadata.create_all(connection)
        connection.execute(version_table.insert().values(version=VERSION))
    else:
        for name in reversed(VIEWS):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
        for number in range(version + 1, VERSION + 1):
            MIGRATIONS[number](connection)
        connection.execute(version_table.update().values(version=VERSION))
    for name, query in VIEWS.items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")
