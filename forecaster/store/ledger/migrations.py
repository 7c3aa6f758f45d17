"""The ledger's schema in a database: created, brought up to date, or refused where it is newer than this program."""

from collections.abc import Callable

import sqlalchemy as sa

from forecaster.errors import InputError
from forecaster.store.database import Database
from forecaster.store.ledger.tables import VIEWS, adjustments, metadata, runs
from forecaster.store.ledger.tables import version as version_table

VERSION = 2


def _add_adjustments(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"ALTER TABLE {runs.name} ADD COLUMN {runs.c.adjustment.name} INTEGER")
    adjustments.create(connection)


# what brings a ledger of the version before to the version that it stands under: `MIGRATIONS[2]` from 1 to 2.
# A new ledger is created as `tables` has it, so a change of a table is written there and here.
MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {2: _add_adjustments}


def find_version(connection: sa.Connection, database: Database) -> int | None:
    """The version of the ledger in a database; None where there is no ledger.

    Raises: InputError: it is newer than this program knows, or a table of another program has a name of ours.
    """
    known = sa.inspect(connection)
    if not known.has_table(version_table.name):
        taken = {*known.get_table_names(), *known.get_view_names()} & {*metadata.tables, *VIEWS}
        if taken:
            raise InputError(
                f"{database.place}: has a table {min(taken)!r} that is not a ledger's",
                hint="give the ledger a database of its own",
            )
        return None
    version = int(connection.execute(sa.select(sa.func.max(version_table.c.version))).scalar_one())
    if version > VERSION:
        raise InputError(
            f"{database.place}: ledger of version {version} is newer than this program reads ({VERSION})",
            hint="upgrade with `pip install --upgrade forecast-rnn`",
        )
    return version


def migrate(connection: sa.Connection, found: int | None) -> None:
    """Create the schema, or bring it from the version found to ours; all of it is the caller's one transaction."""
    if found is None:
        metadata.create_all(connection)
        connection.execute(version_table.insert().values(version=VERSION))
    else:
        for name in reversed(VIEWS):
            connection.exec_driver_sql(f"DROP VIEW {name}")
        for number in range(found + 1, VERSION + 1):
            MIGRATIONS[number](connection)
        connection.execute(version_table.update().values(version=VERSION))
    for name, query in VIEWS.items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")
