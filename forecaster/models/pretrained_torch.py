"""A pretrained network that torch runs, for machines without onnxruntime."""

from collections.abc import Callable
from importlib import import_module

import torch

from forecaster import runtime
from forecaster.frequency import Ints
from forecaster.panel import Floats
from forecaster.store.pretrained import PretrainedWeights


def open_network(weights: PretrainedWeights, threads: int) -> Callable[[Floats, Ints, Ints], Floats]:
    """Return a function that runs the network on windows, seasons and second seasons.

    Args:
        weights: of the package.
        threads: processor threads.

    Raises: InputError: a file of the weights is missing or altered.
    """
    runtime.prepare_torch(threads)
    build = import_module("forecaster.network.zero_shot").build_zero_shot
    network: torch.nn.Module = build(weights.card["architecture"])
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.read_arrays().items()})
    network.eval()

    def run(values: Floats, season: Ints, second_season: Ints) -> Floats:
        with torch.inference_mode():
            tensors = (torch.from_numpy(each) for each in (values, season, second_season))
            quantiles: Floats = network(*tensors).numpy()
        return quantiles

    return run
