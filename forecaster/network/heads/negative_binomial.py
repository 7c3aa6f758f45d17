"""The negative binomial distribution, for counts that vary more than a Poisson variable."""

import torch
from torch import Tensor
from torch.nn import functional

from forecaster.network.heads.head import Head
from forecaster.network.scale import Scaled

MIN_DISPERSION = 1e-6  # close to a Poisson variable; with less, the lgammas would lose their digits
MAX_SUMMED_COUNT = 128  # quantiles below this count are computed by summing probabilities
_VARIABLES_PER_CHUNK = 4096
_MAX_ITERATIONS = 30


class NegativeBinomial(Head):
    """A head with the negative binomial distribution of counts, in data units, trained by maximum likelihood.

        mean = nu softplus(raw_0),    dispersion = softplus(raw_1) / sqrt(nu) + MIN_DISPERSION
        variance = mean + dispersion mean^2

    with nu the window's scale. It needs a scale without a location (`mean_abs`), so that 0 stays 0, and counts as
    targets: integers from 0 up; negative values count as 0. The quantiles are integers; the point forecast, which is
    the expectation, is not.

    Args:
        probabilities: probabilities of the quantiles, rising, each in (0, 1).

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
            quantiles_of_counts(means, dispersions, self.probabilities)
            for means, dispersions in zip(
                torch.split(mean.flatten(), _VARIABLES_PER_CHUNK),
                torch.split(dispersion.flatten(), _VARIABLES_PER_CHUNK),
                strict=True,
            )
        ]
        return torch.cat(counts).view(*mean.shape, -1).to(raw.dtype)

    def mean(self, raw: Tensor, scaled: Scaled) -> Tensor:
        return _mean(raw, scaled).to(raw.dtype)

    def loss(self, raw: Tensor, target: Tensor, scaled: Scaled) -> Tensor:
        """Compute the negative log-likelihood of the target in data units."""
        is_known = ~scaled.forward(target).isnan()
        count = target.where(is_known, 0).clamp(min=0).double()
        dispersion = _dispersion(raw, scaled)
        r = 1 / dispersion
        # in logarithms a mean near 0 still has a gradient when the count is positive
        log_odds = dispersion.log() + _scale(scaled).log() + _log_softplus(raw[..., 0].double())
        likelihood = torch.lgamma(count + r) - torch.lgamma(count + 1) - torch.lgamma(r)
        likelihood = likelihood + count * functional.logsigmoid(log_odds) - r * functional.softplus(log_odds)
        return -likelihood.where(is_known, 0).to(raw.dtype)

    @torch.no_grad()
    def sample(self, raw: Tensor, scaled: Scaled, uniform: Tensor) -> Tensor:
        mean, dispersion = _mean(raw, scaled).flatten(), _dispersion(raw, scaled).flatten()
        parts = (torch.split(each, _VARIABLES_PER_CHUNK) for each in (mean, dispersion, uniform.flatten()[:, None]))
        counts = [quantiles_of_counts(*part) for part in zip(*parts, strict=True)]
        return torch.cat(counts).view(uniform.shape).to(raw.dtype)


def quantiles_of_counts(mean: Tensor, dispersion: Tensor, probabilities: tuple[float, ...] | Tensor) -> Tensor:
    """Compute the quantiles of negative binomial variables: the smallest counts with these cumulative probabilities.

    Quantiles below `MAX_SUMMED_COUNT` are exact. Larger ones come from a shifted gamma distribution of the same mean,
    variance and skewness, evaluated half a count higher. Its cumulative probability differs by less than 6e-5 at any
    mean and dispersion, so a quantile is exact or, if the probability is that close to a step, the neighbouring count.

    Args:
        mean: [N] float64, 0 or more.
        dispersion: [N] float64, above 0.
        probabilities: Q probabilities, rising, each in (0, 1); or [N, Q] with different ones for each variable.

    Returns: [N, Q] float64, integers, not decreasing along Q.
    """
    levels = torch.as_tensor(probabilities, dtype=mean.dtype, device=mean.device).expand(len(mean), -1)  # [N, Q]
    r, odds = (1 / dispersion)[:, None], (mean * dispersion)[:, None]  # [N, 1]
    count = torch.arange(1, MAX_SUMMED_COUNT, dtype=mean.dtype, device=mean.device)
    steps = (count - 1 + r) / count * (odds / (1 + odds))  # p(count) / p(count - 1)
    cumulative = torch.cat([(-r * odds.log1p()).exp(), steps], dim=1).cumprod(1).cumsum(1)  # [N, MAX_SUMMED_COUNT]
    least = torch.searchsorted(cumulative, levels.contiguous())  # [N, Q]; MAX_SUMMED_COUNT if larger
    quantiles = least.to(mean.dtype)

    rows, columns = (least == MAX_SUMMED_COUNT).nonzero(as_tuple=True)
    mean, odds = mean[rows], odds[rows, 0]
    # variance = mean (1 + odds), third moment = variance (1 + 2 odds); the gamma variable with the same moments:
    shape = 4 * mean * (1 + odds) / (1 + 2 * odds).square()
    unit, shift = odds + 0.5, -mean / (1 + 2 * odds)
    value = unit * _quantiles_of_gamma(shape, levels[rows, columns]) + shift
    quantiles[rows, columns] = (value - 0.5).ceil().clamp(min=MAX_SUMMED_COUNT)
    return quantiles.cummax(1).values


def _quantiles_of_gamma(shape: Tensor, probability: Tensor) -> Tensor:
    """Compute the [N] quantiles of standard gamma variables, by Newton's method on logarithms of value and probability.

    The curve is concave in these logarithms, so a step from below never passes the root, and after a step from above
    the next one is from below.
    """
    below = (probability.log() + torch.lgamma(shape + 1)) / shape  # since P(x) <= x^shape / Gamma(shape + 1)
    normal = torch.special.ndtri(probability)
    third = 1 - 1 / (9 * shape) + normal / (3 * shape.sqrt())  # Wilson & Hilferty 1931
    value = torch.maximum(below, (shape * third.clamp(min=1e-9) ** 3).log())
    for _ in range(_MAX_ITERATIONS):
        reached = torch.special.gammainc(shape, value.exp())
        slope = (shape * value - value.exp() - torch.lgamma(shape)).exp() / reached
        step = (probability.log() - reached.log()) / slope
        value = value + step
        if step.numel() == 0 or step.abs().max() < 1e-6:
            break
    return value.exp()


def _scale(scaled: Scaled) -> Tensor:
    """Return the scale of each window [B, 1] as float64; 1 instead of 0, since such windows do not count."""
    return scaled.scale.where(scaled.scale > 0, 1)[:, None].double()


def _mean(raw: Tensor, scaled: Scaled) -> Tensor:
    return scaled.scale[:, None].double() * functional.softplus(raw[..., 0].double())


def _dispersion(raw: Tensor, scaled: Scaled) -> Tensor:
    return functional.softplus(raw[..., 1].double()) / _scale(scaled).sqrt() + MIN_DISPERSION


def _log_softplus(x: Tensor) -> Tensor:
    near = x.clamp(min=-20)
    return functional.softplus(near).log() + (x - near)  # below -20, log softplus(x) = x to 9 digits
