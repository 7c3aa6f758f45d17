"""A network as an ONNX graph, which onnxruntime runs without torch, and elsewhere without Python."""

import copy
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import fields
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from forecaster.network.build import Dimensions
from forecaster.network.heads.negative_binomial import NegativeBinomial
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.network.recursive import RecursiveNetwork
from forecaster.network.zero_shot import ZeroShotNetwork

OUTPUTS = ("mean", "quantiles")
_OPSET = 18
_TRACED_WINDOWS = 2  # the exporter could treat a batch of one window as a constant size
_METADATA, _KEY, _VALUE = 14, 1, 2  # field numbers in onnx.proto: ModelProto.metadata_props, StringStringEntryProto


def export(network: Network, dimensions: Dimensions, *, context: int, metadata: Mapping[str, str]) -> bytes | None:
    """Export a network as a graph that forecasts any number of windows.

    The inputs of the graph are the attributes of `Inputs` that the network reads, by name. Its outputs are `mean`
    [B, H] and `quantiles` [B, H, Q], in the data's units. NaN means missing.

    Args:
        network: a trained network.
        dimensions: the sizes that it was built for.
        context: steps that it reads, L.
        metadata: texts to store with the graph, by name.

    Returns: the content of the file; None without the package onnx, and for networks that a graph cannot represent:
        those that draw random numbers, and quantiles of counts.
    """
    if isinstance(network, RecursiveNetwork) or isinstance(network.head, NegativeBinomial) or not find_spec("onnx"):
        return None
    try:
        graph = trace(network, dimensions, context=context)
    except Exception:  # no error of any version of torch may cost a long training, since the graph is optional
        return None
    return graph + b"".join(_field(_METADATA, _entry(*pair)) for pair in metadata.items())


def export_zero_shot(network: ZeroShotNetwork) -> bytes | None:
    """Export a trained zero-shot network on the processor; None without the package onnx, or if torch cannot."""
    if not find_spec("onnx"):
        return None
    on_processor = network if next(network.parameters()).device.type == "cpu" else copy.deepcopy(network).cpu()
    try:
        return trace_zero_shot(on_processor)
    except Exception:  # as in `export`
        return None


def trace(network: Network, dimensions: Dimensions, *, context: int) -> bytes:
    """Export a network with torch's tracing exporter.

    This exporter is deprecated, but its successor needs a minute instead of half a second (for a GRU over 168 steps,
    beside two other processes), and one more package.

    Raises: Exception: any error of torch's exporter.
    """
    windows, names = _blank_windows(dimensions, context), _input_names(network, dimensions)
    graph = _Graph(network, dimensions, context, names)
    axes = {name: {0: "windows"} for name in (*names, *OUTPUTS)}
    return _trace(graph, tuple(getattr(windows, name) for name in names), list(names), list(OUTPUTS), axes)


def trace_zero_shot(network: ZeroShotNetwork) -> bytes:
    """Export a zero-shot network as a graph that forecasts any number of windows, read in any number of patches.

    The inputs of the graph are the arguments of `ZeroShotNetwork.forward`, by name; its output is `quantiles`.

    Raises: Exception: any error of torch's exporter.
    """
    size = network.architecture
    history = torch.arange(float(size.history)).expand(_TRACED_WINDOWS, -1).clone()
    history[1, 0] = torch.nan
    seasons = torch.tensor([1, 2])
    windows = history, history[:, -2 * size.patch :], seasons, seasons
    names = ["history", "context", "season", "second_season"]
    axes = {name: {0: "windows"} for name in (*names, "quantiles")} | {"context": {0: "windows", 1: "steps"}}
    return _trace(network, windows, names, ["quantiles"], axes)


def _trace(
    module: nn.Module, arguments: tuple[Tensor, ...], inputs: list[str], outputs: list[str], axes: dict[str, Any]
) -> bytes:
    """Run torch's tracing exporter on a module in evaluation mode, and return the content of the graph's file."""
    file, is_training = io.BytesIO(), module.training
    module.eval()
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), torch.no_grad(), _operators():
            warnings.simplefilter("ignore")  # the exporter warns that shapes become constants, which is intended
            torch.onnx.export(
                module,
                arguments,
                file,  # type: ignore[arg-type]
                dynamo=False,
                opset_version=_OPSET,
                input_names=inputs,
                output_names=outputs,
                dynamic_axes=axes,
            )
    finally:
        module.train(is_training)
    return file.getvalue()


class _Graph(nn.Module):
    """A network as a function of the inputs that it reads; the others are constant."""

    def __init__(self, network: Network, dimensions: Dimensions, context: int, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.training = network.training
        self._dimensions, self._context, self._names = dimensions, context, names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        windows = dict(zip(self._names, inputs, strict=True))
        blank = _blank_windows(self._dimensions, self._context)
        rest = {field.name: getattr(blank, field.name) for field in fields(blank) if field.name not in windows}
        rows = windows["context"].shape[0]
        rest = {name: part[:1].expand(rows, *part.shape[1:]) for name, part in rest.items()}
        mean, quantiles = self.network(Inputs(**windows, **rest))
        return mean, quantiles


def _blank_windows(size: Dimensions, context: int) -> Inputs:
    """Create windows of the right shape, with a missing value."""
    values = torch.arange(float(context)).expand(_TRACED_WINDOWS, -1).clone()
    values[1, 0] = torch.nan
    steps = context + size.horizon
    return Inputs(
        context=values,
        target=torch.full((_TRACED_WINDOWS, size.horizon), torch.nan),
        past=torch.zeros(_TRACED_WINDOWS, context, size.past),
        known=torch.zeros(_TRACED_WINDOWS, steps, size.known),
        static=torch.zeros(_TRACED_WINDOWS, size.static),
        series=torch.zeros(_TRACED_WINDOWS, dtype=torch.long),
        phase=torch.zeros(_TRACED_WINDOWS, dtype=torch.long),
        spread=torch.ones(_TRACED_WINDOWS),
        centre=torch.ones(_TRACED_WINDOWS),
    )


def _input_names(network: Network, size: Dimensions) -> tuple[str, ...]:
    """List the attributes of `Inputs` that a network reads."""
    has_cycle = network.scale.kind == "cycle"
    is_read = {
        "context": True,
        "past": size.past > 0,
        "known": size.known > 0,
        "static": size.static > 0,
        "series": has_cycle or network.covariates.identity is not None,
        "phase": has_cycle,
        "spread": True,
        "centre": True,
    }
    return tuple(name for name, is_input in is_read.items() if is_input)


@contextmanager
def _operators() -> Iterator[None]:
    """Register operators that the exporter lacks."""

    def expm1(graph: Any, x: Any) -> Any:
        one = graph.op("CastLike", graph.op("Constant", value_t=torch.tensor(1.0)), x)
        return graph.op("Sub", graph.op("Exp", x), one)

    operators: dict[str, Callable[[Any, Any], Any]] = {
        "aten::expm1": expm1,
        "aten::asinh": lambda graph, x: graph.op("Asinh", x),
        "aten::sinh": lambda graph, x: graph.op("Sinh", x),
    }
    for name, operator in operators.items():
        torch.onnx.register_custom_op_symbolic(name, operator, _OPSET)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name in operators:
            torch.onnx.unregister_custom_op_symbolic(name, _OPSET)  # type: ignore[attr-defined]


def _entry(key: str, value: str) -> bytes:
    return _field(_KEY, key.encode()) + _field(_VALUE, value.encode())


def _field(number: int, content: bytes) -> bytes:
    """Encode a field of a protocol buffer; appended to an encoded message, it becomes part of it."""
    size, length = len(content), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content
