import math

import numpy as np
import pytest
import torch

from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Windows
from forecaster.config import Config, TrainingConfig, Weigh
from forecaster.config.model import GruConfig
from forecaster.config.network import EmbedConfig
from forecaster.events import TrainingStep
from forecaster.network.build import Dimensions, build
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.training import loop
from forecaster.training.history import history_from_array, history_to_array
from forecaster.training.loop import Training, measure_pace, validation_loss
from forecaster.training.schedules import SCHEDULES, cosine, one_cycle
from tests.conftest import MakePanel

TRAINING = TrainingConfig(steps=24, batch=8, validate_every=4, patience=3)


def network(training: TrainingConfig = TRAINING) -> Network:
    torch.manual_seed(0)
    model = GruConfig(hidden=4, dropout=0.3, layers=2, context=6)
    config = Config(model=model, embed=EmbedConfig(width=1), training=training)
    return build(config, Dimensions(horizon=2), probabilities=(0.1, 0.5, 0.9))


@pytest.fixture
def windows(make_panel: MakePanel) -> tuple[Windows, Windows]:
    panel = make_panel([np.sin(np.arange(60)), np.arange(30)])
    tail = np.array([10, 6])
    return (
        Windows.for_training(panel.cut(tail), WindowSpec(6, 2)),
        Windows.for_validation(panel, tail, WindowSpec(6, 2)),
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


@pytest.mark.parametrize("stopped_at", [0, 1, 5, 7])
def test_steps_told_in_blocks_are_those_told_one_by_one(windows: tuple[Windows, Windows], stopped_at: int) -> None:
    """Whoever stops within a block has all of it behind, and goes on from its end."""
    config = TRAINING.model_copy(update={"validate_every": 5})
    whole = Training(network(config), config, steps=24)
    list(whole.steps(*windows))

    first = Training(network(config), config, steps=24)
    first.steps_per_block = 3
    steps: list[int] = []
    for step in first.steps(*windows):
        steps.append(step.step)
        if step.step == stopped_at:
            break
    if stopped_at:
        assert len(first.history) == {1: 3, 5: 5, 7: 8}[stopped_at]
        assert steps == list(range(1, stopped_at + 1))
    state = first.state()
    second = Training(network(config), config, steps=24)
    second.restore(state)
    list(second.steps(*windows))
    assert facts(second.history) == facts(whole.history)
    assert weights(second) == weights(whole)
    seconds = [step.seconds for step in second.history]
    assert seconds == sorted(seconds)


def test_training_lowers_the_loss(windows: tuple[Windows, Windows]) -> None:
    config = TRAINING.model_copy(update={"steps": 200, "learning_rate": 0.03, "batch": 64})
    training = Training(network(config), config, steps=200)
    losses = [step.train_loss for step in training.steps(windows[0], None)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])


def test_the_best_weights_come_back_not_the_last(windows: tuple[Windows, Windows]) -> None:
    training = Training(network(), TRAINING, steps=24)
    looks = {}
    for step in training.steps(*windows):
        if step.validation_loss is not None:
            looks[step.step] = (step.validation_loss, weights(training))
    best = min(looks, key=lambda number: looks[number][0])
    training.load_best_weights()
    assert training.best_step == best
    assert weights(training) == looks[best][1]


def test_training_stops_when_patience_is_over(windows: tuple[Windows, Windows]) -> None:
    config = TRAINING.model_copy(update={"learning_rate": 1e-12, "steps": 1000, "patience": 2})
    training = Training(network(config), config, steps=1000)
    list(training.steps(*windows))
    assert len(training.history) == training.best_step + 2 * config.validate_every


def test_without_validation_the_last_step_is_the_best(windows: tuple[Windows, Windows]) -> None:
    training = Training(network(), TRAINING, steps=5)
    assert all(step.validation_loss is None for step in training.steps(windows[0], None))
    training.load_best_weights()
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


@pytest.mark.parametrize("block", [1, 3])
def test_a_batch_whose_gradient_overflows_leaves_the_weights_alone(
    windows: tuple[Windows, Windows], block: int
) -> None:
    training = Training(network(), TRAINING, steps=3)
    training.steps_per_block = block
    before = weights(training)
    for parameter in training.network.parameters():
        parameter.register_hook(lambda gradient: gradient * math.inf)
    list(training.steps(windows[0], None))
    assert weights(training) == before


def test_the_learning_rate_rises_then_falls_to_almost_nothing() -> None:
    rates = [0.1 * one_cycle(step / 100) for step in range(1, 101)]
    assert max(rates) == rates[19] == 0.1
    assert rates[:20] == sorted(rates[:20])
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert 0 < rates[-2] < 1e-4
    assert rates[-1] == 0


def test_a_history_reads_back_as_laid_out() -> None:
    history = [TrainingStep(1, 0.5, 1.5, None, 0.1, 2.0), TrainingStep(2, 0.6, 1.4, 1.3, 0.2, 1.0)]
    assert history_from_array(history_to_array(history)) == history
    assert history_from_array(history_to_array([])) == []


def test_a_tail_without_an_observation_chooses_nothing(make_panel: MakePanel) -> None:
    values = np.sin(np.arange(60))
    values[48:] = np.nan
    panel = make_panel([values])
    training = Training(network(), TRAINING, steps=24)
    fit = Windows.for_training(panel.cut(12), WindowSpec(6, 2))
    list(training.steps(fit, Windows.for_validation(panel, np.array([12]), WindowSpec(6, 2))))
    training.load_best_weights()
    assert training.best_step == len(training.history) == 24


class Clock:
    """A clock that the test sets: each look at it takes `tick` seconds."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self.tick = 0.0, tick

    def perf_counter(self) -> float:
        self.now += self.tick
        return self.now


def test_training_ends_with_the_step_in_which_the_time_is_over(
    windows: tuple[Windows, Windows], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    training = Training(network(), TRAINING, steps=24, seconds=10.0)
    for step in training.steps(*windows):
        clock.now = 2.5 * step.step
    assert len(training.history) == 5  # at the end of the fifth 10 seconds have passed
    assert training.history[-1].validation_loss is not None
    assert training.is_done


def test_the_schedule_hurries_where_it_runs_late(
    windows: tuple[Windows, Windows], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    training = Training(network(), TRAINING, steps=24, seconds=8.0)
    rates = []
    for step in training.steps(windows[0], None):
        rates.append(step.learning_rate)
        clock.now = float(step.step)
    passed = [max((step + 1) / 25, step / 8) for step in range(len(rates))]
    assert rates == pytest.approx([TRAINING.learning_rate * one_cycle(share) for share in passed])
    assert len(rates) == 9


def test_the_time_before_an_interruption_counts(
    windows: tuple[Windows, Windows], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    first = Training(network(), TRAINING, steps=24, seconds=10.0)
    for step in first.steps(*windows):
        clock.now = 3.0 * step.step
        if step.step == 3:
            break
    assert first.history[-1].seconds == 6.0
    clock.now = 1000.0
    second = Training(network(), TRAINING, steps=24, seconds=10.0)
    second.restore(first.state())
    for step in second.steps(*windows):
        clock.now = 1000.0 + 3.0 * (step.step - 3)
    assert [step.seconds for step in second.history] == [0.0, 3.0, 6.0, 6.0, 9.0, 12.0]


def test_the_pace_is_that_of_steps_and_of_looks_at_the_tail(
    windows: tuple[Windows, Windows], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    measured = network()

    def weigh_losses(self: Network, batch: object) -> tuple[torch.Tensor, torch.Tensor]:
        clock.now += 2.0 if self.training else 8.0
        return next(self.parameters()).sum(), torch.ones(())

    monkeypatch.setattr(Network, "weigh_losses", weigh_losses)
    before = [value.clone() for value in measured.state_dict().values()]
    assert measure_pace(measured, TRAINING, windows[0], None) == 2.0
    assert measure_pace(measured, TRAINING, *windows) == 2.0 + 8.0 / TRAINING.validate_every
    assert all(torch.equal(a, b) for a, b in zip(before, measured.state_dict().values(), strict=True))


def test_the_schedules_start_and_end_where_they_say() -> None:
    shares = [step / 100 for step in range(101)]
    falling = [cosine(share) for share in shares]
    assert falling[0] == 1
    assert falling[50] == pytest.approx(0.5)
    assert falling[100] == 0
    assert falling == sorted(falling, reverse=True)
    assert one_cycle(0.1) == pytest.approx(0.5)
    assert one_cycle(0.6) == pytest.approx(0.5)  # half of what is left after the rise
    assert {SCHEDULES["constant"](share) for share in shares} == {1.0}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_training_follows_the_schedule_that_was_named(windows: tuple[Windows, Windows], schedule: str) -> None:
    config = TRAINING.model_copy(update={"schedule": schedule})
    training = Training(network(), config, steps=9)
    rates = [step.learning_rate for step in training.steps(windows[0], None)]
    assert rates == pytest.approx([0.002 * SCHEDULES[schedule](step / 10) for step in range(1, 10)])


def test_the_validation_loss_weighs_windows_by_their_known_targets(make_panel: MakePanel) -> None:
    values = np.sin(np.arange(40.0))
    values[33:36] = np.nan
    held_out = Windows.for_validation(make_panel([values]), np.array([9]), WindowSpec(6, 2))
    one, total, known = network(), 0.0, 0
    one.eval()
    for number in range(len(held_out)):
        batch = Inputs.of(held_out.gather(np.array([number])))
        count = int((~batch.target.isnan()).sum())
        total, known = total + one.loss(batch).item() * count, known + count
    assert validation_loss(one, held_out) == pytest.approx(total / known)


@pytest.mark.parametrize("weigh", ["evenly", "relative"])
def test_the_validation_loss_is_the_trainings_loss_of_all_windows_at_once(
    make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch, weigh: Weigh
) -> None:
    generator = np.random.default_rng(0)
    series = [100 + generator.normal(0, 1, 40), 100 + generator.normal(0, 50, 40)]  # of very different relative scale
    held_out = Windows.for_validation(make_panel(series), np.array([9, 12]), WindowSpec(6, 2))
    one = network(TRAINING.model_copy(update={"weigh": weigh})).eval()
    expected = one.loss(Inputs.of(held_out.gather(np.arange(len(held_out))))).item()
    monkeypatch.setattr(loop, "_VALIDATION_BATCH", 8)
    assert validation_loss(one, held_out) == pytest.approx(expected)


def test_weights_before_the_first_step_stay_the_best_until_a_step_is_better(windows: tuple[Windows, Windows]) -> None:
    first = network()
    before = {name: value.clone() for name, value in first.state_dict().items()}
    unbeaten, beaten = Training(first, TRAINING, steps=24), Training(network(), TRAINING, steps=24)
    unbeaten.start_from_weights(-1.0)
    list(unbeaten.steps(*windows))
    assert len(unbeaten.history) == TRAINING.patience * TRAINING.validate_every
    unbeaten.load_best_weights()
    assert unbeaten.best_step == 0
    assert all(value.equal(before[name]) for name, value in first.state_dict().items())
    beaten.start_from_weights(1e9)
    list(beaten.steps(*windows))
    assert beaten.best_step > 0
