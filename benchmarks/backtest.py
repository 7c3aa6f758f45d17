"""Compare a backtest with a bare forward pass over the same windows, and measure how its memory grows.

    python -m benchmarks.backtest --data F [--folds 2785] [--horizon 96] [--preset fast] [--model K] [--set k=v]

The file has the form of `benchmarks.ltsf`: a column `date` and a series in each numeric column. A network is trained
for a few steps, then forecasts from `--folds` cutoffs of each series, one step apart:

    speed    the backtest's forecasts (gathering windows, adding times, filling one table) against the network's forward
             pass over prepared batches of 1,024 windows, in turn, medians
    memory   peak memory of the command with a tenth of the folds, with all folds, and with all folds and four times the
             context, beside the size of the forecasts
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ltsf
from benchmarks.floor import median, ratio, time_in_turn
from benchmarks.panel import describe_machine
from forecaster import runtime
from forecaster.evaluation.backtest import Plan, backtest, find_participants
from forecaster.evaluation.split import split
from forecaster.events import ignore
from forecaster.forecast import PROBABILITIES, Forecaster
from forecaster.models.build import build
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.settings import load

_BATCH = 1024


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="speed or memory; both if none is named")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=2785)
    parser.add_argument("--horizon", type=int, default=96)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--model")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    figures: dict[str, Any] = {"machine": describe_machine()}
    for name, work in (("speed", speed), ("memory", memory)):
        if name in (arguments.what or ("speed", "memory")):
            figures[name] = work(arguments)
            print(name, json.dumps(figures[name]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def speed(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time all forecasts of the backtest, and the forward passes of the bare networks."""
    runtime.prepare_torch(1)
    import torch

    panel, _ = ltsf.read(arguments.data)
    plan = Plan(arguments.horizon, folds=arguments.folds, stride=1, refit=0)
    forecaster = fit_network(arguments, panel, plan)
    rows = plan.visible_rows(panel, *np.nonzero(find_participants(panel, plan)))
    networks = prepare_batches(forecaster, rows, plan.horizon)

    def forward() -> None:
        with torch.inference_mode():
            for network, batches in networks:
                for batch in batches:
                    network(batch)

    ours, bares = time_in_turn(lambda: backtest(lambda _: forecaster, panel, plan), forward)
    return {
        "rows": len(rows),
        "contexts": [int(batches[0].context.shape[1]) for _, batches in networks],
        "ours_s": median(ours),
        "bare_s": median(bares),
        "ratio": ratio(ours, bares),
        "rows_per_second": round(len(rows) / statistics.median(ours)),
    }


def fit_network(arguments: argparse.Namespace, panel: Panel, plan: Plan) -> Forecaster:
    """Train a network for a few steps on the data before the first cutoff."""
    overrides = {"preset": arguments.preset, "model.kind": arguments.model, "training.steps": 5}
    overrides |= {"data.horizon": arguments.horizon, "data.season": panel.season}
    oldest = plan.visible_rows(panel, np.arange(len(panel)), 0)
    config = resolve(load(overrides=overrides, settings=tuple(arguments.settings)), oldest)
    forecaster = build(config)
    parts = split(oldest, arguments.horizon, is_calibrated=config.conformal.is_on, has_holdout=False)
    forecaster.fit(oldest, parts.tail, watch=ignore, checkpoint=None)
    return forecaster


def prepare_batches(forecaster: Any, rows: Panel, horizon: int) -> list[tuple[Any, list[Any]]]:
    """Return the networks of a forecaster, each with its windows as prepared batches."""
    import torch

    from forecaster.batches.window_spec import WindowSpec
    from forecaster.batches.windows import Windows
    from forecaster.network.inputs import Inputs

    prepared = []
    inner = getattr(forecaster, "inner", forecaster)
    for member in getattr(inner, "members", [inner]):
        config = member.config
        windows = Windows.for_prediction(rows, WindowSpec(config.model.context, horizon, config.data.calendar or False))
        batches = [
            Inputs.of(windows.gather(numbers))
            for numbers in np.split(np.arange(len(rows)), range(_BATCH, len(rows), _BATCH))
        ]
        unseen = [replace(batch, series=torch.zeros_like(batch.series)) for batch in batches]
        prepared.append((member.network.eval(), unseen))
    return prepared


def memory(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the peak resident memory of the whole command, in MB."""
    code = (
        "import sys, resource; from forecaster.cli.app import main; code = main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024); sys.exit(code)"
    )
    panel, _ = ltsf.read(arguments.data)
    short = 2 * panel.season
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, folds, context in (
            ("tenth", arguments.folds // 10, short),
            ("all", arguments.folds, short),
            ("long_context", arguments.folds, 4 * short),
        ):
            run = ["backtest", str(arguments.data), "--preset", "fast", "--horizon", str(arguments.horizon), "-q"]
            run += ["--folds", str(folds), "--stride", "1", "--set", "training.steps=5", "-o", f"{folder}/{name}"]
            run += ["--set", f"model.context={context}"]
            done = subprocess.run([sys.executable, "-c", code, *run], check=True, capture_output=True, text=True)
            peaks[f"{name}_mb"] = int(done.stdout.split()[-1])
        table = (Path(folder) / "all" / "backtest.csv").stat().st_size
    points = len(panel) * arguments.folds * arguments.horizon
    return {
        **peaks,
        "quantiles_mb": round(4 * points * len(PROBABILITIES) / 2**20),
        "csv_mb": round(table / 2**20),
    }


if __name__ == "__main__":
    main()
