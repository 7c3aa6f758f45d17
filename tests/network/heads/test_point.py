"""Point losses, and quantiles from residuals."""

import math

import pytest
import torch

from forecaster.forecast import PROBABILITIES
from forecaster.network.heads.point import MIN_RESIDUALS, Point
from tests.network.heads.scaled import scaled_by

NAN = math.nan


def head_of(loss: str = "mae", *, horizon: int = 2, delta: float = 1.0) -> Point:
    return Point(loss, horizon=horizon, probabilities=PROBABILITIES, delta=delta)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("mse", [9.0, 0.25]), ("mae", [3.0, 0.5]), ("huber", [2 * (3 - 1), 0.125])],  # delta (|e| - delta / 2), e^2 / 2
)
def test_losses_worked_by_hand(loss: str, expected: list[float]) -> None:
    raw, target = torch.tensor([[[1.0], [1.0]]]), torch.tensor([[140.0, 115.0]])  # scaled: 4, 1.5
    assert head_of(loss, delta=2.0).loss(raw, target, scaled_by(100.0, 10.0))[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("loss", "point", "expected"),
    [("mse", "mean", 0.3 * 10), ("mae", "median", 0.0), ("huber", "huber", 0.3 / 0.7)],
)
def test_the_loss_is_least_where_its_name_says(loss: str, point: str, expected: float) -> None:
    """Seven zeros and three tens; Huber: 7 x pulls back as 3 pull on, a delta of 1 each."""
    head = head_of(loss, horizon=10)
    target = torch.tensor([[0.0] * 7 + [10.0] * 3])
    raw = torch.ones(1, 1, 1, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.05)
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 400)
        optimizer.zero_grad()
        head.loss(raw.expand(1, 10, 1), target, scaled_by(0.0, 1.0)).mean().backward()
        optimizer.step()
    assert head.point == point
    assert raw.item() == pytest.approx(expected, abs=0.01)


def test_all_quantiles_lie_on_the_point_until_residuals_are_learnt() -> None:
    head, raw, scaled = head_of(), torch.randn(3, 2, 1), scaled_by(5.0, 2.0, rows=3)
    assert torch.equal(head.quantiles(raw, scaled), head.mean(raw, scaled)[..., None].expand(-1, -1, 15))


def test_residuals_are_learnt_step_by_step_in_scaled_units() -> None:
    head, scaled = head_of(), scaled_by(100.0, 10.0, rows=199)
    raw = torch.linspace(-1, 1, 199)[:, None, None].expand(-1, 2, -1)
    errors = torch.linspace(-0.99, 0.99, 199)[torch.randperm(199, generator=torch.Generator().manual_seed(0))]
    errors = torch.stack([errors, 5 + 3 * errors], dim=1)  # [M, H]; k / 200 falls below the k-th
    head.learn_residuals(raw, 100 + 10 * (raw[..., 0] + errors), scaled)
    expected = [2 * p - 1 for p in PROBABILITIES]
    assert head.residuals[0].tolist() == pytest.approx(expected, abs=1e-3)
    assert head.residuals[1].tolist() == pytest.approx([5 + 3 * value for value in expected], abs=1e-3)
    quantiles = head.quantiles(torch.ones(1, 2, 1), scaled_by(0.0, 2.0))
    assert quantiles[0, 0].tolist() == pytest.approx([2 * (1 + value) for value in expected], abs=1e-2)
    assert head.mean(torch.ones(1, 2, 1), scaled_by(0.0, 2.0)).tolist() == [[2.0, 2.0]]


def test_unknown_residuals_are_left_out_and_a_step_with_few_borrows_from_all() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(60, 3, generator=generator)
    target[MIN_RESIDUALS:, 0] = NAN
    target[MIN_RESIDUALS - 1 :, 1] = NAN
    head, raw, scaled = head_of(horizon=3), torch.zeros(60, 3, 1), scaled_by(0.0, 1.0, rows=60)
    head.learn_residuals(raw, target, scaled)
    pooled = sorted(value for value in target.flatten().tolist() if not math.isnan(value))
    for step, sample in enumerate([sorted(target[:MIN_RESIDUALS, 0].tolist()), pooled, sorted(target[:, 2].tolist())]):
        for number, p in enumerate(PROBABILITIES):
            place = min(max(p * (len(sample) + 1) - 1, 0), len(sample) - 1)
            low, high = sample[math.floor(place)], sample[min(math.floor(place) + 1, len(sample) - 1)]
            expected = low + (place - math.floor(place)) * (high - low)
            assert head.residuals[step, number].item() == pytest.approx(expected, abs=1e-5)


def test_with_few_or_no_residuals_the_quantiles_are_still_finite() -> None:
    head, raw, scaled = head_of(), torch.zeros(1, 2, 1), scaled_by(0.0, 1.0)
    head.learn_residuals(raw, torch.full((1, 2), NAN), scaled)
    assert not head.residuals.any()
    head.learn_residuals(raw, torch.tensor([[NAN, 3.0]]), scaled)
    assert (head.residuals == 3).all()


def test_what_is_learnt_covers_what_comes_as_often_as_it_says() -> None:
    head, generator = head_of(horizon=1), torch.Generator().manual_seed(0)
    covered = []
    for _ in range(300):
        sample = torch.randn(25, 1, generator=generator)
        head.learn_residuals(torch.zeros(25, 1, 1), sample, scaled_by(0.0, 1.0, rows=25))
        new = torch.randn(100, generator=generator)[:, None]
        covered.append(((head.residuals[0, 2] <= new) & (new <= head.residuals[0, -3])).double().mean())
    assert torch.stack(covered).mean().item() == pytest.approx(0.8, abs=0.01)


def test_residuals_are_saved_with_the_weights() -> None:
    head, other = head_of(), head_of()
    head.learn_residuals(torch.zeros(30, 2, 1), torch.randn(30, 2), scaled_by(0.0, 1.0, rows=30))
    other.load_state_dict(head.state_dict())
    assert other.residuals.any()
    assert torch.equal(other.residuals, head.residuals)
