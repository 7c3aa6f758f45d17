"""A bundle: a trained model as a folder of plain files. Reading one never runs code.

manifest.json         what it is, of what data, made how, and the hash of every other file
weights.safetensors   what was learnt
config.yaml           the resolved configuration
metrics.json          scores on the holdout, before the refit
history.csv           the training curve
network.onnx          the network as a graph for onnxruntime; of several, 0.network.onnx and so on
quality.json          what was found in the data
holdout.csv           forecasts of the held-out tail beside what came true
"""

import hashlib
import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from forecaster.config import Config
from forecaster.config.tree import validate
from forecaster.errors import InputError
from forecaster.forecast import GRAPH_FILE
from forecaster.settings import dump, read_yaml
from forecaster.store.files import new_folder, write_through

SCHEMA_VERSION = 1
RUNS = Path("runs")
LATEST = RUNS / "latest"
MANIFEST, WEIGHTS, CONFIG, METRICS = "manifest.json", "weights.safetensors", "config.yaml", "metrics.json"

File = bytes | Callable[[Path], None]  # a file's content, or what writes it to a path and waits until the disk has it


@dataclass(frozen=True)
class Bundle:
    """What a bundle's reader needs to forecast.

    Attributes:
        manifest: as written, `files` (hashes) and `schema_version` among it.
        state: the forecaster's arrays.
        metrics: the content of metrics.json.
        exports: the networks' graphs, by the names of their files.
    """

    folder: Path
    manifest: dict[str, Any]
    config: Config
    state: dict[str, npt.NDArray[np.generic]]
    metrics: dict[str, Any]
    exports: dict[str, bytes] = field(default_factory=dict)


def write(
    folder: Path,
    *,
    manifest: dict[str, Any],
    config: Config,
    state: dict[str, npt.NDArray[np.generic]],
    metrics: dict[str, Any],
    tables: dict[str, File],
) -> None:
    """Write a bundle, whole or not at all.

    Args:
        tables: the other files, by name.

    Raises: OutputError: it cannot be written.
    """
    files: dict[str, File] = {
        WEIGHTS: save({name: np.asarray(value, order="C") for name, value in state.items()}),
        CONFIG: dump(config).encode(),
        METRICS: json_bytes(metrics),
        **tables,
    }
    with new_folder(folder) as temporary:
        for name, content in files.items():
            if isinstance(content, bytes):
                write_through(temporary / name, content)
            else:
                content(temporary / name)
        hashes = {name: _digest_of_file(temporary / name) for name in files}
        whole = {"schema_version": SCHEMA_VERSION, **manifest, "files": hashes}
        write_through(temporary / MANIFEST, json_bytes({**whole, "hash": _digest(json_bytes(whole))}))


def read(folder: Path) -> Bundle:
    """Read a bundle and hold every file to its hash.

    Raises: InputError: it is missing, truncated, altered, or of a newer schema.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such bundle", hint="train one with `forecast train DATA`, or name it with --bundle"
        )
    if folder.suffix == ".partial" and not (folder / MANIFEST).exists():
        again = shlex.join(["forecast", "train", "--resume", str(folder)])
        raise InputError(f"{folder}: its training was interrupted", hint=f"go on with `{again}`")
    try:
        manifest = json.loads(_bytes(folder / MANIFEST))
        version, hashes, own = int(manifest["schema_version"]), dict(manifest["files"]), manifest.pop("hash", None)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / MANIFEST}: not a bundle's manifest", hint="train again") from error
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{folder}: schema {version} is newer than this program reads ({SCHEMA_VERSION})",
            hint="upgrade with `pip install --upgrade forecast-rnn`",
        )
    if own != _digest(json_bytes(manifest)):
        raise InputError(
            f"{folder / MANIFEST}: altered: its hash is not its own", hint="train again, or restore the file"
        )
    contents = {}
    for name, expected in hashes.items():
        path = folder / Path(name).name
        if name in (WEIGHTS, METRICS) or name.endswith(GRAPH_FILE):
            contents[name] = _bytes(path)
            found = _digest(contents[name])
        else:  # a holdout of many series would fill the memory
            found = _digest_of_file(path)
        if found != expected:
            raise InputError(
                f"{path}: altered or truncated: its hash is not the manifest's", hint="train again, or restore the file"
            )
    try:
        state, metrics = load(contents[WEIGHTS]), json.loads(contents[METRICS])
        config = validate(read_yaml(folder / CONFIG), str(folder / CONFIG))
    except (KeyError, ValueError) as error:
        raise InputError(f"{folder}: lacks {error}", hint="train again") from error
    exports = {name: content for name, content in contents.items() if name.endswith(GRAPH_FILE)}
    return Bundle(folder, manifest, config, dict(state), metrics, exports)


def content(read: Bundle, name: str) -> bytes:
    """Give a file of a bundle, held to its hash.

    Raises: InputError: it is missing, or altered since the bundle was read.
    """
    found = _bytes(read.folder / name)
    if _digest(found) != read.manifest["files"].get(name):
        raise InputError(
            f"{read.folder / name}: altered or truncated: its hash is not the manifest's",
            hint="train again, or restore the file",
        )
    return found


def json_bytes(tree: dict[str, Any]) -> bytes:
    """JSON as we write it: indented, UTF-8, no NaN."""
    return (json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _bytes(path: Path) -> bytes:
    with _as_input_error(path):
        return path.read_bytes()


def _digest_of_file(path: Path) -> str:
    with _as_input_error(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _as_input_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", hint="the bundle is not whole: train again") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
