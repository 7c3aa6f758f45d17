"""docs/ledger.md is true: its queries run, and it names every column there is."""

import re
from pathlib import Path

import pytest

from forecaster.store.database import Database
from forecaster.store.ledger.actuals import add_actuals
from forecaster.store.ledger.score import score
from forecaster.store.ledger.tables import VIEWS, metadata
from tests.conftest import MakePanel
from tests.store.ledger.conftest import MakeForecast
from tests.store.ledger.test_record import rows
from tests.store.ledger.test_score import SEEN, keep

TEXT = (Path(__file__).parents[3] / "docs" / "ledger.md").read_text("utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def told(ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast) -> Database:
    """A job whose second value lay outside and was re-stated."""
    panel = make_panel([[1, 2, 3, 4, 7, 20]])
    keep(ledger, panel, make_forecast(panel.cut(2), [[5, 6]]))
    add_actuals(ledger, "sales", make_panel([[1, 2, 3, 4, 7, 30]]), read_at=SEEN)
    score(ledger, "sales")
    return ledger


def test_the_first_query_tells_scores_by_lead_time(told: Database) -> None:
    found = rows(told, QUERIES[0])
    assert found == [(1, 1, 2.0, -2.0, 0.0, 1.0), (2, 1, 24.0, -24.0, pytest.approx(1 - 24 / 25), 0.0)]


def test_the_second_query_tells_anomalies(told: Database) -> None:
    assert rows(told, QUERIES[1]) == [("s0", "2024-01-06", 30.0, 1.25, 10.75)]


def test_the_third_query_tells_what_was_restated(told: Database) -> None:
    assert rows(told, QUERIES[2]) == [("s0", "2024-01-06", 20.0, 30.0, "2024-01-09T00:00:00Z")]


def test_every_table_view_and_column_is_named() -> None:
    assert len(QUERIES) == 3
    named = set(re.findall(r"\w+", TEXT))
    assert not {*metadata.tables, *VIEWS} - named
    assert not {column.name for table in metadata.tables.values() for column in table.c} - named
