"""A network that forecasts: scale -> embed -> recur -> decode -> head."""

from dataclasses import dataclass
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

_MAX_WEIGHT = 3.0  # the weight of a window whose values deviate by three times their size or more


class Prediction(NamedTuple):
    """A network's forecasts of a batch of windows, in the data's units.

    Attributes:
        mean: [B, H] the point forecast; the head defines its meaning.
        quantiles: [B, H, Q] not decreasing along Q.
    """

    mean: Tensor
    quantiles: Tensor


@dataclass(frozen=True)
class NetworkParts:
    """The modules of a network, in the order in which they are applied.

    Attributes:
        scale: scales each window.
        covariates: standardises the covariates.
        embed: embeds the context.
        recur: reads the embedded context.
        decode: decodes the horizon from the state of the recurrence.
        head: turns raw outputs into forecasts.
        skip: copies past seasons into the horizon; None for none.
    """

    scale: Scale
    covariates: Covariates
    embed: Segments
    recur: Stack
    decode: nn.Module
    head: Head
    skip: SeasonalSkip | None = None


class Network(nn.Module):
    """A network that applies its parts one after the other.

    For each step of the context the embedding reads the scaled value, its mask, and the past and known covariates. The
    decoder reads the known covariates of the horizon. Both read the values that identify the series.

    Args:
        parts: the modules.
        truncate: steps of the recurrence (segments) that gradients are propagated back in training; None for all.
        weigh: `evenly` if all windows weigh the same in the loss, `relative` for weights by their relative scale.
    """

    def __init__(self, parts: NetworkParts, *, truncate: int | None = None, weigh: Weigh = "evenly") -> None:
        super().__init__()
        self.scale = parts.scale
        self.covariates = parts.covariates
        self.embed = parts.embed
        self.recur = parts.recur
        self.decode = parts.decode
        self.head = parts.head
        self.skip = parts.skip
        self.truncate = truncate
        self.weigh = weigh

    def forward(self, batch: Inputs) -> Prediction:
        """Forecast the steps after each window's context; every value is finite."""
        raw, _, scaled = self.outputs(batch)
        return Prediction(self.head.mean(raw, scaled), self.head.quantiles(raw, scaled))

    def loss(self, batch: Inputs) -> Tensor:
        """Return the weighted mean of the head's loss over the known targets, a scalar; 0 if none is known."""
        total, weight = self.weigh_losses(batch)
        return total / weight.clamp(min=torch.finfo(weight.dtype).tiny)

    def weigh_losses(self, batch: Inputs, *, last: int | None = None) -> tuple[Tensor, Tensor]:
        """Return the sum of the weighted losses and the sum of the weights, whose ratio is `loss`.

        Their sums over several batches give the loss of all these batches together.

        Args:
            batch: windows with a target.
            last: number of steps that count, from the last step of `outputs` backward; None for all.
        """
        raw, target, scaled = self.outputs(batch)
        losses = self.head.loss(raw, target, scaled)
        weights = (~scaled.forward(target).isnan()).to(losses.dtype)
        if self.weigh == "relative":
            weights = weights * _relative_scale(batch, scaled)[:, None]
        steps = slice(0 if last is None else -last, None)
        return (losses * weights)[:, steps].sum(), weights[:, steps].sum()

    def outputs(self, batch: Inputs) -> tuple[Tensor, Tensor, Scaled]:
        """Compute the inputs of the head's loss.

        Returns: raw outputs [B, T, outputs], the true values [B, T] of the steps that they forecast, and the scaled
            windows. Here the steps are those of the target, T = H.
        """
        scaled = self.scale_windows(batch)
        return self.decode_ahead(scaled, self.covariates(batch)), batch.target, scaled

    def decode_ahead(self, scaled: Scaled, covariates: Standardised) -> Tensor:
        """Compute the raw outputs [B, H, outputs] for the horizon of scaled windows."""
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
        """Scale the contexts of a batch of windows."""
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
    """Return each window's scale [B] relative to its mean absolute value, so that equal relative errors weigh alike."""
    if scaled.is_log:
        return scaled.scale.clamp(max=_MAX_WEIGHT)
    level = batch.context.abs().nanmean(1).nan_to_num(0.0)
    return (scaled.scale / level.clamp(min=torch.finfo(level.dtype).tiny)).clamp(max=_MAX_WEIGHT)
