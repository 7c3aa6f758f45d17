"""`forecast report`, on whatever the other commands write."""

import io
import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.report.page.run import compose_job_page
from forecaster.store import bundle
from forecaster.workflows.report.run import read_job
from tests.cli.conftest import QUICK, Forecast, write_sales
from tests.cli.test_ledger import job, lived
from tests.cli.test_run import add_days

__all__ = ["job", "lived"]

NAIVE = ("--model", "seasonal_naive", "--horizon", "5", "-q")


def keys_of(page: Path) -> list[str]:
    """The charts of a page, by the places that it has for them."""
    text = page.read_text("utf-8")
    return [part.split('"', 1)[0] for part in text.split('<figure class="chart" id="chart-')[1:]]


def test_a_bundle_gets_its_page_and_stays_whole(forecast: Forecast, sales: Path) -> None:
    trained = forecast("train", sales, "--horizon", "5", *QUICK)
    assert trained.code == 0, trained.err
    done = forecast("report")
    assert done.code == 0, done.err
    page = Path("runs/latest/report.html")
    assert f"wrote {page}" in done.err
    text = re.sub(r"</?(code|span)[^>]*>", "", page.read_text("utf-8")).replace("\N{NO-BREAK SPACE}", " ")
    assert " ".join(done.out.split()).replace("`", "") in text
    told = ["future", "holdout", "steps", "calibration", "residuals", "course", "losses", "gradients"]
    assert keys_of(page) == [*told, "unrolled", "gates", "memory", "matters", "why"]
    assert sorted(path.name for path in Path().iterdir()) == ["runs", "sales.csv"]
    bundle.read(Path("runs/latest"))
    assert forecast("predict", "-o", "-").code == 0
    again = page.read_bytes()
    assert forecast("report", "runs/latest").code == 0
    assert page.read_bytes() == again


def test_the_verdict_is_that_of_the_training(forecast: Forecast, sales: Path) -> None:
    trained = forecast("train", sales, *NAIVE, "-o", "b")
    done = forecast("report", "b", "--json")
    assert done.json["verdict"] in " ".join(trained.out.split())
    assert done.json | {"verdict": "", "bytes": 0} == {
        "kind": "Trained model",
        "verdict": "",
        "series": 1,
        "drawn": 1,
        "bytes": 0,
        "out": "b/report.html",
    }
    assert done.json["bytes"] == Path("b/report.html").stat().st_size


def test_without_its_data_a_bundle_is_told_by_its_holdout(forecast: Forecast, sales: Path) -> None:
    forecast("train", sales, *NAIVE, "-o", "b")
    sales.unlink()
    done = forecast("report", "b")
    assert done.code == 0
    assert "The data is not read" in done.err
    page = Path("b/report.html")
    assert "The data is not read" in page.read_text("utf-8")
    assert keys_of(page) == ["holdout", "steps", "calibration", "residuals", "course"]


def test_without_known_values_to_come_the_next_steps_are_not_drawn(forecast: Forecast, sales: Path) -> None:
    days = sales.read_text().splitlines()
    sales.write_text("\n".join([f"{days[0]},price", *(f"{day},{place % 3}" for place, day in enumerate(days[1:]))]))
    columns = ("--target", "sales", "--known", "price", "--horizon", "5")
    assert forecast("train", sales, *columns, *QUICK, "-o", "b").code == 0
    done = forecast("report", "b")
    assert done.code == 0
    assert "The next steps are not forecast" in done.err
    assert "forecast report b --future FILE" in " ".join(done.err.split())
    assert "future.mean" not in Path("b/report.html").read_text("utf-8").split('<script type="application/json"')[1]


def test_known_values_to_come_may_be_given(forecast: Forecast, sales: Path) -> None:
    days = sales.read_text().splitlines()
    sales.write_text("\n".join([f"{days[0]},price", *(f"{day},{place % 3}" for place, day in enumerate(days[1:]))]))
    columns = ("--target", "sales", "--known", "price", "--horizon", "5")
    assert forecast("train", sales, *columns, *QUICK, "-o", "b").code == 0
    time = days[0].split(",")[0]
    rows = "".join(f"2024-{day},1\n" for day in ("03-31", "04-01", "04-02", "04-03", "04-04"))
    Path("later.csv").write_text(f"{time},price\n{rows}")
    done = forecast("report", "b", "--future", "later.csv")
    assert done.code == 0, done.err
    assert "has changed" not in done.err
    assert "5 days, 2024-03-31 to 2024-04-04: " in Path("b/report.html").read_text("utf-8")
    Path("later.csv").write_text(f"{time},price\n2024-03-31,1\n")
    done = forecast("report", "b", "--future", "later.csv")
    assert done.code == 65
    assert "price" in done.err


def test_a_series_that_is_asked_for_is_drawn_first(forecast: Forecast, tmp_path: Path, job: Path) -> None:
    days = np.datetime64("2024-01-01") + np.arange(40)
    rows = "".join(f"{day},{at % 7},{at % 5},{at % 3}\n" for at, day in enumerate(days))
    (tmp_path / "wide.csv").write_text(f"ds,one,two,three\n{rows}")
    assert forecast("train", "wide.csv", *NAIVE, "-o", "b").code == 0
    assert forecast("backtest", "wide.csv", *NAIVE, "--folds", "2", "-o", "folds").code == 0
    assert forecast("compare", "wide.csv", "--models", "drift", "--horizon", "5", "-q", "-o", "board").code == 0
    for place in ("b", "folds"):
        assert forecast("report", place, "--series", "three", "--series", "two").code == 0
        text = Path(place, "report.html").read_text("utf-8").split('<script type="application/json" id="data">')[1]
        drawn = json.loads(text.split("</script>")[0])["series"]
        assert [each["name"] for each in drawn] == ["three", "two", "one"]
    assert forecast("report", job, "--series", "sales").code == 0
    for place in ("b", "folds", job):
        done = forecast("report", place, "--series", "thre")
        assert (done.code, "there is no such series" in done.err) == (2, True)
    done = forecast("report", "board", "--series", "one")
    assert (done.code, "a comparison draws no single series" in done.err) == (2, True)
    for place, said in (("b", "no column is known ahead"), ("folds", "a backtest"), ("board", ""), (job, "a job")):
        done = forecast("report", place, "--future", "wide.csv")
        assert (done.code, said in done.err) == (2, True)


def test_newer_data_is_forecast_from_where_it_ends(forecast: Forecast, sales: Path) -> None:
    forecast("train", sales, *NAIVE, "-o", "b")
    with sales.open("a") as file:
        file.write("2024-03-31,111\n")
    done = forecast("report", "b")
    assert "it now ends at 2024-03-31, not at 2024-03-30" in done.err
    text = Path("b/report.html").read_text("utf-8")
    assert "5 days, 2024-04-01 to 2024-04-05" in text
    assert "the mean absolute error of seasonal_naive is" in text


def test_series_too_short_to_be_scored_are_drawn_all_the_same(forecast: Forecast, tmp_path: Path) -> None:
    rows = "".join(f"2024-01-0{day},{day}\n" for day in range(1, 8))
    (tmp_path / "short.csv").write_text(f"ds,y\n{rows}")
    assert forecast("train", "short.csv", "--model", "naive", "--horizon", "6", "-q", "-o", "b").code == 0
    done = forecast("report", "b")
    assert done.code == 0, done.err
    assert "future" in keys_of(Path("b/report.html"))


def test_integer_time_is_an_axis_of_numbers(forecast: Forecast, tmp_path: Path) -> None:
    (tmp_path / "steps.csv").write_text("t,y\n" + "".join(f"{step},{step % 5}\n" for step in range(60)))
    assert forecast("train", "steps.csv", *NAIVE, "-o", "b").code == 0
    assert forecast("report", "b").code == 0
    text = Path("b/report.html").read_text("utf-8")
    assert '"xaxis":{"type":"linear","range":"@view"}' in text
    assert '"future.ds":[60,61,62,63,64]' in text


def test_a_backtest_a_comparison_and_a_search_have_pages_of_their_own(forecast: Forecast, sales: Path) -> None:
    assert forecast("backtest", sales, *NAIVE, "--folds", "4", "-o", "folds").code == 0
    assert forecast("report", "folds").code == 0
    expected = ["folds", "steps", "cutoffs", "calibration", "residuals", "course"]
    assert keys_of(Path("folds/report.html")) == expected
    assert forecast("compare", sales, "--models", "drift", "--horizon", "5", "-q", "-o", "board").code == 0
    done = forecast("report", "board", "--json")
    assert keys_of(Path("board/report.html")) == ["mase", "effort"]
    assert done.json["kind"] == "Comparison"
    assert done.json["verdict"] == " ".join(forecast("report", "board").out.split())


def test_scores_on_a_page_are_those_of_metrics_json(forecast: Forecast, sales: Path) -> None:
    assert forecast("train", sales, *NAIVE, "-o", "b").code == 0
    assert forecast("backtest", sales, *NAIVE, "--folds", "4", "-o", "folds").code == 0
    for folder, block, key in (("b", "holdout", "models"), ("folds", "backtest", "overall")):
        assert forecast("report", folder).code == 0
        text = Path(folder, "report.html").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
        data = json.loads(text.split('<script type="application/json" id="data">')[1].split("</script>")[0])
        models = json.loads(Path(folder, "metrics.json").read_text())[block][key]
        for name, scores in models.items():
            row = text.split(f'<tr><th scope="row">{name}</th>')[1].split("</tr>")[0]
            cells = [each.split("</td>")[0] for each in row.split("<td>")[1:]]
            wanted = ("mase", "smape", "mae", "rmse", "wql", "coverage50", "coverage80", "coverage95", "bias")
            for metric, shown in zip(wanted, cells, strict=True):
                value = float(shown.rstrip(" %").replace(",", "")) / (100 if metric.startswith("cov") else 1)
                assert value == pytest.approx(scores[metric], rel=1e-3, abs=5.1e-3), (name, metric)
        (steps,) = (chart for chart in data["charts"] if chart["key"] == "steps")
        assert np.mean(steps["columns"]["model"]) == pytest.approx(models["seasonal_naive"]["mase"], rel=1e-4)


def test_a_search_is_told_by_its_trials(forecast: Forecast, sales: Path) -> None:
    pytest.importorskip("optuna")
    quick = [*QUICK[:2], "--set", "training.steps=2", "--set", "model.hidden=4", "--set", "ensemble.seeds=1"]
    done = forecast("tune", sales, "--horizon", "5", "--trials", "2", *quick, "-q", "-o", "search")
    assert done.code == 0, done.err
    assert forecast("report", "search").code == 0
    text = Path("search/report.html").read_text("utf-8")
    assert keys_of(Path("search/report.html")) == ["trials"]
    assert "Only the best trials" not in text
    (Path("search") / "study.db").unlink()
    assert "Only the best trials are listed" in forecast("report", "search").err


def test_a_job_is_told_by_its_ledger_which_is_not_touched(forecast: Forecast, job: Path) -> None:
    assert (
        forecast("report", job).out.strip()
        == "No forecast of nightly can be scored yet, because no actual values are known."
    )
    page = job.with_name("nightly.report.html")
    assert keys_of(page) == ["future"]
    assert '"past.ds"' in page.read_text("utf-8")
    assert forecast("ledger", "score", job, "-q").code == 0
    before = job.with_name("nightly.ledger.db").read_bytes()
    done = forecast("report", job)
    assert done.code == 0, done.err
    assert done.out.startswith("Since 2024-02-20, the forecasts of nightly were ")
    assert keys_of(page) == ["future", "recent", "steps", "weeks", "calibration", "residuals", "course"]
    assert "4 steps, 2024-03-30 to 2024-04-02: " in page.read_text("utf-8")
    assert "The actual values of 1 of these 4 steps are known by now." in page.read_text("utf-8")
    assert job.with_name("nightly.ledger.db").read_bytes() == before
    assert {path.name for path in job.parent.iterdir()} - {"nightly.ledger.db-shm", "nightly.ledger.db-wal"} == {
        "sales.csv",
        "nightly.yaml",
        "nightly.ledger.db",
        "nightly.report.html",
        *({"lived.db"} if job.with_name("lived.db").exists() else set()),
    }


def test_the_past_is_drawn_from_the_first_run_and_the_model_named_after_one_without_news(
    forecast: Forecast, sales: Path
) -> None:
    job = sales.with_name("nightly.yaml")
    job.write_text("data: {path: sales.csv, horizon: 7}\nmodel: {kind: drift}\njob: {gate: {skill: null}}\n")
    assert forecast("run", job).code == 0
    assert forecast("run", job).json["status"] == "unchanged"
    content = read_job(job)
    expected = pd.read_csv(sales)[-len(content.actuals) :]
    assert len(expected) >= 14
    assert content.actuals["ds"].tolist() == expected["date"].tolist()
    assert content.actuals["y"].tolist() == pytest.approx(expected["sales"].tolist(), rel=1e-6)
    assert compose_job_page(content).facts["Model"] == "drift"


def test_the_past_of_a_report_ends_where_the_newest_forecast_begins(forecast: Forecast, sales: Path) -> None:
    """Later values in the data are the ledger's to report, once it has them."""
    job = sales.with_name("nightly.yaml")
    job.write_text("data: {path: sales.csv, horizon: 7}\nmodel: {kind: drift}\njob: {gate: {skill: null}}\n")
    assert forecast("run", job).code == 0
    add_days(sales, 1, 2, 3)
    assert read_job(job).actuals["ds"].max() == "2024-03-30"


def test_a_report_of_a_job_does_without_data_that_cannot_be_read(forecast: Forecast, job: Path) -> None:
    job.with_name("sales.csv").unlink()
    done = forecast("report", job)
    assert done.code == 0
    assert "the data is not read, so only the past that the ledger has is drawn: " in done.err


def test_a_figure_is_drawn_of_each(forecast: Forecast, job: Path) -> None:
    pytest.importorskip("matplotlib")
    sales = write_sales(job.parent)
    forecast("train", sales, *NAIVE, "-o", "b")
    forecast("backtest", sales, *NAIVE, "--folds", "4", "-o", "folds")
    forecast("compare", sales, "--models", "drift", "--horizon", "5", "-q", "-o", "board")
    forecast("ledger", "score", job, "-q")
    for place in ("b", "folds", "board", job):
        assert forecast("report", place, "-o", "figure.svg").code == 0
        svg = Path("figure.svg").read_bytes()
        assert ET.fromstring(svg).tag.endswith("svg")
        assert forecast("report", place, "-o", "figure.svg").code == 0
        assert Path("figure.svg").read_bytes() == svg
    assert forecast("report", "b", "-o", "figure.png").code == 0
    assert Path("figure.png").read_bytes()[:4] == b"\x89PNG"
    assert not Path("b/report.html").exists()


def test_a_page_goes_to_standard_output_where_that_is_asked(forecast: Forecast, sales: Path) -> None:
    forecast("train", sales, *NAIVE, "-o", "b")
    done = forecast("report", "b", "-o", "-")
    assert done.out.startswith("<!doctype html>")
    assert done.out.rstrip().endswith("</html>")
    assert not Path("b/report.html").exists()


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("nothing", 66, "does not exist"),
        ("sales.csv", 66, "is neither a folder"),
        ("empty", 66, "contains no result"),
        ("other", 66, "contains no backtest"),
        ("begun.partial", 66, "train --resume begun.partial"),
        ("searching", 66, "tune --resume searching"),
        (None, 66, "no model has been trained here yet"),
    ],
)
def test_what_is_no_result_is_refused(forecast: Forecast, sales: Path, place: str | None, code: int, said: str) -> None:
    for name in ("empty", "other", "begun.partial", "searching"):
        Path(name).mkdir()
    Path("other/metrics.json").write_text("{}")
    Path("begun.partial/run.json").write_text("{}")
    Path("searching/study.db").write_text("")
    done = forecast("report", *([place] if place else []))
    assert done.code == code
    assert said in done.err
    assert done.err.count("error:") == done.err.count("hint:") == 1


def test_an_altered_bundle_and_a_wrong_ending_are_refused(forecast: Forecast, sales: Path) -> None:
    forecast("train", sales, *NAIVE, "-o", "b")
    done = forecast("report", "b", "-o", "report.pdf")
    assert (done.code, "use a name that ends in .html, .png or .svg" in done.err) == (2, True)
    shutil.copy("b/metrics.json", "b/holdout.csv")
    assert forecast("report", "b").code == 66


@pytest.mark.parametrize(("package", "options"), [("plotly", []), ("matplotlib", ["-o", "figure.png"])])
def test_a_missing_library_is_named(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch, package: str, options: list[str]
) -> None:
    from forecaster.report.page import document

    forecast("train", sales, *NAIVE, "-o", "b")
    document._plotly.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    done = forecast("report", "b", *options)
    document._plotly.cache_clear()
    assert (done.code, f"pip install {package}" in done.err) == (69, True)


@pytest.mark.slow
def test_ten_thousand_series_stay_under_fifteen_megabytes(forecast: Forecast, tmp_path: Path) -> None:
    series, days = 10_000, 24
    stamps = np.datetime64("2024-01-01") + np.arange(days)
    values = np.random.default_rng(0).normal(1000, 100, (series, days)).round(2)
    text = io.StringIO()
    text.write("unique_id,ds,y\n")
    for place, row in enumerate(values.tolist()):
        text.writelines(f"store-{place:05},{stamp},{value}\n" for stamp, value in zip(stamps, row, strict=True))
    (tmp_path / "many.csv").write_text(text.getvalue())
    assert forecast("train", "many.csv", "--model", "naive", "--horizon", "7", "-q", "-o", "b").code == 0
    done = forecast("report", "b", "--json")
    assert done.code == 0, done.err
    assert done.json["series"] == series
    assert 30 <= done.json["drawn"] <= 500
    assert done.json["bytes"] < 15_000_000
    text_of_page = Path("b/report.html").read_text("utf-8")
    data = json.loads(text_of_page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert len(data["listing"]["columns"]["series"]) == series
    assert {each["group"] for each in data["series"]} == {"worst", "best", "sample"}
