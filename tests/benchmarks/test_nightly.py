"""A night of a job in a ledger that is full."""

import re
import sqlite3
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks import nightly

NIGHT = "one more day"


def live(folder: Path, rows: int, series: int) -> dict[str, Any]:
    folder.mkdir()
    return nightly.measure(folder, Namespace(rows=rows, series=series, horizon=14, url=None))


def test_nights_are_measured_in_a_ledger_of_the_size_asked(tmp_path: Path) -> None:
    found = live(tmp_path / "few", 2800, 10)
    assert found["forecasts"] == 2800
    assert found["the same data"]["status"] == "unchanged"
    assert (found[NIGHT]["status"], found[NIGHT]["scored"]) == ("published", 10 * 14)
    assert set(found[NIGHT]["seconds [wall, processor]"]) >= {"reading", "record", "overhead"}


@dataclass
class Work:
    """What SQLite did: statements with their parameters, and thousands of its machine's steps."""

    statements: dict[str, Any] = field(default_factory=dict)
    steps: int = 0


@contextmanager
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Work]]:
    """Give the work of each night, as it ends."""
    nights: list[Work] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool) -> None:
        if nights and not is_many:
            nights[-1].statements[statement] = parameters

    def count() -> None:
        if nights:
            nights[-1].steps += 1

    def connect(connection: sqlite3.Connection, _: object) -> None:
        connection.set_progress_handler(count, 1000)

    def time_run(*given: Any) -> dict[str, Any]:
        nights.append(Work())
        return original(*given)

    original = nightly.time_run
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    sa.event.listen(sa.Engine, "connect", connect)
    monkeypatch.setattr(nightly, "time_run", time_run)
    try:
        yield nights
    finally:
        monkeypatch.setattr(nightly, "time_run", original)
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        sa.event.remove(sa.Engine, "connect", connect)


@pytest.mark.slow
def test_a_night_among_a_million_forecasts_is_no_more_work_than_among_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series, steps = 1000, {}
    for rows in (200_000, 1_000_000):
        folder = tmp_path / str(rows)
        with watching(monkeypatch) as nights:
            found = live(folder, rows, series)
        night = found[NIGHT]
        assert (night["status"], night["actuals"]["new"], night["scored"]) == ("published", series, series * 14)
        with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
            (count,) = ledger.execute("SELECT count(*) FROM forecast_rows").fetchone()
            assert count == found["forecasts"] + 3 * series * 14
            assert ledger.execute("SELECT count(*) FROM pending_rows").fetchone() == (0,)
            plans = {
                (step[3], statement)
                for statement, parameters in nights[-1].statements.items()
                if not statement.startswith(("PRAGMA", "BEGIN"))
                for step in ledger.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            }
        assert [plan for plan in plans if re.match("SCAN (forecast|score|actual)_rows", plan[0])] == []
        assert any(step.startswith("SEARCH forecast_rows USING INDEX forecast_rows_of_a_time") for step, _ in plans)
        steps[rows] = nights[-1].steps
    assert steps[1_000_000] == pytest.approx(steps[200_000], rel=0.05)
