"""Forecasts beside the naive ones: of the held-out tail, and of a backtest's folds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from forecaster.evaluation.backtest import Backtest, Fit, Plan, backtest
from forecaster.evaluation.breakdown import Columns, add_up, score_groups, score_steps, tabulate
from forecaster.evaluation.metrics import seasonal_error
from forecaster.evaluation.score import Score, reliability, score, skill, verdict, without_nan
from forecaster.evaluation.split import Split
from forecaster.forecast import Forecast, Forecaster
from forecaster.frequency import Ints
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Floats, Panel

SERIES_LISTED = 1000


class HoldoutForecast(NamedTuple):
    """What was forecast of the held-out steps.

    Attributes:
        panel: that it was forecast from.
        actual: [N, H] what came true.
    """

    forecast: Forecast
    panel: Panel
    actual: Floats


class _Measured(NamedTuple):
    """One model's scores on a backtest."""

    overall: Score
    by_step: Columns
    by_series: Columns
    by_cutoff: Columns


def evaluate_holdout(
    forecaster: Forecaster, panel: Panel, parts: Split, horizon: int
) -> tuple[dict[str, Any], HoldoutForecast | None]:
    """Score the forecaster and the naive ones on the holdout of every series that has one.

    Returns: the content of metrics.json, and the forecaster's holdout forecasts; None where nothing is held out.
    """
    whole = panel.select(parts.is_scored)
    metrics: dict[str, Any] = {"schema_version": 1}
    block: dict[str, Any] = {
        "horizon": horizon,
        "season": panel.season,
        "series": len(whole),
        "unscored": len(panel) - len(whole),
    }
    if not len(whole):
        holdout = {"cutoff": None, **block, "models": {}, "reliability": {}}
        empty: dict[str, Any] = {"holdout": holdout, "skill": None, "skill_naive": None, "verdict": "no better"}
        return metrics | empty, None
    seen = whole.cut(horizon)
    actual = seen.actual(horizon, whole.end)
    scale = seasonal_error(seen, panel.season)
    forecast = forecaster.predict(seen, horizon)
    scores: dict[str, Score] = {forecast.model: score(forecast, actual, scale)}
    for naive in (SeasonalNaive(), Naive()):  # one at a time is in memory
        scores[naive.name] = score(naive.predict(seen, horizon), actual, scale)
    skills = [skill(scores[forecaster.name], scores[name]) for name in ("seasonal_naive", "naive")]
    cutoff = seen.cutoff
    cutoffs = panel.frequency.format(np.array([cutoff.min(), cutoff.max()]), panel.zone).tolist()
    metrics |= {
        "holdout": {
            "cutoff": dict(zip(("first", "last"), cutoffs, strict=True)),
            **block,
            "models": scores,
            "reliability": reliability(forecast, actual),
        },
        "skill": skills[0],
        "skill_naive": skills[1],
        "verdict": verdict(*skills),
    }
    return without_nan(metrics), HoldoutForecast(forecast, seen, actual)


def evaluate_folds(test: Backtest, panel: Panel, plan: Plan) -> dict[str, Any]:
    """Score a backtest overall, by step, by series and by cutoff, beside the naive forecasts of the same rows.

    Cutoffs are named by their time where all series share them, else `fold 1`, the oldest, `fold 2` ... Of
    more than `SERIES_LISTED` series those are listed whose MASE is the highest.
    """
    model = test.forecast.model
    found, series = np.unique(test.series, return_inverse=True)

    def measure(one: Backtest) -> _Measured:
        rows, steps = add_up(one)
        of_series, of_cutoff = score_groups(rows, series, len(found)), score_groups(rows, test.fold, plan.folds)
        return _Measured(score(one.forecast, one.actual, one.scale), score_steps(steps), of_series, of_cutoff)

    measured = {model: measure(test)}
    for kind in (SeasonalNaive, Naive):
        if kind.name not in measured:  # one at a time is in memory
            fit = _fit_of(kind)
            measured[kind.name] = measure(backtest(fit, panel, replace(plan, refit=0)))
    scores = {name: each.overall for name, each in measured.items()}
    listed = _worst(measured[model].by_series["mase"])
    listing = {name: {key: column[listed] for key, column in each.by_series.items()} for name, each in measured.items()}
    first_and_last = np.array([test.forecast.cutoff.min(), test.forecast.cutoff.max()])
    skills = [skill(scores[model], scores[name]) for name in ("seasonal_naive", "naive")]
    block = {
        "cutoff": dict(
            zip(("first", "last"), panel.frequency.format(first_and_last, panel.zone).tolist(), strict=True)
        ),
        "horizon": plan.horizon,
        "season": panel.season,
        "folds": plan.folds,
        "stride": plan.stride or plan.horizon,
        "refit": plan.refit,
        "window": plan.window,
        "series": len(found),
        "unscored": len(panel) - len(found),
        "unlisted": len(found) - len(listed),
        "forecasts": len(test.series),
        "fallbacks": int(test.forecast.fallback.sum()),
        "overall": scores,
        "by_step": tabulate(
            [str(step + 1) for step in range(plan.horizon)], {name: each.by_step for name, each in measured.items()}
        ),
        "by_series": tabulate([str(name) for name in panel.ids[found[listed]]], listing),
        "by_cutoff": tabulate(
            _cutoff_names(test, plan.folds), {name: each.by_cutoff for name, each in measured.items()}
        ),
    }
    metrics = {"schema_version": 1, "backtest": block, "skill": skills[0], "skill_naive": skills[1]}
    return without_nan({**metrics, "verdict": verdict(*skills)})


def _fit_of(kind: type[Naive | SeasonalNaive]) -> Fit:
    return lambda _: kind()


def _worst(mase: np.ndarray[Any, np.dtype[np.float64]]) -> Ints:
    """Numbers, in order, of the `SERIES_LISTED` series with the highest MASE; one without counts as lowest."""
    order = np.argsort(-np.nan_to_num(mase, nan=-1), kind="stable")
    return np.sort(order[:SERIES_LISTED])


def _cutoff_names(test: Backtest, folds: int) -> Sequence[str]:
    order = np.argsort(test.fold, kind="stable")
    first = np.searchsorted(test.fold[order], np.arange(folds))
    of_fold = test.forecast.cutoff[order][first]
    if (test.forecast.cutoff != of_fold[test.fold]).any():
        return [f"fold {fold + 1}" for fold in range(folds)]
    return [str(name) for name in test.forecast.frequency.format(of_fold, test.forecast.zone)]
