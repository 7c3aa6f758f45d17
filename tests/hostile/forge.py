"""Copies of a valid bundle that are changed, and whose hashes are computed anew."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from benchmarks.fuzz_bundles import seal, seal_manifest

GOLDEN = Path(__file__).parents[1] / "golden"

Forge = Callable[[Path], None]


def copy_bundle(folder: Path, kind: str = "network") -> Path:
    """Copy a golden bundle and its data beside it, and return the folder of the bundle."""
    shutil.copy(GOLDEN / "sales.csv", folder / "sales.csv")
    shutil.copytree(GOLDEN / kind / "bundle", folder / "b")
    return folder / "b"


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def put(tree: Any, key: str, value: Any) -> None:
    *parents, name = key.split("/")
    for parent in parents:
        tree = tree[parent]
    tree[name.replace("|", "/")] = value


def with_json(file: str, key: str, value: Any) -> Forge:
    """Return a forger that sets a value of a JSON file; keys are separated by slashes, and `|` stands for one."""

    def forge(folder: Path) -> None:
        tree = read(folder / file)
        put(tree, key, value)
        if file == "manifest.json":
            seal_manifest(folder, tree)
        else:
            (folder / file).write_text(json.dumps(tree))
            seal(folder)

    return forge


def with_text(file: str, old: str, new: str) -> Forge:
    """Return a forger that replaces a text of a file."""

    def forge(folder: Path) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
        seal(folder)

    return forge


def with_content(file: str, content: bytes) -> Forge:
    """Return a forger that replaces a file."""

    def forge(folder: Path) -> None:
        (folder / file).write_bytes(content)
        seal(folder)

    return forge


def with_array(name: str, value: Any) -> Forge:
    """Return a forger that replaces an array of the weights; None removes it."""

    def forge(folder: Path) -> None:
        arrays = load_file(folder / "weights.safetensors")
        if value is None:
            del arrays[name]
        else:
            arrays[name] = np.asarray(value(arrays[name]) if callable(value) else value)
        save_file(arrays, folder / "weights.safetensors")
        seal(folder)

    return forge
