"""A query's rows from a SQL database, as a frame."""

import pandas as pd
import sqlalchemy as sa

from forecaster.errors import InputError, UsageError
from forecaster.store.database import open_database, reading


def read_query(url: str, query: str) -> pd.DataFrame:
    """Read the rows of a query; the database cannot be changed by it.

    Returns: the columns as the driver gives them, numbers, text and dates as Python's.
    Raises:
        UsageError: the URL is none, or the query is wrong.
        InputError: there is no such file.
        DependencyError: a driver is missing, or the server cannot be reached.
        ForecastError: see `failure.name_failure`.
    """
    database = open_database(url)
    if database.path is not None and not database.path.is_file():
        raise InputError(f"{database.place}: no such file", hint="name a SQLite database that is there")
    try:
        with reading(database) as connection:
            # as it stands: a % or a : in a query is no parameter
            result = connection.execution_options(no_parameters=True).exec_driver_sql(query)
            if not result.returns_rows:
                raise UsageError(f"--query: {query!r} gives no rows", hint="write one that begins with SELECT")
            names = list(map(str, result.keys()))
            columns = list(zip(*result.all(), strict=True)) or [()] * len(names)
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise UsageError(f"{database.place}: --query: {reason}", hint="try the query in a SQL tool first") from error
    frame = pd.concat([pd.Series(column, dtype=object) for column in columns], axis=1)
    frame.columns = pd.Index(names)
    return frame
