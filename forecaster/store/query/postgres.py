"""A query of a PostgreSQL server, declared as a cursor in a transaction that only reads."""

from typing import Any

from forecaster.errors import InputError
from forecaster.store.database import Database, reading
from forecaster.store.query.rows import ROWS_AT_ONCE, QueryLimits, QueryRows

_CURSOR = "forecast_query"
_MILLISECONDS = 1000
_CANCELED, _READ_ONLY, _NO_RIGHT = "57014", "25006", "42501"  # states of SQL
_CONNECTION_STATES = ("08", "28", "3D", "53", "57P")  # first characters of the states of a failed connection


def fetch_postgres(database: Database, query: str, limits: QueryLimits) -> QueryRows:
    """Return the rows of a query.

    The server parses the query as a part of DECLARE CURSOR, so it accepts one query and no other statement.

    Raises: ForecastError: see `read.read_query`.
    """
    rows = QueryRows(database.place, limits)
    with reading(database) as connection:
        driver: Any = connection.connection.driver_connection
        import psycopg  # `reading` has loaded it.

        try:
            _fetch(driver, query, rows)
        except psycopg.Error as error:
            raise _translate(error, rows) from error
        connection.rollback()  # PostgreSQL permits some functions that write, such as lo_create.
    return rows


def _fetch(driver: Any, query: str, rows: QueryRows) -> None:
    ((setting,),) = driver.execute("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'").fetchall()
    with driver.cursor(name=_CURSOR) as cursor:
        _limit_time(driver, rows, int(setting))
        cursor.execute(query)
        rows.name_columns(cursor.description)
        while True:
            _limit_time(driver, rows, int(setting))  # The query itself may have changed the setting.
            batch = cursor.fetchmany(ROWS_AT_ONCE)
            if not batch:
                return
            rows.add(batch)


def _limit_time(driver: Any, rows: QueryRows, server_limit: int) -> None:
    """Limit the time of the next statement.

    Args:
        server_limit: the limit that the server sets itself, in milliseconds; 0 for none.
    """
    left = max(int(rows.seconds_left * _MILLISECONDS), 1)
    driver.execute(f"SET LOCAL statement_timeout = {min(left, server_limit or left)}")


def _translate(error: Any, rows: QueryRows) -> Exception:
    """Translate an error of the driver; those of the connection are left to `reading`."""
    state = error.sqlstate or ""
    if state == _CANCELED and rows.seconds_left <= 0.001:
        return rows.late()
    if state == _NO_RIGHT:
        return InputError(f"{rows.place}: cannot be read: {error}", hint="ask for the right to read the table")
    if state == _READ_ONLY:
        return rows.wrong(f"may only read: {error}")
    if (type(error).__name__ == "OperationalError" and not state) or state.startswith(_CONNECTION_STATES):
        return error  # type: ignore[no-any-return]
    return rows.wrong(str(error) or type(error).__name__)
