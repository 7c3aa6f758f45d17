"""Whatever can be named in `model.kind`, and the settings that follow from the data."""

import math
import os

from forecaster.config import (
    Config,
    DriftConfig,
    EnsembleConfig,
    NaiveConfig,
    NetworkModel,
    SeasonalNaiveConfig,
    StatisticalModel,
)
from forecaster.forecast import Forecaster
from forecaster.models.conformal import CUTOFFS, Conformal
from forecaster.models.naive import Drift, Naive, SeasonalNaive
from forecaster.models.recipes import Shape, Tree, cut_to_size, recipe
from forecaster.models.statistical import Statistical
from forecaster.panel import Panel
from forecaster.settings import merge, validate

_FEW_CUTOFFS = 4  # for what is fitted anew at each
_BETWEEN_SEEDS = 1000  # so that the members of two ensembles with neighbouring seeds differ


def build(config: Config) -> Forecaster:
    """Make the forecaster that a resolved config names, its intervals calibrated if they are to be."""
    forecaster = _build_model(config)
    match config.conformal.kind:
        case "split":
            cutoffs = _FEW_CUTOFFS if isinstance(config.model, StatisticalModel) else CUTOFFS
            return Conformal(forecaster, horizon=config.data.horizon or 1, cutoffs=cutoffs)
        case "off":
            return forecaster


def _build_model(config: Config) -> Forecaster:
    match config.model:
        case NaiveConfig():
            return Naive()
        case SeasonalNaiveConfig():
            return SeasonalNaive()
        case DriftConfig():
            return Drift()
        case StatisticalModel():
            return Statistical(config.model)
    members = members_of(config)
    if len(members) == 1:
        from forecaster.models.neural import NeuralForecaster

        return NeuralForecaster(members[0])
    from forecaster.models.ensemble import Ensemble

    return Ensemble(members, workers=workers_of(config))


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
    sized = (
        cut_to_size(validate(merge(filled, variant), "settings"), shape, is_width_open=is_open) for variant in variants
    )
    whole = tuple(merge(variant, _sizes(each)) for variant, each in zip(variants, sized, strict=True))
    config = config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": whole})})
    if _count(config.ensemble) == 1:
        return config
    workers = {"workers": workers_of(config)}
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update=workers)})


def members_of(config: Config) -> list[Config]:
    """The resolved config of each network of an ensemble; the config itself where it is a single one."""
    tree = config.model_dump()
    ensemble = config.ensemble
    rounds = math.ceil(_count(ensemble) / workers_of(config))
    budget = config.training.budget and config.training.budget / rounds
    members: list[Config] = []
    for variant in ensemble.variants or ({},):
        for _ in range(ensemble.seeds):
            seed = config.training.seed + _BETWEEN_SEEDS * len(members)
            own = {"training": {"seed": seed, "budget": budget}, "ensemble": EnsembleConfig().model_dump()}
            members.append(validate(merge(merge(tree, variant), own), "settings"))
    return members


def workers_of(config: Config) -> int:
    """How many members of an ensemble train at a time: as many as the machine has cores for, unless it is set."""
    cores = len(os.sched_getaffinity(0))
    return min(config.ensemble.workers or max(cores // config.training.threads, 1), _count(config.ensemble))


def _count(ensemble: EnsembleConfig) -> int:
    """Members of an ensemble."""
    return ensemble.seeds * max(len(ensemble.variants), 1)


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
