"""The members of an ensemble: their configs, and how many of them train at a time."""

import math
import os

from forecaster import runtime
from forecaster.config import Config, EnsembleConfig
from forecaster.config.tree import Tree, merge, validate, vary
from forecaster.model_table import CELLS

_BETWEEN_SEEDS = 1000  # so that the members of two ensembles with neighbouring seeds differ


def members_of(config: Config) -> list[Config]:
    """The resolved config of each member of an ensemble; the config itself where it is a single model.

    A variant may have an ensemble of its own, which is one member; what has nothing to learn has no seeds.
    """
    tree = config.model_dump()
    networks = nested_flags(config)
    rounds = sum(networks) + math.ceil(networks.count(False) / workers_of(config))
    budget = config.training.budget and config.training.budget / max(rounds, 1)
    members: list[Config] = []
    for variant in config.variants:
        whole = vary(tree, variant)
        nested = EnsembleConfig.model_validate(variant.get("ensemble", {})).model_dump()
        for _ in range(_copies(config, variant)):
            seed = config.training.seed + _BETWEEN_SEEDS * len(members)
            own = {"training": {"seed": seed, "budget": budget}, "ensemble": nested}
            members.append(validate(merge(whole, own), "settings"))
    return members


def workers_of(config: Config) -> int:
    """How many networks of an ensemble train at a time, `max_workers` or all of them."""
    side_by_side = nested_flags(config).count(False)
    return min(max_workers(config), side_by_side) if side_by_side > 1 else 1


def max_workers(config: Config) -> int:
    """How many networks may train at a time: unless it is set, one a core; on a GPU one in all, which keeps it busy."""
    if config.ensemble.workers is not None:
        return config.ensemble.workers
    if has_networks(config) and runtime.resolve_device(config.training.device) == "cuda":
        return 1
    return max(len(os.sched_getaffinity(0)) // config.training.threads, 1)


def has_networks(config: Config) -> bool:
    """Whether the model is a network, or an ensemble that holds one."""
    return bool(nested_flags(config))


def nested_flags(config: Config) -> list[bool]:
    """Return a flag for each member that learns: True if it is an ensemble itself, which uses all workers alone."""
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
