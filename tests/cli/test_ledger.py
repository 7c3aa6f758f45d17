"""`forecast ledger`, on a ledger of a dozen nights."""

import csv
import io
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forecaster.config import DataConfig
from forecaster.data.load import load
from forecaster.errors import DataError
from forecaster.evaluation.metrics import seasonal_error
from forecaster.events import Event, Note
from forecaster.forecast import Forecast
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Panel
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import Run, record
from forecaster.store.ledger.widths import newest_adjustment
from forecaster.workflows.jobfile import Job
from forecaster.workflows.ledger.scope import open_scope
from forecaster.workflows.ledger.score import score
from tests.cli.conftest import Forecast as Command
from tests.cli.conftest import write_sales

NIGHTS, HORIZON = 40, 4


def live(ledger: str, panel: Panel, *, job: str = "sales", nights: int = NIGHTS, promised: float = 1.0) -> None:
    """A run each of the last nights: last season's values, their intervals half as wide as they are made."""
    database = open_ledger(ledger)
    for back in range(nights, 0, -1):
        seen = panel.cut(back)
        made = SeasonalNaive().predict(seen, HORIZON)
        narrow = made.mean[:, :, None] + (made.quantiles - made.mean[:, :, None]) / 2
        forecast = Forecast.of(seen, narrow + 1, model="gru", mean=made.mean + 1)
        night = datetime(2024, 3, 30, 2, tzinfo=UTC) - timedelta(days=back)
        run = Run(job, f"{night:%Y-%m-%d}", night, details={"promised": promised, "status": "published"}, bundle="b")
        baselines = {"seasonal_naive": made.mean, "naive": Naive().predict(seen, HORIZON).mean}
        record(database, run, forecast, baselines=baselines, scale=seasonal_error(seen, panel.season))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger, made once for all tests, which copy it."""
    sales = write_sales(tmp_path_factory.mktemp("lived"))
    live(str(sales.with_name("lived.db")), load(str(sales), DataConfig()).panel, job="nightly")
    return sales.with_name("lived.db")


@pytest.fixture
def job(sales: Path, lived: Path) -> Path:
    """A job that has run for `NIGHTS` nights; what came true is in its data alone."""
    shutil.copy(lived, sales.with_name("nightly.ledger.db"))
    path = sales.with_name("nightly.yaml")
    path.write_text("data: {path: sales.csv}\njob: {}\n")
    return path


def test_scores_tell_error_bias_coverage_and_skill_by_every_cut(forecast: Command, job: Path) -> None:
    done = forecast("ledger", "score", job, "--json")
    assert done.code == 0, done.err
    found = done.json
    expected = sum(min(HORIZON, back) for back in range(1, NIGHTS + 1))
    assert found["actuals"] == {"new": NIGHTS, "restated": 0}
    assert found["scored"] == found["overall"]["forecasts"] == expected
    assert (found["since"], found["until"]) == ("2024-02-20", "2024-03-30")
    assert list(found["by_step"]) == ["1", "2", "3", "4"]
    assert list(found["by_series"]) == ["sales"]
    assert list(found["by_model"]) == ["gru"]
    assert list(found["by_week"]) == [f"2024-W{week:02d}" for week in range(8, 14)]
    assert sum(week["forecasts"] for week in found["by_week"].values()) == expected
    for name in ("mae", "bias", "mase", "skill", "skill_naive", "coverage50", "coverage80", "coverage90", "coverage95"):
        assert isinstance(found["overall"][name], float), name
    again = forecast("ledger", "score", job, "--json").json
    assert (again["actuals"]["new"], again["scored"]) == (0, 0)
    assert again["overall"] == found["overall"]


def test_the_table_is_legible_and_says_what_it_is_about(forecast: Command, job: Path) -> None:
    done = forecast("ledger", "score", job)
    assert "nightly: actuals from 2024-02-20 to 2024-03-30" in done.out
    assert "40 new actuals, 154 forecasts scored" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    for word in ("MASE", "bias", "skill", "80%", "step", "week", "outside the 95 % interval", "Drift: "):
        assert word in done.out
    assert "sales.csv: date -> time" in done.err


def test_one_cut_is_shown_whole_and_written_as_csv(forecast: Command, job: Path) -> None:
    assert forecast("ledger", "score", job, "--by", "week").out.count("2024-W") == 6
    rows = list(csv.DictReader(io.StringIO(forecast("ledger", "score", job, "--by", "step", "-o", "-").out)))
    assert [row["key"] for row in rows] == ["1", "2", "3", "4"]
    done = forecast("ledger", "score", job, "-o", "scores.csv")
    assert "wrote scores.csv" in done.err
    cuts = [row["cut"] for row in csv.DictReader(io.StringIO(Path("scores.csv").read_text()))]
    assert set(cuts) == {"all", "step", "series", "model", "week"}


def test_only_actuals_since_a_time_count(forecast: Command, job: Path) -> None:
    for since in ("2024-03-28", "3d"):
        found = forecast("ledger", "score", job, "--since", since, "--json").json
        assert found["since"] == "2024-03-28"
        assert found["overall"]["forecasts"] == 3 * HORIZON
    assert forecast("ledger", "score", job, "--since", "all", "--json").json["since"] == "2024-02-20"
    for since in ("yesterdayish", "2025-01-01"):
        done = forecast("ledger", "score", job, "--since", since)
        assert done.code == 2
        assert f"--since {since}" in done.err


def test_actuals_outside_the_interval_are_listed_the_farthest_first(forecast: Command, job: Path) -> None:
    found = forecast("ledger", "score", job, "--level", "50", "--json").json["anomalies"]
    assert found["count"] == len(found["listed"]) > 3
    scaled = [each["scaled"] for each in found["listed"]]
    assert scaled == sorted(scaled, reverse=True)
    assert all(not each["lower"] <= each["y"] <= each["upper"] for each in found["listed"])
    assert forecast("ledger", "score", job, "--level", "51").code == 2


def test_a_ledger_alone_scores_what_it_has_or_is_given(forecast: Command, job: Path) -> None:
    url = "sqlite:///nightly.ledger.db"
    done = forecast("ledger", "score", "--ledger", url)
    assert "No forecast can be scored yet" in done.out
    assert done.code == 0
    assert forecast("ledger", "score", "--ledger", url, "--json").json["overall"] is None
    found = forecast("ledger", "score", "--ledger", url, "--data", "sales.csv", "--target", "sales", "--json").json
    assert found["scored"] == 154


def test_a_restated_actual_is_told_and_scored_again(forecast: Command, job: Path) -> None:
    before = forecast("ledger", "score", job, "--json").json["overall"]["bias"]
    lines = Path("sales.csv").read_text().splitlines()
    lines[-1] = lines[-1].split(",")[0] + ",999"
    Path("sales.csv").write_text("\n".join(lines) + "\n")
    done = forecast("ledger", "score", job, "--json")
    assert done.json["actuals"] == {"new": 0, "restated": 1}
    assert done.json["scored"] == HORIZON
    assert done.json["overall"]["bias"] < before - 1
    assert "1 actuals were re-stated" in done.err


def test_a_day_that_is_not_over_is_no_actual_yet(job: Path) -> None:
    scope = open_scope(job, None, None)
    noon = datetime(2024, 3, 30, 12, tzinfo=UTC)  # of the last day in the data
    told: list[Event] = []
    before = score(replace(scope, job=with_policy(scope.job, zone="UTC")), now=noon, watch=told.append)
    assert before["until"] == "2024-03-29"
    assert Note("the last step of 1 series is not over yet: left out") in told
    after = score(replace(scope, job=with_policy(scope.job, zone="Asia/Tokyo")), now=noon + timedelta(hours=3))
    assert (after["until"], after["actuals"]) == ("2024-03-30", {"new": 1, "restated": 0})


def test_values_of_days_to_come_are_no_actuals(job: Path) -> None:
    scope = open_scope(job, None, None)
    early = datetime(2024, 3, 20, tzinfo=UTC)
    with pytest.raises(DataError, match="has a value for 2024-03-30, and it is 2024-03-20"):
        score(replace(scope, job=with_policy(scope.job, zone="UTC")), now=early)
    kept = score(replace(scope, job=with_policy(scope.job, partial="keep")), now=early)
    assert kept["until"] == "2024-03-30"


def with_policy(job: Job | None, **changes: str) -> Job:
    assert job
    return replace(job, policy=job.policy.model_copy(update=changes))


def test_integer_time_has_no_weeks(forecast: Command, tmp_path: Path) -> None:
    rows = "".join(f"{t},{10 + t % 5}\n" for t in range(60))
    (tmp_path / "steps.csv").write_text("t,y\n" + rows)
    live(str(tmp_path / "x.db"), load(str(tmp_path / "steps.csv"), DataConfig()).panel, nights=10)
    given = ("ledger", "score", "--ledger", "x.db", "--data", "steps.csv")
    found = forecast(*given, "--json").json
    assert found["by_week"] is None
    assert (found["since"], found["until"]) == ("50", "59")
    assert forecast(*given, "--since", "58", "--json").json["overall"]["forecasts"] == 2 * HORIZON
    done = forecast(*given, "--by", "week")
    assert done.code == 2
    assert "no weeks" in done.err


def test_data_of_another_job_is_refused(forecast: Command, job: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("date,sale\n2024-03-01,1\n2024-03-02,2\n2024-03-03,3\n2024-03-04,2\n")
    done = forecast("ledger", "score", "--ledger", "nightly.ledger.db", "--data", "other.csv")
    assert done.code == 65
    assert "did you mean 'sales'" in done.err


@pytest.mark.parametrize(("promised", "word"), [(1.0, "Drift: none"), (0.01, "Drift: ALARM since 2024-02-2")])
def test_drift_is_told(forecast: Command, sales: Path, promised: float, word: str) -> None:
    live(str(sales.with_name("x.db")), load(str(sales), DataConfig()).panel, promised=promised)
    given = ("ledger", "score", "--ledger", "x.db", "--data", "sales.csv")
    assert word in forecast(*given).out
    drift = forecast(*given, "--json").json["drift"]
    assert drift["is_alarm"] == (promised < 1)
    assert drift["periods"] == NIGHTS


def test_history_lists_runs_newest_first(forecast: Command, job: Path) -> None:
    found = forecast("ledger", "history", job, "--json", "--limit", "2").json["runs"]
    assert [run["key"] for run in found] == ["2024-03-29", "2024-03-28"]
    assert found[0]["details"]["status"] == "published"
    done = forecast("ledger", "history", job, "--limit", "2")
    assert done.out.splitlines()[1].split() == [*("2024-03-29", "0", "published", "gru", "1", "2024-03-29")]


def test_history_says_why_runs_failed(forecast: Command, job: Path) -> None:
    database = open_ledger("nightly.ledger.db")
    assert "failed runs" not in forecast("ledger", "history", job, "--limit", "2").out
    for hour in range(7):
        details = {"status": "failed", "error": {"kind": "stale", "message": f"too old at {hour}"}}
        record(database, Run("nightly", f"r{hour}", datetime(2024, 3, 30, hour, tzinfo=UTC), code=5, details=details))
    lines = forecast("ledger", "history", job).out.splitlines()
    at = lines.index("Errors of failed runs:")
    assert lines[at + 1 : at + 3] == ["r6: too old at 6", "r5: too old at 5"]
    assert lines[-1] == "... and 2 more failed runs"


def test_the_key_of_a_run_is_shown_whole_however_long_the_rest_is(forecast: Command, sales: Path) -> None:
    sales.with_name("nightly.yaml").write_text(
        "data: {path: sales.csv, horizon: 7}\nmodel: {kind: seasonal_naive}\njob: {name: sales of all shops}\n"
    )
    key = json.loads(forecast("run", "nightly.yaml").out)["run"]
    record(open_ledger("nightly.ledger.db"), Run("another", "a", datetime(2025, 1, 1, tzinfo=UTC)))
    out = forecast("ledger", "history", "--ledger", "nightly.ledger.db").out
    assert f" {key} " in out
    assert " published " in out
    assert forecast("ledger", "diff", "nightly.yaml", "--run", key).code == 0


def test_of_several_jobs_one_must_be_named_but_for_the_history(forecast: Command, job: Path) -> None:
    record(open_ledger("nightly.ledger.db"), Run("weekly", "a", datetime(2025, 1, 1, tzinfo=UTC)))
    done = forecast("ledger", "diff", "--ledger", "nightly.ledger.db")
    assert done.code == 2
    assert "pass --job nightly or weekly" in done.err
    done = forecast("ledger", "diff", "--ledger", "nightly.ledger.db", "--job", "nigtly")
    assert "did you mean 'nightly'" in done.err
    assert forecast("ledger", "diff", "--ledger", "nightly.ledger.db", "--job", "nightly").code == 0
    runs = forecast("ledger", "history", "--ledger", "nightly.ledger.db", "--json").json["runs"]
    assert [run["job"] for run in runs[:2]] == ["weekly", "nightly"]
    assert (
        "No forecast can be scored"
        in forecast("ledger", "score", "--ledger", "nightly.ledger.db", "--job", "weekly").out
    )


def test_diff_shows_the_largest_revisions_first(forecast: Command, job: Path) -> None:
    found = forecast("ledger", "diff", job, "--json").json
    assert found["run"] == "2024-03-29"
    assert found["revised"] == HORIZON - 1
    sizes = [abs(each["scaled"]) for each in found["revisions"]]
    assert sizes == sorted(sizes, reverse=True)
    assert found["revisions"][0]["change"] == pytest.approx(
        found["revisions"][0]["mean"] - found["revisions"][0]["previous"]
    )
    done = forecast("ledger", "diff", job, "--limit", "1")
    assert "3 times forecast again" in done.out
    assert "... and 2 smaller changes" in done.out
    first = forecast("ledger", "diff", job, "--run", "2024-02-19")
    assert "has nothing to compare: no earlier run forecast the same" in first.out
    assert forecast("ledger", "diff", job, "--run", "2024-02-91").code == 2


def test_recalibration_widens_intervals_that_are_too_narrow_and_keeps_it_once(forecast: Command, job: Path) -> None:
    assert forecast("ledger", "recalibrate", job).code == 65  # nothing is scored
    forecast("ledger", "score", job)
    tried = forecast("ledger", "recalibrate", job, "--dry-run", "--json").json
    ledger = open_ledger("nightly.ledger.db")
    assert tried["adjustment"] is None
    assert newest_adjustment(ledger, "nightly") is None
    found = [forecast("ledger", "recalibrate", job, "--json").json for _ in range(2)]
    assert [each["adjustment"] for each in found] == [1, 1]
    assert found[0]["intervals"] == [each | {"factor_before": 1.0} for each in tried["intervals"]]
    eighty = [each for each in found[0]["intervals"] if each["level"] == 80]
    assert [(each["first_step"], each["last_step"]) for each in eighty] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert all(each["factor"] > 1.2 for each in eighty)
    done = forecast("ledger", "recalibrate", job)
    assert "saved as adjustment 1" in done.out
    assert "estimated from " in done.out
    few = forecast("ledger", "recalibrate", job, "--dry-run", "--since", "2024-03-20").out
    assert "; factors change from 20 periods on" in few
    assert "estimated from" not in few
    assert max(map(len, done.out.splitlines())) <= 80
    assert "own again" in forecast("ledger", "recalibrate", job, "--reset").out
    newest = newest_adjustment(ledger, "nightly")
    assert newest is not None
    assert (newest.number, newest.factors.max()) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["history"], 2, "the job's file or --ledger"),
        (["history", "nightly.yaml", "--ledger", "x.db"], 2, "the job's file or --ledger"),
        (["history", "nightly.yaml", "--job", "x"], 2, "--job goes with --ledger"),
        (["history", "absent.yaml"], 66, "absent.yaml"),
        (["history", "--ledger", "absent.db"], 66, "has no ledger"),
        (["score", "nightly.yaml", "--target", "sales"], 2, "need --data"),
        (["recalibrate", "nightly.yaml", "--gamma", "2"], 2, "--gamma 2"),
    ],
)
def test_what_is_wrong_is_told(forecast: Command, job: Path, arguments: list[str], code: int, told: str) -> None:
    done = forecast("ledger", *arguments)
    assert done.code == code
    assert told in done.err
    as_json = forecast("ledger", *arguments, "--json")
    assert json.loads(as_json.out)["error"]["code"] == code
