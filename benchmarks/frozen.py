"""Whether the same seed still gives the same bytes: the hashes of what the commands write, before and after a change.

    python -m benchmarks.frozen record FILE [--tree DIR]
    python -m benchmarks.frozen compare FILE [--tree DIR]

`record` trains small networks on the tables in data/ and on a long one of its own, forecasts, backtests and compares
models, each command in a fresh process with seed 0 and one thread, and writes the hashes of the files to FILE.
`compare` does it again and prints every name whose hash differs; it ends with 1 if there is one. Only hashes of one
machine with the same packages can be compared. --tree names the checkout whose package is run; the data is always that
of the checkout which this file lies in.

Left out are columns of seconds, and files that hold seconds or paths (manifest.json and config.yaml of a bundle,
metrics.json of a comparison). `forecasts.csv by torch` is what `predict` writes where onnxruntime is not installed.
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
_PANEL = "panel.csv"  # a long table, hourly
_TABLES: dict[str, tuple[str, ...]] = {
    "air_passengers.csv": (),
    "melbourne_temperature.csv": (),
    "sp500.csv": ("--target", "close"),
    "seattle_weather.csv": (),
    _PANEL: (),
}
_COVARIATES = ("--target", "temp_max", "--past", "precipitation,wind,weather")  # of Seattle
_MODELS = "gru,lstm,rnn,mingru,minlstm,slstm,segrnn,deepar"
_SHORT = ("--set", "training.steps=20", "--set", "training.validate_every=10")
_SMALL = ("--preset", "fast", "--set", "model.hidden=16", *_SHORT)
_SAME = ("--seed", "0", "--threads", "1", "--device", "cpu")
_PACKAGES = ("numpy", "onnx", "onnxruntime", "pandas", "torch")

Hashes = dict[str, str]


def main(argv: Sequence[str] | None = None) -> None:
    """Record the hashes of a checkout, or hold it to recorded ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("file", type=Path, help="JSON with the hashes")
    parser.add_argument("--tree", type=Path, default=_HOME, help="the checkout whose package is run")
    given = parser.parse_args(argv)
    if given.what == "record":
        found = take_hashes(given.tree)
        given.file.write_text(json.dumps({**describe(), "hashes": found}, indent=2) + "\n")
        print(f"{len(found)} hashes recorded")
        return
    recorded = json.loads(given.file.read_text())
    for warning in doubts(recorded, describe()):
        print(warning, file=sys.stderr)
    found = take_hashes(given.tree)
    changes = differences(recorded["hashes"], found)
    for change in changes:
        print(change)
    if changes:
        raise SystemExit(1)
    print(f"{len(found)} hashes unchanged")


class Place:
    """A folder in which the package of a checkout is run, each command in a fresh process.

    Attributes:
        folder: the working directory of the commands, where their tables lie.
    """

    def __init__(self, folder: Path, tree: Path) -> None:
        """Make the folder ready for the package of a checkout.

        Raises: SystemExit: another package than that of the checkout would be run.
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
            raise SystemExit(f"{self._tree}: holds no package forecaster, the one of {package.parent} would be run")

    def run(self, *arguments: str, is_by_torch: bool = False) -> None:
        """Run a command of the package to its end.

        Args:
            is_by_torch: hide onnxruntime from it.

        Raises: SystemExit: it failed; the message has what it said.
        """
        self._call([sys.executable, "-m", "forecaster", *arguments], is_by_torch=is_by_torch)

    def _call(self, command: Sequence[str], *, is_by_torch: bool = False) -> str:
        paths = [str(self._hidden)] * is_by_torch + [str(self._tree)]
        paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        # settings that the environment holds would change what is trained
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FORECAST_")}
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, encoding="utf-8"
        )
        if done.returncode:
            raise SystemExit(f"{shlex.join(command)} ended with {done.returncode}\n{done.stderr}")
        return done.stdout


def take_hashes(tree: Path) -> Hashes:
    """Run every command with the package of a checkout, and give the hashes of what they wrote."""
    found: Hashes = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), tree)
        write_tables(place.folder)
        for table, flags in _TABLES.items():
            for preset in _PRESETS:
                found |= hash_bundle(place, f"{Path(table).stem} {preset}", table, "--preset", preset, *flags, *_SHORT)
        found |= hash_bundle(place, "seattle_weather covariates", "seattle_weather.csv", *_COVARIATES, *_SMALL)
        found |= hash_judgements(place, "air_passengers.csv")
    return found


def write_tables(folder: Path) -> None:
    """Put every table that the commands read into a folder."""
    for table in _TABLES:
        if table != _PANEL:
            shutil.copy(_HOME / "data" / table, folder / table)
    write_large(folder / _PANEL, series=12, steps=150)


def hash_bundle(place: Place, name: str, table: str, *flags: str) -> Hashes:
    """Train a bundle and forecast with it, by onnxruntime and by torch where the bundle holds graphs.

    Args:
        name: of the bundle, which the names of its hashes begin with.
        flags: of the training.
    """
    bundle = place.folder / name
    place.run("train", table, *flags, *_SAME, "-q", "-o", name)
    files = {each: (bundle / each).read_bytes() for each in ("weights.safetensors", "holdout.csv", "metrics.json")}
    files["history.csv"] = drop_seconds((bundle / "history.csv").read_bytes())
    forecasts = place.folder / "forecasts.csv"
    place.run("predict", "--bundle", name, "-q", "-o", forecasts.name)
    files["forecasts.csv"] = forecasts.read_bytes()
    if any(bundle.glob("*.onnx")):
        place.run("predict", "--bundle", name, "-q", "-o", forecasts.name, is_by_torch=True)
        files["forecasts.csv by torch"] = forecasts.read_bytes()
    return hashes_of(name, files)


def hash_judgements(place: Place, table: str) -> Hashes:
    """Backtest a small network, and compare small ones of every cell."""
    folds = ("--folds", "3", *_SMALL, *_SAME, "-q")
    place.run("backtest", table, *folds, "-o", "backtest")
    backtest = {each: (place.folder / "backtest" / each).read_bytes() for each in ("backtest.csv", "metrics.json")}
    place.run("compare", table, "--models", _MODELS, *folds, "-o", "compare")
    leaderboard = drop_seconds((place.folder / "compare" / "leaderboard.csv").read_bytes())
    stem = Path(table).stem
    return hashes_of(f"{stem} backtest", backtest) | hashes_of(f"{stem} compare", {"leaderboard.csv": leaderboard})


def hashes_of(name: str, files: Mapping[str, bytes]) -> Hashes:
    """Hash the content of files, each named after what it belongs to."""
    return {f"{name}/{file}": hashlib.sha256(content).hexdigest() for file, content in files.items()}


def drop_seconds(table: bytes) -> bytes:
    """Leave out the columns of a CSV table whose names end in `seconds`."""
    header, *rows = csv.reader(io.StringIO(table.decode(), newline=""))
    kept = [number for number, column in enumerate(header) if not column.endswith("seconds")]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([row[number] for number in kept] for row in (header, *rows))
    return text.getvalue().encode()


def describe() -> dict[str, Any]:
    """Name the processor and the versions that hashes depend on."""
    versions = {each.name: each.version for each in metadata.distributions() if each.name in _PACKAGES}
    return {"processor": processor(), "versions": dict(sorted(versions.items()))}


def processor() -> str:
    """Name the processor as the system does, with its family and its model where Linux tells them."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().split("\n\n")[0].splitlines() if cpuinfo.exists() else []
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "model name" not in fields:
        return platform.processor() or platform.machine()
    parts = [f"{name} {fields[name]}" for name in ("cpu family", "model") if name in fields]
    return ", ".join([fields["model name"], *parts])


def doubts(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Tell in what the machine that recorded differs from this one, a sentence each."""
    then = {"processor": recorded["processor"], **recorded["versions"]}
    now = {"processor": here["processor"], **here["versions"]}
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            yield (
                f"warning: {name} was {then.get(name, 'not there')} when the hashes were recorded and is"
                f" {now.get(name, 'not there')} now; they hold for one machine only."
            )


def differences(recorded: Hashes, found: Hashes) -> list[str]:
    """Name the hashes that differ, and those that only one side has."""
    names = [name for name in recorded if name in found and recorded[name] != found[name]]
    names += [f"{name} (no longer written)" for name in recorded if name not in found]
    return names + [f"{name} (not recorded)" for name in found if name not in recorded]


if __name__ == "__main__":
    main()
