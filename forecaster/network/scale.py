"""Bring each window to one size, and what the network says of it back."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

FLOOR = 0.01  # a flat stretch of a lively series is not blown up more than this


@dataclass(frozen=True)
class Scaled:
    """A batch of windows in scaled units, and the way there and back.

    Attributes:
        values: [B, L] the context in scaled units; 0 where missing.
        mask: [B, L] 1 where observed, 0 where missing.
        location: [B] data units; what scaled 0 stands for.
        scale: [B] data units; what scaled 1 adds to it. 0 for a series that never moved.
    """

    values: Tensor
    mask: Tensor
    location: Tensor
    scale: Tensor

    def forward(self, target: Tensor) -> Tensor:
        """Scale what follows the windows.

        Args:
            target: [B, H] data units; NaN where unknown.

        Returns: [B, H] scaled units; NaN where unknown, and where the scale is 0: whatever the network says of such
            a series, the inverse gives its constant, so there is nothing to learn.
        """
        return (target - self.location[:, None]) / self.scale.where(self.scale > 0, torch.nan)[:, None]

    def inverse(self, scaled: Tensor) -> Tensor:
        """Bring [B, H] or [B, H, Q] in scaled units back to data units; order along Q is kept."""
        shape = (-1,) + (1,) * (scaled.dim() - 1)
        return self.location.view(shape) + self.scale.view(shape) * scaled


class Scale(nn.Module):
    """Local normalisation: each window by its own location and scale.

    A level or a unit then means nothing to the network, and a trend that leads out of the range seen in training is
    no different from one inside.

    Args:
        kind: what to subtract: the `last` observed value or the `mean` of the observed ones, both then divided by the
            observed values' standard deviation; `none` leaves the values as they are.

    Source: Kim et al. 2022 (RevIN) for the mean; Lin et al. 2023 (SegRNN), sec. 3 for the last value.
    """

    def __init__(self, kind: Literal["last", "mean", "none"]) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, values: Tensor, spread: Tensor) -> Scaled:
        """Scale a batch of windows. Nothing in the result is ever NaN or infinite.

        The scale is at least `FLOOR` times `spread`. It is `spread` where one value is observed, and 0 where none is,
        so that nothing is learnt from such a window. Sound in float32 at any level: values are subtracted before they
        are squared, and squared at size 1.

        Args:
            values: [B, L] data units, below 1e38; NaN where missing.
            spread: [B] data units; standard deviation of each window's series over its history, 0 if it never moved.
        """
        is_observed = ~values.isnan()
        mask = is_observed.to(values.dtype)
        if self.kind == "none":
            zeros = torch.zeros_like(spread)
            return Scaled(values.where(is_observed, 0), mask, location=zeros, scale=zeros + 1)

        values = values.where(is_observed, 0)
        observed = mask.sum(1).clamp(min=1)  # [B]
        steps = torch.arange(values.shape[1], device=values.device)
        last = values.gather(1, (mask * steps).argmax(1, keepdim=True))  # [B, 1]; 0 if nothing is observed
        deviations = (values - last) * mask
        location = last[:, 0]  # [B]
        if self.kind == "mean":
            location = location + deviations.sum(1) / observed
            deviations = (values - location[:, None]) * mask

        peak = deviations.abs().amax(1).clamp(min=torch.finfo(values.dtype).tiny)  # [B]
        shares = deviations / peak[:, None]  # in [-1, 1]
        centre = shares.sum(1) / observed
        variance = ((shares - centre[:, None]) * mask).square().sum(1) / observed
        std = peak * variance.sqrt()
        count = mask.sum(1)
        scale = torch.where(count > 1, torch.maximum(std, FLOOR * spread), spread * count)
        divisor = scale.where(scale > 0, 1)
        return Scaled(deviations / divisor[:, None], mask, location, scale)
