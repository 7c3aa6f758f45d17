"""Measure accuracy against time, to choose presets and cells on the curve.

    python -m benchmarks.speed --data F [--presets fast,default] [--cells gru,lstm] [--budgets none,10s,40s] [--seeds 1]
        [--horizon H] [--set k=v] [--json FILE]

Each run trains and predicts with the real command in fresh processes, one thread per network, until the forecasts are
on disk. The scores are those of the holdout, which no choice depends on; the curve is the validation loss of the first
network against the seconds of its training. `none` as a budget uses the number of steps of the preset, `preset` as a
cell its cell.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.panel import describe_machine

_SCORES = ("mase", "smape", "wql", "coverage80")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--presets", default="fast,default")
    parser.add_argument("--cells", default="preset")
    parser.add_argument("--budgets", default="none")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--horizon")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    shared = [part for setting in arguments.settings for part in ("--set", setting)]
    shared += ["--horizon", arguments.horizon] if arguments.horizon else []
    lists = (text.split(",") for text in (arguments.seeds, arguments.presets, arguments.cells, arguments.budgets))
    rows = []
    for seed, preset, cell, budget in itertools.product(
        *lists
    ):  # the seed changes last, so that noise affects all alike
        flags = ["--preset", preset, "--seed", seed, *shared]
        flags += ["--model", cell] if cell != "preset" else []
        flags += ["--budget", budget] if budget != "none" else []
        row = {"preset": preset, "cell": cell, "budget": budget, "seed": int(seed), **run(arguments.data, flags)}
        rows.append(row)
        print(json.dumps({name: value for name, value in row.items() if name != "curve"}), flush=True)
    if arguments.json:
        document = {"data": arguments.data.name, "rows": rows, "settings": shared, "machine": describe_machine()}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def run(data: Path, flags: list[str]) -> dict[str, Any]:
    """Train and predict.

    Returns:
        The seconds until the forecasts are on disk, the scores on the holdout, and the curve: pairs of seconds and
        validation loss.
    """
    forecast = [sys.executable, "-m", "forecaster"]
    with tempfile.TemporaryDirectory() as folder:
        bundle, out = Path(folder) / "bundle", Path(folder) / "forecasts.csv"
        begun = time.perf_counter()
        for command in (
            ["train", str(data), *flags, "-q", "-o", str(bundle)],
            ["predict", "--bundle", str(bundle), "-q", "-o", str(out)],
        ):
            subprocess.run([*forecast, *command], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begun
        metrics = json.loads((bundle / "metrics.json").read_text("utf-8"))
        model = json.loads((bundle / "manifest.json").read_text("utf-8"))["model"]
        history = pd.read_csv(bundle / "history.csv").dropna(subset=["validation_loss"])
    scores = metrics["holdout"]["models"][model]
    curve = history[["seconds", "validation_loss"]].round(4).to_numpy().tolist()
    rounded = {name: scores[name] and round(scores[name], 4) for name in _SCORES}
    return {"model": model, "seconds": round(seconds, 1), **rounded, "skill": metrics["skill"], "curve": curve}


if __name__ == "__main__":
    main()
