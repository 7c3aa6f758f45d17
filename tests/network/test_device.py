"""A network follows its weights to whatever device they lie on, and asks nothing of them back while it learns.

There need be no such device: torch's fake tensors know where they would lie, and have no values to be asked for.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from forecaster.config.tree import validate
from forecaster.forecast import PROBABILITIES
from forecaster.network.build import Dimensions, build
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network

ELSEWHERE = "meta"  # the one device beside the processor that autograd knows in every build of torch
ROWS, CONTEXT, SIZE = 4, 14, Dimensions(horizon=5, season=7, series=3, past=1, known=2, static=1)

RECURSIVE: dict[str, Any] = {"decode": {"kind": "recursive", "paths": 20, "lags": [4]}, "scale": {"kind": "mean"}}
NETWORKS: dict[str, dict[str, Any]] = {
    **{kind: {"model": {"kind": kind}} for kind in ("rnn", "lstm", "gru", "mingru", "minlstm", "slstm")},
    "relu": {"model": {"kind": "rnn", "activation": "relu"}},
    "both ways": {"model": {"kind": "slstm", "bidirectional": True}},
    "deep": {"model": {"layers": 2, "residual": True, "normalise": True, "dilation": [1, 3]}},
    "truncated": {"training": {"truncate": 3}},
    **{f"scale {kind}": {"scale": {"kind": kind}} for kind in ("mean", "none", "standard", "mean_abs", "instance")},
    **{f"scale {kind}": {"scale": {"kind": kind}} for kind in ("seasonal", "cycle")},
    "logarithms": {"scale": {"kind": "mean", "log": True}, "training": {"weigh": "relative"}},
    "relative": {"training": {"weigh": "relative"}},
    "identity": {"embed": {"identity": 3}},
    "segments": {"embed": {"width": 4, "identity": 3}, "decode": {"kind": "parallel"}},
    "skip": {"decode": {"skip": [7]}},
    **{f"point {loss}": {"head": {"kind": "point", "loss": loss}} for loss in ("mse", "mae", "huber")},
    "student_t": {"head": {"kind": "student_t"}},
    "counts": {"head": {"kind": "negative_binomial"}, "scale": {"kind": "mean_abs"}},
    "recursive": RECURSIVE,
    "recursive t": {**RECURSIVE, "head": {"kind": "student_t"}},
    "recursive segments": {**RECURSIVE, "embed": {"width": 2}},
}
LOOKING_BACK = ("counts",)  # whose quantiles depend on which of them are large


@pytest.fixture(autouse=True)
def nothing_real() -> Iterator[None]:
    with FakeTensorMode(allow_non_fake_inputs=True):  # torch.tensor(1.0, device=...) gives a real one on this device
        yield


def built(sections: dict[str, Any]) -> Network:
    model = {"context": CONTEXT, "hidden": 6, **sections.get("model", {})}
    tree = {"embed": {"width": 1}, **sections, "model": model}
    return build(validate(tree, "test"), SIZE, probabilities=PROBABILITIES)


def moved(network: Network) -> Network:
    """Move a network as `network.to` does, which replaces the data of tensors, as fake tensors cannot."""
    for module in network.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(torch.empty_like(value, device=ELSEWHERE)))
        for name, value in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.empty_like(value, device=ELSEWHERE))
    return network


def windows() -> Inputs:
    steps = CONTEXT + SIZE.horizon
    shapes = {
        "context": (ROWS, CONTEXT),
        "target": (ROWS, SIZE.horizon),
        "past": (ROWS, CONTEXT, SIZE.past),
        "known": (ROWS, steps, SIZE.known),
        "static": (ROWS, SIZE.static),
    }
    return Inputs(
        **{name: torch.empty(shape, device=ELSEWHERE) for name, shape in shapes.items()},
        **{name: torch.empty(ROWS, dtype=torch.long, device=ELSEWHERE) for name in ("series", "phase")},
        **{name: torch.empty(ROWS, device=ELSEWHERE) for name in ("spread", "centre")},
    )


def test_the_windows_are_complete() -> None:
    assert {getattr(windows(), field.name).device.type for field in fields(Inputs)} == {ELSEWHERE}


@pytest.mark.parametrize("sections", NETWORKS.values(), ids=NETWORKS)
def test_every_tensor_of_a_network_moves_with_it(sections: dict[str, Any]) -> None:
    for module in built(sections).modules():
        loose = [name for name, value in vars(module).items() if isinstance(value, Tensor)]
        assert not loose, f"{type(module).__name__} keeps {loose} as plain attributes, which `to` leaves behind"


@pytest.mark.parametrize("sections", NETWORKS.values(), ids=NETWORKS)
def test_a_step_of_training_stays_on_the_device_and_reads_nothing_back(sections: dict[str, Any]) -> None:
    network = moved(built(sections))
    loss = network.loss(windows())
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: value.grad for name, value in network.named_parameters() if value.grad is not None}
    assert loss.device.type == ELSEWHERE
    assert {gradient.device.type for gradient in gradients.values()} == {ELSEWHERE}
    assert any(name.startswith("recur.") for name in gradients)
    assert nn.utils.clip_grad_norm_(network.parameters(), 1.0).device.type == ELSEWHERE


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in LOOKING_BACK])
def test_a_forecast_stays_on_the_device(name: str) -> None:
    network = moved(built(NETWORKS[name])).eval()
    with torch.inference_mode():
        mean, quantiles = network(windows())
    assert {mean.device.type, quantiles.device.type} == {ELSEWHERE}
    assert quantiles.shape == (ROWS, SIZE.horizon, len(PROBABILITIES))
