"""What the decoder's raw outputs mean, and how far they are from what came."""

import itertools
import math
from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn import functional


class Quantile(nn.Module):
    """Quantiles that cannot cross, trained with the pinball loss.

    The first raw output is the median; the others, made positive by a softplus, are the gaps from each quantile to the
    next, above the median and then below it, counted outward. Zero raw outputs give the quantiles of a standard normal
    variable: intervals of a sensible width before anything is learnt.

    Args:
        probabilities: rising, each in (0, 1), 0.5 among them.

    Attributes:
        outputs: raw values it takes a step, Q.

    Source: Koenker & Bassett 1978, "Regression quantiles".
    """

    probabilities: Tensor
    offsets: Tensor

    def __init__(self, probabilities: tuple[float, ...]) -> None:
        super().__init__()
        self.outputs = len(probabilities)
        self.below = probabilities.index(0.5)  # how many lie below the median
        self.above = self.outputs - 1 - self.below
        normal = [NormalDist().inv_cdf(p) for p in probabilities]
        gaps = [right - left for left, right in itertools.pairwise(normal)]
        outward = gaps[self.below :] + gaps[: self.below][::-1]
        offsets = [math.log(math.expm1(gap)) for gap in outward]  # softplus(offset) = gap
        self.register_buffer("probabilities", torch.tensor(probabilities), persistent=False)
        self.register_buffer("offsets", torch.tensor(offsets), persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        """Turn raw outputs [B, H, Q] into quantiles [B, H, Q], nowhere decreasing along Q, in the same units."""
        median = raw[..., :1]
        gaps = functional.softplus(raw[..., 1:] + self.offsets)  # [B, H, Q - 1]
        # a running sum of positive terms never falls, not even when every sum is rounded
        higher = median + gaps[..., : self.above].cumsum(-1)
        lower = median - gaps[..., self.above :].cumsum(-1)
        return torch.cat((lower.flip(-1), median, higher), dim=-1)

    def point(self, quantiles: Tensor) -> Tensor:
        """Give the point forecast [B, H]: the median."""
        return quantiles[..., self.below]

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Mean pinball loss over the known targets and all probabilities; 0 where none is known.

            max(p e, (p - 1) e),    e = target - quantile

        Args:
            raw: [B, H, Q].
            target: [B, H] in the units of `raw`; NaN where unknown.
        """
        is_known = ~target.isnan()
        quantiles: Tensor = self(raw)
        errors = target.where(is_known, 0)[..., None] - quantiles  # [B, H, Q]
        slopes = torch.where(errors < 0, self.probabilities - 1, self.probabilities) * is_known[..., None]
        return (errors * slopes).sum() / (is_known.sum().clamp(min=1) * self.outputs)
