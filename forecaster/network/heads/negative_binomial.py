"""Counts that vary more than a Poisson variable does."""

import torch
from torch import Tensor
from torch.nn import functional

from forecaster.network.heads.head import Head
from forecaster.network.scale import Scaled

MIN_DISPERSION = (
    1e-6  # least dispersion: a Poisson variable for all that can be told, and the lgammas keep their digits
)
MAX_SUMMED_COUNT = 128  # quantiles below are found by summing probabilities
_CHUNK = 4096
_ITERATIONS = 30


class NegativeBinomial(Head):
    """The negative binomial distribution of counts, in data units, trained by maximum likelihood.

        mean = nu softplus(raw_0),    dispersion = softplus(raw_1) / sqrt(nu) + MIN_DISPERSION
        variance = mean + dispersion mean^2

    with nu the window's scale. It wants a scale without a location (mean-abs), so that 0 stays 0, and counts:
    whole numbers from 0 up, of which it takes negative ones for 0. Its quantiles are whole numbers; the point forecast,
    the expectation, is not.

    Args:
        probabilities: of the quantiles, rising, each in (0, 1).

    Source: Salinas et al. 2020 (DeepAR), sec. 3.1 (the likelihood) and 3.3 (the scale).
    """

    point = "expectation"
    outputs = 2
    has_location = False

    def __init__(self, probabilities: tuple[float, ...]) -> None:
        super().__init__()
        self.probabilities = probabilities

    @torch.no_grad()
    def quantiles(self, raw: Tensor, scaled: Scaled) -> Tensor:
        mean, dispersion = _mean(raw, scaled), _dispersion(raw, scaled)
        counts = [
            quantiles_of_counts(some, spread, self.probabilities)
            for some, spread in zip(
                torch.split(mean.flatten(), _CHUNK), torch.split(dispersion.flatten(), _CHUNK), strict=True
            )
        ]
        return torch.cat(counts).view(*mean.shape, -1).to(raw.dtype)

    def mean(self, raw: Tensor, scaled: Scaled) -> Tensor:
        return _mean(raw, scaled).to(raw.dtype)

    def loss(self, raw: Tensor, target: Tensor, scaled: Scaled) -> Tensor:
        """Negative log-likelihood of the target in data units."""
        is_known = ~scaled.forward(target).isnan()
        count = target.where(is_known, 0).clamp(min=0).double()
        dispersion = _dispersion(raw, scaled)
        r = 1 / dispersion
        # in logarithms: a mean near 0 keeps its gradient when something comes after all
        log_odds = dispersion.log() + _scale(scaled).log() + _log_softplus(raw[..., 0].double())
        likelihood = torch.lgamma(count + r) - torch.lgamma(count + 1) - torch.lgamma(r)
        likelihood = likelihood + count * functional.logsigmoid(log_odds) - r * functional.softplus(log_odds)
        return -likelihood.where(is_known, 0).to(raw.dtype)

    @torch.no_grad()
    def sample(self, raw: Tensor, scaled: Scaled, uniform: Tensor) -> Tensor:
        mean, dispersion = _mean(raw, scaled).flatten(), _dispersion(raw, scaled).flatten()
        parts = (torch.split(each, _CHUNK) for each in (mean, dispersion, uniform.flatten()[:, None]))
        counts = [quantiles_of_counts(*part) for part in zip(*parts, strict=True)]
        return torch.cat(counts).view(uniform.shape).to(raw.dtype)


def quantiles_of_counts(mean: Tensor, dispersion: Tensor, probabilities: tuple[float, ...] | Tensor) -> Tensor:
    """Quantiles of negative binomial variables: the least count whose cumulative probability reaches each.

    Exact below `MAX_SUMMED_COUNT`. From there on by the shifted gamma distribution of the same mean, variance and
    skewness, read half a count higher. The cumulative probability at such counts is then off by less than 6e-5 at any
    mean and dispersion: a quantile is the exact one, or its neighbour when the probability falls that close to a step.

    Args:
        mean: [N] float64, 0 or more.
        dispersion: [N] float64, above 0.
        probabilities: rising, each in (0, 1), Q of them; or [N, Q], others for each variable.

    Returns: [N, Q] float64, whole numbers, nowhere decreasing along Q.
    """
    levels = torch.as_tensor(probabilities, dtype=mean.dtype, device=mean.device).expand(len(mean), -1)  # [N, Q]
    r, odds = (1 / dispersion)[:, None], (mean * dispersion)[:, None]  # [N, 1]
    count = torch.arange(1, MAX_SUMMED_COUNT, dtype=mean.dtype, device=mean.device)
    steps = (count - 1 + r) / count * (odds / (1 + odds))  # p(count) / p(count - 1)
    cumulative = torch.cat([(-r * odds.log1p()).exp(), steps], dim=1).cumprod(1).cumsum(1)  # [N, MAX_SUMMED_COUNT]
    least = torch.searchsorted(cumulative, levels.contiguous())  # [N, Q]; MAX_SUMMED_COUNT where none reaches
    quantiles = least.to(mean.dtype)

    rows, columns = (least == MAX_SUMMED_COUNT).nonzero(as_tuple=True)
    mean, odds = mean[rows], odds[rows, 0]
    # variance = mean (1 + odds), third moment = variance (1 + 2 odds), so by those of a gamma variable:
    shape = 4 * mean * (1 + odds) / (1 + 2 * odds).square()
    unit, shift = odds + 0.5, -mean / (1 + 2 * odds)
    value = unit * _quantiles_of_gamma(shape, levels[rows, columns]) + shift
    quantiles[rows, columns] = (value - 0.5).ceil().clamp(min=MAX_SUMMED_COUNT)
    return quantiles.cummax(1).values


def _quantiles_of_gamma(shape: Tensor, probability: Tensor) -> Tensor:
    """[N] quantiles of standard gamma variables, by Newton's method on the logarithms of value and probability.

    In these the curve is concave: a step from below never passes the root, and one from above is made good by the next.
    """
    below = (probability.log() + torch.lgamma(shape + 1)) / shape  # since P(x) <= x^shape / Gamma(shape + 1)
    normal = torch.special.ndtri(probability)
    third = 1 - 1 / (9 * shape) + normal / (3 * shape.sqrt())  # Wilson & Hilferty 1931
    value = torch.maximum(below, (shape * third.clamp(min=1e-9) ** 3).log())
    for _ in range(_ITERATIONS):
        reached = torch.special.gammainc(shape, value.exp())
        slope = (shape * value - value.exp() - torch.lgamma(shape)).exp() / reached
        step = (probability.log() - reached.log()) / slope
        value = value + step
        if step.numel() == 0 or step.abs().max() < 1e-6:
            break
    return value.exp()


def _scale(scaled: Scaled) -> Tensor:
    """[B, 1] float64; 1 for a series without a scale, of which nothing is learnt."""
    return scaled.scale.where(scaled.scale > 0, 1)[:, None].double()


def _mean(raw: Tensor, scaled: Scaled) -> Tensor:
    return scaled.scale[:, None].double() * functional.softplus(raw[..., 0].double())


def _dispersion(raw: Tensor, scaled: Scaled) -> Tensor:
    return functional.softplus(raw[..., 1].double()) / _scale(scaled).sqrt() + MIN_DISPERSION


def _log_softplus(x: Tensor) -> Tensor:
    near = x.clamp(min=-20)
    return functional.softplus(near).log() + (x - near)  # log softplus(x) = x to 9 digits below
