"""A forecaster that runs a network's ONNX graph by onnxruntime, without torch."""

from typing import Any

from forecaster.batches.narrow import narrow
from forecaster.batches.windows import Batch
from forecaster.config import Config
from forecaster.errors import InputError
from forecaster.events import TrainingStep, Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.models.graph_check import UnsupportedGraph, check_graph
from forecaster.models.guard import Stopwatch, largest_memory, limited_memory, longest_time, refuse_long_run
from forecaster.models.rolling import Block, Rolling, make_forecast
from forecaster.models.state import Arrays, read_series, read_sizes
from forecaster.panel import Panel

_SEVERITY = 4  # log level of onnxruntime that hides what it raises as an error anyway
_OUTPUTS = ["mean", "quantiles"]
_FOLDING = ["ConstantFolding"]  # would compute constants of any size while the graph is loaded, without a time limit
_MAX_FACTOR_IN_MEMORY = 8  # size of a loaded graph, relative to its file
_MAX_REASON = 200  # characters of a message of onnxruntime


class GuardedSession:
    """A graph that a stranger may have written, run by onnxruntime within limits of time and memory."""

    def __init__(self, name: str, graph: bytes, *, threads: int) -> None:
        """Load a graph.

        Args:
            name: the name of the model in errors.
            graph: in ONNX format.

        Raises:
            ImportError: onnxruntime or onnx is not installed.
            InputError: the graph could do harm, see `check_graph`.
            UnsupportedGraph: onnxruntime cannot read the graph.
        """
        self._name = name
        self._values = check_graph(graph)
        try:
            with limited_memory(_MAX_FACTOR_IN_MEMORY * len(graph) + largest_memory(1, 1, self._values)):
                self._session = open_session(graph, threads, disabled_optimizers=_FOLDING)
        except InputError as error:
            raise UnsupportedGraph from error
        self.inputs = [tensor.name for tensor in self._session.get_inputs()]
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, outputs: list[str], inputs: dict[str, Any], *, windows: int, steps: int) -> list[Any]:
        """Run the graph for a batch of windows.

        Args:
            steps: of a window.

        Raises: InputError: it fails, or takes longer than a network of its size can.
        """
        import onnxruntime

        size = windows, steps, self._values
        options, seconds = onnxruntime.RunOptions(), longest_time(*size)
        options.log_severity_level = _SEVERITY
        with limited_memory(largest_memory(*size)), Stopwatch(options, seconds) as stopwatch:
            try:
                results: list[Any] = self._session.run(outputs, inputs, options)
            except Exception as error:  # the errors of onnxruntime have no other common base class
                if stopwatch.is_over:
                    raise refuse_long_run(self._name, seconds) from error
                reason = " ".join(str(error).split())[:_MAX_REASON]
                raise InputError(f"{self._name}: its ONNX graph fails: {reason}", hint="train again") from error
        return results


class OnnxForecaster:
    """A network that only predicts, equal to `NeuralForecaster` up to 1e-5 of the size of a series."""

    def __init__(self, config: Config, graph: bytes) -> None:
        """Load a graph.

        Args:
            config: the resolved config of the network.
            graph: the network in ONNX format.

        Raises: ImportError, InputError, UnsupportedGraph: as `GuardedSession`.
        """
        self.name: str = config.name
        self.history: list[TrainingStep] = []
        self._config = config
        self._session = GuardedSession(self.name, graph, threads=config.training.threads)
        self.point = "expectation"
        self._point = str(self._session.metadata.get("point", "median"))
        self._state: Arrays = {}

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        raise TypeError("an exported network cannot be fitted: build the forecaster without exports")

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        narrowed = narrow(panel, self._config)
        block = self._rolling.predict(narrowed.panel, horizon, self._forward)
        return make_forecast(panel, narrowed, block, self._config, self._point)

    def state(self) -> Arrays:
        return self._state

    def restore(self, state: Arrays) -> None:
        self._state = state
        sizes = read_sizes(state, horizon=self._config.horizon)
        self._rolling = Rolling.of(
            self._config, season=sizes["season"], count=sizes["series"], series=read_series(state)
        )

    def _forward(self, batch: Batch) -> Block:
        inputs = {name: getattr(batch, name) for name in self._session.inputs}
        windows, spec = len(batch.context), self._rolling.window_spec
        mean, quantiles = self._session.run(_OUTPUTS, inputs, windows=windows, steps=spec.context + spec.horizon)
        shape = (windows, spec.horizon)
        if mean.shape != shape or quantiles.shape != (*shape, len(PROBABILITIES)):
            raise InputError(
                f"{self.name}: its ONNX graph returns {quantiles.shape[1:]} values a window,"
                f" the config requires {(shape[1], len(PROBABILITIES))}",
                hint="train again",
            )
        return Block(mean, quantiles)


def open_session(graph: bytes, threads: int, **options: Any) -> Any:
    """Load a graph by onnxruntime.

    Args:
        threads: processor threads; the last digits of the results can depend on their number.
        options: further arguments of `InferenceSession`.

    Raises: InputError: onnxruntime cannot read the graph.
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    settings.log_severity_level = _SEVERITY
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other processes need the cores, too
    try:
        return onnxruntime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"], **options)
    except Exception as error:  # the errors of onnxruntime have no other common base class
        raise InputError("the ONNX graph cannot be read", hint="train again") from error
