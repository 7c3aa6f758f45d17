"""A tiny network with the inputs and the output of the pretrained one, as a folder of the package."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save
from torch import Tensor, nn

from forecaster.forecast import PROBABILITIES
from forecaster.network.export import trace_zero_shot
from forecaster.network.zero_shot import Architecture, ZeroShotNetwork

CONTEXT, HORIZON = 1024, 64
CONTEXTS = (64, 512)
BIAS = 0.25  # averaging with the mirror image removes it


def spread() -> np.ndarray:
    """Return the [H, Q] distances of the quantiles from the median, in standardised units."""
    scores = np.array([NormalDist().inv_cdf(probability) for probability in PROBABILITIES])
    return (0.5 * np.sqrt(np.arange(1, HORIZON + 1))[:, None] * scores).astype(np.float16)


class ToyNetwork(nn.Module):
    """The mean of the values one season and one second season back; 0 for missing values."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.zeros(HORIZON, len(PROBABILITIES)))

    def forward(self, history: Tensor, context: Tensor, season: Tensor, second_season: Tensor) -> Tensor:
        ahead = torch.arange(HORIZON)[None]
        back = [CONTEXT - each[:, None] + ahead % each[:, None] for each in (season, second_season)]
        median = sum(history.nan_to_num(0.0).gather(1, each) for each in back) / 2
        return median[:, :, None] + self.spread + BIAS


def write_weights(root: Path, name: str = "2026-01", *, scale: float = 1.0) -> Path:
    """Write the files of a toy network to `root/name`.

    Args:
        scale: factor of the widths of its intervals, which makes other weights.
    """
    widths = (spread() * scale).astype(np.float16)
    graph, weights = _graph(widths.astype(np.float32)), {"spread": widths}
    return _write(root / name, graph, weights, {"history": CONTEXT, "horizon": HORIZON, "contexts": CONTEXTS})


def write_network(root: Path) -> Path:
    """Write the files of a small `ZeroShotNetwork` with random weights to a folder in `root`."""
    architecture = Architecture(PROBABILITIES, hidden=8, patch=8, contexts=(32, 128), history=256, horizon=16)
    torch.manual_seed(0)
    network = ZeroShotNetwork(architecture)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter)).copy_(parameter.half().float())
    weights = {key: value.numpy().astype(np.float16, order="C") for key, value in network.state_dict().items()}
    return _write(root / "2026-02", trace_zero_shot(network), weights, asdict(architecture))


def _write(folder: Path, graph: bytes, weights: dict[str, np.ndarray], architecture: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    files = {"network.onnx": graph, "weights.safetensors": save(weights)}
    for file, content in files.items():
        (folder / file).write_bytes(content)
    card = {
        "name": folder.name,
        "context": architecture["history"],
        "horizon": architecture["horizon"],
        "architecture": architecture,
        "sha256": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
    }
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def hash_of(folder: Path) -> str:
    """Return the hash of the weights in a folder."""
    return str(json.loads((folder / "card.json").read_text())["sha256"]["weights.safetensors"])


def _graph(widths: np.ndarray) -> bytes:
    constants = {
        "zero": np.float32(0),
        "half": np.float32(0.5),
        "length": np.int64([CONTEXT]),
        "ahead": np.arange(HORIZON)[None],
        "axis1": np.int64([1]),
        "axis2": np.int64([2]),
        "shift": widths + np.float32(BIAS),
    }
    node = helper.make_node
    nodes = [
        node("IsNaN", ["history"], ["is_missing"]),
        node("Where", ["is_missing", "zero", "history"], ["filled"]),
    ]
    for name in ("season", "second_season"):
        nodes += [
            node("Unsqueeze", [name, "axis1"], [f"{name}_column"]),
            node("Mod", ["ahead", f"{name}_column"], [f"{name}_phase"]),
            node("Sub", ["length", f"{name}_column"], [f"{name}_start"]),
            node("Add", [f"{name}_start", f"{name}_phase"], [f"{name}_back"]),
            node("GatherElements", ["filled", f"{name}_back"], [f"{name}_values"], axis=1),
        ]
    nodes += [
        node("Add", ["season_values", "second_season_values"], ["sum"]),
        node("Mul", ["sum", "half"], ["median"]),
        node("Unsqueeze", ["median", "axis2"], ["column"]),
        node("Add", ["column", "shift"], ["quantiles"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [
            helper.make_tensor_value_info("history", TensorProto.FLOAT, ["B", CONTEXT]),
            helper.make_tensor_value_info("context", TensorProto.FLOAT, ["B", "steps"]),
            helper.make_tensor_value_info("season", TensorProto.INT64, ["B"]),
            helper.make_tensor_value_info("second_season", TensorProto.INT64, ["B"]),
        ],
        [helper.make_tensor_value_info("quantiles", TensorProto.FLOAT, ["B", HORIZON, len(PROBABILITIES)])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
