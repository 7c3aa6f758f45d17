"""How far the command is from a bare script that does the same work, each in a fresh process.

    python -m benchmarks.race lstm gru one many --data F [--rounds 5] [--threads 1,2] [--json FILE]
    python -m benchmarks.race large [--series 10000]
    python -m benchmarks.race hourly --train F --test F
    python -m benchmarks.race etth1 --etth1 F
    python -m benchmarks.race help busy

Both sides take turns, A B A B, after a round that is not counted; a ratio is the median of the ratios round by round.

    lstm, gru    200 training steps, hidden 64, batch 256, context 168, point forecasts: `forecast train`, which also
                 judges the network on held-out steps and writes a bundle, against `benchmarks.peers.bare steps`
    one, many    `forecast predict` of one series, and of all, from a bundle of `--preset`, against
                 `python -c "import torch, pandas"`
    large        `forecast predict` of 24 steps of `--series` hourly series x 500 steps by a GRU of 64, against
                 `benchmarks.peers.bare predict` by one of the same size; memory too
    hourly       `forecast train --preset fast` and `forecast predict` until the forecasts of M4 hourly are on disk,
                 and OWA; a seed a round
    etth1        the same preset by the protocol of `benchmarks.ltsf` at horizon 96, and MSE; a seed a round
    help, busy   those of `benchmarks.floor`

Prints a line a row: both sides, what they come to, what is to reach and aimed at.
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
from benchmarks.fresh import Spent, in_turn, spend

_FORECAST = (sys.executable, "-m", "forecaster")
_BARE = (sys.executable, "-m", "benchmarks.peers.bare")
_IMPORT = (sys.executable, "-c", "import torch, pandas")
_NAIVE2 = "18.383,2.395"  # sMAPE and MASE of Naive2 on M4 hourly, by the competition
_SAMPLE = 200  # series that the networks of the large table learn from
_SAME = {  # what makes `forecast train` the work of the bare loop
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
        value: what is held to `reach` and `aim`: a ratio to the bare side, or seconds.
        sides: what was spent, round by round, by the names of the sides.
        told: further figures.
        each: figures of single rounds, for the file alone.
        is_good: whether what comes beside `value` (memory, accuracy) is reached, too.
    """

    what: str
    value: float
    unit: str
    reach: float
    aim: float
    sides: dict[str, list[Spent]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    each: list[dict[str, Any]] = field(default_factory=list)
    is_good: bool = True

    @property
    def is_reached(self) -> bool:
        return self.value <= self.reach and self.is_good

    def line(self) -> str:
        sides = [
            f"{name} {middle(spent, 'seconds'):.2f} s, {middle(spent, 'cpu_s'):.2f} s of CPU, "
            f"{middle(spent, 'peak_mb'):.0f} MB"
            for name, spent in self.sides.items()
        ]
        told = [f"{name} {value}" for name, value in self.told.items()]
        verdict = "reached" if self.is_reached else "not reached"
        goal = f"{self.value:.3g} {self.unit} (to reach {self.reach:g}, aim {self.aim:g}): {verdict}"
        return "; ".join([f"{self.what:<15} {goal}", *sides, *told])


def main(argv: Sequence[str] | None = None) -> None:
    works: dict[str, Callable[[Namespace, Path], Iterator[Row]]] = {
        "lstm": lambda given, folder: train(given, folder, "lstm"),
        "gru": lambda given, folder: train(given, folder, "gru"),
        "one": lambda given, folder: predict(given, folder, "one"),
        "many": lambda given, folder: predict(given, folder, "many"),
        "large": large,
        "hourly": hourly,
        "etth1": etth1,
        "help": help_,
        "busy": busy,
    }
    needs = {name: ["data"] for name in ("lstm", "gru", "one", "many")}
    needs |= {"hourly": ["data", "test"], "etth1": ["etth1"]}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=works, help="those whose files are given, where none is named")
    parser.add_argument("--data", "--train", type=Path, help="M4 hourly, training part: unique_id, ds, y")
    parser.add_argument("--test", type=Path, help="its test part")
    parser.add_argument("--etth1", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=_integers, default=[1, 2], help="of both sides of lstm and gru")
    parser.add_argument("--steps", type=int, default=200, help="of lstm and gru")
    parser.add_argument("--series", type=int, default=10_000, help="of large")
    parser.add_argument("--preset", default="default", help="of the bundle of one and many")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    missing = {name: [file for file in files if not getattr(given, file)] for name, files in needs.items()}
    names = given.what or [name for name in works if not missing.get(name)]
    for name in names:
        if missing.get(name):
            parser.error(f"{name} needs {' and '.join(f'--{file} FILE' for file in missing[name])}")
    versions = {each.name: each.version for each in metadata.distributions() if each.name in _VERSIONS}
    load = os.getloadavg()[0]
    rows = []
    is_whole = True
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            try:
                for row in works[name](given, Path(folder)):
                    rows.append(row)
                    print(row.line(), flush=True)
            except subprocess.CalledProcessError as error:
                is_whole = False
                print(f"{name}: {error}\n{error.stderr or ''}", file=sys.stderr)
    if given.json:
        from benchmarks.panel import machine  # only now: what is resident here counts as a child's memory

        document = {
            "rows": [asdict(row) | {"is_reached": row.is_reached} for row in rows],
            "rounds": given.rounds,
            "machine": machine(),
            "load": [round(load, 2), round(os.getloadavg()[0], 2)],  # before and after
            "versions": versions,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n")
    if not is_whole:
        raise SystemExit(1)


def train(given: Namespace, folder: Path, cell: str) -> Iterator[Row]:
    """Both at each number of threads, all within a round."""
    commands, threads = [], []
    for count in given.threads:
        bundle = folder / f"{cell}-{count}-{{round}}"
        commands.append(train_command(given.data, cell, 48, given.steps, bundle, threads=count))
        shape = ["--cell", cell, "--horizon", "48", "--steps", str(given.steps)]
        commands.append((*_BARE, "steps", "--data", str(given.data), *shape, "--out", str(folder / "bare.csv")))
        threads += [count, count]
    found = in_turn(commands, given.rounds, threads=threads)
    reach, aim = {"lstm": (0.6, 0.5), "gru": (1.05, 0.95)}[cell]
    for number, count in enumerate(given.threads):
        ours, bare = found[2 * number : 2 * number + 2]
        yield against(f"{cell}, threads {count}", {"ours": ours, "bare": bare}, reach, aim)


def predict(given: Namespace, folder: Path, what: str) -> Iterator[Row]:
    bundle, one = folder / "bundle", folder / "one.csv"
    if not bundle.exists():
        flags = [
            "--horizon",
            "48",
            "--season",
            "24",
            "--preset",
            given.preset,
            "--set",
            "training.steps=20",
            "--no-refit",
        ]
        spend([*_FORECAST, "train", str(given.data), *flags, "-q", "-o", str(bundle)])
        spend([sys.executable, "-m", "benchmarks.tables", "one", str(one), "--data", str(given.data)])
    data = one if what == "one" else given.data
    ours = predict_command(data, bundle, folder / "forecasts.csv")
    spent, imported = in_turn([ours, _IMPORT], given.rounds, threads=[1, 1])
    reach, aim = {"one": (1.2, 0.5), "many": (1.2, 0.7)}[what]
    yield against(f"predict {what}", {"ours": spent, "import": imported}, reach, aim)


def large(given: Namespace, folder: Path) -> Iterator[Row]:
    table, sample, bundle, bare = (folder / name for name in ("large.csv", "sample.csv", "large", "large-bare"))
    for path, series in ((table, given.series), (sample, _SAMPLE)):
        spend([sys.executable, "-m", "benchmarks.tables", "large", str(path), "--series", str(series)])
    spend(train_command(sample, "gru", 24, 20, bundle))
    shape = ["--cell", "gru", "--horizon", "24", "--model", str(bare)]
    spend([*_BARE, "save", "--data", str(sample), "--steps", "20", *shape])
    commands = [
        predict_command(table, bundle, folder / "forecasts.csv"),
        (*_BARE, "predict", "--data", str(table), *shape, "--out", str(folder / "bare.csv")),
    ]
    ours, bares = in_turn(commands, given.rounds, threads=[1, 1])
    most = middle(ours, "peak_mb")
    told = {"memory to reach": "800 MB", "table": f"{table.stat().st_size / 1e6:.0f} MB"}
    yield against("large", {"ours": ours, "bare": bares}, 1.15, 0.8, told=told, is_good=most <= 800)


def hourly(given: Namespace, folder: Path) -> Iterator[Row]:
    command = ["benchmarks.panel", "--train", str(given.data), "--test", str(given.test), "--season", "24"]
    rows = [scored([*command, "--naive2", _NAIVE2], folder, seed) for seed in range(1, given.rounds + 1)]
    owa = median(found["mean"]["owa"] for found, _ in rows)
    seconds = median(found["mean"]["seconds"] for found, _ in rows)
    told = {"OWA": f"{owa:.3f} (to reach 0.64)"}
    each = [found["rows"][0] for found, _ in rows]
    yield Row("hourly", seconds, "s", 40, 20, told=told, each=each, is_good=owa <= 0.64)


def etth1(given: Namespace, folder: Path) -> Iterator[Row]:
    command = ["benchmarks.ltsf", "--data", str(given.etth1), "--horizons", "96"]
    rows = [scored(command, folder, seed) for seed in range(1, given.rounds + 1)]
    mse = median(found["mean"]["mse"] for found, _ in rows)
    told = {"MSE": f"{mse:.3f} (to reach 0.424)"}
    each = [found["rows"][0] for found, _ in rows]
    spent = [one for _, one in rows]
    yield Row("etth1", middle(spent, "seconds"), "s", 40, 15, {"ours": spent}, told, each, is_good=mse <= 0.424)


def help_(given: Namespace, folder: Path) -> Iterator[Row]:
    yield Row("help", floor.help_seconds(given)["cpu_s"], "s of CPU", 0.3, 0.2)


def busy(given: Namespace, folder: Path) -> Iterator[Row]:
    told = floor.busy(Namespace(cell="gru"))
    yield Row("busy", told["ratio"], "x alone", 1.5, 1.2, told=told)


def train_command(
    data: Path, cell: str, horizon: int, steps: int, bundle: Path, *, threads: int = 1
) -> tuple[str, ...]:
    """`forecast train` by the work of the bare loop, validated once, at its end."""
    flags = ["--model", cell, "--horizon", str(horizon), "--season", "24", "--threads", str(threads), "--no-refit"]
    settings = [f"{section}.{each}" for section, them in _SAME.items() for each in them.split()]
    settings += [f"training.steps={steps}", f"training.validate_every={steps}"]
    flags += [part for setting in settings for part in ("--set", setting)]
    return (*_FORECAST, "train", str(data), *flags, "-q", "-o", str(bundle))


def predict_command(data: Path, bundle: Path, out: Path) -> tuple[str, ...]:
    return (*_FORECAST, "predict", str(data), "--bundle", str(bundle), "-q", "-o", str(out))


def scored(command: Sequence[str], folder: Path, seed: int) -> tuple[dict[str, Any], Spent]:
    """Run a benchmark of accuracy; the content of its `--json`, and what it spent."""
    out = folder / "scored.json"
    flags = ["--preset", "fast", "--seeds", str(seed), "--json", str(out)]
    spent = spend([sys.executable, "-m", *command, *flags])
    return json.loads(out.read_text("utf-8")), spent


def against(
    what: str,
    sides: dict[str, list[Spent]],
    reach: float,
    aim: float,
    *,
    told: dict[str, Any] | None = None,
    is_good: bool = True,
) -> Row:
    """The first of two sides by the ratio of its seconds to the other's."""
    ours, other = sides.values()
    value = floor.ratio([each.seconds for each in ours], [each.seconds for each in other])
    cpu = floor.ratio([each.cpu_s for each in ours], [each.cpu_s for each in other])
    told = {"of CPU": f"{cpu:.3g} x", **(told or {})}
    return Row(what, value, f"x {list(sides)[1]}", reach, aim, sides, told, is_good=is_good)


def middle(spent: Sequence[Spent], name: str) -> float:
    return float(median(getattr(each, name) for each in spent))


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
