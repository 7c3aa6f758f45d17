"""Forecasters restored from the arrays of a bundle, which a stranger may have written or damaged."""

from forecaster import runtime
from forecaster.config import Config, Device
from forecaster.errors import as_input_error
from forecaster.forecast import Forecaster
from forecaster.models.build import Exports, build, place_on_device
from forecaster.models.state import Arrays
from forecaster.models.variants import has_networks

CANNOT_RUN = "the model of this bundle cannot be run"


def restore_forecaster(
    config: Config, state: Arrays, exports: Exports | None = None, *, device: Device = "cpu"
) -> Forecaster:
    """Build a fitted forecaster from its state; with graphs only to predict, and if possible without loading torch.

    Args:
        config: the resolved config of the fitted forecaster.
        state: the result of its `state`.
        exports: the result of its `exports`; None for a forecaster that can be explained or fitted further.
        device: the device of the networks; graphs, which need no torch, run on the processor only.

    Raises:
        DependencyError: the device does not exist.
        InputError: the state does not fit the config.
    """
    with as_input_error(f"{config.name}: {CANNOT_RUN}"):
        if device != "cpu" and has_networks(config):
            device = runtime.resolve_device(device)
        forecaster = build(place_on_device(config, device), exports=exports)
        forecaster.restore(state)
    return forecaster
