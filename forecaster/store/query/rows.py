"""The rows of a query, collected by columns within limits of time and number."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forecaster.durations import format_duration
from forecaster.errors import DataError, DependencyError, UsageError

ROWS_AT_ONCE = 10_000  # One request to a server returns so many rows.
_HINT = "write one SELECT that only reads, and try it in a SQL tool first"


@dataclass(frozen=True)
class QueryLimits:
    """The limits of a query: `data.query_timeout` and `data.query_rows`."""

    seconds: float
    rows: int


class QueryRows:
    """The rows that a query has returned so far.

    Attributes:
        names: the names of the columns.
        columns: the values of each column.
    """

    def __init__(self, place: str, limits: QueryLimits) -> None:
        """Start the clock of the time limit.

        Args:
            place: the database, as messages name it.
        """
        self.place, self._limits = place, limits
        self._end = time.monotonic() + limits.seconds
        self.names: list[str] = []
        self.columns: list[list[Any]] = []

    @property
    def seconds_left(self) -> float:
        """The rest of the time limit; not positive once it is over."""
        return self._end - time.monotonic()

    def name_columns(self, description: Sequence[Sequence[Any]] | None) -> None:
        """Read the names of the columns from the description that a driver's cursor has.

        Raises: UsageError: there are none, because the statement is empty or returns no rows.
        """
        if not description:
            raise UsageError(f"{self.place}: --query: returns no rows", hint="write a query that begins with SELECT")
        self.names = [str(column[0]) for column in description]
        self.columns = [[] for _ in self.names]

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Add one row or more.

        Raises:
            DataError: there are more rows than the limit.
            DependencyError: the time is over.
        """
        for column, values in zip(self.columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
        limit = self._limits.rows
        if self.columns and len(self.columns[0]) > limit:
            raise DataError(
                f"{self.place}: --query: returns more than {limit:,} rows, the limit data.query_rows",
                hint=f"add a WHERE to the query, or raise the limit: --query-rows {10 * limit}",
            )
        if self.seconds_left <= 0:
            raise self.late()

    def late(self) -> DependencyError:
        """Return the error of a query that ran longer than the limit."""
        seconds = self._limits.seconds
        return DependencyError(
            f"{self.place}: --query: ran for more than {format_duration(seconds)}, the limit data.query_timeout",
            hint=f"make the query faster, or raise the limit: --query-timeout {max(10 * seconds, 1):.0f}s",
        )

    def wrong(self, reason: str) -> UsageError:
        """Return the error of a query that the database refuses.

        Args:
            reason: the message of the driver; its first line is shown.
        """
        return UsageError(f"{self.place}: --query: {reason.strip().splitlines()[0]}", hint=_HINT)
