"""The data that a command reads: files, standard input, or the rows of a database query."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from forecaster.addresses import hide_secrets, is_database_url, is_object_address
from forecaster.config import DataConfig
from forecaster.data.files.read import TableSource
from forecaster.errors import UsageError


@dataclass(frozen=True)
class Source:
    """The data that a command reads.

    Attributes:
        text: a path, a folder, a glob, `-`, a SQL URL, or an address such as `s3://`, as the user wrote it. It
            may contain a password.
        query: the SQL query that returns the table; None for files.
    """

    text: str = field(repr=False)
    query: str | None = None

    @classmethod
    def parse(cls, text: str, *, query: str | None = None) -> "Source":
        """Parse what the user wrote.

        Raises: UsageError: there is a query, but no database.
        """
        if query is not None and not is_database_url(text):
            raise UsageError(f"{text}: is no database for --query", hint="name one: sqlite:///shop.db")
        return cls(text, query)

    @classmethod
    def of(cls, config: DataConfig) -> "Source":
        """Return the source that a config names; see `parse`."""
        return cls.parse(config.path or "", query=config.query)

    @property
    def place(self) -> str:
        """The text without a password, as messages and saved configs name the source."""
        return hide_secrets(self.text)

    @property
    def is_database(self) -> bool:
        """True for a SQL URL."""
        return is_database_url(self.text)

    @property
    def is_object(self) -> bool:
        """True for an address in an object store or on a web server."""
        return is_object_address(self.text)

    @property
    def absolute(self) -> str:
        """The place with an absolute path, which finds the source again from any folder."""
        if self.text == "-":
            return self.text
        if self.is_object:
            return self.place
        if not self.is_database:
            return str(Path(self.text).absolute())
        from forecaster.store.database import hide_password, parse_url

        url = parse_url(self.text)
        if url.get_backend_name() == "sqlite":
            url = url.set(database=str(Path(str(url.database)).absolute()))
        return hide_password(url)

    @property
    def stem(self) -> str:
        """A short name for folders."""
        if self.text == "-":
            return "stdin"
        is_url = self.is_database or self.is_object
        path = self.place.partition("?")[0] if is_url else self.text
        return re.sub(r"[^\w-]+", "_", Path(path).name.split(".")[0]).strip("_") or "data"

    @property
    def exists(self) -> bool:
        """True if the files are there; databases, addresses and globs are not checked."""
        return (
            self.is_database or self.is_object or Path(self.text).exists() or any(mark in self.text for mark in "*?[")
        )

    def read(self, config: DataConfig, stdin: BinaryIO | None = None) -> TableSource:
        """Return the table to load; the query of a database runs here, and objects are copied.

        Files are read when the table is loaded.

        Args:
            config: the limits of the query.
            stdin: the stream that `-` reads from.

        Raises:
            UsageError: the query is missing or wrong.
            ForecastError: see the errors of `store.query.read.read_query` and `store.objects.transfer.copy_data`.
        """
        if self.is_object:
            from forecaster.store.objects.transfer import copy_data

            copy = copy_data(self.text)
            return TableSource(self.place, files=copy.source, copy=copy)
        if not self.is_database:
            return TableSource(self.place, stdin)
        if not self.query:
            raise UsageError(
                f"{self.place}: a database needs a query",
                hint="pass --query 'SELECT unique_id, ds, y FROM sales ORDER BY ds'",
            )
        from forecaster.store.query.read import read_query
        from forecaster.store.query.rows import QueryLimits

        limits = QueryLimits(config.query_timeout, config.query_rows)
        return TableSource(self.place, frame=read_query(self.text, self.query, limits))
