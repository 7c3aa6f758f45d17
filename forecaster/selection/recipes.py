"""Settled recipes: what a preset sets for a panel, by its season, horizon, lengths and number of series alone."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from forecaster.config import Config, NetworkModel, Preset
from forecaster.config.tree import Tree
from forecaster.frequency import DAY
from forecaster.panel import Panel

_BATCH = 256
_LONG_HORIZON = 256  # from here on a window says as much as two
_PASSES = 10  # over the data, for small data
_FEWEST_STEPS = 200
_LONG_SEASON = 12  # from here on segments of a season are better than steps, and cheaper


@dataclass(frozen=True)
class Shape:
    """What a recipe knows of the data.

    Attributes:
        horizon: steps to forecast, H.
        season: steps in a season, 1 for none.
        length: steps of a long series of the panel (nine in ten are shorter).
        series: how many there are.
        windows: how many windows there are to learn from.
        is_positive: whether every value is above 0.
        is_within_day: whether a season is a day of several steps, so that weeks may repeat as well.
        has_years: whether the calendar says what a context does not: steps of a day or more, over two years or more.
    """

    horizon: int
    season: int
    length: int
    series: int
    windows: int
    is_positive: bool
    is_within_day: bool
    has_years: bool

    @classmethod
    def of(cls, panel: Panel, horizon: int) -> "Shape":
        return cls(
            horizon=horizon,
            season=panel.season,
            length=int(np.quantile(panel.lengths, 0.9)),
            series=len(panel),
            windows=int(panel.lengths.sum()),
            is_positive=all(np.nanmin(target) > 0 for target in panel),
            is_within_day=_is_within_day(panel),
            has_years=_has_years(panel),
        )

    @property
    def seasons_back(self) -> tuple[int, ...]:
        """Lags of a whole number of seasons at which values may repeat; none without a season."""
        if self.season == 1:
            return ()
        days = (1, 2, 7, 14) if self.is_within_day else (1, 2)
        return tuple(self.season * each for each in days)


def recipe(preset: Preset, shape: Shape) -> Tree:
    """What a preset sets for data of a shape; a tree of config keys."""
    match preset:
        case "fast":
            variants = _variants(shape)[:1]
            return _network(shape, steps=700, hidden=64) | {"ensemble": {"variants": variants}}
        case "default":
            members = 2 if shape.is_within_day else 3
            return _network(shape, steps=1500) | {"ensemble": {"variants": _variants(shape)[:members]}}
        case "best":
            return _network(shape, steps=2000) | {"ensemble": {"variants": _variants(shape), "seeds": 2}}
        case "segrnn":
            return _segrnn(shape)
        case "deepar":
            return _deepar(shape)
    assert_never(preset)


def cut_to_size(config: Config, shape: Shape, *, is_width_open: bool) -> Config:
    """Fill in the context and the segment width where they are left open.

    A context that was left open becomes whole segments, and so does any that a recursive network reads.

    Args:
        is_width_open: whether a width that is set is the preset's, and yields to a shorter context.
    """
    if not isinstance(config.model, NetworkModel):
        raise TypeError(f"{config.model.kind} is no network")
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
    """A recurrent network that copies past seasons ahead and learns what differs from them."""
    return {
        "model": {"hidden": hidden or (128 if shape.is_within_day else 64), "dropout": 0.2},
        "scale": {"kind": "last", "log": shape.is_positive and not shape.is_within_day},
        "decode": {"skip": shape.seasons_back},
        "training": {
            "steps": min(steps, max(_FEWEST_STEPS, _PASSES * shape.windows // _BATCH)),
            "batch": _BATCH if shape.horizon < _LONG_HORIZON else _BATCH // 2,
            "learning_rate": 0.002,
            "weigh": "relative",
            "draw": "windows" if shape.is_within_day else "series",
        },
    }


def _variants(shape: Shape) -> list[Tree]:
    """Networks that read the same data differently, the best one alone first, then what joins it best."""
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
    return by_season + by_step[::-1] if shape.season >= _LONG_SEASON else by_step + by_season


def _variant(scale: str, context: int, *, width: int | None = None, decode: str = "parallel") -> Tree:
    sizes: Tree = {"model": {"context": context}, "scale": {"kind": scale}, "decode": {"kind": decode}}
    return sizes if width is None else sizes | {"embed": {"width": width}}


def _segrnn(shape: Shape) -> Tree:
    """SegRNN as published: one GRU over segments, the last value subtracted, all future segments from one state.

    Source: Lin et al. 2023, "SegRNN", arXiv:2308.11200, sec. 4 and appendix (hidden 512 there, dropout 0.5; 30 passes
    over the data at most).
    """
    steps = min(2000, max(_FEWEST_STEPS, 30 * shape.windows // _BATCH))
    return {
        "model": {"hidden": 256, "dropout": 0.5},
        "scale": {"kind": "last", "log": False},
        "embed": {"identity": 16},
        "decode": {"kind": "parallel", "skip": ()},
        "head": {"kind": "point", "loss": "mae"},
        "training": {"batch": _BATCH, "learning_rate": 0.001, "steps": steps},
    }


def _deepar(shape: Shape) -> Tree:
    """DeepAR: an autoregressive network that draws futures from Student's t distribution.

    Source: Salinas et al. 2020, "DeepAR", arXiv:1704.04110.
    """
    seasons = 7 if shape.is_within_day else 2
    context = min(max(seasons * shape.season, shape.horizon), shape.length)
    return {
        "model": {
            "kind": "lstm",
            "hidden": 64,
            "layers": 2,
            "dropout": 0.1,
            "context": context,
        },
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
    """Some seasons, some horizons, and no more than there is."""
    seasons = 14 if shape.is_within_day else 5
    return min(max(seasons * shape.season, 3 * shape.horizon, 16), shape.length)


def _width(shape: Shape, context: int) -> int:
    season = shape.season
    if season == 1:
        return max(1, min(shape.horizon, context) // 3)
    if shape.is_within_day and shape.horizon >= 2 * season and context >= 7 * season:
        return 2 * season
    return min(season, context)


def _is_within_day(panel: Panel) -> bool:
    """Whether a season is a day of 12 steps or more; of integer time the season of 24 or more has to tell."""
    if panel.frequency.is_integer:
        return panel.season >= 24
    return panel.season >= 12 and panel.frequency.kind == "fixed" and panel.season * panel.frequency.every == DAY


def _has_years(panel: Panel) -> bool:
    """Whether dated steps of a day or more cover two years, so that the season of the year can be learnt, not guessed.

    Hours and weekdays repeat within the context of finer steps; there the calendar made validation losses worse.
    """
    if panel.frequency.is_integer or not panel.frequency.is_wall_clock:
        return False
    return bool(np.median(panel.cutoff - panel.start) >= 2 * 365 * DAY)
