"""A check of ONNX graphs before they run, because a stranger may have written them.

A graph can contain loops without an end, code of other libraries, tensors in other files of the machine, and constants
of any size. The graphs of this program contain none of these.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forecaster.errors import InputError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

# The operators of the graphs that `network.export` writes. Each of them ends, and none reads or writes a file.
_NAMES = """
    Abs Add And ArgMax Asinh Cast CastLike Ceil Clip Concat Constant ConstantOfShape Cos CumSum Div Einsum Elu Equal Erf
    Exp Expand Flatten Floor GRU Gather GatherElements GatherND Gemm Greater GreaterOrEqual HardSigmoid Identity IsInf
    IsNaN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul Neg Not Or Pad
    Pow RNN Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Round
    ScatterElements ScatterND Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Split Sqrt Squeeze Sub Sum Tanh
    Tile TopK Transpose Trilu Unsqueeze Where Xor
"""
OPERATORS = frozenset(_NAMES.split())
_CONTROL_FLOW = {"Loop", "If", "Scan", "SequenceMap"}
_MAX_NODES = 500_000
_STANDARD_DOMAINS = ("", "ai.onnx")


class UnsupportedGraph(Exception):
    """A graph that this program does not run, although it may be harmless; the weights forecast instead."""


def check_graph(content: bytes) -> int:
    """Check that a graph only computes, and return the number of values in its tensors.

    Args:
        content: the graph in ONNX format.

    Raises:
        ImportError: the package onnx is not installed.
        InputError: the graph contains control flow, functions, external data, or operators of other libraries.
        UnsupportedGraph: it cannot be read, is too large, or has operators that the program never writes.
    """
    import onnx

    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # the error of protobuf has no other base class
        raise UnsupportedGraph from error
    reason = _find_danger(model)
    if reason:
        raise InputError(f"the ONNX graph contains {reason}", hint="do not use this bundle, or train again")
    nodes = model.graph.node
    if len(nodes) > _MAX_NODES or any(node.op_type not in OPERATORS for node in nodes):
        raise UnsupportedGraph
    return sum(_count_values(tensor) for tensor in _tensors(model.graph))


def _find_danger(model: "ModelProto") -> str | None:
    """Return what makes a graph unsafe to load or to run; None if nothing does."""
    graph = model.graph
    if model.functions or model.training_info:
        return "functions"
    if graph.sparse_initializer:
        return "sparse tensors"
    for node in graph.node:
        if node.domain not in _STANDARD_DOMAINS:
            return f"the operator {node.op_type!r} of {node.domain!r}"
        if node.op_type in _CONTROL_FLOW or any(each.HasField("g") or each.graphs for each in node.attribute):
            return f"the control flow {node.op_type!r}"
    for tensor in _tensors(graph):
        if tensor.data_location or tensor.external_data:
            return "data of other files"
    return None


def _tensors(graph: "GraphProto") -> Iterator["TensorProto"]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _count_values(tensor: "TensorProto") -> int:
    count = 1
    for size in tensor.dims:
        count *= max(size, 1)
    return count
