"""What a network reads."""

from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy.typing as npt
import torch
from torch import Tensor

Numbers = npt.NDArray[Any]


class Arrays(Protocol):
    """What `Inputs` holds, as arrays."""

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
    """Some windows of a panel, in the data's units; a width of 0 where there is no such covariate.

    Attributes:
        context: [B, L] the target up to the cutoff; NaN where missing, and before a series that is shorter than L.
        target: [B, H] the target after the cutoff; NaN where unknown. A forecast does not read it.
        past: [B, L, P] covariates known up to the cutoff; NaN where missing.
        known: [B, L + H, K] covariates known ahead; NaN where missing.
        static: [B, S] what never changes of a series; NaN where missing.
        series: [B] number of each window's series among those trained on; their count for one never seen.
        phase: [B] phase within the season of the first step after the cutoff.
        spread: [B] standard deviation of each series over its visible history; 0 if it never moved.
        centre: [B] its mean.
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
        """Take windows as tensors that share the arrays' memory, or as copies on another device than the processor."""
        parts = {field.name: torch.from_numpy(getattr(windows, field.name)) for field in fields(cls)}
        return cls(**{name: part.to(device, non_blocking=True) for name, part in parts.items()})
