"""`forecast ledger record`: a planner's tables beside a monthly job's forecasts, and what each step adds."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.config import DataConfig
from forecaster.data.load import load
from forecaster.evaluation.metrics import seasonal_error
from forecaster.forecast import Forecast
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import Run, record
from tests.cli.conftest import Done
from tests.cli.conftest import Forecast as Command

MONTHS, RUNS, HORIZON = 72, 30, 3
FIRST = np.datetime64("2018-01")  # 72 months: the last one is December 2023


def months(first: int, last: int) -> list[str]:
    return [str(FIRST + number) for number in range(first, last)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job's folder with runs from 30 cutoffs; our forecasts are the actuals and an error of 5, or of -5."""
    folder = tmp_path_factory.mktemp("recorded")
    generator = np.random.default_rng(3)
    values = 100 + 20 * generator.standard_normal((MONTHS, 2))
    lines = [f"{month}-01,{a:.1f},{b:.1f}" for month, (a, b) in zip(months(0, MONTHS), values, strict=True)]
    (folder / "sales.csv").write_text("\n".join(["month,Nord,West", *lines]) + "\n")
    (folder / "job.yaml").write_text("data: {path: sales.csv}\njob: {}\n")
    panel = load(str(folder / "sales.csv"), DataConfig()).panel
    ledger = open_ledger(str(folder / "job.ledger.db"))
    for back in range(RUNS, 0, -1):
        visible = panel.cut(back)
        actual = visible.actual(HORIZON, panel.end)
        mean = np.where(np.isnan(actual), 100, actual) + 5 * (-1) ** back
        quantiles = mean[:, :, None] + np.linspace(-9, 9, 15)
        made = Forecast.of(visible, quantiles.astype(np.float32), model="gru", mean=mean.astype(np.float32))
        start = datetime(2024, 1, 1, tzinfo=UTC) - timedelta(days=back)
        baselines = {
            "seasonal_naive": SeasonalNaive().predict(visible, HORIZON).mean,
            "naive": Naive().predict(visible, HORIZON).mean,
        }
        run = Run("job", f"run{back}", start, details={"status": "published"}, bundle="b")
        record(ledger, run, made, baselines=baselines, scale=seasonal_error(visible, 12))
    return folder


@pytest.fixture
def job(recorded: Path, tmp_path: Path) -> Path:
    for name in ("sales.csv", "job.yaml", "job.ledger.db"):
        shutil.copy(recorded / name, tmp_path / name)
    return tmp_path / "job.yaml"


def actuals() -> pd.DataFrame:
    return pd.read_csv("sales.csv").set_index("month")


def write_plan(path: str, error: float = 1.0) -> None:
    """Write what a planner made on the 15th of every month for three months: the actuals, wrong by 1, with commas."""
    known = actuals()
    rows = ["Region;Monat;erstellt am;Plan"]
    for cutoff in range(MONTHS - RUNS - 1, MONTHS - 1):
        made = str(FIRST + cutoff + 1)
        for step in range(cutoff + 1, min(cutoff + 1 + HORIZON, MONTHS)):
            year, month = str(FIRST + step).split("-")
            for name in known.columns:
                value = f"{known[name].iloc[step] + error:.1f}".replace(".", ",")
                rows.append(f"{name};01.{month}.{year};15.{made[5:]}.{made[:4]};{value}")
    Path(path).write_text("\n".join(rows) + "\n")


def refuse(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done.out + done.err
    assert done.err.count("error: ") == 1
    assert "hint: " in done.err
    for word in words:
        assert word in done.err


def test_a_plan_is_scored_beside_the_model_and_the_naive_forecasts(forecast: Command, job: Path) -> None:
    write_plan("plan.csv")
    done = forecast("ledger", "record", "plan.csv", job, "--source", "planner", "--json")
    assert done.code == 0, done.err
    assert (done.json["new"], done.json["same"], done.json["paired"]) == (174, 0, 174)
    assert done.json["cutoff"] == {"first": "2021-06-01", "last": "2023-11-01"}, "made in the middle of the next month"
    assert "erstellt am -> cutoff" in done.err
    found = forecast("ledger", "score", job, "--since", "all", "--json").json
    block = found["sources"]["planner"]["value_added"]
    assert block["pairs"] == 174
    assert [(step["from"], step["to"], step["verdict"]) for step in block["chain"]] == [
        ("naive", "model", "better"),
        ("model", "source", "better"),
    ]
    assert block["forecasts"]["model"]["mae"] == pytest.approx(5, abs=1e-4)
    assert block["forecasts"]["source"]["mae"] == pytest.approx(1, abs=1e-4)
    assert block["forecasts"]["source"]["bias"] == pytest.approx(1, abs=1e-4)
    assert block["chain"][1]["gain"] == pytest.approx(0.8, abs=1e-3)
    assert list(block["by_step"]) == ["1", "2", "3"]
    assert sum(step["source"]["forecasts"] for step in block["by_step"].values()) == 174
    assert not {"wql", "coverage80"} & {*block["forecasts"]["source"]}, "a source of points has no intervals"
    assert "coverage80" in block["forecasts"]["model"]


def test_scores_of_the_job_are_the_same_with_a_source(forecast: Command, job: Path) -> None:
    def everything() -> list[object]:
        documents = [forecast("ledger", name, job, "--json").json for name in ("history", "diff")]
        scores = forecast("ledger", "score", job, "--since", "all", "--json").json
        documents.append({key: value for key, value in scores.items() if key != "sources"})
        documents.append(forecast("ledger", "recalibrate", job, "--dry-run", "--json").json)
        return documents

    forecast("ledger", "score", job)
    before = everything()
    write_plan("plan.csv", error=1000)
    assert forecast("ledger", "record", "plan.csv", job, "--source", "planner").code == 0
    Path("over.csv").write_text("month,Nord\n2023-10-01,5000\n")
    assert forecast("ledger", "record", "over.csv", job, "--overrides", "--run", "run3").code == 0
    assert everything() == before


def test_recording_again_adds_nothing_and_says_so(forecast: Command, job: Path) -> None:
    write_plan("plan.csv")
    assert "174 forecasts recorded" in forecast("ledger", "record", "plan.csv", job, "--source", "planner").out
    again = forecast("ledger", "record", "plan.csv", job, "--source", "planner")
    assert (again.code, "nothing new" in again.out) == (0, True)
    assert "174 forecasts recorded before, unchanged" in again.out


def test_other_values_are_refused_until_they_are_to_replace(forecast: Command, job: Path) -> None:
    write_plan("plan.csv")
    forecast("ledger", "record", "plan.csv", job, "--source", "planner")
    write_plan("plan.csv", error=2)
    done = forecast("ledger", "record", "plan.csv", job, "--source", "planner")
    refuse(done, 65, "plan.csv: line 2: planner is recorded with", "and 173 more differ", "--replace")
    assert (
        "174 forecasts replaced"
        in forecast("ledger", "record", "plan.csv", job, "--source", "planner", "--replace").out
    )
    found = forecast("ledger", "score", job, "--since", "all", "--json").json["sources"]["planner"]
    assert found["overall"]["mae"] == pytest.approx(2, abs=1e-3)


def test_an_override_equals_our_forecast_where_it_has_no_row(forecast: Command, job: Path) -> None:
    known = actuals()["Nord"]
    Path("over.csv").write_text(f"month,Nord\n2023-10-01,{known.iloc[69]}\n")
    done = forecast("ledger", "record", "over.csv", job, "--overrides", "--cutoff", "2023-09", "--json")
    assert (done.json["new"], done.json["source"], done.json["kind"]) == (1, "override", "override")
    found = forecast("ledger", "score", job, "--json").json["sources"]["override"]
    block = found["value_added"]
    assert (found["kind"], block["pairs"], block["series"]) == ("override", 3, 1), "Nord alone, all steps of the run"
    assert found["changed"]["forecasts"] == 1
    assert found["changed"]["source"]["mae"] == pytest.approx(0, abs=1e-4)
    assert found["changed"]["model"]["mae"] == pytest.approx(5, abs=1e-4)
    assert block["forecasts"]["source"]["mae"] == pytest.approx(10 / 3, abs=1e-3)
    assert [block["by_step"][step]["source"]["mae"] for step in ("2", "3")] == pytest.approx([5, 5], abs=1e-3)


def test_rows_that_equal_our_forecast_are_no_overrides(forecast: Command, job: Path) -> None:
    """As when somebody edits one cell of the whole table of forecasts."""
    known = actuals()["Nord"].iloc[69:72].to_numpy() - 5
    table = pd.DataFrame({"month": months(69, 72), "Nord": np.round(known, 1)})
    table.loc[1, "Nord"] = 7.0
    table.to_csv("over.csv", index=False)
    done = forecast("ledger", "record", "over.csv", job, "--overrides", "--run", "run3", "--json")
    assert (done.json["new"], done.json["equal_to_forecast"]) == (1, 2)


def test_an_override_is_of_the_newest_run_and_only_of_what_it_forecast(forecast: Command, job: Path) -> None:
    Path("over.csv").write_text("month,Nord\n2023-06-01,5\n")
    refuse(forecast("ledger", "record", "over.csv", job, "--overrides"), 65, "line 2", "run1", "2023-12-01")
    refuse(forecast("ledger", "record", "over.csv", job, "--overrides", "--run", "rum1"), 2, "did you mean 'run1")
    refuse(
        forecast("ledger", "record", "over.csv", job, "--overrides", "--cutoff", "2001-01"), 2, "no run with a cutoff"
    )


def test_without_a_cutoff_it_is_guessed_and_printed(forecast: Command, job: Path) -> None:
    actuals().iloc[60:66].add(1).to_csv("plan.csv")
    done = forecast("ledger", "record", "plan.csv", job, "--source", "vendor", "--json")
    assert done.json["cutoff"]["last"] == "2022-12-01"
    assert "cutoff 2022-12-01, by the last known actual before the first forecast" in done.err
    named = forecast("ledger", "record", "plan.csv", job, "--source", "other", "--cutoff", "2023-02", "--json")
    assert (named.json["new"], named.json["cutoff"]["last"]) == (8, "2023-02-01")
    assert "4 cells up to the cutoff are no forecasts, left out" in named.err


def test_a_plan_without_our_forecast_is_scored_alone(forecast: Command, job: Path) -> None:
    actuals().iloc[12:24].add(3).to_csv("old.csv")
    done = forecast("ledger", "record", "old.csv", job, "--source", "last year")
    assert "0 of 24 are from a cutoff from which the job has forecast" in done.out
    found = forecast("ledger", "score", job, "--since", "all", "--json").json["sources"]["last year"]
    assert (found["forecasts"], found["value_added"], found["recorded_late"]) == (24, None, 0)
    assert found["overall"]["mae"] == pytest.approx(3, abs=1e-3)
    shown = forecast("ledger", "score", job, "--since", "all").out
    assert "no forecast from the same cutoffs" in " ".join(shown.split())
    assert "step n MAE MASE RMSE bias" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("month,Nrod\n2024-01,5\n2024-02,5\n", 65, ("line 2", "'Nrod' is not one of job 'job'", "did you mean 'Nord'")),
        ("month,Nord,Total\n2024-01,5,6\n2024-02,5,6\n", 65, ("'Total'", "pass --target Nord")),
        ("id,month,v\nNord,2024-01-10,5\nNord,2024-01-20,6\nNord,2024-01-30,7\n", 65, ("line 2", "no time of job")),
        ("id,month,v\nNord,2024-01,5\nNord,2024-01,6\n", 65, ("line 3", "another forecast for 2024-01-01")),
        (
            "id,month,cutoff,v\nNord,2024-01,2023-12,5\nNord,2024-02,2024-02,6\n",
            65,
            ("line 3", "is not ahead of its cutoff"),
        ),
        ("id,month,v\nNord,2024-01,x\nNord,2024-02,6\n", 65, ("line 2", "'x' is not a number")),
        ("month,Nord\n2024-01,\n2024-02,\n", 65, ("no values",)),
        ("step,Nord\n1,4\n2,5\n3,5\n", 65, ("time is in integers",)),
    ],
    ids=["series", "column", "grid", "duplicate", "cutoff", "cell", "blank", "integers"],
)
def test_what_is_no_forecast_of_the_job_is_refused_with_its_line(
    forecast: Command, job: Path, text: str, code: int, words: tuple[str, ...]
) -> None:
    Path("plan.csv").write_text(text)
    refuse(forecast("ledger", "record", "plan.csv", job, "--source", "planner"), code, "plan.csv", *words)
    assert forecast("ledger", "score", job, "--json").json["sources"] == {}


def test_wrong_usage_is_refused(forecast: Command, job: Path) -> None:
    actuals().iloc[60:66].to_csv("plan.csv")
    command = ("ledger", "record", "plan.csv", job)
    refuse(forecast(*command), 2, "--source is missing")
    refuse(forecast(*command, "--source", "model"), 2, "is not a name for a source")
    refuse(forecast(*command, "--source", "a", "--cutoff", "soon"), 2, "--cutoff soon")
    refuse(forecast(*command, "--source", "a", "--cutoff", "2022-01", "--cutoff-column", "x"), 2, "exclude each other")
    refuse(forecast(*command, "--source", "a", "--run", "run1"), 2, "--overrides")
    refuse(forecast(*command, "--source", "a", "--cutoff-column", "x"), 2, "no column 'x'")
    refuse(forecast("ledger", "record", "job.yaml", "plan.csv", "--source", "a"), 2, "record plan.csv job.yaml")
    refuse(forecast("ledger", "record", "plan.csv", "--source", "a"), 2, "JOB is missing")
    refuse(forecast("ledger", "record", "none.csv", job, "--source", "a"), 66, "none.csv: no such file")
    forecast(*command, "--source", "a")
    refuse(forecast(*command, "--source", "a", "--overrides", "--cutoff", "2022-12"), 2, "has forecasts of job")


def test_months_in_other_notations_and_from_a_pipe_are_the_same(forecast: Command, job: Path) -> None:
    table = "Produkt;Jan 2023;Feb 2023;Mar 2023\nNord;1.001,5;2,5;3,5\nWest;1,5;2,5;\n"
    done = forecast(
        "ledger", "record", "-", "--ledger", "job.ledger.db", "--source", "a", "--json", stdin=table.encode()
    )
    assert (done.code, done.json["new"]) == (0, 5), done.err
    assert done.json["times"] == {"first": "2023-01-01", "last": "2023-03-01"}
    assert "1 blank cell, left out" in done.err


def test_quantiles_have_a_coverage(forecast: Command, job: Path) -> None:
    known = actuals()["Nord"].iloc[60:63]
    table = pd.DataFrame(
        {"id": "Nord", "ds": months(60, 63), "v": known.to_numpy(), "lo-80": 0, "hi-80": [1e3, 1e3, 1]}
    )
    table.to_csv("plan.csv", index=False)
    assert forecast("ledger", "record", "plan.csv", job, "--source", "tool").code == 0
    found = forecast("ledger", "score", job, "--json").json["sources"]["tool"]["value_added"]["forecasts"]
    assert found["source"]["coverage80"] == pytest.approx(2 / 3)
    assert "wql" not in found["source"]


def test_the_tables_of_the_terminal_the_csv_and_the_page(forecast: Command, job: Path) -> None:
    write_plan("plan.csv")
    forecast("ledger", "record", "plan.csv", job, "--source", "planner")
    shown = forecast("ledger", "score", job, "--since", "all").out
    assert max(map(len, shown.splitlines())) <= 80
    for word in ("gain", "verdict", "planner", "MASE at step", "planner is better: 80 % less MASE than the model"):
        assert word in shown
    table = forecast("ledger", "score", job, "--since", "all", "--by", "source", "-o", "-").out
    assert table.startswith("source,forecast,step,forecasts,mae")
    assert table.count("planner,source,") == 4
    others = forecast("ledger", "score", job, "--since", "all", "-o", "-").out
    assert "planner" not in others
    assert forecast("report", job, "-o", "page.html", "-q").code == 0
    page = Path("page.html").read_text("utf-8")
    assert "planner: value added" in page
    assert "planner is better" in page


def test_without_sources_nothing_is_shown(forecast: Command, job: Path) -> None:
    assert "verdict" not in forecast("ledger", "score", job).out
    assert "forecast ledger record" in forecast("ledger", "score", job, "--by", "source").out
    forecast("report", job, "-o", "page.html", "-q")
    assert "Value added" not in Path("page.html").read_text("utf-8")
