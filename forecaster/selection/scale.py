"""The choice of `scale.kind: auto` by short trainings."""

from forecaster.config import Config, EnsembleConfig, NetworkModel, ScaleKind
from forecaster.config.tree import Tree, merge, validate
from forecaster.events import Note, Watch, ignore
from forecaster.frequency import Ints
from forecaster.panel import Panel
from forecaster.selection.search.space import list_scale_kinds

_STEPS_DIVISOR = 5  # A short training takes a fifth of the steps.
_MIN_STEPS = 50


def choose_scales(config: Config, panel: Panel, validation: Ints, *, watch: Watch) -> Config:
    """Replace `scale.kind: auto` in a resolved config and in each of its variants.

    Args:
        panel: without the holdout.
        validation: [N] last steps of each series, on which the kinds are compared.
        watch: receives a note for each choice.
    """
    if not isinstance(config.model, NetworkModel):
        return config
    config = _choose_scale(config, panel, validation, watch=watch)
    if not any(_is_auto(variant) for variant in config.ensemble.variants):
        return config
    tree, variants = config.model_dump(), list[Tree]()
    for variant in config.ensemble.variants:
        choice: Tree = {}
        if _is_auto(variant):
            member = validate(merge(tree, variant), "settings")
            choice = {"scale": {"kind": _choose_scale(member, panel, validation, watch=watch).scale.kind}}
        variants.append(merge(variant, choice))
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": tuple(variants)})})


def _choose_scale(config: Config, panel: Panel, validation: Ints, *, watch: Watch) -> Config:
    """Replace `scale.kind: auto` by the kind with the lowest loss on the validation tail after a short training.

    The loss is the pinball loss in units of each series' spread, because losses in scaled units cannot be compared.
    Without a validation tail, the kind is `last`.
    """
    if config.scale.kind != "auto":
        return config
    if not validation.any():
        return _with_scale(config, "last")
    losses = {
        kind: _train_briefly(_with_scale(config, kind), panel, validation) for kind in list_scale_kinds(config, panel)
    }
    best = min(losses, key=losses.__getitem__)
    details = ", ".join(f"{kind} {loss:.4f}" for kind, loss in sorted(losses.items(), key=lambda item: item[1]))
    watch(Note(f"scale {best} has the lowest loss on the validation tail ({details})"))
    return _with_scale(config, best)


def _is_auto(variant: Tree) -> bool:
    return bool(variant.get("scale", {}).get("kind") == "auto")


def _train_briefly(config: Config, panel: Panel, validation: Ints) -> float:
    """Return the validation loss of a single network after a short training."""
    from forecaster.models.neural import NeuralForecaster

    steps = max(_MIN_STEPS, config.training.steps // _STEPS_DIVISOR)
    training = config.training.model_copy(update={"steps": steps, "budget": None})
    forecaster = NeuralForecaster(config.model_copy(update={"training": training, "ensemble": EnsembleConfig()}))
    forecaster.fit(panel, validation, watch=ignore, checkpoint=None)
    return forecaster.assess(panel, validation)


def _with_scale(config: Config, kind: ScaleKind) -> Config:
    return config.model_copy(update={"scale": config.scale.model_copy(update={"kind": kind})})
