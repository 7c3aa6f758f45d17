"""The training loop: a generator of steps, so that its consumer logs, saves and stops as it sees fit."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from forecaster.batches.windows import Windows
from forecaster.config import TrainingConfig
from forecaster.events import TrainingStep
from forecaster.frequency import Ints
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.training.adamw import AdamW
from forecaster.training.feed import BatchFeed, WindowSource, make_feed

WARM_UP = 0.2  # share of the steps in which the learning rate rises
VALIDATION_WINDOWS = 2048
_VALIDATION_BATCH = 1024
_PROBED = 9  # steps
_BLOCK = 50  # steps that another device is given before it is asked what came of them

Rows = npt.NDArray[np.float64]


class TorchRandom:
    """Random numbers of torch's default generator, whose state is saved with a training's."""

    def integers(self, end: int, size: int) -> Ints:
        drawn: Ints = torch.randint(end, (size,)).numpy()
        return drawn

    def shares(self, size: int) -> Rows:
        drawn: Rows = torch.rand(size, dtype=torch.float64).numpy()
        return drawn


class _Taken(NamedTuple):
    """A step whose loss and gradient norm still lie on the network's device."""

    step: int
    seconds: float
    loss: Tensor
    held_out: float | None
    rate: float
    norm: Tensor


class Training:
    """One fit of one network: everything that changes from step to step, and nothing else.

    `steps()` may be left at any step and taken up again later, also in another process after `restore(state())`:
    the steps that follow are the same to the bit, since weights, moments, random state and counters are all state.

    Away from the processor nothing is read back at a step, for the device would have to be waited for: steps are told
    in blocks, once all of a block are taken.

    Attributes:
        block: steps that are taken before they are told, at most.
    """

    def __init__(self, network: Network, config: TrainingConfig, *, steps: int, seconds: float = math.inf) -> None:
        """Prepare to train; seeds torch's default generator.

        Args:
            steps: length of the schedule, which need not be `config.steps` (a refit ends where the fit was best).
            seconds: time after which training ends all the same; the schedule hurries where it runs late.
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
        self.block = 1 if self._device.type == "cpu" else _BLOCK
        self._best_weights: dict[str, Tensor] = {}
        self._optimizer = AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def steps(self, windows: WindowSource, validation: Windows | None) -> Iterator[TrainingStep]:
        """Take steps until the schedule ends or the validation loss has not improved for `patience` looks.

        Args:
            windows: to draw batches from.
            validation: to choose the best step by; None keeps the last one.
        """
        feed = make_feed(windows, self._device)
        started = time.perf_counter() - (self.history[-1].seconds if self.history else 0.0)
        self.network.train()
        while not self.is_done:
            rows = self._take_block(feed, validation, started)
            self.history += rows
            yield from rows

    def _take_block(self, feed: BatchFeed, validation: Windows | None, started: float) -> list[TrainingStep]:
        """Take steps up to the next look at the validation tail, to the last one, or as many as a block has."""
        config = self._config
        parameters, random = list(self.network.parameters()), TorchRandom()
        taken: list[_Taken] = []
        is_over = False
        while not is_over:
            step = len(self.history) + len(taken) + 1
            passed = max(step / (self.length + 1), (time.perf_counter() - started) / self._seconds)
            rate = self._rate(passed)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            batch = feed.draw(config.batch, random)
            self._optimizer.zero_grad(set_to_none=True)
            loss = self.network.loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(parameters, config.clip or math.inf)
            # an overflow in one batch must not reach the weights: the fused kernel leaves them alone where this is 1
            self._optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
            self._optimizer.step()
            held_out = None
            seconds = time.perf_counter() - started
            is_last = step == self.length or seconds >= self._seconds
            if validation is not None and (step % config.validate_every == 0 or is_last):
                held_out = validation_loss(self.network, validation)
                if held_out < self.best_loss:
                    self.best_step, self.best_loss = step, held_out
                    self._best_weights = copy.deepcopy(self.network.state_dict())
            taken.append(_Taken(step, seconds, loss.detach(), held_out, rate, norm))
            is_over = is_last or held_out is not None or len(taken) >= self.block
        values = torch.stack([value for each in taken for value in (each.loss, each.norm)]).tolist()  # waits
        taken[-1] = taken[-1]._replace(seconds=time.perf_counter() - started)
        return [
            TrainingStep(each.step, each.seconds, loss, each.held_out, each.rate, norm)
            for each, loss, norm in zip(taken, values[::2], values[1::2], strict=True)
        ]

    @property
    def is_done(self) -> bool:
        """Whether the schedule, the time or the patience is over."""
        taken = len(self.history)
        waited = taken - self.best_step if self._best_weights else 0
        is_late = bool(self.history) and self.history[-1].seconds >= self._seconds
        return taken >= self.length or is_late or waited >= self._config.patience * self._config.validate_every

    def length_to_repeat(self) -> tuple[int, bool]:
        """The length of a schedule that takes as many steps without a limit of time, and whether they are the same to
        the bit: not where time ran short, since the learning rate then followed the clock.
        """
        taken = len(self.history)
        if taken < self.length and self.history[-1].seconds >= self._seconds:
            return taken, False
        rates = [self._rate(row.step / (self.length + 1)) for row in self.history]
        return self.length, rates == [row.learning_rate for row in self.history]

    def _rate(self, passed: float) -> float:
        """The learning rate once a share of the schedule has passed."""
        return self._config.learning_rate * SCHEDULES[self._config.schedule](min(passed, 1.0))

    def load_best_weights(self) -> None:
        """Give the network its best weights back (without validation: leave the last)."""
        if self._best_weights:
            self.network.load_state_dict(self._best_weights)
        else:
            self.best_step = len(self.history)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, as named tensors."""
        state = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        state |= {f"best.{name}": value for name, value in self._best_weights.items()}
        for number, moments in self._optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        state["history"] = torch.from_numpy(history_to_array(self.history))
        state["random"] = torch.get_rng_state()
        if self._device.type == "cuda":  # which draws what dropout leaves out
            state["random_cuda"] = torch.cuda.get_rng_state(self._device)
        state["best"] = torch.tensor([self.best_step, self.best_loss], dtype=torch.float64)
        state["length"] = torch.tensor([self.length])
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave, for the same network and configuration."""
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


def one_cycle(passed: float) -> float:
    """Share of the peak learning rate once a share of the schedule has passed: a linear rise, then half a cosine to 0.

    WindowSource: Smith & Topin 2018, with the cosine of Loshchilov & Hutter 2017.
    """
    return passed / WARM_UP if passed < WARM_UP else cosine((passed - WARM_UP) / (1 - WARM_UP))


def cosine(passed: float) -> float:
    """Half a cosine from 1 to 0. WindowSource: Loshchilov & Hutter 2017, "SGDR", eq. 5 without restarts."""
    return 0.5 * (1 + math.cos(math.pi * passed))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "constant": lambda passed: 1.0,
}


def validation_loss(network: Network, windows: Windows) -> float:
    """The training's loss over at most `VALIDATION_WINDOWS` windows, evenly spaced; NaN without a known target.

    It is that of one batch of all of them: windows weigh as in training, whichever part they fall into.
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
    sums = torch.stack(parts).tolist() if parts else []  # read once, since a device has to be waited for
    total, weight = sum(loss for loss, _ in sums), sum(size for _, size in sums)
    return total / weight if weight else math.nan


def measure_pace(network: Network, config: TrainingConfig, windows: Windows, validation: Windows | None) -> float:
    """Seconds a step, looks at the validation tail included, measured on a copy of the network."""
    probe = Training(copy.deepcopy(network), config, steps=_PROBED)
    probe.block = 1  # a step is over when the device says so
    steps = list(probe.steps(windows, None))
    seconds = float(np.median(np.diff([step.seconds for step in steps])))
    if validation is None:
        return seconds
    started = time.perf_counter()
    validation_loss(probe.network, validation)
    return seconds + (time.perf_counter() - started) / config.validate_every


def history_to_array(history: list[TrainingStep]) -> Rows:
    """Lay a history out as [steps, 6], NaN where no validation loss was measured."""
    rows = [[math.nan if value is None else value for value in astuple(step)] for step in history]
    return np.array(rows, np.float64).reshape(-1, len(fields(TrainingStep)))


def history_from_array(rows: Rows) -> list[TrainingStep]:
    """Read what `history_to_array` laid out."""
    return [
        TrainingStep(int(step), seconds, train, None if math.isnan(held_out) else held_out, rate, norm)
        for step, seconds, train, held_out, rate, norm in rows.tolist()
    ]


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
