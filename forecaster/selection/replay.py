"""The replay of a training that had a time budget, by numbers of steps instead of seconds."""

from collections.abc import Iterator

from forecaster.config import Config
from forecaster.config.tree import Tree, merge, validate
from forecaster.events import TrainingEnded
from forecaster.models.variants import is_learning


def replace_budget_by_steps(config: Config, stages: list[TrainingEnded]) -> Config:
    """Replace a time budget by the steps that each network actually took.

    Several networks get a variant each, with its own number of steps.

    Args:
        config: resolved.
        stages: the last event of each stage of the training.

    Returns: a config that repeats the training; `config` itself if it has no budget.
    """
    lengths = {stage.stage: stage.lengths for stage in stages}
    if config.training.budget is None or "fit" not in lengths:
        return config
    # A network that keeps the weights from which it starts takes no step, which needs no setting.
    network_trees = [{"training": {"steps": steps} if steps else {}} for steps in lengths["fit"]]
    for tree, steps in zip(network_trees, lengths.get("refit", ()), strict=False):
        if steps:
            tree["training"]["refit_steps"] = steps
    unlimited = merge(config.model_dump(), {"training": {"budget": None}})
    has_variant_of_training = any({"training", "ensemble"} & set(variant) for variant in config.ensemble.variants)
    if len(network_trees) == 1 and not has_variant_of_training:
        return validate(merge(unlimited, network_trees[0]), "settings")
    ensemble = _set_steps(config.ensemble.model_dump(), config.model.kind, config.training.start, iter(network_trees))
    return validate(merge(unlimited, {"ensemble": ensemble}), "settings")


def _set_steps(ensemble: Tree, kind: str, start: str | None, network_trees: Iterator[Tree]) -> Tree:
    """Return an ensemble with one variant for each network and its steps; members without training stay unchanged."""
    variants: list[Tree] = []
    for variant in ensemble.get("variants") or [Tree()]:
        if not is_learning(variant, kind, start):
            variants.append(variant)
            continue
        variant_kind = variant.get("model", {}).get("kind", kind)
        variant_start = variant.get("training", {}).get("start", start)
        for _ in range(ensemble.get("seeds", 1)):
            if variant.get("ensemble"):
                nested = _set_steps(variant["ensemble"], variant_kind, variant_start, network_trees)
                variants.append(merge(variant, {"ensemble": nested}))
            else:
                variants.append(merge(variant, next(network_trees)))
    return {**ensemble, "seeds": 1, "variants": variants}
