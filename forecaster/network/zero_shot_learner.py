"""A zero-shot network that learns from the windows of a panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from forecaster.network.zero_shot import ZeroShotNetwork, cutoff_losses, pinball


@dataclass(frozen=True)
class WindowTensors:
    """Windows of one length class as tensors, with the attributes of `batches.cutoff_windows.WindowBatch`."""

    values: Tensor
    season: Tensor
    second_season: Tensor
    start: int
    cutoffs: tuple[int, ...]
    is_counted: Tensor


class ZeroShotLearner(ZeroShotNetwork):
    """A zero-shot network with a loss: the pinball loss in compressed units, in which all steps weigh the same.

    A batch consists of the windows of each length class.
    """

    def loss(self, batch: Sequence[WindowTensors]) -> Tensor:
        """Return the mean loss over the known targets after all cutoffs that count; 0 if none is known."""
        total, weight = self.weigh_losses(batch)
        return total / weight.clamp(min=1)

    def weigh_losses(self, batch: Sequence[WindowTensors]) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses and the number of targets."""
        sums = [self._weigh_part(part) for part in batch]
        return torch.stack([total for total, _ in sums]).sum(), torch.stack([weight for _, weight in sums]).sum()

    def _weigh_part(self, part: WindowTensors) -> tuple[Tensor, Tensor]:
        seasons = part.season, part.second_season
        quantiles = self.compress(part.values, *seasons, start=part.start, cutoffs=part.cutoffs)
        ahead = min(part.values.shape[1] - part.cutoffs[-1], self.architecture.horizon)
        losses, is_known = cutoff_losses(quantiles[:, :, :ahead], part.values, part.cutoffs, self.head.probabilities)
        weights = (is_known & part.is_counted[:, :, None]).to(losses.dtype)
        return (losses * weights).sum(), weights.sum()

    def assess(self, batch: Sequence[WindowTensors]) -> float:
        """Return the mean pinball loss of forecasts as `predict` makes them: the mean of a window's and its mirror's.

        Args:
            batch: windows with one cutoff.

        Returns: the loss in compressed units; NaN without a known target.
        """
        self.eval()
        sums = []
        with torch.inference_mode():
            for part in batch:
                end = part.cutoffs[-1]
                history, seasons = part.values[:, :end], (part.season, part.second_season)
                up, down = (self(each, each[:, part.start :], *seasons) for each in (history, -history))
                target = part.values[:, end : end + self.architecture.horizon]
                quantiles = torch.asinh((up - down.flip(-1)) / 2)[:, : target.shape[1]]
                losses = pinball(quantiles, torch.asinh(target).nan_to_num(0.0), self.head.probabilities)
                weights = (~target.isnan() & part.is_counted).to(losses.dtype)
                sums.append(torch.stack(((losses * weights).sum(), weights.sum())))
        self.train()
        total, weight = torch.stack(sums).sum(0).tolist()
        return total / weight if weight else float("nan")
