"""The interface of heads: from raw outputs to quantiles, a point forecast, a loss and samples."""

import torch
from torch import Tensor, nn

from forecaster.network.scale import Scaled


class Head(nn.Module):
    """The meaning of a decoder's raw outputs.

    The methods also get the scaled windows, because some distributions are defined in scaled units and others, such as
    those of counts, in data units. Their results are always in data units.

    Attributes:
        outputs: number of raw outputs at each step.
        point: meaning of `mean`: `median`, `expectation`, or for a head without a distribution the name of the value
            that minimises its loss.
        has_location: True if the first raw output is a location in scaled units, so that a value can be added to it.
    """

    outputs: int
    point: str
    has_location: bool = True

    def quantiles(self, raw: Tensor, scaled: Scaled) -> Tensor:
        """Turn raw outputs [B, H, outputs] into quantiles [B, H, Q] in data units, not decreasing along Q."""
        raise NotImplementedError

    def mean(self, raw: Tensor, scaled: Scaled) -> Tensor:
        """Turn raw outputs [B, H, outputs] into the point forecast [B, H] in data units."""
        raise NotImplementedError

    def loss(self, raw: Tensor, target: Tensor, scaled: Scaled) -> Tensor:
        """Compute the loss of each step, on a scale where every series weighs the same.

        Args:
            raw: [B, H, outputs].
            target: [B, H] data units; NaN where unknown.
            scaled: the windows.

        Returns: [B, H]; 0 without a gradient where the target is unknown or the window's scale is 0.
        """
        raise NotImplementedError

    def sample(self, raw: Tensor, scaled: Scaled, uniform: Tensor) -> Tensor:
        """Draw a sample [B, H] in data units from each step's distribution, by uniform numbers [B, H] in (0, 1)."""
        raise NotImplementedError


def draw(quantiles: Tensor, probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Draw from the distribution whose inverse is linear between neighbouring quantiles.

    The tails continue with the slope of the outermost gap to probabilities 0 and 1. With probabilities 0.025, 0.05 ...
    0.975 they end one gap beyond the outermost quantiles.

    Args:
        quantiles: [B, H, Q], not decreasing along Q.
        probabilities: [Q] rising, at least two.
        uniform: [B, H] uniform numbers in (0, 1).

    Returns: [B, H] one sample for each uniform number.
    """
    uniform = uniform.to(quantiles.dtype).contiguous()
    right = torch.searchsorted(probabilities, uniform).clamp(1, len(probabilities) - 1)
    left = right - 1
    share = (uniform - probabilities[left]) / (
        probabilities[right] - probabilities[left]
    )  # outside of [0, 1] in a tail
    low = quantiles.gather(-1, left[..., None])[..., 0]  # [B, H]
    high = quantiles.gather(-1, right[..., None])[..., 0]
    return low + share * (high - low)
