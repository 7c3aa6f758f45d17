"""Local normalisation: there, back, and at every level a float32 can hold."""

import math
import statistics

import pytest
import torch
from torch import Tensor

from forecaster.network.scale import FLOOR, Scale

NAN = math.nan
every_kind = pytest.mark.parametrize("kind", ["last", "mean", "none"])
local_kind = pytest.mark.parametrize("kind", ["last", "mean"])


def batch(*windows: list[float]) -> Tensor:
    return torch.tensor(windows)


def noise(rows: int = 4, steps: int = 60) -> Tensor:
    """[rows, steps] standard normal, a tenth of it missing."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(rows, steps, generator=generator)
    return values.where(torch.rand(rows, steps, generator=generator) > 0.1, torch.nan)


def test_last_subtracts_the_last_observed_value_and_divides_by_the_standard_deviation() -> None:
    scaled = Scale("last")(batch([1.0, NAN, 5.0, 3.0, NAN]), torch.tensor([1.0]))
    std = statistics.pstdev([1, 5, 3])
    assert scaled.location.item() == 3
    assert scaled.scale.item() == pytest.approx(std)
    assert scaled.values[0].tolist() == pytest.approx([-2 / std, 0, 2 / std, 0, 0])
    assert scaled.mask[0].tolist() == [1, 0, 1, 1, 0]


def test_mean_subtracts_the_mean_of_the_observed_values() -> None:
    scaled = Scale("mean")(batch([1.0, NAN, 5.0, 6.0]), torch.tensor([1.0]))
    std = statistics.pstdev([1, 5, 6])
    assert scaled.location.item() == pytest.approx(4)
    assert scaled.scale.item() == pytest.approx(std)
    assert scaled.values[0].tolist() == pytest.approx([-3 / std, 0, 1 / std, 2 / std])


def test_none_leaves_the_values_as_they_are() -> None:
    scaled = Scale("none")(batch([1.0, NAN, 5.0]), torch.tensor([7.0]))
    assert scaled.values.tolist() == [[1, 0, 5]]
    assert (scaled.location.item(), scaled.scale.item()) == (0, 1)


@every_kind
def test_the_inverse_gives_back_what_was_scaled(kind: str) -> None:
    values = noise() * 3 + 20
    scaled = Scale(kind)(values, torch.ones(4))
    observed = ~values.isnan()
    torch.testing.assert_close(scaled.inverse(scaled.values)[observed], values[observed])
    target = torch.randn(4, 6) * 3 + 20
    torch.testing.assert_close(scaled.inverse(scaled.forward(target)), target)


@every_kind
def test_quantiles_come_back_like_single_values_and_in_order(kind: str) -> None:
    scaled = Scale(kind)(noise() * 1e-3 + 1e4, torch.ones(4))
    quantiles = torch.randn(4, 6, 15).sort(dim=2).values
    data = scaled.inverse(quantiles)
    assert data.shape == (4, 6, 15)
    assert torch.equal(data[:, :, 3], scaled.inverse(quantiles[:, :, 3]))
    assert (data.diff(dim=2) >= 0).all()


@local_kind
@pytest.mark.parametrize("factor", [2.0**20, 2.0**-10, -4.0])
def test_a_factor_moves_into_the_scale_and_changes_nothing_else(kind: str, factor: float) -> None:
    values, spread = noise(), torch.full((4,), 0.8)
    scaled = Scale(kind)(values, spread)
    multiplied = Scale(kind)(values * factor, spread * abs(factor))
    assert torch.equal(multiplied.values, scaled.values * math.copysign(1, factor))  # powers of two round alike
    assert torch.equal(multiplied.scale, scaled.scale * abs(factor))


@local_kind
def test_a_shift_moves_into_the_location_and_changes_nothing_else(kind: str) -> None:
    values, spread = (noise() * 64).round(), torch.ones(4)  # whole numbers: the shift itself rounds nothing
    scaled, shifted = Scale(kind)(values, spread), Scale(kind)(values + 4096, spread)
    torch.testing.assert_close(shifted.values, scaled.values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(shifted.location, scaled.location + 4096)


@local_kind
@pytest.mark.parametrize(("level", "size"), [(0, 1), (1e6, 1), (1e9, 1e4), (1e-3, 1e-6), (0, 1e-38), (0, 1e36)])
def test_the_scale_is_right_at_any_level(kind: str, level: float, size: float) -> None:
    values = noise() * size + level
    scaled = Scale(kind)(values, torch.zeros(4))
    exact = values.double()
    expected = torch.stack([row[~row.isnan()].std(correction=0) for row in exact])
    torch.testing.assert_close(scaled.scale.double(), expected, rtol=1e-4, atol=0)
    assert scaled.values.isfinite().all()
    assert scaled.values.abs().max() < 10


@local_kind
@pytest.mark.parametrize("level", [0.0, 0.1, -1e6, 1e9])
def test_a_constant_series_comes_back_as_its_constant_whatever_is_said_of_it(kind: str, level: float) -> None:
    constant = torch.full((1, 50), level)
    constant[0, 10:20] = torch.nan
    scaled = Scale(kind)(constant, torch.zeros(1))
    assert not scaled.values.any()
    assert torch.equal(scaled.inverse(torch.randn(1, 8)), torch.full((1, 8), level))
    assert scaled.forward(torch.full((1, 8), level)).isnan().all()  # nothing to learn


@local_kind
def test_a_flat_stretch_of_a_lively_series_is_not_blown_up(kind: str) -> None:
    flat = batch([5.0, 5.0, 5.0, 5.0])
    scaled = Scale(kind)(flat, torch.tensor([10.0]))
    assert scaled.scale.item() == pytest.approx(FLOOR * 10)
    assert not scaled.values.any()


@local_kind
def test_one_observed_value_gives_the_location_and_the_history_gives_the_scale(kind: str) -> None:
    scaled = Scale(kind)(batch([NAN, 7.0, NAN]), torch.tensor([2.0]))
    assert (scaled.location.item(), scaled.scale.item()) == (7, 2)
    assert scaled.values.tolist() == [[0, 0, 0]]
    assert scaled.mask.tolist() == [[0, 1, 0]]


@every_kind
@pytest.mark.parametrize("spread", [0.0, 3.0])
def test_a_window_with_nothing_observed_is_finite(kind: str, spread: float) -> None:
    scaled = Scale(kind)(batch([NAN, NAN]), torch.tensor([spread]))
    assert scaled.location.item() == 0
    assert scaled.scale.item() == (1 if kind == "none" else 0)
    assert kind == "none" or scaled.forward(batch([1.0])).isnan().all()  # there is nothing to learn from it
    assert not scaled.values.any()
    assert not scaled.mask.any()
    assert scaled.inverse(torch.randn(1, 4)).isfinite().all()


@every_kind
def test_unknown_targets_stay_unknown(kind: str) -> None:
    scaled = Scale(kind)(noise(rows=1), torch.ones(1))
    assert scaled.forward(batch([1.0, NAN])).isnan().tolist() == [[False, True]]


@every_kind
def test_missing_steps_before_a_window_change_nothing(kind: str) -> None:
    values = noise()
    padded = torch.cat((torch.full((4, 30), torch.nan), values), dim=1)
    short, long = Scale(kind)(values, torch.ones(4)), Scale(kind)(padded, torch.ones(4))
    torch.testing.assert_close(long.values[:, 30:], short.values)
    torch.testing.assert_close((long.location, long.scale), (short.location, short.scale))
