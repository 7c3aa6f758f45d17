"""Compare the command with a bare script that does the same work, each in a fresh process.

    python -m benchmarks.race lstm gru one many --data F [--rounds 5] [--threads 1,2] [--json FILE]
    python -m benchmarks.race large [--series 10000]
    python -m benchmarks.race hourly --train F --test F
    python -m benchmarks.race etth1 --etth1 F
    python -m benchmarks.race help busy

Both sides run in turn, A B A B, after a round that is not counted; a ratio is the median of the ratios of the rounds.

    lstm, gru    200 training steps, hidden 64, batch 256, context 168, point forecasts: `forecast train`, which also
                 evaluates the network on held-out steps and writes a bundle, against `benchmarks.peers.bare steps`
    one, many    `forecast predict` of one series, and of all, from a bundle of `--preset`, against
                 `python -c "import torch, pandas"`
    large        `forecast predict` of 24 steps of `--series` hourly series x 500 steps by a GRU of 64, against
                 `benchmarks.peers.bare predict` by one of the same size; memory too
    hourly       `forecast train --preset fast` and `forecast predict` until the forecasts of M4 hourly are on disk,
                 and OWA; a seed a round
    etth1        the same preset by the protocol of `benchmarks.ltsf` at horizon 96, and MSE; a seed a round
    help, busy   those of `benchmarks.floor`

Prints a line for each row: the ratio or the seconds, the limit to reach, the aim, and both sides.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import floor
from benchmarks.fresh import Usage, run_command, run_in_turn

_FORECAST = (sys.executable, "-m", "forecaster")
_BARE = (sys.executable, "-m", "benchmarks.peers.bare")
_IMPORT = (sys.executable, "-c", "import torch, pandas")
_NAIVE2 = "18.383,2.395"  # sMAPE and MASE of Naive2 on M4 hourly, by the competition
_SAMPLE = 200  # series in the training data of the large table
_BARE_SETTINGS = {  # make `forecast train` do the same work as the bare loop
    "model": "context=168 hidden=64 layers=1 dropout=0",
    "scale": "kind=standard",
    "embed": "width=1 identity=0",
    "decode": "kind=direct skip=[]",
    "head": "kind=point",
    "data": "calendar=false",
    "training": "batch=256 draw=windows weigh=evenly",
    "ensemble": "seeds=1 variants=[]",
    "conformal": "kind=off",
}
_VERSIONS = ("torch", "pandas", "numpy", "pyarrow", "onnxruntime")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: the name of the row.
        value: a ratio to the bare side, or seconds; compared with `reach` and `aim`.
        sides: the usage of each side, round by round.
        details: further figures.
        rounds: figures of single rounds, which only the file contains.
        is_good: if False, another goal (memory, accuracy) is not reached.
    """

    name: str
    value: float
    unit: str
    reach: float
    aim: float
    sides: dict[str, list[Usage]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    is_good: bool = True

    @property
    def is_reached(self) -> bool:
        return self.value <= self.reach and self.is_good

    def to_dict(self) -> dict[str, Any]:
        """Return the row as the result files contain it."""
        row = asdict(self)
        names = {"name": "what", "details": "told", "rounds": "each"}
        return {names.get(key, key): value for key, value in row.items()} | {"is_reached": self.is_reached}

    def line(self) -> str:
        sides = [
            f"{name} {middle(usages, 'seconds'):.2f} s, {middle(usages, 'cpu_s'):.2f} s of CPU, "
            f"{middle(usages, 'peak_mb'):.0f} MB"
            for name, usages in self.sides.items()
        ]
        details = [f"{name} {value}" for name, value in self.details.items()]
        verdict = "reached" if self.is_reached else "not reached"
        goal = f"{self.value:.3g} {self.unit} (to reach {self.reach:g}, aim {self.aim:g}): {verdict}"
        return "; ".join([f"{self.name:<15} {goal}", *sides, *details])


def main(argv: Sequence[str] | None = None) -> None:
    works: dict[str, Callable[[Namespace, Path], Iterator[Row]]] = {
        "lstm": lambda arguments, folder: train(arguments, folder, "lstm"),
        "gru": lambda arguments, folder: train(arguments, folder, "gru"),
        "one": lambda arguments, folder: predict(arguments, folder, "one"),
        "many": lambda arguments, folder: predict(arguments, folder, "many"),
        "large": large,
        "hourly": hourly,
        "etth1": etth1,
        "help": help_,
        "busy": busy,
    }
    needs = {name: ["data"] for name in ("lstm", "gru", "one", "many")}
    needs |= {"hourly": ["data", "test"], "etth1": ["etth1"]}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=works, help="all whose files are passed, if none is named")
    parser.add_argument("--data", "--train", type=Path, help="M4 hourly, training part: unique_id, ds, y")
    parser.add_argument("--test", type=Path, help="its test part")
    parser.add_argument("--etth1", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--threads", type=_integers, default=[1, 2], help="processor threads of both sides of lstm and gru"
    )
    parser.add_argument("--steps", type=int, default=200, help="training steps of lstm and gru")
    parser.add_argument("--series", type=int, default=10_000, help="series of the large table")
    parser.add_argument("--preset", default="default", help="preset of the bundle of one and many")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    missing = {name: [file for file in files if not getattr(arguments, file)] for name, files in needs.items()}
    names = arguments.what or [name for name in works if not missing.get(name)]
    for name in names:
        if missing.get(name):
            parser.error(f"{name} needs {' and '.join(f'--{file} FILE' for file in missing[name])}")
    versions = {each.name: each.version for each in metadata.distributions() if each.name in _VERSIONS}
    load = os.getloadavg()[0]
    rows = []
    is_complete = True
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            try:
                for row in works[name](arguments, Path(folder)):
                    rows.append(row)
                    print(row.line(), flush=True)
            except subprocess.CalledProcessError as error:
                is_complete = False
                print(f"{name}: {error}\n{error.stderr or ''}", file=sys.stderr)
    if arguments.json:
        from benchmarks.panel import (
            describe_machine,
        )  # not earlier: memory of this process counts as that of its children

        document = {
            "rows": [row.to_dict() for row in rows],
            "rounds": arguments.rounds,
            "machine": describe_machine(),
            "load": [round(load, 2), round(os.getloadavg()[0], 2)],  # before and after
            "versions": versions,
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    if not is_complete:
        raise SystemExit(1)


def train(arguments: Namespace, folder: Path, cell: str) -> Iterator[Row]:
    """Race both sides at each number of threads, all within a round."""
    commands, threads = [], []
    for count in arguments.threads:
        bundle = folder / f"{cell}-{count}-{{round}}"
        commands.append(train_command(arguments.data, cell, 48, arguments.steps, bundle, threads=count))
        shape = ["--cell", cell, "--horizon", "48", "--steps", str(arguments.steps)]
        commands.append((*_BARE, "steps", "--data", str(arguments.data), *shape, "--out", str(folder / "bare.csv")))
        threads += [count, count]
    usages = run_in_turn(commands, arguments.rounds, threads=threads)
    reach, aim = {"lstm": (0.6, 0.5), "gru": (1.05, 0.95)}[cell]
    for number, count in enumerate(arguments.threads):
        ours, bare = usages[2 * number : 2 * number + 2]
        yield compare_sides(f"{cell}, threads {count}", {"ours": ours, "bare": bare}, reach, aim)


def predict(arguments: Namespace, folder: Path, what: str) -> Iterator[Row]:
    bundle, one = folder / "bundle", folder / "one.csv"
    if not bundle.exists():
        flags = [
            "--horizon",
            "48",
            "--season",
            "24",
            "--preset",
            arguments.preset,
            "--set",
            "training.steps=20",
            "--no-refit",
        ]
        run_command([*_FORECAST, "train", str(arguments.data), *flags, "-q", "-o", str(bundle)])
        run_command([sys.executable, "-m", "benchmarks.tables", "one", str(one), "--data", str(arguments.data)])
    data = one if what == "one" else arguments.data
    ours = predict_command(data, bundle, folder / "forecasts.csv")
    forecast, imported = run_in_turn([ours, _IMPORT], arguments.rounds, threads=[1, 1])
    reach, aim = {"one": (1.2, 0.5), "many": (1.2, 0.7)}[what]
    yield compare_sides(f"predict {what}", {"ours": forecast, "import": imported}, reach, aim)


def large(arguments: Namespace, folder: Path) -> Iterator[Row]:
    table, sample, bundle, bare = (folder / name for name in ("large.csv", "sample.csv", "large", "large-bare"))
    for path, series in ((table, arguments.series), (sample, _SAMPLE)):
        run_command([sys.executable, "-m", "benchmarks.tables", "large", str(path), "--series", str(series)])
    run_command(train_command(sample, "gru", 24, 20, bundle))
    shape = ["--cell", "gru", "--horizon", "24", "--model", str(bare)]
    run_command([*_BARE, "save", "--data", str(sample), "--steps", "20", *shape])
    commands = [
        predict_command(table, bundle, folder / "forecasts.csv"),
        (*_BARE, "predict", "--data", str(table), *shape, "--out", str(folder / "bare.csv")),
    ]
    ours, bares = run_in_turn(commands, arguments.rounds, threads=[1, 1])
    peak = middle(ours, "peak_mb")
    details = {"memory to reach": "800 MB", "table": f"{table.stat().st_size / 1e6:.0f} MB"}
    yield compare_sides("large", {"ours": ours, "bare": bares}, 1.15, 0.8, details=details, is_good=peak <= 800)


def hourly(arguments: Namespace, folder: Path) -> Iterator[Row]:
    command = ["benchmarks.panel", "--train", str(arguments.data), "--test", str(arguments.test), "--season", "24"]
    rows = [run_benchmark([*command, "--naive2", _NAIVE2], folder, seed) for seed in range(1, arguments.rounds + 1)]
    owa = median(result["mean"]["owa"] for result, _ in rows)
    seconds = median(result["mean"]["seconds"] for result, _ in rows)
    details = {"OWA": f"{owa:.3f} (to reach 0.64)"}
    rounds = [result["rows"][0] for result, _ in rows]
    yield Row("hourly", seconds, "s", 40, 20, details=details, rounds=rounds, is_good=owa <= 0.64)


def etth1(arguments: Namespace, folder: Path) -> Iterator[Row]:
    command = ["benchmarks.ltsf", "--data", str(arguments.etth1), "--horizons", "96"]
    rows = [run_benchmark(command, folder, seed) for seed in range(1, arguments.rounds + 1)]
    mse = median(result["mean"]["mse"] for result, _ in rows)
    details = {"MSE": f"{mse:.3f} (to reach 0.424)"}
    rounds = [result["rows"][0] for result, _ in rows]
    usages = [usage for _, usage in rows]
    yield Row("etth1", middle(usages, "seconds"), "s", 40, 15, {"ours": usages}, details, rounds, is_good=mse <= 0.424)


def help_(arguments: Namespace, folder: Path) -> Iterator[Row]:
    yield Row("help", floor.help_seconds(arguments)["cpu_s"], "s of CPU", 0.3, 0.2)


def busy(arguments: Namespace, folder: Path) -> Iterator[Row]:
    figures = floor.busy(Namespace(cell="gru"))
    yield Row("busy", figures["ratio"], "x alone", 1.5, 1.2, details=figures)


def train_command(
    data: Path, cell: str, horizon: int, steps: int, bundle: Path, *, threads: int = 1
) -> tuple[str, ...]:
    """Return the `forecast train` command that does the work of the bare loop, validated once, at the end."""
    flags = ["--model", cell, "--horizon", str(horizon), "--season", "24", "--threads", str(threads), "--no-refit"]
    settings = [
        f"{section}.{setting}"
        for section, settings_of_section in _BARE_SETTINGS.items()
        for setting in settings_of_section.split()
    ]
    settings += [f"training.steps={steps}", f"training.validate_every={steps}"]
    flags += [part for setting in settings for part in ("--set", setting)]
    return (*_FORECAST, "train", str(data), *flags, "-q", "-o", str(bundle))


def predict_command(data: Path, bundle: Path, out: Path) -> tuple[str, ...]:
    return (*_FORECAST, "predict", str(data), "--bundle", str(bundle), "-q", "-o", str(out))


def run_benchmark(command: Sequence[str], folder: Path, seed: int) -> tuple[dict[str, Any], Usage]:
    """Run a benchmark of accuracy; return the content of its `--json`, and its usage."""
    out = folder / "scored.json"
    flags = ["--preset", "fast", "--seeds", str(seed), "--json", str(out)]
    usage = run_command([sys.executable, "-m", *command, *flags])
    return json.loads(out.read_text("utf-8")), usage


def compare_sides(
    name: str,
    sides: dict[str, list[Usage]],
    reach: float,
    aim: float,
    *,
    details: dict[str, Any] | None = None,
    is_good: bool = True,
) -> Row:
    """Return the row of the first of two sides, by the ratio of its seconds to those of the other."""
    ours, other = sides.values()
    value = floor.ratio([usage.seconds for usage in ours], [usage.seconds for usage in other])
    cpu = floor.ratio([usage.cpu_s for usage in ours], [usage.cpu_s for usage in other])
    details = {"of CPU": f"{cpu:.3g} x", **(details or {})}
    return Row(name, value, f"x {list(sides)[1]}", reach, aim, sides, details, is_good=is_good)


def middle(usages: Sequence[Usage], name: str) -> float:
    return float(median(getattr(usage, name) for usage in usages))


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
