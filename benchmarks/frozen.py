"""Check that the same seed still gives the same bytes, by hashes of the files that commands write.

    python -m benchmarks.frozen record FILE [--tree DIR]
    python -m benchmarks.frozen compare FILE [--tree DIR]

`record` trains small networks on the tables in data/ and on a generated long table, forecasts, backtests and compares
models. Each command runs in a fresh process with seed 0 and one thread. The hashes of the files go to FILE. `compare`
runs everything again, prints every name whose hash differs, and exits with 1 if there is one. Hashes can be compared
only on the same machine with the same packages. --tree names the checkout whose package runs; the data is always that
of the checkout that contains this file.

Columns of seconds are left out, and so are files with seconds or paths (manifest.json and config.yaml of a bundle,
metrics.json of a comparison). `forecasts.csv by torch` is the output of `predict` without onnxruntime.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.tables import write_large

_HOME = Path(__file__).resolve().parents[1]
_PRESETS = ("fast", "default")
_PANEL = "panel.csv"  # an hourly long table
_TABLES: dict[str, tuple[str, ...]] = {
    "air_passengers.csv": (),
    "melbourne_temperature.csv": (),
    "sp500.csv": ("--target", "close"),
    "seattle_weather.csv": (),
    _PANEL: (),
}
_SEATTLE_COVARIATES = ("--target", "temp_max", "--past", "precipitation,wind,weather")
_MODELS = "gru,lstm,rnn,mingru,minlstm,slstm,segrnn,deepar"
_FEW_STEPS = ("--set", "training.steps=20", "--set", "training.validate_every=10")
_SMALL = ("--preset", "fast", "--set", "model.hidden=16", *_FEW_STEPS)
_REPRODUCIBLE = ("--seed", "0", "--threads", "1", "--device", "cpu")
_PACKAGES = ("numpy", "onnx", "onnxruntime", "pandas", "torch")

Hashes = dict[str, str]


def main(argv: Sequence[str] | None = None) -> None:
    """Record the hashes of a checkout, or compare them with recorded ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("file", type=Path, help="JSON with the hashes")
    parser.add_argument("--tree", type=Path, default=_HOME, help="the checkout whose package runs")
    arguments = parser.parse_args(argv)
    if arguments.what == "record":
        hashes = take_hashes(arguments.tree)
        arguments.file.write_text(json.dumps({**describe_machine(), "hashes": hashes}, indent=2) + "\n")
        print(f"{len(hashes)} hashes recorded")
        return
    recorded = json.loads(arguments.file.read_text())
    for warning in find_doubts(recorded, describe_machine()):
        print(warning, file=sys.stderr)
    hashes = take_hashes(arguments.tree)
    changes = find_differences(recorded["hashes"], hashes)
    for change in changes:
        print(change)
    if changes:
        raise SystemExit(1)
    print(f"{len(hashes)} hashes unchanged")


class Place:
    """A folder in which the package of a checkout runs, each command in a fresh process.

    Attributes:
        folder: the working directory of the commands, with their tables.
    """

    def __init__(self, folder: Path, tree: Path) -> None:
        """Prepare the folder for the package of a checkout.

        Raises:
            SystemExit: a package outside the checkout would run.
        """
        self.folder = folder / "work"
        self.folder.mkdir()
        hidden = folder / "hidden"
        hidden.mkdir()
        (hidden / "onnxruntime.py").write_text('raise ImportError("hidden, so that torch forecasts")\n')
        self._tree, self._hidden = tree.resolve(), hidden
        code = "import forecaster; print(forecaster.__file__)"
        package = Path(self._call([sys.executable, "-c", code]).strip()).resolve()
        if not package.is_relative_to(self._tree):
            raise SystemExit(f"{self._tree}: contains no package forecaster, that of {package.parent} would run")

    def run(self, *arguments: str, is_by_torch: bool = False) -> None:
        """Run a command of the package to its end.

        Args:
            is_by_torch: if True, hide onnxruntime from the command.

        Raises:
            SystemExit: the command failed; the message has its error output.
        """
        self._call([sys.executable, "-m", "forecaster", *arguments], is_by_torch=is_by_torch)

    def _call(self, command: Sequence[str], *, is_by_torch: bool = False) -> str:
        paths = [str(self._hidden)] * is_by_torch + [str(self._tree)]
        paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        # FORECAST_* variables would change the settings
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FORECAST_")}
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, encoding="utf-8"
        )
        if done.returncode:
            raise SystemExit(f"{shlex.join(command)} ended with {done.returncode}\n{done.stderr}")
        return done.stdout


def take_hashes(tree: Path) -> Hashes:
    """Run every command with the package of a checkout, and return the hashes of the files."""
    hashes: Hashes = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), tree)
        write_tables(place.folder)
        for table, flags in _TABLES.items():
            for preset in _PRESETS:
                hashes |= hash_bundle(
                    place, f"{Path(table).stem} {preset}", table, "--preset", preset, *flags, *_FEW_STEPS
                )
        hashes |= hash_bundle(place, "seattle_weather covariates", "seattle_weather.csv", *_SEATTLE_COVARIATES, *_SMALL)
        hashes |= hash_evaluations(place, "air_passengers.csv")
    return hashes


def write_tables(folder: Path) -> None:
    """Write every table that the commands read."""
    for table in _TABLES:
        if table != _PANEL:
            shutil.copy(_HOME / "data" / table, folder / table)
    write_large(folder / _PANEL, series=12, steps=150)


def hash_bundle(place: Place, name: str, table: str, *flags: str) -> Hashes:
    """Train a bundle and forecast with it; with torch too, if the bundle has graphs for onnxruntime.

    Args:
        name: name of the bundle; the names of its hashes start with it.
        flags: options of `forecast train`.
    """
    bundle = place.folder / name
    place.run("train", table, *flags, *_REPRODUCIBLE, "-q", "-o", name)
    files = {each: (bundle / each).read_bytes() for each in ("weights.safetensors", "holdout.csv", "metrics.json")}
    files["history.csv"] = drop_seconds((bundle / "history.csv").read_bytes())
    forecasts = place.folder / "forecasts.csv"
    place.run("predict", "--bundle", name, "-q", "-o", forecasts.name)
    files["forecasts.csv"] = forecasts.read_bytes()
    if any(bundle.glob("*.onnx")):
        place.run("predict", "--bundle", name, "-q", "-o", forecasts.name, is_by_torch=True)
        files["forecasts.csv by torch"] = forecasts.read_bytes()
    return hashes_of(name, files)


def hash_evaluations(place: Place, table: str) -> Hashes:
    """Backtest a small network, and compare small ones of every cell."""
    folds = ("--folds", "3", *_SMALL, *_REPRODUCIBLE, "-q")
    place.run("backtest", table, *folds, "-o", "backtest")
    backtest = {each: (place.folder / "backtest" / each).read_bytes() for each in ("backtest.csv", "metrics.json")}
    place.run("compare", table, "--models", _MODELS, *folds, "-o", "compare")
    leaderboard = drop_seconds((place.folder / "compare" / "leaderboard.csv").read_bytes())
    stem = Path(table).stem
    return hashes_of(f"{stem} backtest", backtest) | hashes_of(f"{stem} compare", {"leaderboard.csv": leaderboard})


def hashes_of(name: str, files: Mapping[str, bytes]) -> Hashes:
    """Hash the content of files, each under `name/file`."""
    return {f"{name}/{file}": hashlib.sha256(content).hexdigest() for file, content in files.items()}


def drop_seconds(table: bytes) -> bytes:
    """Drop the columns of a CSV table whose names end in `seconds`."""
    header, *rows = csv.reader(io.StringIO(table.decode(), newline=""))
    indices = [number for number, column in enumerate(header) if not column.endswith("seconds")]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([row[number] for number in indices] for row in (header, *rows))
    return text.getvalue().encode()


def describe_machine() -> dict[str, Any]:
    """Return the processor and the package versions that the hashes depend on."""
    versions = {each.name: each.version for each in metadata.distributions() if each.name in _PACKAGES}
    return {"processor": name_processor(), "versions": dict(sorted(versions.items()))}


def name_processor() -> str:
    """Return the name of the processor, with its family and model on Linux."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().split("\n\n")[0].splitlines() if cpuinfo.exists() else []
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "model name" not in fields:
        return platform.processor() or platform.machine()
    parts = [f"{name} {fields[name]}" for name in ("cpu family", "model") if name in fields]
    return ", ".join([fields["model name"], *parts])


def find_doubts(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each difference between the recording machine and this one."""
    then = {"processor": recorded["processor"], **recorded["versions"]}
    now = {"processor": here["processor"], **here["versions"]}
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            yield (
                f"warning: {name} was {then.get(name, 'not there')} when the hashes were recorded and is"
                f" {now.get(name, 'not there')} now, so the hashes may differ for that reason."
            )


def find_differences(recorded: Hashes, hashes: Hashes) -> list[str]:
    """List the hashes that differ, and those that only one side has."""
    names = [name for name in recorded if name in hashes and recorded[name] != hashes[name]]
    names += [f"{name} (no longer written)" for name in recorded if name not in hashes]
    return names + [f"{name} (not recorded)" for name in hashes if name not in recorded]


if __name__ == "__main__":
    main()
