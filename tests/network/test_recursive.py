"""Forecasts that are fed back, against plain loops over segments."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from forecaster.config import Config
from forecaster.forecast import PROBABILITIES
from forecaster.network.build import Dimensions, build
from forecaster.network.inputs import Inputs
from forecaster.network.recursive import RecursiveNetwork
from forecaster.network.scale import Scaled
from tests.network.windows import windows_of

CONTEXT, HORIZON, ROWS = 12, 5, 3
PAST, KNOWN, STATIC = 1, 2, 1
WITHOUT = Dimensions(horizon=HORIZON)
WITH = Dimensions(horizon=HORIZON, past=PAST, known=KNOWN, static=STATIC)


def network_of(
    *, width: int = 1, lags: tuple[int, ...] = (), size: Dimensions = WITHOUT, context: int = CONTEXT, **sections: Any
) -> RecursiveNetwork:
    torch.manual_seed(0)
    tree = {
        "model": {"kind": "lstm", "hidden": 6, "layers": 2, "dropout": 0, "context": context},
        "scale": {"kind": "mean"},
        "embed": {"width": width},
        "head": {"kind": "student_t"},
        "decode": {"kind": "recursive", "lags": lags, "paths": 40},
    }
    config = Config.model_validate(tree | sections)
    network = build(config, size, probabilities=PROBABILITIES)
    assert isinstance(network, RecursiveNetwork)
    return network.eval()


def batch_of(horizon: int = HORIZON, *, with_covariates: bool = True) -> Inputs:
    """Random walks with gaps, and covariates."""
    generator = torch.Generator().manual_seed(3)
    values = 10 + torch.randn(ROWS, CONTEXT + horizon, generator=generator).cumsum(1)
    values[0, 4:6] = values[1, CONTEXT + 1 : CONTEXT + 2] = math.nan
    covariates = {
        "past": torch.randn(ROWS, CONTEXT, PAST, generator=generator),
        "known": torch.randn(ROWS, CONTEXT + horizon, KNOWN, generator=generator),
        "static": torch.randn(ROWS, STATIC, generator=generator),
    }
    return windows_of(values[:, :CONTEXT], values[:, CONTEXT:], **(covariates if with_covariates else {}))


@pytest.mark.parametrize(("width", "lags"), [(1, ()), (1, (1, 2, 7)), (3, (3, 4)), (4, (4, 30)), (6, (8,))])
def test_teacher_forcing_is_a_plain_loop_over_segments(width: int, lags: tuple[int, ...]) -> None:
    network, batch = network_of(width=width, lags=lags, size=WITH), batch_of()
    raw, truth, scaled = network.outputs(batch)
    covariates = network.covariates(batch)
    ahead = -(-HORIZON // width) * width
    for row in range(ROWS):
        target = scaled.forward(batch.target)[row].tolist() + [math.nan] * (ahead - HORIZON)
        values = scaled.values[row].tolist() + [0.0 if math.isnan(value) else value for value in target]
        mask = scaled.mask[row].tolist() + [0.0 if math.isnan(value) else 1.0 for value in target]
        past, known = covariates.past[row].tolist(), covariates.known[row].tolist()
        state, outputs = None, []
        for begin in range(0, CONTEXT + ahead - width, width):
            channels = []
            for step in range(begin, begin + width):
                to_come = step + width
                channels += [values[step], mask[step]]
                channels += past[step] if step < len(past) else [0.0] * PAST
                channels += known[to_come] if to_come < len(known) else [0.0] * KNOWN
                channels += [values[to_come - lag] if to_come >= lag else 0.0 for lag in lags]
            segment = torch.tensor(channels).view(1, width, -1)
            y, state = network.recur(network.embed(segment, covariates.static[row : row + 1]), state)
            outputs.append((network.decode.project.weight @ y[0, 0] + network.decode.project.bias).view(width, -1))
        torch.testing.assert_close(raw[row], torch.cat(outputs))
    whole = torch.cat((batch.context, batch.target, torch.full((ROWS, ahead - HORIZON), math.nan)), dim=1)
    torch.testing.assert_close(truth, whole[:, width:], equal_nan=True)


def what_is_read(network: RecursiveNetwork, batch: Inputs) -> list[list[float]]:
    """Channels of the first window, each a list over the steps that teacher forcing reads."""
    inputs: list[Tensor] = []
    network.embed.register_forward_pre_hook(lambda module, arguments: inputs.append(arguments[0]))
    network.outputs(batch)
    return inputs[0][0].T.tolist()


def test_lags_worked_by_hand() -> None:
    # after reading 10 the step to come is 20, and 3 steps before that one lies outside
    tiny = windows_of(torch.tensor([[10.0, 20, 30, 40]]), torch.tensor([[50.0, 60]]))
    network = network_of(lags=(1, 3), size=Dimensions(horizon=2), context=4, scale={"kind": "none"})
    assert what_is_read(network, tiny) == [[10, 20, 30, 40, 50], [1] * 5, [10, 20, 30, 40, 50], [0, 0, 10, 20, 30]]
    wide = network_of(width=2, lags=(2, 5), size=Dimensions(horizon=2), context=4, scale={"kind": "none"})
    assert what_is_read(wide, tiny) == [[10, 20, 30, 40], [1] * 4, [10, 20, 30, 40], [0, 0, 0, 10]]


@pytest.mark.parametrize("width", [1, 3])
def test_what_is_read_is_what_is_known_of_the_steps_to_come(width: int) -> None:
    known = torch.arange(float(CONTEXT + HORIZON)).repeat(ROWS, 1)[..., None]
    batch = replace(batch_of(with_covariates=False), known=known)
    network = network_of(width=width, size=Dimensions(horizon=HORIZON, known=1))
    channel = what_is_read(network, batch)[2]
    inside = list(range(width, CONTEXT + HORIZON))
    assert channel[: len(inside)] == [min(step, 10) for step in inside]  # as they are: nothing was learnt of their size
    assert not any(channel[len(inside) :])


@pytest.mark.parametrize(("width", "lags"), [(1, (1, 4)), (3, (3, 5)), (4, ())])
def test_a_forecast_is_read_as_if_it_had_been_observed(
    width: int, lags: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a head that draws its centre, the forecast is teacher forcing by the forecasts before."""
    network, batch = network_of(width=width, lags=lags, size=WITH), batch_of(11)
    monkeypatch.setattr(network.head, "sample", lambda raw, scaled, uniform: scaled.inverse(raw[..., 0]))
    forecast = network(batch).mean
    fed = torch.full_like(batch.target, math.nan)
    for begin in range(0, 11, width):
        raw, _, scaled = network.outputs(replace(batch, target=fed))
        fed[:, begin : begin + width] = scaled.inverse(raw[..., 0])[:, CONTEXT - width :][:, begin : begin + width][
            :, : 11 - begin
        ]
    torch.testing.assert_close(forecast, fed)


def test_no_raw_output_has_seen_the_step_it_is_about_nor_a_later_one() -> None:
    network, batch = network_of(width=3, lags=(3,), size=WITH), batch_of()
    raw = network.outputs(batch)[0]
    target = batch.target.clone()
    target[:, 1] = 99
    changed = (network.outputs(replace(batch, target=target))[0] != raw).any(2)
    assert not changed[:, :CONTEXT].any()  # raw output 0 is about step 3, so these lead up to target step 2
    assert changed[:, CONTEXT:].all()


@pytest.mark.parametrize("head", ["student_t", "quantile", "negative_binomial"])
def test_nothing_after_the_cutoff_changes_the_forecast(head: str) -> None:
    network = network_of(head={"kind": head}, scale={"kind": "mean_abs"}, size=WITH)
    batch = batch_of()
    torch.manual_seed(1)
    forecast = network(batch)
    torch.manual_seed(1)
    other = network(replace(batch, target=torch.full_like(batch.target, 777)))
    assert torch.equal(forecast.mean, other.mean)
    assert torch.equal(forecast.quantiles, other.quantiles)


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("horizon", [1, 4, 5, 13])
def test_any_horizon_is_drawn_with_quantiles_in_order(width: int, horizon: int) -> None:
    network = network_of(width=width, size=WITH)
    mean, quantiles = network(batch_of(horizon))
    assert mean.shape == (ROWS, horizon)
    assert quantiles.shape == (ROWS, horizon, len(PROBABILITIES))
    assert quantiles.isfinite().all()
    assert (quantiles.diff(dim=2) >= 0).all()
    assert (quantiles[..., 0] < quantiles[..., -1]).all()


def test_a_longer_forecast_begins_as_a_shorter_one() -> None:
    network, batch = network_of(size=WITH), batch_of(9)
    torch.manual_seed(1)
    long = network(batch).quantiles
    torch.manual_seed(1)
    short = network(replace(batch, known=batch.known[:, : CONTEXT + 4])).quantiles
    assert torch.equal(short, long[:, :4])


def test_paths_follow_the_seed() -> None:
    network, batch = network_of(), batch_of(with_covariates=False)
    forecasts = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        forecasts.append(network(batch).quantiles)
    assert torch.equal(forecasts[0], forecasts[1])
    assert not torch.equal(forecasts[0], forecasts[2])


@pytest.mark.parametrize("head", ["student_t", "quantile", "negative_binomial"])
def test_a_forecast_does_not_depend_on_what_is_forecast_with_it(head: str) -> None:
    network = network_of(head={"kind": head}, scale={"kind": "mean_abs"})
    values = 10 + torch.randn(ROWS, CONTEXT, generator=torch.Generator().manual_seed(3)).cumsum(1)
    torch.manual_seed(1)
    together = network(windows_of(values, horizon=HORIZON)).quantiles
    torch.manual_seed(1)
    alone = network(windows_of(values[1:2], horizon=HORIZON)).quantiles
    torch.testing.assert_close(alone, together[1:2])


def test_each_part_of_a_distribution_is_drawn_once_a_step() -> None:
    network = network_of(width=3)
    uniform = network._draw_evenly()
    assert uniform.shape == (40, 3)
    parts = (uniform * 40).long()
    assert (parts.sort(0).values == torch.arange(40)[:, None]).all()
    assert not torch.equal(parts[:, 0], parts[:, 1])


def test_quantiles_and_mean_are_those_of_the_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws that are the same at every step: 0, 1, ... 39 for the 40 paths of each window."""

    def count(raw: Tensor, scaled: Scaled, uniform: Tensor) -> Tensor:
        return torch.arange(40.0).repeat(len(raw) // 40)[:, None].expand(-1, raw.shape[1])

    network = network_of()
    monkeypatch.setattr(network.head, "sample", count)
    mean, quantiles = network(batch_of(with_covariates=False))
    torch.testing.assert_close(mean, torch.full((ROWS, HORIZON), 19.5))
    torch.testing.assert_close(quantiles, (39 * torch.tensor(PROBABILITIES)).expand(ROWS, HORIZON, -1))


def test_many_windows_are_drawn_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    network, batch = network_of(size=WITH), batch_of()
    monkeypatch.setattr(network.head, "sample", lambda raw, scaled, uniform: scaled.inverse(raw[..., 0]))
    whole = network(batch).mean
    monkeypatch.setattr("forecaster.network.recursive._MAX_PATHS_AT_ONCE", 80)
    torch.testing.assert_close(network(batch).mean, whole)


def test_intervals_widen_as_errors_add_up() -> None:
    """The forecast of a random walk whose steps it knows: the interval grows with the root of the steps."""
    network = network_of(
        size=Dimensions(horizon=16), scale={"kind": "none"}, decode={"kind": "recursive", "paths": 2000}
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()

    class Walk(torch.nn.Module):
        features = 2

        def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
            return x[:, :, :1], state or ((torch.zeros(1, len(x), 1),),)

    network.recur, network.decode.project = Walk(), torch.nn.Linear(1, 3)
    with torch.no_grad():
        network.decode.project.weight.copy_(torch.tensor([[1.0], [0], [0]]))
        network.decode.project.bias.copy_(torch.tensor([0.0, 0.5413, 30.0]))  # a scale of 1, almost normal
    torch.manual_seed(0)
    quantiles = network(windows_of(torch.full((1, CONTEXT), 5.0), horizon=16)).quantiles[0]
    width = quantiles[:, PROBABILITIES.index(0.9)] - quantiles[:, PROBABILITIES.index(0.1)]
    torch.testing.assert_close(width, 2.63 * torch.arange(1.0, 17).sqrt(), rtol=0.12, atol=0)
