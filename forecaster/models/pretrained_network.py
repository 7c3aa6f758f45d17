"""A pretrained network that onnxruntime runs if it is installed, and torch otherwise."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from forecaster.batches.standardise import Values, standardise
from forecaster.errors import InputError
from forecaster.forecast import PROBABILITIES
from forecaster.frequency import Ints
from forecaster.panel import Floats
from forecaster.store.pretrained import PretrainedWeights

Run = Callable[[Floats, Floats, Ints, Ints], Floats]  # the arguments of ZeroShotNetwork.forward

_MAX_ROWS = 512  # windows that the network reads at once
INPUTS, OUTPUT = ("history", "context", "season", "second_season"), "quantiles"


class PretrainedNetwork:
    """A pretrained network with the standardisation of its windows.

    Attributes:
        context: the steps of a window, L.
        horizon: the steps of a forecast, H.
    """

    def __init__(
        self, weights: PretrainedWeights, *, threads: int, graph_threads: int | None = None, run: Run | None = None
    ) -> None:
        """Load the network.

        Args:
            weights: of the package.
            threads: processor threads for torch, whose results depend on them.
            graph_threads: processor threads for onnxruntime; None for as many as for torch.
            run: runs a network of the same sizes; None to run that of the weights.

        Raises: InputError: a file of the weights is missing or altered.
        """
        self.context, self.horizon = weights.context, weights.horizon
        self._recurrent_contexts = weights.recurrent_contexts
        self._name = weights.name
        self._run = run or _open(weights, threads, graph_threads or threads)

    def forecast(
        self, windows: Values, season: Ints, second_season: Ints, *, least_size: Values | None = None
    ) -> Values:
        """Forecast the steps after each window: the mean of the forecasts of the window and of its mirror image.

        The recurrence reads the last steps of a window: the fewest that cover its values, of those that the network was
        trained with.

        Args:
            windows: [N, L] in the units of the data, NaN where missing.
            season: [N] steps in a season, 1 for none.
            second_season: [N] steps in the second season; equal to `season` if there is none.
            least_size: [N] the smallest units in which a window is read; None for those of the window itself.

        Returns: [N, H, Q] quantiles in the units of the data, never decreasing along Q.
        """
        quantiles = np.empty((len(windows), self.horizon, len(PROBABILITIES)))
        is_known = ~np.isnan(windows)
        lengths = np.where(is_known.any(1), self.context - is_known.argmax(1), 0)  # [N] from the first value on
        number = np.searchsorted(self._recurrent_contexts[:-1], lengths)
        size = _MAX_ROWS // 2  # each window is read twice
        for steps in self._recurrent_contexts:
            members = np.flatnonzero(number == self._recurrent_contexts.index(steps))
            if not len(members):
                continue
            for rows in np.split(members, np.arange(size, len(members), size)):
                least = None if least_size is None else least_size[rows]
                quantiles[rows] = self._forecast(windows[rows], (season[rows], second_season[rows]), steps, least)
        return quantiles

    def _forecast(self, windows: Values, seasons: tuple[Ints, Ints], steps: int, least_size: Values | None) -> Values:
        """Forecast windows [B, L] whose last `steps` the recurrence reads."""
        standardised = standardise(windows, seasons[0])
        if least_size is not None:
            standardised = standardised.with_least_size(least_size)
        history = np.concatenate([standardised.values, -standardised.values])
        context = np.ascontiguousarray(history[:, -steps:])
        output = self._run(history, context, *(np.tile(each, 2) for each in seasons)).astype(np.float64)
        count, shape = len(windows), (self.horizon, len(PROBABILITIES))
        if output.shape != (2 * count, *shape):
            raise InputError(
                f"pretrained weights {self._name}: the network returns {output.shape[1:]} values a window, not {shape}",
                hint="install the program again with `pip install --force-reinstall forecast-rnn`",
            )
        return standardised.restore((output[:count] - output[count:, :, ::-1]) / 2)


def _open(weights: PretrainedWeights, threads: int, graph_threads: int) -> Run:
    if find_spec("onnxruntime") is not None:
        from forecaster.models.onnx import open_session

        graph = weights.read_graph()
        try:
            session = open_session(graph, graph_threads)
        except (ImportError, InputError):  # an onnxruntime too old for the graph
            pass
        else:
            return lambda *inputs: session.run([OUTPUT], dict(zip(INPUTS, inputs, strict=True)))[0]
    from forecaster.models.pretrained_torch import open_network

    return open_network(weights, threads)
