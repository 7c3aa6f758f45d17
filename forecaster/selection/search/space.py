"""What a search may vary of a config, and how far."""

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from forecaster.config import RECIPES, Config, NetworkModel, ScaleKind
from forecaster.config.tree import Tree, merge, validate
from forecaster.panel import Panel
from forecaster.selection.recipes import Shape

Value = str | int | float
Values = Mapping[str, Value]  # by config key: {"model.hidden": 96}

_CELLS = ("gru", "lstm", "mingru", "slstm")
_CONTEXTS = (0.5, 1, 2, 4)  # of the preset's
_MOST_SEGMENTS = 96  # of the longest context, so that no trial takes many times as long as the default
_STRUCTURE = ("model.kind", "scale.kind", "decode.kind", "embed.width")  # what a published recipe is made of


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included: in steps from `low`, or without them any, by its logarithm."""

    key: str
    low: float
    high: float
    step: float | None = None


Dimension = Choice | Range


def find_space(base: Config, panel: Panel, fixed: Collection[str]) -> tuple[Dimension, ...]:
    """What may vary about a network, the base itself always being a point of it.

    Args:
        base: the resolved config of one network.
        panel: what the search sees.
        fixed: keys that the user decided.
    """
    if not isinstance(base.model, NetworkModel):
        return ()
    settled = {*fixed, *(_STRUCTURE if base.preset in RECIPES else ())}
    if base.decode.kind == "recursive":  # its lags hold the width and the context
        settled |= {"decode.kind", "embed.width"}
    if base.model.dilation is not None:
        settled.add("model.layers")
    shape = Shape.of(panel, base.horizon)
    contexts = _contexts(base, shape)
    longest = base.model.context or 1 if "model.context" in settled else int(max(contexts))
    every: list[Dimension] = [
        Choice("model.kind", _beside(base.model.kind, _CELLS)),
        Choice("model.context", contexts),
        Choice("embed.width", _widths(base, shape, longest)),
        Range("model.hidden", min(32, base.model.hidden), max(256, base.model.hidden), 32),
        Range("model.layers", 1, max(2, base.model.layers), 1),
        Range("model.dropout", 0.0, max(0.5, base.model.dropout), 0.05),
        Range("training.learning_rate", 0.0005, 0.01),
        Choice("scale.kind", _beside(base.scale.kind, list_scale_kinds(base, panel))),
        Choice("decode.kind", ("parallel", "direct")),
    ]
    return tuple(
        each for each in every if each.key not in settled and not (isinstance(each, Choice) and len(each.values) == 1)
    )


def list_scale_kinds(config: Config, panel: Panel) -> list[ScaleKind]:
    """The kinds that a network and its data allow."""
    if config.head.kind == "negative_binomial":
        return ["mean_abs"]
    left_out = {"none"}
    if panel.season == 1 or config.decode.kind == "recursive":
        left_out |= {"seasonal", "cycle"}
    if config.scale.log:
        left_out |= {"mean_abs"}
    return [kind for kind in get_args(ScaleKind) if kind not in left_out]


def settle(base: Config, values: Values) -> Config:
    """The config of one network with other values; a segment is no longer than the context."""
    return validate(merge(base.model_dump(), tree_of(values, base)), "settings")


def tree_of(values: Values, base: Config) -> Tree:
    """The sections of a config that some values replace."""
    tree: Tree = {}
    for key, value in values.items():
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = value
    context = tree.get("model", {}).get("context", getattr(base.model, "context", None))
    width = tree.get("embed", {}).get("width", base.embed.width)
    if width > context:
        tree.setdefault("embed", {})["width"] = context
    return tree


def variant_of(base: Config, values: Values) -> Tree:
    """What the network with some values has of its own, its sizes named in any case."""
    size = settle(base, values)
    sizes = {"model": {"context": getattr(size.model, "context", None)}, "embed": {"width": size.embed.width}}
    return merge(tree_of(values, base), sizes)


def values_of(config: Config, space: Collection[Dimension]) -> dict[str, Value]:
    """Where in a space a config lies."""
    tree = config.model_dump()
    return {each.key: tree[each.key.split(".")[0]][each.key.split(".")[1]] for each in space}


def keys_set(config: Config) -> set[str]:
    """Keys that somebody decided, by flag, file or environment; a scale of `auto` is left to the search."""
    tree = config.model_dump(exclude_unset=True)
    keys = {f"{section}.{name}" for section, values in tree.items() if isinstance(values, dict) for name in values}
    return keys - {"scale.kind"} if config.scale.kind == "auto" else keys


def to_plain(space: Collection[Dimension]) -> list[dict[str, Any]]:
    """Lay a space out as what JSON knows."""
    return [asdict(each) for each in space]


def from_plain(plain: Collection[Mapping[str, Any]]) -> tuple[Dimension, ...]:
    """Read what `to_plain` laid out."""
    return tuple(Choice(each["key"], tuple(each["values"])) if "values" in each else Range(**each) for each in plain)


def _contexts(base: Config, shape: Shape) -> tuple[int, ...]:
    """Whole seasons around the base's context, as far as a long series goes, and the base's own."""
    own = getattr(base.model, "context", None) or 1
    season = shape.season
    seasons = (max(1, round(share * own / season)) * season for share in _CONTEXTS)
    least = max(base.decode.lags or (1,)) if base.decode.kind == "recursive" else 1
    return tuple(sorted({own, *(each for each in seasons if least <= each <= shape.length)}))


def _widths(base: Config, shape: Shape, longest: int) -> tuple[int, ...]:
    """A step, half a season, a season, two; without a season, parts of the horizon; and the base's own."""
    season, horizon = shape.season, shape.horizon
    widths = {1, season // 2, season, 2 * season} if season > 1 else {1, horizon // 3, horizon}
    narrowest = math.ceil(longest / _MOST_SEGMENTS)
    return tuple(sorted({base.embed.width or 1, *(each for each in widths if max(1, narrowest) <= each <= longest)}))


def _beside(own: str, others: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((own, *others)))
