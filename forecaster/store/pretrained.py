"""The pretrained networks that the package contains: a folder each, with weights, a graph and a card.

pretrained/<name>/network.onnx         the network as a graph for onnxruntime
pretrained/<name>/weights.safetensors  its weights, for torch
pretrained/<name>/card.json            sizes, training, scores and licence, and the hashes of the other files

Weights are identified by the SHA-256 hash of weights.safetensors, which bundles name instead of copying the weights.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.errors import InputError
from forecaster.forecast import GRAPH_FILE

FOLDER = Path(__file__).parents[1] / "pretrained"
CARD, WEIGHTS = "card.json", "weights.safetensors"

_REINSTALL = "install the program again with `pip install --force-reinstall forecast-rnn`"
_HASH_SHOWN = 12  # digits of a hash in messages


@dataclass(frozen=True)
class PretrainedWeights:
    """A pretrained network in the package; its files are read when they are needed.

    Attributes:
        folder: the folder of the files.
        card: the content of card.json.
    """

    folder: Path
    card: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the version, such as `2026-11`; a later version has a name that sorts after it."""
        return str(self.card["name"])

    @property
    def hash(self) -> str:
        """The hash that identifies the weights."""
        return str(self.card["sha256"][WEIGHTS])

    @property
    def context(self) -> int:
        """The steps of a window."""
        return int(self.card["context"])

    @property
    def recurrent_contexts(self) -> tuple[int, ...]:
        """The numbers of last steps that the recurrence may read, rising."""
        return tuple(map(int, self.card["architecture"]["contexts"]))

    @property
    def horizon(self) -> int:
        """The steps that the network forecasts at once."""
        return int(self.card["horizon"])

    def read_graph(self) -> bytes:
        """Return the graph.

        Raises: InputError: the file is missing or altered.
        """
        return self._read(GRAPH_FILE)

    def read_arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the weights by name, in float32.

        Raises: InputError: the file is missing or altered.
        """
        from safetensors.numpy import load

        return {name: value.astype(np.float32) for name, value in load(self._read(WEIGHTS)).items()}

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}", hint=_REINSTALL) from error
        if hashlib.sha256(content).hexdigest() != self.card["sha256"][name]:
            raise InputError(f"{path}: altered: it does not match the hash in {CARD}", hint=_REINSTALL)
        return content


def is_available() -> bool:
    """Return True if the package contains a pretrained network."""
    return any(True for _ in _cards())


def find(hash: str | None = None, *, version: str | None = None) -> PretrainedWeights:
    """Return pretrained weights of the package.

    Args:
        hash: identifies the weights; None for the newest.
        version: the version of the program that used these weights, for the hint; None if unknown.

    Raises: InputError: the package does not contain these weights, or a card is damaged.
    """
    versions = [_read_card(path) for path in _cards()]
    matches = [each for each in versions if hash in (None, each.hash)]
    if matches:
        return max(matches, key=lambda each: each.name)
    if hash is None:
        raise InputError(f"{FOLDER}: this installation contains no pretrained network", hint=_REINSTALL)
    release = f"forecast-rnn=={version}" if version else "--upgrade forecast-rnn"
    known = ", ".join(f"{each.name} ({each.hash[:_HASH_SHOWN]})" for each in versions) or "none"
    raise InputError(
        f"the pretrained weights {hash[:_HASH_SHOWN]} are not in this installation, which has: {known}",
        hint=f"install a version that contains them with `pip install {release}`, or train again",
    )


def _cards() -> Iterator[Path]:
    return FOLDER.glob(f"*/{CARD}")


def _read_card(path: Path) -> PretrainedWeights:
    try:
        weights = PretrainedWeights(path.parent, json.loads(path.read_text("utf-8")))
        sizes = (weights.context, weights.horizon, weights.recurrent_contexts)
        facts = (weights.name, weights.hash, weights.card["sha256"][GRAPH_FILE], *sizes)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read: {error!r}", hint=_REINSTALL) from error
    if not all(facts):
        raise InputError(f"{path}: is incomplete", hint=_REINSTALL)
    return weights
