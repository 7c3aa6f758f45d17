"""Measure the accuracy of the command on a panel with a test file.

    python -m benchmarks.panel --train F --test F --season m [--naive2 a,b] [--seeds 1,2,3] [--model K]
        [--preset P] [--set k=v] [--json FILE]

Trains and predicts with the real command for each seed; the horizon is the length of the test file. The scores are the
package's own metrics, which `benchmarks.published` compares with the figures of the competitions.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.config import DataConfig
from forecaster.data.load import load
from forecaster.evaluation import metrics
from forecaster.forecast import DECILES
from forecaster.panel import Floats, Panel

_FIGURES = ("smape", "mase", "owa", "wql", "coverage80", "seconds")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--season", type=int, required=True)
    parser.add_argument("--naive2", help="sMAPE,MASE of Naive2, to give OWA")
    parser.add_argument("--model")
    parser.add_argument("--preset")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    panel, truth = read(arguments.train, arguments.test, arguments.season)
    flags = ["--horizon", str(truth.shape[1]), "--season", str(arguments.season)]
    flags += [part for setting in arguments.settings for part in ("--set", setting)]
    flags += ["--model", arguments.model] if arguments.model else []
    flags += ["--preset", arguments.preset] if arguments.preset else []
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    rows = []
    for seed in seeds:
        frame, seconds = run(arguments.train, [*flags, "--seed", str(seed)])
        row = {"seed": seed, **score(panel, truth, frame, arguments.naive2), "seconds": round(seconds, 1)}
        rows.append(row)
        print(json.dumps(row), flush=True)
    mean = {name: round(float(np.mean([row[name] for row in rows])), 4) for name in _FIGURES if name in rows[0]}
    print("mean", json.dumps(mean), flush=True)
    if arguments.json:
        seed_or_seeds = seeds if len(seeds) > 1 else seeds[0]
        document = {"rows": rows, "mean": mean, "seed": seed_or_seeds, "settings": flags, "machine": describe_machine()}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def read(train: Path, test: Path, season: int) -> tuple[Panel, Floats]:
    """Read the training panel, and the actual values after it in the same order of series, [N, H]."""
    frame = pd.read_csv(test, dtype={"unique_id": str})
    actual = {key: rows["y"].to_numpy(np.float32) for key, rows in frame.groupby("unique_id")}
    horizon = len(next(iter(actual.values())))
    panel = load(str(train), DataConfig(horizon=horizon, season=season)).panel
    return panel, np.stack([actual[key] for key in panel.ids])


def run(data: Path, flags: list[str]) -> tuple[pd.DataFrame, float]:
    """Train and predict in fresh processes; return the forecasts table and the seconds of both."""
    forecast = [sys.executable, "-m", "forecaster"]
    with tempfile.TemporaryDirectory() as folder:
        bundle, out = f"{folder}/bundle", f"{folder}/forecasts.csv"
        started = time.perf_counter()
        subprocess.run(
            [*forecast, "train", str(data), *flags, "-q", "-o", bundle], check=True, stdout=subprocess.DEVNULL
        )
        subprocess.run(
            [*forecast, "predict", "--bundle", bundle, "-q", "-o", out], check=True, stdout=subprocess.DEVNULL
        )
        return pd.read_csv(out, dtype={"unique_id": str}), time.perf_counter() - started


def score(panel: Panel, truth: Floats, frame: pd.DataFrame, naive2: str | None) -> dict[str, Any]:
    """Score a forecasts table by the figures of the competitions."""
    shape = truth.shape
    order = frame.set_index(["unique_id", "step"]).loc[
        [(key, 1 + step) for key in panel.ids for step in range(shape[1])]
    ]
    median = order["median"].to_numpy().reshape(shape)
    quantiles = np.stack([order[f"q{p:g}"].to_numpy().reshape(shape) for p in DECILES], axis=2)  # [N, H, 9]
    actual = truth.astype(np.float64)
    smape = float(np.mean(metrics.smape(actual, median)))
    mase = float(np.nanmean(metrics.mase(actual, median, metrics.seasonal_error(panel, panel.season))))
    figures = {"smape": smape, "mase": mase, "wql": metrics.wql(actual, quantiles, DECILES)}
    figures["coverage80"] = float(np.mean(metrics.coverage(actual, quantiles[:, :, 0], quantiles[:, :, -1])))
    if naive2:
        base_smape, base_mase = map(float, naive2.split(","))
        figures["owa"] = (smape / base_smape + mase / base_mase) / 2
    return {name: round(value, 4) for name, value in figures.items()}


def describe_machine() -> str:
    """Describe the machine on which seconds were measured."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
