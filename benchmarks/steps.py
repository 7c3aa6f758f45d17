"""What a step of training takes: cell x hidden x length x batch x threads.

    python -m benchmarks.steps [--cells rnn,lstm,gru] [--hidden 64,256] [--lengths 24,168] [--batches 64,256]
        [--threads 1,2] [--rounds 5] [--json FILE]

Each figure is the median over `--rounds` rounds, all combinations being measured once a round, so that what else the
machine does falls on all alike. A step is the loop's whole step: windows drawn and scaled, forward, backward, clipping,
optimizer; validation is apart. Threads are those of a process of their own, since torch keeps its pool.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.panel import machine

HORIZON = 48
_STEPS = 4  # of a round
_SLOWEST = 0.5  # seconds of a step, from which one is enough


class Size(NamedTuple):
    cell: str
    hidden: int
    length: int
    batch: int


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", default="rnn,lstm,gru,mingru,minlstm,slstm")
    parser.add_argument("--hidden", default="64,128,256")
    parser.add_argument("--lengths", default="24,168")
    parser.add_argument("--batches", default="64,256,1024")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    numbers = (map(int, text.split(",")) for text in (arguments.hidden, arguments.lengths, arguments.batches))
    sizes = [Size(*each) for each in itertools.product(arguments.cells.split(","), *map(list, numbers))]
    if arguments.alone:
        print(json.dumps(measure(sizes, int(arguments.threads), arguments.rounds)))
        return
    rows = [{**size._asdict()} for size in sizes]
    for threads in arguments.threads.split(","):
        own = [*(sys.argv[1:] if argv is None else argv), "--alone", "--threads", threads]  # the last one counts
        done = subprocess.run([sys.executable, "-m", "benchmarks.steps", *own], check=True, capture_output=True)
        for row, milliseconds in zip(rows, json.loads(done.stdout), strict=True):
            row[f"ms_{threads}"] = milliseconds
            row[f"windows_per_s_{threads}"] = round(1e3 * row["batch"] / milliseconds)
    heads = list(rows[0])
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for row in rows:
        print("| " + " | ".join(str(row[head]) for head in heads) + " |")
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows, "machine": machine()}, indent=2) + "\n")


def measure(sizes: Sequence[Size], threads: int, rounds: int) -> list[float]:
    """Milliseconds of a step of each size, the median over the rounds."""
    from forecaster import runtime

    runtime.prepare_torch(threads)
    trainings = [training(size) for size in sizes]
    seconds: list[list[float]] = [[] for _ in sizes]
    for number in range(rounds + 1):
        for own, steps in zip(seconds, trainings, strict=True):
            count = 1 if number == 0 or own[-1] > _SLOWEST else _STEPS
            started = time.perf_counter()
            for _ in range(count):
                next(steps)
            own.append((time.perf_counter() - started) / count)
    return [round(1e3 * statistics.median(own[1:]), 2) for own in seconds]


def training(size: Size, *, series: int = 400, steps: int = 700) -> Iterator[Any]:
    """The steps of a network of this size on a panel of noise, one by one; without an end."""
    import numpy as np

    from forecaster.batches.window_spec import WindowSpec
    from forecaster.batches.windows import Windows
    from forecaster.config.tree import validate
    from forecaster.forecast import PROBABILITIES
    from forecaster.frequency import HOUR, Frequency
    from forecaster.network.build import Dimensions, build
    from forecaster.panel import Panel
    from forecaster.training.loop import Training

    end = np.arange(1, series + 1) * steps
    panel = Panel(
        values=np.random.default_rng(0).normal(size=(steps * series, 1)).astype(np.float32),
        begin=end - steps,
        end=end,
        start=np.zeros(series, np.int64),
        ids=np.array([str(number) for number in range(series)], object),
        frequency=Frequency("fixed", HOUR),
        season=24,
    )
    tree = {
        "model": {"kind": size.cell, "hidden": size.hidden, "dropout": 0, "context": size.length},
        "embed": {"width": 1},
        "decode": {"kind": "direct"},
        "training": {"batch": size.batch},
    }
    config = validate(tree, "benchmark")
    windows = Windows.for_training(panel, WindowSpec(size.length, HORIZON))
    network = build(config, Dimensions(HORIZON), probabilities=PROBABILITIES)
    return Training(network, config.training, steps=10**6).steps(windows, None)


if __name__ == "__main__":
    main()
