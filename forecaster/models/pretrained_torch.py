"""A pretrained network that torch runs, for machines without onnxruntime."""

from collections.abc import Callable

import torch

from forecaster import runtime
from forecaster.frequency import Ints
from forecaster.network.zero_shot import Architecture, ZeroShotNetwork
from forecaster.panel import Floats
from forecaster.store.pretrained import PretrainedWeights

Run = Callable[[Floats, Floats, Ints, Ints], Floats]  # the arguments of ZeroShotNetwork.forward


def open_network(weights: PretrainedWeights, threads: int) -> Run:
    """Return a function that runs the network on the arguments of `ZeroShotNetwork.forward`.

    Args:
        weights: of the package.
        threads: processor threads.

    Raises: InputError: a file of the weights is missing or altered.
    """
    runtime.prepare_torch(threads)
    network = ZeroShotNetwork(Architecture.from_dict(weights.card["architecture"]))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.read_arrays().items()})
    return run_network(network)


def run_network(network: ZeroShotNetwork) -> Run:
    """Return a function that runs a network, in evaluation mode, on the device of its weights."""
    device = next(network.parameters()).device

    def run(history: Floats, context: Floats, season: Ints, second_season: Ints) -> Floats:
        network.eval()
        with torch.inference_mode():
            arrays = (history, context, season, second_season)
            quantiles: Floats = network(*(torch.from_numpy(each).to(device) for each in arrays)).cpu().numpy()
        return quantiles

    return run
