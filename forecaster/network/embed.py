"""The embedding of the context: segments of steps that the recurrence reads one after the other."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Segments(nn.Module):
    """A layer that cuts the context into segments of `width` steps, and embeds each as one input of the recurrence.

    With width 1 the recurrence reads the channels of each step without an embedding. A width near the season makes the
    recurrence shorter by that factor, so that it reaches further back at less cost.

    Args:
        width: steps in a segment.
        embedding: number of values that represent a segment of more than one step.
        channels: number of values at each step: the scaled value and its mask, then covariates and lagged values.
        static: number of values that identify a series, S'.

    Attributes:
        features: width of the output, E.

    Source: Lin et al. 2023, "SegRNN", arXiv:2308.11200, sec. 4.1.
    """

    def __init__(self, width: int, embedding: int, *, channels: int = 2, static: int = 0) -> None:
        super().__init__()
        self.width = width
        self.features = channels + static if width == 1 else embedding
        self.project = None if width == 1 else nn.Linear(width * channels, embedding)
        self.from_static = nn.Linear(static, embedding, bias=False) if static and width > 1 else None

    def forward(self, x: Tensor, static: Tensor) -> Tensor:
        """Embed a context, [B, L, C] and [B, S'] -> [B, S, E].

        If L is not a multiple of the width, the first segment is padded with zeros: steps with a mask of 0 are missing.
        """
        if self.project is None:
            return torch.cat((x, static[:, None].expand(-1, x.shape[1], -1)), dim=2) if static.shape[1] else x
        missing = -x.shape[1] % self.width
        x = functional.pad(x, (0, 0, missing, 0))  # [B, S * width, C]
        x = self.project(x.reshape(x.shape[0], -1, self.width * x.shape[2]))  # [B, S, E]
        if self.from_static:
            x = x + self.from_static(static)[:, None]
        return functional.relu(x)


class Patches(nn.Module):
    """A layer that cuts the context into patches of `width` steps, and embeds each by a small residual network.

    Besides the channels of its steps, a patch has features of its own, such as the phase of its first step.

    Args:
        width: steps in a patch, P.
        embedding: number of values that represent a patch, E.
        channels: number of values at each step, C.
        extra: number of values for each patch as a whole.

    Source: Das et al. 2024, "A decoder-only foundation model for time-series forecasting", arXiv:2310.10688, sec. 4.
    """

    def __init__(self, width: int, embedding: int, *, channels: int, extra: int) -> None:
        super().__init__()
        self.width = width
        self.project = nn.Linear(width * channels + extra, embedding)
        self.widen, self.narrow = nn.Linear(embedding, embedding), nn.Linear(embedding, embedding)
        self.norm = nn.LayerNorm(embedding)

    def forward(self, x: Tensor, extra: Tensor) -> Tensor:
        """Embed a context, [B, S * P, C] and [B, S, extra] -> [B, S, E]."""
        patches = x.reshape(x.shape[0], -1, self.width * x.shape[2])
        embedded: Tensor = self.project(torch.cat((patches, extra), dim=2))  # [B, S, E]
        normalised: Tensor = self.norm(embedded + self.narrow(functional.relu(self.widen(functional.relu(embedded)))))
        return normalised
