"""The rows of a query as a frame."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from forecaster.errors import DataError, InputError, UsageError
from forecaster.store.database import open_database
from forecaster.store.query.postgres import fetch_postgres
from forecaster.store.query.rows import QueryLimits
from forecaster.store.query.sqlite import fetch_sqlite


def read_query(url: str, query: str, limits: QueryLimits) -> pd.DataFrame:
    """Read the rows of a query that cannot change the database.

    Args:
        query: one SELECT, VALUES, or WITH ... SELECT.

    Returns: the columns as the driver returns them: numbers, text and Python's dates.
    Raises:
        UsageError: the URL or the query is wrong, or the query does not only read.
        InputError: the file does not exist, or it or a table cannot be read.
        DataError: there are more rows than the limit, or bytes that are not text.
        DependencyError: a driver is missing, the server cannot be reached, or the query ran for too long.
        ForecastError: see `database_errors.translate_error`.
    """
    database = open_database(url)
    if database.path is not None and not database.path.is_file():
        raise InputError(f"{database.place}: no such file", hint="name an existing SQLite database")
    _refuse_odd_characters(query)
    fetch = fetch_sqlite if database.is_sqlite else fetch_postgres
    rows = fetch(database, query, limits)
    columns = zip(rows.names, rows.columns, strict=True)
    texts = [pd.Series(_decode(database.place, name, values), dtype=object) for name, values in columns]
    frame = pd.concat(texts, axis=1)
    frame.columns = pd.Index(rows.names)
    return frame


def _refuse_odd_characters(query: str) -> None:
    """Check that a driver can send the query.

    Raises: UsageError: it contains a character that SQL does not have.
    """
    for character in query:
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise UsageError(f"--query: contains the character {character!r}", hint="remove it from the query")


def _decode(place: str, name: str, values: Sequence[Any]) -> list[Any]:
    """Return the values of a column with text in place of bytes.

    Raises: DataError: bytes are not UTF-8.
    """
    texts: list[Any] = []
    for row, value in enumerate(values, start=1):
        if not isinstance(value, bytes):
            texts.append(value)
            continue
        try:
            texts.append(value.decode())
        except UnicodeDecodeError as error:
            raise DataError(
                f"{place}: column {name!r}, row {row}: {value[:20]!r} is not UTF-8 text",
                hint="leave the column out of the query, or convert it, such as with hex() or CAST",
            ) from error
    return texts
