"""`forecast predict --workers`: the same forecasts from any number of processes, and an end for each of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.data import memory_limit
from forecaster.evaluation import backtest
from forecaster.settings import load
from forecaster.workflows import side_by_side
from tests.cli.conftest import QUICK, Done, Forecast


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """Give a table of 30 shops with a bundle `b` beside it; one shop is too short for the network."""
    stamps = pd.date_range("2024-01-01", periods=60)
    dice = np.random.default_rng(0)
    frames = [
        pd.DataFrame(
            {"shop": f"s{number}", "ds": stamps[number == 7 and 57 :], "y": dice.normal(size=60)[number == 7 and 57 :]}
        )
        for number in range(30)
    ]
    pd.concat(frames).to_parquet(tmp_path / "shops.parquet", index=False, row_group_size=100)
    return tmp_path / "shops.parquet"


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch, forecast: Forecast, shops: Path) -> Path:
    """Train on the table, then read 300 of its rows at once, and forecast 50 steps at once."""
    done = forecast("train", shops, "-o", "b", "--model", "gru", *QUICK, "-q")
    assert done.code == 0, done.err
    monkeypatch.setattr(memory_limit, "DEFAULT_ROWS_AT_ONCE", 300)
    monkeypatch.setitem(backtest.iterate_parts.__kwdefaults__ or {}, "points", 50)
    return shops


@pytest.mark.parametrize("name", ["f.csv", "f.parquet"])
def test_any_number_of_workers_writes_the_same_bytes(forecast: Forecast, in_parts: Path, name: str) -> None:
    results = {}
    for workers in (1, 2, 3):
        done = forecast("predict", in_parts, "--bundle", "b", "-o", name, "--workers", str(workers))
        assert done.code == 0, done.err
        results[workers] = Path(name).read_bytes(), done.out, done.err
    assert results[1] == results[2] == results[3]
    assert "fallback" not in results[1][2]
    assert "30 series" in results[1][1]


def test_options_on_series_work_with_workers(forecast: Forecast, in_parts: Path) -> None:
    flags = ("--bundle", "b", "--workers", "2", "--series", "s3", "--series", "s29", "-o", "-")
    done = forecast("predict", in_parts, *flags)
    assert done.code == 0, done.err
    assert {line.split(",")[0] for line in done.out.splitlines()[1:]} == {"s3", "s29"}
    assert forecast("predict", in_parts, "--bundle", "b", "--workers", "2", "--series", "s300").code == 2


def test_an_error_in_the_last_part_leaves_no_file_and_no_process(forecast: Forecast, in_parts: Path) -> None:
    frame = pd.read_parquet(in_parts)
    frame.loc[frame["shop"] == "s29", "y"] = np.inf
    frame.to_parquet("bad.parquet", index=False, row_group_size=100)
    done = forecast("predict", "bad.parquet", "--bundle", "b", "--workers", "2")
    assert done.code == 65
    assert not Path("forecasts.csv").exists()
    assert list_children() == []


def test_a_reader_that_leaves_ends_the_workers(
    forecast: Forecast, in_parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("forecaster.store.csv.sync_file", fail)
    done = forecast("predict", in_parts, "--bundle", "b", "--workers", "2")
    assert done.code == 73
    assert list_children() == []


def test_few_parts_are_not_worth_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "count_cores", lambda: 8)
    monkeypatch.setattr(side_by_side, "free_memory", lambda: 5 * 10**9)
    assert [side_by_side.choose_workers(parts) for parts in (1, 3, 4, 8, 100)] == [1, 1, 2, 4, 5]
    assert side_by_side.choose_workers(100, threads=2) == 4
    assert side_by_side.count_parts(1_000_000, 7) == 14


@pytest.mark.parametrize(
    ("settings", "device", "is_slow"),
    [((), "cpu", True), ((), "cuda", False), (("model.kind=seasonal_naive",), "cpu", False)],
)
def test_only_networks_on_the_processor_get_processes(settings: tuple[str, ...], device: Any, is_slow: bool) -> None:
    fitted = side_by_side.FittedBundle("b", load(settings=settings), {}, {}, 7, device)
    assert fitted.is_slow is is_slow


def list_children(parent: int | None = None) -> list[int]:
    """Return the workers that a process has started and that still run."""
    parent = parent or os.getpid()
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    names = {int(number): Path(f"/proc/{number}/cmdline").read_text() for number in text.split()}
    return [number for number, name in names.items() if "spawn_main" in name]


# Each process of the program reads a few steps at once, and a worker does what TROUBLE says at its first part.
_PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from forecaster.data import memory_limit
from forecaster.evaluation import backtest
from forecaster.settings import load
from forecaster.workflows import side_by_side

memory_limit.DEFAULT_ROWS_AT_ONCE = 300
backtest.iterate_parts.__kwdefaults__["points"] = 50
predict = side_by_side.FittedBundle.predict

def stumble(self, panel):
    if __name__ == "__mp_main__" and "s12" in panel.ids:
        with open("trouble", "a") as file:
            file.write("x")
        if os.environ["TROUBLE"] == "sleep":
            time.sleep(60)
        if Path("trouble").stat().st_size <= int(os.environ["TROUBLE"]):
            os.kill(os.getpid(), signal.SIGKILL)
    return predict(self, panel)

side_by_side.FittedBundle.predict = stumble
if __name__ == "__main__":
    from forecaster.cli.app import main
    sys.exit(main(sys.argv[1:]))
"""


def start(trouble: str, folder: Path) -> "subprocess.Popen[str]":
    (folder / "program.py").write_text(_PROGRAM)
    command = [
        sys.executable,
        "program.py",
        "predict",
        "shops.parquet",
        "--bundle",
        "b",
        "--workers",
        "2",
        "-o",
        "g.csv",
    ]
    environment = {**os.environ, "TROUBLE": trouble, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process: "subprocess.Popen[str]") -> Done:
    out, err = process.communicate(timeout=120)
    return Done(process.returncode, out, err)


@pytest.mark.parametrize("count", [1, 2])
def test_the_part_of_a_killed_worker_is_repeated(forecast: Forecast, in_parts: Path, count: int) -> None:
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "f.csv", "--workers", "1").code == 0
    done = finish(start(str(count), in_parts.parent))
    assert done.code == 0, done.err
    assert Path("trouble").read_text() == "x" * (count + 1)
    assert Path("g.csv").read_bytes() == Path("f.csv").read_bytes()


def test_a_part_that_kills_its_workers_ends_the_command(in_parts: Path) -> None:
    done = finish(start("9", in_parts.parent))
    assert done.code == 69
    assert "b: a worker process was killed (SIGKILL), 3 times at the same part" in " ".join(done.err.split())
    assert "hint: if memory ran short, pass a smaller number to --workers" in done.err
    assert Path("trouble").read_text() == "xxx"
    assert not Path("g.csv").exists()
    assert list(in_parts.parent.glob(".forecast-*")) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_and_its_workers(in_parts: Path, number: signal.Signals, code: int) -> None:
    process = start("sleep", in_parts.parent)
    end = time.monotonic() + 60
    while not Path("trouble").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    children = list_children(process.pid)
    assert len(children) == 2
    process.send_signal(number)
    done = finish(process)
    assert (done.code, "Traceback" in done.err) == (code, False)
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert list(in_parts.parent.glob(".forecast-*")) == []


@pytest.mark.shipped
def test_the_pretrained_network_forecasts_in_workers(
    forecast: Forecast, shops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backtest.iterate_parts.__kwdefaults__ or {}, "points", 150)
    results = {}
    for workers in (1, 2):
        done = forecast("predict", shops, "--workers", str(workers))
        assert done.code == 0, done.err
        results[workers] = Path("forecasts.csv").read_bytes(), done.out, done.err
    assert results[1] == results[2]


def test_a_job_publishes_the_same_bytes_from_any_number_of_workers(
    forecast: Forecast, shops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backtest.iterate_parts.__kwdefaults__ or {}, "points", 50)
    asked: list[int] = []
    predict_parts = side_by_side.predict_parts

    def record(panels: Any, model: Any, workers: int) -> Any:
        asked.append(workers)
        return predict_parts(panels, model, workers)

    monkeypatch.setattr(side_by_side, "predict_parts", record)
    results = {}
    for workers, flags in {1: ("--workers", "1"), 2: ("--workers", "2"), 3: ("--set", "job.workers=3")}.items():
        job = Path(f"job{workers}.yaml")
        job.write_text(
            "data: {path: shops.parquet, horizon: 7}\npreset: fast\ntraining: {steps: 6, validate_every: 3}\n"
            f"model: {{kind: gru, hidden: 4}}\njob: {{outputs: f{workers}.csv, gate: {{skill: null}}}}\n"
        )
        done = forecast("run", job, *flags)
        assert done.code == 0, done.err
        results[workers] = Path(f"f{workers}.csv").read_bytes()
    assert results[1] == results[2] == results[3]
    assert asked == [1, 2, 3]


def test_several_jobs_forecast_by_one_process_each(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    from forecaster.workflows import run

    def record(paths: Any, *, workers: int, arguments: list[str], on_end: Any) -> None:
        assert (workers, arguments) == (2, ["-q", "--set", "job.workers=1", "--set", "job.keep=3"])

    monkeypatch.setattr(run, "run_in_processes", record)
    assert forecast("run", "a.yaml", "b.yaml", "--workers", "2", "--set", "job.keep=3").code == 0
