"""The replay of a training without its choices: a time budget becomes steps, and candidates become members."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from forecaster.config import Config
from forecaster.config.tree import Tree, merge, validate
from forecaster.events import TrainingEnded
from forecaster.models.variants import count_copies, is_learning, members_of


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


def retain_members(
    config: Config, stages: list[TrainingEnded], numbers: Sequence[int]
) -> tuple[Config, list[TrainingEnded]]:
    """Return the config of an ensemble of chosen candidates, each with its seed, and the stages of their training.

    Args:
        config: resolved, with `ensemble.choose`.
        stages: the last event of each stage. All candidates that learn have a length in `fit`, only members in the
            later stages.
        numbers: the chosen members of `members_of(config)`, by number.
    """
    variants = [variant for variant in config.variants for _ in range(count_copies(config, variant))]
    learning = [n for n, each in enumerate(variants) if is_learning(each, config.model.kind, config.training.start)]
    seeds = [member.training.seed for member in members_of(config)]
    members = [
        merge(variants[number], {"training": {"seed": seeds[number]}}) if number in learning else variants[number]
        for number in numbers
    ]
    ensemble = {"choose": None, "seeds": 1, "variants": members}
    places = [place for place, number in enumerate(learning) if number in numbers]
    own_stages = [
        replace(stage, lengths=tuple(stage.lengths[place] for place in places)) if stage.stage == "fit" else stage
        for stage in stages
    ]
    return validate(merge(config.model_dump(), {"ensemble": ensemble}), "settings"), own_stages


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
