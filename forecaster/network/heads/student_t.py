"""Student's t distribution, a bell curve with heavy tails."""

import math
from statistics import NormalDist

import torch
from torch import Tensor
from torch.nn import functional

from forecaster.network.heads.head import Head
from forecaster.network.scale import Scaled

MIN_SCALE = 1e-3  # smallest scale of the distribution, in scaled units; also bounds the gradient


class StudentT(Head):
    """A head with Student's t distribution in scaled units, trained by maximum likelihood.

        location = raw_0,    scale = softplus(raw_1) + MIN_SCALE,    degrees of freedom = 2 + softplus(raw_2)

    With more than two degrees of freedom, mean and variance exist. The point forecast is the centre of the distribution
    converted to data units, which is its expectation and its median. On a log scale it is only the median, since the
    expectation is infinite.

    Args:
        probabilities: probabilities of the quantiles, rising, each in (0, 1).

    Source: the head of DeepAR in GluonTS (Alexandrov et al. 2020).
    """

    point = "expectation"
    outputs = 3

    def __init__(self, probabilities: tuple[float, ...]) -> None:
        super().__init__()
        self.probabilities = probabilities

    def quantiles(self, raw: Tensor, scaled: Scaled) -> Tensor:
        location, scale, freedom = _parameters(raw)
        standard = torch.stack([quantile_of_t(p, freedom.double()) for p in self.probabilities], dim=-1)
        return scaled.inverse(location[..., None] + scale[..., None] * standard.to(raw.dtype))

    def mean(self, raw: Tensor, scaled: Scaled) -> Tensor:
        return scaled.inverse(raw[..., 0])

    def loss(self, raw: Tensor, target: Tensor, scaled: Scaled) -> Tensor:
        """Compute the negative log-likelihood of the scaled target."""
        aim = scaled.forward(target)
        is_known = ~aim.isnan()
        # in float32 the square of a large error overflows, and lgammas of many degrees of freedom cancel to noise
        likelihood = log_density(aim.where(is_known, 0).double(), *_parameters(raw.double()))
        return -likelihood.where(is_known, 0).to(raw.dtype)

    def sample(self, raw: Tensor, scaled: Scaled, uniform: Tensor) -> Tensor:
        location, scale, freedom = _parameters(raw)
        return scaled.inverse(location + scale * quantile_of_t(uniform, freedom.double()).to(raw.dtype))


def quantile_of_t(probability: float | Tensor, freedom: Tensor) -> Tensor:
    """Return the quantile of Student's t distribution for each of `freedom` > 2 degrees of freedom, in closed form.

    The error is below 0.002 at probabilities in [0.025, 0.975], with the largest errors near 2 degrees of freedom, and
    below 1e-4 from 3 degrees of freedom on.

    Args:
        probability: one probability for all, or one for each.
        freedom: degrees of freedom.

    Source: Hill 1970, "Algorithm 396: Student's t-quantiles"; the names are his.
    """
    n, p = freedom, torch.as_tensor(probability, dtype=torch.float64, device=freedom.device)
    two_tail = 2 * torch.minimum(p, 1 - p)
    a = 1 / (n - 0.5)
    b = 48 / a.square()
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * (a * (math.pi / 2)).sqrt() * n
    y = (d * two_tail) ** (2 / n)

    if isinstance(probability, float):  # a constant needs no operator in ONNX, which lacks the normal quantile
        x = torch.full_like(p, NormalDist().inv_cdf(min(probability, 1 - probability)))
    else:
        x = torch.special.ndtri(two_tail / 2)
    # near the centre: an expansion about the normal quantile
    c = c + torch.where(n < 5, 0.3 * (n - 4.5) * (x + 0.6), 0)
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
    square = x * x
    centre = (((((0.4 * square + 6.3) * square + 36) * square + 94.5) / c - square - 3) / b + 1) * x
    centre = torch.expm1(a * centre.square())

    tail = 1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)
    tail = (tail * y - 1) * (n + 1) / (n + 2) + 1 / y
    size = (n * torch.where(y > 0.05 + a, centre, tail)).sqrt()
    return torch.where(p == 0.5, 0, torch.where(p > 0.5, size, -size))


def log_density(value: Tensor, location: Tensor, scale: Tensor, freedom: Tensor) -> Tensor:
    """Compute the logarithm of Student's t density, to the bit as `torch.distributions` does.

    `torch.distributions` always checks the degrees of freedom, and so waits for the device at every call.
    """
    unit = (value - location) / scale
    normaliser = (
        scale.log()
        + 0.5 * freedom.log()
        + 0.5 * math.log(math.pi)
        + torch.lgamma(0.5 * freedom)
        - torch.lgamma(0.5 * (freedom + 1.0))
    )
    return -0.5 * (freedom + 1.0) * torch.log1p(unit**2.0 / freedom) - normaliser


def _parameters(raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    location, scale, freedom = raw.unbind(-1)
    return location, functional.softplus(scale) + MIN_SCALE, 2 + functional.softplus(freedom)
