"""The settings that follow from the preset and the data."""

from forecaster.config import Config, NetworkModel
from forecaster.config.tree import Tree, merge, validate, vary, without
from forecaster.models.variants import nested_flags, workers_of
from forecaster.panel import Panel
from forecaster.selection.recipes import Shape, cut_to_size, recipe


def resolve(config: Config, panel: Panel) -> Config:
    """Fill in what was left to the preset and to the data; `data.horizon` must be set.

    What the user set stands, against the preset and in every variant of its ensemble. How many networks train side by
    side is settled here, so that a saved config says it, whatever machine reads it.
    """
    if not isinstance(config.model, NetworkModel):
        return config
    shape = Shape.of(panel, config.horizon)
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
        variants = [without(variant, chosen) for variant in variants]
    is_open = "width" not in chosen.get("embed", {})
    config = cut_to_size(validate(filled, "settings"), shape, is_width_open=is_open)
    if "lags" not in chosen.get("decode", {}):
        config = _without_near_lags(config)
    whole = tuple(_sized(filled, variant, shape, is_width_open=is_open) for variant in variants)
    config = config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": whole})})
    if len(nested_flags(config)) <= 1:
        return config
    workers = {"workers": workers_of(config)}
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update=workers)})


def _sized(filled: Tree, variant: Tree, shape: Shape, *, is_width_open: bool) -> Tree:
    """A variant with the sizes that follow from the data; the variants of its own ensemble, too."""
    whole = vary(filled, variant)
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
