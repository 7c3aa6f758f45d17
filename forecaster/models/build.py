"""Builds the forecaster that a resolved config describes."""

import contextlib
from collections.abc import Mapping

from forecaster.config import (
    Config,
    CrostonConfig,
    Device,
    DriftConfig,
    NaiveConfig,
    NetworkModel,
    PretrainedConfig,
    SeasonalNaiveConfig,
    StatisticalModel,
    TsbConfig,
)
from forecaster.forecast import GRAPH_FILE, Forecaster
from forecaster.models.calibrated import MAX_CUTOFFS, Calibrated
from forecaster.models.intermittent import Intermittent
from forecaster.models.member_choice import MemberChoice
from forecaster.models.naive import Drift, Naive, SeasonalNaive
from forecaster.models.pretrained import PretrainedForecaster
from forecaster.models.statistical import Statistical
from forecaster.models.variants import members_of, workers_of

Exports = Mapping[str, bytes]


_MAX_CUTOFFS_OF_STATISTICAL = 4  # a statistical model is fitted again for each cutoff


def place_on_device(config: Config, device: Device) -> Config:
    """Return the config with its networks placed on another device."""
    return config.model_copy(update={"training": config.training.model_copy(update={"device": device})})


def adapt_to_machine(config: Config, device: Device | None = None) -> Config:
    """Return a bundle's config for this machine.

    Args:
        device: the device of the networks; None for the device of their training, if this machine has it.
    """
    return place_on_device(config, device or ("auto" if config.training.device == "cuda" else config.training.device))


def build(config: Config, *, exports: Exports | None = None) -> Forecaster:
    """Build the forecaster that a resolved config describes, with calibrated intervals unless these are off.

    Args:
        exports: the networks' graphs, for a forecaster that only predicts; None for one that can be fitted. Networks
            with a graph are run by onnxruntime if it is installed, the others by torch.
    """
    forecaster = build_model(config, exports=exports)
    match config.conformal.kind:
        case "split":
            is_slow = any(isinstance(member.model, StatisticalModel) for member in members_of(config))
            cutoffs = _MAX_CUTOFFS_OF_STATISTICAL if is_slow else MAX_CUTOFFS
            return Calibrated(forecaster, horizon=config.horizon, cutoffs=cutoffs)
        case "off":
            return forecaster


def build_model(config: Config, *, exports: Exports | None = None) -> Forecaster:
    """Build the forecaster that a resolved config describes, without calibration of its intervals."""
    members = members_of(config)
    if len(members) == 1:
        return _build_single(members[0], exports)
    from forecaster.models.ensemble import Ensemble, split_members

    graphs = [None] * len(members) if exports is None else split_members(exports, len(members))
    models = [build_model(member, exports=member_graphs) for member, member_graphs in zip(members, graphs, strict=True)]
    most = config.ensemble.choose
    choice = None if most is None or exports is not None else MemberChoice(config.horizon, most)
    return Ensemble(models, name=config.name, workers=workers_of(config), choice=choice)


def _build_single(config: Config, exports: Exports | None) -> Forecaster:
    match config.model:
        case PretrainedConfig() if config.is_fine_tuned:
            return _build_fine_tuned(config, exports)
        case PretrainedConfig():
            return PretrainedForecaster(config.model, threads=config.training.threads)
        case NaiveConfig():
            return Naive()
        case SeasonalNaiveConfig():
            return SeasonalNaive()
        case DriftConfig():
            return Drift()
        case StatisticalModel():
            return Statistical(config.model)
        case CrostonConfig() | TsbConfig():
            return Intermittent(config.model)
        case NetworkModel():
            return _build_network(config, exports)
    raise TypeError("selection.auto has to choose a model first")


def _build_fine_tuned(config: Config, exports: Exports | None) -> Forecaster:
    graph = _graph_to_run(config, exports)
    if graph is not None:
        from forecaster.models.fine_tuned_graph import FineTunedGraph
        from forecaster.models.graph_check import UnsupportedGraph

        with contextlib.suppress(ImportError, UnsupportedGraph):  # as in `_build_network`
            return FineTunedGraph(config, graph)
    from forecaster.models.fine_tuned import FineTunedForecaster

    return FineTunedForecaster(config)


def _graph_to_run(config: Config, exports: Exports | None) -> bytes | None:
    """Return the graph of a forecaster that only predicts, on the processor; None if there is none."""
    return exports.get(GRAPH_FILE) if exports is not None and config.training.device != "cuda" else None


def _build_network(config: Config, exports: Exports | None) -> Forecaster:
    graph = _graph_to_run(config, exports)
    if graph is not None:
        from forecaster.models.graph_check import UnsupportedGraph
        from forecaster.models.onnx import OnnxForecaster

        # Without onnxruntime, or with one too old for the graph, torch forecasts from the weights.
        with contextlib.suppress(ImportError, UnsupportedGraph):
            return OnnxForecaster(config, graph)
    from forecaster.models.neural import NeuralForecaster

    return NeuralForecaster(config)
