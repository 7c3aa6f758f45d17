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
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.config import Config
from forecaster.config.tree import validate
from forecaster.errors import ConfigError, InputError
from forecaster.forecast import GRAPH_FILE
from forecaster.settings import dump, parse_tree
from forecaster.store.arrays import Arrays, dump_arrays, parse_arrays
from forecaster.store.files import new_folder, write_through
from forecaster.store.json_files import parse_object, read_object
from forecaster.store.manifest import SCHEMA_VERSION, Manifest
from forecaster.store.regular_files import MAX_BYTES, MAX_TEXT_BYTES, hash_regular_file, read_regular_file
from forecaster.store.scores import check_metrics

RUNS = Path("runs")
LATEST = RUNS / "latest"
MANIFEST, WEIGHTS, CONFIG, METRICS = "manifest.json", "weights.safetensors", "config.yaml", "metrics.json"

_INCOMPLETE = "the bundle is incomplete or damaged: train again"
_TEXT_FILES = (CONFIG, METRICS)

File = bytes | Callable[[Path], None]  # the content of a file, or a function that writes it to a path and syncs it


@dataclass(frozen=True)
class Bundle:
    """A trained model, read from its folder.

    Attributes:
        hash: the hash of the manifest, which contains those of all other files.
        state: the forecaster's arrays.
        metrics: the content of metrics.json.
        exports: the graphs of the networks, by file name.
        unchecked: the names of large files that were not compared with their hashes; `read_file` compares them.
        address: where the bundle was copied from, without secrets; None for a folder of this machine.
        copy: the owner of the folder if it is a temporary copy, which exists as long as this object does.
    """

    folder: Path
    hash: str
    manifest: Manifest
    config: Config
    state: Arrays
    metrics: dict[str, Any]
    exports: dict[str, bytes] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    address: str | None = None
    copy: object = None

    @property
    def place(self) -> str:
        """The folder or the address, as messages name the bundle."""
        return self.address or str(self.folder)


def write(
    folder: Path,
    *,
    manifest: Manifest,
    config: Config,
    state: Arrays,
    metrics: dict[str, Any],
    tables: dict[str, File],
) -> str:
    """Write a bundle atomically.

    Args:
        manifest: without hashes, which are added here.
        tables: the other files, by name.

    Returns: the hash of the manifest.
    Raises: OutputError: the bundle cannot be written.
    """
    files: dict[str, File] = {
        WEIGHTS: dump_arrays(state),
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
        digest = _digest(json_bytes(values))
        write_through(temporary / MANIFEST, json_bytes({**values, "hash": digest}))
    return digest


def read(folder: Path) -> Bundle:
    """Read a bundle, and compare every file with its hash, but for large ones that are not needed yet.

    Raises: InputError: the bundle is missing, truncated, altered, or of a newer schema.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such bundle", hint="train one with `forecast train DATA`, or name another with --bundle"
        )
    if folder.suffix == ".partial" and not (folder / MANIFEST).exists():
        resume = shlex.join(["forecast", "train", "--resume", str(folder)])
        raise InputError(f"{folder}: its training was interrupted", hint=f"continue with `{resume}`")
    manifest, digest = _read_manifest(folder / MANIFEST)
    for name in (WEIGHTS, CONFIG, METRICS):
        if name not in manifest.files:
            raise InputError(f"{folder / MANIFEST}: files: lacks {name}", hint=_INCOMPLETE)
    contents, unchecked = _read_files(folder, manifest)
    config = _parse_config(contents[CONFIG], folder / CONFIG)
    _check_agreement(manifest, config, folder / CONFIG)
    metrics = parse_object(contents[METRICS], folder / METRICS, hint=_INCOMPLETE)
    check_metrics(metrics, manifest.model, folder / METRICS)
    state = parse_arrays(contents[WEIGHTS], folder / WEIGHTS, hint=_INCOMPLETE)
    for name, array in state.items():
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise InputError(f"{folder / WEIGHTS}: {name!r} contains NaN", hint=_INCOMPLETE)
    exports = {name: content for name, content in contents.items() if name.endswith(GRAPH_FILE)}
    return Bundle(folder, digest, manifest, config, state, metrics, exports, unchecked)


def _read_files(folder: Path, manifest: Manifest) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Compare every file with its hash.

    Returns: the content of the files that a forecast needs, by name; and the names of the files that are too large.
    """
    contents: dict[str, bytes] = {}
    unchecked: list[str] = []
    room = MAX_BYTES
    for name, expected in manifest.files.items():
        path = folder / name
        if name in (WEIGHTS, *_TEXT_FILES) or name.endswith(GRAPH_FILE):
            most = min(room, MAX_TEXT_BYTES) if name in _TEXT_FILES else room
            contents[name] = read_regular_file(path, max_bytes=most, hint=_INCOMPLETE)
            digest: str | None = _digest(contents[name])
            room -= len(contents[name])
        else:  # The holdout of many series is read in blocks, because it would fill the memory.
            digest = hash_regular_file(path, hint=_INCOMPLETE)
        if digest is None:
            unchecked.append(name)
        elif digest != expected:
            raise _altered_error(path)
    return contents, tuple(unchecked)


def read_config(folder: Path) -> Config:
    """Read config.yaml of a folder that any command wrote.

    Raises: InputError: the file is missing or damaged.
    """
    path = folder / CONFIG
    return _parse_config(read_regular_file(path, max_bytes=MAX_TEXT_BYTES, hint=_INCOMPLETE), path)


def _parse_config(content: bytes, path: Path) -> Config:
    try:
        return validate(parse_tree(content.decode("utf-8"), str(path)), str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8", hint=_INCOMPLETE) from error
    except ConfigError as error:  # the user did not write this config
        raise InputError(error.message, hint=_INCOMPLETE) from error


def _check_agreement(manifest: Manifest, config: Config, path: Path) -> None:
    """Check that the config is resolved, and agrees with the manifest.

    Raises: InputError: it does not.
    """
    pairs = {"data.horizon": (config.data.horizon, manifest.horizon), "model": (config.name, manifest.model)}
    for key, (value, expected) in pairs.items():
        if value != expected:
            raise InputError(f"{path}: {key} is {value}, but {expected} in {MANIFEST}", hint=_INCOMPLETE)


def read_file(bundle: Bundle, name: str) -> bytes:
    """Read a file of a bundle, and compare it with its hash.

    Raises: InputError: the file is missing, or was altered after the bundle was read.
    """
    content = read_regular_file(bundle.folder / name, hint=_INCOMPLETE)
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
    return _read_manifest(folder / MANIFEST)[0]


def _read_manifest(path: Path) -> tuple[Manifest, str]:
    """Return the manifest and its hash."""
    values = read_object(path, hint="train again")
    try:
        version, expected = int(values["schema_version"]), values.pop("hash", None)
        digest = _digest(json_bytes(values))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a bundle's manifest", hint="train again") from error
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path.parent}: schema {version} is newer than this program reads ({SCHEMA_VERSION})",
            hint="upgrade with `pip install --upgrade forecast-rnn`",
        )
    if digest != expected:
        raise InputError(f"{path}: altered: it does not match its own hash", hint="train again, or restore the file")
    return Manifest.from_dict(values, place=str(path)), digest


def _altered_error(path: Path) -> InputError:
    return InputError(
        f"{path}: altered or truncated: it does not match the hash in the manifest",
        hint="train again, or restore the file",
    )


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
