"""The input of a network: a batch of windows as tensors."""

from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy.typing as npt
import torch
from torch import Tensor

Numbers = npt.NDArray[Any]


class Arrays(Protocol):
    """A batch of windows as arrays, with the attributes of `Inputs`."""

    @property
    def context(self) -> Numbers: ...
    @property
    def target(self) -> Numbers: ...
    @property
    def past(self) -> Numbers: ...
    @property
    def known(self) -> Numbers: ...
    @property
    def static(self) -> Numbers: ...
    @property
    def series(self) -> Numbers: ...
    @property
    def phase(self) -> Numbers: ...
    @property
    def spread(self) -> Numbers: ...
    @property
    def centre(self) -> Numbers: ...


@dataclass(frozen=True)
class Inputs:
    """A batch of windows of a panel, in the data's units; the width of a kind without covariates is 0.

    Attributes:
        context: [B, L] the target up to the cutoff; NaN where missing, and before a series that is shorter than L.
        target: [B, H] the target after the cutoff; NaN where unknown. A forecast does not read it.
        past: [B, L, P] past covariates, up to the cutoff; NaN where missing.
        known: [B, L + H, K] known covariates, over context and horizon; NaN where missing.
        static: [B, S] static covariates of the series; NaN where missing.
        series: [B] number of each window's series among those trained on; their count for an unseen series.
        phase: [B] position in the season of the first step after the cutoff.
        spread: [B] standard deviation of each series over its visible history; 0 for a constant series.
        centre: [B] mean of each series over its visible history.
    """

    context: Tensor
    target: Tensor
    past: Tensor
    known: Tensor
    static: Tensor
    series: Tensor
    phase: Tensor
    spread: Tensor
    centre: Tensor

    @classmethod
    def of(cls, windows: Arrays, device: torch.device | None = None) -> "Inputs":
        """Convert windows to tensors, which share the arrays' memory on the processor and are copies elsewhere."""
        parts = {field.name: torch.from_numpy(getattr(windows, field.name)) for field in fields(cls)}
        return cls(**{name: part.to(device, non_blocking=True) for name, part in parts.items()})
