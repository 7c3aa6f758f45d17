"""A network that forecasts: scale -> embed -> recur -> decode -> head."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecaster.config import Weigh
from forecaster.network.covariates import Covariates, Standardised
from forecaster.network.embed import Segments
from forecaster.network.heads.head import Head
from forecaster.network.inputs import Inputs
from forecaster.network.recurrent.stack import Stack
from forecaster.network.scale import Scale, Scaled
from forecaster.network.skip import SeasonalSkip

_HEAVIEST = 3.0  # a window whose values deviate by more than three times their size weighs no more


class Prediction(NamedTuple):
    """What a network says of some windows, in the data's units.

    Attributes:
        mean: [B, H] the point forecast; what it is, the head says.
        quantiles: [B, H, Q] nowhere decreasing along Q.
    """

    mean: Tensor
    quantiles: Tensor


class Network(nn.Module):
    """The parts in a row.

    Of each step of the context the embedding reads the scaled value, whether it was observed, and the covariates known
    by then; the decoder reads the covariates known ahead. What tells the series apart, both read.

    Args:
        skip: copies past seasons ahead; None for none.
        truncate: recurrence steps (segments) that gradients go back in training; None for all.
        weigh: how much each window's loss counts.
    """

    def __init__(
        self,
        *,
        scale: Scale,
        covariates: Covariates,
        embed: Segments,
        recur: Stack,
        decode: nn.Module,
        head: Head,
        skip: SeasonalSkip | None = None,
        truncate: int | None = None,
        weigh: Weigh = "evenly",
    ) -> None:
        super().__init__()
        self.scale = scale
        self.covariates = covariates
        self.embed = embed
        self.recur = recur
        self.decode = decode
        self.head = head
        self.skip = skip
        self.truncate = truncate
        self.weigh = weigh

    def forward(self, batch: Inputs) -> Prediction:
        """Forecast what follows each window's context; every value is finite."""
        raw, _, scaled = self.outputs(batch)
        return Prediction(self.head.mean(raw, scaled), self.head.quantiles(raw, scaled))

    def loss(self, batch: Inputs) -> Tensor:
        """Weighted mean of the head's loss over the known targets, a scalar; 0 where none is known."""
        total, weight = self.weigh_losses(batch)
        return total / weight.clamp(min=torch.finfo(weight.dtype).tiny)

    def weigh_losses(self, batch: Inputs, *, last: int | None = None) -> tuple[Tensor, Tensor]:
        """The two scalars that `loss` is the ratio of: the weighted losses' sum, and their weights'.

        Sums over several batches give the loss over all of them.

        Args:
            last: of the steps that the outputs are about, how many count, from the end; None for all.
        """
        raw, target, scaled = self.outputs(batch)
        losses = self.head.loss(raw, target, scaled)
        weights = (~scaled.forward(target).isnan()).to(losses.dtype)
        if self.weigh == "relative":
            weights = weights * _relative_scale(batch, scaled)[:, None]
        counted = slice(0 if last is None else -last, None)
        return (losses * weights)[:, counted].sum(), weights[:, counted].sum()

    def outputs(self, batch: Inputs) -> tuple[Tensor, Tensor, Scaled]:
        """What the head needs: raw outputs [B, T, outputs], the steps [B, T] they are about, and the scaled windows.

        Here the steps are those of the target, T = H.
        """
        scaled = self.scale_windows(batch)
        return self.decode_ahead(scaled, self.covariates(batch)), batch.target, scaled

    def decode_ahead(self, scaled: Scaled, covariates: Standardised) -> Tensor:
        """Raw outputs [B, H, outputs] about the steps of the horizon, of windows at size 1."""
        length = scaled.values.shape[1]
        known, ahead = covariates.known[:, :length], covariates.known[:, length:]
        channels = (scaled.values[..., None], scaled.mask[..., None], covariates.past, known)
        segments = self.embed(torch.cat(channels, dim=2), covariates.static)  # [B, S, E]
        summary, states = self.recur.summarise(segments, truncate=self.truncate if self.training else None)
        raw: Tensor = self.decode(self.recur, summary, states, ahead, covariates.static)  # [B, H, outputs]
        if self.skip is None:
            return raw
        copied = self.skip(scaled.values, scaled.mask, summary)  # [B, H]
        return torch.cat((raw[..., :1] + copied[..., None], raw[..., 1:]), dim=2)

    def scale_windows(self, batch: Inputs) -> Scaled:
        """Bring the contexts of some windows to one size."""
        scaled: Scaled = self.scale(
            batch.context,
            batch.spread,
            horizon=batch.known.shape[1] - batch.context.shape[1],
            centre=batch.centre,
            series=batch.series,
            phase=batch.phase,
        )
        return scaled


def _relative_scale(batch: Inputs, scaled: Scaled) -> Tensor:
    """[B] each window's scale as a share of its mean absolute value: errors of as many per cent count the same."""
    if scaled.is_log:
        return scaled.scale.clamp(max=_HEAVIEST)
    level = batch.context.abs().nanmean(1).nan_to_num(0.0)
    return (scaled.scale / level.clamp(min=torch.finfo(level.dtype).tiny)).clamp(max=_HEAVIEST)
