"""The data a command is given: files, standard input, or a database's rows; how it is read, called and found again."""

import re
from pathlib import Path

import pandas as pd

from forecaster.errors import UsageError

_DATABASES = ("sqlite", "postgresql", "postgres")


def read_frame(source: str, query: str | None) -> pd.DataFrame | None:
    """Read the rows that a query gives; None where the source is no database, but what `data.load` reads itself.

    Raises: ForecastError: see the errors of `store.query.read_query`.
    """
    if not is_database(source):
        if query is not None:
            raise UsageError(f"{source}: is no database for --query", hint="name one: sqlite:///shop.db")
        return None
    if not query:
        raise UsageError(
            f"{place_of(source)}: a database needs a query",
            hint="pass --query 'SELECT unique_id, ds, y FROM sales ORDER BY ds'",
        )
    from forecaster.store.query import read_query

    return read_query(source, query)


def is_database(source: str) -> bool:
    """Whether a source is a SQL URL rather than a file."""
    scheme, separator, _ = source.partition("://")
    return bool(separator) and scheme.partition("+")[0] in _DATABASES


def place_of(source: str) -> str:
    """What messages call a source: a SQL URL without its password, all else as it is."""
    if not is_database(source):
        return source
    from forecaster.store.database import parse, without_password

    return without_password(parse(source))


def absolute(source: str) -> str:
    """What finds a source again from any folder, without a password."""
    if source == "-":
        return source
    if not is_database(source):
        return str(Path(source).absolute())
    from forecaster.store.database import parse, without_password

    url = parse(source)
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str(Path(str(url.database)).absolute()))
    return without_password(url)


def stem(source: str) -> str:
    """A short name of a source, for folders."""
    if source == "-":
        return "stdin"
    path = place_of(source).partition("?")[0] if is_database(source) else source
    return re.sub(r"[^\w-]+", "_", Path(path).name.split(".")[0]).strip("_") or "data"
