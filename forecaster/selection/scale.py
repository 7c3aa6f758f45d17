"""Settings chosen by what short trainings reach on the validation tail."""

from forecaster.config import Config, EnsembleConfig, NetworkModel, ScaleKind
from forecaster.config.tree import Tree, merge, validate
from forecaster.events import Note, Watch, ignore
from forecaster.frequency import Ints
from forecaster.panel import Panel
from forecaster.selection.search.space import scale_kinds

_SHARE = 5  # a trial takes a fifth of the steps
_FEWEST = 50


def choose_scales(config: Config, panel: Panel, validation: Ints, *, watch: Watch) -> Config:
    """Settle what a resolved config leaves to training: `scale.kind: auto`, its own and that of each variant.

    Args:
        panel: without the holdout.
        validation: [N] last steps of each series that choose.
        watch: told what was chosen.
    """
    if not isinstance(config.model, NetworkModel):
        return config
    config = _choose_scale(config, panel, validation, watch=watch)
    if not any(_is_open(variant) for variant in config.ensemble.variants):
        return config
    tree, variants = config.model_dump(), list[Tree]()
    for variant in config.ensemble.variants:
        own: Tree = {}
        if _is_open(variant):
            member = validate(merge(tree, variant), "settings")
            own = {"scale": {"kind": _choose_scale(member, panel, validation, watch=watch).scale.kind}}
        variants.append(merge(variant, own))
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": tuple(variants)})})


def _choose_scale(config: Config, panel: Panel, validation: Ints, *, watch: Watch) -> Config:
    """Replace `scale.kind: auto` by the kind whose network forecasts the validation tail best after a short training.

    Compared is the pinball loss in units of each series' spread, since losses in scaled units are not comparable.
    Without a validation tail it is `last`.

    Args: as of `choose_scales`.
    """
    if config.scale.kind != "auto":
        return config
    if not validation.any():
        return _with(config, "last")
    losses = {kind: _try(_with(config, kind), panel, validation) for kind in scale_kinds(config, panel)}
    best = min(losses, key=losses.__getitem__)
    told = ", ".join(f"{kind} {loss:.4f}" for kind, loss in sorted(losses.items(), key=lambda item: item[1]))
    watch(Note(f"scale {best}, the best on the validation tail ({told})"))
    return _with(config, best)


def _is_open(variant: Tree) -> bool:
    return bool(variant.get("scale", {}).get("kind") == "auto")


def _try(config: Config, panel: Panel, validation: Ints) -> float:
    from forecaster.models.neural import NeuralForecaster

    training = config.training.model_copy(
        update={"steps": max(_FEWEST, config.training.steps // _SHARE), "budget": None}
    )
    forecaster = NeuralForecaster(config.model_copy(update={"training": training, "ensemble": EnsembleConfig()}))
    forecaster.fit(panel, validation, watch=ignore, checkpoint=None)
    return forecaster.assess(panel, validation)


def _with(config: Config, kind: ScaleKind) -> Config:
    return config.model_copy(update={"scale": config.scale.model_copy(update={"kind": kind})})
