"""Graphs say what their networks say."""

import json
from itertools import cycle
from typing import Any

import numpy as np
import pytest
import torch

from forecaster.config import ScaleKind
from forecaster.network import export as module
from forecaster.network.build import Dimensions
from forecaster.network.export import export, trace
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from tests.network.test_network import CONTEXT, HORIZON, MEMBERS, SCALES, WITH, network_of, rich_batch, rich_network

onnxruntime = pytest.importorskip("onnxruntime")

DECODERS, HEADS, WIDTHS = ("direct", "parallel"), ("quantile", "point", "student_t"), (1, 5, 6)
NAMES = ["rnn", "lstm", "bidirectional gru", "mingru", "minlstm", "deep slstm"]
PLAIN = Dimensions(horizon=HORIZON)

pytestmark = pytest.mark.graphs


def session_of(graph: bytes) -> Any:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def awkward(batch: Inputs) -> Inputs:
    """Windows that a network must not stumble over: constant, huge, tiny, negative, with nothing or one value known."""
    values = batch.context.clone()
    values[3], values[4], values[5], values[6] = torch.nan, 7.0, values[5] * 1e6, values[6] * 1e-6
    values[7, 1:] = torch.nan
    values[8] -= 11.0
    parts = {name: getattr(batch, name) for name in ("target", "past", "known", "static", "series", "phase")}
    parts["known"][9, 3] = torch.nan
    spread = batch.spread.clone()
    spread[4] = 0.0
    return Inputs(context=values, spread=spread, centre=values.nanmean(1).nan_to_num(), **parts)


def shaken(network: Network) -> Network:
    """With weights of a size that training gives, and intervals that a point head has learnt."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        for name, buffer in network.named_buffers():
            if name.endswith("residuals"):
                buffer.copy_(torch.randn_like(buffer).sort(1).values)
    return network.eval()


def check(network: Network, dimensions: Dimensions = WITH) -> None:
    """Hold a graph to its network: values to 1e-5 of what is the largest forecast of their window."""
    network = shaken(network)
    session = session_of(trace(network, dimensions, context=CONTEXT))
    names = [each.name for each in session.get_inputs()]
    for rows in (1, 12):
        batch = awkward(rich_batch(12))
        batch = Inputs(**{name: part[:rows] for name, part in vars(batch).items()})
        outputs = session.run(None, {name: getattr(batch, name).numpy() for name in names})
        with torch.no_grad():
            expected = network(batch)
        for one, other in zip(outputs, expected, strict=True):
            assert one.shape == other.shape
            size = other.abs().amax(tuple(range(1, other.dim())), keepdim=True).numpy()
            assert (np.abs(one - other.numpy()) <= 1e-5 * size).all()


@pytest.mark.parametrize(("name", "decode"), [*zip(NAMES, cycle(DECODERS), strict=False)])
def test_a_graph_says_what_its_network_says(name: str, decode: str) -> None:
    tree = {"decode": {"kind": decode, "skip": [6, 12]}, "embed": {"identity": 3}}
    check(network_of(name, width=5, dimensions=WITH, **tree))


@pytest.mark.parametrize(
    ("kind", "log", "head"), [(*each, head) for each, head in zip(SCALES[::3], cycle(HEADS), strict=False)]
)
def test_a_graph_scales_as_its_network_does(kind: ScaleKind, log: bool, head: str) -> None:
    check(rich_network("parallel", head, scale={"kind": kind, "log": log}))


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("kind", "log"), SCALES)
def test_every_scale_and_head_are_said_by_a_graph(kind: ScaleKind, log: bool, head: str) -> None:
    check(rich_network("direct", head, scale={"kind": kind, "log": log}))


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("name", MEMBERS)
def test_any_parts_together_are_said_by_a_graph(name: str, decode: str, head: str, width: int) -> None:
    tree = {"scale": {"kind": "seasonal"}, "decode": {"kind": decode, "skip": [6]}, "head": {"kind": head}}
    check(network_of(name, width=width, dimensions=WITH, **tree))


def test_a_graph_asks_for_what_its_network_reads_and_tells_what_it_was_told() -> None:
    plain = export(network_of(), PLAIN, context=CONTEXT, metadata={"point": "median", "long": "é" * 300})
    assert plain
    session = session_of(plain)
    assert {each.name: each.shape[1:] for each in session.get_inputs()} == {
        "context": [CONTEXT],
        "spread": [],
        "centre": [],
    }
    assert [each.name for each in session.get_outputs()] == ["mean", "quantiles"]
    assert session.get_modelmeta().custom_metadata_map == {"point": "median", "long": "é" * 300}
    rich = session_of(trace(rich_network("direct", scale={"kind": "cycle"}), WITH, context=CONTEXT))
    names = {"context", "past", "known", "static", "series", "phase", "spread", "centre"}
    assert {each.name for each in rich.get_inputs()} == names


def test_the_same_network_gives_the_same_bytes_and_stays_as_it_was() -> None:
    network = rich_network("parallel").train()
    random, before = torch.get_rng_state(), json.dumps([p.tolist() for p in network.parameters()])
    first, second = (trace(network, WITH, context=CONTEXT) for _ in range(2))
    assert first == second
    assert b".py" not in first
    assert network.training
    assert torch.equal(torch.get_rng_state(), random)
    assert json.dumps([p.tolist() for p in network.parameters()]) == before


def test_what_a_graph_cannot_say_is_left_out() -> None:
    for network in (rich_network("recursive"), rich_network("direct", "negative_binomial")):
        assert export(network, WITH, context=CONTEXT, metadata={}) is None


def test_a_torch_without_the_exporter_costs_the_graph_alone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        print("a graph of many lines")  # noqa: T201
        raise TypeError("export() got an unexpected keyword argument 'dynamo'")

    monkeypatch.setattr(module.torch.onnx, "export", refuse)
    assert export(network_of(), PLAIN, context=CONTEXT, metadata={}) is None
    assert capfd.readouterr().out == ""
