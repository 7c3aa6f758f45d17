"""Run peers through their public interfaces, each in its own virtual environment and every run in a fresh process.

    benchmarks/peers/make_venvs.sh FOLDER [peer ...]
    python -m benchmarks.peers FOLDER --data F [--peers bare,darts] [--tasks steps,one,many,large]
        [--cells gru,lstm,SeasonalNaive] [--rounds 5] [--threads 1] [--steps 200] [--json FILE]

    steps    from a long table (columns unique_id, ds, y) to forecasts on disk, by so many steps of training
    one      from a saved model to forecasts of one series, the first that ends last
    many     the same of all series
    large    the same of a table of `--series` hourly series x 500 steps, 24 steps ahead; the model learnt from few

The peers take turns within a round, and `bare`, the loop of `benchmarks.race`, is one of them; so ratios to it from
both can stand side by side. Prints a line a task and peer: medians of seconds, of processor seconds and of peak memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.fresh import Spent, spend

# what each is asked to train: statsforecast has models of its own, and GluonTS no GRU
CELLS = {
    "bare": ("gru", "lstm"),
    "neuralforecast": ("gru", "lstm"),
    "darts": ("gru", "lstm"),
    "pytorch_forecasting": ("gru", "lstm"),
    "gluonts": ("lstm",),
    "statsforecast": ("SeasonalNaive", "AutoETS"),
}
TASKS = ("steps", "one", "many", "large")
_SAMPLE = 200  # series that the model of the large table learns from


@dataclass(frozen=True)
class Entry:
    """One peer at one task, with the command that is timed and the one that has to run before."""

    task: str
    peer: str
    cell: str
    command: tuple[str, ...]
    before: tuple[str, ...] | None


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("venvs", type=Path, help="folder that make_venvs.sh filled")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", type=_names, help="of those that are there; all where not given")
    parser.add_argument("--tasks", type=_names, default=list(TASKS))
    parser.add_argument("--cells", type=_names, default=["gru", "lstm", "SeasonalNaive"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--horizon", type=int, default=48)
    parser.add_argument("--season", type=int, default=24)
    parser.add_argument("--freq", default="h")
    parser.add_argument("--series", type=int, default=10_000, help="of the large table")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    peers = arguments.peers or [peer for peer in CELLS if python_of(arguments.venvs, peer).exists()]
    for peer in peers:
        if peer not in CELLS or not python_of(arguments.venvs, peer).exists():
            parser.error(f"no peer {peer}: run benchmarks/peers/make_venvs.sh {arguments.venvs} {peer}")
    if unknown := set(arguments.tasks) - set(TASKS):
        parser.error(f"no task {', '.join(unknown)}: there are {', '.join(TASKS)}")
    versions = {peer: version_of(arguments.venvs, peer) for peer in peers}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        entries = list(plan(arguments, peers, Path(folder)))
        found = measure(entries, arguments.rounds, arguments.threads)
    for entry, spent in zip(entries, found, strict=True):
        row = {"task": entry.task, "peer": entry.peer, "cell": entry.cell, **summary(spent)}
        rows.append({**row, "rounds": [asdict(each) for each in spent]})
        print(json.dumps(row), flush=True)
    if arguments.json:
        from benchmarks.panel import machine  # only now: what is resident here counts as a child's memory

        document = {"rows": rows, "threads": arguments.threads, "machine": machine(), "versions": versions}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def plan(arguments: argparse.Namespace, peers: Sequence[str], folder: Path) -> Iterator[Entry]:
    """Write the tables that the tasks need, and name the commands."""
    one, large, sample = folder / "one.csv", folder / "large.csv", folder / "sample.csv"
    table = [sys.executable, "-m", "benchmarks.tables"]
    if "one" in arguments.tasks:
        spend([*table, "one", str(one), "--data", str(arguments.data)])
    if "large" in arguments.tasks:
        for path, series in ((large, arguments.series), (sample, _SAMPLE)):
            spend([*table, "large", str(path), "--series", str(series)])
    usual = ["--horizon", str(arguments.horizon), "--season", str(arguments.season), "--freq", arguments.freq]
    hourly = ["--horizon", "24", "--season", "24", "--freq", "h"]
    for task in arguments.tasks:
        data = {"one": one, "large": large}.get(task, arguments.data)
        learnt = sample if task == "large" else arguments.data
        for peer in peers:
            for cell in [each for each in arguments.cells if each in CELLS[peer]]:
                python = [str(python_of(arguments.venvs, peer)), "-m", f"benchmarks.peers.{peer}"]
                shape = ["--cell", cell, *(hourly if task == "large" else usual), "--steps", str(arguments.steps)]
                out = ["--out", str(folder / "forecasts.csv")]
                if task == "steps":
                    yield Entry(task, peer, cell, (*python, "steps", "--data", str(data), *shape, *out), None)
                    continue
                kept = ["--model", str(folder / f"{peer}-{cell}-{'large' if task == 'large' else 'saved'}")]
                save = (*python, "save", "--data", str(learnt), *shape, *kept)
                yield Entry(task, peer, cell, (*python, "predict", "--data", str(data), *shape, *kept, *out), save)


def measure(entries: Sequence[Entry], rounds: int, threads: int) -> list[list[Spent]]:
    """Run every command once a round, in turn; one that fails is told on stderr and left out from then on."""
    found: list[list[Spent]] = [[] for _ in entries]
    failed: set[int] = set()
    saved: set[tuple[str, ...]] = set()
    for _ in range(rounds):
        for number, entry in enumerate(entries):
            if number in failed:
                continue
            try:
                if entry.before and entry.before not in saved:
                    spend(entry.before, threads=threads)
                    saved.add(entry.before)
                found[number].append(spend(entry.command, threads=threads))
            except subprocess.CalledProcessError as error:
                failed.add(number)
                print(f"{entry.peer} {entry.task} failed:\n{error.stderr}", file=sys.stderr)
    return found


def summary(spent: Sequence[Spent]) -> dict[str, float | None]:
    """Medians; None where a command failed at once."""
    if not spent:
        return {"seconds": None, "cpu_s": None, "peak_mb": None}
    return {name: round(median(getattr(each, name) for each in spent), 3) for name in ("seconds", "cpu_s", "peak_mb")}


def python_of(venvs: Path, peer: str) -> Path:
    return Path(sys.executable) if peer == "bare" else venvs / peer / "bin" / "python"


def version_of(venvs: Path, peer: str) -> str:
    """The package that is measured, and its version."""
    package = "torch" if peer == "bare" else peer
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python_of(venvs, peer), "-c", code], check=True, capture_output=True, text=True)
    return f"{package} {done.stdout.strip()}"


def _names(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    main()
