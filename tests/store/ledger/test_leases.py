"""Leases of jobs in a ledger on a server."""

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from forecaster.errors import DependencyError, LockError
from forecaster.events import Event, Note
from forecaster.store.database import Database, open_database, reading, writing
from forecaster.store.ledger.leases import Lease, LostLeaseError
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import Run, amend, record


@pytest.fixture
def ledger(postgres_url: str) -> Database:
    return open_ledger(postgres_url)


def lease_of(ledger: Database, seconds: float = 60.0, job: str = "sales") -> Lease:
    return Lease(ledger, job, f"{job}.yaml", seconds)


def read_rows(ledger: Database, query: str) -> list[tuple[object, ...]]:
    with reading(ledger) as connection:
        return [tuple(row) for row in connection.execute(sa.text(query)).all()]


def end_leases(ledger: Database) -> None:
    with writing(ledger, "test") as connection:
        connection.execute(sa.text("UPDATE job_leases SET expires_at = 0"))


def test_a_second_run_is_refused_with_host_process_and_start_of_the_first(ledger: Database) -> None:
    first = lease_of(ledger)
    first.acquire()
    with pytest.raises(LockError) as caught:
        lease_of(ledger).acquire()
    assert caught.value.code == 75
    assert f"sales.yaml: another run (process {os.getpid()} on {socket.gethostname()}, since 20" in caught.value.message
    assert "within 60 seconds" in caught.value.hint
    lease_of(ledger, job="prices").acquire()
    first.release()
    lease_of(ledger).acquire()


def test_of_many_runs_at_once_one_gets_the_lease(ledger: Database) -> None:
    barrier = threading.Barrier(8)

    def acquire(_: int) -> bool:
        lease = lease_of(ledger)
        barrier.wait()
        try:
            lease.acquire()
        except LockError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(acquire, range(8))) == 1


def test_an_ended_lease_is_acquired_and_its_run_finds_out(ledger: Database) -> None:
    first, second = lease_of(ledger), lease_of(ledger)
    first.acquire()
    end_leases(ledger)
    first.renew()  # Nobody has acquired it, so the run goes on.
    with pytest.raises(LockError):
        second.acquire()
    end_leases(ledger)
    second.acquire()
    with pytest.raises(LostLeaseError, match=r"lost the job in postgresql.* to another run"):
        first.renew()
    first.release()  # It leaves the row of the other run.
    second.renew()
    second.release()
    with pytest.raises(LostLeaseError, match="which has ended"):
        first.renew()


def test_a_lease_ends_by_the_clock_of_the_server_after_its_seconds(
    ledger: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease_of(ledger, seconds=0.5).acquire()
    monkeypatch.setattr(time, "time", lambda: 0.0)  # The clock of this machine is wrong.
    with pytest.raises(LockError, match=f"since {datetime.now(UTC):%Y}"):
        lease_of(ledger).acquire()
    time.sleep(0.6)
    lease_of(ledger).acquire()


def test_a_run_that_has_locked_the_same_file_does_not_wait_for_the_end_of_a_lease(ledger: Database) -> None:
    lease_of(ledger).acquire("kernel 1 2 nightly.lock")
    for place in ("another kernel 1 2 nightly.lock", None):
        with pytest.raises(LockError):
            lease_of(ledger).acquire(place)
    lease_of(ledger).acquire("kernel 1 2 nightly.lock")


def test_runs_of_unknown_files_exclude_each_other(ledger: Database) -> None:
    lease_of(ledger).acquire(None)
    with pytest.raises(LockError):
        lease_of(ledger).acquire(None)


def test_a_thread_renews_the_lease_and_the_end_of_the_block_releases_it(ledger: Database) -> None:
    lease = lease_of(ledger, seconds=1.0)
    lease.acquire()
    with lease.renewed():
        time.sleep(2.0)
        with pytest.raises(LockError):
            lease_of(ledger).acquire()
    assert read_rows(ledger, "SELECT * FROM job_leases") == []


def test_a_server_that_cannot_be_reached_for_a_while_costs_nothing(
    ledger: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = lease_of(ledger, seconds=2.0)
    lease.acquire()
    renew, failures = lease.renew, iter([True, True])

    def renew_sometimes() -> None:
        if next(failures, False):
            raise DependencyError("no server", hint="")
        renew()

    monkeypatch.setattr(lease, "renew", renew_sometimes)
    with lease.renewed():
        time.sleep(2.5)
        with pytest.raises(LockError):
            lease_of(ledger).acquire()


def test_a_run_that_lost_its_lease_is_stopped_by_its_next_event(ledger: Database) -> None:
    first = lease_of(ledger, seconds=0.5)
    first.acquire()
    events: list[Event] = []
    watch = first.watching(events.append)
    watch(Note("before"))
    end_leases(ledger)
    lease_of(ledger).acquire()
    with first.renewed():
        time.sleep(1.0)
        with pytest.raises(LostLeaseError):
            watch(Note("after"))
    assert events == [Note("before")]


def test_the_ledger_refuses_the_record_of_a_run_that_lost_its_lease(ledger: Database) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    first, second = lease_of(ledger), lease_of(ledger)
    first.acquire()
    assert record(ledger, Run("sales", "a", now, lease=first))
    end_leases(ledger)
    second.acquire()
    with pytest.raises(LostLeaseError):
        record(ledger, Run("sales", "b", now, lease=first))
    with pytest.raises(LostLeaseError):
        amend(ledger, Run("sales", "a", now, code=3, lease=first))
    assert record(ledger, Run("sales", "c", now, lease=second))
    assert read_rows(ledger, "SELECT key, code FROM runs ORDER BY id") == [("a", 0), ("c", 0)]


def test_a_lease_does_not_wait_for_a_transaction_of_the_job(ledger: Database) -> None:
    quick = open_database(ledger.engine.url.render_as_string(hide_password=False), lock_seconds=0.2)
    lease = lease_of(quick)
    with writing(ledger, "sales"):
        lease.acquire()
        lease.renew()
        lease.release()
