"""Counts: quantiles against plain sums of probabilities, likelihood against the formula."""

import math

import pytest
import torch
from torch import Tensor

from forecaster.forecast import PROBABILITIES
from forecaster.network.heads.negative_binomial import MIN_DISPERSION, NegativeBinomial, quantiles_of_counts
from tests.network.heads.scaled import scaled_by

MEANS = (0.01, 0.1, 1.0, 7.5, 100.0, 1e3, 1e4)
DISPERSIONS = (1e-6, 1e-3, 0.1, 1.0, 10.0)


def quantiles_of(mean: float, dispersion: float) -> list[float]:
    one = torch.ones(1).double()
    return quantiles_of_counts(mean * one, dispersion * one, PROBABILITIES)[0].tolist()


def cumulative(mean: float, dispersion: float, counts: int) -> Tensor:
    """P(count <= k) for k < counts, each probability from its own formula."""
    k, r = torch.arange(counts).double(), torch.tensor(1 / dispersion).double()
    odds = mean * dispersion
    log = torch.lgamma(k + r) - torch.lgamma(k + 1) - torch.lgamma(r)
    return (log + k * math.log(odds / (1 + odds)) - r * math.log1p(odds)).exp().cumsum(0)


@pytest.mark.parametrize("dispersion", DISPERSIONS)
@pytest.mark.parametrize("mean", MEANS)
def test_quantiles_are_the_least_counts_that_reach_each_probability(mean: float, dispersion: float) -> None:
    deviation = math.sqrt(mean + dispersion * mean**2)
    reached = cumulative(mean, dispersion, int(mean + 8 * deviation) + 10)
    for p, count in zip(PROBABILITIES, quantiles_of(mean, dispersion), strict=True):
        tolerance = 6e-5 if count >= 128 else 1e-8
        assert count == int(count)
        assert reached[int(count)] >= p - tolerance
        assert count == 0 or reached[int(count) - 1] < p + tolerance


def test_quantiles_in_closed_form() -> None:
    # dispersion 1 is the geometric distribution: P(count <= k) = 1 - (m / (1 + m))^(k + 1)
    for mean in (0.3, 12.0, 5e3, 2e6):
        share = math.log(mean / (1 + mean))
        expected = [max(0, math.ceil(math.log1p(-p) / share - 1)) for p in PROBABILITIES]
        assert quantiles_of(mean, 1.0) == expected


def test_rows_do_not_see_each_other_and_a_mean_of_zero_is_always_zero() -> None:
    means, dispersions = torch.tensor([0.0, 3.0, 500.0, 1e5]).double(), torch.tensor([1.0, 0.5, 0.01, 2.0]).double()
    together = quantiles_of_counts(means, dispersions, PROBABILITIES)
    assert not together[0].any()
    for row, (mean, dispersion) in enumerate(zip(means.tolist(), dispersions.tolist(), strict=True)):
        assert together[row].tolist() == quantiles_of(mean, dispersion)


def test_quantiles_are_in_order_on_both_sides_of_where_summing_ends() -> None:
    means = torch.linspace(60, 260, 400).double()
    for dispersion in (1e-6, 0.05, 1.0):
        quantiles = quantiles_of_counts(means, torch.full_like(means, dispersion), PROBABILITIES)
        assert (quantiles.diff(dim=1) >= 0).all()
        assert (quantiles.diff(dim=0) >= 0).all()


@pytest.mark.parametrize("count", [0, 1, 17, 900])
@pytest.mark.parametrize("scale", [0.5, 4.0, 400.0])
def test_the_loss_is_the_negative_log_likelihood(count: int, scale: float) -> None:
    raw = torch.tensor([[[0.5, -1.0]]])
    mean = scale * math.log1p(math.exp(0.5))
    alpha = math.log1p(math.exp(-1)) / math.sqrt(scale) + MIN_DISPERSION
    # Salinas et al. 2020, sec. 3.1
    expected = math.lgamma(count + 1 / alpha) - math.lgamma(count + 1) - math.lgamma(1 / alpha)
    expected += -math.log1p(alpha * mean) / alpha + count * math.log(alpha * mean / (1 + alpha * mean))
    loss = NegativeBinomial(PROBABILITIES).loss(raw, torch.tensor([[float(count)]]), scaled_by(0.0, scale))
    assert loss.item() == pytest.approx(-expected, rel=1e-5)


def test_a_mean_near_zero_still_learns_from_what_comes_after_all() -> None:
    raw = torch.tensor([[[-80.0, 0.0]]], requires_grad=True)
    NegativeBinomial(PROBABILITIES).loss(raw, torch.tensor([[5.0]]), scaled_by(0.0, 1.0)).sum().backward()
    assert raw.grad[0, 0, 0].item() == pytest.approx(-5, rel=1e-3)


def test_the_point_forecast_is_the_expectation() -> None:
    head, raw = NegativeBinomial(PROBABILITIES), torch.tensor([[[1.0, 0.0]]])
    assert head.point == "expectation"
    mean = 3 * math.log1p(math.e)
    assert head.mean(raw, scaled_by(0.0, 3.0)).item() == pytest.approx(mean)
    torch.manual_seed(0)
    samples = head.sample(raw.expand(1, 40_000, 2), scaled_by(0.0, 3.0), torch.rand(1, 40_000))
    assert samples.mean().item() == pytest.approx(mean, abs=0.1)
    assert torch.equal(samples, samples.round())
    variance = mean + (math.log(2) / math.sqrt(3) + MIN_DISPERSION) * mean**2
    assert samples.var().item() == pytest.approx(variance, rel=0.05)


def test_learning_finds_the_distribution_that_was_drawn_from() -> None:
    head, scaled = NegativeBinomial(PROBABILITIES), scaled_by(0.0, 10.0)
    truth = torch.tensor([[[1.5, 0.5]]])
    torch.manual_seed(0)
    target = head.sample(truth.expand(1, 4000, 2), scaled, torch.rand(1, 4000))
    raw = torch.zeros(1, 1, 2, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        head.loss(raw.expand(1, 4000, 2), target, scaled).mean().backward()
        optimizer.step()
    torch.testing.assert_close(raw.detach(), truth, rtol=0, atol=0.1)
