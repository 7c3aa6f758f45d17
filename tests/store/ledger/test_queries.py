import numpy as np
import pytest

from forecaster.frequency import DAY
from forecaster.panel import Panel
from forecaster.store.database import Database
from forecaster.store.ledger.queries import anomalies, history, list_jobs, read_scored_forecasts, revisions, summarise
from forecaster.store.ledger.record import record
from forecaster.store.ledger.score import score
from tests.conftest import MakePanel
from tests.store.ledger.conftest import MakeForecast, run_of
from tests.store.ledger.test_score import keep


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    """Two series of nine days, Monday 2024-01-01 to Tuesday 2024-01-09; `s1` is ten times `s0`."""
    return make_panel([[1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 20, 30, 40, 50, 60, 70, 80, 90]])


@pytest.fixture
def scored(ledger: Database, panel: Panel, make_forecast: MakeForecast) -> Database:
    """A ledger with two runs of three steps: `a` after Friday, 1 too high (s0) or 30 too low (s1); `b` a day later."""
    keep(ledger, panel, make_forecast(panel.cut(4), [[7, 8, 9], [30, 40, 50]]), "a")
    keep(ledger, panel, make_forecast(panel.cut(3), [[7, 8, 9], [70, 80, 90]], model="lstm"), "b")
    score(ledger, "sales")
    return ledger


def test_runs_are_listed_newest_first(scored: Database) -> None:
    assert history(scored, "sales")["key"].tolist() == ["b", "a"]
    assert history(scored, "sales", limit=1)["model"].tolist() == ["lstm"]
    assert history(scored, "other").empty
    record(scored, run_of("a", job="another"))
    assert list_jobs(scored) == ["another", "sales"]


def test_scores_are_summed_up_over_all_and_within_bounds(scored: Database) -> None:
    found = summarise(scored, "sales").iloc[0]
    assert found["forecasts"] == 12
    assert found["mae"] == pytest.approx((3 * 1 + 3 * 30) / 12)
    assert found["bias"] == pytest.approx((3 * 1 - 3 * 30) / 12)
    assert found["mase"] == pytest.approx(found["mae"] / 2)
    assert found["coverage80"] == pytest.approx(9 / 12)
    sunday = int(panel_time("2024-01-07"))
    assert summarise(scored, "sales", since=sunday, until=sunday).iloc[0]["forecasts"] == 4
    empty = summarise(scored, "other").iloc[0]
    assert empty["forecasts"] == 0
    assert np.isnan(empty["mae"])


@pytest.mark.parametrize(
    ("by", "keys", "errors"),
    [
        ("step", [1, 2, 3], [31 / 4] * 3),
        ("unique_id", ["s0", "s1"], [0.5, 15]),
        ("model", ["gru", "lstm"], [15.5, 0]),
        ("week", ["2024-W01", "2024-W02"], [31 * 2 / 6, 31 / 6]),
    ],
)
def test_scores_are_cut_by_step_series_model_and_week(
    scored: Database, by: str, keys: list[object], errors: list[float]
) -> None:
    found = summarise(scored, "sales", by=by)  # type: ignore[arg-type]
    assert found.columns[0] == by
    assert found[by].tolist() == keys
    assert found["mae"].tolist() == pytest.approx(errors)
    assert found["forecasts"].sum() == 12


def test_skill_is_against_the_naive_forecasts_of_the_same_times(
    ledger: Database, make_panel: MakePanel, make_forecast: MakeForecast
) -> None:
    panel = make_panel([[1, 2, 3, 4, 8]])
    keep(ledger, panel, make_forecast(panel.cut(1), [[7]]))  # naive gives 4, seasonal naive 5
    score(ledger, "sales")
    found = summarise(ledger, "sales").iloc[0]
    assert (found["skill"], found["skill_naive"]) == pytest.approx((1 - 1 / 3, 1 - 1 / 4))


def test_pairs_give_each_forecast_beside_its_actual(scored: Database) -> None:
    found = read_scored_forecasts(scored, "sales")
    assert len(found) == 12
    assert (found["q500"] == found["mean"]).all()
    assert found[found["unique_id"] == "s1"]["y"].tolist() == [60, 70, 80, 70, 80, 90]
    assert (
        read_scored_forecasts(scored, "sales", since=int(panel_time("2024-01-09")))["ds"].tolist() == ["2024-01-09"] * 2
    )


def test_an_anomaly_is_an_actual_outside_the_last_forecast_made_for_it(scored: Database) -> None:
    found = anomalies(scored, "sales")  # on Sunday and Monday run a is superseded by b
    assert found[["unique_id", "ds", "y", "run"]].values.tolist() == [["s1", "2024-01-06", 60.0, "a"]]
    assert found["excess"].tolist() == pytest.approx([60 - 34.75])
    assert found["scaled"].tolist() == pytest.approx([(60 - 34.75) / 2])
    with pytest.raises(ValueError, match="97"):
        anomalies(scored, "sales", level=97)


def test_revisions_are_against_the_forecast_before_for_the_same_time(scored: Database, panel: Panel) -> None:
    found = revisions(scored, "sales")
    assert found[["unique_id", "ds", "mean", "previous", "change", "previous_run"]].values.tolist() == [
        ["s1", "2024-01-07", 70.0, 40.0, 30.0, "a"],
        ["s1", "2024-01-08", 80.0, 50.0, 30.0, "a"],
        ["s0", "2024-01-07", 7.0, 8.0, -1.0, "a"],
        ["s0", "2024-01-08", 8.0, 9.0, -1.0, "a"],
    ]
    assert len(revisions(scored, "sales", limit=1)) == 1
    assert revisions(scored, "sales", run="a").empty
    assert revisions(scored, "sales", run="absent").empty


def test_a_run_that_made_no_forecasts_is_not_what_is_compared(scored: Database) -> None:
    before = revisions(scored, "sales")
    record(scored, run_of("failed"))
    assert revisions(scored, "sales").equals(before)


def test_a_run_two_before_is_compared_where_the_last_did_not_reach(
    ledger: Database, panel: Panel, make_forecast: MakeForecast
) -> None:
    record(ledger, run_of("a"), make_forecast(panel.cut(4), [[1, 2, 3], [1, 2, 3]]))
    record(ledger, run_of("b"), make_forecast(panel.cut(4).select(np.array([0])), [[5]]))
    record(ledger, run_of("c"), make_forecast(panel.cut(4), [[6, 6], [6, 6]]))
    found = revisions(ledger, "sales").sort_values(["unique_id", "ds"])
    assert found["previous"].tolist() == [5, 2, 1, 2]
    assert found["previous_run"].tolist() == ["b", "a", "a", "a"]


def panel_time(text: str) -> int:
    days = np.datetime64(text, "D") - np.datetime64("1970-01-01", "D")
    return int(days.astype(int)) * DAY


def test_of_several_forecasts_from_a_cutoff_the_last_one_counts(
    scored: Database, panel: Panel, make_forecast: MakeForecast
) -> None:
    keep(scored, panel, make_forecast(panel.cut(3), [[17, 18, 19], [70, 80, 90]]), "c")
    score(scored, "sales")
    found = summarise(scored, "sales")
    assert found.loc[0, ["forecasts", "mae"]].tolist() == [12, (3 * 1 + 3 * 30 + 3 * 10) / 12]
    assert summarise(scored, "sales", by="model")["forecasts"].tolist() == [12]
    rows = read_scored_forecasts(scored, "sales")
    assert len(rows) == 12 == len(rows[["unique_id", "cutoff_at", "step"]].drop_duplicates())
