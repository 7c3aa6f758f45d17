"""A recurrent network as a Forecaster."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forecaster.config import Config
from forecaster.data.windows import Windows
from forecaster.errors import Interrupted
from forecaster.events import TrainingEnded, TrainingStarted, TrainingStep, Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.network.network import Network, build
from forecaster.panel import Panel
from forecaster.training.loop import Training, history_of, history_rows

Arrays = dict[str, npt.NDArray[np.generic]]

_PREDICTION_BATCH = 1024
_MEDIAN = PROBABILITIES.index(0.5)


class NeuralForecaster:
    """Train one network on all series of a panel, and forecast with it.

    The point forecast is the median. Longer horizons than the trained one are rolled forward.
    """

    point = "median"

    def __init__(self, config: Config) -> None:
        """Take a resolved config: `data.horizon`, `model.context` and `embed.width` are set."""
        self.name: str = config.model.kind
        self.history: list[TrainingStep] = []
        self.best_step = 0
        self._config = config
        self._horizon = config.data.horizon or 1
        self._context = getattr(config.model, "context", None) or 1
        self.network = self._build()

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        is_refit = validation is None and self.best_step > 0
        stage = "refit" if is_refit else "fit"
        saved = checkpoint.load() if checkpoint else {}
        if stage == "fit" and "fitted.best_step" in saved:
            self._take_fitted(saved)
            watch(TrainingEnded(stage, len(self.history), self.best_step, self.history[-1].seconds))
            return
        fitted = self._fitted_state() if is_refit else {}
        torch.manual_seed(self._config.training.seed)
        self.network = self._build()
        steps = self.best_step if is_refit else self._config.training.steps
        training = Training(self.network, self._config.training, steps=steps)
        if f"{stage}.random" in saved:
            training.restore(_tensors(_below(f"{stage}.", saved)))

        def save() -> None:
            if checkpoint:
                checkpoint.save(fitted | _prefixed(f"{stage}.", _arrays(training.state())))

        watch(TrainingStarted(stage, steps, len(training.history)))
        for step in training.steps(*self._windows(panel, validation)):
            try:
                watch(step)
            except Interrupted:
                save()
                raise
            if checkpoint and checkpoint.is_due():
                save()
        training.keep_best()
        if not is_refit:
            self.best_step, self.history = training.best_step, training.history
            if checkpoint:
                checkpoint.save(self._fitted_state())
        watch(TrainingEnded(stage, len(training.history), training.best_step, training.history[-1].seconds))

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        contexts = Windows.for_prediction(panel, context=self._context)
        self.network.eval()
        parts = []
        with torch.inference_mode():
            for numbers in torch.split(torch.arange(len(panel)), _PREDICTION_BATCH):
                batch = contexts.at(numbers)
                for row in np.flatnonzero(
                    batch.context.isnan().all(1).numpy()
                ).tolist():  # a gap longer than the context
                    batch.context[row, 0] = panel.last_value(int(numbers[row]))
                parts.append(self._roll(batch.context, batch.spread, horizon))
        quantiles = torch.cat(parts).numpy()
        return Forecast.of(panel, quantiles[:, :, _MEDIAN], quantiles, model=self.name)

    def state(self) -> Arrays:
        return _arrays(self.network.state_dict()) | {"best_step": np.array([self.best_step])}

    def restore(self, state: Arrays) -> None:
        weights = dict(state)
        self.best_step = int(weights.pop("best_step")[0])
        self.network.load_state_dict(_tensors(weights))

    def _build(self) -> Network:
        width = self._config.embed.width or 1
        size = {"context": self._context, "horizon": self._horizon, "width": width}
        return build(self._config, **size, probabilities=PROBABILITIES)

    def _windows(self, panel: Panel, validation: Ints | None) -> tuple[Windows, Windows | None]:
        size = {"context": self._context, "horizon": self._horizon}
        if validation is None or not validation.any():
            return Windows.for_training(panel, **size), None
        return Windows.for_training(panel.cut(validation), **size), Windows.for_validation(panel, validation, **size)

    def _roll(self, context: Tensor, spread: Tensor, horizon: int) -> Tensor:
        """[B, horizon, Q]: forecast block by block, the medians of each block being the context of the next.

        The error at the end of a block carries into all later ones, so the distances of their quantiles from the
        median grow in quadrature, as those of a sum of independent errors do.
        """
        blocks = [self.network(context, spread)]
        for _ in range(1, -(-horizon // self._horizon)):
            before = blocks[-1]
            median = before[:, :, _MEDIAN]
            context = torch.cat([context, median], dim=1)[:, -self._context :]
            block = self.network(context, spread)
            centre = block[:, :, _MEDIAN, None]
            carried = before[:, -1:] - before[:, -1:, _MEDIAN, None]  # [B, 1, Q]
            own = block - centre
            blocks.append(centre + torch.sign(own + carried) * torch.hypot(own, carried))
        return torch.cat(blocks, dim=1)[:, :horizon]

    def _fitted_state(self) -> Arrays:
        return _prefixed("fitted.", self.state() | {"history": history_rows(self.history)})

    def _take_fitted(self, saved: Arrays) -> None:
        fitted = _below("fitted.", saved)
        self.history = history_of(fitted.pop("history").astype(np.float64))
        self.restore(fitted)


def _arrays(tensors: dict[str, Tensor]) -> Arrays:
    return {name: value.numpy().copy() for name, value in tensors.items()}


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {prefix + name: value for name, value in arrays.items()}


def _below(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
