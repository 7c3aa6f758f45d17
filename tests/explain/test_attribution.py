"""Integrated gradients: they sum to what they explain, and are known where the network is a line."""

from typing import Any

import numpy as np
import pytest
import torch

from forecaster.config import Config
from forecaster.explain.attribution import attribute
from forecaster.explain.explanation import Attribution, CovariateNames
from forecaster.forecast import PROBABILITIES
from forecaster.network.build import Dimensions, build
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from tests.network.windows import windows_of

CONTEXT, HORIZON = 12, 4
SIZE = Dimensions(horizon=HORIZON, season=3, past=1, known=2, static=1, series=3)
NAMES = CovariateNames(past=["wind"], known=["calendar", "promo"], static=["size", *["series"] * 2])


def network_of(*, size: Dimensions = SIZE, **sections: Any) -> Network:
    torch.manual_seed(0)
    tree: dict[str, Any] = {
        "model": {"kind": "gru", "hidden": 8, "context": CONTEXT},
        "scale": {"kind": "mean"},
        "embed": {"width": 3, "identity": 2 if size.static else 0},
        "decode": {"skip": (3, 6)},
    }
    return build(Config.model_validate(tree | sections), size, probabilities=PROBABILITIES).eval()


def window(size: Dimensions = SIZE) -> Inputs:
    generator = torch.Generator().manual_seed(1)
    values = 30 + torch.randn(1, CONTEXT, generator=generator).cumsum(1)
    values[0, 4] = torch.nan
    covariates = {
        "past": torch.randn(1, CONTEXT, size.past, generator=generator),
        "known": torch.randn(1, CONTEXT + HORIZON, size.known, generator=generator),
        "static": torch.randn(1, size.static, generator=generator),
    }
    return windows_of(values, horizon=HORIZON, **covariates)


def attributed(network: Network, step: int | None = None, batch: Inputs | None = None) -> Attribution:
    return attribute(network, batch or window(), NAMES, series="a", cutoff="2024-01-12", step=step)


FORMS: dict[str, dict[str, Any]] = {
    "parallel": {},
    "direct": {"decode": {"kind": "direct"}, "embed": {"width": 1, "identity": 2}},
    "recursive": {"decode": {"kind": "recursive"}, "head": {"kind": "student_t"}},
    "logarithm": {"scale": {"kind": "last", "log": True}},
    "seasonal": {"scale": {"kind": "seasonal"}},
    "cycle": {"scale": {"kind": "cycle"}},
    "counts": {"scale": {"kind": "mean_abs"}, "head": {"kind": "negative_binomial"}},
    "point": {"head": {"kind": "point"}},
    "both ways": {"model": {"kind": "lstm", "hidden": 8, "context": CONTEXT, "bidirectional": True, "layers": 2}},
}


@pytest.mark.parametrize("step", [None, 2])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_added_sums_to_the_forecast(form: str, step: int | None) -> None:
    network = network_of(**FORMS[form])
    result = attributed(network, step)
    total = result.baseline + result.of_lags.sum() + sum(result.of_groups.values())
    assert result.forecast - total == pytest.approx(result.error, abs=1e-9)
    assert abs(result.error) <= 5e-3 * abs(result.forecast - result.baseline)
    assert result.forecast != result.baseline
    assert set(result.of_groups) == {"wind", "calendar", "promo", "size", "series"}
    assert result.of_lags[CONTEXT - 5] == 0  # a gap adds nothing


@pytest.mark.parametrize("form", ["parallel", "direct", "seasonal", "counts"])
def test_the_forecast_is_the_networks_own(form: str) -> None:
    network, batch = network_of(**FORMS[form]), window()
    with torch.no_grad():
        mean = network(batch).mean[0]
    assert attributed(network, 3).forecast == pytest.approx(float(mean[2]), rel=1e-5)
    result = attributed(network)
    assert (result.forecast, result.steps) == (pytest.approx(float(mean.mean()), rel=1e-5), HORIZON)


def test_the_level_is_that_of_the_flat_window() -> None:
    batch = window()
    assert attributed(network_of()).level == pytest.approx(float(batch.context.nanmean()), rel=1e-6)
    last = attributed(network_of(scale={"kind": "last"}))
    assert last.level == pytest.approx(float(batch.context[0, -1]), rel=1e-6)
    assert last.of_lags[0] == 0


def test_the_attributions_of_a_linear_recurrence_are_its_terms() -> None:
    size = Dimensions(horizon=HORIZON)
    network = network_of(
        size=size,
        model={"kind": "rnn", "activation": "relu", "hidden": 1, "context": CONTEXT},
        scale={"kind": "none"},
        embed={"width": 1},
        decode={"kind": "direct"},
        head={"kind": "point"},
    )
    with torch.no_grad():
        weights = dict(network.recur.layers[0].kernel.named_parameters())
        weights["weight_ih_l0"].copy_(torch.tensor([[1.0, 0.0]]))
        weights["weight_hh_l0"].fill_(0.7)
        weights["bias_ih_l0"].zero_()
        weights["bias_hh_l0"].zero_()
        network.decode.project.weight.copy_(torch.arange(1.0, HORIZON + 1)[:, None])
    batch = window(size)
    result = attribute(network, batch, CovariateNames((), (), ()), series="a", cutoff="", step=2)
    x = batch.context[0].nan_to_num(0).double().numpy()[::-1]
    np.testing.assert_allclose(result.of_lags, 2 * 0.7 ** np.arange(CONTEXT) * x, rtol=1e-5)
    assert result.of_groups == {}


def test_a_covariate_without_a_weight_adds_nothing() -> None:
    network = network_of(embed={"width": 1, "identity": 2}, decode={"kind": "direct"})
    with torch.no_grad():
        network.recur.layers[0].kernel.weight_ih_l0[:, 2] = 0  # after value and mask: wind
    result = attributed(network)
    assert result.of_groups["wind"] == 0
    assert result.of_groups["promo"] != 0
