"""A forecaster that trains the pretrained network further, on the series of a panel."""

from functools import partial

import numpy as np
import torch

from forecaster import runtime
from forecaster.batches.cutoff_windows import CutoffPlan, cut_at_end
from forecaster.batches.narrow import narrow
from forecaster.batches.update_windows import UpdateWindows
from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Windows
from forecaster.config import PretrainedConfig
from forecaster.errors import InputError
from forecaster.events import Note, Watch
from forecaster.forecast import GRAPH_FILE, Forecast
from forecaster.frequency import Ints
from forecaster.models.fine_tuned_graph import sizes_from_state, sizes_to_state
from forecaster.models.pretrained import find_seasons, forecast_panel, note_covariates
from forecaster.models.pretrained_network import PretrainedNetwork
from forecaster.models.pretrained_torch import run_network
from forecaster.models.state import Arrays, add_prefix, select_prefix
from forecaster.models.trained import Stage, TrainedForecaster, to_arrays, to_tensors
from forecaster.network.export import export_zero_shot
from forecaster.network.zero_shot import Architecture
from forecaster.network.zero_shot_learner import WindowTensors, ZeroShotLearner
from forecaster.panel import Panel
from forecaster.store import pretrained
from forecaster.store.pretrained import PretrainedWeights
from forecaster.training.cutoff_feed import CutoffFeed
from forecaster.training.cutoff_feed import to_tensors as to_window_tensors
from forecaster.training.loop import Learner, Training, time_steps

_VALIDATION_WINDOWS = 512
_VALIDATION_BATCH = 256
_UNCHANGED = "so the pretrained weights are used unchanged"


class FineTunedForecaster(TrainedForecaster):
    """The pretrained network, trained further on all series of a panel.

    The weights of the package are kept unless training improves on them on the validation steps, and where no series is
    long enough for validation. Like the pretrained network, it reads only the target.
    """

    point = "median"

    _sizes: PretrainedWeights
    _network: ZeroShotLearner | None = None

    @property
    def is_fitted(self) -> bool:
        return self._network is not None

    def prepare(self, panel: Panel, validation: Ints | None, *, is_refit: bool, watch: Watch) -> Stage:
        assert isinstance(self.config.model, PretrainedConfig)
        panel = narrow(panel, self.config).panel
        weights = pretrained.find(self.config.model.weights)
        self._load(weights, self.read_start(weights))
        network = self._loaded
        visible = panel if validation is None else panel.cut(validation)
        windows = self._windows(visible)
        feed = CutoffFeed(windows, self._plan(panel), self._device)
        held_out = [] if validation is None else self._held_out(panel, validation)
        if not is_refit:
            note_covariates(panel, watch)
            if not held_out:
                watch(Note(f"no series is long enough to validate fine-tuning, {_UNCHANGED}"))

        def finish(training: Training) -> None:
            if held_out and training.best_step == 0:
                watch(Note(f"fine-tuning was not better on the validation steps, {_UNCHANGED}"))

        validate = partial(network.assess, held_out) if held_out else None
        return Stage(
            network=network,
            feed=feed,
            validate=validate,
            measure_pace=lambda: self._measure_pace(feed, held_out),
            finish=finish,
            is_learnable=len(windows) > 0 and (is_refit or bool(held_out)),
            can_stay=True,
        )

    def read_start(self, weights: PretrainedWeights) -> Arrays:
        """Return the weights from which training starts."""
        return {**weights.read_arrays()}

    def prepare_update(self, panel: Panel, since: int) -> tuple[Learner, CutoffFeed]:
        panel = narrow(panel, self.config).panel
        last = panel.frequency.index(panel.start, np.full(len(panel), since))
        source = UpdateWindows(self._windows(panel), panel.begin + last + 1, np.arange(len(panel)))
        return self._loaded, CutoffFeed(source, self._plan(panel), self._device)

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        run = run_network(self._loaded)
        network = PretrainedNetwork(self._sizes, threads=self.config.training.threads, run=run)
        return forecast_panel(network, panel, horizon, model=self.name)

    def state(self) -> Arrays:
        state = add_prefix("network.", to_arrays(self._loaded.state_dict()))
        return state | sizes_to_state(self._sizes) | {"best_step": np.array([self.best_step])}

    def restore(self, state: Arrays) -> None:
        """Restore a state; the package need not contain the weights from which training started.

        Raises: InputError: the state is not that of a fine-tuned network.
        """
        self._load(sizes_from_state(state), select_prefix("network.", state))
        self.best_step = int(state["best_step"][0])

    def exports(self) -> dict[str, bytes]:
        graph = export_zero_shot(self._loaded)
        return {GRAPH_FILE: graph} if graph else {}

    def limit_steps(self, steps: int) -> int:
        """Return the steps of a fit whose budget is sufficient for `steps`: no more than `training.steps`."""
        return min(steps, self.config.training.steps)

    @property
    def _loaded(self) -> ZeroShotLearner:
        assert self._network is not None, "fit or restore comes first"
        return self._network

    def _load(self, sizes: PretrainedWeights, arrays: Arrays) -> None:
        """Create the network on its device.

        Raises: InputError: the arrays are not those of a network of these sizes.
        """
        architecture = Architecture.from_dict(sizes.card["architecture"])
        with torch.device("meta"):  # a wrong size must not take memory
            shapes = {name: tuple(value.shape) for name, value in ZeroShotLearner(architecture).state_dict().items()}
        if shapes != {name: value.shape for name, value in arrays.items()}:
            raise InputError(f"{self.name}: the weights do not fit the network", hint="train again")
        self._device = torch.device(runtime.resolve_device(self.config.training.device))
        network = ZeroShotLearner(architecture)
        network.load_state_dict(to_tensors(arrays))
        self._sizes, self._network = sizes, network.to(self._device)

    def _windows(self, panel: Panel) -> Windows:
        return Windows.for_training(panel, self._spec, sample_by=self.config.training.draw)

    def _held_out(self, panel: Panel, validation: Ints) -> list[WindowTensors]:
        """Return windows of the validation tails, a few at a time; empty if there are none."""
        windows, plan = Windows.for_validation(panel, validation, self._spec), self._plan(panel)
        numbers = windows.pick_spaced(_VALIDATION_WINDOWS)
        return [
            to_window_tensors(part, self._device)
            for batch in np.split(numbers, np.arange(_VALIDATION_BATCH, len(numbers), _VALIDATION_BATCH))
            if len(batch)
            for part in cut_at_end(windows.gather(batch), plan)
        ]

    def _plan(self, panel: Panel) -> CutoffPlan:
        season, second = find_seasons(panel, self._sizes.context)
        size = self._loaded.architecture
        return CutoffPlan(season, second, size.patch, size.contexts)

    @property
    def _spec(self) -> WindowSpec:
        return WindowSpec(self._sizes.context, min(self.config.horizon, self._sizes.horizon))

    def _measure_pace(self, feed: CutoffFeed, held_out: list[WindowTensors]) -> float:
        probe = ZeroShotLearner(self._loaded.architecture).to(self._device)
        return time_steps(probe, self.config.training, feed, partial(probe.assess, held_out))
