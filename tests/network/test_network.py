"""The five parts in a row."""

import math
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from forecaster.config import Config, ScaleKind
from forecaster.config.network import HeadConfig
from forecaster.forecast import PROBABILITIES
from forecaster.network.build import Dimensions, build
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from tests.network.windows import windows_of

CONTEXT, HORIZON = 24, 5
MEMBERS: dict[str, dict[str, Any]] = {
    "rnn": {"kind": "rnn"},
    "rnn relu": {"kind": "rnn", "activation": "relu"},
    "lstm": {"kind": "lstm"},
    "gru": {"kind": "gru"},
    "two-layer lstm": {"kind": "lstm", "layers": 2},
    "bidirectional gru": {"kind": "gru", "layers": 2, "bidirectional": True},
    "mingru": {"kind": "mingru"},
    "minlstm": {"kind": "minlstm"},
    "slstm": {"kind": "slstm"},
    "deep slstm": {"kind": "slstm", "layers": 3, "residual": True, "normalise": True, "dilation": [1, 2, 3]},
}

every_member = pytest.mark.parametrize("name", MEMBERS)
every_width = pytest.mark.parametrize("width", [1, 6])


def network_of(
    name: str = "gru",
    *,
    width: int = 1,
    seed: int = 0,
    dropout: float = 0.0,
    dimensions: Dimensions | None = None,
    **sections: Any,
) -> Network:
    torch.manual_seed(seed)
    model = {"hidden": 8, "context": CONTEXT, "dropout": dropout, **MEMBERS[name]}
    config = Config.model_validate({"model": model, **sections, "embed": {"width": width, **sections.get("embed", {})}})
    return build(config, dimensions or Dimensions(horizon=HORIZON), probabilities=PROBABILITIES)


def windows(rows: int = 4, steps: int = CONTEXT + HORIZON) -> Tensor:
    """[rows, steps] random walks at level 10."""
    return 10 + torch.randn(rows, steps, generator=torch.Generator().manual_seed(3)).cumsum(1)


def context(rows: int = 4) -> Tensor:
    return windows(rows)[:, :CONTEXT]


@every_width
@every_member
def test_a_forecast_has_every_step_and_quantile_in_order(name: str, width: int) -> None:
    quantiles = network_of(name, width=width)(windows_of(context())).quantiles
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
    network.loss(windows_of(values[:, :CONTEXT], values[:, CONTEXT:])).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@every_member
def test_the_loss_is_the_pinball_loss_in_scaled_units(name: str) -> None:
    network, values, spread = network_of(name), windows(), torch.ones(4)
    batch = windows_of(values[:, :CONTEXT], values[:, CONTEXT:], spread=spread)
    scaled = network.scale(values[:, :CONTEXT], spread)
    quantiles = scaled.forward(network(batch).quantiles.flatten(1)).view(4, HORIZON, 15)
    errors = scaled.forward(values[:, CONTEXT:])[..., None] - quantiles
    probabilities = torch.tensor(PROBABILITIES)
    expected = torch.maximum(probabilities * errors, (probabilities - 1) * errors).mean()
    torch.testing.assert_close(network.loss(batch), expected)


@every_width
@every_member
@pytest.mark.parametrize("kind", ["last", "mean"])
@pytest.mark.parametrize("factor", [1e6, 1e-3])
def test_scaling_the_data_scales_the_forecast(name: str, width: int, kind: str, factor: float) -> None:
    network, spread = network_of(name, width=width, scale={"kind": kind}), torch.ones(4)
    expected = network(windows_of(context(), spread=spread)).quantiles * factor
    torch.testing.assert_close(
        network(windows_of(context() * factor, spread=spread * factor)).quantiles,
        expected,
        rtol=1e-5,
        atol=1e-5 * factor,
    )


@every_width
@every_member
@pytest.mark.parametrize("kind", ["last", "mean"])
def test_shifting_the_data_shifts_the_forecast(name: str, width: int, kind: str) -> None:
    network, spread = network_of(name, width=width, scale={"kind": kind}), torch.ones(4)
    values = (context() * 64).round() / 64  # the shift itself rounds nothing
    shifted = network(windows_of(values + 1024, spread=spread)).quantiles - 1024
    torch.testing.assert_close(shifted, network(windows_of(values, spread=spread)).quantiles, rtol=0, atol=2e-3)


@every_member
def test_windows_do_not_see_each_other(name: str) -> None:
    network, spread = network_of(name).eval(), torch.ones(4)
    torch.testing.assert_close(
        network(windows_of(context()[2:3], spread=spread[2:3])).quantiles,
        network(windows_of(context(), spread=spread)).quantiles[2:3],
    )


@every_member
@pytest.mark.parametrize("kind", ["last", "mean"])
def test_a_constant_series_forecasts_its_constant(name: str, kind: str) -> None:
    network = network_of(name, scale={"kind": kind})
    for level in (0.0, 0.1, 1e6, -1e-3):
        quantiles = network(windows_of(torch.full((1, CONTEXT), level), spread=torch.zeros(1))).quantiles
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
    assert network(windows_of(values[:, :CONTEXT], spread=spread)).quantiles.isfinite().all()
    loss = network.loss(windows_of(values[:, :CONTEXT], values[:, CONTEXT:], spread=spread))
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
    assert not torch.allclose(
        network(windows_of(with_gap, spread=spread)).quantiles, network(windows_of(filled, spread=spread)).quantiles
    )


@every_member
def test_the_padding_of_a_short_series_has_no_part_in_its_level_and_scale(name: str) -> None:
    network, spread = network_of(name), torch.ones(4)
    short = context()
    short[:, :18] = math.nan
    quantiles = network(windows_of(short, spread=spread)).quantiles
    assert quantiles.isfinite().all()
    torch.testing.assert_close(network(windows_of(short * 2**20, spread=spread * 2**20)).quantiles, quantiles * 2**20)
    location, scale = network.scale(short, spread).location, network.scale(short, spread).scale
    torch.testing.assert_close((location, scale), (short[:, -1:], short[:, 18:].std(dim=1, correction=0)))


def test_segments_fill_up_with_missing_values_by_themselves() -> None:
    network, spread = network_of(width=6), torch.ones(4)
    short = context()
    short[:, :3] = math.nan
    torch.testing.assert_close(
        network(windows_of(short[:, 3:], spread=spread)).quantiles, network(windows_of(short, spread=spread)).quantiles
    )


@every_member
def test_dropout_acts_in_training_alone(name: str) -> None:
    network, spread = network_of(name, dropout=0.5), torch.ones(4)
    assert not torch.equal(
        network(windows_of(context(), spread=spread)).quantiles, network(windows_of(context(), spread=spread)).quantiles
    )
    network.eval()
    assert torch.equal(
        network(windows_of(context(), spread=spread)).quantiles, network(windows_of(context(), spread=spread)).quantiles
    )
    assert torch.equal(
        network(windows_of(context(), spread=spread)).quantiles,
        network_of(name)(windows_of(context(), spread=spread)).quantiles,
    )


@every_member
def test_the_same_seed_builds_the_same_network_to_the_bit(name: str) -> None:
    spread = torch.ones(4)
    assert torch.equal(
        network_of(name)(windows_of(context(), spread=spread)).quantiles,
        network_of(name)(windows_of(context(), spread=spread)).quantiles,
    )
    assert not torch.equal(
        network_of(name)(windows_of(context(), spread=spread)).quantiles,
        network_of(name, seed=1)(windows_of(context(), spread=spread)).quantiles,
    )


@every_width
def test_truncation_acts_in_training_alone_and_never_on_the_value(width: int) -> None:
    values = windows()
    batch = windows_of(values[:, :CONTEXT], values[:, CONTEXT:])
    networks = [network_of(width=width), network_of(width=width, training={"truncate": 2})]

    def gradient(network: Network) -> Tensor:
        network.zero_grad()
        network.loss(batch).backward()
        return torch.cat([parameter.grad.flatten() for parameter in network.recur.parameters()])

    torch.testing.assert_close(networks[0].loss(batch), networks[1].loss(batch))
    assert not torch.allclose(gradient(networks[0]), gradient(networks[1]))
    for network in networks:
        network.eval()
    torch.testing.assert_close(gradient(networks[0]), gradient(networks[1]))


def test_saved_weights_give_the_same_forecast_to_the_bit() -> None:
    network, other = network_of("two-layer lstm", width=6), network_of("two-layer lstm", width=6, seed=1)
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(windows_of(context())).quantiles, other(windows_of(context())).quantiles)


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
        network.loss(windows_of(lines[:, :CONTEXT], lines[:, CONTEXT:])).backward()
        optimizer.step()
    network.eval()
    line = 1e5 + 300.0 * steps[None]
    median = network(windows_of(line[:, :CONTEXT])).quantiles[:, :, PROBABILITIES.index(0.5)]
    torch.testing.assert_close(median, line[:, CONTEXT:], rtol=0, atol=300.0)


@pytest.mark.parametrize("kind", ["point", "quantile", "student_t", "negative_binomial"])
def test_a_network_learns_under_every_head(kind: str) -> None:
    torch.manual_seed(0)
    head: HeadConfig = TypeAdapter(HeadConfig).validate_python({"kind": kind})
    model = {"kind": "gru", "hidden": 8, "context": CONTEXT}
    config = Config.model_validate({"model": model, "embed": {"width": 6}}).model_copy(update={"head": head})
    network = build(config, Dimensions(horizon=HORIZON), probabilities=PROBABILITIES)
    assert type(network.head).__name__.lower() == kind.replace("_", "")
    values = windows(64)
    batch = windows_of(values[:, :CONTEXT], values[:, CONTEXT:])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(network.loss(batch))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    quantiles = network(batch).quantiles
    assert quantiles.isfinite().all()
    assert (quantiles.diff(dim=2) >= 0).all()


WITH = Dimensions(horizon=HORIZON, season=6, series=3, past=1, known=2, static=1)
TOGETHER = [(decode, head) for decode in ("direct", "parallel") for head in ("point", "quantile", "student_t")] + [
    (decode, "negative_binomial") for decode in ("direct", "parallel", "recursive")
]
TOGETHER += [("recursive", "quantile"), ("recursive", "student_t")]
SCALES = [(kind, False) for kind in get_args(ScaleKind)]
SCALES += [(kind, True) for kind in get_args(ScaleKind) if kind != "mean_abs"]


def rich_batch(rows: int = 64) -> Inputs:
    """Positive random walks of three series and one unseen, with gaps, and covariates of every kind."""
    generator = torch.Generator().manual_seed(4)
    values = windows(rows).abs() + 0.1
    values[1, 3:9] = values[2, -2:] = math.nan
    return windows_of(
        values[:, :CONTEXT],
        values[:, CONTEXT:],
        past=torch.randn(rows, CONTEXT, 1, generator=generator),
        known=torch.randn(rows, CONTEXT + HORIZON, 2, generator=generator),
        static=torch.randn(rows, 1, generator=generator),
        series=torch.arange(rows) % 4,
        phase=torch.arange(rows) % 6,
    )


def rich_network(decode: str, head: str = "quantile", *, width: int = 6, **sections: Any) -> Network:
    scale = {"kind": "mean_abs" if head == "negative_binomial" else "last"}
    lags = {"lags": [width, 12]} if decode == "recursive" else {}
    tree = {
        "scale": scale,
        "decode": {"kind": decode, "skip": [6, 12], "paths": 20, **lags},
        "embed": {"identity": 3},
        "head": {"kind": head},
    }
    return network_of("two-layer lstm", width=width, dimensions=WITH, **(tree | sections))


@every_width
@pytest.mark.parametrize(("decode", "head"), TOGETHER)
def test_every_parameter_learns_under_every_decoder_and_head(decode: str, head: str, width: int) -> None:
    network, batch = rich_network(decode, head, width=width), rich_batch()
    network.loss(batch).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key
    mean, quantiles = network.eval()(batch)
    assert mean.isfinite().all()
    assert quantiles.isfinite().all()
    assert (quantiles.diff(dim=2) >= 0).all()


@pytest.mark.parametrize("decode", ["direct", "parallel"])
@pytest.mark.parametrize(("kind", "is_log"), SCALES)
def test_a_network_learns_under_every_scale(kind: str, is_log: bool, decode: str) -> None:
    network, batch = rich_network(decode, scale={"kind": kind, "log": is_log}), rich_batch()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        losses.append(network.loss(batch))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())
    assert all(part.isfinite().all() for part in network.eval()(batch))


@pytest.mark.parametrize("kind", ["last", "mean", "standard", "mean_abs", "instance"])
def test_a_recursive_network_learns_under_every_scale_it_goes_with(kind: str) -> None:
    network, batch = rich_network("recursive", "student_t", scale={"kind": kind}), rich_batch()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        losses.append(network.loss(batch))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    assert all(part.isfinite().all() for part in network.eval()(batch))


@pytest.mark.parametrize("is_log", [False, True])
def test_relative_weights_are_those_of_a_plain_loop(is_log: bool) -> None:
    """Each known step counts by its window's scale over the mean absolute value, or on a log scale by the scale."""
    batch = rich_batch(6)
    batch.context[3] = 1e-3 * torch.arange(1.0, CONTEXT + 1)
    batch.context[4] = torch.arange(CONTEXT) % 2 + 100.0
    batch.context[5] = math.nan
    if not is_log:
        batch.context[3, ::2] *= -1  # a mean near zero is no reason for a large weight
    scale = {"kind": "mean", "log": is_log}
    network, plain = (
        rich_network("parallel", scale=scale, training={"weigh": weigh}).eval() for weigh in ("relative", "evenly")
    )
    raw, target, scaled = plain.outputs(batch)
    losses = plain.head.loss(raw, target, scaled)
    top, total = 0.0, 0.0
    for row in range(6):
        known = [abs(value) for value in batch.context[row].tolist() if not math.isnan(value)]
        level = 1.0 if is_log or not known else sum(known) / len(known)
        weight = min(scaled.scale[row].item() / level, 3.0) if known else 0.0
        for step in range(HORIZON):
            if weight and not math.isnan(target[row, step]):
                top += weight * losses[row, step].item()
                total += weight
    assert network.loss(batch).item() == pytest.approx(top / total, rel=1e-4)
    assert network.loss(batch).item() != pytest.approx(plain.loss(batch).item(), rel=1e-3)


@pytest.mark.parametrize("decode", ["direct", "parallel", "recursive"])
def test_a_loss_without_a_known_target_is_zero(decode: str) -> None:
    batch = rich_batch(4)
    batch.target.fill_(math.nan)
    batch.context.fill_(math.nan)
    loss = rich_network(decode, "student_t").loss(batch)
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize("decode", ["direct", "parallel", "recursive"])
@pytest.mark.parametrize("part", ["past", "known", "static", "series"])
def test_every_kind_of_covariate_is_read(decode: str, part: str) -> None:
    network, batch = rich_network(decode, "student_t").eval(), rich_batch(8)
    other = replace(batch, **{part: torch.roll(getattr(batch, part), 1, 0)})
    forecasts = []
    for each in (batch, other):
        torch.manual_seed(0)
        forecasts.append(network(each).quantiles)
    assert not torch.allclose(*forecasts)


@pytest.mark.parametrize("decode", ["direct", "parallel", "recursive"])
def test_missing_covariates_leave_a_forecast_finite(decode: str) -> None:
    network, batch = rich_network(decode, "student_t").eval(), rich_batch(8)
    for part in (batch.past, batch.known, batch.static):
        part.fill_(math.nan)
    assert all(part.isfinite().all() for part in network(batch))


def test_the_skip_adds_past_seasons_to_the_location_alone() -> None:
    network, batch = rich_network("parallel", "student_t").eval(), rich_batch(8)
    raw, _, scaled = network.outputs(batch)
    skip, network.skip = network.skip, None
    without = network.outputs(batch)[0]
    assert skip is not None
    summary, _ = network.recur.summarise(_embedded(network, batch))
    torch.testing.assert_close(raw[..., 0], without[..., 0] + skip(scaled.values, scaled.mask, summary))
    assert torch.equal(raw[..., 1:], without[..., 1:])


def _embedded(network: Network, batch: Inputs) -> Tensor:
    scaled, covariates = network.outputs(batch)[2], network.covariates(batch)
    channels = (scaled.values[..., None], scaled.mask[..., None], covariates.past, covariates.known[:, :CONTEXT])
    embedded: Tensor = network.embed(torch.cat(channels, dim=2), covariates.static)
    return embedded
