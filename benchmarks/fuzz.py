"""Run the program on mutated input, and count tracebacks, hangs and excessive memory.

    python -m benchmarks.fuzz csv --inputs 2000 --seed 0
    python -m benchmarks.fuzz formats --inputs 2000
    python -m benchmarks.fuzz yaml --inputs 2000
    python -m benchmarks.fuzz commands --inputs 2000

`csv` reads mutated tables, inspects some of them and forecasts others without training; `formats` reads mutated files
that are compressed, JSON, Arrow, Parquet or workbooks; `yaml` loads mutated configs and settings; `commands` runs
command lines of random options in a folder with tables, a config, a job and a bundle.
An input is made from the seed and its number, so `--first 1234 --inputs 1` repeats it alone.

Inputs run in a forked process. An input that needs more than 10 seconds of the processor, hangs, allocates more than
2 GB, ends the process or raises anything but the program's own errors is a finding: it is printed with its number, and
the exit code is 1. An input without an answer within 10 seconds is repeated alone, with a minute to answer, before it
counts as a hang.
"""

import argparse
import contextlib
import io
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fuzz_formats import make_file
from benchmarks.fuzz_inputs import Random, make_command, make_csv, make_yaml, write_folder

MAX_SECONDS = 10.0
MAX_BYTES = 2 * 10**9
_BATCH = 500  # inputs of one process, whose memory would otherwise grow over a long run
_SHOWN = 20
_PATIENCE = 6  # times as much time for an input that is repeated, since other work may stall a machine
_FOLDERS_OF_USER = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
_PAGE_BYTES = resource.getpagesize()


@dataclass
class Findings:
    """The outcomes of a run.

    Attributes:
        inputs: the number of inputs that were run.
        outcomes: the number of inputs by outcome: an exit code, or the kind of a finding.
        lines: the findings, each in one line.
        peak_bytes: the most memory that one input added to a process.
        stalls: the numbers of inputs that gave no answer in time, and were then repeated alone.
    """

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    peak_bytes: int = 0
    stalls: list[int] = field(default_factory=list)

    def add(self, number: int, outcome: str, added_bytes: int = 0) -> None:
        """Count the outcome of an input; anything but an exit code is a finding."""
        self.inputs += 1
        kind, _, detail = outcome.partition(" ")
        self.outcomes[kind] += 1
        self.peak_bytes = max(self.peak_bytes, added_bytes)
        if not kind.isdecimal():
            self.lines.append(f"input {number}: {kind} {detail}")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the inputs, print what was found, and exit with 1 if there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=sorted(_KINDS))
    parser.add_argument("--inputs", type=int, default=2000, help="number of inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    findings = run(arguments.what, arguments.seed, range(arguments.first, arguments.first + arguments.inputs))
    for line in findings.lines[:_SHOWN]:
        print(line)
    counts = ", ".join(f"{kind}: {count:,}" for kind, count in sorted(findings.outcomes.items()))
    print(
        f"{arguments.what}, seed {arguments.seed}: {findings.inputs:,} inputs in {time.monotonic() - started:.0f} s; "
        f"{len(findings.lines)} findings; outcomes {counts}; peak {findings.peak_bytes / 1e6:.0f} MB; "
        f"stalls {findings.stalls}"
    )
    raise SystemExit(1 if findings.lines else 0)


def run(what: str, seed: int, numbers: range, *, max_seconds: float = MAX_SECONDS) -> Findings:
    """Run inputs in forked processes, each of which ends after its first hang."""
    execute = _KINDS[what]
    _import_everything()
    findings = Findings()
    first = numbers.start
    with tempfile.TemporaryDirectory() as folder:
        while first < numbers.stop:
            batch = range(first, min(first + _BATCH, numbers.stop))
            first = _run_batch(execute, seed, batch, Path(folder) / str(first), findings, max_seconds)
    return findings


def _import_everything() -> None:
    """Import what the inputs need, so that a forked process need not."""
    from forecaster.cli import app, console
    from forecaster.models import build
    from forecaster.workflows import inspect, show, source

    assert all((app, console, build, inspect, show, source))


def _run_batch(
    execute: "Execute", seed: int, batch: range, folder: Path, findings: Findings, max_seconds: float
) -> int:
    """Run a batch in one process, and return the number of the next input."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        _work(execute, seed, batch, folder, writer)
    os.close(writer)
    number, buffer = batch.start, b""
    try:
        while number < batch.stop:
            ready, _, _ = select.select([reader], [], [], max_seconds)
            chunk = os.read(reader, 1 << 16) if ready else b""
            if not chunk:
                if not ready and len(batch) > 1:
                    findings.stalls.append(number)
                    alone = range(number, number + 1)
                    return _run_batch(execute, seed, alone, folder / "alone", findings, _PATIENCE * max_seconds)
                findings.add(number, "hang" if not ready else "died")
                return number + 1
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                added, seconds, outcome = line.decode(errors="replace").split(" ", 2)
                is_slow = float(seconds) > MAX_SECONDS
                findings.add(number, f"slow {seconds} s of the processor" if is_slow else outcome, int(added))
                number += 1
        return number
    finally:
        os.close(reader)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _work(execute: "Execute", seed: int, batch: range, folder: Path, writer: int) -> None:
    """Run a batch within a forked process, and write one line for each input."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    os.environ.update({name: str(folder) for name in _FOLDERS_OF_USER})
    write_folder(folder)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    for number in batch:
        before, started = _read_memory()[1], time.process_time()
        limit = _read_memory()[0] + MAX_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        outcome = _describe(execute, Random(seed, number))
        added = max(_read_memory()[1] - before, 0)
        os.write(
            writer,
            f"{added} {time.process_time() - started:.1f} {' '.join(outcome.split())[:500]}\n".encode(errors="replace"),
        )
    os._exit(0)


def _describe(execute: "Execute", random: Random) -> str:
    """Run one input, and return its exit code or what went wrong."""
    try:
        return str(execute(random))
    except MemoryError:
        return "memory"
    except BaseException as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "forecaster" in frame.filename]
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "elsewhere"
        return f"traceback {type(error).__name__} at {place}: {error}"


def _read_memory() -> tuple[int, int]:
    """Return the bytes of address space and of resident memory of this process."""
    size, resident = Path("/proc/self/statm").read_text().split()[:2]
    return int(size) * _PAGE_BYTES, int(resident) * _PAGE_BYTES


def run_csv(random: Random) -> int:
    """Read a mutated table; inspect one of four, and forecast another."""
    from forecaster.config import Config, DataConfig, NaiveConfig
    from forecaster.data.load import load
    from forecaster.errors import ForecastError
    from forecaster.models.build import build_model

    path = Path("input.csv")
    path.write_bytes(make_csv(random))
    if random.integer(4) == 0:
        return run_arguments(["inspect", str(path), *random.choice([[], ["--json"], ["--time", "none"]])])
    try:
        loaded = load(str(path), DataConfig())
        if random.integer(3) == 0:
            config = Config(data=loaded.config, model=NaiveConfig())
            build_model(config).predict(loaded.panel, loaded.config.resolved_horizon).to_frame()
    except ForecastError as error:
        return error.code
    return 0


def run_file(random: Random) -> int:
    """Read a mutated file of another format."""
    from forecaster.config import DataConfig
    from forecaster.data.load import load
    from forecaster.errors import ForecastError

    Path("input").write_bytes(make_file(random))
    try:
        load("input", DataConfig())
    except ForecastError as error:
        return error.code
    return 0


def run_yaml(random: Random) -> int:
    """Load a mutated config, or a setting."""
    from forecaster.errors import ForecastError
    from forecaster.settings import load

    path, settings = make_yaml(random)
    try:
        load(path, settings=settings, environment={})
    except ForecastError as error:
        return error.code
    return 0


def run_command(random: Random) -> int:
    """Run a command line of random options."""
    return run_arguments(make_command(random))


def run_arguments(arguments: list[str]) -> int:
    """Run a command in this process, and return its exit code.

    Raises: RuntimeError: it printed a traceback.
    """
    from forecaster.cli.app import main as run_forecast

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with _standard_input(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run_forecast(arguments)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 2
        out.flush()
        err.flush()
    if code == 1:
        lines = err.buffer.getvalue().decode(errors="replace").strip().splitlines()
        places = [line.strip() for line in lines if "/forecaster/" in line]
        raise RuntimeError(f"{arguments}: {lines[-1:]} at {places[-1:]}")
    return code


@contextlib.contextmanager
def _standard_input() -> Iterator[None]:
    """Replace standard input by a short table."""
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(b"ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n"))
    try:
        yield
    finally:
        sys.stdin = before


Execute = Callable[[Random], int]
_KINDS: dict[str, Execute] = {"csv": run_csv, "formats": run_file, "yaml": run_yaml, "commands": run_command}

if __name__ == "__main__":
    main()
