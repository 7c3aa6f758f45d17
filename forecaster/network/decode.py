"""From what was read of the context to every step of the horizon."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.network.recurrent.layer import State
from forecaster.network.recurrent.stack import Stack

_MIXED = 32  # units in which the summary and a step's known covariates meet


class Direct(nn.Module):
    """All steps at once, each by weights of its own, so no step inherits the error of the one before.

        raw_h = W_h s + b_h + V relu(A s + C k_h)

    with the summary s and step h's known covariates k_h; the second part stands only where there are some.

    Args:
        features: width of the summary, D.
        horizon: steps, H.
        outputs: raw values a step that the head asks for.
        known: covariates a step, K.
        dropout: share of the summary that is left out in training.
    """

    def __init__(self, features: int, horizon: int, outputs: int, *, known: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(features, horizon * outputs)
        self.from_summary = nn.Linear(features, _MIXED) if known else None
        self.from_known = nn.Linear(known, _MIXED, bias=False) if known else None
        self.mix = nn.Linear(_MIXED, outputs, bias=False) if known else None

    def forward(
        self, recur: Stack, summary: Tensor, states: tuple[State, ...], known: Tensor, static: Tensor
    ) -> Tensor:
        """Decode what a stack has read of the context.

        Args:
            recur: the stack; `summary` [B, D] and `states` are what it ended in.
            known: [B, H, K].
            static: [B, S']; not used: the recurrence has read it.

        Returns: [B, H, outputs].
        """
        summary = self.dropout(summary)
        raw: Tensor = self.project(summary).view(summary.shape[0], known.shape[1], -1)  # [B, H, outputs]
        if self.from_summary and self.from_known and self.mix:
            mixed = functional.relu(self.from_summary(summary)[:, None] + self.from_known(known))  # [B, H, _MIXED]
            raw = raw + self.mix(mixed)
        return raw


class Parallel(nn.Module):
    """Every future segment by one step of the recurrence from the state that read the context, all side by side.

    What tells the segments apart is their input: a learnt vector a position, and the segment's known covariates. So
    no segment inherits the error of the one before, and the weights that read the past also write the future.

    Args:
        inputs: width of the recurrence's input, E.
        features: width of its output, D.
        width: steps in a segment, w.
        horizon: steps, H.
        outputs: raw values a step that the head asks for.
        known: covariates a step, K.
        static: values that tell the series apart.
        dropout: share of each segment's output that is left out in training.

    Source: Lin et al. 2023, "SegRNN", arXiv:2308.11200, sec. 4.2 (parallel multi-step forecasting).
    """

    def __init__(
        self,
        *,
        inputs: int,
        features: int,
        width: int,
        horizon: int,
        outputs: int,
        known: int = 0,
        static: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.width = width
        self.horizon = horizon
        self.position = nn.Parameter(torch.randn(-(-horizon // width), inputs))  # [M, E]
        self.from_known = nn.Linear(width * known, inputs, bias=False) if known else None
        self.from_static = nn.Linear(static, inputs, bias=False) if static else None
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(features, width * outputs)

    def forward(
        self, recur: Stack, summary: Tensor, states: tuple[State, ...], known: Tensor, static: Tensor
    ) -> Tensor:
        """Decode as `Direct.forward` does; `static` is [B, S']."""
        queries = self.position[None]  # [1, M, E]
        if self.from_known:
            missing = -self.horizon % self.width
            segments = functional.pad(known, (0, 0, 0, missing))  # [B, M * w, K]
            segments = segments.reshape(known.shape[0], len(self.position), -1)  # [B, M, w * K]
            queries = queries + self.from_known(segments)  # [B, M, E]
        if self.from_static:
            queries = queries + self.from_static(static)[:, None]  # [B, M, E]
        read = self.dropout(recur.branch(queries, states))  # [B, M, D]
        raw: Tensor = self.project(read)  # [B, M, w * outputs]
        return raw.view(raw.shape[0], len(self.position) * self.width, -1)[:, : self.horizon]  # [B, H, outputs]
