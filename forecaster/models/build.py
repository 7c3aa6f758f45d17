"""Whatever can be named in `model.kind`, and the settings that follow from the data."""

import contextlib
import math
import os
from collections.abc import Mapping
from typing import get_args

import numpy as np
import numpy.typing as npt

from forecaster import runtime
from forecaster.config import (
    Config,
    Device,
    DriftConfig,
    EnsembleConfig,
    NaiveConfig,
    NetworkConfig,
    NetworkModel,
    SeasonalNaiveConfig,
    StatisticalModel,
)
from forecaster.errors import InputError
from forecaster.forecast import GRAPH, Forecaster
from forecaster.models.conformal import CUTOFFS, Conformal
from forecaster.models.naive import Drift, Naive, SeasonalNaive
from forecaster.models.recipes import Shape, Tree, cut_to_size, recipe
from forecaster.models.statistical import Statistical
from forecaster.panel import Panel
from forecaster.settings import keep_what_fits, merge, validate

Arrays = dict[str, npt.NDArray[np.generic]]
Exports = Mapping[str, bytes]

CELLS = frozenset(section.model_fields["kind"].default for section in get_args(NetworkConfig))

_FEW_CUTOFFS = 4  # for what is fitted anew at each
_BETWEEN_SEEDS = 1000  # so that the members of two ensembles with neighbouring seeds differ


def restored(config: Config, state: Arrays, exports: Exports, *, device: Device = "cpu") -> Forecaster:
    """Make a forecaster that only predicts from what another one learnt, without torch where that is possible.

    Args:
        device: where; the graphs, which need no torch, are run on the processor alone.

    Raises: DependencyError: there is no such device.
    """
    if device != "cpu" and has_networks(config):
        runtime.settle(config.training.threads)
        device = runtime.settle_device(device)
    config = on_device(config, device)
    forecaster = build(config, exports=exports)
    forecaster.restore(state)
    return forecaster


def on_device(config: Config, device: Device) -> Config:
    """The same config, its networks on a device of this machine, whatever they were trained on."""
    return config.model_copy(update={"training": config.training.model_copy(update={"device": device})})


def at_hand(config: Config, device: Device | None = None) -> Config:
    """A bundle's config for this machine: on a device that is named, else where it was trained, if that is here."""
    return on_device(config, device or ("auto" if config.training.device == "cuda" else config.training.device))


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
            cutoffs = _FEW_CUTOFFS if is_slow else CUTOFFS
            return Conformal(forecaster, horizon=config.data.horizon or 1, cutoffs=cutoffs)
        case "off":
            return forecaster


def build_model(config: Config, *, exports: Exports | None = None) -> Forecaster:
    """Make the forecaster that a resolved config names, its intervals as it gives them."""
    members = members_of(config)
    if len(members) == 1:
        return _alone(members[0], exports)
    from forecaster.models.ensemble import Ensemble, part

    graphs = [None] * len(members) if exports is None else part(exports, len(members))
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
    raise TypeError("models.auto has to choose first")


def _network(config: Config, exports: Exports | None) -> Forecaster:
    if exports is not None and GRAPH in exports and config.training.device != "cuda":
        from forecaster.models.exported import Exported

        # without the runtime, or with one too old for the graph, the weights say the same
        with contextlib.suppress(ImportError, InputError):
            return Exported(config, exports[GRAPH])
    if exports is not None:
        runtime.settle(config.training.threads)
    from forecaster.models.neural import NeuralForecaster

    return NeuralForecaster(config)


def resolve(config: Config, panel: Panel) -> Config:
    """Fill in what was left to the preset and to the data; `data.horizon` must be set.

    What the user set stands, against the preset and in every variant of its ensemble. How many networks train side by
    side is settled here, so that a saved config says it, whatever machine reads it.
    """
    if not isinstance(config.model, NetworkModel):
        return config
    shape = Shape.of(panel, config.data.horizon or 1)
    chosen = config.model_dump(exclude_unset=True) | {"data": config.data.model_dump()}
    if config.head.kind == "negative_binomial" and "kind" not in chosen.get("scale", {}):
        chosen = merge(chosen, {"scale": {"kind": "mean_abs"}})
    settled = recipe(config.preset, shape)
    if chosen.get("scale", {}).get("kind") == "mean_abs":
        settled["scale"]["log"] = False
    if "kind" in chosen.get("head", {}):
        settled.pop("head", None)  # another head does not know its settings
    filled = merge(settled, chosen)
    if config.data.calendar is None:
        filled["data"]["calendar"] = shape.has_years
    variants = filled.get("ensemble", {}).get("variants", ())
    if "variants" not in chosen.get("ensemble", {}):
        variants = [_without(variant, chosen) for variant in variants]
    is_open = "width" not in chosen.get("embed", {})
    config = cut_to_size(validate(filled, "settings"), shape, is_width_open=is_open)
    if "lags" not in chosen.get("decode", {}):
        config = _without_near_lags(config)
    whole = tuple(_sized(filled, variant, shape, is_width_open=is_open) for variant in variants)
    config = config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": whole})})
    if len(_networks(config)) <= 1:
        return config
    workers = {"workers": workers_of(config)}
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update=workers)})


def members_of(config: Config) -> list[Config]:
    """The resolved config of each member of an ensemble; the config itself where it is a single model.

    A variant may have an ensemble of its own, which is one member; what has nothing to learn has no seeds.
    """
    tree = config.model_dump()
    networks = _networks(config)
    rounds = sum(networks) + math.ceil(networks.count(False) / workers_of(config))
    budget = config.training.budget and config.training.budget / max(rounds, 1)
    members: list[Config] = []
    for variant in config.variants:
        whole = _vary(tree, variant)
        nested = EnsembleConfig.model_validate(variant.get("ensemble", {})).model_dump()
        for _ in range(_copies(config, variant)):
            seed = config.training.seed + _BETWEEN_SEEDS * len(members)
            own = {"training": {"seed": seed, "budget": budget}, "ensemble": nested}
            members.append(validate(merge(whole, own), "settings"))
    return members


def workers_of(config: Config) -> int:
    """How many networks of an ensemble train at a time, `most_workers` or all of them."""
    side_by_side = _networks(config).count(False)
    return min(most_workers(config), side_by_side) if side_by_side > 1 else 1


def most_workers(config: Config) -> int:
    """How many networks may train at a time: unless it is set, one a core; on a GPU one in all, which keeps it busy."""
    if config.ensemble.workers is not None:
        return config.ensemble.workers
    if config.training.device != "cpu" and has_networks(config):
        runtime.settle(config.training.threads)  # before torch loads
        if runtime.settle_device(config.training.device) == "cuda":
            return 1
    return max(len(os.sched_getaffinity(0)) // config.training.threads, 1)


def has_networks(config: Config) -> bool:
    """Whether the model is a network, or an ensemble that holds one."""
    return bool(_networks(config))


def _networks(config: Config) -> list[bool]:
    """Of each member that learns, whether it is an ensemble of its own, which takes all workers for itself."""
    return [
        bool(variant.get("ensemble"))
        for variant in config.variants
        for _ in range(_copies(config, variant))
        if _learns(config, variant)
    ]


def _copies(config: Config, variant: Tree) -> int:
    return config.ensemble.seeds if _learns(config, variant) else 1


def _learns(config: Config, variant: Tree) -> bool:
    return variant.get("model", {}).get("kind", config.model.kind) in CELLS


def _vary(tree: Tree, variant: Tree) -> Tree:
    """Lay a variant over a config; one that names another model leaves out what only the config's knows."""
    whole = merge(tree, variant)
    if "kind" in variant.get("model", {}):
        whole["model"] = dict(whole["model"])
        keep_what_fits(whole["model"])
    return whole


def _sized(filled: Tree, variant: Tree, shape: Shape, *, is_width_open: bool) -> Tree:
    """A variant with the sizes that follow from the data; the variants of its own ensemble, too."""
    whole = _vary(filled, variant)
    config = validate(whole, "settings")
    if not isinstance(config.model, NetworkModel):
        return variant
    sized = merge(variant, _sizes(cut_to_size(config, shape, is_width_open=is_width_open)))
    nested = variant.get("ensemble", {}).get("variants", ())
    if nested:
        each = [_sized(whole, inner, shape, is_width_open=is_width_open) for inner in nested]
        sized = merge(sized, {"ensemble": {"variants": each}})
    return sized


def _without_near_lags(config: Config) -> Config:
    """A segment's own steps are not known when it is forecast."""
    lags = tuple(lag for lag in config.decode.lags or () if lag >= (config.embed.width or 1))
    return config.model_copy(update={"decode": config.decode.model_copy(update={"lags": lags or None})})


def _sizes(config: Config) -> Tree:
    return {"model": {"context": getattr(config.model, "context", None)}, "embed": {"width": config.embed.width}}


def _without(tree: Tree, chosen: Tree) -> Tree:
    """Leave out of a tree the keys that another one has."""
    kept: Tree = {}
    for key, value in tree.items():
        if key not in chosen:
            kept[key] = value
        elif isinstance(value, dict):
            kept[key] = _without(value, chosen[key])
    return kept
