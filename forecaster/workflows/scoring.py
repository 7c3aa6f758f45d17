"""Scores of a model and of the naive forecasts, on the holdout and on the folds of a backtest."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from forecaster.evaluation.backtest import Backtest, Plan
from forecaster.evaluation.breakdown import Columns, add_up, score_groups, score_steps, tabulate
from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.score import Score, reliability, score, skill, without_nan
from forecaster.evaluation.split import Split
from forecaster.evaluation.verdict import (
    BASELINES,
    MANY_SERIES,
    BaselineTest,
    Loss,
    Units,
    choose_loss,
    compare_with_baseline,
    describe_evidence,
    judge,
    measure_losses,
)
from forecaster.events import ignore
from forecaster.forecast import Forecast, Forecaster
from forecaster.frequency import Ints
from forecaster.models.calibrated import Calibrated
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Floats, Panel

SERIES_LISTED = 1000
_MAX_TAIL_CUTOFFS = 30


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

    A few series are too little for a verdict, so it considers the cutoffs of the calibration tail as well: neither the
    weights nor the length of the training depend on this tail. The naive forecasts are calibrated as the model is.

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
        empty: dict[str, Any] = {"holdout": holdout, "skill": None, "skill_naive": None, "verdict": "undecided"}
        return metrics | empty, None
    visible = series.cut(horizon)
    actual = visible.actual(horizon, series.end)
    scale = Scale.of(visible)
    forecast = forecaster.predict(visible, horizon)
    scores: dict[str, Score] = {forecast.model: score(forecast, actual, scale)}
    loss = choose_loss(visible)
    rows = _Rows.of(panel, parts, horizon)
    losses = rows.measure(forecaster, horizon, loss)
    tests: dict[str, BaselineTest] = {}
    for kind in (SeasonalNaive, Naive):  # Only one of these forecasts is in memory at a time.
        naive = _fit_baseline(kind, panel, parts, horizon, is_calibrated=isinstance(forecaster, Calibrated))
        scores[naive.name] = score(naive.predict(visible, horizon), actual, scale)
        if naive.name != forecaster.name:
            tests[naive.name] = compare_with_baseline(losses, rows.measure(naive, horizon, loss), rows.units)
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
        "verdict": judge(tests),
        "evidence": describe_evidence(tests, rows.units, loss),
    }
    return without_nan(metrics), HoldoutForecast(forecast, visible, actual)


def evaluate_folds(
    test: Backtest, panel: Panel, plan: Plan, backtest_baseline: Callable[[str], Backtest]
) -> dict[str, Any]:
    """Score a backtest and the naive forecasts of the same rows: overall, by step, by series and by cutoff.

    A cutoff is named by its time if all series share it, otherwise `fold 1` (the oldest), `fold 2` and so on. If there
    are more than `SERIES_LISTED` series, those with the highest MASE are listed.

    Args:
        backtest_baseline: returns the backtest of a naive forecast by its name.

    Returns: the content of metrics.json.
    """
    model = test.forecast.model
    loss, units = choose_loss(panel), units_of(test, plan)
    losses, tests = measure_losses(test.forecast, test.actual, test.scale, loss), dict[str, BaselineTest]()
    rows, series = np.unique(test.series, return_inverse=True)

    def score_folds(result: Backtest) -> _FoldScores:
        sums, steps = add_up(result)
        by_series = score_groups(sums, series, len(rows))
        by_cutoff = score_groups(sums, test.fold, plan.folds)
        overall = score(result.forecast, result.actual, result.scale)
        return _FoldScores(overall, score_steps(steps), by_series, by_cutoff)

    scores = {model: score_folds(test)}
    for name in BASELINES:
        if name not in scores:  # Only one of these backtests is in memory at a time.
            naive = backtest_baseline(name)
            scores[name] = score_folds(naive)
            naive_losses = measure_losses(naive.forecast, naive.actual, naive.scale, loss)
            tests[name] = compare_with_baseline(losses, naive_losses, units)
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
    return without_nan({**metrics, "verdict": judge(tests), "evidence": describe_evidence(tests, units, loss)})


def units_of(test: Backtest, plan: Plan) -> Units:
    """Return the units of observation of a backtest's rows."""
    return Units.of(test.series, test.fold, overlap=-(-plan.horizon // (plan.stride or plan.horizon)))


class _Rows(NamedTuple):
    """Cutoffs of series that a fit has not seen.

    Attributes:
        visible: R series, each up to a cutoff.
        end: [R] the position after the last known step of each series.
        units: of the test of the R forecasts.
    """

    visible: Panel
    end: Ints
    units: Units

    @classmethod
    def of(cls, panel: Panel, parts: Split, horizon: int) -> "_Rows":
        """List the cutoff of the holdout, and with few series those of the calibration tail, a horizon apart."""
        series = np.flatnonzero(parts.is_scored)
        count = np.ones(len(series), np.int64)
        if len(series) < MANY_SERIES:
            count += np.minimum(parts.calibration[series] // horizon, _MAX_TAIL_CUTOFFS)
        rows = np.repeat(series, count)
        cutoff = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        selected = panel.select(rows)
        newest_last = cutoff.max() - cutoff
        return cls(selected.cut(horizon * (cutoff + 1)), selected.end, Units.of(rows, newest_last))

    def measure(self, forecaster: Forecaster, horizon: int, loss: Loss) -> npt.NDArray[np.float64]:
        """Return the [R] losses of a forecaster."""
        forecast = forecaster.predict(self.visible, horizon)
        return measure_losses(forecast, self.visible.actual(horizon, self.end), Scale.of(self.visible), loss)


def _fit_baseline(
    kind: type[SeasonalNaive | Naive], panel: Panel, parts: Split, horizon: int, *, is_calibrated: bool
) -> Forecaster:
    naive: Forecaster = Calibrated(kind(), horizon=horizon) if is_calibrated else kind()
    naive.fit(panel.cut(parts.holdout), parts.tail, watch=ignore, checkpoint=None)
    return naive


def _first_and_last(cutoff: Ints, panel: Panel) -> dict[str, str]:
    """Return the first and the last of the cutoffs as text."""
    first, last = panel.frequency.format(np.array([cutoff.min(), cutoff.max()]), panel.zone).tolist()
    return {"first": first, "last": last}


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
