from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from forecaster.config import DataConfig
from forecaster.data.load import load
from forecaster.data.read import TableSource
from forecaster.errors import DataError, InputError, UsageError
from forecaster.store.database import open_database, reading, writing
from forecaster.store.query import read_query


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


def test_a_query_changes_nothing(shop: str) -> None:
    for query in ("DELETE FROM sales", "CREATE TABLE other (a INTEGER)"):
        with pytest.raises(Exception, match=r"no rows|cannot|read"):
            read_query(shop, query)
    with reading(open_database(shop)) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sales").scalar() == 40


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
