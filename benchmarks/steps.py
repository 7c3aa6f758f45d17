"""Measure a training step by cell, hidden size, length, batch and threads.

    python -m benchmarks.steps [--cells rnn,lstm,gru] [--hidden 64,256] [--lengths 24,168] [--batches 64,256]
        [--threads 1,2] [--rounds 5] [--json FILE]

Each figure is the median over `--rounds` rounds. Every round measures all combinations, so that other work on the
machine affects all of them alike. A step is a whole step of the training loop: drawing and scaling windows, forward,
backward, clipping and optimizer, without validation. Each number of threads gets its own process, because torch keeps
its thread pool.
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

from benchmarks.panel import describe_machine

HORIZON = 48
_STEPS_PER_ROUND = 4
_SLOW_STEP_SECONDS = 0.5  # a slower step is measured once a round


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
    sizes = [Size(*combination) for combination in itertools.product(arguments.cells.split(","), *map(list, numbers))]
    if arguments.alone:
        print(json.dumps(measure(sizes, int(arguments.threads), arguments.rounds)))
        return
    rows = [{**size._asdict()} for size in sizes]
    for threads in arguments.threads.split(","):
        options = [
            *(sys.argv[1:] if argv is None else argv),
            "--alone",
            "--threads",
            threads,
        ]  # overrides an earlier --threads
        done = subprocess.run([sys.executable, "-m", "benchmarks.steps", *options], check=True, capture_output=True)
        for row, milliseconds in zip(rows, json.loads(done.stdout), strict=True):
            row[f"ms_{threads}"] = milliseconds
            row[f"windows_per_s_{threads}"] = round(1e3 * row["batch"] / milliseconds)
    heads = list(rows[0])
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for row in rows:
        print("| " + " | ".join(str(row[head]) for head in heads) + " |")
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows, "machine": describe_machine()}, indent=2) + "\n")


def measure(sizes: Sequence[Size], threads: int, rounds: int) -> list[float]:
    """Return the median milliseconds of a step of each size."""
    from forecaster import runtime

    runtime.prepare_torch(threads)
    trainings = [training_steps(size) for size in sizes]
    seconds: list[list[float]] = [[] for _ in sizes]
    for number in range(rounds + 1):
        for seconds_of_size, steps in zip(seconds, trainings, strict=True):
            count = 1 if number == 0 or seconds_of_size[-1] > _SLOW_STEP_SECONDS else _STEPS_PER_ROUND
            started = time.perf_counter()
            for _ in range(count):
                next(steps)
            seconds_of_size.append((time.perf_counter() - started) / count)
    return [round(1e3 * statistics.median(times[1:]), 2) for times in seconds]


def training_steps(size: Size, *, series: int = 400, steps: int = 700) -> Iterator[Any]:
    """Yield the training steps of a network of this size on a panel of noise, without end."""
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
