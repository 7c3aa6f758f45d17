"""A run names the series that are new, missing or ended since the training, and its exit code says so."""

import json
import time
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Forecast

JOB = """\
data: {path: shops.csv, horizon: 7}
model: {kind: seasonal_naive}
job: {outputs: [forecasts.csv], gate: {skill: null}}
"""
START = date(2024, 1, 1)


def write_shops(**days: int) -> None:
    """Write a long table whose series have the given numbers of days."""
    rows = [
        f"{name},{START + timedelta(days=day)},{day % 7 + 10 + 0.1 * (day % 5)}"
        for name, count in days.items()
        for day in range(count)
    ]
    Path("shops.csv").write_text("\n".join(["shop,day,sold", *rows, ""]))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "nightly.yaml"
    path.write_text(JOB)
    return path


def run(forecast: Forecast, job: Path, *options: str) -> tuple[int, dict[str, object], str]:
    done = forecast("run", job, *options)
    status = json.loads(done.out)
    return done.code, status, done.err


def test_series_that_appear_or_vanish_are_named(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90, c=90)
    assert run(forecast, job)[0] == 0
    write_shops(a=91, c=91, d=91)
    code, status, notes = run(forecast, job)
    assert (code, status["status"]) == (3, "partial")
    assert (status["data"]["new"], status["data"]["missing"]) == (["d"], ["b"])  # type: ignore[index]
    assert "1 series is new since the training: d" in notes
    assert "1 series of the training is missing: b" in notes


def test_a_new_series_alone_is_no_reason_for_another_code(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    write_shops(a=91, b=91, c=91)
    code, status, _ = run(forecast, job)
    assert (code, status["data"]["new"]) == (0, ["c"])  # type: ignore[index]


def test_a_series_that_ended_long_ago_gets_a_marked_fallback(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    write_shops(a=101, b=91)
    code, status, _ = run(forecast, job)
    assert (code, status["status"], status["data"]["ended"]) == (3, "partial", ["b"])  # type: ignore[index]
    assert status["fallbacks"] == {"b": "it ended at 2024-03-31"}
    frame = pd.read_csv("forecasts.csv")
    assert frame.groupby("unique_id")["status"].first().to_dict() == {"a": "ok", "b": "fallback"}


def test_a_job_may_keep_series_that_ended(forecast: Forecast, job: Path) -> None:
    job.write_text(JOB.replace("job: {", "job: {ended: keep, "))
    write_shops(a=101, b=91)
    code, status, _ = run(forecast, job)
    assert (code, status["data"]["ended"]) == (0, ["b"])  # type: ignore[index]


def test_a_single_value_gets_a_marked_fallback(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    write_shops(a=91, b=91)
    with Path("shops.csv").open("a") as file:
        file.write(f"new,{START + timedelta(days=90)},40\n")
    code, status, _ = run(forecast, job)
    assert (code, status["fallbacks"]) == (3, {"new": "it has a single value"})


KNOWN = """\
data: {path: shops.csv, horizon: 3, target: sold, id: shop, known: promo}
model: {kind: seasonal_naive}
job: {outputs: [forecasts.csv], gate: {skill: null}}
"""


def write_promotions(job: Path, config: str = KNOWN) -> None:
    write_shops(a=40, b=40)
    rows = Path("shops.csv").read_text().splitlines()
    lines = [rows[0] + ",promo", *(f"{row},{number % 3 % 2}" for number, row in enumerate(rows[1:]))]
    Path("shops.csv").write_text("\n".join([*lines, ""]))
    job.write_text(config)


def test_a_job_without_a_future_is_refused_before_it_trains(forecast: Forecast, job: Path) -> None:
    write_promotions(job)
    code, status, notes = run(forecast, job)
    assert (code, status["status"]) == (65, "failed")
    assert "series 'a' has no value of 'promo' for 2024-02-10" in notes
    assert "name it with job.future" in notes
    assert not Path("nightly.bundles").exists()


def test_a_job_reads_its_future_from_a_table_beside_it(forecast: Forecast, job: Path) -> None:
    write_promotions(job, KNOWN.replace("job: {", "job: {future: future.csv, "))
    days = [START + timedelta(days=day) for day in range(40, 43)]
    rows = [f"{shop},{day},1" for shop in "ab" for day in days]
    Path("future.csv").write_text("\n".join(["shop,day,promo", *rows, ""]))
    code, status, notes = run(forecast, job)
    assert (code, status["status"]) == (0, "published"), notes
    assert len(pd.read_csv("forecasts.csv")) == 6


def test_a_job_reads_its_future_from_rows_without_a_target(forecast: Forecast, job: Path) -> None:
    write_promotions(job)
    with Path("shops.csv").open("a") as file:
        for shop in "ab":
            file.writelines(f"{shop},{START + timedelta(days=day)},,1\n" for day in range(40, 43))
    assert run(forecast, job)[0] == 0


def test_a_series_without_a_future_alone_gets_a_fallback(forecast: Forecast, job: Path) -> None:
    write_promotions(job)
    with Path("shops.csv").open("a") as file:
        file.writelines(f"a,{START + timedelta(days=day)},,1\n" for day in range(40, 43))
    code, status, _ = run(forecast, job)
    assert (code, list(status["fallbacks"])) == (3, ["b"])  # type: ignore[call-overload]


def test_a_series_with_different_rows_for_a_time_does_not_stop_the_others(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90, c=90)
    run(forecast, job)
    write_shops(a=91, b=91, c=91)
    with Path("shops.csv").open("a") as file:
        file.write(f"b,{START + timedelta(days=90)},99\n")
    code, status, notes = run(forecast, job)
    assert (code, status["status"]) == (3, "partial")
    assert status["fallbacks"] == {"b": "it has different rows for the same time"}
    assert "series 'b' has 2 rows for 2024-03-31 with different values: its last row counts" in notes
    write_shops(a=92, b=92, c=92)
    assert run(forecast, job)[0] == 0


def test_repeated_rows_in_all_series_are_refused_with_a_hint_that_run_has(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    with Path("shops.csv").open("a") as file:
        file.writelines(f"{shop},{START + timedelta(days=9)},99\n" for shop in "ab")
    code, status, _ = run(forecast, job)
    assert (code, status["status"]) == (65, "failed")
    hint = status["error"]["hint"]  # type: ignore[index]
    assert hint.startswith("pass --set data.duplicates=mean ")
    done = forecast("run", job, "--set", "data.duplicates=mean")
    assert done.code == 0, done.err


def test_a_run_writes_its_metrics_for_prometheus(forecast: Forecast, job: Path) -> None:
    job.write_text(JOB.replace("job: {", "job: {metrics: out.prom, "))
    write_shops(a=90, b=90)
    assert run(forecast, job)[0] == 0
    write_shops(a=91)
    code, _, _ = run(forecast, job)
    lines = [line for line in Path("out.prom").read_text().splitlines() if not line.startswith("#")]
    values = {line.split("{")[0]: float(line.split()[1]) for line in lines}
    assert all('{job="nightly"}' in line for line in lines)
    assert values["forecast_run_code"] == code == 3
    assert (values["forecast_series"], values["forecast_series_missing"]) == (1, 1)
    assert values["forecast_data_age_seconds"] > 86_400
    assert values["forecast_run_timestamp_seconds"] > 1.7e9
    assert "forecast_skill" in values


def test_a_failed_run_writes_its_code_as_well(forecast: Forecast, job: Path) -> None:
    job.write_text(JOB.replace("job: {", "job: {metrics: out.prom, max_age: 1d, "))
    write_shops(a=90)
    assert run(forecast, job)[0] == 5
    assert 'forecast_run_code{job="nightly"} 5' in Path("out.prom").read_text()


@pytest.mark.parametrize("problem", ["missing", "ended", "repeated row", "new series of a single value", "gate"])
def test_an_unchanged_run_repeats_the_finding_until_the_data_change(
    forecast: Forecast, job: Path, problem: str
) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    write_shops(**{"missing": {"a": 91}, "ended": {"a": 101, "b": 91}}.get(problem, {"a": 91, "b": 91}))
    extra = {"repeated row": f"b,{START + timedelta(days=90)},99\n", "new series of a single value": f"c,{START},4\n"}
    with Path("shops.csv").open("a") as file:
        file.write(extra.get(problem, ""))
    if problem == "gate":
        job.write_text(JOB.replace("gate: {skill: null}", "gate: {coverage: [0, 0.01]}"))
    code, first, _ = run(forecast, job)
    assert (code, first["status"]) == (3, "partial")
    for _ in range(2):
        code, again, _ = run(forecast, job)
        assert (code, again["status"], again["code"]) == (3, "unchanged", 3)
        names = ("fallbacks", "gate", "bundle", "model")
        assert again["data"]["cutoff"] == first["data"]["cutoff"]  # type: ignore[index]
        assert again["data"].get("missing") == first["data"].get("missing")  # type: ignore[index]
        assert [again.get(name) for name in names] == [first.get(name) for name in names]
    assert run(forecast, job, "--dry-run")[0] == 3
    if problem != "gate":
        write_shops(a=102, b=102)
        assert run(forecast, job)[0] == 0
        assert run(forecast, job)[0] == 0


def gauges(path: str = "out.prom") -> dict[str, float]:
    lines = [line for line in Path(path).read_text().splitlines() if not line.startswith("#")]
    return {line.split("{")[0].removeprefix("forecast_"): float(line.split()[1]) for line in lines}


def test_gauges_stay_where_a_run_finds_out_nothing_new(forecast: Forecast, job: Path) -> None:
    job.write_text(JOB.replace("job: {", "job: {metrics: out.prom, "))
    write_shops(a=90, b=90)
    run(forecast, job)
    write_shops(a=101, b=91)
    assert run(forecast, job)[0] == 3
    first = gauges()
    assert first["last_success_timestamp_seconds"] == first["run_timestamp_seconds"]
    assert run(forecast, job)[0] == 3
    assert gauges().keys() == first.keys()
    assert (gauges()["run_code"], gauges()["series_fallback"], gauges()["skill"]) == (3, 1, first["skill"])
    success = gauges()["last_success_timestamp_seconds"]
    Path("shops.csv").rename("away.csv")
    time.sleep(0.02)
    assert run(forecast, job)[0] == 66
    failed = gauges()
    assert (failed.keys(), failed["run_code"], failed["series_fallback"]) == (first.keys(), 66, 1)
    assert failed["last_success_timestamp_seconds"] == success < failed["run_timestamp_seconds"]
    assert failed["data_age_seconds"] > first["data_age_seconds"]


@pytest.mark.parametrize("problem", ["unknown key", "wrong value", "wrong setting", "bundles", "log file", "no ledger"])
def test_a_job_that_cannot_be_used_reaches_everything_that_its_file_still_names(
    forecast: Forecast, job: Path, problem: str
) -> None:
    text = JOB.replace("job: {", "job: {name: shops, metrics: out.prom, on_failure: tee alert.json, ledger: runs.db, ")
    job.write_text(text)
    write_shops(a=90, b=90)
    assert run(forecast, job)[0] == 0
    options = {"wrong setting": ["--set", "job.keep=none"], "log file": ["--log-file", "no/folder/x.log"]}
    keys = {
        "unknown key": "keeep: 3, ",
        "wrong value": "max_age: soon, ",
        "bundles": "bundles: folder, ",
        "no ledger": "ledger: {}, ",
    }
    Path("folder").mkdir()
    Path("folder/notes.txt").touch()
    job.write_text(
        text.replace("ledger: runs.db, " * (problem == "no ledger"), "").replace(
            "job: {", f"job: {{{keys.get(problem, '')}"
        )
    )
    code, status, _ = run(forecast, job, *options.get(problem, []))
    assert (code, status["status"], status["job"]) == (73 if problem == "log file" else 78, "failed", "shops")
    assert status["alerts"] == [{"event": "on_failure", "ended": "ok"}]
    assert json.loads(Path("alert.json").read_text())["code"] == code
    assert gauges()["run_code"] == code
    if problem != "no ledger":
        done = forecast("ledger", "history", "--ledger", "runs.db", "--json")
        assert [each["code"] for each in done.json["runs"]] == [code, 0]
    job.write_text(text)
    code, status, _ = run(forecast, job)
    assert (code, status["status"]) == (0, "unchanged")


def test_metrics_that_cannot_be_written_are_a_warning_even_when_quiet(forecast: Forecast, job: Path) -> None:
    job.write_text(JOB.replace("job: {", "job: {metrics: no/folder/out.prom, on_failure: 'false', "))
    write_shops(a=90, b=90)
    code, status, errors = run(forecast, job, "-q")
    (warning,) = status["warnings"]  # type: ignore[misc]
    assert (code, "warning: job.metrics: " in errors) == (0, True)
    assert warning in errors  # type: ignore[has-type]
    Path("shops.csv").unlink()
    code, status, errors = run(forecast, job, "-q")
    assert (code, "warning: job.on_failure: the command failed: exit code 1" in errors) == (66, True)


def test_a_run_without_news_has_its_series_and_cutoff_in_the_ledger(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    run(forecast, job)
    newest, first = forecast("ledger", "history", job, "--json").json["runs"]
    assert newest["details"]["status"] == "unchanged"
    assert (
        [newest[name] for name in ("series", "cutoff")]
        == [first[name] for name in ("series", "cutoff")]
        == [2, "2024-03-30"]
    )


def test_two_jobs_with_one_output_notice_each_other(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    other = job.with_name("weekly.yaml")
    other.write_text(JOB.replace("horizon: 7", "horizon: 3"))
    code, status, _ = run(forecast, job, "-q")
    assert (code, "warnings" in status) == (0, False)
    assert "warnings" not in run(forecast, job)[1]
    code, status, errors = run(forecast, other, "-q")
    assert (code, "forecasts.csv: was not written by this job: another job or program" in errors) == (0, True)
    code, status, errors = run(forecast, job, "-q")
    assert (code, status["status"]) == (0, "republished")
    assert "forecasts.csv: is not as this job published it: another job or program" in errors
    assert "warnings" not in run(forecast, job)[1]
    Path("forecasts.csv").unlink()  # as a consumer that moves it away would
    assert "warnings" not in run(forecast, job)[1]


def test_a_lost_ledger_is_noticed(forecast: Forecast, job: Path) -> None:
    write_shops(a=90, b=90)
    run(forecast, job)
    run(forecast, job)
    Path("nightly.ledger.db").unlink()
    for options in (["--dry-run"], []):
        errors = run(forecast, job, "-q", *options)[2]
        assert "nightly.ledger.db has no runs of this job, although its model was trained by the run" in errors
    assert "warnings" not in run(forecast, job)[1]


def test_the_fallback_of_an_ended_series_starts_with_the_others_and_names_its_model(
    forecast: Forecast, job: Path
) -> None:
    job.write_text(JOB.replace("seasonal_naive", "drift").replace("job: {", "job: {levels: [95], "))
    write_shops(a=90, b=90)
    rows = [f"c,{START + timedelta(days=day)},{40 * (day % 2)}" for day in range(60)]
    rows += [f"d,{START + timedelta(days=day)},{40 * (day % 2) - 20}" for day in range(60)]
    with Path("shops.csv").open("a") as file:
        file.write("\n".join([*rows, ""]))
    code, _, errors = run(forecast, job)
    assert code == 3, errors
    frame = pd.read_csv("forecasts.csv")
    assert frame.groupby("unique_id")["ds"].agg(["min", "max"]).drop_duplicates().to_numpy().tolist() == [
        ["2024-03-31", "2024-04-06"]
    ]
    assert frame["cutoff"].unique().tolist() == ["2024-03-30"]
    models = frame.groupby("unique_id")["model"].unique().map(list).to_dict()
    assert models == {"a": ["drift"], "b": ["drift"], "c": ["seasonal_naive"], "d": ["seasonal_naive"]}
    fallback = frame[frame["unique_id"] == "c"]
    assert fallback["mean"].tolist() == [float(rows[day].split(",")[2]) for day in (55, 56, 57, 58, 59, 53, 54)]
    quantiles = frame.set_index("unique_id").filter(like="q0.")
    assert (quantiles.loc["c"].min().min(), quantiles.loc["d"].min().min() < -20) == (0, True)
    published = forecast("run", job, "--set", "job.outputs=['sqlite:///out.db?table=fc']")
    assert published.code == 3, published.err
