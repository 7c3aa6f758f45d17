"""A pretrained network that torch runs, for machines without onnxruntime."""

from collections.abc import Callable

import torch

from forecaster import runtime
from forecaster.frequency import Ints
from forecaster.network.zero_shot import Architecture, ZeroShotNetwork
from forecaster.panel import Floats
from forecaster.store.pretrained import PretrainedWeights


def open_network(weights: PretrainedWeights, threads: int) -> Callable[[Floats, Floats, Ints, Ints], Floats]:
    """Return a function that runs the network on the arguments of `ZeroShotNetwork.forward`.

    Args:
        weights: of the package.
        threads: processor threads.

    Raises: InputError: a file of the weights is missing or altered.
    """
    runtime.prepare_torch(threads)
    network = ZeroShotNetwork(Architecture.from_dict(weights.card["architecture"]))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.read_arrays().items()})
    network.eval()

    def run(history: Floats, context: Floats, season: Ints, second_season: Ints) -> Floats:
        with torch.inference_mode():
            arrays = (history, context, season, second_season)
            tensors = (torch.from_numpy(each) for each in arrays)
            quantiles: Floats = network(*tensors).numpy()
        return quantiles

    return run
