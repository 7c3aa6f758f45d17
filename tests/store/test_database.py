import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from forecaster.errors import DependencyError, ForecastError, InputError, LockError, OutputError, UsageError
from forecaster.store.database import insert_rows, open_database, parse_url, reading, writing

TABLE = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.Double),
    sa.Column("name", sa.Text),
)


def test_rows_come_back_as_they_were_inserted_and_nan_as_null(url: str) -> None:
    database = open_database(url)
    with writing(database, "x") as connection:
        TABLE.create(connection)
        columns = {"number": np.array([1, 2]), "size": np.array([0.5, np.nan]), "name": ["a", None]}
        insert_rows(connection, TABLE, columns)
    with reading(database) as connection:
        assert list(map(tuple, connection.execute(sa.select(TABLE).order_by("number")))) == [
            (1, 0.5, "a"),
            (2, None, None),
        ]


def test_a_block_that_fails_leaves_nothing(url: str) -> None:
    database = open_database(url)

    def fail() -> None:
        with writing(database, "x") as connection:
            TABLE.create(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with reading(database) as connection:
        assert not sa.inspect(connection).has_table("things")


def test_a_reader_can_change_nothing(url: str) -> None:
    database = open_database(url)
    with pytest.raises(ForecastError), reading(database) as connection:
        TABLE.create(connection)


def test_a_writer_waits_for_another_and_gives_up_with_75(url: str) -> None:
    with (
        writing(open_database(url), "job"),
        pytest.raises(LockError) as caught,
        writing(open_database(url, lock_seconds=0.2), "job"),
    ):
        pytest.fail("two write")
    assert caught.value.code == 75
    assert "0.2 s" in caught.value.message


def test_writers_of_two_jobs_do_not_wait_for_each_other_on_a_server(postgres_url: str) -> None:
    with (
        writing(open_database(postgres_url), "one"),
        writing(open_database(postgres_url, lock_seconds=0.2), "two") as both,
    ):
        assert both.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_full_disk_is_an_error_of_output(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/x.db")

    def fill() -> None:
        with writing(database, "x") as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 5")
            TABLE.create(connection)
            insert_rows(connection, TABLE, {"number": range(5000), "size": [0.0] * 5000, "name": ["long" * 9] * 5000})

    with pytest.raises(OutputError, match="disk is full"):
        fill()


@pytest.mark.parametrize("name", ["absent/x.db", "."])
def test_a_file_that_cannot_be_made_is_an_error_of_output(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be written"), reading(open_database(f"sqlite:///{tmp_path / name}")):
        pytest.fail("it is open")


def test_a_file_that_is_no_database_is_an_error_of_input(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("ds,y\n" * 1000)
    database = open_database(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(InputError, match="not a SQLite database"), writing(database, "x"):
        pytest.fail("it is open")


def test_a_damaged_file_is_an_error_of_input(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE things (number INTEGER, name TEXT)")
        connection.executemany("INSERT INTO things VALUES (?, ?)", [(n, "name" * 20) for n in range(1000)])
        connection.commit()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x55" * len(content[4096:])
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"), reading(open_database(str(path))) as connection:
        connection.exec_driver_sql("SELECT count(name) FROM things")


def test_a_server_that_is_not_there_is_69_and_the_password_is_not_told() -> None:
    database = open_database("postgresql://me:s3cret@127.0.0.1:9/x?connect_timeout=2")
    with pytest.raises(DependencyError) as caught, reading(database):
        pytest.fail("it is open")
    assert caught.value.code == 69
    assert "postgresql://me@127.0.0.1:9/x" in caught.value.message
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_database_that_the_server_does_not_have_is_69(server: str) -> None:
    with pytest.raises(DependencyError, match="nowhere"), reading(open_database(server.format("nowhere"))):
        pytest.fail("it is open")


@pytest.mark.parametrize(
    "url", ["mysql://me:s3cret@host/x", "sqlite://", "sqlite:///:memory:", "postgresql://me:s3cret@host:port/x", "://"]
)
def test_what_is_no_url_of_ours_is_wrong_usage_and_tells_no_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(url)
    assert "s3cret" not in caught.value.message
    assert "sqlite:///ledger.db" in caught.value.hint


def test_a_files_name_alone_and_other_spellings_will_do() -> None:
    assert parse_url("ledger.db").database == "ledger.db"
    for scheme in ("postgres", "postgresql", "postgresql+psycopg2"):
        assert parse_url(f"{scheme}://me@host/x").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("library", "url", "install"),
    [("sqlalchemy", "x.db", "pip install sqlalchemy"), ("psycopg", "postgresql://host/x", "psycopg[binary]")],
)
def test_a_missing_library_names_what_to_install(library: str, url: str, install: str) -> None:
    code = (
        "import sys; sys.modules[sys.argv[1]] = None\n"
        "from forecaster.errors import DependencyError\n"
        "try:\n"
        "    from forecaster.store.ledger.open import open_database\n"
        "    open_database(sys.argv[2])\n"
        "except DependencyError as error: print(error.code, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", code, library, url], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("69 ")
    assert install in done.stdout
