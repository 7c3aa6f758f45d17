"""A table that comes from a SQL database."""

import contextlib
import csv
import json
import sqlite3
from pathlib import Path

import pytest

from forecaster.workflows.source import Source
from tests.cli.conftest import Forecast

QUERY = "SELECT date, sales FROM facts ORDER BY date"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def shop(sales: Path) -> Path:
    """`sales.csv` as the table `facts` of a SQLite database."""
    path = sales.with_name("shop.db")
    with contextlib.closing(sqlite3.connect(path)) as connection, sales.open() as file:
        connection.execute("CREATE TABLE facts (date TEXT, sales REAL)")
        connection.executemany("INSERT INTO facts VALUES (?, ?)", list(csv.reader(file))[1:])
        connection.commit()
    return path


def test_a_query_is_trained_on_as_the_file_would_be_and_asked_again_to_predict(forecast: Forecast, shop: Path) -> None:
    done = forecast("train", "sqlite:///shop.db", "--query", QUERY, "--model", "seasonal_naive", "-o", "b")
    assert done.code == 0, done.err
    of_file = forecast("train", "sales.csv", "--model", "seasonal_naive", "-o", "f")
    assert done.out == of_file.out.replace("--bundle f", "--bundle b")
    assert forecast("predict", "--bundle", "b", "-o", "-").out == forecast("predict", "--bundle", "f", "-o", "-").out
    manifest = json.loads(Path("b/manifest.json").read_text())
    assert manifest["data"]["absolute"] == f"sqlite:///{shop}"
    given = ("--bundle", "b", "-o", "-")
    assert forecast("predict", "sqlite:///shop.db", "--query", f"{QUERY} LIMIT -1", *given).code == 0
    assert forecast("predict", "sales.csv", *given).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["sqlite:///shop.db"], 2, "a database needs a query"),
        (["sales.csv", "--query", QUERY], 2, "sales.csv: is no database for --query"),
        (["sqlite:///shop.db", "--query", "SELECT absent FROM facts"], 2, "no such column: absent"),
        (["sqlite:///absent.db", "--query", QUERY], 66, "no such file"),
        (["sqlite:///shop.db", "--query", "SELECT date, sales FROM facts WHERE 0"], 65, "has no rows"),
        (["sqlite:///shop.db", "--query", QUERY, "--query-rows", "89"], 65, "more than 89 rows"),
        (["sqlite:///shop.db", "--query", QUERY, "--query-timeout", "soon"], 2, "--query-timeout soon is no duration"),
        (["sqlite:///shop.db", "--query", QUERY, "--set", "data.query_rows=0"], 78, "data.query_rows"),
        (["sqlite:///shop.db", "--query", ENDLESS, "--query-timeout", "0.2"], 69, "data.query_timeout"),
        (["sqlite:///shop.db", "--query", f"{QUERY}; DELETE FROM facts"], 2, "one statement"),
        (["sqlite:///shop.db", "--query", "DELETE FROM facts"], 2, "may only read"),
        (["postgresql://me:s3cret@127.0.0.1:9/x", "--query", "SELECT 1"], 69, "cannot be reached"),
    ],
)
def test_what_is_wrong_with_a_query_is_told(
    forecast: Forecast, shop: Path, arguments: list[str], code: int, told: str
) -> None:
    done = forecast("train", *arguments, "-o", "b")
    assert done.code == code
    assert told in done.err
    assert "s3cret" not in done.err


def test_a_wrong_query_of_predict_is_wrong_usage_too(forecast: Forecast, shop: Path) -> None:
    forecast("train", "sales.csv", "--model", "naive", "-o", "b")
    done = forecast("predict", "sqlite:///shop.db", "--query", "SELEC", "--bundle", "b")
    assert done.code == 2
    assert "--query" in done.err
    assert forecast("predict", "sales.csv", "--query", QUERY, "--bundle", "b").code == 2


def test_a_password_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me:s3cret@host:5432/shop"
    source = Source.parse(url)
    assert source.place == source.absolute == "postgresql://me@host:5432/shop"
    assert source.stem == "shop"
    assert "s3cret" not in repr(source)
    monkeypatch.chdir(tmp_path)
    assert Source.parse("sqlite:///shop.db").absolute == f"sqlite:///{tmp_path}/shop.db"
    assert Source.parse("sales.csv").absolute == str(tmp_path / "sales.csv")


def test_a_database_is_told_from_a_file() -> None:
    assert Source.parse("sqlite:///x.db").is_database
    assert Source.parse("postgresql+psycopg://host/x").is_database
    assert not Source.parse("sales.csv").is_database
    assert not Source.parse("https://host/sales.csv").is_database


def test_a_query_is_inspected_and_kept_in_the_next_command(forecast: Forecast, shop: Path) -> None:
    done = forecast("inspect", "sqlite:///shop.db", "--query", QUERY)
    assert done.code == 0, done.err
    assert "sqlite:///shop.db: 90 rows, 1 series, daily" in done.out
    assert f"next: forecast train sqlite:///shop.db --query '{QUERY}'\n" in done.err


def test_the_limits_of_a_query_hold_in_every_command_and_are_saved(forecast: Forecast, shop: Path) -> None:
    table = ("sqlite:///shop.db", "--query", QUERY)
    trained = forecast("train", *table, "--model", "naive", "-o", "b", "--set", "data.query_timeout=90s")
    assert trained.code == 0, trained.err
    assert "query_timeout: 90.0" in Path("b/config.yaml").read_text()
    for command in ("inspect", "backtest", "compare"):
        assert forecast(command, *table, "--query-rows", "10").code == 65
    fresh = ("predict", *table, "--bundle", "b", "-o", "-")
    assert "89 rows" in forecast(*fresh, "--query-rows", "89").err
    assert forecast(*fresh, "--query-rows", "90").code == 0
    suggested = forecast("inspect", *table, "--query-timeout", "5m").err
    assert "--query-timeout 300" in suggested
