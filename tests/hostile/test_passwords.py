"""No password in messages, notes, logs or files, however an address is written."""

import json
import re
from pathlib import Path

import pytest

from forecaster.addresses import hide_secrets, is_connection_string, is_database_url
from forecaster.config import Config
from forecaster.errors import DataError, UsageError
from forecaster.store.database import hide_password, open_database, parse_url
from forecaster.store.database_errors import translate_error
from forecaster.workflows.source import Source
from tests.cli.conftest import Forecast

SECRET = "s3cr3t"
ADDRESSES = [
    f"mysql://me:{SECRET}@h/x",
    f"MySQL+pymysql://me:{SECRET}@h:3306/x",
    f"Postgresql://me:{SECRET}@h/x",
    f"POSTGRES://me:{SECRET}@h/x",
    f"postgresql+psycopg://me:{SECRET}@h/x",
    f"postgresql://me:a@{SECRET}@h/x",
    f"postgresql://me:a/{SECRET}?#@h/x",
    f"postgresql://me:a:{SECRET}@h/x",
    f"postgresql://:{SECRET}@h/x",
    f"postgresql://me:{SECRET}@h:port/x",
    f"postgresql://me:{SECRET}@[::1/x",
    f"postgresql://h/x?password={SECRET}",
    f"postgresql://h/x?user=me&Password={SECRET}",
    f"postgresql://h/x?sslpassword={SECRET}&sslmode=require",
    f"postgresql://h/x?options=-c%20app.key%3D{SECRET}",
    f"postgresql://h/x?options=-csearch_path%3Da%20-capp.key%3D{SECRET}",
    f"postgresql://h/x?some_future_key={SECRET}",
    f"postgresql:///?dbname=postgresql://me:{SECRET}@h/x",
    f"jdbc:postgresql://h/x?user=me&password={SECRET}",
    f"jdbc:sqlserver://h:1433;user=me;password={SECRET};encrypt=true",
    f"jdbc:mysql://me:{SECRET}@h/x",
    f"jdbc:oracle:thin:me/{SECRET}@//h:1521/x",
    f"host=h user=me password={SECRET} dbname=x",
    f"host=h user=me password='a {SECRET}' dbname=x",
    f"host = h password = a\\ {SECRET}",
    f"HOST=h PASSWORD={SECRET}",
    f"host=h user=me sslpassword={SECRET}",
    f"host=h user=me options='-c app.key={SECRET}'",
    f"Server=h;Uid=me;Pwd={SECRET};",
    f"s3://key:{SECRET}@bucket/x.csv",
    f"https://me:{SECRET}@h/x.csv",
    f"https://h/x.csv?token={SECRET}",
    f"https://h/x.csv?X-Amz-Signature={SECRET}&date=2024",
    f"ftp://me:{SECRET} with blanks@h/x.csv",
    f"sqlite://me:{SECRET}@h/x.db",
    f"snowflake://me:{SECRET}@account/x?warehouse=w",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_shown_without_secrets(address: str) -> None:
    for text in (address, f"error: {address}: no such file", f"'{address}'", f"({address})"):
        assert SECRET not in hide_secrets(text) or " with blanks" in text[1:]
    assert SECRET not in hide_secrets(address)
    assert hide_secrets(hide_secrets(address)) == hide_secrets(address)
    assert SECRET not in Source(address).place


WORDS = [
    ["train", "{}", "--query", "SELECT 1"],
    ["inspect", "{}", "--json"],
    ["train", "sales.csv", "{}"],
    ["train", "sales.csv", "--set", "data.horizon={}"],
    ["train", "sales.csv", "--set", "{}"],
    ["train", "sales.csv", "--{}"],
    ["train", "sales.csv", "--config", "{}"],
    ["train", "sales.csv", "--target", "{}"],
    ["train", "sales.csv", "--model", "{}"],
    ["predict", "sales.csv", "--bundle", "{}"],
    ["report", "{}"],
    ["run", "{}"],
    ["ledger", "history", "--ledger", "{}"],
    ["{}"],
]


@pytest.mark.parametrize("number", range(len(ADDRESSES)))
def test_no_command_shows_a_secret(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Each address is tried with four commands, so that each command sees every kind of address."""
    monkeypatch.setattr("forecaster.store.database.sa.create_engine", _refuse)
    for words in (WORDS[0], WORDS[number % 7 + 1], WORDS[number % 6 + 7], WORDS[12 + number % 2]):
        done = forecast(*(word.replace("{}", ADDRESSES[number]) for word in words))
        assert done.code in (2, 65, 66, 69, 73, 78), done.err
        assert SECRET not in done.out + done.err
    assert [path.name for path in sales.parent.iterdir()] == ["sales.csv"]


def _refuse(*_: object, **__: object) -> None:
    raise UsageError("no connection in this test", hint="none")


@pytest.mark.parametrize("address", ADDRESSES[::3])
def test_no_job_shows_a_secret(forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("forecaster.store.database.sa.create_engine", _refuse)
    for key in ("data", "output", "ledger"):
        place = {"data": "sales.csv", "output": "f.csv", "ledger": "l.db", key: address}
        job = {"data": {"path": place["data"]}, "job": {"outputs": place["output"], "ledger": place["ledger"]}}
        Path("job.yaml").write_text(json.dumps(job))
        done = forecast("run", "job.yaml", "--log-file", "log", "--dry-run")
        assert SECRET not in done.out + done.err
        assert SECRET not in Path("log").read_text()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:pw@h:5432/shop", "postgresql://me@h:5432/shop"),
        ("postgresql://me@h/shop?sslmode=require&password=x", "postgresql://me@h/shop?sslmode=require"),
        ("postgresql://h/shop?table=published", "postgresql://h/shop?table=published"),
        (
            "postgresql:///x?host=/run/pg&options=-csearch_path%3Da",
            "postgresql:///x?host=/run/pg&options=-csearch_path%3Da",
        ),
        ("sqlite:////data/a@b:c@d.db", "sqlite:////data/a@b:c@d.db"),
        ("https://h/x.csv?token=pw", "https://h/x.csv?token=***"),
        ("host=h password=pw dbname=x", "host=h password=*** dbname=x"),
        ("host=web1/part=3/x.parquet", "host=web1/part=3/x.parquet"),
        ("sales.csv: line 3: passengers=12 is no number", "sales.csv: line 3: passengers=12 is no number"),
        ("postgresql://h:5432/x: column 'a@b' is empty", "postgresql://h:5432/x: column 'a@b' is empty"),
        ("write it as --set training.steps=500", "write it as --set training.steps=500"),
        ("--set 'x' is not key=value", "--set 'x' is not key=value"),
    ],
)
def test_what_is_no_secret_is_shown(address: str, shown: str) -> None:
    assert hide_secrets(address) == shown


@pytest.mark.parametrize("scheme", ["postgresql", "Postgresql", "POSTGRES", "postgres+psycopg", "PostgreSQL+psycopg2"])
def test_the_case_of_a_scheme_does_not_matter(scheme: str) -> None:
    url = f"{scheme}://me:{SECRET}@h/x?options=-capp.key%3D1"
    assert is_database_url(url)
    assert parse_url(url).drivername == "postgresql+psycopg"
    assert hide_password(parse_url(url)) == "postgresql://me@h/x"
    assert open_database("SQLite:///x.db").is_sqlite


@pytest.mark.parametrize("text", ["host=h password=x", "Server=h;Pwd=x", "dbname=x user=me"])
def test_a_connection_string_is_not_a_ledger(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_connection_string(text)
    with pytest.raises(UsageError, match="not the URL"):
        open_database(text)


def test_an_error_of_a_driver_that_repeats_a_secret_is_shown_without_it() -> None:
    url = parse_url(f"postgresql://me:{SECRET}@127.0.0.1:9/x?connect_timeout=2&sslpassword=other&sslmode=odd")
    database = open_database(url.render_as_string(hide_password=False))
    assert database.place == "postgresql://me@127.0.0.1:9/x?connect_timeout=2&sslmode=odd"

    class OperationalError(Exception):
        sqlstate = None

    failure = translate_error(OperationalError(f"cannot use {SECRET} or other"), database.place, 1, [SECRET, "other"])
    assert failure is not None
    assert re.search(r"cannot use \*\*\* or \*\*\*", failure.message)


def test_every_error_hides_secrets() -> None:
    error = DataError(f"a mysql://me:{SECRET}@h/x is wrong", hint=f"write password={SECRET}")
    assert SECRET not in error.message + error.hint + str(error)


def test_a_traceback_hides_secrets(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Config:
        raise ZeroDivisionError(f"mysql://me:{SECRET}@h/x")

    monkeypatch.setattr("forecaster.settings.load", fail)
    done = forecast("train", "sales.csv")
    assert done.code == 1
    assert "ZeroDivisionError" in done.err
    assert SECRET not in done.err
