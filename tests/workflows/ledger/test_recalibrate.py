"""Nights on which a forecast that never changes is stretched by what came true of those before."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.panel import Panel
from forecaster.store.ledger.actuals import add_actuals
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.queries import summarise
from forecaster.store.ledger.record import Run, record
from forecaster.store.ledger.score import score
from forecaster.store.ledger.widths import newest_adjustment
from forecaster.workflows.ledger.recalibrate import recalibrate_job, stretch_intervals
from forecaster.workflows.ledger.scope import open_scope
from tests.conftest import MakePanel

NORMAL = np.array([NormalDist().inv_cdf(p) for p in PROBABILITIES], np.float32)
NOW = datetime(2024, 1, 1, tzinfo=UTC)


def live(url: str, panel: Panel, nights: list[int]) -> None:
    """Nights as a job lives them, by how many steps lie ahead: score, at times recalibrate, forecast, record."""
    ledger = open_ledger(url)
    for back in nights:
        seen = panel.cut(back)
        add_actuals(ledger, "sales", seen, read_at=NOW)
        if score(ledger, "sales") and back % 8 == 0:
            recalibrate_job(open_scope(None, url, "sales"))
        mean = np.zeros((len(panel), 2), np.float32)
        forecast = Forecast.of(seen, mean[:, :, None] + NORMAL, model="gru")
        found = newest_adjustment(ledger, "sales")
        stretched = stretch_intervals(found, forecast, seen)
        run = Run("sales", f"{back:04d}", NOW - timedelta(days=back), adjustment=found.number if found else None)
        record(ledger, run, stretched, scale=np.ones(len(panel)))
    add_actuals(ledger, "sales", panel, read_at=NOW)
    score(ledger, "sales")


@pytest.fixture
def noisy(make_panel: MakePanel) -> Panel:
    """Eight series of 80 days, twice as noisy as the forecasts say."""
    values = 2 * np.random.default_rng(0).normal(size=(8, 80))
    return make_panel(values.tolist())


def test_what_was_stretched_already_is_not_stretched_twice(tmp_path: Path, noisy: Panel) -> None:
    url = str(tmp_path / "x.db")
    live(url, noisy, list(range(70, 0, -2)))
    late = int(noisy.cutoff[0]) - 20 * 86_400_000_000
    held = summarise(open_ledger(url), "sales", since=late)["coverage80"].iloc[0]
    assert 0.75 <= held <= 0.87  # 0.48 as the model forecasts
    document = recalibrate_job(open_scope(None, url, None), is_dry=True)
    assert document["adjustment"] > 2
    eighty = [each for each in document["intervals"] if each["level"] == 80]
    # of the model's own widths, not of those that were published
    assert [each["factor"] for each in eighty] == pytest.approx([2, 2], rel=0.2)


def test_a_job_without_adjustments_forecasts_as_its_model_does(tmp_path: Path, noisy: Panel) -> None:
    ledger = open_ledger(str(tmp_path / "x.db"))
    mean = np.zeros((len(noisy), 2), np.float32)
    forecast = Forecast.of(noisy, mean[:, :, None] + NORMAL, model="gru")
    assert stretch_intervals(newest_adjustment(ledger, "sales"), forecast, noisy) is forecast


def test_many_series_are_stood_for_by_some(tmp_path: Path, noisy: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    url = str(tmp_path / "x.db")
    live(url, noisy, [40, 20])
    scope = open_scope(None, url, None)
    assert recalibrate_job(scope, is_dry=True)["forecasts"] == 2 * 2 * 8
    monkeypatch.setattr("forecaster.workflows.ledger.recalibrate._MAX_FORECASTS_READ", 10)
    assert recalibrate_job(scope, is_dry=True)["forecasts"] == 2 * 2 * 2
