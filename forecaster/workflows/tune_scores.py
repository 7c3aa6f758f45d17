"""The metrics of `forecast tune`: the trials of a study, and scores on folds that they did not use."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecaster.config import Config
from forecaster.evaluation.backtest import Backtest, Plan, backtest
from forecaster.evaluation.score import Score, score
from forecaster.evaluation.verdict import (
    choose_loss,
    compare_with_baseline,
    estimate_needed,
    judge,
    measure_losses,
)
from forecaster.events import Note, Watch, ignore
from forecaster.panel import Panel
from forecaster.report.words import plural
from forecaster.selection.fold_fits import make_fit
from forecaster.selection.search.study import Study, Trial
from forecaster.workflows.backtest import default_config, resolve_from_data, with_shared_sections
from forecaster.workflows.scoring import units_of

_LEADERS_LISTED = 5


def evaluate_settings(configs: Mapping[str, Config], panel: Panel, plan: Plan, watch: Watch) -> dict[str, Any]:
    """Backtest settings and the seasonal naive forecast on folds that the trials did not use.

    Args:
        configs: the resolved configs `tuned` and `default`.

    Returns: the scores `unseen`, the `gain` of the tuned settings over the default, the `verdict` on them with its
        `evidence`, and the `chosen` settings: `tuned` if they are better or, where nothing is decided, have lower MASE
        and WQL.
    """
    tests: dict[str, Backtest] = {}
    for name, config in configs.items():
        watch(Note(f"evaluating the {name} settings on {plural(plan.folds, 'fold')}"))
        tests[name] = backtest(make_fit(config, watch), panel, plan, watch=watch)
    default = configs["default"]
    naive = with_shared_sections(default_config("seasonal_naive", default), default)
    naive = resolve_from_data(naive, panel, plan.horizon, watch=ignore)  # Calibrated as the settings are.
    tests["seasonal_naive"] = backtest(make_fit(naive, ignore), panel, plan)
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
        **compare_settings(tests, panel, plan, gain),
    }


def compare_settings(
    tests: Mapping[str, Backtest], panel: Panel, plan: Plan, gain: Mapping[str, float]
) -> dict[str, Any]:
    """Return the verdict on the tuned settings against the default, its evidence, and the settings to use."""
    loss = choose_loss(panel)
    tuned, default = (
        measure_losses(test.forecast, test.actual, test.scale, loss) for test in (tests["tuned"], tests["default"])
    )
    units = units_of(tests["tuned"], plan)
    difference = compare_with_baseline(tuned, default, units)
    verdict = judge({"default": difference})
    is_lower = all(value > 0 for value in gain.values())
    return {
        "verdict": verdict,
        "chosen": "tuned" if verdict == "better" or (verdict == "undecided" and is_lower) else "default",
        "evidence": {
            "metric": loss,
            "units": units.kind,
            "count": difference.count,
            "needed": estimate_needed({"default": difference}, units),
            "skill": difference.skill,
            "p": difference.p,
        },
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
