"""Test jobs under stress: kill runs at random moments, and run for months on data that arrives day by day.

python -m benchmarks.soak kills --count 200
python -m benchmarks.soak nights --data data/melbourne_temperature.csv --nights 60
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.store import owner
from forecaster.store.database import open_database
from forecaster.store.ledger.queries import summarise
from forecaster.workflows.run import run

_SERIES, _DAYS, _HORIZON = 20, 40, 30
# The series are too short for a backtest, so that each run trains a model and publishes its forecasts.
_KILLED_JOB = f"""\
data: {{path: data.csv, horizon: {_HORIZON}}}
model: {{kind: naive}}
job:
  outputs: [forecasts.csv, "sqlite:///published.db?table=forecasts"]
  retrain: {{new_rows: 1}}
  gate: {{skill: null}}
  partial: keep
  keep: 2
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    kills = commands.add_parser("kills")
    kills.add_argument("--count", type=int, default=200)
    kills.add_argument("--seed", type=int, default=0)
    nights = commands.add_parser("nights")
    nights.add_argument("--data", type=Path, required=True)
    nights.add_argument("--nights", type=int, default=60)
    nights.add_argument("--steps", type=int, default=300, help="training steps of the network")
    nights.add_argument("--model", default="gru")
    nights.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    nights.add_argument(
        "--policy-alone", action="store_true", help="leave out the comparison with a new model every night"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.command == "kills":
            figures = kill(Path(folder), arguments.count, random.Random(arguments.seed))
        else:
            figures = simulate(
                Path(folder),
                arguments.data,
                arguments.nights,
                arguments.steps,
                arguments.model,
                arguments.settings,
                not arguments.policy_alone,
            )
    print(json.dumps(figures, indent=2))


def kill(folder: Path, count: int, chance: random.Random) -> dict[str, Any]:
    """Kill runs at random moments, and check that they leave only complete results.

    Returns:
        The number of killed runs, and how many of them left the old and the new file.

    Raises:
        AssertionError: a file is neither old nor new, the ledger contains half a run, or the next run fails.
    """
    job, output = folder / "job.yaml", folder / "forecasts.csv"
    job.write_text(_KILLED_JOB)
    _write_days(folder / "data.csv", 0)
    begun = time.monotonic()
    _wait(_start(job))
    length = time.monotonic() - begun
    counts = {"killed": 0, "ended before": 0, "left the old file": 0, "left the new file": 0}
    for number in range(1, count + 1):
        old = output.read_bytes()
        _write_days(folder / "data.csv", number)
        process = _start(job)
        time.sleep(chance.uniform(0, 1.2 * length))
        os.kill(process, signal.SIGKILL)
        counts["ended before" if _wait(process) == 0 else "killed"] += 1
        content = output.read_bytes()
        _check_ledger(folder / "job.ledger.db")
        begun = time.monotonic()
        code = _wait(_start(job))
        length = 0.8 * length + 0.2 * (time.monotonic() - begun)
        assert code == 0, f"the run after kill {number} ended with {code}"
        new = output.read_bytes()
        assert content in (old, new), f"kill {number} left a file that is neither old nor new"
        assert new != old, f"the run after kill {number} published nothing"
        counts["left the old file" if content == old else "left the new file"] += 1
        _check_ledger(folder / "job.ledger.db")
        _check_folder(folder)
    return counts


def simulate(
    folder: Path, data: Path, nights: int, steps: int, model: str, more: Sequence[str] = (), is_compared: bool = True
) -> dict[str, Any]:
    """Run a job every night on data until the day before; for comparison, also with a new model every night.

    Args:
        more: further settings.
        is_compared: if False, leave the comparison out.
    """
    frame = pd.read_csv(data)
    time_column = frame.columns[0]
    stamps = pd.to_datetime(frame[time_column])
    last = stamps.max().normalize() + pd.Timedelta(days=0 if stamps.max() == stamps.max().normalize() else 1)
    days = [last - pd.Timedelta(days=nights - 1 - night) for night in range(nights)]
    settings = (f"training.steps={steps}", f"model.kind={model}", "preset=fast", "job.zone=UTC", *more)
    figures: dict[str, Any] = {}
    for name in ("by the policy", "every night")[: 1 + is_compared]:
        place = folder / name.replace(" ", "-")
        place.mkdir()
        (place / "job.yaml").write_text("data: {path: data.csv}\njob:\n")
        statuses = []
        begun = time.monotonic()
        for day in days:
            frame[stamps < day].to_csv(place / "data.csv", index=False)
            if name == "every night":
                (place / "job.bundles" / "champion").unlink(
                    missing_ok=True
                )  # without a model in use, the run trains one
            now = day.to_pydatetime().replace(tzinfo=UTC) + timedelta(hours=2, minutes=15)
            statuses.append(run(place / "job.yaml", settings=settings, now=now).to_dict())
        figures[name] = _sum_up(place / "job.ledger.db", statuses, days) | {"minutes": (time.monotonic() - begun) / 60}
    return figures


def _sum_up(ledger: Path, statuses: list[dict[str, Any]], days: list[pd.Timestamp]) -> dict[str, Any]:
    database = open_database(f"sqlite:///{ledger}")
    since = int(np.datetime64(days[-min(31, len(days))], "us").astype(np.int64))
    overall, recent = summarise(database, "job").iloc[0], summarise(database, "job", since=since).iloc[0]
    bundles = [status.get("bundle") for status in statuses]
    return {
        "failures": [status.get("error") for status in statuses if status["code"]],
        "trained": sum(bool(status.get("retrain")) for status in statuses),
        "put into use": len(set(bundles)),
        "mase": round(float(overall["mase"]), 4),
        "skill": round(float(overall["skill"]), 4),
        "coverage80": round(float(overall["coverage80"]), 4),
        "coverage80 of the last 30 days": round(float(recent["coverage80"]), 4),
    }


def _start(job: Path) -> int:
    """Run a job in a forked process, which has all imports already."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        code = run(job).code
    finally:
        os._exit(code)


def _wait(process: int) -> int:
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def _write_days(path: Path, first: int) -> None:
    """Write forty days of each series, from day number `first` on."""
    days = pd.date_range("2024-01-01", periods=_DAYS) + pd.Timedelta(days=first)
    rows = [(f"s{n}", day.date(), (n * 7 + first + i) % 13) for n in range(_SERIES) for i, day in enumerate(days)]
    temporary = path.with_suffix(".new")
    pd.DataFrame(rows, columns=["unique_id", "ds", "y"]).to_csv(temporary, index=False)
    temporary.replace(path)


def _check_ledger(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        query_rows: Callable[[str], list[Any]] = lambda query: connection.execute(query).fetchall()  # noqa: E731
        assert query_rows("PRAGMA integrity_check") == [("ok",)]
        counts = query_rows(
            "SELECT r.id, r.model IS NOT NULL, count(f.run_id) FROM runs r"
            " LEFT JOIN forecast_rows f ON f.run_id = r.id GROUP BY r.id"
        )
        complete = _SERIES * _HORIZON
        assert all(rows == (complete if has_forecast else 0) for _, has_forecast, rows in counts), "half a run"
        assert query_rows("SELECT count(*) FROM forecast_rows WHERE run_id NOT IN (SELECT id FROM runs)") == [(0,)]


def _check_folder(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    known = {"data.csv", "forecasts.csv", "job.bundles", "job.ledger.db", "job.yaml", "published.db"}
    assert names == known, f"left behind: {names ^ known}"
    bundles = {path.name for path in (folder / "job.bundles").iterdir()} - {owner.RECORD}
    assert len(bundles) <= 3, f"left behind: {bundles}"
    assert not any(name.startswith(".") or name.endswith(".partial") for name in bundles)


if __name__ == "__main__":
    main()
