"""The model chosen by what held-out folds say: the preset's networks, a statistical model, or the median of several."""

import importlib.util
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.config import AutoConfig, Config
from forecaster.config.tree import Tree, validate
from forecaster.errors import DataError
from forecaster.evaluation.backtest import Plan, participants
from forecaster.evaluation.compare import suitable_folds
from forecaster.evaluation.metrics import seasonal_error
from forecaster.evaluation.score import Score, score
from forecaster.evaluation.split import split
from forecaster.events import Note, Watch
from forecaster.forecast import Forecast
from forecaster.frequency import Ints
from forecaster.models.build import build_model
from forecaster.panel import Floats, Panel
from forecaster.selection.resolve import resolve
from forecaster.selection.scale import choose_scales

_FORECASTS = 200  # that candidates are judged by
_MOST_COMBINED = 3
_NEAR = 0.01  # of the lowest MASE: nearer than this, WQL decides
_BUDGET_SHARE = 1 / 3  # of a budget, for the choice
_LONGEST_SEASON = {"auto_theta": math.inf, "auto_ets": 12}  # beyond which fitting takes seconds a series
_MOST_SERIES = 2000  # that a statistical model is fitted to, one after the other

CRITERION = "MASE; WQL where that is within 1 % of the lowest"


@dataclass(frozen=True)
class ModelChoice:
    """A config whose model was chosen, and why.

    Attributes:
        told: for the manifest: the scores of all candidates, the folds, and a sentence. None where nothing was chosen.
    """

    config: Config
    told: dict[str, Any] | None = None


def choose_model(config: Config, panel: Panel, *, watch: Watch) -> ModelChoice:
    """Replace `model.kind: auto` by what forecasts held-out folds best; any other config stays as it is.

    Candidates are the preset's networks, trained once on what precedes the first fold, as they would be but for the
    refit; naive, seasonal naive, drift; Theta and exponential smoothing where they are installed and do not take long;
    and the medians of the best two and of the best three. The folds lie before what calibrates. All are judged by the
    same forecasts, at most `_FORECASTS`, evenly spaced over series and folds.

    Args:
        config: with `data.horizon`.
        panel: without the holdout.
        watch: told what was chosen.
    """
    if not isinstance(config.model, AutoConfig):
        return ModelChoice(config)
    plain = _without_model(config)
    horizon = config.horizon
    held_out = panel.cut(_calibration(config, panel))
    plan = Plan(horizon, folds=suitable_folds(held_out, horizon, None), refit=0)
    try:
        takes_part = participants(held_out, plan)
    except DataError:
        why = "the series are too short to hold folds out, so the preset's networks are taken"
        watch(Note(f"auto: {why}"))
        return ModelChoice(plain, {"among": {}, "by": CRITERION, "folds": 0, "forecasts": 0, "why": why})
    series, fold = np.nonzero(takes_part)
    some = np.unique(np.linspace(0, len(series) - 1, min(len(series), _FORECASTS)).round().astype(np.int64))
    rows = plan.before(held_out, series[some], fold[some])
    oldest = plan.before(held_out, np.flatnonzero(takes_part[:, 0]), 0)
    forecasts = {kind: build_model(_named(config, kind)).predict(rows, horizon) for kind in _kinds(held_out, watch)}
    network = plain.name
    forecasts[network] = _forecast_by_network(plain, oldest, rows, watch)
    actual, scale = rows.actual(horizon, held_out.end[series[some]]), seasonal_error(rows, panel.season)
    alone = {name: score(each, actual, scale)["mase"] for name, each in forecasts.items()}
    ranked = sorted(alone, key=lambda name: _or_last(alone[name]))
    members = {name: [name] for name in ranked} | {
        "+".join(ranked[:count]): ranked[:count] for count in range(2, _MOST_COMBINED + 1)
    }
    scores = {name: score(_median([forecasts[each] for each in some]), actual, scale) for name, some in members.items()}
    best = _best(scores)
    told = _tell(scores, best, plan.folds, len(rows))
    watch(Note(f"auto: {told['why']}"))
    return ModelChoice(_config_of(members[best], config, plain, panel, watch), told)


def _calibration(config: Config, panel: Panel) -> Ints:
    return split(panel, config.horizon, is_calibrated=config.conformal.is_on, holds_out=False).calibration


def _kinds(panel: Panel, watch: Watch) -> list[str]:
    """The candidates that learn nothing."""
    kinds = ["seasonal_naive", "naive", "drift"] if panel.season > 1 else ["naive", "drift"]
    if importlib.util.find_spec("statsforecast") is None:
        watch(Note("auto leaves out auto_theta and auto_ets: the package `statsforecast` is not installed"))
        return kinds
    for kind, longest in _LONGEST_SEASON.items():
        if len(panel) > _MOST_SERIES:
            watch(Note(f"auto leaves out {kind}, which would take long for {len(panel)} series"))
        elif panel.season > longest:
            watch(Note(f"auto leaves out {kind}, which takes long at season {panel.season}"))
        else:
            kinds.append(kind)
    return kinds


def _forecast_by_network(plain: Config, oldest: Panel, rows: Panel, watch: Watch) -> Forecast:
    horizon = plain.horizon
    if plain.training.budget is not None:
        training = {"budget": _BUDGET_SHARE * plain.training.budget, "refit": False}
        plain = plain.model_copy(update={"training": plain.training.model_copy(update=training)})
    validation = split(oldest, horizon, is_calibrated=False, holds_out=False).validation
    forecaster = build_model(choose_scales(resolve(plain, oldest), oldest, validation, watch=watch))
    forecaster.fit(oldest, validation, watch=watch, checkpoint=None)
    return forecaster.predict(rows, horizon)


def _median(forecasts: list[Forecast]) -> Forecast:
    """What an ensemble of these would forecast."""
    first = forecasts[0]
    mean: Floats = np.median([each.mean for each in forecasts], axis=0)
    quantiles: Floats = np.median([each.quantiles for each in forecasts], axis=0)
    return Forecast(**{**vars(first), "mean": mean, "quantiles": quantiles})


def _best(scores: Mapping[str, Score]) -> str:
    lowest = min(_or_last(each["mase"]) for each in scores.values())
    near = [name for name, each in scores.items() if _or_last(each["mase"]) <= lowest * (1 + _NEAR)]
    return min(near, key=lambda name: _or_last(scores[name]["wql"]))


def _or_last(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _tell(scores: Mapping[str, Score], best: str, folds: int, forecasts: int) -> dict[str, Any]:
    def describe(name: str) -> str:
        return f"{name} {scores[name]['mase']:.3f}"

    others = sorted((name for name in scores if name != best), key=lambda name: _or_last(scores[name]["mase"]))
    is_lowest = not others or _or_last(scores[best]["mase"]) <= _or_last(scores[others[0]]["mase"])
    lowest = "the lowest MASE" if is_lowest else "the lowest WQL of those within 1 % of the lowest MASE"
    scope = f"{forecasts} forecasts from {folds} held-out fold{'s' * (folds > 1)}"
    why = f"{best} has {lowest} in {scope}: {', '.join(map(describe, (best, *others)))}"
    among = {name: {key: _or_none(scores[name][key]) for key in ("mase", "wql")} for name in (best, *others)}
    return {"model": best, "among": among, "by": CRITERION, "folds": folds, "forecasts": forecasts, "why": why}


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _config_of(kinds: list[str], config: Config, plain: Config, panel: Panel, watch: Watch) -> Config:
    """The config of one of the kinds, or of their median, in which networks are one member."""
    budget = plain.training.budget
    if budget is not None:
        training = plain.training.model_copy(update={"budget": (1 - _BUDGET_SHARE) * budget})
        plain = plain.model_copy(update={"training": training})
    others = [{"model": {"kind": kind}} for kind in kinds if kind != plain.name]
    if plain.name not in kinds:
        first = _named(config, kinds[0])
        return first if len(kinds) == 1 else _with_variants(first, others)
    if len(kinds) == 1:
        return plain
    parts = split(panel, config.horizon, is_calibrated=config.conformal.is_on, holds_out=False)
    networks = choose_scales(resolve(plain, panel), panel.cut(parts.calibration), parts.validation, watch=watch)
    own = networks.ensemble.model_dump()
    return _with_variants(networks, [{"ensemble": own} if own["variants"] or own["seeds"] > 1 else {}, *others])


def _with_variants(config: Config, variants: list[Tree]) -> Config:
    return validate(
        {**config.model_dump(exclude_unset=True), "data": config.data.model_dump(), "ensemble": {"variants": variants}},
        "settings",
    )


def _without_model(config: Config) -> Config:
    """The config whose model is left to the preset."""
    tree = config.model_dump(exclude_unset=True) | {"data": config.data.model_dump()}
    return validate({key: value for key, value in tree.items() if key != "model"}, "settings")


def _named(config: Config, kind: str) -> Config:
    tree = config.model_dump(exclude_unset=True) | {"data": config.data.model_dump()}
    return validate({**tree, "model": {"kind": kind}}, "settings")
