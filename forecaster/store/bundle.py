"""A bundle: a trained model as a folder of plain files. Reading one never runs code.

manifest.json         the model, its data and training, and the hash of every other file
weights.safetensors   the arrays of the trained forecaster
config.yaml           the resolved config
metrics.json          scores on the holdout, before the refit
history.csv           the training curve
network.onnx          the network as a graph for onnxruntime; 0.network.onnx, 1.network.onnx ... for several networks
quality.json          the data quality report
holdout.csv           forecasts of the held-out steps beside the actual values
"""

import hashlib
import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
from forecaster.store.manifest import SCHEMA_VERSION, Manifest

RUNS = Path("runs")
LATEST = RUNS / "latest"
MANIFEST, WEIGHTS, CONFIG, METRICS = "manifest.json", "weights.safetensors", "config.yaml", "metrics.json"

File = bytes | Callable[[Path], None]  # the content of a file, or a function that writes it to a path and syncs it


@dataclass(frozen=True)
class Bundle:
    """A trained model, read from its folder.

    Attributes:
        state: the forecaster's arrays.
        metrics: the content of metrics.json.
        exports: the graphs of the networks, by file name.
    """

    folder: Path
    manifest: Manifest
    config: Config
    state: dict[str, npt.NDArray[np.generic]]
    metrics: dict[str, Any]
    exports: dict[str, bytes] = field(default_factory=dict)


def write(
    folder: Path,
    *,
    manifest: Manifest,
    config: Config,
    state: dict[str, npt.NDArray[np.generic]],
    metrics: dict[str, Any],
    tables: dict[str, File],
) -> None:
    """Write a bundle atomically.

    Args:
        manifest: without hashes, which are added here.
        tables: the other files, by name.

    Raises: OutputError: the bundle cannot be written.
    """
    files: dict[str, File] = {
        WEIGHTS: save({name: np.asarray(value, order="C") for name, value in state.items()}),
        CONFIG: dump(config).encode(),
        METRICS: json_bytes(metrics),
        **tables,
    }
    with new_folder(folder, owner=(manifest.job or {}).get("id")) as temporary:
        for name, content in files.items():
            if isinstance(content, bytes):
                write_through(temporary / name, content)
            else:
                content(temporary / name)
        hashes = {name: _digest_of_file(temporary / name) for name in files}
        values = replace(manifest, files=hashes).to_dict()
        write_through(temporary / MANIFEST, json_bytes({**values, "hash": _digest(json_bytes(values))}))


def read(folder: Path) -> Bundle:
    """Read a bundle, and compare every file with its hash.

    Raises: InputError: the bundle is missing, truncated, altered, or of a newer schema.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such bundle", hint="train one with `forecast train DATA`, or name another with --bundle"
        )
    if folder.suffix == ".partial" and not (folder / MANIFEST).exists():
        resume = shlex.join(["forecast", "train", "--resume", str(folder)])
        raise InputError(f"{folder}: its training was interrupted", hint=f"continue with `{resume}`")
    manifest = read_manifest(folder)
    contents = {}
    for name, expected in manifest.files.items():
        path = folder / Path(name).name
        if name in (WEIGHTS, METRICS) or name.endswith(GRAPH_FILE):
            contents[name] = _read_bytes(path)
            digest = _digest(contents[name])
        else:  # The holdout of many series is read in blocks, because it would fill the memory.
            digest = _digest_of_file(path)
        if digest != expected:
            raise _altered_error(path)
    try:
        state, metrics = load(contents[WEIGHTS]), json.loads(contents[METRICS])
        config = validate(read_yaml(folder / CONFIG), str(folder / CONFIG))
    except (KeyError, ValueError) as error:
        raise InputError(f"{folder}: lacks {error}", hint="train again") from error
    exports = {name: content for name, content in contents.items() if name.endswith(GRAPH_FILE)}
    return Bundle(folder, manifest, config, dict(state), metrics, exports)


def read_file(bundle: Bundle, name: str) -> bytes:
    """Read a file of a bundle, and compare it with its hash.

    Raises: InputError: the file is missing, or was altered after the bundle was read.
    """
    content = _read_bytes(bundle.folder / name)
    if _digest(content) != bundle.manifest.files.get(name):
        raise _altered_error(bundle.folder / name)
    return content


def json_bytes(tree: dict[str, Any]) -> bytes:
    """Return JSON as all commands write it: indented, in UTF-8, without NaN.

    Raises: ValueError: a number is not finite.
    """
    return (json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a bundle, and compare it with its own hash.

    Raises: InputError: the manifest is missing, altered, or of a newer schema.
    """
    path = folder / MANIFEST
    content = _read_bytes(path)
    try:
        values = json.loads(content)
        version, expected = int(values["schema_version"]), values.pop("hash", None)
        digest = _digest(json_bytes(values))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a bundle's manifest", hint="train again") from error
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path.parent}: schema {version} is newer than this program reads ({SCHEMA_VERSION})",
            hint="upgrade with `pip install --upgrade forecast-rnn`",
        )
    if digest != expected:
        raise InputError(f"{path}: altered: it does not match its own hash", hint="train again, or restore the file")
    return Manifest.from_dict(values, place=str(path))


def _altered_error(path: Path) -> InputError:
    return InputError(
        f"{path}: altered or truncated: it does not match the hash in the manifest",
        hint="train again, or restore the file",
    )


def _read_bytes(path: Path) -> bytes:
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
        raise InputError(f"{path}: {error.strerror}", hint="the bundle is incomplete: train again") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
