"""The pretraining of a network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from forecaster.batches.cutoff_windows import WindowBatch
from forecaster.forecast import PROBABILITIES
from forecaster.network.zero_shot import Architecture
from forecaster.pretraining.training import Pretraining, Schedule, window_loss

SMALL = Architecture(PROBABILITIES, hidden=8, patch=4, contexts=(16, 32), history=48, horizon=12)
SCHEDULE = Schedule(20, average_every=2, average=0.5)


def draw(number: int) -> WindowBatch:
    """Draw sine waves."""
    random = np.random.default_rng(number)
    waves = np.sin(2 * np.pi * (np.arange(60) + random.integers(0, 8, (16, 1))) / 8)
    season = np.full(16, 8)
    return WindowBatch(waves.astype(np.float32), season, season, 16, (32, 48))


def loss_of(training: Pretraining, batch: WindowBatch) -> float:
    with torch.no_grad():
        return float(window_loss(training.network, batch))


def test_the_loss_falls() -> None:
    training = Pretraining(SMALL, Schedule(150, rate=0.01), seed=0)
    losses = [progress.loss for progress in training.steps(draw)]
    assert np.mean(losses[-10:]) < 0.3 * losses[0]


@pytest.mark.parametrize("stop", [5, 15])
def test_a_resumed_training_ends_with_the_same_weights(stop: int) -> None:
    whole = Pretraining(SMALL, SCHEDULE, seed=0)
    list(whole.steps(draw))
    first = Pretraining(SMALL, SCHEDULE, seed=0)
    steps = first.steps(draw)
    for _ in range(stop):
        next(steps)
    second = Pretraining(SMALL, SCHEDULE, seed=1)
    second.restore(first.state())
    assert second.step == stop
    list(second.steps(draw))
    assert all(torch.equal(value, second.weights()[name]) for name, value in whole.weights().items())


def test_the_result_is_the_mean_of_the_late_weights() -> None:
    training = Pretraining(SMALL, SCHEDULE, seed=0)
    late = [
        training.network.embed.project.bias.detach().clone()
        for progress in training.steps(draw)
        if progress.step > 10 and progress.step % 2 == 0
    ]
    torch.testing.assert_close(training.weights()["embed.project.bias"], torch.stack(late).mean(0))


def test_the_rate_rises_stays_and_falls() -> None:
    schedule = Schedule(1000, rate=1.0)
    rates = [schedule.rate_at(step) for step in (15, 30, 500, 700, 850, 1000)]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 1.0, 0.5, schedule.last_rate])


def test_missing_targets_do_not_count() -> None:
    training = Pretraining(SMALL, SCHEDULE, seed=0)
    batch = draw(0)
    shortened, wild = batch.values.copy(), batch.values.copy()
    shortened[:8, 48:] = np.nan
    wild[:8, 48:] = 1e5
    losses = [loss_of(training, replace(batch, values=values)) for values in (shortened, wild)]
    assert losses[0] < 1 < losses[1]


def test_a_batch_without_targets_has_no_loss() -> None:
    training = Pretraining(SMALL, SCHEDULE, seed=0)
    batch = draw(0)
    values = batch.values.copy()
    values[:, 32:] = np.nan
    assert loss_of(training, replace(batch, values=values, cutoffs=(32,))) == 0.0
