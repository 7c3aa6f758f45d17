"""The optimizer is torch's to the bit, without torch's compiler."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from forecaster.training.adamw import AdamW


def learn(kind: type[torch.optim.AdamW]) -> tuple[list[torch.Tensor], dict[str, object]]:
    torch.manual_seed(0)
    network = nn.GRU(3, 5)
    optimizer = kind(network.parameters(), lr=0.01, weight_decay=0.1, fused=True)
    for _ in range(5):
        optimizer.zero_grad()
        network(torch.randn(7, 2, 3))[0].square().sum().backward()
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
    return [parameter.detach() for parameter in network.parameters()], optimizer.state_dict()


def test_steps_are_those_of_torch() -> None:
    (weights, state), (plain, plain_state) = learn(AdamW), learn(torch.optim.AdamW)
    assert all(torch.equal(one, other) for one, other in zip(weights, plain, strict=True))
    assert str(state) == str(plain_state)


@pytest.mark.slow
def test_training_does_not_import_the_compiler() -> None:
    code = """
import sys, torch
from forecaster.training.adamw import AdamW
network = torch.nn.Linear(2, 1)
optimizer = AdamW(network.parameters(), fused=True)
optimizer.zero_grad()
network(torch.ones(1, 2)).sum().backward()
optimizer.step()
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
