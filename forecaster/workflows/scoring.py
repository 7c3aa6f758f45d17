"""Scores of a model and of the naive forecasts, on the holdout and on the folds of a backtest."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from forecaster.evaluation.backtest import Backtest, Fit, Plan, backtest
from forecaster.evaluation.breakdown import Columns, add_up, score_groups, score_steps, tabulate
from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.score import Score, reliability, score, skill, verdict, without_nan
from forecaster.evaluation.split import Split
from forecaster.forecast import Forecast, Forecaster
from forecaster.frequency import Ints
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Floats, Panel

SERIES_LISTED = 1000


class HoldoutForecast(NamedTuple):
    """A forecast of the held-out steps.

    Attributes:
        panel: the N series up to the holdout, which the forecast reads.
        actual: [N, H] the held-out values.
    """

    forecast: Forecast
    panel: Panel
    actual: Floats


class _FoldScores(NamedTuple):
    """The scores of one model in a backtest."""

    overall: Score
    by_step: Columns
    by_series: Columns
    by_cutoff: Columns


def evaluate_holdout(
    forecaster: Forecaster, panel: Panel, parts: Split, horizon: int
) -> tuple[dict[str, Any], HoldoutForecast | None]:
    """Score a forecaster and the naive forecasts on the holdout of every series that has one.

    Returns: the content of metrics.json, and the forecast of the holdout; None if no series has a holdout.
    """
    series = panel.select(parts.is_scored)
    metrics: dict[str, Any] = {"schema_version": 1}
    block: dict[str, Any] = {
        "horizon": horizon,
        "season": panel.season,
        "series": len(series),
        "unscored": len(panel) - len(series),
    }
    if not len(series):
        holdout = {"cutoff": None, **block, "models": {}, "reliability": {}}
        empty: dict[str, Any] = {"holdout": holdout, "skill": None, "skill_naive": None, "verdict": "no better"}
        return metrics | empty, None
    visible = series.cut(horizon)
    actual = visible.actual(horizon, series.end)
    scale = Scale.of(visible)
    forecast = forecaster.predict(visible, horizon)
    scores: dict[str, Score] = {forecast.model: score(forecast, actual, scale)}
    for naive in (SeasonalNaive(), Naive()):  # Only one of these forecasts is in memory at a time.
        scores[naive.name] = score(naive.predict(visible, horizon), actual, scale)
    skills = [skill(scores[forecaster.name], scores[name]) for name in ("seasonal_naive", "naive")]
    metrics |= {
        "holdout": {
            "cutoff": _first_and_last(visible.cutoff, panel),
            **block,
            "models": scores,
            "reliability": reliability(forecast, actual),
        },
        "skill": skills[0],
        "skill_naive": skills[1],
        "verdict": verdict(*skills),
    }
    return without_nan(metrics), HoldoutForecast(forecast, visible, actual)


def evaluate_folds(test: Backtest, panel: Panel, plan: Plan) -> dict[str, Any]:
    """Score a backtest and the naive forecasts of the same rows: overall, by step, by series and by cutoff.

    A cutoff is named by its time if all series share it, otherwise `fold 1` (the oldest), `fold 2` and so on. If there
    are more than `SERIES_LISTED` series, those with the highest MASE are listed.

    Returns: the content of metrics.json.
    """
    model = test.forecast.model
    rows, series = np.unique(test.series, return_inverse=True)

    def score_folds(result: Backtest) -> _FoldScores:
        sums, steps = add_up(result)
        by_series = score_groups(sums, series, len(rows))
        by_cutoff = score_groups(sums, test.fold, plan.folds)
        overall = score(result.forecast, result.actual, result.scale)
        return _FoldScores(overall, score_steps(steps), by_series, by_cutoff)

    scores = {model: score_folds(test)}
    for kind in (SeasonalNaive, Naive):
        if kind.name not in scores:  # Only one of these backtests is in memory at a time.
            scores[kind.name] = score_folds(backtest(_make_fit(kind), panel, replace(plan, refit=0)))
    overall = {name: each.overall for name, each in scores.items()}
    listed = _pick_worst(scores[model].by_series["mase"])
    by_series = {name: {key: column[listed] for key, column in each.by_series.items()} for name, each in scores.items()}
    skills = [skill(overall[model], overall[name]) for name in ("seasonal_naive", "naive")]
    steps = [str(step + 1) for step in range(plan.horizon)]
    block = {
        "cutoff": _first_and_last(test.forecast.cutoff, panel),
        "horizon": plan.horizon,
        "season": panel.season,
        "folds": plan.folds,
        "stride": plan.stride or plan.horizon,
        "refit": plan.refit,
        "window": plan.window,
        "series": len(rows),
        "unscored": len(panel) - len(rows),
        "unlisted": len(rows) - len(listed),
        "forecasts": len(test.series),
        "fallbacks": int(test.forecast.fallback.sum()),
        "overall": overall,
        "by_step": tabulate(steps, {name: each.by_step for name, each in scores.items()}),
        "by_series": tabulate([str(name) for name in panel.ids[rows[listed]]], by_series),
        "by_cutoff": tabulate(_cutoff_names(test, plan.folds), {name: each.by_cutoff for name, each in scores.items()}),
    }
    metrics = {"schema_version": 1, "backtest": block, "skill": skills[0], "skill_naive": skills[1]}
    return without_nan({**metrics, "verdict": verdict(*skills)})


def _first_and_last(cutoff: Ints, panel: Panel) -> dict[str, str]:
    """Return the first and the last of the cutoffs as text."""
    first, last = panel.frequency.format(np.array([cutoff.min(), cutoff.max()]), panel.zone).tolist()
    return {"first": first, "last": last}


def _make_fit(kind: type[Naive | SeasonalNaive]) -> Fit:
    return lambda _: kind()


def _pick_worst(mase: np.ndarray[Any, np.dtype[np.float64]]) -> Ints:
    """Return the sorted indices of the `SERIES_LISTED` series with the highest MASE; NaN counts as the lowest."""
    order = np.argsort(-np.nan_to_num(mase, nan=-1), kind="stable")
    return np.sort(order[:SERIES_LISTED])


def _cutoff_names(test: Backtest, folds: int) -> Sequence[str]:
    order = np.argsort(test.fold, kind="stable")
    first_rows = np.searchsorted(test.fold[order], np.arange(folds))
    cutoffs = test.forecast.cutoff[order][first_rows]
    if (test.forecast.cutoff != cutoffs[test.fold]).any():
        return [f"fold {fold + 1}" for fold in range(folds)]
    return [str(name) for name in test.forecast.frequency.format(cutoffs, test.forecast.zone)]
