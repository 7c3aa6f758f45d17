"""Student's t: quantiles against tables, likelihood against the formula."""

import math

import pytest
import torch

from forecaster.forecast import PROBABILITIES
from forecaster.network.heads.student_t import MIN_SCALE, StudentT, log_density, quantile_of_t
from tests.network.heads.scaled import scaled_by

# as printed in statistical tables: degrees of freedom -> quantiles at 0.6, 0.75, 0.9, 0.95, 0.975
TABLE = {
    3: (0.276671, 0.764892, 1.637744, 2.353363, 3.182446),
    4: (0.270722, 0.740697, 1.533206, 2.131847, 2.776445),
    5: (0.267181, 0.726687, 1.475884, 2.015048, 2.570582),
    10: (0.260185, 0.699812, 1.372184, 1.812461, 2.228139),
    30: (0.255605, 0.682756, 1.310415, 1.697261, 2.042272),
    120: (0.253936, 0.676540, 1.288646, 1.657651, 1.979930),
}


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_are_those_of_the_tables(freedom: int) -> None:
    for p, expected in zip((0.6, 0.75, 0.9, 0.95, 0.975), TABLE[freedom], strict=True):
        upper, lower = (quantile_of_t(side, torch.tensor(float(freedom))).item() for side in (p, 1 - p))
        assert upper == pytest.approx(expected, abs=5e-5)
        assert lower == pytest.approx(-upper, rel=1e-5)


def test_quantiles_have_the_probability_that_they_are_asked_for() -> None:
    """By Simpson's rule in the angle whose tangent is t / sqrt(n), for every fractional degree of freedom."""
    freedom = torch.cat([torch.linspace(2.001, 6, 80), torch.linspace(6, 200, 80)]).double()
    nodes = torch.linspace(0, 1, 401).double()
    weights = torch.tensor([1.0, *[4.0, 2.0] * 199, 4.0, 1.0]).double() / 1200
    norm = torch.exp(torch.lgamma((freedom + 1) / 2) - torch.lgamma(freedom / 2)) / math.sqrt(math.pi)
    for p in PROBABILITIES:
        t = quantile_of_t(p, freedom.float()).double()
        angle = torch.atan(t / freedom.sqrt())
        areas = (torch.cos(nodes * angle[:, None]) ** (freedom[:, None] - 1) * weights).sum(1) * angle
        density = norm / freedom.sqrt() * (1 + t.square() / freedom) ** (-(freedom + 1) / 2)
        assert ((0.5 + norm * areas - p) / density).abs().max() < 0.002


def test_quantiles_rise_with_the_probability_and_end_in_the_normal_ones() -> None:
    freedom = 2 + torch.logspace(-6, 8, 2000)
    quantiles = torch.stack([quantile_of_t(p, freedom) for p in PROBABILITIES], dim=-1)
    assert (quantiles.diff(dim=1) > 0).all()
    assert (quantiles[:, 8:].diff(dim=0) <= 1e-4).all()  # fewer degrees of freedom, heavier tails
    assert quantiles[-1].tolist() == pytest.approx(torch.special.ndtri(torch.tensor(PROBABILITIES)).tolist(), abs=1e-5)


def test_the_loss_is_the_negative_log_likelihood() -> None:
    raw, target = torch.tensor([[[0.5, -1.0, 2.0]]]), 116.0
    scale, n = math.log1p(math.exp(-1)) + MIN_SCALE, 2 + math.log1p(math.exp(2))
    z = ((target - 100) / 10 - 0.5) / scale
    density = math.gamma((n + 1) / 2) / (math.gamma(n / 2) * math.sqrt(n * math.pi) * scale)
    density *= (1 + z * z / n) ** (-(n + 1) / 2)
    loss = StudentT(PROBABILITIES).loss(raw, torch.tensor([[target]]), scaled_by(100.0, 10.0))
    assert loss.item() == pytest.approx(-math.log(density), rel=1e-5)


def test_the_density_is_that_of_torch_to_the_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    value, location = 100 * torch.randn(2, 500, generator=generator, dtype=torch.float64)
    scale, freedom = 1e-3 + 10 * torch.rand(2, 500, generator=generator, dtype=torch.float64)
    reference = torch.distributions.StudentT(freedom, location, scale)
    expected = reference.log_prob(value)  # type: ignore[no-untyped-call]
    assert torch.equal(log_density(value, location, scale, freedom), expected)


def test_the_point_forecast_is_the_expectation() -> None:
    head, raw = StudentT(PROBABILITIES), torch.tensor([[[0.5, 1.0, 2.0]]])
    assert head.point == "expectation"
    assert head.mean(raw, scaled_by(100.0, 10.0)).item() == pytest.approx(105)
    torch.manual_seed(0)
    samples = head.sample(raw.expand(1, 40_000, 3), scaled_by(100.0, 10.0), torch.rand(1, 40_000))
    assert samples.mean().item() == pytest.approx(105, abs=0.5)


def test_learning_finds_the_distribution_that_was_drawn_from() -> None:
    head, scaled = StudentT(PROBABILITIES), scaled_by(50.0, 4.0)
    truth = torch.tensor([[[1.5, -0.5, 1.0]]])
    torch.manual_seed(0)
    target = head.sample(truth.expand(1, 4000, 3), scaled, torch.rand(1, 4000))
    raw = torch.zeros(1, 1, 3, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        head.loss(raw.expand(1, 4000, 3), target, scaled).mean().backward()
        optimizer.step()
    torch.testing.assert_close(head.quantiles(raw, scaled), head.quantiles(truth, scaled), rtol=0, atol=0.4)
    assert head.mean(raw, scaled).item() == pytest.approx(56, abs=0.15)
