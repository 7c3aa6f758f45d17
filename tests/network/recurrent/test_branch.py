"""One step from one state for several inputs, against taking it for each of them alone."""

import pytest
import torch
from torch import Tensor

from forecaster.network.recurrent.dilation import Dilated
from forecaster.network.recurrent.layer import Layer
from forecaster.network.recurrent.stack import Stack
from tests.network.recurrent.test_stack import MEMBERS, batch, every_depth, every_form, every_member, stack_of

COUNT = 4
every_direction = pytest.mark.parametrize("bidirectional", [False, True])
every_kind_of_query = pytest.mark.parametrize("rows", [1, 3])


def queries(rows: int) -> Tensor:
    """[rows, 4, 2] random inputs, the same for all windows where `rows` is 1."""
    return torch.randn(rows, COUNT, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def one_by_one(reader: Layer | Stack, x: Tensor, steps: int = 9) -> Tensor:
    """[3, 4, D] from reading the sequence anew for each window and input, and then the input."""
    outputs = []
    for window, inputs in zip(batch(steps).split(1), x.expand(3, -1, -1), strict=True):
        for each in inputs:
            _, state = reader(window)
            y, _ = reader(each[None, None], state)
            outputs.append(y[0, 0])
    return torch.stack(outputs).view(3, COUNT, -1)


def gradients(y: Tensor, reader: torch.nn.Module, *inputs: Tensor) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(y.square().sum(), [*reader.parameters(), *inputs], allow_unused=True)


@every_kind_of_query
@every_direction
@every_member
def test_a_layer_branches_as_it_steps_and_its_gradients_agree(kind: str, bidirectional: bool, rows: int) -> None:
    torch.manual_seed(0)
    layer, x = MEMBERS[kind](2, bidirectional=bidirectional).double(), queries(rows).requires_grad_()
    y, expected = layer.branch(x, layer(batch())[1]), one_by_one(layer, x)
    assert y.shape == (3, COUNT, layer.features)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradients(y, layer, x), gradients(expected, layer, x))


@every_kind_of_query
@every_member
def test_what_a_cell_shares_among_the_inputs_is_the_plain_form(kind: str, rows: int) -> None:
    torch.manual_seed(0)
    layer, x = MEMBERS[kind](2).double(), queries(rows)
    _, state = layer(batch())
    torch.testing.assert_close(layer.branch(x, state), Layer.branch(layer, x, state))


@every_kind_of_query
@every_form
@every_depth
@every_member
def test_a_stack_branches_as_it_steps_and_its_gradients_agree(kind: str, depth: int, form: str, rows: int) -> None:
    stack, x = stack_of(kind, depth, form), queries(rows).requires_grad_()
    y, expected = stack.branch(x, stack(batch())[1]), one_by_one(stack, x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradients(y, stack, x), gradients(expected, stack, x))


@every_member
def test_a_bidirectional_stack_branches_as_it_steps(kind: str) -> None:
    stack, x = stack_of(kind, 2, "residual", bidirectional=True), queries(1)
    torch.testing.assert_close(stack.branch(x, stack(batch())[1]), one_by_one(stack, x))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_a_dilated_layer_branches_from_the_phase_of_the_next_step(steps: int) -> None:
    torch.manual_seed(0)
    layer, x = Dilated(MEMBERS["gru"](2), 3).double(), queries(3)
    _, state = layer(batch(steps))
    torch.testing.assert_close(layer.branch(x, state), one_by_one(layer, x, steps))


def test_branching_leaves_the_state_as_it_was() -> None:
    stack = stack_of("lstm", 2)
    _, state = stack(batch())
    before = [part.clone() for layer in state for part in layer]
    stack.branch(queries(1), state)
    assert all(torch.equal(a, b) for a, b in zip(before, (part for layer in state for part in layer), strict=True))
