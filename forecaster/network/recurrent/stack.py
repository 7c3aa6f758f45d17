"""Recurrent layers, one on top of the other."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from forecaster.network.recurrent.dilation import Dilated
from forecaster.network.recurrent.layer import Layer, State


class Stack(nn.Module):
    """Layers that each read the sequence the one below wrote, with dropout between them.

    Args:
        layers: from the bottom up; each one's inputs are the `features` of the one below.
        dropout: share of the values between two layers that is left out in training.
        residual: add to a layer's output what it read, before dropout and normalisation (He et al. 2016). Only where
            both are equally wide: a layer that changes the width, as the lowest mostly does, stands alone.
        normalise: bring what each layer but the lowest reads to mean 0 and variance 1 over its features. Before the
            layer, so that the residual path from top to bottom stays free of it (Xiong et al. 2020, arXiv:2002.04745);
            not before the lowest, where the level of the series is information.
        dilation: for each layer how many steps back its predecessor lies; None for 1 everywhere.

    Attributes:
        features: width of the top layer's output.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        dropout: float = 0.0,
        residual: bool = False,
        normalise: bool = False,
        dilation: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        steps_back = dilation or [1] * len(layers)
        self.layers = nn.ModuleList(
            layer if k == 1 else Dilated(layer, k) for layer, k in zip(layers, steps_back, strict=True)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(below.features) for below in layers[:-1]) if normalise else None
        self.dropout = nn.Dropout(dropout)
        self.residual = residual
        self.features = layers[-1].features

    def forward(self, x: Tensor, state: tuple[State, ...] | None = None) -> tuple[Tensor, tuple[State, ...]]:
        """Read a sequence, [B, S, E] -> [B, S, features]; the state is that of each layer, from the bottom up."""
        before: Sequence[State | None] = state or [None] * len(self.layers)
        after: list[State] = []
        for number, (layer, layer_state) in enumerate(zip(self.layers, before, strict=True)):
            y, layer_state = layer(self._prepare(number, x), layer_state)
            x = self._add(x, y)
            after.append(layer_state)
        return x, tuple(after)

    def branch(self, x: Tensor, state: tuple[State, ...]) -> Tensor:
        """Take one step from one state for several inputs, as `Layer.branch` does."""
        for number, (layer, layer_state) in enumerate(zip(self.layers, state, strict=True)):
            branch: Callable[[Tensor, State], Tensor] = layer.branch  # type: ignore[assignment]
            x = self._add(x, branch(self._prepare(number, x), layer_state))
        return x

    def _prepare(self, number: int, x: Tensor) -> Tensor:
        """What a layer reads of what the one below wrote."""
        if number == 0:
            return x
        read: Tensor = self.dropout(self.norms[number - 1](x) if self.norms else x)
        return read

    def _add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y if self.residual and x.shape[2] == y.shape[2] else y

    def summarise(self, x: Tensor, *, truncate: int | None = None) -> tuple[Tensor, tuple[State, ...]]:
        """Sum a sequence up in what comes out at the top once all of it was read.

        Reading forward that is the output at the last step; both ways, this joined with the backward half's output at
        the first step.

        Args:
            x: [B, S, E].
            truncate: steps that gradients go back (truncated backpropagation through time); None for all. Only the
                end of the sequence is summed up, so to detach the state every k steps is to read all but the last
                k steps without gradients. The value is the same either way. For stacks that read forward only.

        Returns: [B, features], and the state of each layer.
        Source: Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training".
        """
        state = None
        if truncate is not None and truncate < x.shape[1]:
            with torch.no_grad():
                _, state = self(x[:, :-truncate])
            x = x[:, -truncate:]  # [B, truncate, E]
        y, states = self(x, state)
        halves = y.chunk(len(states[-1][0]), dim=2)  # [B, S, D] for each direction
        summary = torch.cat([half[:, end] for half, end in zip(halves, (-1, 0), strict=False)], dim=1)  # [B, features]
        return summary, states
