"""Recipes: the settings of each preset, and the candidates among which the validation tail chooses its members."""

from typing import assert_never

from forecaster.config import Config, NetworkModel, Preset
from forecaster.config.tree import Tree, merge
from forecaster.selection.shape import Shape
from forecaster.store import pretrained

_BATCH = 256
_HALF_BATCH_HORIZON = 256  # From this horizon on, a window gives as much signal as two, so half a batch is enough.
_QUARTER_BATCH_WINDOWS = range(1_000, 20_000)  # A quarter is as accurate there, in two thirds of the time.
_MAX_PASSES = 10  # Small data is read at most this often.
_MIN_STEPS = 200
_MIN_HELD_OUT = 10  # With fewer held-out horizons, a choice of members is worse than a fixed mixture (docs/LOG.md).
_MAX_SINGLE_STEPS = 100
_SINGLE_STEPS_READ = 36_000  # training steps times the single steps that each window has
_PLAIN_SEGMENTS = 8
_LONG_SEASON_HORIZONS = 4  # A season of this many horizons or more is not the width of a segment.
_MIN_SEASON_FOR_SEGMENTS = 12  # From this season on, segments of a season are better than single steps, and cheaper.


def recipe(preset: Preset, shape: Shape, *, has_candidates: bool) -> Tree:
    """Return the settings of a preset for data of a shape.

    Args:
        has_candidates: True to add networks and models to those of the preset, and to choose the members of its
            ensemble among all of them.
    """
    candidates = _candidates(shape, hidden=64 if preset == "fast" else 128) if has_candidates else []
    has_evidence = not candidates or shape.held_out >= _MIN_HELD_OUT
    match preset:
        case "fast" | "default" if not has_evidence:
            return _mix_with_pretrained(_network(shape, steps=1500), _variants(shape)[0])
        case "fast":
            network = _network(shape, steps=700, hidden=64)
            return _ensemble(network, _variants(shape)[:1], candidates, most=2)
        case "default":
            networks = 2 if shape.is_within_day or candidates else 3
            return _ensemble(_network(shape, steps=1500), _variants(shape)[:networks], candidates, most=3)
        case "best":
            return _ensemble(_network(shape, steps=2000), _variants(shape), candidates, most=6, seeds=2)
        case "segrnn":
            return _segrnn(shape)
        case "deepar":
            return _deepar(shape)
    assert_never(preset)


def fine_tuning() -> Tree:
    """Return the training of the pretrained network on the series of a panel: few steps, at a low rate."""
    return {
        "training": {
            "steps": 300,
            "batch": 128,
            "learning_rate": 0.0002,
            "weight_decay": 0.01,
            "validate_every": 10,
            "patience": 8,
        }
    }


def fill_sizes(config: Config, shape: Shape, *, is_width_open: bool) -> Config:
    """Fill in the context and the segment width if they are not set.

    A context that was not set, and any context of a recursive network, is rounded up to whole segments.

    Args:
        is_width_open: if True, a width that is set comes from the preset, and is cut to a shorter context.
    """
    if not isinstance(config.model, NetworkModel):
        raise TypeError(f"{config.model.kind} is not a network")
    width, context = config.embed.width, config.model.context
    if context is None:
        context = _context(shape)
    if width is None:
        width = _width(shape, context)
    if is_width_open:
        width = min(width, context)
    if config.model.context is None or config.decode.kind == "recursive":
        context = -(-context // width) * width
    model = config.model.model_copy(update={"context": context})
    embed = config.embed.model_copy(update={"width": width})
    return config.model_copy(update={"model": model, "embed": embed})


def _network(shape: Shape, *, steps: int, hidden: int | None = None) -> Tree:
    """Return a recurrent network that copies past seasons ahead and learns the difference."""
    return {
        "model": {"hidden": hidden or (128 if shape.is_within_day else 64), "dropout": 0.2},
        "scale": {"kind": "last", "log": shape.is_positive and not shape.is_within_day},
        "decode": {"skip": shape.seasons_back},
        "training": {
            "steps": min(steps, max(_MIN_STEPS, _MAX_PASSES * shape.windows // _BATCH)),
            "batch": _choose_batch(shape),
            "learning_rate": 0.002,
            "weigh": "relative",
            "draw": "windows" if shape.is_within_day else "series",
        },
    }


def _choose_batch(shape: Shape) -> int:
    """Return the windows of a training step."""
    if shape.windows in _QUARTER_BATCH_WINDOWS:
        return _BATCH // 4
    return _BATCH if shape.horizon < _HALF_BATCH_HORIZON else _BATCH // 2


def _mix_with_pretrained(network: Tree, variant: Tree) -> Tree:
    """Return the settings of a network and the pretrained one, without a choice, which would follow chance."""
    members = [variant, *_untrained()]
    return network | {"ensemble": {"variants": members, "seeds": 1}}


def _ensemble(network: Tree, variants: list[Tree], candidates: list[Tree], *, most: int, seeds: int = 1) -> Tree:
    """Return the settings of an ensemble of variants, or of the best `most` of variants and candidates.

    With candidates, variants that read many single steps are left out: they take longer than all others together.
    """
    if not candidates:
        return network | {"ensemble": {"variants": variants, "seeds": seeds}}
    steps = network["training"]["steps"]
    quick = [_shorten(each, steps) for each in variants if _single_steps(each) <= _MAX_SINGLE_STEPS]
    members = [*(quick or variants[:1]), *candidates]
    return network | {"ensemble": {"variants": members, "seeds": seeds, "choose": most}}


def _shorten(variant: Tree, steps: int) -> Tree:
    """Limit the training steps of a variant that reads single steps, so that it takes no longer than the others."""
    limit = max(_SINGLE_STEPS_READ // max(_single_steps(variant), 1), _MIN_STEPS)
    return merge(variant, {"training": {"steps": limit}}) if limit < steps else variant


def _single_steps(variant: Tree) -> int:
    """Return the number of single steps that a variant reads, 0 if it reads segments."""
    context: int = variant["model"]["context"]
    return context if variant.get("embed") == {"width": 1} else 0


def _candidates(shape: Shape, *, hidden: int) -> list[Tree]:
    """Return the models that the validation tail compares with the variants of a preset."""
    return [*_plain_variants(shape, hidden=hidden), *_untrained()]


def _untrained() -> list[Tree]:
    return [{"model": {"kind": "pretrained"}}] if pretrained.is_available() else []


def _plain_variants(shape: Shape, *, hidden: int) -> list[Tree]:
    """Return networks without the copies, logarithms, weights and calendar features that the other variants have.

    They read eight segments of a season or a horizon and draw every window equally often, which is best for long series
    whose dates mean little. Days of several steps always have seasons to copy, so that they have no such variant.
    """
    if shape.is_within_day:
        return []
    horizon, season = shape.horizon, shape.season
    width = season if 1 < season < _LONG_SEASON_HORIZONS * horizon else horizon
    width = min(width, shape.length)
    context = max(min(_PLAIN_SEGMENTS * width, shape.length - horizon) // width, 1) * width
    plain: Tree = {
        "model": {"hidden": hidden, "dropout": 0.0, "context": context},
        "scale": {"kind": "last", "log": False},
        "embed": {"width": width},
        "decode": {"kind": "direct", "skip": []},
        "data": {"calendar": False},
        "training": {"draw": "windows"},
    }
    return [merge(plain, {"training": {"weigh": weigh}}) for weigh in ("evenly", "relative")]


def _variants(shape: Shape) -> list[Tree]:
    """Return variants that read the data differently: the best single network first, then the best additions to it."""
    context = _context(shape)
    if shape.is_within_day:
        return [
            _variant("last", context),
            _variant("mean", min(context * 3 // 2, shape.length)),
            _variant("mean", context, width=shape.season),
        ]
    by_step = [
        _variant("last", context, width=1, decode="direct"),
        _variant("mean", min(max(context // 2, shape.horizon), shape.length), width=1, decode="direct"),
    ]
    by_season = [_variant("last", context, width=_width(shape, context))]
    return by_season + by_step[::-1] if shape.season >= _MIN_SEASON_FOR_SEGMENTS else by_step + by_season


def _variant(scale: str, context: int, *, width: int | None = None, decode: str = "parallel") -> Tree:
    sizes: Tree = {"model": {"context": context}, "scale": {"kind": scale}, "decode": {"kind": decode}}
    return sizes if width is None else sizes | {"embed": {"width": width}}


def _segrnn(shape: Shape) -> Tree:
    """Return SegRNN as published: a GRU over segments without the last value, all future segments from one state.

    Source: Lin et al. 2023, "SegRNN", arXiv:2308.11200, sec. 4 and appendix (hidden 512 there, dropout 0.5; 30 passes
    over the data at most).
    """
    return {
        "model": {"hidden": 256, "dropout": 0.5},
        "scale": {"kind": "last", "log": False},
        "embed": {"identity": 16},
        "decode": {"kind": "parallel", "skip": ()},
        "head": {"kind": "point", "loss": "mae"},
        "training": {
            "batch": _BATCH,
            "learning_rate": 0.001,
            "steps": min(2000, max(_MIN_STEPS, 30 * shape.windows // _BATCH)),
        },
    }


def _deepar(shape: Shape) -> Tree:
    """Return DeepAR: an autoregressive network that draws futures from Student's t distribution.

    Source: Salinas et al. 2020, "DeepAR", arXiv:1704.04110.
    """
    seasons = 7 if shape.is_within_day else 2
    context = min(max(seasons * shape.season, shape.horizon), shape.length)
    return {
        "model": {"kind": "lstm", "hidden": 64, "layers": 2, "dropout": 0.1, "context": context},
        "scale": {"kind": "mean_abs", "log": False},
        "embed": {"width": 1},
        "decode": {
            "kind": "recursive",
            "skip": (),
            "lags": tuple(lag for lag in sorted({1, 2, 3, *shape.seasons_back}) if lag <= context),
        },
        "head": {"kind": "student_t"},
        "training": {"batch": 128, "learning_rate": 0.001, "steps": 1000},
    }


def _context(shape: Shape) -> int:
    """Return a context of several seasons or horizons, whichever is longer, but no longer than the series."""
    seasons = 14 if shape.is_within_day else 5
    return min(max(seasons * shape.season, 3 * shape.horizon, 16), shape.length)


def _width(shape: Shape, context: int) -> int:
    """Return a segment width of one or two seasons; a third of the horizon without a season."""
    season = shape.season
    if season == 1:
        return max(1, min(shape.horizon, context) // 3)
    if shape.is_within_day and shape.horizon >= 2 * season and context >= 7 * season:
        return 2 * season
    return min(season, context)
