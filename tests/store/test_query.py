import contextlib
import dataclasses
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from forecaster.config import DataConfig
from forecaster.data.files.read import TableSource
from forecaster.data.load import load
from forecaster.errors import DataError, DependencyError, InputError, LockError, UsageError
from forecaster.store.database import open_database, reading, writing
from forecaster.store.query.read import read_query as read_within
from forecaster.store.query.rows import QueryLimits
from forecaster.store.query.sqlite import fetch_sqlite


def read_query(url: str, query: str) -> pd.DataFrame:
    return read_within(url, query, QueryLimits(60, 100_000))


@pytest.fixture
def shop(url: str) -> str:
    """A database with a table of sales of twenty days in two shops."""
    with writing(open_database(url), "x") as connection:
        connection.exec_driver_sql(
            "CREATE TABLE sales (shop VARCHAR(9), day DATE, amount NUMERIC(9, 2), note TEXT, is_open BOOLEAN)"
        )
        days = [date(2024, 1, day) for day in range(1, 21)]
        rows = [(shop, day, day.day / 2, None, True) for shop in ("north", "south") for day in days]
        insert = sa.text("INSERT INTO sales VALUES (:a, :b, :c, :d, :e)")
        connection.execute(insert, [dict(zip("abcde", (s, d.isoformat(), *rest), strict=True)) for s, d, *rest in rows])
    return url


def test_a_query_becomes_a_panel(shop: str) -> None:
    frame = read_query(shop, "SELECT shop, day, amount FROM sales ORDER BY day")
    loaded = load(TableSource("shop", frame=frame), DataConfig())
    assert loaded.panel.ids.tolist() == ["north", "south"]
    assert loaded.panel.frequency.name == "D"
    assert loaded.panel.values[:20, 0].tolist() == [day / 2 for day in range(1, 21)]
    assert loaded.quality["first"] == "2024-01-01"


def test_stamps_with_a_zone_and_missing_values_are_read(postgres_url: str) -> None:
    query = """SELECT timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' AS ds,
        CASE WHEN i <> 3 THEN i::numeric END AS y FROM generate_series(0, 9) AS i"""
    frame = read_query(postgres_url, query)
    assert frame["ds"][0] == datetime(2024, 1, 1, tzinfo=UTC)
    panel = load(TableSource("shop", frame=frame), DataConfig()).panel
    assert panel.frequency.name == "h"
    assert np.isnan(panel.values[:, 0]).tolist() == [number == 3 for number in range(10)]


def test_signs_of_a_query_are_no_parameters(shop: str) -> None:
    frame = read_query(shop, "SELECT shop AS \"a:b\" FROM sales WHERE shop LIKE 'no%' AND ':x' <> '?' AND amount > 9")
    assert frame.columns.tolist() == ["a:b"]
    assert set(frame["a:b"]) == {"north"}


STATEMENTS = [
    "DELETE FROM sales",
    "DELETE FROM sales RETURNING shop, day, amount",
    "CREATE TABLE other (a INTEGER)",
    "CREATE TEMP TABLE other (a INTEGER)",
    "DROP TABLE sales",
    "COMMIT; DELETE FROM sales; SELECT 1",
    "SELECT 1; DELETE FROM sales",
    "SELECT 1; SELECT 2",
    "SELECT 1 /* ; */; /* comment */ DELETE FROM sales; --",
    "BEGIN",
    "COMMIT",
    "ROLLBACK; DELETE FROM sales",
    "SAVEPOINT s",
    "VACUUM",
    "ANALYZE",
    "",
    ";",
    "-- a comment",
]


@pytest.mark.parametrize("query", STATEMENTS)
def test_a_query_changes_nothing(shop: str, query: str) -> None:
    with pytest.raises(UsageError, match="--query"):
        read_query(shop, query)
    with reading(open_database(shop)) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sales").scalar() == 40


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM sales RETURNING *) SELECT * FROM gone",
        "COPY sales TO PROGRAM 'touch {folder}/x'",
        "COPY (SELECT 1) TO PROGRAM 'touch {folder}/x'",
        "COMMIT; COPY sales TO PROGRAM 'touch {folder}/x'",
        "SELECT * INTO other FROM sales",
        "SELECT * FROM sales FOR UPDATE",
        "SELECT nextval('numbers')",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT",
        "DO $$ BEGIN DELETE FROM sales; END $$",
        "CALL nothing()",
        "EXPLAIN ANALYZE DELETE FROM sales",
        "FETCH ALL FROM forecast_query",
        "SET ROLE forecast",
    ],
)
def test_a_server_accepts_one_query_that_only_reads(postgres_url: str, tmp_path: Path, query: str) -> None:
    tmp_path.chmod(0o777)
    with writing(open_database(postgres_url), "x") as connection:
        connection.exec_driver_sql("CREATE TABLE sales (amount INTEGER); CREATE SEQUENCE numbers")
        connection.exec_driver_sql("INSERT INTO sales VALUES (1)")
    with pytest.raises(UsageError, match="--query"):
        read_query(postgres_url, query.format(folder=tmp_path))
    with reading(open_database(postgres_url)) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sales").scalar() == 1
        assert set(sa.inspect(connection).get_table_names()) == {"sales"}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "query",
    [
        "ATTACH '{folder}/other.db' AS other",
        "VACUUM INTO '{folder}/other.db'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 7",
        "PRAGMA table_info(sales)",
        "SELECT load_extension('{folder}/x.so')",
        "REPLACE INTO sales (amount) VALUES (1) RETURNING amount",
        "WITH one AS (SELECT 1) DELETE FROM sales",
        "REINDEX",
        "DETACH main",
        "UPDATE sqlite_master SET sql = 'x'",
    ],
)
def test_a_sqlite_file_is_opened_for_reading_only(tmp_path: Path, query: str) -> None:
    path, url = tmp_path / "a #%20.db", f"sqlite:///{tmp_path}/a #%2520.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE sales (amount INTEGER); INSERT INTO sales VALUES (1)")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="--query"):
        read_query(url, query.format(folder=tmp_path))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert read_query(url, "SELECT amount FROM sales")["amount"].tolist() == [1]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT amount FROM sales;",
        "SELECT amount FROM sales -- the end; or not",
        "/* one; two */ SELECT amount FROM sales WHERE ';' <> 'DELETE FROM sales;'",
        "WITH all_sales AS (SELECT amount FROM sales) SELECT amount FROM all_sales",
        "SELECT amount FROM sales UNION ALL SELECT amount FROM sales WHERE amount < 0",
        "SELECT max(amount) AS amount FROM sales GROUP BY shop, day",
    ],
)
def test_a_query_may_hold_comments_and_semicolons(shop: str, query: str) -> None:
    assert len(read_query(shop, query)["amount"]) == 40


def test_a_query_may_begin_with_values(shop: str) -> None:
    assert read_query(shop, "VALUES (1, 'a'), (2, 'b')").to_numpy().tolist() == [[1, "a"], [2, "b"]]


def test_a_full_text_index_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for version in (4, 5):
            connection.execute(f"CREATE VIRTUAL TABLE words{version} USING fts{version}(text)")
            connection.execute(f"INSERT INTO words{version} VALUES ('red shoe')")
        connection.commit()
    for version in (4, 5):
        query = f"SELECT text FROM words{version} WHERE words{version} MATCH 'shoe'"
        assert read_query(str(path), query)["text"].tolist() == ["red shoe"]


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n"


def test_an_endless_query_ends_at_the_limit_of_rows(url: str) -> None:
    with writing(open_database(url), "x"):
        pass
    with pytest.raises(DataError, match=r"more than 25,000 rows, the limit data\.query_rows") as caught:
        read_within(url, ENDLESS.format("i"), QueryLimits(600, 25_000))
    assert "--query-rows 250000" in caught.value.hint


@pytest.mark.parametrize("query", [ENDLESS.format("max(i)"), ENDLESS.format("i") + " WHERE i < 0", ENDLESS.format("i")])
def test_an_endless_query_ends_at_the_limit_of_time(url: str, query: str) -> None:
    with writing(open_database(url), "x"):
        pass
    with pytest.raises(DependencyError, match=r"ran for more than 0\.2 s, the limit data\.query_timeout") as caught:
        read_within(url, query, QueryLimits(0.2, 10**9))
    assert "--query-timeout 2s" in caught.value.hint


def test_a_query_cannot_switch_the_limit_of_time_off(postgres_url: str) -> None:
    query = "SELECT set_config('statement_timeout', '0', false), i FROM generate_series(1, 1000000000) AS i"
    with pytest.raises(DependencyError, match=r"data\.query_timeout"):
        read_within(postgres_url, query, QueryLimits(0.3, 10**9))


def test_what_a_function_changes_is_rolled_back(postgres_url: str) -> None:
    number = read_query(postgres_url, "SELECT lo_create(0) AS number")["number"][0]
    assert not len(read_query(postgres_url, f"SELECT 1 AS a FROM pg_largeobject_metadata WHERE oid = {number}"))


def test_a_limit_of_the_server_holds_as_well(postgres_url: str) -> None:
    url = postgres_url.replace("options=-csearch_path", "options=-cstatement_timeout%3D100%20-csearch_path")
    with pytest.raises(UsageError, match="statement timeout"):
        read_within(url, "SELECT pg_sleep(30)", QueryLimits(60, 10))


def test_as_many_rows_as_the_limit_are_read(shop: str) -> None:
    assert len(read_within(shop, "SELECT * FROM sales", QueryLimits(60, 40))) == 40
    with pytest.raises(DataError):
        read_within(shop, "SELECT * FROM sales", QueryLimits(60, 39))


def test_a_table_that_may_not_be_read_is_an_error_of_input(postgres_url: str) -> None:
    with writing(open_database(postgres_url), "x") as connection:
        connection.exec_driver_sql("CREATE TABLE secrets (a INTEGER)")
        connection.exec_driver_sql("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
        schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO reader")
    with pytest.raises(InputError, match="cannot be read: permission denied"):
        read_query(postgres_url.replace("forecast@", "reader@"), "SELECT * FROM secrets")


def test_a_locked_file_is_75(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("CREATE TABLE t (a); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)")
        database = dataclasses.replace(open_database(str(path)), lock_seconds=0.1)
        with pytest.raises(LockError):
            fetch_sqlite(database, "SELECT a FROM t", QueryLimits(60, 10))


def test_a_file_that_only_others_may_repair_is_an_error_of_input(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA cache_size = 1; CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9999) INSERT INTO t SELECT i FROM n"
        )
        for name in ("x.db", "x.db-journal"):  # as if the power had failed
            (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
    with pytest.raises(InputError, match="cannot be read"):
        read_query(str(tmp_path / "copy-x.db"), "SELECT a FROM t")


def test_text_that_is_not_utf8_is_an_error_of_data(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (id, note)")
        connection.execute("INSERT INTO t VALUES ('Zürich', CAST(x'636166e9' AS TEXT)), (x'5ac3bc72696368', x'ff00')")
        connection.commit()
    assert read_query(str(path), "SELECT id FROM t")["id"].tolist() == ["Zürich", "Zürich"]
    for query, row in (("SELECT id, note FROM t", 1), ("SELECT note FROM t WHERE id = x'5ac3bc72696368'", 1)):
        with pytest.raises(DataError, match=rf"column 'note', row {row}: .* is not UTF-8"):
            read_query(str(path), query)


def test_bytes_of_a_server_are_text_or_an_error_of_data(postgres_url: str) -> None:
    assert read_query(postgres_url, r"SELECT '\x5ac3bc'::bytea AS a")["a"].tolist() == ["Zü"]
    with pytest.raises(DataError, match="is not UTF-8"):
        read_query(postgres_url, r"SELECT '\xff'::bytea AS a")


@pytest.mark.parametrize("query", ["SELECT 1\0", "SELECT '\udcff'"])
def test_a_character_that_sql_does_not_have_is_wrong_usage(shop: str, query: str) -> None:
    with pytest.raises(UsageError, match="character"):
        read_query(shop, query)


@pytest.mark.parametrize("query", ["SELECT nothing FROM sales", "SELEC 1", ""])
def test_a_query_that_is_wrong_is_wrong_usage(shop: str, query: str) -> None:
    with pytest.raises(UsageError, match="--query"):
        read_query(shop, query)


def test_an_empty_answer_is_an_error_of_data(shop: str) -> None:
    frame = read_query(shop, "SELECT day, amount FROM sales WHERE amount < 0")
    assert frame.columns.tolist() == ["day", "amount"]
    with pytest.raises(DataError, match="no rows"):
        load(TableSource("shop", frame=frame), DataConfig())


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_query(f"sqlite:///{tmp_path}/x.db", "SELECT 1")
    assert not list(tmp_path.iterdir())
