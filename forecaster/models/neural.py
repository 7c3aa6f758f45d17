"""A recurrent network as a Forecaster."""

import copy
import json
import math
import time
from contextlib import AbstractContextManager
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forecaster import runtime
from forecaster.batches.update_windows import UpdateWindows
from forecaster.batches.windows import Batch, Windows
from forecaster.config import Config
from forecaster.errors import Interrupted
from forecaster.events import TrainingEnded, TrainingStarted, TrainingStep, Watch
from forecaster.forecast import GRAPH_FILE, PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.models.rolling import Block, Rolling, window_spec_of
from forecaster.network.build import Dimensions, build
from forecaster.network.export import export
from forecaster.network.heads.point import Point
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.network.recursive import RecursiveNetwork
from forecaster.panel import Panel
from forecaster.training.loop import Training, history_from_array, history_to_array, measure_pace
from forecaster.training.update import continue_training

Arrays = dict[str, npt.NDArray[np.generic]]

_MEDIAN = PROBABILITIES.index(0.5)
_FIT_SHARE = 0.5  # of a budget; what is left is for the refit, which takes no more steps than the fit
_SHORTEST = 0.1  # seconds, however late it is
_SLACK = 0.1  # of a budget, for a machine that slows down
_SAMPLED = 1024  # windows from which the size of covariates is learnt
_ASSESSED = 1024  # windows side by side
_CALIBRATION_WINDOWS = 2048


class NeuralForecaster:
    """Train one network on all series of a panel, and forecast with it.

    Longer horizons than the trained one are rolled forward.

    Attributes:
        reading: what a window shows the network.
    """

    def __init__(self, config: Config, *, late: float = 0.0) -> None:
        """Take a resolved config: `data.horizon`, `model.context`, `embed.width` and `decode.skip` are set.

        Args:
            late: seconds of the budget that are gone before its next stage begins.
        """
        runtime.prepare_torch(config.training.threads)
        self.name: str = config.name
        self.history: list[TrainingStep] = []
        self.best_step = 0
        self.config = config
        self._series: list[str] = []
        self._late = late
        self._length_to_repeat = (0, True)
        self.window_spec = window_spec_of(config)

    @property
    def point(self) -> str:
        return self.network.head.point

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        is_refit = validation is None and self.best_step > 0
        stage = "refit" if is_refit else "fit"
        saved = checkpoint.load() if checkpoint else {}
        if stage == "fit" and "fitted.best_step" in saved:
            self.restore_fitted(_below("fitted.", saved))
            length, is_exact = self._length_to_repeat
            steps, seconds = len(self.history), self.history[-1].seconds
            watch(TrainingEnded(stage, steps, self.best_step, seconds, (length,), is_exact))
            return
        fitted = _prefixed("fitted.", self.fitted_state()) if is_refit else {}
        before = self.network if is_refit else None
        self._series = panel.ids.tolist()
        windows, held_out = self._windows(panel, validation)
        sample = Inputs.of(windows.gather(windows.pick_spaced(_SAMPLED)))
        self._build(_dimensions(panel, sample))
        self.network.covariates.learn(sample)
        self.network.to(self._device)
        steps, seconds = self._length(windows, held_out, is_refit=is_refit)
        training = Training(self.network, self.config.training, steps=steps, seconds=seconds)
        if f"{stage}.random" in saved:
            training.restore(_tensors(_below(f"{stage}.", saved)))

        def save() -> None:
            if checkpoint:
                checkpoint.save(fitted | _prefixed(f"{stage}.", _arrays(training.state())))

        watch(TrainingStarted(stage, training.length, len(training.history)))
        for step in training.steps(windows, held_out):
            try:
                watch(step)
            except Interrupted:
                save()
                raise
            if checkpoint and checkpoint.is_due():
                save()
        training.load_best_weights()
        self._calibrate(held_out or windows, before)
        length, is_exact = training.length_to_repeat()
        if not is_refit:
            self.best_step, self.history = training.best_step, training.history
            self._length_to_repeat = length, is_exact
            if checkpoint:
                checkpoint.save(_prefixed("fitted.", self.fitted_state()))
        steps, seconds = len(training.history), training.history[-1].seconds
        watch(TrainingEnded(stage, steps, training.best_step, seconds, (length,), is_exact))

    def update(self, panel: Panel, since: int, *, watch: Watch) -> None:
        windows, _ = self._windows(panel, None)
        last = panel.frequency.index(panel.start, np.full(len(panel), since))
        training = continue_training(self.network, self.config.training, steps=self.best_step)
        watch(TrainingStarted("update", training.length, 0))
        for step in training.steps(UpdateWindows(windows, panel.begin + last + 1, self._rolling.numbers(panel)), None):
            watch(step)
        self.history = training.history
        steps, seconds = training.length, self.history[-1].seconds
        watch(TrainingEnded("update", steps, steps, seconds, (steps,)))

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        self.network.eval()
        with torch.inference_mode(), self._fork_random():
            mean, quantiles = self._rolling.predict(panel, horizon, self._forward)
        return Forecast.of(panel, mean, quantiles, model=self.name)

    def assess(self, panel: Panel, validation: Ints) -> float:
        """Mean pinball loss over windows of the validation tail, in units of each series' spread.

        Neither the network's mode nor torch's generator is changed, so that one may look in the middle of a training.
        """
        is_training = self.network.training
        windows = Windows.for_validation(panel, validation, self.window_spec)
        levels = torch.tensor(PROBABILITIES, device=self._device)
        self.network.eval()
        total, known = 0.0, 0
        with torch.inference_mode(), self._fork_random():
            torch.manual_seed(self.config.training.seed)  # a recursive network draws
            numbers = windows.pick_spaced(_SAMPLED)
            for first in range(0, len(numbers), _ASSESSED):
                batch = Inputs.of(windows.gather(numbers[first : first + _ASSESSED]), self._device)
                is_known = ~batch.target.isnan() & (batch.spread > 0)[:, None]
                errors = batch.target[..., None] - self.network(batch).quantiles  # [B, H, Q]
                losses = torch.maximum(levels * errors, (levels - 1) * errors).mean(2) / batch.spread[:, None]
                total += float(losses.where(is_known, 0).sum())
                known += int(is_known.sum())
        self.network.train(is_training)
        return total / known if known else math.inf

    def state(self) -> Arrays:
        state = _prefixed("network.", _arrays(self.network.state_dict()))
        state |= {f"dimensions.{name}": np.array([size]) for name, size in asdict(self._dimensions).items()}
        state["best_step"] = np.array([self.best_step])
        if self.has_series_identity:
            state["series"] = np.frombuffer(json.dumps(self._series).encode(), np.uint8)
        return state

    def restore(self, state: Arrays) -> None:
        sizes = {name: int(size[0]) for name, size in _below("dimensions.", state).items()}
        self._build(Dimensions(**sizes))
        self.network.load_state_dict(_tensors(_below("network.", state)))
        self.network.to(self._device)
        self.best_step = int(state["best_step"][0])
        self._series = json.loads(state["series"].tobytes()) if "series" in state else []

    def exports(self) -> dict[str, bytes]:
        told = {"point": self.point, "probabilities": json.dumps(PROBABILITIES), "season": str(self._dimensions.season)}
        if self.has_series_identity:
            told["series"] = json.dumps(self._series)
        network = self.network if self._device.type == "cpu" else copy.deepcopy(self.network).cpu()
        graph = export(network, self._dimensions, context=self.window_spec.context, metadata=told)
        return {GRAPH_FILE: graph} if graph else {}

    def fitted_state(self) -> Arrays:
        """What was learnt, and the history of learning it; empty before the first fit."""
        if not self.history:
            return {}
        return self.state() | {"history": history_to_array(self.history), "length": np.array(self._length_to_repeat)}

    def restore_fitted(self, fitted: Arrays) -> None:
        """Take up what `fitted_state` gave."""
        self.history = history_from_array(fitted["history"].astype(np.float64))
        length, is_exact = fitted["length"].tolist()
        self._length_to_repeat = length, bool(is_exact)
        self.restore(fitted)

    def _build(self, dimensions: Dimensions) -> None:
        """Make the network on the processor, so that a seed means the same weights on every device."""
        self._device = torch.device(runtime.resolve_device(self.config.training.device))
        torch.manual_seed(self.config.training.seed)
        self._dimensions = dimensions
        self.network: Network = build(self.config, dimensions, probabilities=PROBABILITIES)

    @property
    def has_series_identity(self) -> bool:
        """Whether a forecast depends on which series it is of."""
        return self.config.embed.identity > 0 or self.config.scale.kind == "cycle"

    def series_numbers(self, panel: Panel) -> Ints:
        """[N] number of each of a panel's series among those trained on; their count for an unseen one."""
        return self._rolling.numbers(panel)

    @property
    def _rolling(self) -> Rolling:
        size = self._dimensions
        is_recursive = isinstance(self.network, RecursiveNetwork)
        return Rolling.of(
            self.config, season=size.season, count=size.series, series=self._series, is_recursive=is_recursive
        )

    def _forward(self, batch: Batch) -> Block:
        torch.manual_seed(self.config.training.seed)  # a recursive network draws, the same for every series
        mean, quantiles = self.network(Inputs.of(batch, self._device))
        return Block(mean.cpu().numpy(), quantiles.cpu().numpy())

    def _fork_random(self) -> AbstractContextManager[None]:
        """Leave torch's generators as they are, whatever is drawn within."""
        devices = [] if self._device.type == "cpu" else [torch.cuda.current_device()]
        return torch.random.fork_rng(devices=devices)

    def _windows(self, panel: Panel, validation: Ints | None) -> tuple[Windows, Windows | None]:
        drawn = self.config.training.draw
        if validation is None or not validation.any():
            return Windows.for_training(panel, self.window_spec, sample_by=drawn), None
        return (
            Windows.for_training(panel.cut(validation), self.window_spec, sample_by=drawn),
            Windows.for_validation(panel, validation, self.window_spec),
        )

    def _length(self, windows: Windows, held_out: Windows | None, *, is_refit: bool) -> tuple[int, float]:
        """Steps of a training, and the seconds it may take."""
        config = self.config.training
        if config.budget is None:
            return (config.refit_steps or self.best_step) if is_refit else config.steps, math.inf
        share = 1.0 if not config.refit else 1 - _FIT_SHARE if is_refit else _FIT_SHARE
        seconds = max(share * config.budget - self._late, _SHORTEST)
        if is_refit:
            return self.best_step, seconds
        started = time.perf_counter()
        a_step = measure_pace(self.network, config, windows, held_out)
        seconds = max(seconds - (time.perf_counter() - started), _SHORTEST)
        return max(1, int((1 - _SLACK) * seconds / a_step)), seconds

    def _calibrate(self, windows: Windows, before: Network | None) -> None:
        """Give a point head its residuals: those of held-out windows, which a refit takes over."""
        head = self.network.head
        if not isinstance(head, Point):
            return
        if before is not None and isinstance(before.head, Point):
            head.residuals.copy_(before.head.residuals)
            return
        self.network.eval()
        with torch.inference_mode():
            batch = Inputs.of(windows.gather(windows.pick_spaced(_CALIBRATION_WINDOWS)), self._device)
            head.learn_residuals(*self.network.outputs(batch))


def _dimensions(panel: Panel, batch: Inputs) -> Dimensions:
    return Dimensions(
        horizon=batch.target.shape[1],
        season=panel.season,
        series=len(panel),
        past=batch.past.shape[2],
        known=batch.known.shape[2],
        static=batch.static.shape[1],
    )


def _arrays(tensors: dict[str, Tensor]) -> Arrays:
    return {name: value.cpu().numpy().copy() for name, value in tensors.items()}


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {prefix + name: value for name, value in arrays.items()}


def _below(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
