"""Forecasts of other sources on both engines: versions, pairs by lead time, overrides, and no trace in our scores."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.errors import UsageError
from forecaster.frequency import DAY
from forecaster.panel import Panel
from forecaster.store.database import Database, writing
from forecaster.store.ledger import queries
from forecaster.store.ledger.actuals import add_actuals
from forecaster.store.ledger.damage import find_damage
from forecaster.store.ledger.recent import find_extent, list_series
from forecaster.store.ledger.score import score
from forecaster.store.ledger.source_scores import read_scored_forecasts, read_scored_overrides
from forecaster.store.ledger.sources import (
    compare_with_recorded,
    find_run,
    list_last_known,
    list_newest_cutoffs,
    list_sources,
    record_source,
)
from forecaster.store.ledger.tables import QUANTILES
from tests.conftest import MakePanel
from tests.store.ledger.conftest import MakeForecast
from tests.store.ledger.test_record import rows
from tests.store.ledger.test_score import keep

NOW = datetime(2024, 1, 20, tzinfo=UTC)
JAN_1 = int(np.datetime64("2024-01-01", "us").astype(np.int64))


def at(day: int) -> int:
    return JAN_1 + (day - 1) * DAY


def cells(*values: tuple[int, int, int, float], run: float = np.nan) -> pd.DataFrame:
    """Rows of a source: series_id, day, day of the cutoff, value."""
    frame = pd.DataFrame(
        [
            {
                "series_id": series,
                "at": at(day),
                "cutoff_at": at(cutoff),
                "step": day - cutoff,
                "ds": f"2024-01-{day:02d}",
                "cutoff": f"2024-01-{cutoff:02d}",
                "run_id": run,
                "value": value,
            }
            for series, day, cutoff, value in values
        ]
    )
    return frame.assign(**dict.fromkeys(QUANTILES, np.nan))


@pytest.fixture
def scored(ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast) -> Panel:
    """A job that has forecast day 5 and 6 as 5 and 6 from day 4, and day 6 and 7 as 8 and 9 from day 5."""
    panel = make_panel([[1, 2, 3, 4, 7, 7, 7]])
    keep(ledger, panel.cut(3), make_forecast(panel.cut(3), [[5, 6]]), key="a")
    keep(ledger, panel, make_forecast(panel.cut(2), [[8, 9]]), key="b")
    score(ledger, "sales")
    return panel


def record_plan(ledger: Database, frame: pd.DataFrame, name: str = "planner", **options: Any) -> Any:
    kind = options.get("kind", "forecast")
    return record_source(ledger, "sales", name, kind, frame, recorded_at=NOW)


def test_the_same_rows_add_nothing_and_other_values_are_versions(ledger: Database, scored: Panel) -> None:
    frame = cells((1, 5, 4, 6.0), (1, 6, 4, 6.5))
    assert (lambda r: (r.new, r.same, r.replaced))(record_plan(ledger, frame)) == (2, 0, 0)
    assert (lambda r: (r.new, r.same, r.replaced))(record_plan(ledger, frame)) == (0, 2, 0)
    changed = cells((1, 5, 4, 9.0), (1, 7, 4, 1.0))
    compared = compare_with_recorded(ledger, "sales", "planner", changed)
    assert compared["is_changed"].tolist() == [True, False]
    assert compared["recorded"].tolist()[0] == 6
    assert (lambda r: (r.new, r.same, r.replaced))(record_plan(ledger, changed)) == (1, 0, 1)
    assert rows(ledger, "SELECT at, version, value FROM source_rows WHERE at < 1704499200000000 ORDER BY version") == [
        (at(5), 1, 6.0),
        (at(5), 2, 9.0),
    ]
    assert rows(
        ledger, "SELECT source, kind, unique_id, ds, step, value, version FROM source_forecasts ORDER BY ds"
    ) == [
        ("planner", "forecast", "s0", "2024-01-05", 1, 9.0, 2),
        ("planner", "forecast", "s0", "2024-01-06", 2, 6.5, 1),
        ("planner", "forecast", "s0", "2024-01-07", 3, 1.0, 1),
    ]


def test_a_forecast_belongs_to_that_of_the_same_cutoff(ledger: Database, scored: Panel) -> None:
    """Day 6 was forecast from days 4 and 5; the planner's forecast of each is beside ours of the same lead time."""
    record_plan(ledger, cells((1, 6, 4, 1.0), (1, 6, 5, 2.0), (1, 6, 3, 3.0), (1, 5, 4, 4.0)))
    found = read_scored_forecasts(ledger, "sales", "planner")
    assert found[["step", "source_mean", "model_mean", "y"]].fillna(-1).to_numpy().tolist() == [
        [1, 4, 5, 7],
        [1, 2, 8, 7],
        [2, 1, 6, 7],
        [3, 3, -1, 7],
    ]
    assert found["scale"].tolist() == [2.0] * 4
    assert read_scored_forecasts(ledger, "sales", "planner", since=at(6))["at"].tolist() == [at(6)] * 3


def test_of_two_runs_of_a_cutoff_the_newest_counts(
    ledger: Database, scored: Panel, make_forecast: MakeForecast
) -> None:
    keep(ledger, scored, make_forecast(scored.cut(2), [[50, 60]]), key="again")
    record_plan(ledger, cells((1, 6, 5, 2.0)))
    assert read_scored_forecasts(ledger, "sales", "planner")["model_mean"].tolist() == [50]


def test_an_override_is_ours_where_it_has_no_row(ledger: Database, scored: Panel) -> None:
    run = find_run(ledger, "sales", key="b")
    assert run is not None
    record_plan(ledger, cells((1, 7, 5, 7.0), run=run[0]), "override", kind="override")
    found = read_scored_overrides(ledger, "sales", "override")
    assert found[["step", "source_mean", "model_mean", "is_changed"]].to_numpy().tolist() == [
        [1, 8, 8, False],
        [2, 7, 9, True],
    ]


def test_an_override_of_a_later_run_from_the_same_cutoff_counts_once(
    ledger: Database, scored: Panel, make_forecast: MakeForecast
) -> None:
    keep(ledger, scored, make_forecast(scored.cut(2), [[50, 60]]), key="again")
    first, again = find_run(ledger, "sales", key="b"), find_run(ledger, "sales", key="again")
    assert first is not None
    assert again is not None
    record_plan(ledger, cells((1, 6, 5, 1.0), (1, 7, 5, 7.0), run=first[0]), "override", kind="override")
    record_plan(ledger, cells((1, 7, 5, 8.0), run=again[0]), "override", kind="override")
    found = read_scored_overrides(ledger, "sales", "override")
    assert found[["at", "source_mean", "model_mean"]].to_numpy().tolist() == [[at(6), 50, 50], [at(7), 8, 60]]


def test_a_name_has_one_kind(ledger: Database, scored: Panel) -> None:
    record_plan(ledger, cells((1, 6, 4, 1.0)))
    with pytest.raises(UsageError, match="has forecasts of job 'sales', not overrides"):
        record_plan(ledger, cells((1, 6, 4, 1.0), run=1), kind="override")
    assert list_sources(ledger, "sales") == {"planner": "forecast"}
    assert list_sources(ledger, "other") == {}


def test_runs_and_known_times_are_found(ledger: Database, scored: Panel) -> None:
    assert list_newest_cutoffs(ledger, "sales").to_numpy().tolist() == [["s0", 1, at(5)]]
    assert list_last_known(ledger, "sales", at(7)) == {1: at(6)}
    assert list_last_known(ledger, "sales", at(5)) == {1: at(4)}, "the cutoff of a run is known, too"
    newest = find_run(ledger, "sales")
    assert newest is not None
    assert newest[1] == "b"
    earlier = find_run(ledger, "sales", until=at(4))
    assert earlier is not None
    assert earlier[1] == "a"
    assert find_run(ledger, "sales", until=at(3)) is None


def test_nothing_of_ours_changes_with_a_source(ledger: Database, scored: Panel) -> None:
    def describe() -> list[Any]:
        extent = find_extent(ledger, "sales")
        tables = [
            queries.history(ledger, "sales"),
            queries.summarise(ledger, "sales"),
            queries.summarise(ledger, "sales", by="step"),
            queries.summarise(ledger, "sales", by="model"),
            queries.read_scored_forecasts(ledger, "sales"),
            queries.anomalies(ledger, "sales", level=20),
            queries.revisions(ledger, "sales"),
        ]
        views = [rows(ledger, f"SELECT * FROM {view} ORDER BY run_id, at") for view in ("forecasts", "scores")]
        return [extent, list_series(ledger, "sales"), queries.list_jobs(ledger), *views, *(t.to_json() for t in tables)]

    before = describe()
    record_plan(ledger, cells((1, 6, 4, 1e6), (1, 2, 1, -1e6)))
    run = find_run(ledger, "sales")
    assert run is not None
    record_plan(ledger, cells((1, 6, 5, 1e6), run=run[0]), "override", kind="override")
    add_actuals(ledger, "sales", scored, read_at=NOW)
    assert score(ledger, "sales") == 0
    assert describe() == before


def test_actuals_reach_back_to_an_old_plan(ledger: Database, scored: Panel) -> None:
    """The ledger has actuals from the first forecast on; last year's plan needs those of last year."""
    record_plan(ledger, cells((1, 2, 1, 5.0)))
    assert read_scored_forecasts(ledger, "sales", "planner").empty
    assert add_actuals(ledger, "sales", scored, read_at=NOW).new == 3
    assert read_scored_forecasts(ledger, "sales", "planner")["y"].tolist() == [2]


def test_the_newest_version_of_an_actual_counts(ledger: Database, scored: Panel, make_panel: MakePanel) -> None:
    record_plan(ledger, cells((1, 6, 4, 1.0)))
    add_actuals(ledger, "sales", make_panel([[1, 2, 3, 4, 7, 70, 7]]), read_at=NOW)
    assert read_scored_forecasts(ledger, "sales", "planner")["y"].tolist() == [70]


def test_a_row_without_its_source_is_damage(ledger: Database, scored: Panel) -> None:
    record_plan(ledger, cells((1, 6, 4, 1.0)))
    assert find_damage(ledger) is None
    with writing(ledger, "sales") as connection:
        connection.exec_driver_sql("DELETE FROM sources")
    assert find_damage(ledger) == "table 'source_rows' has a row without its row in 'sources'"
