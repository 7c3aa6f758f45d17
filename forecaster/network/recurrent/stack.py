"""A stack of recurrent layers."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from forecaster.network.recurrent.dilation import Dilated
from forecaster.network.recurrent.layer import Layer, State


class Stack(nn.Module):
    """Layers that each read the output of the layer below, with dropout between them.

    Args:
        layers: the layers from the bottom up; the input of each has the `features` of the layer below.
        dropout: share of the values between two layers that is left out in training.
        residual: if True, add a layer's input, before dropout and normalisation, to its output (He et al. 2016). This
            does not apply to a layer whose input and output differ in width, as those of the lowest mostly do.
        normalise: if True, normalise the input of each layer to mean 0 and variance 1 over its features. It is done
            before the layer, so that the residual path is not normalised (Xiong et al. 2020, arXiv:2002.04745), but
            not before the lowest layer, where the level of the series is information.
        dilation: for each layer, the number of steps back to its predecessor; None for 1 everywhere.

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
        """Read a sequence, [B, S, E] -> [B, S, features]; the state is a tuple over layers, from the bottom up."""
        before: Sequence[State | None] = state or [None] * len(self.layers)
        after: list[State] = []
        for number, (layer, layer_state) in enumerate(zip(self.layers, before, strict=True)):
            y, layer_state = layer(self._prepare(number, x), layer_state)
            x = self._add(x, y)
            after.append(layer_state)
        return x, tuple(after)

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Return the output [B, S, D] of each layer, without residual paths, for a sequence [B, S, E]."""
        results: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            y, _ = layer(self._prepare(number, x))
            x = self._add(x, y)
            results.append(y)
        return results

    def branch(self, x: Tensor, state: tuple[State, ...]) -> Tensor:
        """Compute the next step from one state for each of several inputs, as `Layer.branch` does."""
        for number, (layer, layer_state) in enumerate(zip(self.layers, state, strict=True)):
            branch: Callable[[Tensor, State], Tensor] = layer.branch  # type: ignore[assignment]
            x = self._add(x, branch(self._prepare(number, x), layer_state))
        return x

    def _prepare(self, number: int, x: Tensor) -> Tensor:
        """Normalise the output of the layer below and apply dropout; the lowest layer reads its input unchanged."""
        if number == 0:
            return x
        prepared: Tensor = self.dropout(self.norms[number - 1](x) if self.norms else x)
        return prepared

    def _add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y if self.residual and x.shape[2] == y.shape[2] else y

    def summarise(self, x: Tensor, *, truncate: int | None = None) -> tuple[Tensor, tuple[State, ...]]:
        """Summarise a sequence by the final output of the top layer.

        That is the forward output at the last step, joined with the backward output at the first step if the layer
        reads both ways.

        Args:
            x: [B, S, E].
            truncate: number of steps that gradients are propagated back (truncated backpropagation through time); None
                for all. Since only the final output is used, all steps but the last `truncate` are read without
                gradients. The value is the same. It applies to stacks that read forward only.

        Returns: the summary [B, features], and the state of each layer.
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
