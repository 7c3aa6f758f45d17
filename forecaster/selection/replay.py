"""A run within a budget of time, as one of a number of steps."""

from collections.abc import Iterator

from forecaster.config import Config
from forecaster.config.tree import Tree, merge, validate
from forecaster.events import TrainingEnded
from forecaster.models.variants import CELLS


def replace_budget_by_steps(config: Config, stages: list[TrainingEnded]) -> Config:
    """The config that takes by steps what a run took by time; one without a budget stays as it is.

    Each network gets the steps it has taken, in a variant of its own where there are several.

    Args:
        config: resolved.
        stages: how each stage of the training ended.
    """
    lengths = {stage.stage: stage.lengths for stage in stages}
    if config.training.budget is None or "fit" not in lengths:
        return config
    own = [{"training": {"steps": steps}} for steps in lengths["fit"]]
    for each, steps in zip(own, lengths.get("refit", ()), strict=False):
        each["training"]["refit_steps"] = steps
    unlimited = merge(config.model_dump(), {"training": {"budget": None}})
    if len(own) == 1 and not any({"training", "ensemble"} & set(variant) for variant in config.ensemble.variants):
        return validate(merge(unlimited, own[0]), "settings")
    ensemble = _with_steps(config.ensemble.model_dump(), config.model.kind, iter(own))
    return validate(merge(unlimited, {"ensemble": ensemble}), "settings")


def _with_steps(ensemble: Tree, kind: str, steps: Iterator[Tree]) -> Tree:
    """An ensemble that has a variant for each network, with its steps; what learns nothing stays as it is."""
    variants: list[Tree] = []
    for variant in ensemble.get("variants") or [Tree()]:
        own = variant.get("model", {}).get("kind", kind)
        if own not in CELLS:
            variants.append(variant)
            continue
        for _ in range(ensemble.get("seeds", 1)):
            if variant.get("ensemble"):
                variants.append(merge(variant, {"ensemble": _with_steps(variant["ensemble"], own, steps)}))
            else:
                variants.append(merge(variant, next(steps)))
    return {**ensemble, "seeds": 1, "variants": variants}
