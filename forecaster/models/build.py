"""The forecaster that a resolved config names."""

import contextlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from forecaster import runtime
from forecaster.config import (
    Config,
    Device,
    DriftConfig,
    NaiveConfig,
    NetworkModel,
    SeasonalNaiveConfig,
    StatisticalModel,
)
from forecaster.errors import InputError
from forecaster.forecast import GRAPH_FILE, Forecaster
from forecaster.models.calibrated import MAX_CUTOFFS, Calibrated
from forecaster.models.naive import Drift, Naive, SeasonalNaive
from forecaster.models.statistical import Statistical
from forecaster.models.variants import has_networks, members_of, workers_of

Arrays = dict[str, npt.NDArray[np.generic]]
Exports = Mapping[str, bytes]


_FEW_CUTOFFS = 4  # for what is fitted anew at each


def restore_forecaster(config: Config, state: Arrays, exports: Exports, *, device: Device = "cpu") -> Forecaster:
    """Make a forecaster that only predicts from what another one learnt, without torch where that is possible.

    Args:
        device: where; the graphs, which need no torch, are run on the processor alone.

    Raises: DependencyError: there is no such device.
    """
    if device != "cpu" and has_networks(config):
        device = runtime.resolve_device(device)
    config = place_on_device(config, device)
    forecaster = build(config, exports=exports)
    forecaster.restore(state)
    return forecaster


def place_on_device(config: Config, device: Device) -> Config:
    """The same config, its networks on a device of this machine, whatever they were trained on."""
    return config.model_copy(update={"training": config.training.model_copy(update={"device": device})})


def adapt_to_machine(config: Config, device: Device | None = None) -> Config:
    """A bundle's config for this machine: on a device that is named, else where it was trained, if that is here."""
    return place_on_device(config, device or ("auto" if config.training.device == "cuda" else config.training.device))


def build(config: Config, *, exports: Exports | None = None) -> Forecaster:
    """Make the forecaster that a resolved config names, its intervals calibrated if they are to be.

    Args:
        exports: the networks' graphs, of a forecaster that is to predict and no more. Those that are there are run by
            onnxruntime, where it is installed, the others by torch, which is made ready for the config's threads.
    """
    forecaster = build_model(config, exports=exports)
    match config.conformal.kind:
        case "split":
            is_slow = any(isinstance(member.model, StatisticalModel) for member in members_of(config))
            cutoffs = _FEW_CUTOFFS if is_slow else MAX_CUTOFFS
            return Calibrated(forecaster, horizon=config.horizon, cutoffs=cutoffs)
        case "off":
            return forecaster


def build_model(config: Config, *, exports: Exports | None = None) -> Forecaster:
    """Make the forecaster that a resolved config names, its intervals as it gives them."""
    members = members_of(config)
    if len(members) == 1:
        return _alone(members[0], exports)
    from forecaster.models.ensemble import Ensemble, split_members

    graphs = [None] * len(members) if exports is None else split_members(exports, len(members))
    models = [build_model(member, exports=own) for member, own in zip(members, graphs, strict=True)]
    return Ensemble(models, name=config.name, workers=workers_of(config))


def _alone(config: Config, exports: Exports | None) -> Forecaster:
    match config.model:
        case NaiveConfig():
            return Naive()
        case SeasonalNaiveConfig():
            return SeasonalNaive()
        case DriftConfig():
            return Drift()
        case StatisticalModel():
            return Statistical(config.model)
        case NetworkModel():
            return _network(config, exports)
    raise TypeError("selection.auto has to choose first")


def _network(config: Config, exports: Exports | None) -> Forecaster:
    if exports is not None and GRAPH_FILE in exports and config.training.device != "cuda":
        from forecaster.models.onnx import OnnxForecaster

        # without the runtime, or with one too old for the graph, the weights say the same
        with contextlib.suppress(ImportError, InputError):
            return OnnxForecaster(config, exports[GRAPH_FILE])
    from forecaster.models.neural import NeuralForecaster

    return NeuralForecaster(config)
