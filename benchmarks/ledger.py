"""Time the scoring of a day and the recording of a run in a full ledger.

    python -m benchmarks.ledger [--rows 1000000] [--series 414] [--horizon 48] [--url sqlite:///ledger.db]

Fills a ledger with daily runs on hourly series until it has `--rows` forecasts, then times one more run: adding the
actual values of the newest day, scoring them, summing up, and recording the run. Wall-clock and processor seconds are
both printed, because machines do other work, too.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.frequency import HOUR, Frequency
from forecaster.panel import Panel
from forecaster.store.database import Database
from forecaster.store.ledger.actuals import add_actuals
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.queries import anomalies, revisions, summarise
from forecaster.store.ledger.record import Run, record
from forecaster.store.ledger.score import score

JOB, DAY = "nightly", 24
HISTORY_HOURS = 168  # before the first run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="forecasts in the ledger before the timed run")
    parser.add_argument("--series", type=int, default=414)
    parser.add_argument("--horizon", type=int, default=48)
    parser.add_argument("--url", help="an empty database; a temporary file if it is not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(arguments.url or f"sqlite:///{folder}/ledger.db", arguments)
    print(json.dumps(figures, indent=2))


def measure(url: str, arguments: argparse.Namespace) -> dict[str, Any]:
    nights = max(1, round(arguments.rows / (arguments.series * arguments.horizon)))
    panel = draw_panel(arguments.series, HISTORY_HOURS + DAY * (nights + 1))
    seconds: dict[str, Any] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        seconds[name] = [round(time.perf_counter() - wall, 2), round(time.process_time() - processor, 2)]
        return result

    ledger: Database = timed("open", lambda: open_ledger(url))
    began = time.perf_counter()
    for night in range(nights):
        simulate_night(ledger, panel.cut(DAY * (nights + 1 - night)), night, arguments.horizon)
    fill_seconds = round(time.perf_counter() - began, 1)
    tonight = panel.cut(DAY)
    newest = int(tonight.cutoff.max()) - (DAY - 1) * HOUR
    added = timed("actuals of a day", lambda: add_actuals(ledger, JOB, tonight, read_at=datetime.now(UTC)))
    scored = timed("score of a day", lambda: score(ledger, JOB))
    timed("summary of a day by step", lambda: summarise(ledger, JOB, by="step", since=newest))
    timed("anomalies of a day", lambda: anomalies(ledger, JOB, since=newest))
    forecast, baselines, scale = draw_forecast(tonight, arguments.horizon)
    run = Run(JOB, "tonight", datetime.now(UTC))
    timed("record of a run", lambda: record(ledger, run, forecast, baselines=baselines, scale=scale))
    timed("revisions of a run", lambda: revisions(ledger, JOB, limit=20))
    timed("summary of everything by week", lambda: summarise(ledger, JOB, by="week"))
    size = ledger.path.stat().st_size if ledger.path else None
    return {
        "forecasts": nights * arguments.series * arguments.horizon,
        "nights": nights,
        "filled in seconds": fill_seconds,
        "megabytes": None if size is None else round(size / 1e6),
        "new actuals": added.new,
        "scored": scored,
        "seconds [wall, processor]": seconds,
    }


def simulate_night(ledger: Database, panel: Panel, night: int, horizon: int) -> None:
    """Add the actual values of a day, score them, and record a run."""
    add_actuals(ledger, JOB, panel, read_at=datetime.now(UTC))
    score(ledger, JOB)
    forecast, baselines, scale = draw_forecast(panel, horizon)
    record(ledger, Run(JOB, f"night {night}", datetime.now(UTC)), forecast, baselines=baselines, scale=scale)


def draw_panel(series: int, length: int) -> Panel:
    """Generate hourly noise around 100."""
    values = np.random.default_rng(0).normal(100, 10, (series * length, 1)).astype(np.float32)
    end = np.arange(1, series + 1) * length
    start = np.full(series, np.datetime64("2024-01-01", "us").astype(np.int64))
    ids = np.array([f"H{number}" for number in range(1, series + 1)], object)
    return Panel(values, end - length, end, start, ids, Frequency("fixed", HOUR), season=24)


def draw_forecast(panel: Panel, horizon: int) -> tuple[Forecast, Any, Any]:
    """Generate a forecast around 100 at random, with naive forecasts and scales."""
    random = np.random.default_rng(int(panel.cutoff[0] // HOUR))
    mean = random.normal(100, 1, (len(panel), horizon)).astype(np.float32)
    spread = np.linspace(-20, 20, len(PROBABILITIES), dtype=np.float32)
    forecast = Forecast.of(panel, mean[:, :, None] + spread, model="gru", mean=mean)
    naive = np.repeat(panel.values[panel.end - 1], horizon, axis=1)
    return forecast, {"seasonal_naive": naive, "naive": naive}, np.full(len(panel), 11.0)


if __name__ == "__main__":
    main()
