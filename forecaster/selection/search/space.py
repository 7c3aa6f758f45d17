"""The settings of a network that trials can vary, and their limits."""

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from forecaster.config import RECIPES, Config, NetworkModel, ScaleKind
from forecaster.config.tree import Tree, merge, validate
from forecaster.panel import Panel
from forecaster.selection.shape import Shape

Value = str | int | float
Values = Mapping[str, Value]  # Values by config key, such as {"model.hidden": 96}.

_CELLS = ("gru", "lstm", "mingru", "slstm")
_CONTEXT_MULTIPLES = (0.5, 1, 2, 4)  # Multiples of the base's context.
_MAX_SEGMENTS = 96  # The longest context has at most this many, so that no trial takes many times as long as the base.
_STRUCTURE_KEYS = ("model.kind", "scale.kind", "decode.kind", "embed.width")  # These keys define a published recipe.


@dataclass(frozen=True)
class Choice:
    """A setting with several possible values."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """A setting from `low` to `high`, both included.

    Attributes:
        step: values are whole steps from `low`; None for any value, drawn on a logarithmic scale.
    """

    key: str
    low: float
    high: float
    step: float | None = None


Dimension = Choice | Range


def find_space(base: Config, panel: Panel, fixed: Collection[str]) -> tuple[Dimension, ...]:
    """Return the settings of a network that can vary. The base itself is a point of this space.

    Args:
        base: the resolved config of one network.
        panel: the part of the data that trials see.
        fixed: keys that the user set.
    """
    if not isinstance(base.model, NetworkModel):
        return ()
    fixed = {*fixed, *(_STRUCTURE_KEYS if base.preset in RECIPES else ())}
    if base.decode.kind == "recursive":  # its lags limit the width and the context
        fixed |= {"decode.kind", "embed.width"}
    if base.model.dilation is not None:
        fixed.add("model.layers")
    shape = Shape.of(panel, base.horizon)
    contexts = _list_contexts(base, shape)
    longest = base.model.context or 1 if "model.context" in fixed else int(max(contexts))
    dimensions: list[Dimension] = [
        Choice("model.kind", _prepend(base.model.kind, _CELLS)),
        Choice("model.context", contexts),
        Choice("embed.width", _list_widths(base, shape, longest)),
        Range("model.hidden", min(32, base.model.hidden), max(256, base.model.hidden), 32),
        Range("model.layers", 1, max(2, base.model.layers), 1),
        Range("model.dropout", 0.0, max(0.5, base.model.dropout), 0.05),
        Range("training.learning_rate", 0.0005, 0.01),
        Choice("scale.kind", _prepend(base.scale.kind, list_scale_kinds(base, panel))),
        Choice("decode.kind", ("parallel", "direct")),
    ]
    return tuple(
        dimension
        for dimension in dimensions
        if dimension.key not in fixed and not (isinstance(dimension, Choice) and len(dimension.values) == 1)
    )


def list_scale_kinds(config: Config, panel: Panel) -> list[ScaleKind]:
    """List the kinds of scale that a network and its data allow."""
    if config.head.kind == "negative_binomial":
        return ["mean_abs"]
    excluded = {"none"}
    if panel.season == 1 or config.decode.kind == "recursive":
        excluded |= {"seasonal", "cycle"}
    if config.scale.log:
        excluded |= {"mean_abs"}
    return [kind for kind in get_args(ScaleKind) if kind not in excluded]


def apply_values(base: Config, values: Values) -> Config:
    """Return the config of one network with other values; a segment longer than the context is cut to it."""
    return validate(merge(base.model_dump(), _to_tree(values, base)), "settings")


def make_variant(base: Config, values: Values) -> Tree:
    """Return values as the variant of an ensemble, which always names its context and segment width."""
    config = apply_values(base, values)
    sizes = {"model": {"context": getattr(config.model, "context", None)}, "embed": {"width": config.embed.width}}
    return merge(_to_tree(values, base), sizes)


def extract_values(config: Config, space: Collection[Dimension]) -> dict[str, Value]:
    """Return the values that a config has in a space."""
    tree = config.model_dump()
    keys = (dimension.key.split(".") for dimension in space)
    return {f"{section}.{name}": tree[section][name] for section, name in keys}


def list_fixed_keys(config: Config) -> set[str]:
    """List the keys that a flag, a file or the environment set. A scale of `auto` does not count as set."""
    tree = config.model_dump(exclude_unset=True)
    keys = {f"{section}.{name}" for section, values in tree.items() if isinstance(values, dict) for name in values}
    return keys - {"scale.kind"} if config.scale.kind == "auto" else keys


def dump_space(space: Collection[Dimension]) -> list[dict[str, Any]]:
    """Return a space as values that JSON can express."""
    return [asdict(dimension) for dimension in space]


def load_space(rows: Collection[Mapping[str, Any]]) -> tuple[Dimension, ...]:
    """Return the space that `dump_space` has dumped."""
    return tuple(Choice(row["key"], tuple(row["values"])) if "values" in row else Range(**row) for row in rows)


def _to_tree(values: Values, base: Config) -> Tree:
    """Return the sections of a config that values replace, with the segment width cut to the context."""
    tree: Tree = {}
    for key, value in values.items():
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = value
    context = tree.get("model", {}).get("context", getattr(base.model, "context", None))
    width = tree.get("embed", {}).get("width", base.embed.width)
    if width > context:
        tree.setdefault("embed", {})["width"] = context
    return tree


def _list_contexts(base: Config, shape: Shape) -> tuple[int, ...]:
    """List the base's context, and multiples of it in whole seasons that are no longer than a long series."""
    context = getattr(base.model, "context", None) or 1
    season = shape.season
    candidates = (max(1, round(multiple * context / season)) * season for multiple in _CONTEXT_MULTIPLES)
    shortest = max(base.decode.lags or (1,)) if base.decode.kind == "recursive" else 1
    return tuple(sorted({context, *(length for length in candidates if shortest <= length <= shape.length)}))


def _list_widths(base: Config, shape: Shape, longest: int) -> tuple[int, ...]:
    """List segment widths: the base's, one step, and half a season, one and two, or parts of the horizon.

    Args:
        longest: the longest context.
    """
    season, horizon = shape.season, shape.horizon
    widths = {1, season // 2, season, 2 * season} if season > 1 else {1, horizon // 3, horizon}
    narrowest = max(1, math.ceil(longest / _MAX_SEGMENTS))
    return tuple(sorted({base.embed.width or 1, *(width for width in widths if narrowest <= width <= longest)}))


def _prepend(first: str, others: Collection[str]) -> tuple[str, ...]:
    """Return different values, beginning with the first one."""
    return tuple(dict.fromkeys((first, *others)))
