"""The settings that follow from the preset and the data."""

from forecaster.config import Config, NetworkModel, PretrainedConfig, TrainingConfig
from forecaster.config.tree import Tree, merge, validate, vary, without
from forecaster.model_table import CELLS
from forecaster.models.variants import is_learning, nested_flags, training_seconds, workers_of
from forecaster.panel import Panel
from forecaster.selection.recipes import fill_sizes, fine_tuning, recipe
from forecaster.selection.shape import Shape
from forecaster.store import pretrained

_DESIGN_SECTIONS = ("model", "scale", "embed", "decode", "head", "training", "ensemble")
_MIN_SECONDS_SIDE_BY_SIDE = 8.0  # Two processes take 2.5 seconds each to start, for the fit and for the refit.
_OUTSIDE_DESIGN = {"budget", "refit", "seed", "device", "threads"}  # settings of a training, which change no network


def resolve(config: Config, panel: Panel) -> Config:
    """Fill in the settings that are left to the preset and to the data.

    Settings of the user win over the preset and over every variant of its ensemble. The number of workers is filled in
    as well, so that a saved config does not depend on the machine that reads it.

    Args:
        config: with `data.horizon`.
    """
    config = _fill_fine_tuning(_name_weights(config))
    if not isinstance(config.model, NetworkModel):
        return config
    shape = Shape.of(panel, config.horizon)
    user = config.model_dump(exclude_unset=True) | {"data": config.data.model_dump()}
    if config.head.kind == "negative_binomial" and "kind" not in user.get("scale", {}):
        user = merge(user, {"scale": {"kind": "mean_abs"}})
    preset = recipe(config.preset, shape, has_candidates=not _is_designed(user))
    if user.get("scale", {}).get("kind") == "mean_abs":
        preset["scale"]["log"] = False
    if "kind" in user.get("head", {}):
        preset.pop("head", None)  # the preset's settings belong to its own head
    tree = merge(preset, user)
    if config.data.calendar is None:
        tree["data"]["calendar"] = shape.has_years
    variants = tree.get("ensemble", {}).get("variants", ())
    if "variants" not in user.get("ensemble", {}):
        own = user | {"data": {} if config.data.calendar is None else {"calendar": config.data.calendar}}
        variants = [without(variant, own) for variant in variants]
    if "ensemble" in preset and not _is_designed(user):  # It may contain the pretrained network.
        tree["ensemble"] = {"name": config.name, **tree["ensemble"]}
    is_width_open = "width" not in user.get("embed", {})
    config = fill_sizes(validate(tree, "settings"), shape, is_width_open=is_width_open)
    if "lags" not in user.get("decode", {}):
        config = _drop_lags_within_segments(config)
    filled_variants = tuple(_fill_variant(tree, variant, shape, is_width_open=is_width_open) for variant in variants)
    config = config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": filled_variants})})
    config = _name_weights(config)
    if len(nested_flags(config)) <= 1:
        return config
    is_quick = config.ensemble.workers is None and training_seconds(config) < _MIN_SECONDS_SIDE_BY_SIDE
    workers = {"workers": 1 if is_quick else workers_of(config)}
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update=workers)})


def _is_designed(user: Tree) -> bool:
    """Return True if the user has made a setting of the networks or of their training, other than the cell."""
    settings = {section: set(user.get(section, {})) for section in _DESIGN_SECTIONS}
    settings["model"] -= {"kind"}
    settings["training"] -= _OUTSIDE_DESIGN
    return any(settings.values())


def _fill_fine_tuning(config: Config) -> Config:
    """Fill in the training of the pretrained network, in the config and in the variants of the ensemble."""
    user = config.model_dump(exclude_unset=True)
    gentle = without(fine_tuning(), user)
    usual = {"training": TrainingConfig().model_dump(include=set(gentle["training"]))}

    def fill(variant: Tree, kind: str, start: str | None) -> Tree:
        is_own = "kind" not in variant.get("model", {})
        is_gentle = is_learning(variant, kind, start) and _kind(variant, kind) == "pretrained"
        if is_gentle and (start is None or not is_own):
            variant = merge(gentle, variant)
        elif start and _kind(variant, kind) in CELLS:
            variant = merge(usual, variant)
        nested = variant.get("ensemble", {}).get("variants", ())
        if nested:
            inner = _kind(variant, kind), variant.get("training", {}).get("start", start)
            variant = merge(variant, {"ensemble": {"variants": [fill(each, *inner) for each in nested]}})
        return variant

    variants = tuple(fill(each, config.model.kind, config.training.start) for each in config.ensemble.variants)
    if variants != config.ensemble.variants:
        config = config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": variants})})
    if not config.is_fine_tuned:
        return config
    return config.model_copy(update={"training": config.training.model_copy(update=gentle["training"])})


def _kind(variant: Tree, kind: str) -> str:
    own: str = variant.get("model", {}).get("kind", kind)
    return own


def _name_weights(config: Config) -> Config:
    """Fill in the hash of the pretrained weights, in the model and in the variants of the ensemble."""
    if isinstance(config.model, PretrainedConfig) and config.model.weights is None:
        weights = {"weights": pretrained.find().hash}
        config = config.model_copy(update={"model": config.model.model_copy(update=weights)})
    variants = tuple(_name_weights_of_variant(variant) for variant in config.ensemble.variants)
    if variants == config.ensemble.variants:
        return config
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": variants})})


def _name_weights_of_variant(variant: Tree) -> Tree:
    model = variant.get("model", {})
    if model.get("kind") != "pretrained" or model.get("weights"):
        return variant
    return merge(variant, {"model": {"weights": pretrained.find().hash}})


def _fill_variant(base: Tree, variant: Tree, shape: Shape, *, is_width_open: bool) -> Tree:
    """Return a variant with its context and segment width, and those of its nested variants, filled in."""
    tree = vary(base, variant)
    config = validate(tree, "settings")
    if not isinstance(config.model, NetworkModel):
        return variant
    filled = merge(variant, _sizes(fill_sizes(config, shape, is_width_open=is_width_open)))
    nested = variant.get("ensemble", {}).get("variants", ())
    if nested:
        variants = [_fill_variant(tree, inner, shape, is_width_open=is_width_open) for inner in nested]
        filled = merge(filled, {"ensemble": {"variants": variants}})
    return filled


def _drop_lags_within_segments(config: Config) -> Config:
    """Drop lags shorter than a segment: the steps of a segment are not known while it is forecast."""
    lags = tuple(lag for lag in config.decode.lags or () if lag >= (config.embed.width or 1))
    return config.model_copy(update={"decode": config.decode.model_copy(update={"lags": lags or None})})


def _sizes(config: Config) -> Tree:
    return {"model": {"context": getattr(config.model, "context", None)}, "embed": {"width": config.embed.width}}
