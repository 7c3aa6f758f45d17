"""A forecaster that runs a network's ONNX graph by onnxruntime, without torch."""

import json
from typing import Any

from forecaster.batches.windows import Batch
from forecaster.config import Config
from forecaster.errors import InputError
from forecaster.events import TrainingStep, Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.models.rolling import Block, Rolling
from forecaster.models.state import Arrays
from forecaster.panel import Panel

_ERROR_SEVERITY = 3  # log level of onnxruntime that hides its warnings
_OUTPUTS = ["mean", "quantiles"]


class OnnxForecaster:
    """A network that only predicts, equal to `NeuralForecaster` up to 1e-5 of the size of a series."""

    def __init__(self, config: Config, graph: bytes) -> None:
        """Load a graph.

        Args:
            config: the resolved config of the network.
            graph: the network in ONNX format.

        Raises:
            ImportError: onnxruntime is not installed.
            InputError: onnxruntime cannot read the graph.
        """
        self.name: str = config.name
        self.history: list[TrainingStep] = []
        self._config = config
        self._session = open_session(graph, config.training.threads)
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]
        self.point = str(self._session.get_modelmeta().custom_metadata_map.get("point", "median"))
        self._state: Arrays = {}

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        raise TypeError("an exported network cannot be fitted: build the forecaster without exports")

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
        inputs = {name: getattr(batch, name) for name in self._inputs}
        mean, quantiles = self._session.run(_OUTPUTS, inputs)
        shape = (len(batch.context), self._rolling.window_spec.horizon)
        if mean.shape != shape or quantiles.shape != (*shape, len(PROBABILITIES)):
            raise InputError(
                f"{self.name}: its ONNX graph returns {quantiles.shape[1:]} values a window,"
                f" the config requires {(shape[1], len(PROBABILITIES))}",
                hint="train again",
            )
        return Block(mean, quantiles)


def open_session(graph: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = _ERROR_SEVERITY
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the errors of onnxruntime have no other common base class
        raise InputError("the ONNX graph cannot be read", hint="train again") from error
