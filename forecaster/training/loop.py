"""The training loop: a generator of steps, whose consumer decides when to log, save and stop."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from forecaster.batches.windows import Windows
from forecaster.config import TrainingConfig
from forecaster.events import TrainingStep
from forecaster.frequency import Ints
from forecaster.network.inputs import Inputs
from forecaster.training.adamw import AdamW
from forecaster.training.feed import BatchFeed, WindowSource, make_feed
from forecaster.training.history import Rows, history_from_array, history_to_array
from forecaster.training.schedules import SCHEDULES

VALIDATION_WINDOWS = 2048
_VALIDATION_BATCH = 1024
_MEASURED_STEPS = 9
_STEPS_PER_BLOCK = 50  # steps that another device takes between two readings of their losses


class TorchRandom:
    """Random numbers from torch's default generator, whose state is part of a training's state."""

    def integers(self, end: int, size: int) -> Ints:
        integers: Ints = torch.randint(end, (size,)).numpy()
        return integers

    def shares(self, size: int) -> Rows:
        shares: Rows = torch.rand(size, dtype=torch.float64).numpy()
        return shares


class Learner(Protocol):
    """A network as an `nn.Module` that computes its loss of a batch."""

    def loss(self, batch: Any) -> Tensor:
        """Return the loss of a batch, a scalar."""

    def weigh_losses(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the sum of the weighted losses and the sum of the weights, whose ratio is `loss`."""

    def parameters(self) -> Iterator[nn.Parameter]: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...
    def train(self) -> Any: ...
    def eval(self) -> Any: ...


class _PendingStep(NamedTuple):
    """A step whose loss and gradient norm are still on the network's device."""

    step: int
    seconds: float
    loss: Tensor
    held_out_loss: float | None
    rate: float
    norm: Tensor


class Training:
    """One fit of one network: everything that changes from step to step, and nothing else.

    `steps()` may be stopped at any step and resumed later, also in another process after `restore(state())`. The steps
    that follow are the same to the bit, since weights, moments, random state and counters are all part of the state.

    On a device other than the processor, reading a loss would wait for the device. Steps are therefore reported in
    blocks.

    Attributes:
        network: the network, whose weights change.
        length: number of steps of the schedule.
        history: the steps so far.
        best_step, best_loss: the step with the lowest validation loss, and that loss.
        steps_per_block: largest number of steps that are reported together.
    """

    def __init__(self, network: Learner, config: TrainingConfig, *, steps: int, seconds: float = math.inf) -> None:
        """Prepare to train; seeds torch's default generator.

        Args:
            steps: length of the schedule, which may differ from `config.steps`: a refit ends at the fit's best step.
            seconds: time limit; the schedule follows the clock where the steps are too slow for it.
        """
        torch.manual_seed(config.seed)
        self.network = network
        self.length = steps
        self._seconds = seconds
        self.best_step = 0
        self.best_loss = math.inf
        self.history: list[TrainingStep] = []
        self._config = config
        self._device = next(network.parameters()).device
        self.steps_per_block = 1 if self._device.type == "cpu" else _STEPS_PER_BLOCK
        self._best_weights: dict[str, Tensor] = {}
        self._optimizer = AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def steps(self, windows: WindowSource, validation: Windows | None) -> Iterator[TrainingStep]:
        """Train until the schedule ends or `patience` validations in a row have not improved.

        Args:
            windows: the windows that batches are drawn from.
            validation: the windows that select the best step; None to keep the last step.
        """
        validate = None if validation is None else partial(validation_loss, self.network, validation)
        return self.steps_from(make_feed(windows, self._device), validate)

    def steps_from(self, feed: BatchFeed, validate: Callable[[], float] | None) -> Iterator[TrainingStep]:
        """Train as `steps` does.

        Args:
            feed: the source of batches.
            validate: measures the loss that selects the best step; None to keep the last step.
        """
        started = time.perf_counter() - (self.history[-1].seconds if self.history else 0.0)
        self.network.train()
        while not self.is_done:
            rows = self._take_block(feed, validate, started)
            self.history += rows
            yield from rows

    def _take_block(self, feed: BatchFeed, validate: Callable[[], float] | None, started: float) -> list[TrainingStep]:
        """Take steps until the next validation, until the last step, or until the block is full."""
        config = self._config
        parameters, random = list(self.network.parameters()), TorchRandom()
        block: list[_PendingStep] = []
        is_over = False
        while not is_over:
            step = len(self.history) + len(block) + 1
            passed = max(step / (self.length + 1), (time.perf_counter() - started) / self._seconds)
            rate = self._rate(passed)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            batch = feed.draw(config.batch, random)
            self._optimizer.zero_grad(set_to_none=True)
            loss = self.network.loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(parameters, config.clip or math.inf)
            # an overflow in one batch must not reach the weights: where this is 1 the fused kernel does not change them
            self._optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
            self._optimizer.step()
            held_out_loss = None
            seconds = time.perf_counter() - started
            is_last = step == self.length or seconds >= self._seconds
            if validate is not None and (step % config.validate_every == 0 or is_last):
                held_out_loss = validate()
                if held_out_loss < self.best_loss:
                    self._record_best(step, held_out_loss)
            block.append(_PendingStep(step, seconds, loss.detach(), held_out_loss, rate, norm))
            is_over = is_last or held_out_loss is not None or len(block) >= self.steps_per_block
        values = torch.stack(
            [value for each in block for value in (each.loss, each.norm)]
        ).tolist()  # waits for the device
        block[-1] = block[-1]._replace(seconds=time.perf_counter() - started)
        return [
            TrainingStep(each.step, each.seconds, loss, each.held_out_loss, each.rate, norm)
            for each, loss, norm in zip(block, values[::2], values[1::2], strict=True)
        ]

    def start_from_weights(self, loss: float) -> None:
        """Let the weights before the first step compete: they stay the best until a step has a lower loss than theirs.

        Args:
            loss: the validation loss of the network's weights.
        """
        self._record_best(0, loss)

    def _record_best(self, step: int, loss: float) -> None:
        self.best_step, self.best_loss = step, loss
        self._best_weights = copy.deepcopy(self.network.state_dict())

    @property
    def is_done(self) -> bool:
        """True once the schedule, the time limit or the patience is exhausted."""
        steps = len(self.history)
        steps_since_best = steps - self.best_step if self._best_weights else 0
        is_late = bool(self.history) and self.history[-1].seconds >= self._seconds
        return (
            steps >= self.length or is_late or steps_since_best >= self._config.patience * self._config.validate_every
        )

    def length_to_repeat(self) -> tuple[int, bool]:
        """Return the length of the schedule that repeats these steps without a time limit, and True if it does exactly.

        It does not where time ran short, since the learning rate then followed the clock.
        """
        steps = len(self.history)
        if steps < self.length and self.history[-1].seconds >= self._seconds:
            return steps, False
        rates = [self._rate(row.step / (self.length + 1)) for row in self.history]
        return self.length, rates == [row.learning_rate for row in self.history]

    def _rate(self, passed: float) -> float:
        """Return the learning rate at a share `passed` of the schedule."""
        return self._config.learning_rate * SCHEDULES[self._config.schedule](min(passed, 1.0))

    def load_best_weights(self) -> None:
        """Load the weights of the best step into the network; without validation, the last step is the best."""
        if self._best_weights:
            self.network.load_state_dict(self._best_weights)
        else:
            self.best_step = len(self.history)

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, as named tensors."""
        state = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        state |= {f"best.{name}": value for name, value in self._best_weights.items()}
        for number, moments in self._optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        state["history"] = torch.from_numpy(history_to_array(self.history))
        state["random"] = torch.get_rng_state()
        if self._device.type == "cuda":  # dropout draws from this generator
            state["random_cuda"] = torch.cuda.get_rng_state(self._device)
        state["best"] = torch.tensor([self.best_step, self.best_loss], dtype=torch.float64)
        state["length"] = torch.tensor([self.length])
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore a `state` of a training of the same network and config."""
        self.network.load_state_dict(_below("network.", state))
        self._best_weights = _below("best.", state)
        optimizer = self._optimizer.state_dict()
        parameters = list(self.network.parameters())
        for key, value in _below("optimizer.", state).items():
            number, name = key.split(".")
            if value.dim():  # the fused kernel walks moments in their parameter's memory order
                value = torch.empty_like(parameters[int(number)]).copy_(value)
            optimizer["state"].setdefault(int(number), {})[name] = value
        self._optimizer.load_state_dict(optimizer)
        self.history = history_from_array(state["history"].numpy())
        self.best_step, self.best_loss = int(state["best"][0]), float(state["best"][1])
        self.length = int(state["length"])
        torch.set_rng_state(state["random"])
        if self._device.type == "cuda" and "random_cuda" in state:
            torch.cuda.set_rng_state(state["random_cuda"], self._device)


def validation_loss(network: Learner, windows: Windows) -> float:
    """Compute the training loss over at most `VALIDATION_WINDOWS` windows, evenly spaced; NaN without a known target.

    It is the loss of one batch of all these windows: each window weighs as in training.
    """
    device = next(network.parameters()).device
    network.eval()
    parts: list[Tensor] = []
    with torch.inference_mode():
        numbers = windows.pick_spaced(VALIDATION_WINDOWS)
        for first in range(0, len(numbers), _VALIDATION_BATCH):
            part = windows.gather(numbers[first : first + _VALIDATION_BATCH])
            parts.append(torch.stack(network.weigh_losses(Inputs.of(part, device))))
    network.train()
    sums = torch.stack(parts).tolist() if parts else []  # read once, since reading waits for the device
    total, weight = sum(loss for loss, _ in sums), sum(size for _, size in sums)
    return total / weight if weight else math.nan


def measure_pace(network: Learner, config: TrainingConfig, windows: Windows, validation: Windows | None) -> float:
    """Measure the seconds that a step takes, including its share of the validations, on a copy of the network."""
    feed = make_feed(windows, next(network.parameters()).device)
    probe = copy.deepcopy(network)
    return time_steps(probe, config, feed, None if validation is None else partial(validation_loss, probe, validation))


def time_steps(
    network: Learner, config: TrainingConfig, feed: BatchFeed, validate: Callable[[], float] | None
) -> float:
    """Return the seconds that a step takes, including its share of the validations.

    Args:
        network: its weights change.
    """
    probe = Training(network, config, steps=_MEASURED_STEPS)
    probe.steps_per_block = 1  # the seconds of a step then include the work of the device
    steps = list(probe.steps_from(feed, None))
    seconds = float(np.median(np.diff([step.seconds for step in steps])))
    if validate is None:
        return seconds
    started = time.perf_counter()
    validate()
    return seconds + (time.perf_counter() - started) / config.validate_every


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
