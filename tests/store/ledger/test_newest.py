from datetime import timedelta

import pandas as pd
import pytest

from forecaster.panel import Panel
from forecaster.store.database import Database
from forecaster.store.ledger.actuals import add_actuals
from forecaster.store.ledger.newest import known_actuals, newest_forecasts
from forecaster.store.ledger.record import record
from tests.conftest import MakePanel
from tests.store.ledger.conftest import START, MakeForecast, run_of
from tests.store.ledger.test_score import keep


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    """Two series of nine days, from Monday 2024-01-01."""
    return make_panel([[1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 20, 30, 40, 50, 60, 70, 80, 90]])


def test_only_the_newest_run_that_forecast_counts(ledger: Database, panel: Panel, make_forecast: MakeForecast) -> None:
    assert newest_forecasts(ledger, "sales", ["s0"]).empty
    keep(ledger, panel, make_forecast(panel.cut(4), [[7, 8, 9], [30, 40, 50]]), "a")
    keep(ledger, panel, make_forecast(panel.cut(3), [[70, 80, 90], [7, 8, 9]]), "b")
    record(ledger, run_of("failed"))
    found = newest_forecasts(ledger, "sales", ["s0", "s1", "nobody"])
    assert found["unique_id"].tolist() == ["s0"] * 3 + ["s1"] * 3
    assert found["ds"].tolist()[:3] == ["2024-01-07", "2024-01-08", "2024-01-09"]
    assert found["mean"].tolist() == [70, 80, 90, 7, 8, 9]
    assert (found["q900"] - found["q100"]).tolist() == pytest.approx([8.0] * 6)
    assert newest_forecasts(ledger, "sales", ["s1"])["step"].tolist() == [1, 2, 3]
    assert newest_forecasts(ledger, "other", ["s1"]).empty


def test_actuals_are_as_they_were_last_stated(
    ledger: Database, panel: Panel, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    keep(ledger, panel, make_forecast(panel.cut(4), [[7, 8, 9], [30, 40, 50]]), "a")
    again = make_panel([[1, 2, 3, 4, 5, 6, 7.5, 8, 9], [10, 20, 30, 40, 50, 60, 70, 80, 90]])
    add_actuals(ledger, "sales", again, read_at=START + timedelta(days=1))
    found = known_actuals(ledger, "sales", ["s0"])
    assert dict(zip(found["ds"], found["y"], strict=True)) == {
        "2024-01-06": 6,
        "2024-01-07": 7.5,
        "2024-01-08": 8,
        "2024-01-09": 9,
    }
    since = int(pd.Timestamp("2024-01-08").value // 1000)
    assert known_actuals(ledger, "sales", ["s0", "s1"], since=since)["y"].tolist() == [8, 9, 80, 90]
