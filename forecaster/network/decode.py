"""Decoders: from the state of the recurrence after the context to every step of the horizon."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.network.recurrent.layer import State
from forecaster.network.recurrent.stack import Stack

_MIXED_UNITS = 32  # units that combine the summary with the known covariates of a step


@dataclass(frozen=True)
class DecoderShape:
    """The sizes that a decoder connects.

    Attributes:
        inputs: width of the recurrence's input, E.
        features: width of the recurrence's output, D.
        width: steps in a segment, w.
        horizon: steps to forecast, H.
        outputs: raw values that the head needs for each step.
        known: number of known covariates, K.
        static: number of values that identify a series, S'.
    """

    inputs: int
    features: int
    width: int
    horizon: int
    outputs: int
    known: int = 0
    static: int = 0


class Direct(nn.Module):
    """A decoder of all steps at once, with separate weights for each step, so that errors do not add up over steps.

        raw_h = W_h s + b_h + V relu(A s + C k_h)

    with the summary s and the known covariates k_h of step h. Without known covariates the last term is left out.

    Args:
        shape: the sizes to connect; `inputs`, `width` and `static` are not used.
        dropout: share of the summary that is left out in training.
    """

    def __init__(self, shape: DecoderShape, *, dropout: float = 0.0) -> None:
        super().__init__()
        features, known = shape.features, shape.known
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(features, shape.horizon * shape.outputs)
        self.from_summary = nn.Linear(features, _MIXED_UNITS) if known else None
        self.from_known = nn.Linear(known, _MIXED_UNITS, bias=False) if known else None
        self.mix = nn.Linear(_MIXED_UNITS, shape.outputs, bias=False) if known else None

    def forward(
        self, recur: Stack, summary: Tensor, states: tuple[State, ...], known: Tensor, static: Tensor
    ) -> Tensor:
        """Decode the horizon after a stack has read the context.

        Args:
            recur: the stack.
            summary: [B, D] output of the stack after the context.
            states: state of each layer after the context.
            known: [B, H, K] known covariates of the horizon.
            static: [B, S'] values that identify the series; not used, since the recurrence has read them.

        Returns: [B, H, outputs].
        """
        summary = self.dropout(summary)
        raw: Tensor = self.project(summary).view(summary.shape[0], known.shape[1], -1)  # [B, H, outputs]
        if self.from_summary and self.from_known and self.mix:
            mixed = functional.relu(self.from_summary(summary)[:, None] + self.from_known(known))  # [B, H, units]
            raw = raw + self.mix(mixed)
        return raw


class Parallel(nn.Module):
    """A decoder that forecasts every segment by one step of the recurrence from the state after the context.

    All segments are computed in parallel. They differ in their input: a learnt vector for each position, and the known
    covariates of the segment. So errors do not add up over segments, and the same weights read the past and forecast
    the future.

    Args:
        shape: the sizes to connect.
        dropout: share of each segment's output that is left out in training.

    Source: Lin et al. 2023, "SegRNN", arXiv:2308.11200, sec. 4.2 (parallel multi-step forecasting).
    """

    def __init__(self, shape: DecoderShape, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.width = width = shape.width
        self.horizon = shape.horizon
        self.position = nn.Parameter(torch.randn(-(-shape.horizon // width), shape.inputs))  # [M, E]
        self.from_known = nn.Linear(width * shape.known, shape.inputs, bias=False) if shape.known else None
        self.from_static = nn.Linear(shape.static, shape.inputs, bias=False) if shape.static else None
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(shape.features, width * shape.outputs)

    def forward(
        self, recur: Stack, summary: Tensor, states: tuple[State, ...], known: Tensor, static: Tensor
    ) -> Tensor:
        """Decode the horizon; arguments and result as in `Direct.forward`."""
        queries = self.position[None]  # [1, M, E]
        if self.from_known:
            missing = -self.horizon % self.width
            segments = functional.pad(known, (0, 0, 0, missing))  # [B, M * w, K]
            segments = segments.reshape(known.shape[0], len(self.position), -1)  # [B, M, w * K]
            queries = queries + self.from_known(segments)  # [B, M, E]
        if self.from_static:
            queries = queries + self.from_static(static)[:, None]  # [B, M, E]
        states_ahead = self.dropout(recur.branch(queries, states))  # [B, M, D]
        raw: Tensor = self.project(states_ahead)  # [B, M, w * outputs]
        return raw.view(raw.shape[0], len(self.position) * self.width, -1)[:, : self.horizon]  # [B, H, outputs]
