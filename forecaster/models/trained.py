"""The base of forecasters that train one network: the stages of a fit, and their interruption."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecaster import runtime
from forecaster.config import Config
from forecaster.errors import Interrupted
from forecaster.events import TrainingEnded, TrainingStarted, TrainingStep, Watch
from forecaster.forecast import Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.models.state import Arrays, add_prefix, select_prefix
from forecaster.panel import Panel
from forecaster.training.feed import BatchFeed
from forecaster.training.history import history_from_array, history_to_array
from forecaster.training.loop import Learner, Training
from forecaster.training.update import continue_training

_FIT_SHARE = 0.5  # share of a budget for the fit; the rest is for the refit, which takes no more steps
_MIN_SECONDS = 0.1  # shortest training, even if the budget is already used up
_RESERVED_SHARE = 0.1  # share of a budget reserved for a machine that slows down


@dataclass(frozen=True)
class Stage:
    """A network before a stage of its training, and the means to train it.

    Attributes:
        network: with the weights from which the stage starts.
        feed: the source of batches.
        validate: measures the loss that selects the best step; None to keep the last step.
        measure_pace: returns the seconds that a step takes, without a change of the network.
        finish: called with the training after its last step, with the weights of the best step in the network.
        is_learnable: False if the stage takes no step.
        can_stay: True if the weights from which the stage starts are kept unless a step is better.
    """

    network: Learner
    feed: BatchFeed
    validate: Callable[[], float] | None
    measure_pace: Callable[[], float]
    finish: Callable[[Training], None]
    is_learnable: bool = True
    can_stay: bool = False


class TrainedForecaster(ABC):
    """A forecaster whose network learns from all series of a panel.

    Attributes:
        name: the resolved name of the model.
        history: the training steps of the evaluated fit.
        best_step: the training step with the lowest validation loss; 0 before the first fit, and where no step was
            better than the weights from which it started.
        config: the resolved config.
    """

    def __init__(self, config: Config, *, startup_seconds: float = 0.0) -> None:
        """Create a forecaster without weights.

        Args:
            config: resolved.
            startup_seconds: seconds of the budget that are used up before the next fit begins.
        """
        runtime.prepare_torch(config.training.threads)
        self.name: str = config.name
        self.history: list[TrainingStep] = []
        self.best_step = 0
        self.config = config
        self._startup_seconds = startup_seconds
        self._length_to_repeat = (0, True)

    @property
    @abstractmethod
    def point(self) -> str: ...

    @property
    @abstractmethod
    def is_fitted(self) -> bool:
        """True after a fit, so that a fit without validation steps is a refit."""

    @abstractmethod
    def prepare(self, panel: Panel, validation: Ints | None, *, is_refit: bool, watch: Watch) -> Stage:
        """Create the network of a stage, and the windows that it learns from."""

    @abstractmethod
    def prepare_update(self, panel: Panel, since: int) -> tuple[Learner, BatchFeed]:
        """Return the fitted network, and the windows for a little more training on data after a time."""

    @abstractmethod
    def predict(self, panel: Panel, horizon: int) -> Forecast: ...

    @abstractmethod
    def state(self) -> Arrays: ...

    @abstractmethod
    def restore(self, state: Arrays) -> None: ...

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        is_refit = validation is None and self.is_fitted
        name = "refit" if is_refit else "fit"
        saved = checkpoint.load() if checkpoint else {}
        if name == "fit" and "fitted.best_step" in saved:
            self.restore_fitted(select_prefix("fitted.", saved))
            length, is_exact = self._length_to_repeat
            watch(TrainingEnded(name, len(self.history), self.best_step, _seconds(self.history), (length,), is_exact))
            return
        fitted = add_prefix("fitted.", self.fitted_state()) if is_refit else {}
        stage = self.prepare(panel, validation, is_refit=is_refit, watch=watch)
        steps, seconds = self._length(stage, is_refit=is_refit)
        training = Training(stage.network, self.config.training, steps=steps, seconds=seconds)
        if f"{name}.random" in saved:
            training.restore(to_tensors(select_prefix(f"{name}.", saved)))
        elif stage.can_stay and stage.validate is not None:
            training.start_from_weights(stage.validate())

        def save() -> None:
            if checkpoint:
                checkpoint.save(fitted | add_prefix(f"{name}.", to_arrays(training.state())))

        watch(TrainingStarted(name, training.length, len(training.history)))
        for step in training.steps_from(stage.feed, stage.validate):
            try:
                watch(step)
            except Interrupted:
                save()
                raise
            if checkpoint and checkpoint.is_due():
                save()
        training.load_best_weights()
        stage.finish(training)
        length, is_exact = training.length_to_repeat()
        if not is_refit:
            self.best_step, self.history = training.best_step, training.history
            self._length_to_repeat = length, is_exact
            if checkpoint:
                checkpoint.save(add_prefix("fitted.", self.fitted_state()))
        steps, seconds = len(training.history), _seconds(training.history)
        watch(TrainingEnded(name, steps, training.best_step, seconds, (length,), is_exact))

    def update(self, panel: Panel, since: int, *, watch: Watch) -> None:
        network, feed = self.prepare_update(panel, since)
        training = continue_training(network, self.config.training, steps=self.best_step)
        watch(TrainingStarted("update", training.length, 0))
        for step in training.steps_from(feed, None):
            watch(step)
        self.history = training.history
        steps, seconds = training.length, _seconds(self.history)
        watch(TrainingEnded("update", steps, steps, seconds, (steps,)))

    def fitted_state(self) -> Arrays:
        """Return the fitted state and the history of the fit; empty before the first fit."""
        if not self.is_fitted:
            return {}
        return self.state() | {"history": history_to_array(self.history), "length": np.array(self._length_to_repeat)}

    def restore_fitted(self, fitted: Arrays) -> None:
        """Restore a state that `fitted_state` returned."""
        self.history = history_from_array(fitted["history"].astype(np.float64))
        length, is_exact = fitted["length"].tolist()
        self._length_to_repeat = length, bool(is_exact)
        self.restore(fitted)

    def limit_steps(self, steps: int) -> int:
        """Return the steps of a fit whose budget is sufficient for `steps`."""
        return steps

    def _length(self, stage: Stage, *, is_refit: bool) -> tuple[int, float]:
        """Return the maximum number of steps of a stage, and its maximum seconds."""
        config = self.config.training
        if not stage.is_learnable:
            return 0, math.inf
        if config.budget is None:
            return (config.refit_steps or self.best_step) if is_refit else config.steps, math.inf
        share = 1.0 if not config.refit else 1 - _FIT_SHARE if is_refit else _FIT_SHARE
        seconds = max(share * config.budget - self._startup_seconds, _MIN_SECONDS)
        if is_refit:
            return self.best_step, seconds
        started = time.perf_counter()
        seconds_per_step = stage.measure_pace()
        seconds = max(seconds - (time.perf_counter() - started), _MIN_SECONDS)
        return self.limit_steps(max(1, int((1 - _RESERVED_SHARE) * seconds / seconds_per_step))), seconds


def _seconds(history: list[TrainingStep]) -> float:
    return history[-1].seconds if history else 0.0


def to_arrays(tensors: dict[str, Tensor]) -> Arrays:
    return {name: value.cpu().numpy().copy() for name, value in tensors.items()}


def to_tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
