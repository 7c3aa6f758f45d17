"""Measure the overhead of a job's run, beside reading, training and predicting, in a full ledger.

    python -m benchmarks.nightly [--rows 10000000] [--series 2000] [--horizon 14] [--url sqlite:///ledger.db]

Fills a ledger with daily runs until it has `--rows` forecasts, lets `forecast run` train a model, and times the next
runs: with a new day, with the same data again, and with one more day. Wall-clock and processor seconds are both
printed. `overhead` is a run without reading, training and predicting.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.ledger import draw_forecast
from forecaster.frequency import DAY, Frequency
from forecaster.panel import Panel
from forecaster.store.database import Database
from forecaster.store.ledger import actuals, score
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import Run, record
from forecaster.workflows.job import read, ready_forecast, steps
from forecaster.workflows.job.job_ledger import JobLedger
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.run import run

JOB = "job"
HISTORY_DAYS = 60  # before the first run
START = datetime(2024, 1, 1, tzinfo=UTC)
_NIGHTS = ("the first", "a new day", "the same data", "one more day")
# The timed parts of a run, in order: module or class, function, name of the part.
_PARTS = (
    (read, "load_data", "reading"),
    (read, "read_data", "reading"),
    (steps, "train_challenger", "training"),
    (ready_forecast, "_forecast", "predicting"),
    (JobLedger, "score", "actuals and scores"),
    (steps, "assess_champion", "assessment"),
    (ready_forecast, "_publish", "publish"),
    (steps, "identify", "identify"),
    (ready_forecast, "identify", "identify"),
    (JobRun, "record", "record"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="forecasts in the ledger before the timed runs")
    parser.add_argument("--series", type=int, default=2000)
    parser.add_argument("--horizon", type=int, default=14)
    parser.add_argument("--url", help="an empty database; a file in the folder if it is not given")
    parser.add_argument("--folder", type=Path, help="kept and reused; a temporary folder if it is not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measure(arguments.folder or Path(temporary), arguments), indent=2))


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    nights = max(1, round(arguments.rows / (arguments.series * arguments.horizon)))
    panel = draw_panel(arguments.series, HISTORY_DAYS + nights + 3)
    url = arguments.url or f"sqlite:///{folder}/ledger.db"
    began = time.perf_counter()
    fill(open_ledger(url), panel, nights, arguments.horizon)
    fill_seconds = round(time.perf_counter() - began, 1)
    job = folder / "job.yaml"
    lines = (
        f"data: {{path: data.csv, horizon: {arguments.horizon}}}",
        "model: {kind: seasonal_naive}",
        f"job: {{ledger: '{url}', zone: UTC}}",
    )
    job.write_text("\n".join(lines) + "\n")
    figures: dict[str, Any] = {
        "forecasts": nights * arguments.series * arguments.horizon,
        "filled in seconds": fill_seconds,
    }
    for name, left in zip(_NIGHTS, (2, 1, 1, 0), strict=True):
        tonight = panel.cut(left) if left else panel
        write_table(folder / "data.csv", tonight)
        now = datetime.fromtimestamp(int(tonight.cutoff.max()) / 1e6, UTC) + timedelta(days=1, hours=2)
        figures[name] = time_run(job, now)
    return figures


def fill(ledger: Database, panel: Panel, nights: int, horizon: int) -> None:
    """Record the earlier runs, unless the ledger has them."""
    for night in range(nights):
        tonight = panel.cut(nights + 2 - night)
        forecast, baselines, scale = draw_forecast(tonight, horizon)
        time_of_run = START + timedelta(days=HISTORY_DAYS + night + 1)
        run_of_night = Run(JOB, f"night {night}", time_of_run)
        if record(ledger, run_of_night, forecast, baselines=baselines, scale=scale):
            actuals.add_actuals(ledger, JOB, tonight, read_at=time_of_run)
            score.score(ledger, JOB)


def time_run(job: Path, now: datetime) -> dict[str, Any]:
    """Run a job, and time each of its parts."""
    seconds: dict[str, list[float]] = {}
    originals = [(home, function, getattr(home, function)) for home, function, _ in _PARTS]

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def do(*arguments: Any, **options: Any) -> Any:
            wall, processor = time.perf_counter(), time.process_time()
            try:
                return work(*arguments, **options)
            finally:
                before = seconds.get(name, [0.0, 0.0])
                seconds[name] = [before[0] + time.perf_counter() - wall, before[1] + time.process_time() - processor]

        return do

    for home, function, name in _PARTS:
        setattr(home, function, timed(name, getattr(home, function)))
    try:
        summary = timed("all", run)(job, now=now).to_dict()
    finally:
        for home, function, work in originals:
            setattr(home, function, work)
    apart = [seconds.get(name, [0.0, 0.0]) for name in ("reading", "training", "predicting")]
    seconds["overhead"] = [whole - sum(part) for whole, *part in zip(seconds["all"], *apart, strict=True)]
    outcome = {name: summary.get(name) for name in ("status", "error", "actuals", "scored")}
    return outcome | {
        "seconds [wall, processor]": {name: [round(value, 3) for value in values] for name, values in seconds.items()}
    }


def draw_panel(series: int, length: int) -> Panel:
    """Generate daily noise around 100."""
    values = np.random.default_rng(0).normal(100, 10, (series * length, 1)).round(2).astype(np.float32)
    end = np.arange(1, series + 1) * length
    start = np.full(series, np.datetime64(START.replace(tzinfo=None), "us").astype(np.int64))
    ids = np.array([f"S{number:05d}" for number in range(series)], object)
    return Panel(values, end - length, end, start, ids, Frequency("fixed", DAY), season=7)


def write_table(path: Path, panel: Panel) -> None:
    length = int(panel.lengths[0])
    days = pd.date_range(START.date(), periods=length).strftime("%Y-%m-%d")
    y = np.concatenate([panel.values[low:high, 0] for low, high in zip(panel.begin, panel.end, strict=True)])
    rows = {"unique_id": panel.ids.repeat(length), "ds": np.tile(days, len(panel)), "y": y.astype(np.float64).round(2)}
    pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    main()
