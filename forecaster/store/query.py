"""The rows of a SQL query as a frame."""

import pandas as pd
import sqlalchemy as sa

from forecaster.errors import InputError, UsageError
from forecaster.store.database import open_database, reading


def read_query(url: str, query: str) -> pd.DataFrame:
    """Read the rows of a query in a transaction that cannot change the database.

    Returns: the columns as the driver returns them: numbers, text and Python's dates.
    Raises:
        UsageError: the URL or the query is wrong.
        InputError: the file does not exist.
        DependencyError: a driver is missing, or the server cannot be reached.
        ForecastError: see `database_errors.translate_error`.
    """
    database = open_database(url)
    if database.path is not None and not database.path.is_file():
        raise InputError(f"{database.place}: no such file", hint="name an existing SQLite database")
    try:
        with reading(database) as connection:
            # Without this option, a % or a : in the query would start a parameter.
            result = connection.execution_options(no_parameters=True).exec_driver_sql(query)
            if not result.returns_rows:
                raise UsageError(f"--query: {query!r} returns no rows", hint="write a query that begins with SELECT")
            names = list(map(str, result.keys()))
            columns = list(zip(*result.all(), strict=True)) or [()] * len(names)
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise UsageError(f"{database.place}: --query: {reason}", hint="try the query in a SQL tool first") from error
    frame = pd.concat([pd.Series(column, dtype=object) for column in columns], axis=1)
    frame.columns = pd.Index(names)
    return frame
