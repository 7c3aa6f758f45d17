"""The loss of a zero-shot network on windows of a panel."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from forecaster.forecast import PROBABILITIES
from forecaster.network.zero_shot import Architecture
from forecaster.network.zero_shot_learner import WindowTensors, ZeroShotLearner

SMALL = Architecture(PROBABILITIES, hidden=8, patch=4, contexts=(16, 32), history=48, horizon=12)


def learner() -> ZeroShotLearner:
    torch.manual_seed(0)
    network = ZeroShotLearner(SMALL)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    return network


def windows(rows: int, start: int, *, ahead: int = 5) -> WindowTensors:
    values = torch.from_numpy(np.random.default_rng(rows).normal(size=(rows, 48 + ahead)).astype(np.float32))
    season = torch.full((rows,), 4)
    return WindowTensors(values, season, season, start, (40, 48), torch.ones(rows, 2, dtype=torch.bool))


def test_the_loss_is_the_mean_over_all_windows_whatever_their_length() -> None:
    network, long, short = learner(), windows(5, 16), windows(3, 32)
    with torch.no_grad():
        together = network.loss([long, short])
        weighted = (5 * network.loss([long]) + 3 * network.loss([short])) / 8
    assert float(together) == pytest.approx(float(weighted), rel=1e-5)


def test_only_the_steps_after_cutoffs_that_count_matter() -> None:
    network, part = learner(), windows(2, 16)
    part.is_counted[1] = False
    values = part.values.clone()
    values[1] = 100.0
    with torch.no_grad():
        assert network.loss([part]) == network.loss([replace(part, values=values)])
        assert network.weigh_losses([part])[1] == 2 * 5
        assert network.loss([replace(part, is_counted=torch.zeros_like(part.is_counted))]) == 0


def test_missing_targets_neither_count_nor_spoil_the_gradient() -> None:
    network, part = learner(), windows(2, 16)
    part.values[0, 48:] = torch.nan
    network.loss([part]).backward()  # type: ignore[no-untyped-call]
    assert network.weigh_losses([part])[1] == 2 * 10 - 5
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in network.parameters())


def test_the_assessed_forecast_has_no_preferred_sign() -> None:
    network, part = learner(), replace(windows(4, 16), cutoffs=(48,), is_counted=torch.ones(4, 1, dtype=torch.bool))
    mirror = replace(part, values=-part.values)
    assert network.assess([part]) == pytest.approx(network.assess([mirror]), rel=1e-5)
    assert network.training
    assert np.isnan(network.assess([replace(part, is_counted=torch.zeros(4, 1, dtype=torch.bool))]))
