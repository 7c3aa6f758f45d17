"""What every recurrent layer is: a sequence and a state in, a sequence and a state out."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.network.recurrent.cell import Cell

State = tuple[Tensor, ...]
"""What a layer hands from one chunk of a sequence to the next, each [directions, B, D]; the hidden state is first.

Zeros are what a sequence starts with."""


class Layer(nn.Module):
    """One recurrent layer over whole sequences.

    Two chunks read in order, the state handed over, give what the one sequence gives, unless the layer also reads
    backward: its backward half then starts anew in each chunk.

    Attributes:
        features: width of its output, hidden units times directions.
    """

    features: int

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read a sequence.

        Args:
            x: [B, S, E].
            state: what an earlier chunk ended in; None for zeros.

        Returns: [B, S, features], forward half before backward half, and the state after the last step.
        """
        raise NotImplementedError

    def branch(self, x: Tensor, state: State) -> Tensor:
        """Take one step from one state for several inputs, each as if it were the next.

        Args:
            x: [B, M, E], or [1, M, E] where the inputs are the same for the whole batch.
            state: what the sequence before ended in.

        Returns: [B, M, features]. This is the plain form; cells that can share work among the M steps do.
        """
        rows, count = state[0].shape[1], x.shape[1]
        x = x.expand(rows, -1, -1).reshape(rows * count, 1, -1)  # [B * M, 1, E]
        y: Tensor = self(x, tuple(part.repeat_interleave(count, dim=1) for part in state))[0]
        return y.view(rows, count, -1)

    def cells(self) -> tuple[Cell, ...]:
        """Return the plain equations of the forward cell and, if the layer reads both ways, of the backward cell."""
        raise NotImplementedError


def by_step(x: Tensor) -> Tensor:
    """Lay [B, S, E] out as [S, B, E], one step after the other: torch's kernels then fuse product and bias."""
    return x.transpose(0, 1).contiguous()


def products(kernel: nn.RNNBase, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """What the input and the hidden state give to the gates of a one-way kernel: W_x x + b_x and W_h h + b_h."""
    weights = dict(kernel.named_parameters())
    from_input = functional.linear(x, weights["weight_ih_l0"], weights["bias_ih_l0"])
    return from_input, functional.linear(h, weights["weight_hh_l0"], weights["bias_hh_l0"])


@torch.no_grad()
def store_by_column(kernel: nn.RNNBase) -> None:
    """Store the input weights by column, which changes no value.

    Their gradient is a product of a long matrix with one as narrow as the channels. torch picks its form by the
    layout of the weights, and with this one it takes 7 ms, not 17 (two channels, GRU of 64, 256 windows of 168).
    """
    for name, parameter in kernel.named_parameters():
        if name.startswith("weight_ih"):
            parameter.set_(parameter.t().contiguous().t())  # type: ignore[call-overload]
