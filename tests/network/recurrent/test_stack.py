"""Laws that hold for every cell, in stacks of any depth."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from forecaster.network.recurrent.gru import Gru
from forecaster.network.recurrent.layer import Layer
from forecaster.network.recurrent.lstm import Lstm
from forecaster.network.recurrent.mingru import MinGru
from forecaster.network.recurrent.minlstm import MinLstm
from forecaster.network.recurrent.rnn import Rnn
from forecaster.network.recurrent.slstm import Slstm
from forecaster.network.recurrent.stack import Stack

MEMBERS: dict[str, Callable[..., Layer]] = {
    "rnn tanh": lambda inputs, **options: Rnn(inputs, 5, activation="tanh", **options),
    "rnn relu": lambda inputs, **options: Rnn(inputs, 5, activation="relu", **options),
    "lstm": lambda inputs, **options: Lstm(inputs, 5, **options),
    "gru": lambda inputs, **options: Gru(inputs, 5, **options),
    "mingru": lambda inputs, **options: MinGru(inputs, 5, **options),
    "minlstm": lambda inputs, **options: MinLstm(inputs, 5, **options),
    "slstm": lambda inputs, **options: Slstm(inputs, 5, **options),
}
FORMS: dict[str, Callable[[int], dict[str, Any]]] = {
    "plain": lambda depth: {},
    "residual": lambda depth: {"residual": True, "normalise": True},
    "dilated": lambda depth: {"residual": True, "dilation": [3, 1, 4][:depth]},
}

every_member = pytest.mark.parametrize("kind", MEMBERS)
every_depth = pytest.mark.parametrize("depth", [1, 3])
every_form = pytest.mark.parametrize("form", FORMS)


def stack_of(kind: str, depth: int, form: str = "plain", *, dropout: float = 0.0, bidirectional: bool = False) -> Stack:
    torch.manual_seed(depth)
    layers: list[Layer] = []
    for _ in range(depth):
        layers.append(MEMBERS[kind](layers[-1].features if layers else 2, bidirectional=bidirectional))
    return Stack(layers, dropout=dropout, **FORMS[form](depth)).double()


def batch(steps: int = 9) -> Tensor:
    """[3, steps, 2] random numbers."""
    return torch.randn(3, steps, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def gradients(stack: Stack) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in stack.parameters()]


@every_form
@every_depth
@every_member
def test_two_chunks_give_what_the_one_sequence_gives(kind: str, depth: int, form: str) -> None:
    stack, x = stack_of(kind, depth, form), batch()
    whole, end = stack(x)
    first, state = stack(x[:, :4])
    second, chunked_end = stack(x[:, 4:], state)
    torch.testing.assert_close(torch.cat((first, second), dim=1), whole)
    torch.testing.assert_close(chunked_end, end)


@every_depth
@every_member
def test_chunks_of_one_step_give_what_the_one_sequence_gives(kind: str, depth: int) -> None:
    stack, x = stack_of(kind, depth, "dilated"), batch()
    state, outputs = None, []
    for step in x.split(1, dim=1):
        y, state = stack(step, state)
        outputs.append(y)
    whole, end = stack(x)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole)
    torch.testing.assert_close(state, end)


@pytest.mark.parametrize("bidirectional", [False, True])
@every_member
def test_a_state_has_a_row_for_each_window_and_starts_as_zeros(kind: str, bidirectional: bool) -> None:
    stack, x = stack_of(kind, 2, bidirectional=bidirectional), batch()
    y, states = stack(x)
    for state in states:
        assert all(part.shape == (1 + bidirectional, 3, 5) for part in state)
    zeros = tuple(tuple(torch.zeros_like(part) for part in state) for state in states)
    torch.testing.assert_close(stack(x, zeros)[0], y)


@pytest.mark.parametrize("kind", ["mingru", "minlstm", "slstm"])
def test_a_backward_half_starts_anew_in_each_chunk(kind: str) -> None:
    stack, x = stack_of(kind, 1, bidirectional=True), batch()
    _, state = stack(x[:, :4])
    torch.testing.assert_close(stack(x[:, 4:], state)[0][:, :, 5:], stack(x[:, 4:])[0][:, :, 5:])


@pytest.mark.parametrize("size", [1e-4, 1e4])
@every_form
@every_member
def test_large_and_small_inputs_leave_values_and_gradients_finite(kind: str, form: str, size: float) -> None:
    stack = stack_of(kind, 2, form).float()
    x = (batch(200).float() * size).requires_grad_()
    stack.summarise(x)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients(stack))


@every_form
@every_depth
@every_member
def test_outputs_do_not_depend_on_what_comes_after(kind: str, depth: int, form: str) -> None:
    stack, x = stack_of(kind, depth, form), batch()
    changed = x.clone()
    changed[:, 5:] += 10
    torch.testing.assert_close(stack(changed)[0][:, :5], stack(x)[0][:, :5], rtol=0, atol=0)


@every_form
@every_depth
@every_member
def test_a_bidirectional_stack_does_see_what_comes_after(kind: str, depth: int, form: str) -> None:
    stack, x = stack_of(kind, depth, form, bidirectional=True), batch()
    changed = x.clone()
    changed[:, 5:] += 1
    assert stack.features == 10
    assert not torch.allclose(stack(changed)[0][:, 0], stack(x)[0][:, 0])


@every_form
@every_depth
@every_member
def test_every_window_is_read_alone(kind: str, depth: int, form: str) -> None:
    stack, x = stack_of(kind, depth, form), batch()
    torch.testing.assert_close(stack(x[1:2])[0], stack(x)[0][1:2])


@every_form
@every_depth
@every_member
def test_the_summary_is_the_output_that_has_read_everything(kind: str, depth: int, form: str) -> None:
    x = batch()
    stack = stack_of(kind, depth, form)
    y, states = stack(x)
    torch.testing.assert_close(stack.summarise(x)[0], y[:, -1])
    if form == "plain":
        torch.testing.assert_close(y[:, -1], states[-1][0][0])
    both = stack_of(kind, depth, form, bidirectional=True)
    y, _ = both(x)
    torch.testing.assert_close(both.summarise(x)[0], torch.cat((y[:, -1, :5], y[:, 0, 5:]), dim=1))


@every_form
@every_depth
@every_member
def test_truncation_leaves_the_value_and_cuts_the_gradient_as_detaching_does(kind: str, depth: int, form: str) -> None:
    stack, x = stack_of(kind, depth, form), batch()
    stack.summarise(x)[0].sum().backward()
    full = gradients(stack)

    stack.zero_grad()
    truncated, _ = stack.summarise(x, truncate=4)
    truncated.sum().backward()
    got = gradients(stack)

    stack.zero_grad()
    _, state = stack(x[:, :5])
    y, _ = stack(x[:, 5:], tuple(tuple(part.detach() for part in layer) for layer in state))
    y[:, -1].sum().backward()

    torch.testing.assert_close(truncated, stack.summarise(x)[0])
    torch.testing.assert_close(got, gradients(stack))
    assert not all(torch.allclose(a, b) for a, b in zip(got, full, strict=True))


@every_member
def test_truncating_after_more_steps_than_there_are_changes_nothing(kind: str) -> None:
    stack, x = stack_of(kind, 2), batch()
    stack.summarise(x)[0].sum().backward()
    full = gradients(stack)
    stack.zero_grad()
    stack.summarise(x, truncate=9)[0].sum().backward()
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


@every_form
@every_depth
@every_member
def test_the_same_seed_gives_the_same_outputs_to_the_bit(kind: str, depth: int, form: str) -> None:
    outputs = []
    for _ in range(2):
        stack = stack_of(kind, depth, form, dropout=0.3)
        torch.manual_seed(7)
        outputs.append(stack(batch())[0])
    assert torch.equal(*outputs)


@every_member
def test_a_residual_stack_adds_what_a_layer_read_where_the_widths_match(kind: str) -> None:
    stack, x = stack_of(kind, 2, "residual"), batch()
    low, high = stack.layers
    first = low(x)[0]  # 2 features became 5: nothing to add
    centred = first - first.mean(dim=2, keepdim=True)
    normalised = centred / (first.var(dim=2, keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(stack(x)[0], first + high(normalised)[0])


def test_dropout_leaves_the_residual_path_whole() -> None:
    stack, x = stack_of("gru", 2, "residual", dropout=0.99), batch()
    with torch.no_grad():
        for parameter in stack.layers[1].parameters():
            parameter.zero_()
    torch.testing.assert_close(stack(x)[0], stack.layers[0](x)[0])


def test_each_layer_has_its_own_dilation() -> None:
    stack, x = stack_of("gru", 3, "dilated"), batch(9).requires_grad_()
    only_low = Stack(list(stack.layers)[:1]).double()
    only_low(x)[0][:, 8].sum().backward()
    assert (x.grad.abs().sum(dim=(0, 2)) > 0).nonzero().flatten().tolist() == [2, 5, 8]


def test_a_dilation_is_needed_for_each_layer() -> None:
    with pytest.raises(ValueError, match="zip"):
        Stack([Gru(2, 5)], dilation=[1, 2])
