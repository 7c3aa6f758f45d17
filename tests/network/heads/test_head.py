"""Laws that hold for every head."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from forecaster.forecast import PROBABILITIES
from forecaster.network.heads.head import Head, draw
from forecaster.network.heads.negative_binomial import NegativeBinomial
from forecaster.network.heads.point import Point
from forecaster.network.heads.quantile import Quantile
from forecaster.network.heads.student_t import StudentT
from tests.network.heads.scaled import scaled_by

NAN = math.nan
HORIZON = 4


def learnt_point(loss: str) -> Point:
    """A point head that has seen normal residuals, wider at each step."""
    head = Point(loss, horizon=HORIZON, probabilities=PROBABILITIES)  # type: ignore[arg-type]
    errors = torch.randn(500, HORIZON, generator=torch.Generator().manual_seed(0)) * torch.arange(1, HORIZON + 1)
    head.learn_residuals(torch.zeros(500, HORIZON, 1), errors, scaled_by(0.0, 1.0, rows=500))
    return head


HEADS: dict[str, Callable[[], Head]] = {
    "mse": lambda: learnt_point("mse"),
    "mae": lambda: learnt_point("mae"),
    "huber": lambda: learnt_point("huber"),
    "quantile": lambda: Quantile(PROBABILITIES),
    "student_t": lambda: StudentT(PROBABILITIES),
    "negative_binomial": lambda: NegativeBinomial(PROBABILITIES),
}
COUNTS = ("negative_binomial",)  # they live under a scale without location
every_head = pytest.mark.parametrize("name", HEADS)


def location_of(name: str) -> float:
    return 0.0 if name in COUNTS else 100.0


def random_raw(head: Head, rows: int = 6, *, size: float = 1.0) -> Tensor:
    return torch.randn(rows, HORIZON, head.outputs, generator=torch.Generator().manual_seed(1)) * size


def wild_raws(head: Head) -> list[Tensor]:
    """Zeros, and every pattern of huge positive and negative raw outputs."""
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * min(head.outputs, 3)).view(-1, min(head.outputs, 3))
    rows = signs.repeat(1, -(-head.outputs // signs.shape[1]))[:, : head.outputs]
    return [torch.zeros(1, HORIZON, head.outputs), *(rows[:, None].repeat(1, HORIZON, 1) * size for size in (30, 1e4))]


@every_head
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_everything_is_finite_and_in_order_for_wild_raw_outputs(name: str, scale: float) -> None:
    head = HEADS[name]()
    for raw in wild_raws(head):
        scaled = scaled_by(location_of(name), scale, rows=len(raw))
        quantiles = head.quantiles(raw, scaled)
        assert quantiles.shape == (len(raw), HORIZON, 15)
        assert quantiles.isfinite().all()
        assert (quantiles.diff(dim=2) >= 0).all()
        uniform = torch.rand(len(raw), HORIZON).clamp(1e-7, 1 - 1e-7)
        for values in (head.mean(raw, scaled), head.sample(raw, scaled, uniform)):
            assert values.shape == (len(raw), HORIZON)
            assert values.isfinite().all()


@every_head
@pytest.mark.parametrize("count", [0.0, 3.0, 1e5])
def test_losses_and_gradients_are_finite_for_wild_raw_outputs(name: str, count: float) -> None:
    head = HEADS[name]()
    for raw in wild_raws(head):
        raw.requires_grad_()
        loss = head.loss(raw, torch.full(raw.shape[:2], count), scaled_by(location_of(name), 2.0, rows=len(raw)))
        loss.sum().backward()
        assert loss.isfinite().all()
        assert raw.grad.isfinite().all()


@every_head
def test_unknown_targets_have_no_loss_and_no_gradient(name: str) -> None:
    head = HEADS[name]()
    is_known = torch.tensor([[True, False, True, False], [False] * 4])
    target = torch.tensor(location_of(name) + 3.0).where(is_known, NAN)
    raws = [random_raw(head, 2), *(raw[:1].repeat(2, 1, 1) for raw in wild_raws(head))]
    for raw in raws:
        raw.requires_grad_()
        loss = head.loss(raw, target, scaled_by(location_of(name), 2.0, rows=2))
        loss.sum().backward()
        assert raw.grad.isfinite().all()
        assert (loss[~is_known] == 0).all()
        assert (raw.grad[~is_known] == 0).all()
    assert (raws[0].grad[is_known] != 0).any(-1).all()
    assert (head.loss(raws[0], target, scaled_by(location_of(name), 2.0, rows=2))[is_known] != 0).all()


@every_head
def test_a_series_that_never_moved_stays_where_it_is_and_teaches_nothing(name: str) -> None:
    head, level = HEADS[name](), location_of(name)
    scaled, raw = scaled_by(level, 0.0, rows=6), random_raw(head, size=10).requires_grad_()
    for values in (
        head.quantiles(raw, scaled),
        head.mean(raw, scaled),
        head.sample(raw, scaled, torch.rand(6, HORIZON)),
    ):
        assert (values == level).all()
    loss = head.loss(raw, torch.full((6, HORIZON), level + 1), scaled)
    loss.sum().backward()
    assert not loss.any()
    assert not raw.grad.any()


@every_head
def test_the_loss_falls_as_the_truth_comes_nearer(name: str) -> None:
    head, scaled = HEADS[name](), scaled_by(location_of(name), 40.0)
    raw = torch.full((1, HORIZON, head.outputs), 0.5)
    centre = head.quantiles(raw, scaled)[..., PROBABILITIES.index(0.5)]
    if isinstance(head, Point):
        centre = head.mean(raw, scaled)
    for side in (-1, 1) if name not in COUNTS else (1,):
        losses = torch.cat([head.loss(raw, centre + side * far, scaled) for far in (5.0, 50.0, 100.0, 500.0)])
        assert (losses.diff(dim=0) > 0).all()


@every_head
def test_samples_are_distributed_as_the_quantiles_say(name: str) -> None:
    head, draws = HEADS[name](), 20_000
    raw = random_raw(head, 1)
    torch.manual_seed(0)
    scaled = scaled_by(location_of(name), 50.0, rows=draws)
    samples = head.sample(raw.expand(draws, -1, -1), scaled, torch.rand(draws, HORIZON))  # [draws, H]
    quantiles = head.quantiles(raw, scaled_by(location_of(name), 50.0))[0]  # [H, Q]
    below = (samples[..., None] < quantiles).double().mean(0)  # [H, Q]
    up_to = (samples[..., None] <= quantiles).double().mean(0)
    probabilities = torch.tensor(PROBABILITIES).double()
    error = 4.5 * (probabilities * (1 - probabilities) / draws).sqrt()
    assert (below <= probabilities + error).all()
    assert (up_to >= probabilities - error).all()


@every_head
def test_samples_follow_the_numbers_given_and_nothing_touches_the_default_generator(name: str) -> None:
    head, scaled = HEADS[name](), scaled_by(location_of(name), 50.0, rows=6)
    raw, uniform = random_raw(head), torch.rand(6, HORIZON)
    before = torch.get_rng_state()
    first = head.sample(raw, scaled, uniform)
    quantiles = head.quantiles(raw, scaled)
    head.mean(raw, scaled)
    head.loss(raw, first, scaled)
    assert torch.equal(head.sample(raw, scaled, uniform), first)
    assert not torch.equal(head.sample(raw, scaled, 1 - uniform), first)
    assert torch.equal(head.quantiles(raw, scaled), quantiles)
    assert torch.equal(torch.get_rng_state(), before)


@every_head
def test_samples_rise_with_the_numbers_given(name: str) -> None:
    head, scaled = HEADS[name](), scaled_by(location_of(name), 50.0, rows=99)
    uniform = torch.linspace(0.005, 0.995, 99)[:, None].expand(-1, HORIZON)
    samples = head.sample(random_raw(head, 1).expand(99, -1, -1), scaled, uniform)
    assert (samples.diff(dim=0) >= 0).all()
    assert (samples[0] < samples[-1]).all()


@every_head
def test_windows_and_steps_do_not_see_each_other(name: str) -> None:
    head = HEADS[name]()
    raw, scaled = random_raw(head), scaled_by(location_of(name), 50.0, rows=6)
    quantiles = head.quantiles(raw, scaled)
    raw[2:, 1:] += 1
    changed = (head.quantiles(raw, scaled) != quantiles).any(-1)
    assert changed[2:, 1:].any()
    assert not changed[:2].any()
    assert not changed[:, 0].any()


def test_draws_run_straight_between_quantiles_and_one_gap_beyond() -> None:
    probabilities = torch.tensor(PROBABILITIES)
    quantiles = torch.linspace(0, 1, 15).square().repeat(50_000, 1, 1)
    torch.manual_seed(0)
    uniforms = torch.rand(50_000, 1)
    values = draw(quantiles, probabilities, uniforms)
    inner = quantiles[0, 0]
    for value, uniform in zip(values[:200, 0].tolist(), uniforms[:200, 0].tolist(), strict=True):
        right = next((i for i, p in enumerate(PROBABILITIES) if p >= uniform and i > 0), 14)
        share = (uniform - PROBABILITIES[right - 1]) / (PROBABILITIES[right] - PROBABILITIES[right - 1])
        assert value == pytest.approx((inner[right - 1] + share * (inner[right] - inner[right - 1])).item(), abs=1e-5)
    first_gap, last_gap = inner[1] - inner[0], inner[-1] - inner[-2]
    assert inner[0] - first_gap <= values.min() < inner[0]
    assert inner[-1] < values.max() <= inner[-1] + last_gap + 1e-6
