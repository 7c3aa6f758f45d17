"""A network as an ONNX graph: read by onnxruntime, here without torch, elsewhere without Python."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import fields
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from forecaster.network.build import Dimensions
from forecaster.network.heads.negative_binomial import NegativeBinomial
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.network.recursive import RecursiveNetwork

OUTPUTS = ("mean", "quantiles")
_OPSET = 18
_ROWS = 2  # windows that are traced; with one, the exporter might take the batch for a constant
_METADATA, _KEY, _VALUE = 14, 1, 2  # fields of onnx.proto: ModelProto.metadata_props, StringStringEntryProto


def export(network: Network, dimensions: Dimensions, *, context: int, metadata: Mapping[str, str]) -> bytes | None:
    """Write what a network forecasts as a graph of windows, any number of them at a time.

    Its inputs are those of `Inputs` that the network reads, by their names; its outputs `mean` [B, H] and
    `quantiles` [B, H, Q], in the data's units. NaN means missing, as everywhere.

    Args:
        context: steps that are read, L.
        metadata: told beside the graph, as strings.

    Returns: the file; None without the package onnx, and for what a graph cannot say: a network that draws random
        numbers, quantiles of counts.
    """
    if isinstance(network, RecursiveNetwork) or isinstance(network.head, NegativeBinomial) or not find_spec("onnx"):
        return None
    try:
        graph = trace(network, dimensions, context=context)
    except Exception:  # a training of hours is not lost to a file that it can do without, whatever torch is installed
        return None
    return graph + b"".join(_field(_METADATA, _entry(*pair)) for pair in metadata.items())


def trace(network: Network, dimensions: Dimensions, *, context: int) -> bytes:
    """Write the graph by torch's exporter that traces.

    It is deprecated, but the one that takes its place takes a minute where this one takes half a second (a GRU over
    168 steps, with two other processes), and needs one more package.

    Raises: Exception: of any kind, where torch cannot.
    """
    windows, names = _blank(dimensions, context), _read(network, dimensions)
    file, is_training = io.BytesIO(), network.training
    network.eval()
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), torch.no_grad(), _operators():
            warnings.simplefilter("ignore")  # shapes become constants, and that is what they are
            torch.onnx.export(
                _Graph(network, dimensions, context, names),
                tuple(getattr(windows, name) for name in names),
                file,  # type: ignore[arg-type]
                dynamo=False,
                opset_version=_OPSET,
                input_names=list(names),
                output_names=list(OUTPUTS),
                dynamic_axes={name: {0: "windows"} for name in (*names, *OUTPUTS)},
            )
    finally:
        network.train(is_training)
    return file.getvalue()


class _Graph(nn.Module):
    """The network as a function of some of its inputs; the others have no width, or do not matter."""

    def __init__(self, network: Network, dimensions: Dimensions, context: int, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self._dimensions, self._context, self._names = dimensions, context, names

    def forward(self, *given: Tensor) -> tuple[Tensor, Tensor]:
        windows = dict(zip(self._names, given, strict=True))
        blank = _blank(self._dimensions, self._context)
        rest = {field.name: getattr(blank, field.name) for field in fields(blank) if field.name not in windows}
        rows = windows["context"].shape[0]
        rest = {name: part[:1].expand(rows, *part.shape[1:]) for name, part in rest.items()}
        mean, quantiles = self.network(Inputs(**windows, **rest))
        return mean, quantiles


def _blank(size: Dimensions, context: int) -> Inputs:
    """Some windows of the right shape, with something missing."""
    values = torch.arange(float(context)).expand(_ROWS, -1).clone()
    values[1, 0] = torch.nan
    steps = context + size.horizon
    return Inputs(
        context=values,
        target=torch.full((_ROWS, size.horizon), torch.nan),
        past=torch.zeros(_ROWS, context, size.past),
        known=torch.zeros(_ROWS, steps, size.known),
        static=torch.zeros(_ROWS, size.static),
        series=torch.zeros(_ROWS, dtype=torch.long),
        phase=torch.zeros(_ROWS, dtype=torch.long),
        spread=torch.ones(_ROWS),
        centre=torch.ones(_ROWS),
    )


def _read(network: Network, size: Dimensions) -> tuple[str, ...]:
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
    return tuple(name for name, is_one in is_read.items() if is_one)


@contextmanager
def _operators() -> Iterator[None]:
    """Teach the exporter what it does not know."""

    def expm1(graph: object, x: object) -> object:
        one = graph.op("CastLike", graph.op("Constant", value_t=torch.tensor(1.0)), x)  # type: ignore[attr-defined]
        return graph.op("Sub", graph.op("Exp", x), one)  # type: ignore[attr-defined]

    torch.onnx.register_custom_op_symbolic(  # type: ignore[attr-defined]
        "aten::expm1", expm1, _OPSET
    )
    try:
        yield
    finally:
        torch.onnx.unregister_custom_op_symbolic("aten::expm1", _OPSET)  # type: ignore[attr-defined]


def _entry(key: str, value: str) -> bytes:
    return _field(_KEY, key.encode()) + _field(_VALUE, value.encode())


def _field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer; appended to a message, it becomes part of it."""
    size, length = len(content), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content
