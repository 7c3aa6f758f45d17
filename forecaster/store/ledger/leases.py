"""Leases of jobs: rows of a ledger on a server, by which runs on several machines exclude each other.

A lease ends by the clock of the server unless its run renews it, so that the run of a machine that has died blocks
nobody for long. The clocks of the machines do not matter.
"""

import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from forecaster.errors import ForecastError, LockError
from forecaster.events import Event, Watch
from forecaster.store.database import Database, refuse_unstorable, writing
from forecaster.store.ledger.tables import leases

LEASE_SECONDS = 120.0
_RENEWALS_PER_LEASE = 5
_ATTEMPTS = 5
_SECONDS_TO_STOP = 1.0
# The present time on the server, in microseconds since 1970. `now()` would be the start of the transaction.
_NOW = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()) * 1_000_000, sa.BigInteger)


class LostLeaseError(LockError):
    """A lease that has ended and belongs to another run by now. The run that had it must not publish."""


@dataclass
class Lease:
    """The right of one run to work on a job, as a row of the ledger.

    Attributes:
        ledger: a ledger on a server.
        job: the name of the job in the ledger.
        subject: the job's file, as messages name it.
        seconds: the time from a renewal to the end of the lease.
        token: a random text that no other run has.
    """

    ledger: Database
    job: str
    subject: str
    seconds: float = LEASE_SECONDS
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    _loss: LostLeaseError | None = None

    def acquire(self, place: str | None = None) -> None:
        """Acquire the lease, if no other run has it, or if the lease of the other run has ended.

        Args:
            place: a name of the file that the caller has locked, unique among all machines. A run that locked the same
                file has ended without a release, because the caller could lock it; its lease does not count.

        Raises:
            LockError: another run has the lease.
            ForecastError: see `database.writing`.
        """
        refuse_unstorable([self.job])
        values = {"token": self.token, "host": socket.gethostname(), "process": os.getpid(), "place": place}
        times = {"acquired_at": _NOW, "expires_at": self._end}
        has_ended = leases.c.expires_at <= _NOW
        statement = (
            insert(leases)
            .values(job=self.job, **values, **times)
            .on_conflict_do_update(
                index_elements=[leases.c.job],
                set_=values | times,
                where=has_ended if place is None else has_ended | (leases.c.place == place),
            )
            .returning(leases.c.token)
        )
        for _ in range(_ATTEMPTS):
            with self._writing() as connection:
                if connection.execute(statement).first():
                    return
                holder = _describe_holder(connection, self.job)
            if holder:  # Otherwise the other run has released the lease since.
                break
        raise LockError(
            f"{self.subject}: another run ({holder or 'now ended'}) has the job in {self.ledger.place}",
            hint=f"wait for it to end; if it died, its lease ends within {self.seconds:g} seconds",
        )

    def renew(self) -> None:
        """Check that the lease belongs to this run, and extend it from now on.

        Raises:
            LostLeaseError: it does not.
            ForecastError: see `database.writing`.
        """
        own = (leases.c.job == self.job) & (leases.c.token == self.token)
        with self._writing() as connection:
            if connection.execute(leases.update().where(own).values(expires_at=self._end)).rowcount == 0:
                raise self._lost(connection)

    def check(self, connection: sa.Connection) -> None:
        """Check in the last step of a transaction that the lease belongs to this run until the transaction ends.

        Raises: LostLeaseError: it does not.
        """
        own = (leases.c.job == self.job) & (leases.c.token == self.token)
        if connection.execute(sa.select(leases.c.job).where(own).with_for_update()).first() is None:
            raise self._lost(connection)

    def release(self) -> None:
        """Delete the row, unless it belongs to another run by now.

        Raises: ForecastError: see `database.writing`.
        """
        with self._writing() as connection:
            connection.execute(leases.delete().where(leases.c.job == self.job, leases.c.token == self.token))

    @contextlib.contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew the acquired lease by a thread for the length of the block, and release it afterwards."""
        end = threading.Event()
        thread = threading.Thread(target=self._renew_until, args=(end,), name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(_SECONDS_TO_STOP)  # It may wait for a server that does not answer.
            with contextlib.suppress(ForecastError):  # A lease that is not released ends by itself.
                self.release()

    def watching(self, watch: Watch) -> Watch:
        """Return a function that passes on events until the lease is lost, and then stops the run by an error."""

        def watch_unless_lost(event: Event) -> None:
            if self._loss is not None:
                raise self._loss
            watch(event)

        return watch_unless_lost

    def _renew_until(self, end: threading.Event) -> None:
        while not end.wait(self.seconds / _RENEWALS_PER_LEASE):
            try:
                self.renew()
            except LostLeaseError as error:
                self._loss = error
                return
            except Exception:  # The server may answer before the lease ends; if not, `renew` will find out.
                continue

    @property
    def _end(self) -> sa.ColumnElement[int]:
        return _NOW + int(self.seconds * 1_000_000)

    def _writing(self) -> contextlib.AbstractContextManager[sa.Connection]:
        return writing(self.ledger, f"lease of {self.job}")

    def _lost(self, connection: sa.Connection) -> LostLeaseError:
        other = _describe_holder(connection, self.job) or "which has ended"
        return LostLeaseError(
            f"{self.subject}: this run lost the job in {self.ledger.place} to another run ({other}), because it could"
            f" not renew its lease for more than {self.seconds:g} seconds",
            hint="see what the other run publishes, and why this machine slept or could not reach the server",
        )


def _describe_holder(connection: sa.Connection, job: str) -> str | None:
    """Return the process, the host and the start of the run that has a job; None if there is none."""
    row = connection.execute(sa.select(leases).where(leases.c.job == job)).first()
    if row is None:
        return None
    since = datetime.fromtimestamp(row.acquired_at / 1_000_000, UTC)
    return f"process {row.process} on {row.host}, since {since:%Y-%m-%d %H:%M:%S} UTC"
