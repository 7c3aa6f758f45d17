"""The sentences that the terminal and the page share: what a result means, and what to do about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from forecaster.evaluation.metric_table import METRICS
from forecaster.evaluation.metrics import LEVELS
from forecaster.explain.explanation import Attribution, Gradients, Influence
from forecaster.report.words import number, plural, share

NO_HOLDOUT = "Every series is too short for a holdout, so the accuracy of the model is unknown."
_SMALLEST_SHARE = 0.0001  # below 0.01 %, the exact share does not matter


def skill_sentence(metrics: Mapping[str, Any], model: str) -> str:
    """Say how a model compares with both naive forecasts, by the `skill` and `skill_naive` of metrics.json."""
    skills = {"seasonal naive": metrics["skill"], "naive": metrics["skill_naive"]}
    skills.pop(model.replace("_", " "), None)  # a baseline is not compared with itself
    known = {name: value for name, value in skills.items() if value is not None}
    unknown = [name for name in skills if name not in known]
    if unknown and all(value > 0 for value in known.values()):
        return f"{model} cannot be compared with {' and '.join(unknown)}: the errors have no scale here."
    better = [f"{share(value)} better than {name}" for name, value in known.items() if value > 0]
    not_better = [
        f"{share(-value)} worse than {name}" if value < 0 else f"no better than {name}"
        for name, value in known.items()
        if value <= 0
    ]
    return f"{model} is {', but '.join(' and '.join(part) for part in (better, not_better) if part)} by MASE."


def coverage_sentence(scores: Mapping[str, float | None]) -> str:
    """Say which share of the held-out values the intervals covered; empty if any share or its error is unknown.

    Args:
        scores: `coverage80`, `coverage80_error` and so on, as metrics.json has them.
    """
    cells: list[str] = []
    for level in LEVELS:
        coverage, error = scores[f"coverage{level}"], scores[f"coverage{level}_error"]
        if coverage is None or error is None:
            return ""
        verb, reason = ("", "") if cells else (" covered", "chance alone: ")
        cells.append(f"the {level} % interval{verb} {100 * coverage:.0f} % ({reason}± {100 * error:.0f})")
    return f"Of the held-out values, {_enumerate(cells)}."


def comparison_sentence(metrics: Mapping[str, Any]) -> str:
    """Say which model to use, by the content of a comparison's metrics.json."""
    block = metrics["compare"]
    test, model = block["test"], block["chosen"]
    row = block["models"][model]
    if metrics["verdict"] == "better":
        p = max(row["p_seasonal_naive"], row["p_naive"])
        gains = f"{share(row['skill'])} better than seasonal naive and {share(row['skill_naive'])} better than naive"
        return f"Use {model}: {gains}, both significantly ({'p < 0.001' if p < 0.001 else f'p = {p:.2g}'})."
    if not test["count"]:
        return "The models cannot be compared: the errors have no scale here, such as those of constant series."
    if test["count"] < test["fewest"]:
        folds = missing_folds(block)
        remedy = "use longer series, or a shorter --horizon" if folds is None else f"pass --folds {folds}"
        return f"Too few {test['units']} ({test['count']}) for a significance test{_lead(block)}: {remedy}."
    if block["leader"] == model:
        return f"Only naive forecasts were compared: forecast with --model {model}, or name others with --models."
    unbeaten = model if model in block["unbeaten"] else next(iter(block["unbeaten"]), "both naive forecasts")
    if _lead(block) and block["unbeaten"]:
        gain = block["models"][block["leader"]]["skill_naive" if unbeaten == "naive" else "skill"]
        more = ", or test more cutoffs with a larger --folds" if test["units"] == "cutoffs" else ""
        return (
            f"{block['leader']} leads, {share(gain)} better than {unbeaten.replace('_', ' ')}, but over {test['count']}"
            f" {test['units']} that may be chance: use {model}{more}."
        )
    return f"No model is significantly better than {unbeaten.replace('_', ' ')}: forecast with --model {model}."


def missing_folds(block: Mapping[str, Any]) -> int | None:
    """Return the number of folds that a significance test needs; None if there are enough or more do not fit.

    Args:
        block: `compare` of metrics.json.
    """
    test = block["test"]
    is_remediable = test["units"] == "cutoffs" and test["possible"] and 0 < test["count"] < test["fewest"]
    return test["fewest"] if is_remediable else None


def tuning_sentence(metrics: Mapping[str, Any]) -> str:
    """Say whether the tuned settings beat the default on the held-out folds, by a study's metrics.json."""
    tune = metrics["tune"]
    gain = tune["gain"]
    if any(value is None for value in gain.values()):
        return "The tuned settings cannot be compared with the default: the errors have no scale here."
    gains = ", ".join(_describe_gain(METRICS[name].title, gain[name]) for name in ("mase", "wql"))
    if tune["verdict"] == "better":
        return f"On the held-out folds, the tuned settings beat the default: {gains}."
    return f"On the held-out folds, the tuned settings are no better than the default: {gains}. Keep the default."


def drift_sentence(drift: Mapping[str, Any] | None) -> str:
    """Say whether the errors of a job have risen, by Page-Hinkley's test."""
    if drift is None:
        return "Drift: unknown, because the holdout of the newest bundle is not there to compare with."
    measures = f"error {number(drift['error'])}, {number(drift['promised'])} on the holdout"
    statistic = f"statistic {number(drift['statistic'])}, alarm above {drift['threshold']:g}"
    if drift["is_alarm"]:
        return f"Drift: ALARM since {drift['alarmed']}, rising since {drift['since']}: {measures}; {statistic}."
    return f"Drift: none. Over {plural(drift['periods'], 'period')}: {measures}; {statistic}."


def describe_scope(block: Mapping[str, Any]) -> str:
    """Return the folds of a backtest or comparison in words: `3 folds of 12 steps of 40 series`."""
    series = f" of {plural(block['series'], 'series')}" if block["series"] > 1 else ""
    return f"{plural(block['folds'], 'fold')} of {plural(block['horizon'], 'step')}{series}"


def describe_cutoffs(cutoff: Mapping[str, Any]) -> str:
    """Return the first and the last cutoff in words."""
    first, last = cutoff["first"], cutoff["last"]
    return f"cutoff {first}" if first == last else f"cutoffs from {first} to {last}"


def memory_sentence(gradients: Gradients) -> str:
    """Say how many steps a network remembers, and what becomes of its gradient."""
    if not gradients.total.norm.any():
        return "No gradient reaches any state: these windows have nothing to teach."
    rest = gradients.total.fate
    fraction = f"{100 * rest:.2g} %" if rest >= _SMALLEST_SHARE else "less than 0.01 %"
    fates = {"vanishes": "it vanishes", "explodes": "it explodes", "is kept": "it does not vanish"}
    return (
        f"90 % of the gradient lies within the last {gradients.memory} of {gradients.context} steps (the memory)."
        f" At the oldest state it is {fraction} as large as at the newest, so {fates[gradients.fate]}."
    )


def completeness_sentence(attribution: Attribution) -> str:
    """Say how closely the parts of an attribution add up to the forecast."""
    total = abs(attribution.forecast - attribution.baseline)
    percent = 100 * abs(attribution.error) / total if total else 0.0
    rest = f"{percent:.1g} % of their sum" if percent >= 100 * _SMALLEST_SHARE else "rounding"
    return f"The parts add up to the forecast within {rest}."


def describe_steps(attribution: Attribution) -> str:
    """Return the explained steps of the horizon in words: `step 3`, `the mean of 12 steps`."""
    if attribution.steps == 1:
        return f"step {attribution.step or 1}"
    return f"the mean of {attribution.steps} steps"


def describe_influence(influence: Influence) -> str:
    """Return the name of an input whose importance was measured, after its role unless that is clear."""
    is_clear = influence.kind in ("lags", "calendar", "series")
    return influence.name if is_clear else f"{influence.kind} {influence.name}"


def _lead(block: Mapping[str, Any]) -> str:
    row = block["models"][block["leader"]]
    if row["skill"] is None or row["skill_naive"] is None or min(row["skill"], row["skill_naive"]) <= 0:
        return ""
    return f", though {block['leader']} leads"


def _describe_gain(title: str, gain: float) -> str:
    percent = f"{100 * abs(gain):.1f} %"
    return f"{'equal' if percent == '0.0 %' else f'{percent} better' if gain > 0 else f'{percent} worse'} by {title}"


def _enumerate(items: Sequence[Any]) -> str:
    *first, last = map(str, items)
    return f"{', '.join(first)} and {last}"
