import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from forecaster.errors import InputError, LockError, OutputError
from forecaster.store.database import Database, open_database, reading, writing
from forecaster.store.ledger import migrations
from forecaster.store.ledger.damage import find_damage
from forecaster.store.ledger.migrations import VERSION
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.tables import VIEWS, metadata


def version_of(ledger: Database) -> int:
    with reading(ledger) as connection:
        return int(connection.exec_driver_sql("SELECT version FROM ledger_version").scalar_one())


def test_a_ledger_is_made_where_there_is_none_and_found_again(url: str) -> None:
    ledger = open_ledger(url)
    with reading(ledger) as connection:
        known = sa.inspect(connection)
        assert set(known.get_table_names()) == set(metadata.tables)
        assert set(known.get_view_names()) == set(VIEWS)
    assert version_of(open_ledger(url, must_exist=True)) == VERSION


def test_a_ledger_that_must_be_there_and_is_not_is_an_error_of_input(url: str, tmp_path: Path) -> None:
    for _ in range(2):  # looking makes none
        with pytest.raises(InputError, match="no ledger"):
            open_ledger(url, must_exist=True)
    with pytest.raises(InputError, match="no ledger"):
        open_ledger(str(tmp_path / "absent" / "x.db"), must_exist=True)


def test_a_missing_folder_is_an_error_of_output_that_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        open_ledger(str(tmp_path / "absent" / "x.db"))
    assert caught.value.hint == f"create it: mkdir -p {tmp_path / 'absent'}"


TEN_OPEN = """
import os, sys
from forecaster.store.ledger.open import open_ledger
begin, go = os.pipe()
children = []
for _ in range(10):
    child = os.fork()
    if not child:
        os.close(go)
        os.read(begin, 1)  # until the parent closes its end
        open_ledger(sys.argv[1])
        os._exit(0)
    children.append(child)
os.close(go)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def test_ten_processes_may_open_a_new_ledger_at_once(url: str) -> None:
    done = subprocess.run([sys.executable, "-c", TEN_OPEN, url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert version_of(open_ledger(url)) == VERSION


def test_an_older_ledger_is_brought_up_to_date_in_one_transaction(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ledger(url)

    def add_column(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN colour TEXT")

    def fail(connection: sa.Connection) -> None:
        add_column(connection)
        raise ZeroDivisionError

    for module in ("migrations", "open"):
        monkeypatch.setattr(f"forecaster.store.ledger.{module}.VERSION", VERSION + 1)
    monkeypatch.setitem(migrations.MIGRATIONS, VERSION + 1, fail)
    with pytest.raises(ZeroDivisionError):
        open_ledger(url)
    assert version_of(open_database(url)) == VERSION
    monkeypatch.setitem(migrations.MIGRATIONS, VERSION + 1, add_column)
    ledger = open_ledger(url)
    assert version_of(ledger) == VERSION + 1
    with reading(ledger) as connection:
        assert "colour" in {column["name"] for column in sa.inspect(connection).get_columns("runs")}
        assert set(sa.inspect(connection).get_view_names()) == set(VIEWS)


def test_a_newer_ledger_is_refused_and_both_versions_named(url: str) -> None:
    with writing(open_ledger(url), "x") as connection:
        connection.exec_driver_sql("UPDATE ledger_version SET version = 99")
    with pytest.raises(InputError, match=rf"version 99 is newer than this program reads \({VERSION}\)"):
        open_ledger(url)


def test_tables_of_another_program_are_left_alone(url: str) -> None:
    with writing(open_database(url), "x") as connection:
        connection.exec_driver_sql("CREATE TABLE runs (id INTEGER)")
    with pytest.raises(InputError, match="'runs' that is not a ledger's"):
        open_ledger(url)


def test_an_open_ledger_is_read_while_another_process_writes(url: str) -> None:
    ledger = open_ledger(url)
    with writing(ledger, "job"):
        assert version_of(open_ledger(url, must_exist=True, lock_seconds=0.1)) == VERSION


def test_a_new_ledger_waits_for_who_holds_the_file_and_gives_up_with_75(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with writing(open_database(url), "job"), pytest.raises(LockError):
        open_ledger(url, lock_seconds=0.1)


def test_a_ledger_of_version_1_is_migrated_and_keeps_its_runs(url: str) -> None:
    with writing(open_ledger(url), "x") as connection:
        for view in reversed(VIEWS):
            connection.exec_driver_sql(f"DROP VIEW {view}")
        for table in ("adjustments", "sources", "source_rows", "job_leases"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN adjustment")
        connection.exec_driver_sql("ALTER TABLE score_rows DROP COLUMN absolute")
        connection.exec_driver_sql("INSERT INTO score_rows VALUES (1, 5, 1, 1, 0, -2.5, NULL, NULL, NULL, 80, 3)")
        connection.exec_driver_sql("UPDATE ledger_version SET version = 1")
        connection.exec_driver_sql(
            "INSERT INTO runs (job, key, started, code, series, details) VALUES ('sales', 'a', '2024', 0, 0, '{}')"
        )
        for name in VIEWS:
            connection.exec_driver_sql(f"CREATE VIEW {name} AS SELECT 1 AS old")
    ledger = open_ledger(url, must_exist=True)
    assert version_of(ledger) == VERSION
    with reading(ledger) as connection:
        assert connection.exec_driver_sql("SELECT key, adjustment FROM runs").one() == ("a", None)
        assert connection.exec_driver_sql("SELECT count(*) FROM adjustments").scalar_one() == 0
        assert connection.exec_driver_sql("SELECT error, absolute FROM score_rows").one() == (-2.5, 2.5)


def test_a_ledger_of_version_3_gets_sources_and_their_view(url: str) -> None:
    with writing(open_ledger(url), "x") as connection:
        connection.exec_driver_sql("DROP VIEW source_forecasts")
        connection.exec_driver_sql("DROP TABLE source_rows")
        connection.exec_driver_sql("DROP TABLE sources")
        connection.exec_driver_sql("DROP TABLE job_leases")
        connection.exec_driver_sql("UPDATE ledger_version SET version = 3")
    ledger = open_ledger(url, must_exist=True)
    assert version_of(ledger) == VERSION
    assert find_damage(ledger) is None
    with reading(ledger) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM source_forecasts").scalar_one() == 0


def test_a_ledger_of_version_4_gets_leases(url: str) -> None:
    with writing(open_ledger(url), "x") as connection:
        connection.exec_driver_sql("DROP TABLE job_leases")
        connection.exec_driver_sql("UPDATE ledger_version SET version = 4")
    ledger = open_ledger(url, must_exist=True)
    assert version_of(ledger) == VERSION
    assert find_damage(ledger) is None
    with reading(ledger) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM job_leases").scalar_one() == 0
