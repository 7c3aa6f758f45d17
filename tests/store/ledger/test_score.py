from datetime import UTC, datetime

import numpy as np
import pytest

from forecaster.evaluation import metrics
from forecaster.evaluation.metrics import LEVELS
from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.panel import Panel
from forecaster.store.database import Database
from forecaster.store.ledger.actuals import add_actuals
from forecaster.store.ledger.queries import summarise
from forecaster.store.ledger.record import record
from forecaster.store.ledger.score import INTERVALS, score
from tests.conftest import MakePanel
from tests.store.ledger.conftest import MakeForecast, run_of
from tests.store.ledger.test_record import rows

SEEN = datetime(2024, 1, 9, tzinfo=UTC)


def keep(ledger: Database, panel: Panel, forecast: Forecast, key: str = "a", job: str = "sales") -> None:
    """Record a forecast, then the panel that it came from and what follows."""
    naive = np.full_like(forecast.mean, 4)
    scale = np.full(len(forecast.ids), 2.0)
    record(ledger, run_of(key, job), forecast, baselines={"naive": naive, "seasonal_naive": naive + 1}, scale=scale)
    add_actuals(ledger, job, panel, read_at=SEEN)


def test_a_forecast_is_scored_when_its_actual_arrives_and_once(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 7]])
    keep(ledger, panel, make_forecast(panel.cut(1), [[5, 6]]))
    assert score(ledger, "sales") == 1
    found = rows(ledger, "SELECT ds, step, y, error, scaled, seasonal_naive_scaled, naive_scaled, version FROM scores")
    assert found == [("2024-01-05", 1, 7.0, -2.0, 1.0, 1.0, 1.5, 1)]
    assert score(ledger, "sales") == 0


@pytest.mark.parametrize(
    ("y", "inside", "below"),
    [(5, 20, 7), (6.5, 40, 9), (7.25, 50, 10), (7.75, 60, 11), (9.7, 95, 14), (99, 100, 15), (0, 100, 0)],
)
def test_the_narrowest_interval_that_holds_an_actual_is_told(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast, y: float, inside: int, below: int
) -> None:
    panel = make_panel([[1, 2, 3, 4, y]])  # quantile p lies at 10 p
    keep(ledger, panel, make_forecast(panel.cut(1), [[5]]))
    score(ledger, "sales")
    assert rows(ledger, "SELECT inside, below FROM scores") == [(inside, below)]


def test_a_restated_actual_replaces_the_score_and_names_its_version(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 7]])
    keep(ledger, panel, make_forecast(panel.cut(1), [[5]]))
    score(ledger, "sales")
    for value in (6, 8):  # two in a row before anyone scores
        add_actuals(ledger, "sales", make_panel([[1, 2, 3, 4, value]]), read_at=SEEN)
    assert score(ledger, "sales") == 1
    assert rows(ledger, "SELECT y, error, version FROM scores") == [(8.0, -3.0, 3)]


def test_a_forecast_recorded_after_its_actual_is_scored_too(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 7, 8]])
    keep(ledger, panel, make_forecast(panel.cut(2), [[5, 6]]), "a")
    score(ledger, "sales")
    record(ledger, run_of("b"), make_forecast(panel.cut(1), [[7.5]]))
    assert score(ledger, "sales") == 2  # the old forecast of that time as well
    assert rows(ledger, "SELECT run, ds, error FROM scores ORDER BY 1, 2") == [
        ("a", "2024-01-05", -2.0),
        ("a", "2024-01-06", -2.0),
        ("b", "2024-01-06", -0.5),
    ]


def test_a_scale_of_zero_or_none_gives_no_scaled_error(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 7]] * 2)
    record(ledger, run_of("a"), make_forecast(panel.cut(1), [[5]] * 2), scale=np.array([0, np.nan]))
    add_actuals(ledger, "sales", panel, read_at=SEEN)
    assert score(ledger, "sales") == 2
    assert rows(ledger, "SELECT error, scaled, naive_scaled FROM scores") == [(-2.0, None, None)] * 2


def test_only_the_job_that_was_named_is_scored(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 7]])
    keep(ledger, panel, make_forecast(panel.cut(1), [[5]]), job="sales")
    keep(ledger, panel, make_forecast(panel.cut(1), [[5]]), job="stock")
    assert score(ledger, "stock") == 1
    assert rows(ledger, "SELECT job FROM scores") == [("stock",)]
    assert score(ledger, "sales") == 1


def test_scores_are_those_of_the_holdout(ledger: Database, make_panel: MakePanel) -> None:
    random = np.random.default_rng(0)
    panel = make_panel(random.normal(50, 9, (20, 30)).tolist())
    quantiles = np.sort(random.normal(50, 9, (20, 6, len(PROBABILITIES))), axis=2).astype(np.float32)
    past = panel.cut(6)
    forecast = Forecast.of(past, quantiles, model="gru", mean=quantiles[:, :, 7])
    naive = np.repeat(past.values[past.end - 1], 6, axis=1)
    scale = metrics.seasonal_error(past, 1)
    record(ledger, run_of("a"), forecast, baselines={"naive": naive}, scale=scale)
    add_actuals(ledger, "sales", panel, read_at=SEEN)
    assert score(ledger, "sales") == 120
    actual = past.actual(6, panel.end)
    found = summarise(ledger, "sales").iloc[0]
    assert found["mae"] == pytest.approx(metrics.mae(actual, forecast.mean))
    assert found["rmse"] == pytest.approx(metrics.rmse(actual, forecast.mean))
    mase = metrics.mase(actual, forecast.mean, scale).mean()
    assert found["mase"] == pytest.approx(mase)
    assert found["skill_naive"] == pytest.approx(1 - mase / metrics.mase(actual, naive, scale).mean())
    assert np.isnan(found["skill"])
    for level, (lower, upper) in LEVELS.items():
        inside = metrics.coverage(actual, forecast.at(lower), forecast.at(upper)).mean()
        assert found[f"coverage{level}"] == pytest.approx(inside)


def test_the_intervals_are_those_between_quantiles_narrowest_first() -> None:
    assert list(INTERVALS) == [20, 40, 50, 60, 80, 90, 95]
    assert INTERVALS[80] == ("q100", "q900")
