"""Quantiles that cannot cross."""

import itertools
import math
from statistics import NormalDist

import torch
from torch import Tensor
from torch.nn import functional

from forecaster.network.heads.head import Head, draw
from forecaster.network.scale import Scaled


class Quantile(Head):
    """A head of quantiles that cannot cross, trained with the pinball loss.

    The first raw output is the median. The others, made positive by a softplus, are the gaps between neighbouring
    quantiles: first those above the median, then those below it, in both cases outward. Raw outputs of 0 are the
    quantiles of a standard normal variable, so intervals have a sensible width before training.

    Args:
        probabilities: probabilities of the quantiles, rising, each in (0, 1), 0.5 among them.

    Source: Koenker & Bassett 1978, "Regression quantiles".
    """

    point = "median"
    probabilities: Tensor
    offsets: Tensor

    def __init__(self, probabilities: tuple[float, ...]) -> None:
        super().__init__()
        self.outputs = len(probabilities)
        self.below = probabilities.index(0.5)  # number of quantiles below the median
        self.above = self.outputs - 1 - self.below
        normal = [NormalDist().inv_cdf(p) for p in probabilities]
        gaps = [right - left for left, right in itertools.pairwise(normal)]
        outward = gaps[self.below :] + gaps[: self.below][::-1]
        offsets = [math.log(math.expm1(gap)) for gap in outward]  # softplus(offset) = gap
        self.register_buffer("probabilities", torch.tensor(probabilities), persistent=False)
        self.register_buffer("offsets", torch.tensor(offsets), persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        """Turn raw outputs [B, H, Q] into quantiles [B, H, Q], not decreasing along Q, in the same units."""
        median = raw[..., :1]
        gaps = functional.softplus(raw[..., 1:] + self.offsets)  # [B, H, Q - 1]
        # a cumulative sum of positive terms never decreases, even if each sum is rounded
        higher = median + gaps[..., : self.above].cumsum(-1)
        lower = median - gaps[..., self.above :].cumsum(-1)
        return torch.cat((lower.flip(-1), median, higher), dim=-1)

    def quantiles(self, raw: Tensor, scaled: Scaled) -> Tensor:
        return scaled.inverse(self(raw))

    def mean(self, raw: Tensor, scaled: Scaled) -> Tensor:
        return scaled.inverse(raw[..., 0])

    def loss(self, raw: Tensor, target: Tensor, scaled: Scaled) -> Tensor:
        """Compute the mean pinball loss over all probabilities, in scaled units.

        max(p e, (p - 1) e),    e = target - quantile
        """
        aim = scaled.forward(target)
        is_known = ~aim.isnan()
        quantiles: Tensor = self(raw)
        errors = aim.where(is_known, 0)[..., None] - quantiles  # [B, H, Q]
        slopes = torch.where(errors < 0, self.probabilities - 1, self.probabilities) * is_known[..., None]
        return (errors * slopes).mean(-1)

    def sample(self, raw: Tensor, scaled: Scaled, uniform: Tensor) -> Tensor:
        return scaled.inverse(draw(self(raw), self.probabilities, uniform))
