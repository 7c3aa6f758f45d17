"""A dilated layer against its interleaved sequences, read one by one."""

import pytest
import torch
from torch import Tensor

from forecaster.network.recurrent.dilation import Dilated
from tests.network.recurrent.test_stack import MEMBERS, batch, every_member

DILATION = 3


def dilated(kind: str, *, bidirectional: bool = False) -> Dilated:
    torch.manual_seed(0)
    return Dilated(MEMBERS[kind](2, bidirectional=bidirectional), DILATION).double()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 9])
@every_member
def test_every_phase_is_read_as_a_sequence_of_its_own(kind: str, steps: int, bidirectional: bool) -> None:
    layer, x = dilated(kind, bidirectional=bidirectional), batch(steps)
    y, state = layer(x)
    assert y.shape == (3, steps, layer.features)
    waiting = [(steps + turn) % DILATION for turn in range(DILATION)]  # phases, that of the next step first
    for phase in range(min(DILATION, steps)):
        expected, end = layer.layer(x[:, phase::DILATION])
        torch.testing.assert_close(y[:, phase::DILATION], expected)
        row = 3 * waiting.index(phase)
        torch.testing.assert_close(tuple(part[:, row : row + 3] for part in state), end)


@every_member
def test_gradients_are_those_of_the_phases(kind: str) -> None:
    layer, x = dilated(kind), batch(8)

    def gradients(y: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(y.square().sum(), list(layer.parameters()))

    phases = torch.cat([layer.layer(x[:, phase::DILATION])[0].flatten() for phase in range(DILATION)])
    torch.testing.assert_close(gradients(layer(x)[0]), gradients(phases))


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7])
@every_member
def test_two_chunks_give_what_the_one_sequence_gives_wherever_they_are_cut(kind: str, cut: int) -> None:
    layer, x = dilated(kind), batch(8)
    first, state = layer(x[:, :cut])
    second, end = layer(x[:, cut:], state)
    whole, whole_end = layer(x)
    torch.testing.assert_close(torch.cat((first, second), dim=1), whole)
    torch.testing.assert_close(end, whole_end)
