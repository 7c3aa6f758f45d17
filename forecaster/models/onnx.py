"""A network read from its ONNX graph by onnxruntime: a forecast without torch."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.batches.windows import Batch
from forecaster.config import Config
from forecaster.errors import InputError
from forecaster.events import TrainingStep, Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.models.rolling import Block, Rolling
from forecaster.panel import Panel

Arrays = dict[str, npt.NDArray[np.generic]]

_ERRORS_ALONE = 3  # of the runtime's levels: its warnings are not for the user
_OUTPUTS = ["mean", "quantiles"]


class OnnxForecaster:
    """Forecast as `NeuralForecaster` does, equal to 1e-5 of a series' size; it cannot learn."""

    def __init__(self, config: Config, graph: bytes) -> None:
        """Take a network's resolved config and its graph.

        Raises:
            ImportError: onnxruntime is not installed.
            InputError: the graph is none that it can read.
        """
        self.name: str = config.name
        self.history: list[TrainingStep] = []
        self._config = config
        self._session = _open(graph, config.training.threads)
        self._inputs = [each.name for each in self._session.get_inputs()]
        self.point = str(self._session.get_modelmeta().custom_metadata_map.get("point", "median"))
        self._state: Arrays = {}

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        raise TypeError("an exported network does not learn: build the forecaster without exports")

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        mean, quantiles = self._rolling.predict(panel, horizon, self._forward)
        return Forecast.of(panel, mean, quantiles, model=self.name)

    def state(self) -> Arrays:
        return self._state

    def restore(self, state: Arrays) -> None:
        self._state = state
        series = json.loads(state["series"].tobytes()) if "series" in state else []
        season, count = (int(state[f"dimensions.{name}"][0]) for name in ("season", "series"))
        self._rolling = Rolling.of(self._config, season=season, count=count, series=series)

    def _forward(self, batch: Batch) -> Block:
        given = {name: getattr(batch, name) for name in self._inputs}
        mean, quantiles = self._session.run(_OUTPUTS, given)
        shape = (len(batch.context), self._rolling.window_spec.horizon)
        if mean.shape != shape or quantiles.shape != (*shape, len(PROBABILITIES)):
            raise InputError(
                f"{self.name}: its ONNX graph gives {quantiles.shape[1:]} values a window,"
                f" the config asks for {(shape[1], len(PROBABILITIES))}",
                hint="train again",
            )
        return Block(mean, quantiles)


def _open(graph: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = _ERRORS_ALONE
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own kinds have no parent but this one
        raise InputError("the ONNX graph cannot be read", hint="train again") from error
