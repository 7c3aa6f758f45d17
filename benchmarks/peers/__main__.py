"""Run peers through their public interfaces, each in its own virtual environment and every run in a fresh process.

    benchmarks/peers/make_venvs.sh FOLDER [peer ...]
    python -m benchmarks.peers FOLDER --data F [--peers bare,darts] [--tasks steps,one,many,large]
        [--cells gru,lstm,SeasonalNaive] [--rounds 5] [--threads 1] [--steps 200] [--json FILE]

    steps    from a long table (columns unique_id, ds, y) to forecasts on disk, with `--steps` training steps
    one      from a saved model to forecasts of one series, the first of those that end last
    many     the same for all series
    large    the same for a table of `--series` hourly series x 500 steps, 24 steps ahead; the model learnt from few

The peers run in turn within a round. `bare`, the loop of `benchmarks.race`, is one of them, so that ratios to it can
be compared between both benchmarks. Prints a line for each task and peer: medians of seconds, CPU and memory.
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

from benchmarks.fresh import Usage, run_command

# The models of each peer: statsforecast has no recurrent networks, and GluonTS has no GRU.
CELLS = {
    "bare": ("gru", "lstm"),
    "neuralforecast": ("gru", "lstm"),
    "darts": ("gru", "lstm"),
    "pytorch_forecasting": ("gru", "lstm"),
    "gluonts": ("lstm",),
    "statsforecast": ("SeasonalNaive", "AutoETS"),
}
TASKS = ("steps", "one", "many", "large")
_SAMPLE = 200  # series in the training data of the large table


@dataclass(frozen=True)
class Entry:
    """One peer at one task, with the timed command and the command that must run before it."""

    task: str
    peer: str
    cell: str
    command: tuple[str, ...]
    before: tuple[str, ...] | None


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("venvs", type=Path, help="folder that make_venvs.sh filled")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", type=_names, help="peers to run; all that are installed if not given")
    parser.add_argument("--tasks", type=_names, default=list(TASKS))
    parser.add_argument("--cells", type=_names, default=["gru", "lstm", "SeasonalNaive"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--horizon", type=int, default=48)
    parser.add_argument("--season", type=int, default=24)
    parser.add_argument("--freq", default="h")
    parser.add_argument("--series", type=int, default=10_000, help="series of the large table")
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
        usages = measure(entries, arguments.rounds, arguments.threads)
    for entry, rounds in zip(entries, usages, strict=True):
        row = {"task": entry.task, "peer": entry.peer, "cell": entry.cell, **summarize(rounds)}
        rows.append({**row, "rounds": [asdict(usage) for usage in rounds]})
        print(json.dumps(row), flush=True)
    if arguments.json:
        from benchmarks.panel import (
            describe_machine,
        )  # not earlier: memory of this process counts as that of its children

        document = {"rows": rows, "threads": arguments.threads, "machine": describe_machine(), "versions": versions}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def plan(arguments: argparse.Namespace, peers: Sequence[str], folder: Path) -> Iterator[Entry]:
    """Write the tables that the tasks need, and yield the commands."""
    one, large, sample = folder / "one.csv", folder / "large.csv", folder / "sample.csv"
    table = [sys.executable, "-m", "benchmarks.tables"]
    if "one" in arguments.tasks:
        run_command([*table, "one", str(one), "--data", str(arguments.data)])
    if "large" in arguments.tasks:
        for path, series in ((large, arguments.series), (sample, _SAMPLE)):
            run_command([*table, "large", str(path), "--series", str(series)])
    usual = ["--horizon", str(arguments.horizon), "--season", str(arguments.season), "--freq", arguments.freq]
    hourly = ["--horizon", "24", "--season", "24", "--freq", "h"]
    for task in arguments.tasks:
        data = {"one": one, "large": large}.get(task, arguments.data)
        training_data = sample if task == "large" else arguments.data
        for peer in peers:
            for cell in [each for each in arguments.cells if each in CELLS[peer]]:
                python = [str(python_of(arguments.venvs, peer)), "-m", f"benchmarks.peers.{peer}"]
                shape = ["--cell", cell, *(hourly if task == "large" else usual), "--steps", str(arguments.steps)]
                out = ["--out", str(folder / "forecasts.csv")]
                if task == "steps":
                    yield Entry(task, peer, cell, (*python, "steps", "--data", str(data), *shape, *out), None)
                    continue
                model = ["--model", str(folder / f"{peer}-{cell}-{'large' if task == 'large' else 'saved'}")]
                save = (*python, "save", "--data", str(training_data), *shape, *model)
                yield Entry(task, peer, cell, (*python, "predict", "--data", str(data), *shape, *model, *out), save)


def measure(entries: Sequence[Entry], rounds: int, threads: int) -> list[list[Usage]]:
    """Run every command once per round, in turn; report a failing one on stderr, and leave it out from then on."""
    usages: list[list[Usage]] = [[] for _ in entries]
    failed: set[int] = set()
    saved: set[tuple[str, ...]] = set()
    for _ in range(rounds):
        for number, entry in enumerate(entries):
            if number in failed:
                continue
            try:
                if entry.before and entry.before not in saved:
                    run_command(entry.before, threads=threads)
                    saved.add(entry.before)
                usages[number].append(run_command(entry.command, threads=threads))
            except subprocess.CalledProcessError as error:
                failed.add(number)
                print(f"{entry.peer} {entry.task} failed:\n{error.stderr}", file=sys.stderr)
    return usages


def summarize(usages: Sequence[Usage]) -> dict[str, float | None]:
    """Return the medians, or None for a command that never succeeded."""
    if not usages:
        return {"seconds": None, "cpu_s": None, "peak_mb": None}
    return {
        name: round(median(getattr(usage, name) for usage in usages), 3) for name in ("seconds", "cpu_s", "peak_mb")
    }


def python_of(venvs: Path, peer: str) -> Path:
    return Path(sys.executable) if peer == "bare" else venvs / peer / "bin" / "python"


def version_of(venvs: Path, peer: str) -> str:
    """Return the measured package and its version."""
    package = "torch" if peer == "bare" else peer
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python_of(venvs, peer), "-c", code], check=True, capture_output=True, text=True)
    return f"{package} {done.stdout.strip()}"


def _names(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    main()
