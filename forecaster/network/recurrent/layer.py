"""The interface of recurrent layers: from a sequence and a state to a sequence and a state."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.network.recurrent.cell import Cell

State = tuple[Tensor, ...]
"""The state of a layer between two chunks of a sequence: tensors [directions, B, D], the hidden state first.

A sequence starts with zeros."""


class Layer(nn.Module):
    """A recurrent layer over sequences.

    Reading two chunks in order, with the state of the first passed to the second, equals reading one sequence. A layer
    that also reads backward is an exception: its backward half starts from zeros in each chunk.

    Attributes:
        features: width of its output, hidden units times directions.
    """

    features: int

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read a sequence.

        Args:
            x: [B, S, E].
            state: the state after an earlier chunk; None for zeros.

        Returns: [B, S, features], forward half before backward half, and the state after the last step.
        """
        raise NotImplementedError

    def branch(self, x: Tensor, state: State) -> Tensor:
        """Compute the next step from one state for each of several inputs.

        This is the general form; cells that can share work among the M steps override it.

        Args:
            x: [B, M, E], or [1, M, E] if the inputs are the same for the whole batch.
            state: the state after the sequence so far.

        Returns: [B, M, features].
        """
        rows, count = state[0].shape[1], x.shape[1]
        x = x.expand(rows, -1, -1).reshape(rows * count, 1, -1)  # [B * M, 1, E]
        y: Tensor = self(x, tuple(part.repeat_interleave(count, dim=1) for part in state))[0]
        return y.view(rows, count, -1)

    def cells(self) -> tuple[Cell, ...]:
        """Return the plain equations of the forward cell and, if the layer reads both ways, of the backward cell."""
        raise NotImplementedError


def to_time_major(x: Tensor) -> Tensor:
    """Copy [B, S, E] to [S, B, E], one step after the other: torch's kernels then fuse product and bias."""
    return x.transpose(0, 1).contiguous()


def gate_products(kernel: nn.RNNBase, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the two summands of the gates of a one-way kernel: W_x x + b_x and W_h h + b_h."""
    weights = dict(kernel.named_parameters())
    from_input = functional.linear(x, weights["weight_ih_l0"], weights["bias_ih_l0"])
    return from_input, functional.linear(h, weights["weight_hh_l0"], weights["bias_hh_l0"])


@torch.no_grad()
def store_by_column(kernel: nn.RNNBase) -> None:
    """Store the input weights by column, which changes no value but makes their gradient faster.

    The gradient is the product of a long matrix and a narrow one with a column for each channel. torch chooses the
    algorithm by the layout of the weights: this one takes 7 ms instead of 17 (two channels, GRU of 64, 256 windows of
    168 steps).
    """
    for name, parameter in kernel.named_parameters():
        if name.startswith("weight_ih"):
            parameter.set_(parameter.t().contiguous().t())  # type: ignore[call-overload]
