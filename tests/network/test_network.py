"""The five parts in a row."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from forecaster.config import Config
from forecaster.errors import ConfigError
from forecaster.forecast import PROBABILITIES
from forecaster.network.network import Network, build

CONTEXT, HORIZON = 24, 5
MEMBERS: dict[str, dict[str, Any]] = {
    "rnn": {"kind": "rnn"},
    "rnn relu": {"kind": "rnn", "activation": "relu"},
    "lstm": {"kind": "lstm"},
    "gru": {"kind": "gru"},
    "two-layer lstm": {"kind": "lstm", "layers": 2},
    "bidirectional gru": {"kind": "gru", "layers": 2, "bidirectional": True},
}

every_member = pytest.mark.parametrize("name", MEMBERS)
every_width = pytest.mark.parametrize("width", [1, 6])


def network_of(name: str = "gru", *, width: int = 1, seed: int = 0, dropout: float = 0.0, **sections: Any) -> Network:
    torch.manual_seed(seed)
    config = Config.model_validate({"model": {"hidden": 8, "dropout": dropout, **MEMBERS[name]}, **sections})
    return build(config, context=CONTEXT, horizon=HORIZON, width=width, probabilities=PROBABILITIES)


def windows(rows: int = 4, steps: int = CONTEXT + HORIZON) -> Tensor:
    """[rows, steps] random walks at level 10."""
    return 10 + torch.randn(rows, steps, generator=torch.Generator().manual_seed(3)).cumsum(1)


def context(rows: int = 4) -> Tensor:
    return windows(rows)[:, :CONTEXT]


@every_width
@every_member
def test_a_forecast_has_every_step_and_quantile_in_order(name: str, width: int) -> None:
    quantiles = network_of(name, width=width)(context(), torch.ones(4))
    assert quantiles.shape == (4, HORIZON, 15)
    assert quantiles.isfinite().all()
    assert (quantiles.diff(dim=2) >= 0).all()


@every_width
@every_member
def test_every_parameter_learns(name: str, width: int) -> None:
    network = network_of(name, width=width, dropout=0.1)
    values = windows(64)
    values[:3, :10] = math.nan
    values[5, -2:] = math.nan
    network.loss(values[:, :CONTEXT], torch.ones(64), values[:, CONTEXT:]).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@every_member
def test_the_loss_is_the_pinball_loss_in_scaled_units(name: str) -> None:
    network, values, spread = network_of(name), windows(), torch.ones(4)
    scaled = network.scale(values[:, :CONTEXT], spread)
    quantiles = scaled.forward(network(values[:, :CONTEXT], spread).flatten(1)).view(4, HORIZON, 15)
    errors = scaled.forward(values[:, CONTEXT:])[..., None] - quantiles
    probabilities = torch.tensor(PROBABILITIES)
    expected = torch.maximum(probabilities * errors, (probabilities - 1) * errors).mean()
    torch.testing.assert_close(network.loss(values[:, :CONTEXT], spread, values[:, CONTEXT:]), expected)


@every_width
@every_member
@pytest.mark.parametrize("kind", ["last", "mean"])
@pytest.mark.parametrize("factor", [1e6, 1e-3])
def test_scaling_the_data_scales_the_forecast(name: str, width: int, kind: str, factor: float) -> None:
    network, spread = network_of(name, width=width, scale={"kind": kind}), torch.ones(4)
    expected = network(context(), spread) * factor
    torch.testing.assert_close(network(context() * factor, spread * factor), expected, rtol=1e-5, atol=1e-5 * factor)


@every_width
@every_member
@pytest.mark.parametrize("kind", ["last", "mean"])
def test_shifting_the_data_shifts_the_forecast(name: str, width: int, kind: str) -> None:
    network, spread = network_of(name, width=width, scale={"kind": kind}), torch.ones(4)
    values = (context() * 64).round() / 64  # the shift itself rounds nothing
    shifted = network(values + 1024, spread) - 1024
    torch.testing.assert_close(shifted, network(values, spread), rtol=0, atol=2e-3)


@every_member
def test_windows_do_not_see_each_other(name: str) -> None:
    network, spread = network_of(name).eval(), torch.ones(4)
    torch.testing.assert_close(network(context()[2:3], spread[2:3]), network(context(), spread)[2:3])


@every_member
@pytest.mark.parametrize("kind", ["last", "mean"])
def test_a_constant_series_forecasts_its_constant(name: str, kind: str) -> None:
    network = network_of(name, scale={"kind": kind})
    for level in (0.0, 0.1, 1e6, -1e-3):
        quantiles = network(torch.full((1, CONTEXT), level), torch.zeros(1))
        assert torch.equal(quantiles, torch.full((1, HORIZON, 15), level))


@every_width
@every_member
@pytest.mark.parametrize("kind", ["last", "mean", "none"])
def test_nothing_observed_and_gaps_and_any_level_give_finite_forecasts_and_losses(
    name: str, width: int, kind: str
) -> None:
    network = network_of(name, width=width, scale={"kind": kind})
    values = windows(8)
    values[0, :CONTEXT] = math.nan
    values[1, : CONTEXT - 1] = math.nan
    values[2, 5:15] = math.nan
    values[3, CONTEXT - 1 :] = math.nan
    if kind != "none":
        values[4] *= 1e30
        values[5] *= 1e-36
        values[6] += 1e9
    spread = torch.tensor([0.0, 1.0, 1.0, 1.0, 1e30, 1e-36, 0.0, 1.0])
    assert network(values[:, :CONTEXT], spread).isfinite().all()
    loss = network.loss(values[:, :CONTEXT], spread, values[:, CONTEXT:])
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@every_width
def test_a_gap_is_seen_as_a_gap_not_as_the_value_that_fills_it(width: int) -> None:
    network, values = network_of(width=width), context(1)
    with_gap = values.clone()
    with_gap[0, 12] = math.nan
    filled = values.clone()
    filled[0, 12] = values[0, -1]  # scaled to 0, as the gap is
    spread = torch.tensor([1e4])  # one and the same scale for both
    assert not torch.allclose(network(with_gap, spread), network(filled, spread))


@every_member
def test_the_padding_of_a_short_series_has_no_part_in_its_level_and_scale(name: str) -> None:
    network, spread = network_of(name), torch.ones(4)
    short = context()
    short[:, :18] = math.nan
    quantiles = network(short, spread)
    assert quantiles.isfinite().all()
    torch.testing.assert_close(network(short * 2**20, spread * 2**20), quantiles * 2**20)
    location, scale = network.scale(short, spread).location, network.scale(short, spread).scale
    torch.testing.assert_close((location, scale), (short[:, -1], short[:, 18:].std(dim=1, correction=0)))


def test_segments_fill_up_with_missing_values_by_themselves() -> None:
    network, spread = network_of(width=6), torch.ones(4)
    short = context()
    short[:, :3] = math.nan
    torch.testing.assert_close(network(short[:, 3:], spread), network(short, spread))


@every_member
def test_dropout_acts_in_training_alone(name: str) -> None:
    network, spread = network_of(name, dropout=0.5), torch.ones(4)
    assert not torch.equal(network(context(), spread), network(context(), spread))
    network.eval()
    assert torch.equal(network(context(), spread), network(context(), spread))
    assert torch.equal(network(context(), spread), network_of(name)(context(), spread))


@every_member
def test_the_same_seed_builds_the_same_network_to_the_bit(name: str) -> None:
    spread = torch.ones(4)
    assert torch.equal(network_of(name)(context(), spread), network_of(name)(context(), spread))
    assert not torch.equal(network_of(name)(context(), spread), network_of(name, seed=1)(context(), spread))


@every_width
def test_truncation_acts_in_training_alone_and_never_on_the_value(width: int) -> None:
    values, spread = windows(), torch.ones(4)
    batch = values[:, :CONTEXT], spread, values[:, CONTEXT:]
    networks = [network_of(width=width), network_of(width=width, training={"truncate": 2})]

    def gradient(network: Network) -> Tensor:
        network.zero_grad()
        network.loss(*batch).backward()
        return torch.cat([parameter.grad.flatten() for parameter in network.recur.parameters()])

    torch.testing.assert_close(networks[0].loss(*batch), networks[1].loss(*batch))
    assert not torch.allclose(gradient(networks[0]), gradient(networks[1]))
    for network in networks:
        network.eval()
    torch.testing.assert_close(gradient(networks[0]), gradient(networks[1]))


def test_saved_weights_give_the_same_forecast_to_the_bit() -> None:
    network, other = network_of("two-layer lstm", width=6), network_of("two-layer lstm", width=6, seed=1)
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(context(), torch.ones(4)), other(context(), torch.ones(4)))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_network_learns_that_a_line_goes_on(name: str) -> None:
    """Trained on lines of one range of levels and slopes, it continues lines far outside of it."""
    network = network_of(name)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(0)
    steps = torch.arange(CONTEXT + HORIZON)
    for _ in range(150):
        slopes = torch.randn(64, 1, generator=generator)
        lines = torch.randn(64, 1, generator=generator) + slopes * steps
        optimizer.zero_grad()
        network.loss(lines[:, :CONTEXT], torch.ones(64), lines[:, CONTEXT:]).backward()
        optimizer.step()
    network.eval()
    line = 1e5 + 300.0 * steps[None]
    median = network.head.point(network(line[:, :CONTEXT], torch.ones(1)))
    torch.testing.assert_close(median, line[:, CONTEXT:], rtol=0, atol=300.0)


def test_a_segment_longer_than_the_context_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"embed\.width: a segment of 25 steps is longer than the context of 24"):
        network_of(width=25)


def test_a_model_without_a_network_cannot_be_built() -> None:
    config = Config.model_validate({"model": {"kind": "naive"}})
    with pytest.raises(TypeError, match="naive"):
        build(config, context=CONTEXT, horizon=HORIZON, width=1, probabilities=PROBABILITIES)
