import numpy as np
import pytest

from forecaster.frequency import DAY, HOUR, Frequency
from forecaster.panel import Panel
from forecaster.store.database import Database
from forecaster.store.ledger.actuals import add_actuals
from forecaster.store.ledger.recent import errors_by_period, find_extent, find_first_scored
from forecaster.store.ledger.record import Run, record
from forecaster.store.ledger.score import score
from tests.conftest import MakePanel
from tests.store.ledger.conftest import START, MakeForecast
from tests.store.ledger.test_score import SEEN, keep

FIRST = int(np.datetime64("2024-01-01", "us").astype(np.int64))


def live(ledger: Database, panel: Panel, forecasts: MakeForecast, bundles: dict[int, str]) -> None:
    """A run before each of the last steps, by bundle; it says 0 for the next two, and its scale is 2."""
    for back, bundle in bundles.items():
        forecast = forecasts(panel.cut(back), [[0, 0]] * len(panel))
        record(ledger, Run("sales", str(back), START, bundle=bundle), forecast, scale=np.full(len(panel), 2.0))
    add_actuals(ledger, "sales", panel, read_at=SEEN)
    score(ledger, "sales")


def test_nothing_scored_lies_nowhere(ledger: Database, known: Panel, make_forecast: MakeForecast) -> None:
    assert find_extent(ledger, "sales") is None
    keep(ledger, known, make_forecast(known, [[1], [1]]))
    assert find_extent(ledger, "sales") is None


def test_the_scores_of_a_daily_job_lie_where_its_actuals_do(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 7]])
    keep(ledger, panel, make_forecast(panel.cut(2), [[5, 6, 7]]))
    score(ledger, "sales")
    found = find_extent(ledger, "sales")
    assert found is not None
    assert (found.newest, found.step, found.horizon, found.frequency) == (FIRST + 4 * DAY, DAY, 3, "D")
    assert not found.has_daily_periods
    assert not found.is_integer
    assert found.start_of_last(2) == FIRST + 2 * DAY + 1  # the last two days lie after it
    at = np.array([FIRST])
    assert found.number_periods(at) == at
    assert found.last_known_period(at) == at


def test_hours_are_gathered_to_days_that_are_known_when_they_are_over(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([list(range(30))], frequency=Frequency("fixed", HOUR))
    keep(ledger, panel, make_forecast(panel.cut(10), [[5] * 12]))
    score(ledger, "sales")
    found = find_extent(ledger, "sales")
    assert found is not None
    assert found.has_daily_periods
    assert found.step == HOUR
    today = FIRST // DAY
    assert found.number_periods(FIRST + np.arange(0, 49, 12) * HOUR).tolist() == [
        today,
        today,
        today + 1,
        today + 1,
        today + 2,
    ]
    assert found.last_known_period(FIRST + np.array([22, 23, 24]) * HOUR).tolist() == [today - 1, today, today]


def test_errors_of_periods_are_those_of_the_newest_bundle(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 1, 8, 10, 12], [1, 1, 4, 4, 4]])
    live(ledger, panel, make_forecast, {3: "old", 2: "new", 1: "new"})
    extent = find_extent(ledger, "sales")
    assert extent is not None
    at, errors = errors_by_period(ledger, "sales", extent)
    assert at.tolist() == [FIRST + 3 * DAY, FIRST + 4 * DAY]
    assert errors.tolist() == pytest.approx([(10 + 4) / 2 / 2, (12 + 4) / 2 / 2])
    at, _ = errors_by_period(ledger, "sales", extent, since=FIRST + 4 * DAY)
    assert at.tolist() == [FIRST + 4 * DAY]
    _, errors = errors_by_period(ledger, "sales", extent, max_series=1)
    assert errors.tolist() == [10 / 2, 12 / 2]
    assert find_first_scored(ledger, "sales", None) == FIRST + 2 * DAY
    assert find_first_scored(ledger, "sales", FIRST + 2 * DAY + 1) == FIRST + 3 * DAY
    assert find_first_scored(ledger, "sales", FIRST + 5 * DAY) is None


def test_errors_of_hours_are_those_of_their_days(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[0.0] * 22 + [2, 4, 6, 8]], frequency=Frequency("fixed", HOUR))
    live(ledger, panel, make_forecast, {4: "b", 2: "b"})
    extent = find_extent(ledger, "sales")
    assert extent is not None
    at, errors = errors_by_period(ledger, "sales", extent)
    assert at.tolist() == [FIRST + 22 * HOUR, FIRST + 24 * HOUR]
    assert errors.tolist() == [1.5, 3.5]
