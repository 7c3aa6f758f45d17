"""What a night of a job costs beside reading, training and predicting, in a ledger that is full.

    python -m benchmarks.nightly [--rows 10000000] [--series 2000] [--horizon 14] [--url sqlite:///ledger.db]

Fills a ledger with nightly runs of daily series until it holds `--rows` forecasts, has `forecast run` put a model into
use, and times the nights after: one with a new day, the same data again, one more day. Seconds of the wall clock and of
the processor. `overhead` is what is left of a run after reading, training and predicting.
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
from forecaster.workflows.job import steps
from forecaster.workflows.job.job_ledger import Notebook
from forecaster.workflows.job.run_state import Night
from forecaster.workflows.run import run

JOB, BEFORE = "job", 60  # days before the first run
START = datetime(2024, 1, 1, tzinfo=UTC)
_NIGHTS = ("the first", "a new day", "the same data", "one more day")
# what a run does beside, in order: module, function, what it is called
_PARTS = (
    (steps, "load_data", "reading"),
    (steps, "read_data", "reading"),
    (steps, "choose", "training"),
    (steps, "_forecast", "predicting"),
    (Notebook, "score", "actuals and scores"),
    (steps, "stand", "standing"),
    (steps, "_publish", "publish"),
    (steps, "_identify", "identify"),
    (Night, "record", "record"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="forecasts in the ledger before the nights")
    parser.add_argument("--series", type=int, default=2000)
    parser.add_argument("--horizon", type=int, default=14)
    parser.add_argument("--url", help="an empty database; a file in the folder where none is named")
    parser.add_argument("--folder", type=Path, help="kept, and taken up again; a temporary one where none is named")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measure(arguments.folder or Path(temporary), arguments), indent=2))


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    nights = max(1, round(arguments.rows / (arguments.series * arguments.horizon)))
    panel = draw_panel(arguments.series, BEFORE + nights + 3)
    url = arguments.url or f"sqlite:///{folder}/ledger.db"
    began = time.perf_counter()
    fill(open_ledger(url), panel, nights, arguments.horizon)
    filled = round(time.perf_counter() - began, 1)
    job = folder / "job.yaml"
    lines = (
        f"data: {{path: data.csv, horizon: {arguments.horizon}}}",
        "model: {kind: seasonal_naive}",
        f"job: {{ledger: '{url}', zone: UTC}}",
    )
    job.write_text("\n".join(lines) + "\n")
    found: dict[str, Any] = {"forecasts": nights * arguments.series * arguments.horizon, "filled in seconds": filled}
    for name, left in zip(_NIGHTS, (2, 1, 1, 0), strict=True):
        tonight = panel.cut(left) if left else panel
        write_table(folder / "data.csv", tonight)
        now = datetime.fromtimestamp(int(tonight.cutoff.max()) / 1e6, UTC) + timedelta(days=1, hours=2)
        found[name] = time_run(job, now)
    return found


def fill(ledger: Database, panel: Panel, nights: int, horizon: int) -> None:
    """Live through the nights before, unless the ledger has."""
    for night in range(nights):
        tonight = panel.cut(nights + 2 - night)
        forecast, baselines, scale = draw_forecast(tonight, horizon)
        seen = START + timedelta(days=BEFORE + night + 1)
        run_of_night = Run(JOB, f"night {night}", seen)
        if record(ledger, run_of_night, forecast, baselines=baselines, scale=scale):
            actuals.add_actuals(ledger, JOB, tonight, seen=seen)
            score.score(ledger, JOB)


def time_run(job: Path, now: datetime) -> dict[str, Any]:
    """Run a job, with a clock on each of its parts."""
    spent: dict[str, list[float]] = {}
    kept = [(home, function, getattr(home, function)) for home, function, _ in _PARTS]

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def do(*given: Any, **named: Any) -> Any:
            wall, processor = time.perf_counter(), time.process_time()
            try:
                return work(*given, **named)
            finally:
                before = spent.get(name, [0.0, 0.0])
                spent[name] = [before[0] + time.perf_counter() - wall, before[1] + time.process_time() - processor]

        return do

    for home, function, name in _PARTS:
        setattr(home, function, timed(name, getattr(home, function)))
    try:
        status = timed("all", run)(job, now=now)
    finally:
        for home, function, work in kept:
            setattr(home, function, work)
    apart = [spent.get(name, [0.0, 0.0]) for name in ("reading", "training", "predicting")]
    spent["overhead"] = [whole - sum(part) for whole, *part in zip(spent["all"], *apart, strict=True)]
    told = {name: status.told.get(name) for name in ("status", "error", "actuals", "scored")}
    return told | {
        "seconds [wall, processor]": {name: [round(each, 3) for each in both] for name, both in spent.items()}
    }


def draw_panel(series: int, length: int) -> Panel:
    """Daily noise around 100."""
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
