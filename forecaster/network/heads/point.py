"""A point forecast with intervals from its held-out residuals."""

from typing import Literal, assert_never

import torch
from torch import Tensor
from torch.nn import functional

from forecaster.network.heads.head import Head, draw
from forecaster.network.scale import Scaled

MIN_RESIDUALS = 20  # number of known residuals from which a step has separate quantiles


class Point(Head):
    """A head of one value at each step; its quantiles are this value plus the quantiles of held-out residuals.

    Until `learn_residuals` is called, all quantiles equal the point. The 0.5 quantile may differ from the point, for
    example from the mean of a skewed variable.

    Args:
        loss: `mse` for the mean, `mae` for the median, `huber` for a mean in which errors beyond `delta` have a limited
            influence. The loss is in scaled units: on a log scale the mean is geometric.
        horizon: steps, H; the raw outputs must have as many.
        probabilities: probabilities of the quantiles, rising, each in (0, 1).
        delta: the error from which the Huber loss is linear, in scaled units.

    Attributes:
        point: `mean`, `median` or `huber`.
        residuals: [H, Q] quantiles of the residuals in scaled units; saved with the weights.

    Source: Huber 1964, "Robust estimation of a location parameter".
    """

    outputs = 1
    probabilities: Tensor
    residuals: Tensor

    def __init__(
        self,
        loss: Literal["mse", "mae", "huber"],
        *,
        horizon: int,
        probabilities: tuple[float, ...],
        delta: float = 1.0,
    ) -> None:
        super().__init__()
        self.kind = loss
        self.delta = delta
        self.point = {"mse": "mean", "mae": "median", "huber": "huber"}[loss]
        self.register_buffer("probabilities", torch.tensor(probabilities), persistent=False)
        self.register_buffer("residuals", torch.zeros(horizon, len(probabilities)))

    def quantiles(self, raw: Tensor, scaled: Scaled) -> Tensor:
        return scaled.inverse(raw + self.residuals)

    def mean(self, raw: Tensor, scaled: Scaled) -> Tensor:
        return scaled.inverse(raw[..., 0])

    def loss(self, raw: Tensor, target: Tensor, scaled: Scaled) -> Tensor:
        """Compute the squared, absolute or Huber loss in scaled units."""
        aim = scaled.forward(target)
        value = raw[..., 0]
        aim = torch.where(aim.isnan(), value.detach(), aim)  # an error of 0 has loss 0 and gradient 0
        match self.kind:
            case "mse":
                return functional.mse_loss(value, aim, reduction="none")
            case "mae":
                return functional.l1_loss(value, aim, reduction="none")
            case "huber":
                return functional.huber_loss(value, aim, reduction="none", delta=self.delta)
            case _:
                assert_never(self.kind)

    def sample(self, raw: Tensor, scaled: Scaled, uniform: Tensor) -> Tensor:
        return scaled.inverse(draw(raw + self.residuals, self.probabilities, uniform))

    @torch.no_grad()
    def learn_residuals(self, raw: Tensor, target: Tensor, scaled: Scaled) -> None:
        """Learn the quantiles from the residuals of windows that the weights were not fitted on.

        A step with fewer than `MIN_RESIDUALS` known residuals uses those of all steps. Without any known residual
        nothing changes.

        Args:
            raw: [M, H, 1] the network's outputs for M windows.
            target: [M, H] data units; NaN where unknown.
            scaled: the M windows.
        """
        residuals = scaled.forward(target) - raw[..., 0]  # [M, H]
        known = (~residuals.isnan()).sum(0)
        if not known.any():
            return
        pooled = _sample_quantiles(residuals.flatten()[:, None], self.probabilities)  # [1, Q]
        by_step = _sample_quantiles(residuals, self.probabilities)  # [H, Q]
        self.residuals.copy_(torch.where(known[:, None] >= MIN_RESIDUALS, by_step, pooled))


def _sample_quantiles(sample: Tensor, probabilities: Tensor) -> Tensor:
    """Compute the quantiles [H, Q] of the known values in each column of [M, H]; NaN for a column without any.

    The k-th smallest of n values is the quantile of probability k / (n + 1), the probability that a new value is below
    it. Probabilities outside of these get the smallest or the largest value.

    Source: Hyndman & Fan 1996, "Sample quantiles in statistical packages", definition 6.
    """
    ordered = sample.sort(0).values.T.contiguous()  # [H, M], NaN last
    known = (~ordered.isnan()).sum(1, keepdim=True)  # [H, 1]
    last = (known - 1).clamp(min=0)
    position = (probabilities * (known + 1) - 1).clamp(min=0).minimum(last)  # [H, Q]
    left = position.floor().long()
    low, high = ordered.gather(1, left), ordered.gather(1, (left + 1).minimum(last))
    return torch.lerp(low, high, position - left).cummax(1).values
