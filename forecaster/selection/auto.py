"""The choice of a model by held-out folds: the preset's networks, a simple model, or the median of several."""

import importlib.util
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecaster.config import AutoConfig, Config, EnsembleConfig
from forecaster.config.tree import Tree, validate
from forecaster.errors import DataError
from forecaster.evaluation.backtest import Plan, find_participants
from forecaster.evaluation.combination import combine
from forecaster.evaluation.compare import choose_fold_count
from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.score import Score, score
from forecaster.evaluation.split import split
from forecaster.events import Note, Watch
from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.frequency import Ints
from forecaster.models.build import build_model
from forecaster.models.ensemble import combination_of
from forecaster.panel import Panel
from forecaster.quantile_function import expectation
from forecaster.selection.replay import retain_members
from forecaster.selection.resolve import resolve
from forecaster.selection.scale import choose_scales
from forecaster.store import pretrained

_MAX_FORECASTS = 200  # Candidates are compared on at most this many forecasts.
_MAX_COMBINED = 3
_MASE_TOLERANCE = 0.01  # WQL decides among candidates whose MASE is within this share of the lowest.
_BUDGET_SHARE = 1 / 3  # The share of a time budget that the choice may use.
_MAX_SEASON = {"auto_theta": math.inf, "auto_ets": 12}  # With longer seasons, a fit takes seconds a series.
_MAX_STATISTICAL_SERIES = 2000  # Statistical models fit one series after the other.

CRITERION = "MASE; WQL where that is within 1 % of the lowest"


@dataclass(frozen=True)
class ModelChoice:
    """A config with a chosen model, and the reasons.

    Attributes:
        summary: for the manifest: the scores of all candidates, the folds, and a sentence; None if `model.kind` was
            not `auto`.
    """

    config: Config
    summary: dict[str, Any] | None = None


def choose_model(config: Config, panel: Panel, *, watch: Watch) -> ModelChoice:
    """Replace `model.kind: auto` by the model that forecasts held-out folds best; other configs stay unchanged.

    The candidates are:
    * the preset's networks, trained once on the data before the first fold, without the refit;
    * naive, seasonal naive and drift;
    * the pretrained network;
    * Theta and exponential smoothing, if they are installed and do not take long;
    * the medians of the best two and of the best three.

    The folds end before the calibration tail. All candidates are compared on the same forecasts, at most
    `_MAX_FORECASTS`, evenly spaced over series and folds.

    Args:
        config: with `data.horizon`.
        panel: without the holdout.
        watch: receives a note about the choice.
    """
    if not isinstance(config.model, AutoConfig):
        return ModelChoice(config)
    plain = _without_model(config)
    horizon = config.horizon
    held_out = panel.cut(_calibration(config, panel))
    plan = Plan(horizon, folds=choose_fold_count(held_out, horizon, None), refit=0)
    try:
        takes_part = find_participants(held_out, plan)
    except DataError:
        why = "the series are too short for held-out folds, so the preset's networks are used"
        watch(Note(f"auto: {why}"))
        return ModelChoice(plain, {"among": {}, "by": CRITERION, "folds": 0, "forecasts": 0, "why": why})
    series, fold = np.nonzero(takes_part)
    sample = np.unique(np.linspace(0, len(series) - 1, min(len(series), _MAX_FORECASTS)).round().astype(np.int64))
    rows = plan.visible_rows(held_out, series[sample], fold[sample])
    oldest = plan.visible_rows(held_out, np.flatnonzero(takes_part[:, 0]), 0)
    kinds = _list_simple_kinds(held_out, watch)
    forecasts = {kind: build_model(_with_kind(config, kind)).predict(rows, horizon) for kind in kinds}
    forecasts[plain.name], numbers = _forecast_by_network(plain, oldest, rows, watch)
    actual, scale = rows.actual(horizon, held_out.end[series[sample]]), Scale.of(rows)
    members = _list_candidates({name: score(each, actual, scale)["mase"] for name, each in forecasts.items()})
    scores = {
        name: score(_median([forecasts[each] for each in names]), actual, scale) for name, names in members.items()
    }
    best = _best(scores)
    summary = _summarise(scores, best, plan.folds, len(rows))
    watch(Note(f"auto: {summary['why']}"))
    composed = _compose(members[best], config, plain, panel, watch)
    return ModelChoice(_settle_nested(composed, numbers), summary)


def _calibration(config: Config, panel: Panel) -> Ints:
    return split(panel, config.horizon, is_calibrated=config.conformal.is_on, has_holdout=False).calibration


def _list_simple_kinds(panel: Panel, watch: Watch) -> list[str]:
    """List the candidates that need no training."""
    kinds = ["seasonal_naive", "naive", "drift"] if panel.season > 1 else ["naive", "drift"]
    if pretrained.is_available():
        kinds.append("pretrained")
    if importlib.util.find_spec("statsforecast") is None:
        watch(Note("auto leaves out auto_theta and auto_ets: the package `statsforecast` is not installed"))
        return kinds
    for kind, max_season in _MAX_SEASON.items():
        if len(panel) > _MAX_STATISTICAL_SERIES:
            watch(Note(f"auto leaves out {kind}, which would take long for {len(panel)} series"))
        elif panel.season > max_season:
            watch(Note(f"auto leaves out {kind}, which takes long at season {panel.season}"))
        else:
            kinds.append(kind)
    return kinds


def _list_candidates(mase: Mapping[str, float]) -> dict[str, list[str]]:
    """List the candidates by name, each with its members: single models, then combinations of the best ones."""
    ranked = sorted(mase, key=lambda name: _nan_last(mase[name]))
    combinations = {"+".join(ranked[:count]): ranked[:count] for count in range(2, _MAX_COMBINED + 1)}
    return {name: [name] for name in ranked} | combinations


def _forecast_by_network(
    plain: Config, oldest: Panel, rows: Panel, watch: Watch
) -> tuple[Forecast, tuple[int, ...] | None]:
    """Train the preset's networks on the oldest fold, and forecast the rows.

    Args:
        oldest: the series up to their oldest cutoff.

    Returns: the forecast, and the numbers of the members that an ensemble has chosen; None if it makes no choice.
    """
    horizon = plain.horizon
    if plain.training.budget is not None:
        training = {"budget": _BUDGET_SHARE * plain.training.budget, "refit": False}
        plain = plain.model_copy(update={"training": plain.training.model_copy(update=training)})
    validation = split(oldest, horizon, is_calibrated=False, has_holdout=False).validation
    forecaster = build_model(choose_scales(resolve(plain, oldest), oldest, validation, watch=watch))
    forecaster.fit(oldest, validation, watch=watch, checkpoint=None)
    combination = combination_of(forecaster)
    return forecaster.predict(rows, horizon), None if combination is None else combination.members


def _settle_nested(config: Config, numbers: tuple[int, ...] | None) -> Config:
    """Reduce a nested ensemble to the members that it has chosen: a bundle saves the choice of the outermost one alone.

    Args:
        numbers: the numbers of its members; None if it makes no choice.
    """

    def settle(variant: Tree) -> Tree:
        nested = variant.get("ensemble", {})
        if numbers is None or not nested.get("choose"):
            return variant
        inner = config.model_copy(update={"ensemble": EnsembleConfig.model_validate(nested)})
        return variant | {"ensemble": retain_members(inner, [], numbers)[0].ensemble.model_dump()}

    variants = tuple(settle(variant) for variant in config.ensemble.variants)
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update={"variants": variants})})


def _median(forecasts: list[Forecast]) -> Forecast:
    """Combine forecasts as an ensemble does."""
    quantiles = combine([each.quantiles for each in forecasts])
    return replace(forecasts[0], mean=expectation(quantiles, PROBABILITIES), quantiles=quantiles)


def _best(scores: Mapping[str, Score]) -> str:
    """Return the name with the lowest WQL of those whose MASE is close to the lowest."""
    lowest = min(_nan_last(each["mase"]) for each in scores.values())
    close = [name for name, each in scores.items() if _nan_last(each["mase"]) <= lowest * (1 + _MASE_TOLERANCE)]
    return min(close, key=lambda name: _nan_last(scores[name]["wql"]))


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _summarise(scores: Mapping[str, Score], best: str, folds: int, forecasts: int) -> dict[str, Any]:
    def describe(name: str) -> str:
        return f"{name} {scores[name]['mase']:.3f}"

    others = sorted((name for name in scores if name != best), key=lambda name: _nan_last(scores[name]["mase"]))
    is_lowest = not others or _nan_last(scores[best]["mase"]) <= _nan_last(scores[others[0]]["mase"])
    lowest = "the lowest MASE" if is_lowest else "the lowest WQL of those within 1 % of the lowest MASE"
    scope = f"{forecasts} forecasts from {folds} held-out fold{'s' * (folds > 1)}"
    why = f"{best} has {lowest} in {scope}: {', '.join(map(describe, (best, *others)))}"
    among = {name: {key: _nan_to_none(scores[name][key]) for key in ("mase", "wql")} for name in (best, *others)}
    return {"model": best, "among": among, "by": CRITERION, "folds": folds, "forecasts": forecasts, "why": why}


def _nan_to_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _compose(kinds: list[str], config: Config, plain: Config, panel: Panel, watch: Watch) -> Config:
    """Return the config of a kind, or of the median of several kinds; the preset's networks count as one of them."""
    budget = plain.training.budget
    if budget is not None:
        training = plain.training.model_copy(update={"budget": (1 - _BUDGET_SHARE) * budget})
        plain = plain.model_copy(update={"training": training})
    others = [{"model": {"kind": kind}} for kind in kinds if kind != plain.name]
    if plain.name not in kinds:
        first = _with_kind(config, kinds[0])
        return first if len(kinds) == 1 else _with_variants(first, others)
    if len(kinds) == 1:
        return plain
    parts = split(panel, config.horizon, is_calibrated=config.conformal.is_on, has_holdout=False)
    networks = choose_scales(resolve(plain, panel), panel.cut(parts.calibration), parts.validation, watch=watch)
    ensemble = networks.ensemble.model_dump()
    is_single = not ensemble["variants"] and ensemble["seeds"] == 1
    return _with_variants(networks, [{} if is_single else {"ensemble": ensemble}, *others])


def _with_variants(config: Config, variants: list[Tree]) -> Config:
    return validate(
        {**config.model_dump(exclude_unset=True), "data": config.data.model_dump(), "ensemble": {"variants": variants}},
        "settings",
    )


def _without_model(config: Config) -> Config:
    """Return the config with the model left to the preset."""
    tree = config.model_dump(exclude_unset=True) | {"data": config.data.model_dump()}
    return validate({key: value for key, value in tree.items() if key != "model"}, "settings")


def _with_kind(config: Config, kind: str) -> Config:
    tree = config.model_dump(exclude_unset=True) | {"data": config.data.model_dump()}
    return validate({**tree, "model": {"kind": kind}}, "settings")
