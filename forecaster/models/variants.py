"""The configs of an ensemble's members, and the number of worker processes that train them."""

import math

from forecaster import runtime
from forecaster.config import Config, EnsembleConfig, NetworkModel
from forecaster.config.tree import Tree, merge, validate, vary
from forecaster.model_table import CELLS
from forecaster.parallel.factory import is_on_cluster

_SECONDS_PER_STEP = 0.006
_MULTIPLICATIONS_PER_SECOND = 4e9
_SEED_STRIDE = 1000  # keeps the seeds of ensembles with neighbouring seeds apart


def members_of(config: Config) -> list[Config]:
    """Return the resolved config of each member of an ensemble; the config itself if it is a single model.

    A variant that is an ensemble itself is one member. A variant that learns nothing has one member, whatever the
    number of seeds. Members have different seeds; with one network per variant, a variant may name its own.
    """
    tree = config.model_dump()
    networks = nested_flags(config)
    rounds = sum(networks) + math.ceil(networks.count(False) / workers_of(config))
    budget = config.training.budget and config.training.budget / max(rounds, 1)
    members: list[Config] = []
    for variant in config.variants:
        varied = vary(tree, variant)
        nested = EnsembleConfig.model_validate(variant.get("ensemble", {})).model_dump()
        for _ in range(count_copies(config, variant)):
            seed = config.training.seed + _SEED_STRIDE * len(members)
            if config.ensemble.seeds == 1:
                seed = variant.get("training", {}).get("seed", seed)
            overrides = {"training": {"seed": seed, "budget": budget}, "ensemble": nested}
            members.append(validate(merge(varied, overrides), "settings"))
    return members


def workers_of(config: Config) -> int:
    """Return the number of networks of an ensemble that train at a time: `max_workers`, or all of them."""
    networks = nested_flags(config).count(False)
    return min(max_workers(config), networks) if networks > 1 else 1


def training_seconds(config: Config) -> float:
    """Estimate the seconds that one core needs to train all networks of an ensemble once.

    The estimate follows from the config alone, so that it is the same on every machine: 6 ms a step, and 4e9
    multiplications a second in both directions of a GRU over segments.
    """
    return sum(map(_seconds_of_member, members_of(config)))


def _seconds_of_member(member: Config) -> float:
    model, training = member.model, member.training
    if not isinstance(model, NetworkModel) or model.context is None or member.embed.width is None:
        return 0.0
    segments = math.ceil(model.context / member.embed.width)
    products = training.batch * segments * 3 * model.layers * model.hidden * (model.hidden + member.embed.width)
    return training.steps * (_SECONDS_PER_STEP + products / _MULTIPLICATIONS_PER_SECOND)


def max_workers(config: Config) -> int:
    """Return the number of networks that may train at a time: as configured, else one a core; on a GPU only one.

    With a cluster it is at least two, so that tasks go there; how many run there at a time is for its size to decide.
    """
    if config.ensemble.workers is not None:
        return config.ensemble.workers
    if has_networks(config) and runtime.resolve_device(config.training.device) == "cuda":
        return 1
    return max(runtime.count_cores() // config.training.threads, 2 if is_on_cluster() else 1)


def has_networks(config: Config) -> bool:
    """Return True if the model is a network, or an ensemble that contains one."""
    return bool(nested_flags(config))


def nested_flags(config: Config) -> list[bool]:
    """Return a flag for each member that learns: True if it is an ensemble itself, which uses all workers alone."""
    return [
        bool(variant.get("ensemble"))
        for variant in config.variants
        for _ in range(count_copies(config, variant))
        if is_learning(variant, config.model.kind, config.training.start)
    ]


def is_learning(variant: Tree, kind: str, start: str | None) -> bool:
    """Return True if a variant is a network that a training changes.

    Args:
        kind, start: `model.kind` and `training.start` of the ensemble, which apply unless the variant sets its own.
    """
    kind = variant.get("model", {}).get("kind", kind)
    return kind in CELLS or (kind == "pretrained" and bool(variant.get("training", {}).get("start", start)))


def count_copies(config: Config, variant: Tree) -> int:
    """Return the number of members of a variant: `ensemble.seeds` if it learns, otherwise one."""
    return config.ensemble.seeds if is_learning(variant, config.model.kind, config.training.start) else 1
