from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from forecaster.panel import Panel
from forecaster.store.database import Database
from forecaster.store.ledger.actuals import AddedActuals, add_actuals
from forecaster.store.ledger.record import record
from tests.conftest import MakePanel
from tests.store.ledger.conftest import MakeForecast, run_of
from tests.store.ledger.test_record import rows

SEEN = datetime(2024, 1, 9, tzinfo=UTC)
STORED = "SELECT unique_id, ds, y, version FROM actual_rows a JOIN series s ON s.id = a.series_id ORDER BY 1, 2, 4"


@pytest.fixture
def forecast_ledger(ledger: Database, known: Panel, make_forecast: MakeForecast) -> Database:
    """A ledger with a forecast of 2024-01-05 and the day after for `s0` and `s1`."""
    record(ledger, run_of("a"), make_forecast(known, [[5, 6], [50, 60]]))
    return ledger


@contextmanager
def counted(ledger: Database) -> Iterator[list[str]]:
    """Collect the statements that are sent to a database."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *rest: Any) -> None:
        sent.append(statement)

    sa.event.listen(ledger.engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(ledger.engine, "before_cursor_execute", note)


def test_only_what_was_forecast_is_kept_from_the_first_forecast_on(
    forecast_ledger: Database, make_panel: MakePanel
) -> None:
    panel = make_panel([[1, 2, 3, 4, 5.5], [10, 20, 30, 40, 50, 61], [7, 7, 7, 7, 7, 7]])
    assert add_actuals(forecast_ledger, "sales", panel, read_at=SEEN) == AddedActuals(new=3)
    assert rows(forecast_ledger, STORED) == [
        ("s0", "2024-01-05", 5.5, 1),
        ("s1", "2024-01-05", 50.0, 1),
        ("s1", "2024-01-06", 61.0, 1),
    ]
    assert rows(forecast_ledger, "SELECT DISTINCT seen FROM actuals") == [("2024-01-09T00:00:00Z",)]


def test_nothing_is_kept_of_a_job_without_forecasts(ledger: Database, known: Panel) -> None:
    assert add_actuals(ledger, "sales", known, read_at=SEEN) == AddedActuals()


def test_the_same_history_adds_nothing_and_is_not_read_again(forecast_ledger: Database, make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5], [10, 20, 30, 40, 50]])
    add_actuals(forecast_ledger, "sales", panel, read_at=SEEN)
    with counted(forecast_ledger) as sent:
        assert add_actuals(forecast_ledger, "sales", panel, read_at=SEEN) == AddedActuals()
        longer = make_panel([[1, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50]])
        assert add_actuals(forecast_ledger, "sales", longer, read_at=SEEN) == AddedActuals(new=1)
    assert not [statement for statement in sent if "actual_rows" in statement]


def test_a_restated_value_becomes_a_further_version(forecast_ledger: Database, make_panel: MakePanel) -> None:
    for value, added in (
        (5, AddedActuals(new=1)),
        (5.5, AddedActuals(restated=1)),
        (5, AddedActuals(restated=1)),
        (5, AddedActuals()),
    ):
        panel = make_panel([[1, 2, 3, 4, value]])
        assert add_actuals(forecast_ledger, "sales", panel, read_at=SEEN) == added
    assert rows(forecast_ledger, STORED) == [
        ("s0", "2024-01-05", 5.0, 1),
        ("s0", "2024-01-05", 5.5, 2),
        ("s0", "2024-01-05", 5.0, 3),
    ]
    assert rows(forecast_ledger, "SELECT y, version FROM actuals") == [(5.0, 3)]


def test_a_missing_value_says_nothing_and_may_come_later(forecast_ledger: Database, make_panel: MakePanel) -> None:
    for values, added in (
        ([1, 2, 3, 4, np.nan, 6], AddedActuals(new=1)),
        ([1, 2, 3, 4, 5, 6], AddedActuals(new=1)),
        ([1, 2, 3, 4, np.nan, 6], AddedActuals()),
    ):
        assert add_actuals(forecast_ledger, "sales", make_panel([values]), read_at=SEEN) == added
    assert [row[2:] for row in rows(forecast_ledger, STORED)] == [(5.0, 1), (6.0, 1)]


def test_a_history_that_begins_later_or_ends_earlier_changes_nothing(
    forecast_ledger: Database, make_panel: MakePanel
) -> None:
    panel = make_panel([[1, 2, 3, 4, 5, 6, 7]])
    add_actuals(forecast_ledger, "sales", panel, read_at=SEEN)
    assert add_actuals(forecast_ledger, "sales", panel.cut(1), read_at=SEEN) == AddedActuals()
    assert add_actuals(forecast_ledger, "sales", panel, read_at=SEEN) == AddedActuals()
    assert (
        add_actuals(forecast_ledger, "sales", replace(panel, begin=np.array([0]), end=np.array([6])), read_at=SEEN)
        == AddedActuals()
    )
    later = replace(panel, values=panel.values[5:], begin=np.array([0]), end=np.array([2]), stop=np.array([2]))
    later = replace(later, start=panel.frequency.timestamps(panel.start, np.array([5])))
    assert add_actuals(forecast_ledger, "sales", later, read_at=SEEN) == AddedActuals()
    assert add_actuals(forecast_ledger, "sales", panel, read_at=SEEN) == AddedActuals()
    assert len(rows(forecast_ledger, STORED)) == 3


def test_a_history_that_was_shorter_once_is_known_again(forecast_ledger: Database, make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2, 3, 4, 5, 6, 7]])
    add_actuals(forecast_ledger, "sales", panel, read_at=SEEN)
    restated = make_panel([[1, 2, 3, 4, 5.5]])
    assert add_actuals(forecast_ledger, "sales", restated, read_at=SEEN) == AddedActuals(restated=1)
    assert add_actuals(forecast_ledger, "sales", restated, read_at=SEEN) == AddedActuals()
    longer = make_panel([[1, 2, 3, 4, 5.5, 6, 7, 8]])
    assert add_actuals(forecast_ledger, "sales", longer, read_at=SEEN) == AddedActuals(new=1)


def test_an_earlier_forecast_has_earlier_actuals_kept(
    forecast_ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 5, 6]])
    assert add_actuals(forecast_ledger, "sales", panel, read_at=SEEN) == AddedActuals(new=2)
    record(forecast_ledger, run_of("late"), make_forecast(panel.cut(3), [[4, 5]]))
    assert add_actuals(forecast_ledger, "sales", panel, read_at=SEEN) == AddedActuals(new=1)


def test_jobs_do_not_share_actuals(
    forecast_ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 5]])
    record(forecast_ledger, run_of("a", job="stock"), make_forecast(panel.cut(1), [[5]]))
    assert add_actuals(forecast_ledger, "sales", panel, read_at=SEEN) == AddedActuals(new=1)
    assert add_actuals(forecast_ledger, "stock", panel, read_at=SEEN) == AddedActuals(new=1)


def test_many_restated_series_are_found_in_one_query(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecaster.store.ledger.actuals._MAX_SERIES_NAMED", 2)
    panel = make_panel([[1, 2, value] for value in range(5)])
    record(ledger, run_of("a"), make_forecast(panel.cut(1), [[3]] * 5))
    assert add_actuals(ledger, "sales", panel, read_at=SEEN) == AddedActuals(new=5)
    changed = make_panel([[1, 2, value + 10] for value in range(5)])
    assert add_actuals(ledger, "sales", changed, read_at=SEEN) == AddedActuals(restated=5)
    assert [row[0] for row in rows(ledger, "SELECT y FROM actuals ORDER BY 1")] == [10, 11, 12, 13, 14]
