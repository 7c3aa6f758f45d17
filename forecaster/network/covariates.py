"""Covariates as a network reads them: standardised and without missing values."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forecaster.network.inputs import Inputs

_MAX_DEVIATION = 10.0  # standard deviations; larger values are clipped, since one typing error must not dominate
_ANONYMOUS_SHARE = 0.1  # share of the training windows whose series is replaced by the unseen one


@dataclass(frozen=True)
class Standardised:
    """The standardised covariates of a batch of windows, without NaN.

    Attributes:
        past: [B, L, P].
        known: [B, L + H, K].
        static: [B, S'] static covariates and the learnt identity: the values that identify a series.
    """

    past: Tensor
    known: Tensor
    static: Tensor

    def take(self, rows: Tensor) -> "Standardised":
        """Select windows by index."""
        return Standardised(self.past[rows], self.known[rows], self.static[rows])


class Standard(nn.Module):
    """A layer that standardises columns by their training data; a missing value becomes 0, the mean.

    Args:
        count: number of columns, C.
    """

    centre: Tensor
    divisor: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.register_buffer("centre", torch.zeros(count))
        self.register_buffer("divisor", torch.ones(count))

    @torch.no_grad()
    def learn(self, rows: Tensor) -> None:
        """Learn the mean and standard deviation of each column of [T, C]; NaN is missing.

        A column that is constant in training is always standardised to 0, since no effect of it was learnt.
        """
        values = rows.double()
        centre = values.nanmean(0).nan_to_num()
        std = (values - centre).square().nanmean(0).sqrt().nan_to_num()
        self.centre.copy_(centre)
        self.divisor.copy_(torch.where(std > 1e-6 * centre.abs(), std, torch.inf))

    def forward(self, values: Tensor) -> Tensor:
        """Standardise [..., C]; the result has no NaN and is clipped at 10 standard deviations."""
        scaled: Tensor = (values - self.centre) / self.divisor
        return scaled.nan_to_num(0.0).clamp(-_MAX_DEVIATION, _MAX_DEVIATION)


class Identity(nn.Module):
    """A learnt vector for each series, and one more for all unseen series.

    The vector of unseen series is learnt from a tenth of the training windows, whose own series is hidden.

    Args:
        series: number of series to train on, N.
        features: width of the vectors.
    """

    def __init__(self, series: int, features: int) -> None:
        super().__init__()
        self.unseen = series
        self.features = features
        self.vectors = nn.Embedding(series + 1, features)

    def forward(self, series: Tensor) -> Tensor:
        """Look up the vectors of series by number, [B] in 0 .. N (N for an unseen series) -> [B, features]."""
        if self.training:
            series = series.masked_fill(torch.rand(series.shape, device=series.device) < _ANONYMOUS_SHARE, self.unseen)
        vectors: Tensor = self.vectors(series)
        return vectors


class Covariates(nn.Module):
    """A layer that standardises the three kinds of covariates, and adds a learnt identity to the static ones.

    Args:
        past, known, static: number of covariates of each kind.
        identity: the learnt vectors; None if series are identified by their static covariates only.

    Attributes:
        channels: number of past and known covariates at each step of the context.
        features: number of values that identify a series, S'.
    """

    def __init__(self, *, past: int, known: int, static: int, identity: Identity | None = None) -> None:
        super().__init__()
        self.past = Standard(past)
        self.known = Standard(known)
        self.static = Standard(static)
        self.identity = identity
        self.channels = past + known
        self.features = static + (identity.features if identity else 0)

    def learn(self, batch: Inputs) -> None:
        """Learn the mean and deviation of each covariate from windows of the training data."""
        self.past.learn(batch.past.flatten(0, 1))
        self.known.learn(batch.known.flatten(0, 1))
        self.static.learn(batch.static)

    def forward(self, batch: Inputs) -> Standardised:
        """Standardise the covariates of a batch of windows."""
        static: Tensor = self.static(batch.static)  # [B, S]
        if self.identity:
            static = torch.cat((static, self.identity(batch.series)), dim=1)
        return Standardised(self.past(batch.past), self.known(batch.known), static)
