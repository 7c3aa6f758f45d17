import math

import numpy as np
import pytest
import torch

from forecaster.config import Config, GruConfig, TrainingConfig
from forecaster.data.windows import Windows
from forecaster.events import TrainingStep
from forecaster.network.network import Network, build
from forecaster.training.loop import Training, history_of, history_rows, one_cycle
from tests.conftest import MakePanel

TRAINING = TrainingConfig(steps=24, batch=8, validate_every=4, patience=3)


def network(training: TrainingConfig = TRAINING) -> Network:
    torch.manual_seed(0)
    config = Config(model=GruConfig(hidden=4, dropout=0.3, layers=2), training=training)
    return build(config, context=6, horizon=2, width=1, probabilities=(0.1, 0.5, 0.9))


@pytest.fixture
def windows(make_panel: MakePanel) -> tuple[Windows, Windows]:
    panel = make_panel([np.sin(np.arange(60)), np.arange(30)])
    tail = np.array([10, 6])
    return (
        Windows.for_training(panel.cut(tail), context=6, horizon=2),
        Windows.for_validation(panel, tail, context=6, horizon=2),
    )


def weights(training: Training) -> list[float]:
    return torch.cat([value.ravel() for value in training.network.state_dict().values()]).tolist()


def facts(history: list[TrainingStep]) -> list[tuple[float | int | None, ...]]:
    return [(s.step, s.train_loss, s.validation_loss, s.learning_rate, s.gradient_norm) for s in history]


@pytest.mark.parametrize("stopped_at", [1, 4, 10])
def test_a_resumed_training_equals_one_that_never_stopped(windows: tuple[Windows, Windows], stopped_at: int) -> None:
    whole = Training(network(), TRAINING, steps=24)
    list(whole.steps(*windows))

    first = Training(network(), TRAINING, steps=24)
    for step in first.steps(*windows):
        if step.step == stopped_at:
            break
    state = {name: torch.from_numpy(value.numpy().copy()) for name, value in first.state().items()}  # as files do
    torch.manual_seed(99)  # another process starts elsewhere
    second = Training(network(), TRAINING, steps=24)
    second.restore(state)
    list(second.steps(*windows))

    assert facts(second.history) == facts(whole.history)
    assert weights(second) == weights(whole)
    assert second.best_step == whole.best_step


def test_training_lowers_the_loss(windows: tuple[Windows, Windows]) -> None:
    config = TRAINING.model_copy(update={"steps": 200, "learning_rate": 0.03, "batch": 64})
    training = Training(network(config), config, steps=200)
    losses = [step.train_loss for step in training.steps(windows[0], None)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])


def test_the_best_weights_come_back_not_the_last(windows: tuple[Windows, Windows]) -> None:
    training = Training(network(), TRAINING, steps=24)
    seen = {}
    for step in training.steps(*windows):
        if step.validation_loss is not None:
            seen[step.step] = (step.validation_loss, weights(training))
    best = min(seen, key=lambda number: seen[number][0])
    training.keep_best()
    assert training.best_step == best
    assert weights(training) == seen[best][1]


def test_training_stops_when_patience_is_over(windows: tuple[Windows, Windows]) -> None:
    config = TRAINING.model_copy(update={"learning_rate": 1e-12, "steps": 1000, "patience": 2})
    training = Training(network(config), config, steps=1000)
    list(training.steps(*windows))
    assert len(training.history) == training.best_step + 2 * config.validate_every


def test_without_validation_the_last_step_is_the_best(windows: tuple[Windows, Windows]) -> None:
    training = Training(network(), TRAINING, steps=5)
    assert all(step.validation_loss is None for step in training.steps(windows[0], None))
    training.keep_best()
    assert training.best_step == 5


def test_gradients_are_clipped_but_logged_as_they_were(windows: tuple[Windows, Windows]) -> None:
    norms = []
    for clip in (None, 1e-6):
        clipped = Training(network(), TRAINING.model_copy(update={"clip": clip}), steps=1)
        norms.append(next(clipped.steps(windows[0], None)).gradient_norm)
    assert norms[0] == pytest.approx(norms[1])
    assert norms[0] > 1e-3
    after = [p.grad for p in clipped.network.parameters() if p.grad is not None]
    assert float(torch.cat([g.ravel() for g in after]).norm()) == pytest.approx(1e-6, rel=1e-3)


def test_a_batch_whose_gradient_overflows_leaves_the_weights_alone(windows: tuple[Windows, Windows]) -> None:
    training = Training(network(), TRAINING, steps=3)
    before = weights(training)
    for parameter in training.network.parameters():
        parameter.register_hook(lambda gradient: gradient * math.inf)
    list(training.steps(windows[0], None))
    assert weights(training) == before


def test_the_learning_rate_rises_then_falls_to_almost_nothing() -> None:
    rates = [one_cycle(step, 100, 0.1) for step in range(1, 101)]
    assert max(rates) == rates[19] == 0.1
    assert rates[:20] == sorted(rates[:20])
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert 0 < rates[-1] < 1e-4
    assert [one_cycle(1, 1, 0.1), one_cycle(2, 2, 0.1)][0] == 0.1


def test_a_history_reads_back_as_laid_out() -> None:
    history = [TrainingStep(1, 0.5, 1.5, None, 0.1, 2.0), TrainingStep(2, 0.6, 1.4, 1.3, 0.2, 1.0)]
    assert history_of(history_rows(history)) == history
    assert history_of(history_rows([])) == []


def test_a_tail_without_an_observation_chooses_nothing(make_panel: MakePanel) -> None:
    values = np.sin(np.arange(60))
    values[48:] = np.nan
    panel = make_panel([values])
    training = Training(network(), TRAINING, steps=24)
    fit = Windows.for_training(panel.cut(12), context=6, horizon=2)
    list(training.steps(fit, Windows.for_validation(panel, np.array([12]), context=6, horizon=2)))
    training.keep_best()
    assert training.best_step == len(training.history) == 24
