"""Quantiles that cannot cross, and the pinball loss."""

import math
from statistics import NormalDist

import pytest
import torch

from forecaster.forecast import PROBABILITIES
from forecaster.network.heads.quantile import Quantile
from tests.network.heads.scaled import scaled_by

NAN = math.nan


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3, 1e9, 1e30])
@pytest.mark.parametrize("level", [0.0, 1e6])
def test_quantiles_never_cross(size: float, level: float) -> None:
    raw = torch.randn(200, 5, 15, generator=torch.Generator().manual_seed(0)) * size + level
    quantiles = Quantile(PROBABILITIES)(raw)
    assert quantiles.isfinite().all()
    assert (quantiles.diff(dim=2) >= 0).all()


def test_quantiles_stay_in_order_when_every_gap_rounds_to_nothing() -> None:
    raw = torch.full((1, 1, 15), -1e4)
    quantiles = Quantile(PROBABILITIES)(raw)
    assert torch.equal(quantiles, raw)  # softplus(-1e4) = 0: all lie on the median


def test_zero_raw_outputs_mean_a_standard_normal() -> None:
    quantiles = Quantile(PROBABILITIES)(torch.zeros(1, 1, 15))
    assert quantiles[0, 0].tolist() == pytest.approx([NormalDist().inv_cdf(p) for p in PROBABILITIES], abs=1e-5)


def test_gaps_are_counted_outward_from_the_median() -> None:
    head = Quantile((0.1, 0.3, 0.5, 0.9))
    start = head(torch.zeros(1, 1, 4))[0, 0]
    # raw order: median, median to 0.9, median to 0.3, 0.3 to 0.1
    moved = {i: head(torch.eye(4)[i].view(1, 1, 4))[0, 0] - start for i in range(4)}
    assert [is_moved.tolist() for is_moved in (value.abs() > 1e-6 for value in moved.values())] == [
        [True, True, True, True],
        [False, False, False, True],
        [True, True, False, False],
        [True, False, False, False],
    ]
    assert moved[0].tolist() == pytest.approx([1, 1, 1, 1])


def test_the_point_forecast_is_the_median() -> None:
    head, raw, scaled = Quantile(PROBABILITIES), torch.randn(2, 3, 15), scaled_by(3.0, 2.0, rows=2)
    assert head.point == "median"
    assert torch.equal(head.mean(raw, scaled), head.quantiles(raw, scaled)[:, :, PROBABILITIES.index(0.5)])


def test_quantiles_are_brought_back_to_the_units_of_the_data() -> None:
    quantiles = Quantile(PROBABILITIES).quantiles(torch.zeros(1, 1, 15), scaled_by(100.0, 20.0))
    assert quantiles[0, 0].tolist() == pytest.approx([NormalDist(100, 20).inv_cdf(p) for p in PROBABILITIES], abs=1e-3)


def test_the_pinball_loss_worked_by_hand() -> None:
    head = Quantile((0.1, 0.5, 0.9))
    raw = torch.zeros(1, 2, 3)
    q = NormalDist().inv_cdf(0.9)  # 1.281552: the quantiles are -q, 0, q at both steps
    # target 1:  0.1 (1 + q) + 0.5 * 1 + 0.1 (q - 1) = 0.2 q + 0.5           = 0.756310
    # target -2: 0.9 (2 - q) + 0.5 * 2 + 0.1 (q + 2) = 1.8 - 0.8 q + 1 + 0.2 = 1.974759
    loss = head.loss(raw, torch.tensor([[1.0, -2.0]]), scaled_by(0.0, 1.0))
    assert loss[0].tolist() == pytest.approx([0.756310 / 3, 1.974759 / 3], abs=1e-6)
    loss = head.loss(raw, torch.tensor([[130.0, NAN]]), scaled_by(100.0, 30.0))  # scaled: 1, unknown
    assert loss[0].tolist() == pytest.approx([(0.2 * q + 0.5) / 3, 0], abs=1e-6)


def test_the_pinball_loss_is_the_plain_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    head, raw = Quantile(PROBABILITIES), torch.randn(4, 5, 15, generator=generator)
    target = torch.randn(4, 5, generator=generator)
    target[1, 2:] = NAN
    target[3] = NAN
    quantiles, loss = head(raw), head.loss(raw, target, scaled_by(0.0, 1.0, rows=4))
    for window in range(4):
        for step in range(5):
            terms = [0.0]
            for number, p in enumerate(PROBABILITIES):
                error = (target[window, step] - quantiles[window, step, number]).item()
                terms.append(0.0 if math.isnan(error) else max(p * error, (p - 1) * error))
            assert loss[window, step].item() == pytest.approx(sum(terms) / 15, rel=1e-5)


def test_unknown_targets_take_no_part_in_the_gradient() -> None:
    raw = torch.randn(2, 3, 15, requires_grad=True)
    target = torch.tensor([[0.5, NAN, -1.0], [NAN, NAN, NAN]])
    Quantile(PROBABILITIES).loss(raw, target, scaled_by(0.0, 1.0, rows=2)).sum().backward()
    assert raw.grad.isfinite().all()
    assert (raw.grad != 0).any(dim=2).tolist() == [[True, False, True], [False, False, False]]


def test_the_loss_is_least_at_the_quantiles_of_what_came() -> None:
    head = Quantile((0.1, 0.5, 0.9))
    sample = torch.linspace(-3, 5, 801)
    raw = torch.zeros(1, 1, 3, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        head.loss(raw.expand(1, 801, 3), sample[None], scaled_by(0.0, 1.0)).mean().backward()
        optimizer.step()
    assert head(raw)[0, 0].tolist() == pytest.approx([-2.2, 1.0, 4.2], abs=0.1)


def test_a_head_adds_nothing_to_what_is_saved() -> None:
    assert not Quantile(PROBABILITIES).state_dict()
