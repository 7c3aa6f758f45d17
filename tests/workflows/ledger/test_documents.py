"""What the commands answer is plain JSON, whatever engine holds the ledger and however little is known."""

import json
from typing import Any

import numpy as np
import pytest

from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.panel import Panel
from forecaster.store.ledger.actuals import add_actuals
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import Run, record
from forecaster.workflows.ledger.diff import diff
from forecaster.workflows.ledger.history import history
from forecaster.workflows.ledger.recalibrate import recalibrate_job, reset
from forecaster.workflows.ledger.scope import LedgerScope, open_scope
from forecaster.workflows.ledger.score import score
from tests.conftest import MakePanel
from tests.store.ledger.conftest import START
from tests.store.ledger.test_score import SEEN


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """The document as JSON gives it back; NaN would be an error."""
    read: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    return read


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    """Three series of forty days: noise, ten times that, and one that never changes, so has no scale."""
    noise = np.random.default_rng(0).normal(size=40)
    return make_panel([noise.tolist(), (10 * noise).tolist(), [3.0] * 40])


@pytest.fixture
def scope(url: str, panel: Panel) -> LedgerScope:
    """Runs on the last thirty days that say 0 for the next two; a last one that failed."""
    ledger = open_ledger(url)
    spread = np.linspace(-2, 2, len(PROBABILITIES), dtype=np.float32)
    for back in range(30, -1, -1):
        seen = panel.cut(back)
        mean = np.full((3, 2), back % 2, np.float32)
        forecast = Forecast.of(seen, mean[:, :, None] + spread, model="gru", mean=mean)
        run = Run("sales", f"{back:02d}", START, details={"promised": 1.0}, bundle="b")
        record(ledger, run, forecast, scale=np.array([1.0, 10.0, np.nan]))
    record(ledger, Run("sales", "failed", START, code=65))
    add_actuals(ledger, "sales", panel, read_at=SEEN)
    return open_scope(None, url, None)


def test_scores_are_plain_and_the_worst_series_stands_first(scope: LedgerScope) -> None:
    found = plain(score(scope))
    assert found["scored"] == found["overall"]["forecasts"] == 3 * (30 + 29)
    assert found["overall"]["skill"] is None  # nobody forecast naively
    assert list(found["by_series"])[-1] == "s2"
    assert found["by_series"]["s2"]["mase"] is None
    assert found["drift"]["periods"] == 30
    assert sum(each["forecasts"] for each in found["by_week"].values()) == found["scored"]
    assert found["anomalies"]["count"] == len(found["anomalies"]["listed"]) > 0


def test_nothing_scored_is_plain_too(url: str, panel: Panel) -> None:
    record(open_ledger(url), Run("sales", "failed", START, code=65))
    scope = open_scope(None, url, None)
    assert plain(score(scope))["overall"] is None
    assert plain(diff(scope))["run"] is None
    assert plain(history(scope))["runs"][0]["model"] is None
    assert plain(reset(scope))["adjustment"] is None


def test_revisions_runs_and_widths_are_plain(scope: LedgerScope) -> None:
    assert plain(history(scope, limit=1))["runs"][0]["code"] == 65
    found = plain(diff(scope, limit=1))
    assert (found["run"], found["revised"], len(found["revisions"])) == ("00", 3, 1)
    score(scope)
    found = plain(recalibrate_job(scope))
    assert (found["adjustment"], found["periods"]) == (1, 30)
    assert len(found["intervals"]) == 2 * 7
    assert plain(reset(scope))["adjustment"] == 2
