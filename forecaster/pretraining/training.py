"""The pretraining of a network on synthetic series, which can be stopped and resumed with the same result."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forecaster.batches.cutoff_windows import WindowBatch
from forecaster.network.zero_shot import Architecture, ZeroShotNetwork, cutoff_losses
from forecaster.training.adamw import AdamW

_STEP_DECAY = 0.05  # the weight of step h of the horizon in the loss is 1 / (1 + 0.05 (h - 1))


@dataclass(frozen=True)
class Schedule:
    """The course of a training.

    The rate rises over the first steps, stays, and falls linearly over the last ones. The result is the mean of the
    weights over the last steps.

    Attributes:
        steps: all steps.
        rate: the highest learning rate.
        warm_up, decay, average: shares of the steps in which the rate rises, the rate falls, and weights are averaged.
        last_rate: the final rate as a share of the highest.
        average_every: steps between two weights that enter the mean.
        clip: the largest norm of a gradient.
        weight_decay: the decay of AdamW.
    """

    steps: int
    rate: float = 2e-3
    warm_up: float = 0.03
    decay: float = 0.3
    average: float = 0.1
    last_rate: float = 0.02
    average_every: int = 20
    clip: float = 1.0
    weight_decay: float = 0.01

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, from 1."""
        share = step / self.steps
        if share < self.warm_up:
            return self.rate * share / self.warm_up
        return self.rate * min(1.0, max(self.last_rate, (1 - share) / self.decay))


@dataclass(frozen=True)
class Progress:
    """A step of a training.

    Attributes:
        step: its number, from 1.
        loss: the pinball loss of its batch, in compressed units.
        rate: its learning rate.
        seconds: seconds since the training was started or resumed.
    """

    step: int
    loss: float
    rate: float
    seconds: float


class Pretraining:
    """One training: weights, moments, mean of weights and number of the step.

    Args:
        architecture: the network.
        schedule: the course.
        seed: the seed of the first weights.
    """

    def __init__(self, architecture: Architecture, schedule: Schedule, seed: int) -> None:
        torch.manual_seed(seed)
        self.network = ZeroShotNetwork(architecture)
        self.schedule = schedule
        self.step = 0
        self._optimizer = AdamW(
            self.network.parameters(),
            lr=schedule.rate,
            betas=(0.9, 0.95),
            weight_decay=schedule.weight_decay,
            fused=True,
        )
        self._mean: dict[str, Tensor] = {}
        self._count = 0

    def steps(self, draw: Callable[[int], WindowBatch]) -> Iterator[Progress]:
        """Train until the schedule ends; the consumer may stop at any step.

        Args:
            draw: returns the batch of a number from 0.
        """
        started = time.perf_counter()
        parameters = list(self.network.parameters())
        self.network.train()
        while self.step < self.schedule.steps:
            batch = draw(self.step)
            self.step += 1
            rate = self.schedule.rate_at(self.step)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            self._optimizer.zero_grad(set_to_none=True)
            loss = window_loss(self.network, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(parameters, self.schedule.clip)
            self._optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
            self._optimizer.step()
            self._add_to_mean()
            yield Progress(self.step, float(loss.detach()), rate, time.perf_counter() - started)

    def _add_to_mean(self) -> None:
        schedule = self.schedule
        is_late = self.step > (1 - schedule.average) * schedule.steps
        if not is_late or self.step % schedule.average_every:
            return
        self._count += 1
        for name, value in self.network.state_dict().items():
            mean = self._mean.get(name)
            self._mean[name] = value.clone() if mean is None else mean + (value - mean) / self._count

    def weights(self) -> dict[str, Tensor]:
        """Return the mean of the late weights, or the newest ones before there is a mean."""
        return self._mean or self.network.state_dict()

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, as named tensors."""
        state = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        state |= {f"mean.{name}": value for name, value in self._mean.items()}
        for number, moments in self._optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        return {name: value.contiguous() for name, value in state.items()} | {
            "step": torch.tensor([self.step, self._count])
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore a state of a training of the same architecture and schedule."""
        self.step, self._count = state["step"].tolist()
        self.network.load_state_dict(_below("network.", state))
        self._mean = _below("mean.", state)
        optimizer = self._optimizer.state_dict()
        parameters = list(self.network.parameters())
        for key, value in _below("optimizer.", state).items():
            number, _, name = key.partition(".")
            if value.dim():
                # the sums of a product depend on the memory order of its factors, which a file does not store
                value = torch.empty_like(parameters[int(number)]).copy_(value)
            optimizer["state"].setdefault(int(number), {})[name] = value
        self._optimizer.load_state_dict(optimizer)


def window_loss(network: ZeroShotNetwork, batch: WindowBatch) -> Tensor:
    """Return the mean pinball loss of a batch in compressed units; matrix products are computed in bfloat16."""
    values = torch.from_numpy(batch.values)
    with torch.autocast("cpu", torch.bfloat16):
        seasons = torch.from_numpy(batch.season), torch.from_numpy(batch.second_season)
        quantiles = network.compress(values, *seasons, start=batch.start, cutoffs=batch.cutoffs)
    losses, is_known = cutoff_losses(quantiles.float(), values, batch.cutoffs, network.head.probabilities)
    weights = is_known / (1 + _STEP_DECAY * torch.arange(losses.shape[2]))
    return (losses * weights).sum() / weights.sum().clamp(min=math.ulp(1.0))


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value.clone() for name, value in state.items() if name.startswith(prefix)}
