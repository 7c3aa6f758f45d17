"""Layers whose steps are written here, not in torch's kernels, read forward or both ways."""

import torch
from torch import Tensor

from forecaster.network.recurrent.layer import Layer, State, by_step


class Directed(Layer):
    """A layer that knows how to read forward; this reads the flipped sequence with weights of their own, and joins.

    Attributes:
        directions: 1, or 2 where it also reads backward.
    """

    def __init__(self, hidden: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.directions = 2 if bidirectional else 1
        self.features = hidden * self.directions

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        steps = by_step(x)  # [S, B, E]
        y, end = self.read(0, steps, tuple(part[0] for part in state) if state else None)  # [S, B, D]
        if self.directions == 1:
            return y.transpose(0, 1), tuple(part[None] for part in end)  # [B, S, D]
        backward, backward_end = self.read(1, steps.flip(0), None)
        y = torch.cat((y, backward.flip(0)), dim=2)  # [S, B, 2 D]
        return y.transpose(0, 1), tuple(torch.stack(ends) for ends in zip(end, backward_end, strict=True))

    def read(self, direction: int, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Read a sequence in the order given, with the weights of a direction.

        Args:
            direction: 0 forward, 1 backward.
            x: [S, B, E].
            state: each part [B, D]; None for zeros.

        Returns: [S, B, D], and the state after the last step.
        """
        raise NotImplementedError
