"""Compare the command with bare libraries.

    python -m benchmarks.floor [step] [read] [help] [busy] [memory] [--data FILE] [--cell gru]

Both sides run in turn, A B A B, and the figures are medians, because machines are noisy:

    step     a training step against forward, backward and optimizer step of the same bare torch network
    read     --data FILE to a table, and to a Panel, against `pandas.read_csv(engine="pyarrow")`
    help     processor seconds of `forecast --help`
    busy     training alone against training beside a busy process
    memory   peak memory of training on --data against the panel's own size
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.steps import HORIZON, Size, training_steps

ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="all if none is named")
    parser.add_argument("--data", type=Path, help="a long table, for read and memory")
    parser.add_argument("--cell", default="gru", choices=["rnn", "lstm", "gru"])
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    works: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
        "step": step,
        "read": read_table,
        "help": help_seconds,
        "busy": busy,
        "memory": memory,
    }
    needs_data = {"read", "memory"}
    names = arguments.what or [name for name in works if arguments.data or name not in needs_data]
    if needs_data & set(names) and not arguments.data:
        parser.error("read and memory need --data FILE")
    figures: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    }
    for name in names:
        figures[name] = works[name](arguments)
        print(name, json.dumps(figures[name]))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def step(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time a whole step of the training loop: hidden 64, batch 256, context 168, horizon 48."""
    from forecaster import runtime

    runtime.prepare_torch(1)
    import torch
    from torch import nn

    from forecaster.forecast import PROBABILITIES

    batch, context, hidden, steps = 256, 168, 64, 8
    steps_of_training = training_steps(Size(arguments.cell, hidden, context, batch))

    class Bare(nn.Module):
        """A network of the same cell and shapes, and nothing else."""

        def __init__(self) -> None:
            super().__init__()
            self.cell = getattr(nn, arguments.cell.upper())(2, hidden, batch_first=True)
            self.project = nn.Linear(hidden, HORIZON * len(PROBABILITIES))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.project(self.cell(x)[0][:, -1])  # type: ignore[no-any-return]

    bare = Bare()
    optimizer = torch.optim.AdamW(bare.parameters(), 0.001, fused=True)
    x, y = torch.randn(batch, context, 2), torch.randn(batch, HORIZON * len(PROBABILITIES))

    def bare_steps() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.mse_loss(bare(x), y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def our_steps() -> None:
        for _ in range(steps):
            next(steps_of_training)

    ours, bares = time_in_turn(our_steps, bare_steps)
    return {
        "cell": arguments.cell,
        "ours_ms": round(1e3 * statistics.median(ours) / steps, 2),
        "bare_ms": round(1e3 * statistics.median(bares) / steps, 2),
        "ratio": ratio(ours, bares),
    }


def read_table(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time reading the file to a table and to a Panel, against reading it with pandas."""
    import pandas as pd

    from forecaster.config import DataConfig
    from forecaster.data.files.read import read as read_source
    from forecaster.data.load import load

    source = str(arguments.data)

    def bare() -> object:
        return pd.read_csv(source, engine="pyarrow")

    tables, bares = time_in_turn(lambda: read_source(source, None), bare)
    panels, bares_again = time_in_turn(lambda: load(source, DataConfig(horizon=48)), bare)
    return {
        "table_s": median(tables),
        "panel_s": median(panels),
        "pandas_s": median(bares + bares_again),
        "table_ratio": ratio(tables, bares),
        "panel_ratio": ratio(panels, bares_again),
    }


def help_seconds(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the processor seconds of `forecast --help`, once its files are in the page cache."""
    seconds = []
    for _ in range(ROUNDS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "forecaster", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return {"cpu_s": median(seconds[1:])}


def busy(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time the same steps alone and beside a process that is always busy, each in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.floor", "step", "--cell", arguments.cell]
    alone, beside = [], []
    for _ in range(5):
        alone.append(_time_steps(command))
        neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            beside.append(_time_steps(command))
        finally:
            neighbour.kill()
            neighbour.wait()
    return {"alone_ms": median(alone), "beside_ms": median(beside), "ratio": ratio(beside, alone)}


def memory(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the peak memory of a short training, and of one on a few rows."""
    code = (
        "import sys, resource; from forecaster.cli.app import main; main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    from forecaster.config import DataConfig
    from forecaster.data.load import load

    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.csv"
        small.write_text("".join(arguments.data.open().readlines()[:700]))
        for name, path in (("small", small), ("data", arguments.data)):
            run = ["train", str(path), "--horizon", "48", "--set", "training.steps=20", "-q", "-o", f"{folder}/{name}"]
            run += ["--set", "model.context=168"]
            done = subprocess.run([sys.executable, "-c", code, *run], check=True, capture_output=True, text=True)
            peaks[name] = int(done.stdout.split()[-1])
    panel = load(str(arguments.data), DataConfig(horizon=48)).panel
    return {"peak_mb": peaks["data"], "small_mb": peaks["small"], "panel_mb": round(panel.values.nbytes / 2**20, 1)}


def time_in_turn(first: Callable[[], object], second: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Return the seconds of both, run in turn after one round that is not counted."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS + 1):
        for work, times in zip((first, second), seconds, strict=True):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
    return seconds[0][1:], seconds[1][1:]


def ratio(first: list[float], second: list[float]) -> float:
    """Return the median of the ratios, pair by pair."""
    return round(statistics.median(a / b for a, b in zip(first, second, strict=True)), 3)


def median(values: list[float]) -> float:
    return round(statistics.median(values), 4)


def _time_steps(command: list[str]) -> float:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.split(" ", 1)[1])["ours_ms"])


if __name__ == "__main__":
    main()
