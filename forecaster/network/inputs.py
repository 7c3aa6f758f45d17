"""What a network reads."""

from typing import Protocol

from torch import Tensor


class Inputs(Protocol):
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

    @property
    def context(self) -> Tensor: ...
    @property
    def target(self) -> Tensor: ...
    @property
    def past(self) -> Tensor: ...
    @property
    def known(self) -> Tensor: ...
    @property
    def static(self) -> Tensor: ...
    @property
    def series(self) -> Tensor: ...
    @property
    def phase(self) -> Tensor: ...
    @property
    def spread(self) -> Tensor: ...
    @property
    def centre(self) -> Tensor: ...
