"""A run within a budget of time, as one of a number of steps."""

from forecaster.config import Config
from forecaster.events import TrainingEnded
from forecaster.settings import merge, validate


def repeat(config: Config, stages: list[TrainingEnded]) -> Config:
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
    ensemble = config.ensemble
    members = [variant for variant in ensemble.variants or ({},) for _ in range(ensemble.seeds)]
    unlimited = merge(config.model_dump(), {"training": {"budget": None}})
    if len(members) == 1 and "training" not in members[0]:
        return validate(merge(unlimited, own[0]), "settings")
    variants = [merge(variant, steps) for variant, steps in zip(members, own, strict=True)]
    return validate(merge(unlimited, {"ensemble": {"seeds": 1, "variants": variants}}), "settings")
