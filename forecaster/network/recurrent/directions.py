"""Layers that are implemented here instead of in torch's kernels, and read forward or both ways."""

import torch
from torch import Tensor

from forecaster.network.recurrent.layer import Layer, State, to_time_major


class Directed(Layer):
    """The base of layers that implement one direction: it also reads the flipped sequence, and joins both outputs.

    Attributes:
        directions: 1, or 2 if the layer also reads backward, with separate weights.
    """

    def __init__(self, hidden: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.directions = 2 if bidirectional else 1
        self.features = hidden * self.directions

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        steps = to_time_major(x)  # [S, B, E]
        y, end = self.read(0, steps, tuple(part[0] for part in state) if state else None)  # [S, B, D]
        if self.directions == 1:
            return y.transpose(0, 1), tuple(part[None] for part in end)  # [B, S, D]
        backward, backward_end = self.read(1, steps.flip(0), None)
        y = torch.cat((y, backward.flip(0)), dim=2)  # [S, B, 2 D]
        return y.transpose(0, 1), tuple(torch.stack(ends) for ends in zip(end, backward_end, strict=True))

    def read(self, direction: int, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Read a sequence from its first to its last step, with the weights of one direction.

        Args:
            direction: 0 forward, 1 backward.
            x: [S, B, E].
            state: each part [B, D]; None for zeros.

        Returns: [S, B, D], and the state after the last step.
        """
        raise NotImplementedError
