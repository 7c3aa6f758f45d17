"""Recurrent layers, one on top of the other."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from forecaster.network.recurrent.layer import Layer, State


class Stack(nn.Module):
    """Layers that each read the sequence the one below wrote, with dropout between them.

    Args:
        layers: from the bottom up; each one's inputs are the `features` of the one below.
        dropout: share of the values between two layers that is left out in training.
        bidirectional: whether the layers read both ways.

    Attributes:
        features: width of the top layer's output.
    """

    def __init__(self, layers: Sequence[Layer], *, dropout: float = 0.0, bidirectional: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)
        self.bidirectional = bidirectional
        self.features = layers[-1].features

    def forward(self, x: Tensor, state: tuple[State, ...] | None = None) -> tuple[Tensor, tuple[State, ...]]:
        """Read a sequence, [B, S, E] -> [B, S, features]; the state is that of each layer, from the bottom up."""
        before: Sequence[State | None] = state or [None] * len(self.layers)
        after: list[State] = []
        for number, (layer, layer_state) in enumerate(zip(self.layers, before, strict=True)):
            if number > 0:
                x = self.dropout(x)
            x, layer_state = layer(x, layer_state)
            after.append(layer_state)
        return x, tuple(after)

    def summarise(self, x: Tensor, *, truncate: int | None = None) -> Tensor:
        """Sum a sequence up in the output that has read all of it.

        Reading forward that is the output of the last step; reading backward, of the first; both ways, the two joined.

        Args:
            x: [B, S, E].
            truncate: steps that gradients go back (truncated backpropagation through time); None for all. Only the
                end of the sequence is summed up, so to detach the state every k steps is to read all but the last
                k steps without gradients. The value is the same either way. For stacks that read forward only.

        Returns: [B, features].
        Source: Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training".
        """
        state = None
        if truncate is not None and truncate < x.shape[1]:
            with torch.no_grad():
                _, state = self(x[:, :-truncate])
            x = x[:, -truncate:]  # [B, truncate, E]
        y: Tensor = self(x, state)[0]  # [B, S, D]
        if not self.bidirectional:
            return y[:, -1]  # [B, D]
        forward, backward = y.chunk(2, dim=2)  # [B, S, D] each
        return torch.cat((forward[:, -1], backward[:, 0]), dim=1)  # [B, 2 D]
