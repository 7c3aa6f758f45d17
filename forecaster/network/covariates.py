"""Covariates as the network reads them: of size 1, and without gaps."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forecaster.network.inputs import Inputs

_FARTHEST = 10.0  # standard deviations; a value typed wrong must not drown the rest
_FORGOTTEN = 0.1  # share of the windows of a batch whose series the network is not told


@dataclass(frozen=True)
class Standardised:
    """Covariates of a batch of windows at size 1 and without NaN: `past` [B, L, P], `known` [B, L + H, K] and what
    tells the series apart, `static` [B, S'].
    """

    past: Tensor
    known: Tensor
    static: Tensor

    def take(self, rows: Tensor) -> "Standardised":
        """Take windows by number."""
        return Standardised(self.past[rows], self.known[rows], self.static[rows])


class Standard(nn.Module):
    """Standardise columns by what was seen of them in training; a missing value becomes 0, the mean.

    Args:
        count: columns, C.
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
        """Take mean and standard deviation of each column of [T, C], in which NaN is missing.

        A column that never changes in training is left out: what it may say later was never learnt.
        """
        values = rows.double()
        centre = values.nanmean(0).nan_to_num()
        std = (values - centre).square().nanmean(0).sqrt().nan_to_num()
        self.centre.copy_(centre)
        self.divisor.copy_(torch.where(std > 1e-6 * centre.abs(), std, torch.inf))

    def forward(self, values: Tensor) -> Tensor:
        """Standardise [..., C]; nothing in the result is NaN or beyond 10 standard deviations."""
        scaled: Tensor = (values - self.centre) / self.divisor
        return scaled.nan_to_num(0.0).clamp(-_FARTHEST, _FARTHEST)


class Identity(nn.Module):
    """A learnt vector a series; one more stands for all series that were not trained on.

    That one is learnt too: in training, a tenth of the windows do not tell whose they are.

    Args:
        series: series trained on, N.
        features: width of the vectors.
    """

    def __init__(self, series: int, features: int) -> None:
        super().__init__()
        self.unseen = series
        self.features = features
        self.vectors = nn.Embedding(series + 1, features)

    def forward(self, series: Tensor) -> Tensor:
        """Look up [B] numbers in 0 .. N, N for an unseen series -> [B, features]."""
        if self.training:
            series = series.masked_fill(torch.rand(series.shape, device=series.device) < _FORGOTTEN, self.unseen)
        vectors: Tensor = self.vectors(series)
        return vectors


class Covariates(nn.Module):
    """Standardise the three kinds of covariates; a series' identity, where it is learnt, joins the static ones.

    Args:
        past, known, static: how many of each kind.
        identity: None where a series is told by its static covariates alone.

    Attributes:
        channels: values a step of the context, past and known.
        features: values that tell the series apart, S'.
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
        """Take the size of each covariate from some windows of the training data."""
        self.past.learn(batch.past.flatten(0, 1))
        self.known.learn(batch.known.flatten(0, 1))
        self.static.learn(batch.static)

    def forward(self, batch: Inputs) -> Standardised:
        """Standardise the covariates of some windows."""
        static: Tensor = self.static(batch.static)  # [B, S]
        if self.identity:
            static = torch.cat((static, self.identity(batch.series)), dim=1)
        return Standardised(self.past(batch.past), self.known(batch.known), static)
