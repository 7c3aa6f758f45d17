"""Measure how long a job runs and how large it becomes: by default, 500 daily series of two years.

    OMP_NUM_THREADS=1 python -m benchmarks.job_size [--series 500] [--days 730] [--preset fast] [--runs 3]

Draws seeded series with a trend, a week and a year, lets `forecast run` train a model, and then runs the job with a new
day each. Every run is a process of its own, as from cron. Seconds are both wall-clock and of the processor; memory is
the largest resident set of the process; sizes are those of files.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

START = "2023-01-01"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=500)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--preset", choices=("fast", "default"), default="fast")
    parser.add_argument("--model", help="the preset's if it is not given")
    parser.add_argument("--runs", type=int, default=3, help="runs without training, after the first")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), arguments), indent=2))


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    values = draw_values(arguments.series, arguments.days + arguments.runs)
    job = folder / "job.yaml"
    model = f"model: {{kind: {arguments.model}}}\n" if arguments.model else ""
    policy = "job: {zone: UTC, retrain: {max_age: null}}\n"
    job.write_text(f"data: {{path: sales.csv}}\npreset: {arguments.preset}\n{model}{policy}")
    rows = []
    for number in range(arguments.runs + 1):
        write_table(folder / "sales.csv", values[:, : arguments.days + number])
        rows.append(run_job(job))
    return {
        "series": arguments.series,
        "days": arguments.days,
        "preset": arguments.preset,
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "table in MB": round((folder / "sales.csv").stat().st_size / 1e6, 1),
        "runs": rows,
    }


def run_job(job: Path) -> dict[str, Any]:
    """Run a job in a process, and measure it."""
    ledger = job.with_name("job.ledger.db")
    before = _size(ledger)
    start = time.perf_counter()
    command = [sys.executable, "-m", "forecaster", "run", str(job), "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    status = json.loads(line)
    bundle = job.with_name("job.bundles") / "champion"
    return {
        "status": status["status"],
        "retrain": status.get("retrain"),
        "seconds": round(time.perf_counter() - start, 1),
        "processor seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "largest process in MB": round(usage.ru_maxrss / 1024),
        "bundle in MB": round(sum(_size(path) for path in bundle.resolve().iterdir()) / 1e6, 2),
        "forecasts in MB": round(_size(job.with_name("forecasts.csv")) / 1e6, 2),
        "ledger grew by MB": round((_size(ledger) - before) / 1e6, 2),
    }


def draw_values(series: int, days: int) -> npt.NDArray[np.float64]:
    """Return [series, days] values around 100: a trend, a week, a year and noise of their own for each series."""
    random = np.random.default_rng(0)
    day = np.arange(days)
    trend, week, year = (random.normal(0, scale, (series, 1)) for scale in (0.02, 10, 20))
    phase = random.uniform(0, 2 * np.pi, (2, series, 1))
    curves = (
        trend * day + week * np.sin(2 * np.pi * day / 7 + phase[0]) + year * np.sin(2 * np.pi * day / 365.25 + phase[1])
    )
    values: npt.NDArray[np.float64] = 100 + curves + random.normal(0, 5, (series, days))
    return values.round(2)


def write_table(path: Path, values: npt.NDArray[np.float64]) -> None:
    series, days = values.shape
    stamps = pd.date_range(START, periods=days).strftime("%Y-%m-%d")
    ids = np.array([f"S{number:03d}" for number in range(series)], object)
    rows = {"id": ids.repeat(days), "day": np.tile(stamps, series), "sold": values.ravel()}
    pd.DataFrame(rows).to_csv(path, index=False)


def _size(path: Path) -> int:
    """Return the size of a file, and of what SQLite has not moved into it yet; 0 if there is none."""
    return sum(each.stat().st_size for each in (path, path.with_name(f"{path.name}-wal")) if each.exists())


if __name__ == "__main__":
    main()
