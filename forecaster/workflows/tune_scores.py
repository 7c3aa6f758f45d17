"""The metrics of `forecast tune`: the trials of a study, and scores on folds that they did not use."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecaster.config import Config
from forecaster.evaluation.backtest import Backtest, Plan, backtest
from forecaster.evaluation.score import Score, score
from forecaster.events import Note, Watch
from forecaster.models.naive import SeasonalNaive
from forecaster.panel import Panel
from forecaster.report.words import plural
from forecaster.selection.fold_fits import make_fit
from forecaster.selection.search.study import Study, Trial

_LEADERS_LISTED = 5


def evaluate_settings(configs: Mapping[str, Config], panel: Panel, plan: Plan, watch: Watch) -> dict[str, Any]:
    """Backtest settings and the seasonal naive forecast on folds that the trials did not use.

    Args:
        configs: the resolved configs `tuned` and `default`.

    Returns: the scores `unseen`, the `gain` of the tuned settings over the default, and the `verdict`.
    """
    tests: dict[str, Backtest] = {}
    for name, config in configs.items():
        watch(Note(f"evaluating the {name} settings on {plural(plan.folds, 'fold')}"))
        tests[name] = backtest(make_fit(config, watch), panel, plan, watch=watch)
    tests["seasonal_naive"] = backtest(lambda _: SeasonalNaive(), panel, plan)
    scores = {name: score(test.forecast, test.actual, test.scale) for name, test in tests.items()}
    gain = {name: _gain(scores["tuned"], scores["default"], name) for name in ("mase", "wql")}
    cutoff = tests["tuned"].forecast.cutoff
    times = panel.frequency.format(np.array([cutoff.min(), cutoff.max()]), panel.zone).tolist()
    return {
        "unseen": {
            "cutoff": dict(zip(("first", "last"), times, strict=True)),
            "horizon": plan.horizon,
            "season": panel.season,
            "folds": plan.folds,
            "stride": plan.stride or plan.horizon,
            "series": len(np.unique(tests["tuned"].series)),
            "models": scores,
        },
        "gain": gain,
        "verdict": "better" if all(value > 0 for value in gain.values()) else "no better",
    }


def summarize_study(study: Study, leaders: Sequence[Trial]) -> dict[str, Any]:
    """Return the numbers of trials, and the best of them.

    Args:
        leaders: the best trials, the best one first.
    """
    trials = study.trials()
    return {
        "trials": len(trials),
        "pruned": sum(trial.state == "pruned" for trial in trials),
        "failed": sum(trial.state == "failed" for trial in trials),
        "seconds": round(study.seconds, 3),
        "default": {"trial": 1, "loss": trials[0].loss},
        "best": _describe_trial(leaders[0]),
        "leaders": [_describe_trial(trial) for trial in leaders[:_LEADERS_LISTED]],
    }


def _gain(tuned: Score, default: Score, name: str) -> float:
    """Return 1 - tuned / default, which is above 0 if the tuned settings are better; NaN without a divisor."""
    return 1 - tuned[name] / default[name] if default[name] else float("nan")


def _describe_trial(trial: Trial) -> dict[str, Any]:
    return {"trial": trial.number, "loss": trial.loss, "settings": trial.values}
