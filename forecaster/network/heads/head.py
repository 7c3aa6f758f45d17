"""What every head is: raw outputs in; quantiles, a point forecast, a loss and samples out."""

import torch
from torch import Tensor, nn

from forecaster.network.scale import Scaled


class Head(nn.Module):
    """The meaning of a decoder's raw outputs.

    A head sees the scaled window beside the raw outputs because some distributions live in scaled units and some, such
    as those of counts, in data units. What it gives is in data units either way.

    Attributes:
        outputs: raw values it takes a step.
        point: what `mean` gives: `median`, `expectation`, or, of a head without a distribution, what its loss aims at.
        has_location: whether the first raw output is a place in scaled units, so that a value can be added to it.
    """

    outputs: int
    point: str
    has_location: bool = True

    def quantiles(self, raw: Tensor, scaled: Scaled) -> Tensor:
        """Turn raw outputs [B, H, outputs] into quantiles [B, H, Q] in data units, nowhere decreasing along Q."""
        raise NotImplementedError

    def mean(self, raw: Tensor, scaled: Scaled) -> Tensor:
        """Turn raw outputs [B, H, outputs] into the point forecast [B, H] in data units."""
        raise NotImplementedError

    def loss(self, raw: Tensor, target: Tensor, scaled: Scaled) -> Tensor:
        """Give one loss a step, on a scale where every series weighs the same.

        Args:
            raw: [B, H, outputs].
            target: [B, H] data units; NaN where unknown.

        Returns: [B, H]; 0, and without a gradient, where the target is unknown or the window's scale is 0.
        """
        raise NotImplementedError

    def sample(self, raw: Tensor, scaled: Scaled, uniform: Tensor) -> Tensor:
        """Give the value [B, H] in data units that falls to each of `uniform`, [B, H] drawn evenly from (0, 1)."""
        raise NotImplementedError


def draw(quantiles: Tensor, probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Draw from the distribution whose inverse runs straight from quantile to quantile.

    Its tails go on at the slope of the outermost gaps down to probability 0 and up to 1, and end there: at
    probabilities 0.025, 0.05 ... 0.975, one gap beyond the outermost quantiles.

    Args:
        quantiles: [B, H, Q], nowhere decreasing along Q.
        probabilities: [Q] rising, two at least.
        uniform: [B, H] in (0, 1).

    Returns: [B, H] one draw each.
    """
    uniform = uniform.to(quantiles.dtype).contiguous()
    right = torch.searchsorted(probabilities, uniform).clamp(1, len(probabilities) - 1)
    left = right - 1
    share = (uniform - probabilities[left]) / (probabilities[right] - probabilities[left])  # beyond [0, 1] in a tail
    low = quantiles.gather(-1, left[..., None])[..., 0]  # [B, H]
    high = quantiles.gather(-1, right[..., None])[..., 0]
    return low + share * (high - low)
