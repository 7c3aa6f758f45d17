"""A fine-tuned network that onnxruntime runs, to predict only; and the sizes in the state of a fine-tuned network."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.config import Config
from forecaster.errors import InputError
from forecaster.events import TrainingStep, Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.model_table import CELLS
from forecaster.models.onnx import GuardedSession
from forecaster.models.pretrained import forecast_panel
from forecaster.models.pretrained_network import INPUTS, OUTPUT, PretrainedNetwork
from forecaster.models.state import Arrays
from forecaster.panel import Floats, Panel
from forecaster.store.pretrained import PretrainedWeights

_CARD = "card"
# Limits of the sizes in a bundle, which a stranger may have written.
_MAX_SIZES = {"hidden": 4096, "layers": 32, "patch": 1024, "history": 65536, "horizon": 4096}


class FineTunedGraph:
    """A fine-tuned network that only predicts, equal to `FineTunedForecaster` up to 1e-4 of the size of a series."""

    point = "median"

    def __init__(self, config: Config, graph: bytes) -> None:
        """Load a graph.

        Args:
            config: the resolved config of the network.
            graph: the network in ONNX format.

        Raises: ImportError, InputError, UnsupportedGraph: as `GuardedSession`.
        """
        self.name: str = config.name
        self.history: list[TrainingStep] = []
        self._threads = config.training.threads
        self._session = GuardedSession(self.name, graph, threads=self._threads)
        self._state: Arrays = {}

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        raise TypeError("an exported network cannot be fitted: build the forecaster without exports")

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        network = PretrainedNetwork(sizes_from_state(self._state), threads=self._threads, run=self._run)
        return forecast_panel(network, panel, horizon, model=self.name)

    def _run(self, *inputs: Any) -> Floats:
        windows, steps = inputs[0].shape
        named = dict(zip(INPUTS, inputs, strict=True))
        quantiles: Floats = self._session.run([OUTPUT], named, windows=windows, steps=steps)[0]
        return quantiles

    def state(self) -> Arrays:
        return self._state

    def restore(self, state: Arrays) -> None:
        sizes_from_state(state)
        self._state = state


def sizes_to_state(weights: PretrainedWeights) -> Arrays:
    """Return the sizes of a network as arrays of a state."""
    card = {name: weights.card[name] for name in ("name", "context", "horizon", "architecture")}
    return {_CARD: np.frombuffer(json.dumps(card, sort_keys=True).encode(), np.uint8)}


def sizes_from_state(state: Arrays) -> PretrainedWeights:
    """Return the sizes in a state, without files.

    Raises: InputError: the state has no sizes, or impossible ones.
    """
    try:
        card = json.loads(state[_CARD].tobytes())
        if not _is_possible(card):
            raise ValueError
        return PretrainedWeights(Path(), card)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError("fine_tuned: the bundle does not describe its network", hint="train again") from error


def _is_possible(card: dict[str, Any]) -> bool:
    size = card["architecture"]
    contexts = size["contexts"]
    return (
        all(isinstance(size[name], int) and 1 <= size[name] <= most for name, most in _MAX_SIZES.items())
        and isinstance(card["name"], str)
        and size["cell"] in CELLS
        and tuple(size["probabilities"]) == PROBABILITIES
        and (card["context"], card["horizon"]) == (size["history"], size["horizon"])
        and size["horizon"] % size["patch"] == 0
        and list(contexts) == sorted(contexts)
        and all(isinstance(each, int) and 0 < each <= size["history"] for each in contexts)
        and all(each % size["patch"] == 0 for each in contexts)
        and len(contexts) > 0
    )
