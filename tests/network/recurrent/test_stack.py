"""Laws that hold for every cell, in stacks of any depth."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from forecaster.network.recurrent.gru import Gru
from forecaster.network.recurrent.layer import Layer
from forecaster.network.recurrent.lstm import Lstm
from forecaster.network.recurrent.rnn import Rnn
from forecaster.network.recurrent.stack import Stack

MEMBERS: dict[str, Callable[..., Layer]] = {
    "rnn tanh": lambda inputs, **options: Rnn(inputs, 5, activation="tanh", **options),
    "rnn relu": lambda inputs, **options: Rnn(inputs, 5, activation="relu", **options),
    "lstm": lambda inputs, **options: Lstm(inputs, 5, **options),
    "gru": lambda inputs, **options: Gru(inputs, 5, **options),
}

every_member = pytest.mark.parametrize("kind", MEMBERS)
every_depth = pytest.mark.parametrize("depth", [1, 3])


def stack_of(kind: str, depth: int, *, dropout: float = 0.0, bidirectional: bool = False) -> Stack:
    torch.manual_seed(depth)
    layers: list[Layer] = []
    for _ in range(depth):
        layers.append(MEMBERS[kind](layers[-1].features if layers else 2, bidirectional=bidirectional))
    return Stack(layers, dropout=dropout).double()


def batch(steps: int = 9) -> Tensor:
    """[3, steps, 2] random numbers."""
    return torch.randn(3, steps, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def gradients(stack: Stack) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in stack.parameters()]


@every_depth
@every_member
def test_two_chunks_give_what_the_one_sequence_gives(kind: str, depth: int) -> None:
    stack, x = stack_of(kind, depth), batch()
    whole, end = stack(x)
    first, state = stack(x[:, :4])
    second, chunked_end = stack(x[:, 4:], state)
    torch.testing.assert_close(torch.cat((first, second), dim=1), whole)
    torch.testing.assert_close(chunked_end, end)


@every_depth
@every_member
def test_outputs_do_not_depend_on_what_comes_after(kind: str, depth: int) -> None:
    stack, x = stack_of(kind, depth), batch()
    changed = x.clone()
    changed[:, 5:] += 10
    torch.testing.assert_close(stack(changed)[0][:, :5], stack(x)[0][:, :5], rtol=0, atol=0)


@every_depth
@every_member
def test_a_bidirectional_stack_does_see_what_comes_after(kind: str, depth: int) -> None:
    stack, x = stack_of(kind, depth, bidirectional=True), batch()
    changed = x.clone()
    changed[:, 5:] += 1
    assert stack.features == 10
    assert not torch.allclose(stack(changed)[0][:, 0], stack(x)[0][:, 0])


@every_depth
@every_member
def test_every_window_is_read_alone(kind: str, depth: int) -> None:
    stack, x = stack_of(kind, depth), batch()
    torch.testing.assert_close(stack(x[1:2])[0], stack(x)[0][1:2])


@every_depth
@every_member
def test_the_summary_is_the_output_that_has_read_everything(kind: str, depth: int) -> None:
    x = batch()
    stack = stack_of(kind, depth)
    torch.testing.assert_close(stack.summarise(x), stack(x)[0][:, -1])
    both = stack_of(kind, depth, bidirectional=True)
    y, _ = both(x)
    torch.testing.assert_close(both.summarise(x), torch.cat((y[:, -1, :5], y[:, 0, 5:]), dim=1))


@every_depth
@every_member
def test_truncation_leaves_the_value_and_cuts_the_gradient_as_detaching_does(kind: str, depth: int) -> None:
    stack, x = stack_of(kind, depth), batch()
    stack.summarise(x).sum().backward()
    full = gradients(stack)

    stack.zero_grad()
    truncated = stack.summarise(x, truncate=4)
    truncated.sum().backward()
    got = gradients(stack)

    stack.zero_grad()
    _, state = stack(x[:, :5])
    y, _ = stack(x[:, 5:], tuple(tuple(part.detach() for part in layer) for layer in state))
    y[:, -1].sum().backward()

    torch.testing.assert_close(truncated, stack.summarise(x))
    torch.testing.assert_close(got, gradients(stack))
    assert not all(torch.allclose(a, b) for a, b in zip(got, full, strict=True))


@every_member
def test_truncating_after_more_steps_than_there_are_changes_nothing(kind: str) -> None:
    stack, x = stack_of(kind, 2), batch()
    stack.summarise(x).sum().backward()
    full = gradients(stack)
    stack.zero_grad()
    stack.summarise(x, truncate=9).sum().backward()
    torch.testing.assert_close(gradients(stack), full, rtol=0, atol=0)


@every_member
def test_dropout_acts_between_layers_and_only_in_training(kind: str) -> None:
    stack, x = stack_of(kind, 2, dropout=0.5), batch()
    assert not torch.equal(stack(x)[0], stack(x)[0])
    stack.eval()
    torch.testing.assert_close(stack(x)[0], stack_of(kind, 2)(x)[0], rtol=0, atol=0)


@every_member
def test_a_single_layer_has_nothing_to_drop_between(kind: str) -> None:
    stack, x = stack_of(kind, 1, dropout=0.5), batch()
    assert torch.equal(stack(x)[0], stack(x)[0])


@every_depth
@every_member
def test_the_same_seed_gives_the_same_outputs_to_the_bit(kind: str, depth: int) -> None:
    outputs = []
    for _ in range(2):
        stack = stack_of(kind, depth, dropout=0.3)
        torch.manual_seed(7)
        outputs.append(stack(batch())[0])
    assert torch.equal(*outputs)
