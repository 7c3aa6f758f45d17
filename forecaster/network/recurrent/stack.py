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

    Attributes:
        features: width of the top layer's output.
    """

    def __init__(self, layers: Sequence[Layer], *, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)
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
        """Sum a sequence up in the top layer's hidden state once it has read all of it.

        Reading forward that is its output at the last step; both ways, this joined with the backward half's output at
        the first step.

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
        _, states = self(x, state)
        hidden: Tensor = states[-1][0]  # [directions, B, D]
        return hidden.transpose(0, 1).flatten(1)  # [B, features]
