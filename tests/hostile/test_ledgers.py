"""Damaged ledgers are refused with 66 and a hint; names that a database cannot hold are refused before it sees them."""

import contextlib
import dataclasses
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz_ledgers import LEDGER, Failure, fuzz
from benchmarks.fuzz_ledgers import main as fuzz_main
from forecaster.errors import DataError, InputError, UsageError
from forecaster.forecast import Forecast as Table
from forecaster.frequency import DAY, Frequency
from forecaster.store.database import reading
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import record
from forecaster.store.published import digest_rows, replace_rows
from tests.cli.conftest import Forecast
from tests.store.conftest import postgres_url, server, url
from tests.store.ledger.conftest import run_of

__all__ = ["postgres_url", "server", "url"]


def forecast_of(count: int, horizon: int, *, ids: list[str] | None = None) -> Table:
    at = np.tile(np.arange(1, horizon + 1) * DAY, (count, 1))
    mean = np.ones((count, horizon), np.float32)
    names = np.array(ids or [f"s{number}" for number in range(count)], object)
    fallback = np.zeros(count, bool)
    return Table(
        names, at[:, 0] - DAY, at, mean, mean[:, :, None].repeat(15, 2), "gru", fallback, Frequency("fixed", DAY), None
    )


def _copy(folder: Path, statements: str) -> Path:
    path = folder / "l.db"
    shutil.copyfile(LEDGER, path)
    _change(path, statements)
    return path


def _change(path: Path, statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 512, 4096, 50_000])
@pytest.mark.parametrize("command", ["history", "score", "diff"])
def test_a_ledger_that_was_cut_off_is_refused(forecast: Forecast, tmp_path: Path, size: int, command: str) -> None:
    path = tmp_path / "l.db"
    path.write_bytes(LEDGER.read_bytes()[:size])
    done = forecast("ledger", command, "--ledger", path)
    assert done.code == 66
    assert "l.db" in done.err
    assert path.stat().st_size == size


@pytest.mark.parametrize("size", [0, 1])
def test_a_job_does_not_start_a_ledger_anew_that_was_cut_off(forecast: Forecast, sales: Path, size: int) -> None:
    Path("job.yaml").write_text(
        "data: {path: sales.csv}\nmodel: {kind: naive}\njob: {ledger: l.db, gate: {skill: null}}\n"
    )
    Path("l.db").write_bytes(b"S" * size)
    done = forecast("run", "job.yaml")
    assert done.code == 66
    assert f"the file has {size} bytes" in done.err or "not a SQLite database" in done.err
    assert not Path("forecasts.csv").exists()
    Path("l.db").unlink()
    assert forecast("run", "job.yaml").code == 0
    assert sorted(path.name for path in Path.cwd().iterdir() if path.name.startswith((".forecast", "l.db"))) == ["l.db"]


@pytest.mark.parametrize("statement", ["DELETE FROM ledger_version", "INSERT INTO ledger_version VALUES (1)"])
@pytest.mark.parametrize("value", ["NULL", "'two'", "0", "-1", "0.5", "x'ff'", "9e99"])
def test_a_wrong_version_is_damage(tmp_path: Path, value: str, statement: str) -> None:
    path = _copy(tmp_path, "PRAGMA ignore_check_constraints = ON")
    with contextlib.suppress(sqlite3.IntegrityError):
        _change(path, f"UPDATE ledger_version SET version = {value}")
    _change(path, statement)
    with pytest.raises(InputError, match="is damaged: the version of the ledger is"):
        open_ledger(str(path))


@pytest.mark.parametrize(
    ("statement", "damage"),
    [
        ("UPDATE runs SET details = '{'", "the details of run"),
        ("UPDATE runs SET details = '[]'", "the details of run"),
        ("UPDATE runs SET zone = 'Europe/Nowhere', id = 'x'", "wrong value in column 'id'|datatype mismatch"),
        ("UPDATE runs SET first_at = 'x'", "wrong value in column 'first_at'"),
        ("UPDATE runs SET horizon = 0", "without a horizon"),
        ("UPDATE score_rows SET error = 9e999", "wrong value in column 'error'"),
        ("UPDATE score_rows SET error = 'x', scaled = x'ff'", "wrong value in column 'error'"),
        ("UPDATE runs SET job = CAST(x'61ff' AS TEXT)", "not UTF-8"),
        ("DROP TABLE score_rows", "no table 'score_rows'"),
        ("ALTER TABLE runs RENAME COLUMN key TO other", "no column 'key'|no such column"),
        ("UPDATE ledger_version SET version = 1", "its version is 1, but its tables are of version|is damaged"),
        ("DELETE FROM actual_rows", "'score_rows' has a row without its row in 'actual_rows'"),
        ("PRAGMA foreign_keys = OFF; DELETE FROM run_series", "has no rows in 'run_series'"),
    ],
)
def test_damage_is_named(forecast: Forecast, tmp_path: Path, statement: str, damage: str) -> None:
    path = _copy(tmp_path, "SELECT 1")
    with contextlib.suppress(sqlite3.IntegrityError):
        _change(path, statement)
    errors = [forecast("ledger", command, "--ledger", path) for command in ("history", "score", "diff", "recalibrate")]
    assert {done.code for done in errors} <= {0, 66}
    refused = [done.err for done in errors if done.code]
    assert not refused or any(part in text for text in refused for part in damage.split("|"))


def test_a_bug_of_the_program_is_not_called_damage(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("forecaster.store.ledger.queries.history", fail)
    shutil.copyfile(LEDGER, "l.db")
    done = forecast("ledger", "history", "--ledger", "l.db")
    assert done.code == 1
    assert "ZeroDivisionError" in done.err


def test_random_damage_never_ends_with_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    failures, codes = fuzz(36, 0, commands=(("score", "--since", "all"),))
    assert failures == list[Failure]()
    assert codes[66] > 9


def test_the_fuzzer_reports_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("benchmarks.fuzz_ledgers.run_command", lambda arguments: 1)
    assert fuzz_main(["--inputs", "1"]) == 1
    assert "5 failures" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["select", "Group", "user", "Ünïcode", "a" * 63])
def test_forecasts_may_be_published_to_a_table_of_any_plain_name(url: str, name: str) -> None:
    place = f"{url}{'&' if '?' in url else '?'}table={name}"
    digest = replace_rows(place, forecast_of(2, 3), job="j", run="r")
    assert digest_rows(place, job="j") == digest == replace_rows(place, forecast_of(2, 3), job="j", run="r")


@pytest.mark.parametrize("name", ["a" * 64, "ü" * 32, "sqlite_stat", "pg_x", "a b", 'a"b', "a;b"])
def test_a_name_that_a_database_cannot_hold_is_wrong_usage(url: str, name: str) -> None:
    place = f"{url}{'&' if '?' in url else '?'}table={name}"
    with pytest.raises(UsageError, match="table="):
        replace_rows(place, forecast_of(1, 2), job="j", run="r")


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "\udcff"])
def test_an_id_that_a_database_cannot_hold_is_an_error_of_data(url: str, name: str) -> None:
    forecast = forecast_of(1, 2, ids=[name])
    with pytest.raises(DataError, match="cannot store this name"):
        replace_rows(url, forecast, job="j", run="r")
    ledger = open_ledger(url)
    with pytest.raises(DataError, match="cannot store this name"):
        record(ledger, run_of("r"), forecast)
    with reading(ledger) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar() == 0


def test_details_with_odd_characters_are_recorded(url: str) -> None:
    ledger = open_ledger(url)
    assert record(ledger, dataclasses.replace(run_of("r"), details={"error": "a\0b \udcff"}))
