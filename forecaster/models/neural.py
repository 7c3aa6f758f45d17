"""A forecaster that trains one recurrent network."""

import copy
import json
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial

import numpy as np
import torch

from forecaster import runtime
from forecaster.batches.narrow import narrow
from forecaster.batches.update_windows import UpdateWindows
from forecaster.batches.windows import Batch, Windows
from forecaster.config import Config
from forecaster.events import Watch
from forecaster.forecast import GRAPH_FILE, PROBABILITIES, Forecast, Forecaster
from forecaster.frequency import Ints
from forecaster.models.guard import limited_memory, memory_to_build
from forecaster.models.rolling import Block, Rolling, make_forecast, window_spec_of
from forecaster.models.state import Arrays, add_prefix, read_series, read_sizes, select_prefix
from forecaster.models.trained import Stage, TrainedForecaster, to_arrays, to_tensors
from forecaster.network.build import Dimensions, build
from forecaster.network.export import export
from forecaster.network.heads.point import Point
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.network.recursive import RecursiveNetwork
from forecaster.panel import Panel
from forecaster.training.feed import BatchFeed, make_feed
from forecaster.training.loop import Learner, measure_pace, validation_loss

_SAMPLED_WINDOWS = 1024  # windows that the sizes of covariates are estimated from
_ASSESSED_WINDOWS = 1024  # windows that are assessed at once
_CALIBRATION_WINDOWS = 2048


class NeuralForecaster(TrainedForecaster):
    """One network, trained on all series of a panel.

    Horizons longer than the trained one are forecast block by block.

    Attributes:
        window_spec: the content of the windows that the network reads.
    """

    def __init__(self, config: Config, *, startup_seconds: float = 0.0) -> None:
        """Create a forecaster without weights.

        Args:
            config: resolved: `data.horizon`, `model.context`, `embed.width` and `decode.skip` are set.
            startup_seconds: seconds of the budget that are used up before the next fit begins.
        """
        super().__init__(config, startup_seconds=startup_seconds)
        self._series: list[str] = []
        self.window_spec = window_spec_of(config)

    @property
    def point(self) -> str:
        return "expectation"

    @property
    def is_fitted(self) -> bool:
        return self.best_step > 0

    def prepare(self, panel: Panel, validation: Ints | None, *, is_refit: bool, watch: Watch) -> Stage:
        panel = narrow(panel, self.config).panel
        before = self.network if is_refit else None
        self._series = panel.ids.tolist()
        windows, held_out = self._windows(panel, validation)
        sample = Inputs.of(windows.gather(windows.pick_spaced(_SAMPLED_WINDOWS)))
        self._build(_dimensions(panel, sample))
        self.network.covariates.learn(sample)
        self.network.to(self._device)
        return Stage(
            network=self.network,
            feed=make_feed(windows, self._device),
            validate=None if held_out is None else partial(validation_loss, self.network, held_out),
            measure_pace=lambda: measure_pace(self.network, self.config.training, windows, held_out),
            finish=lambda training: self._calibrate(held_out or windows, before),
        )

    def prepare_update(self, panel: Panel, since: int) -> tuple[Learner, BatchFeed]:
        panel = narrow(panel, self.config).panel
        windows, _ = self._windows(panel, None)
        last = panel.frequency.index(panel.start, np.full(len(panel), since))
        source = UpdateWindows(windows, panel.begin + last + 1, self._rolling.numbers(panel))
        return self.network, make_feed(source, self._device)

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        narrowed = narrow(panel, self.config)
        self.network.eval()
        with torch.inference_mode(), self._fork_random():
            block = self._rolling.predict(narrowed.panel, horizon, self._forward)
        return make_forecast(panel, narrowed, block, self.config, self.network.head.point)

    def assess(self, panel: Panel, validation: Ints) -> float:
        """Return the mean pinball loss over windows of the validation tail, in units of each series' spread.

        The network's mode and torch's generator do not change, so this can be called during a training.
        """
        is_training = self.network.training
        windows = Windows.for_validation(narrow(panel, self.config).panel, validation, self.window_spec)
        levels = torch.tensor(PROBABILITIES, device=self._device)
        self.network.eval()
        total, known = 0.0, 0
        with torch.inference_mode(), self._fork_random():
            torch.manual_seed(self.config.training.seed)  # a recursive network samples
            numbers = windows.pick_spaced(_SAMPLED_WINDOWS)
            for first in range(0, len(numbers), _ASSESSED_WINDOWS):
                batch = Inputs.of(windows.gather(numbers[first : first + _ASSESSED_WINDOWS]), self._device)
                is_known = ~batch.target.isnan() & (batch.spread > 0)[:, None]
                errors = batch.target[..., None] - self.network(batch).quantiles  # [B, H, Q]
                losses = torch.maximum(levels * errors, (levels - 1) * errors).mean(2) / batch.spread[:, None]
                total += float(losses.where(is_known, 0).sum())
                known += int(is_known.sum())
        self.network.train(is_training)
        return total / known if known else math.inf

    def state(self) -> Arrays:
        state = add_prefix("network.", to_arrays(self.network.state_dict()))
        state |= {f"dimensions.{name}": np.array([size]) for name, size in asdict(self._dimensions).items()}
        state["best_step"] = np.array([self.best_step])
        if self.has_series_identity:
            state["series"] = np.frombuffer(json.dumps(self._series).encode(), np.uint8)
        return state

    def restore(self, state: Arrays) -> None:
        dimensions = Dimensions(**read_sizes(state, horizon=self.config.horizon))
        self._build(dimensions, most_bytes=memory_to_build(state))
        self.network.load_state_dict(to_tensors(select_prefix("network.", state)))
        self.network.to(self._device)
        self.best_step = int(state["best_step"][0])
        self._series = read_series(state)

    def networks(self) -> Sequence[Forecaster]:
        return [self]

    def exports(self) -> dict[str, bytes]:
        metadata = {
            "point": self.network.head.point,
            "probabilities": json.dumps(PROBABILITIES),
            "season": str(self._dimensions.season),
        }
        if self.has_series_identity:
            metadata["series"] = json.dumps(self._series)
        network = self.network if self._device.type == "cpu" else copy.deepcopy(self.network).cpu()
        graph = export(network, self._dimensions, context=self.window_spec.context, metadata=metadata)
        return {GRAPH_FILE: graph} if graph else {}

    def _build(self, dimensions: Dimensions, *, most_bytes: int | None = None) -> None:
        """Create the network on the processor, so that a seed gives the same weights on every device.

        Args:
            most_bytes: the memory that it may take; None for any.
        """
        self._device = torch.device(runtime.resolve_device(self.config.training.device))
        torch.manual_seed(self.config.training.seed)
        self._dimensions = dimensions
        with limited_memory(most_bytes):
            self.network: Network = build(self.config, dimensions, probabilities=PROBABILITIES)

    @property
    def has_series_identity(self) -> bool:
        """True if a forecast depends on the identity of its series."""
        return self.config.embed.identity > 0 or self.config.scale.kind == "cycle"

    def series_numbers(self, panel: Panel) -> Ints:
        """Return the [N] numbers of a panel's series among the trained ones; an unseen series gets their count."""
        return self._rolling.numbers(panel)

    @property
    def _rolling(self) -> Rolling:
        size = self._dimensions
        is_recursive = isinstance(self.network, RecursiveNetwork)
        return Rolling.of(
            self.config, season=size.season, count=size.series, series=self._series, is_recursive=is_recursive
        )

    def _forward(self, batch: Batch) -> Block:
        torch.manual_seed(self.config.training.seed)  # a recursive network samples; the same for every series
        mean, quantiles = self.network(Inputs.of(batch, self._device))
        return Block(mean.cpu().numpy(), quantiles.cpu().numpy())

    def _fork_random(self) -> AbstractContextManager[None]:
        """Return a context after which torch's generators have the same state as before."""
        devices = [] if self._device.type == "cpu" else [torch.cuda.current_device()]
        return torch.random.fork_rng(devices=devices)

    def _windows(self, panel: Panel, validation: Ints | None) -> tuple[Windows, Windows | None]:
        sample_by = self.config.training.draw
        if validation is None or not validation.any():
            return Windows.for_training(panel, self.window_spec, sample_by=sample_by), None
        return (
            Windows.for_training(panel.cut(validation), self.window_spec, sample_by=sample_by),
            Windows.for_validation(panel, validation, self.window_spec),
        )

    def _calibrate(self, windows: Windows, before: Network | None) -> None:
        """Set the residuals of a point head to those of held-out windows; a refit keeps them."""
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
