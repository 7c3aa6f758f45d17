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

Run = Callable[[Floats, Ints, Ints], Floats]

_MAX_ROWS = 512  # windows that the network reads at once
_INPUTS, _OUTPUT = ("values", "season", "second_season"), "quantiles"


class PretrainedNetwork:
    """A pretrained network with the standardisation of its windows.

    Attributes:
        context: the steps of a window, L.
        horizon: the steps of a forecast, H.
    """

    def __init__(self, weights: PretrainedWeights, *, threads: int) -> None:
        """Load the network.

        Args:
            weights: of the package.
            threads: processor threads.

        Raises: InputError: a file of the weights is missing or altered.
        """
        self.context, self.horizon = weights.context, weights.horizon
        self._name = weights.name
        self._run = _open(weights, threads)

    def forecast(
        self, windows: Values, season: Ints, second_season: Ints, *, least_size: Values | None = None
    ) -> Values:
        """Forecast the steps after each window: the mean of the forecasts of the window and of its mirror image.

        Args:
            windows: [N, L] in the units of the data, NaN where missing.
            season: [N] steps in a season, 1 for none.
            second_season: [N] steps in the second season; equal to `season` if there is none.
            least_size: [N] the smallest units in which a window is read; None for those of the window itself.

        Returns: [N, H, Q] quantiles in the units of the data, never decreasing along Q.
        """
        quantiles = np.empty((len(windows), self.horizon, len(PROBABILITIES)))
        size = _MAX_ROWS // 2  # each window is read twice
        for first in range(0, len(windows), size):
            rows = slice(first, first + size)
            standardised = standardise(windows[rows], season[rows])
            if least_size is not None:
                standardised = standardised.with_least_size(least_size[rows])
            count = len(standardised.values)
            both = np.concatenate([standardised.values, -standardised.values])
            seasons = (np.tile(each[rows], 2) for each in (season, second_season))
            output = self._run(both, *seasons).astype(np.float64)
            if output.shape != (2 * count, self.horizon, len(PROBABILITIES)):
                raise InputError(
                    f"pretrained weights {self._name}: the network returns {output.shape[1:]} values a window",
                    hint="install the program again with `pip install --force-reinstall forecast-rnn`",
                )
            mean = (output[:count] - output[count:, :, ::-1]) / 2
            quantiles[rows] = standardised.restore(mean)
        return quantiles


def _open(weights: PretrainedWeights, threads: int) -> Run:
    if find_spec("onnxruntime") is not None:
        from forecaster.models.onnx import open_session

        graph = weights.read_graph()
        try:
            session = open_session(graph, threads)
        except (ImportError, InputError):  # an onnxruntime too old for the graph
            pass
        else:
            return lambda *inputs: session.run([_OUTPUT], dict(zip(_INPUTS, inputs, strict=True)))[0]
    from forecaster.models.pretrained_torch import open_network

    return open_network(weights, threads)
