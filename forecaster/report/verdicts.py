"""The sentences that the terminal and the page share: what a result means, and what to do about it."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forecaster.evaluation.metric_table import METRICS
from forecaster.evaluation.metrics import LEVELS
from forecaster.explain.explanation import Attribution, Flow, Gradients, Influence
from forecaster.report.words import number, plural, share, short_path

NO_HOLDOUT = "Every series is too short for a holdout, so the accuracy of the model is unknown."
_UNITS = {"cutoffs": "cutoff", "series": "series"}
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
    return f"Of the held-out values, {_enumerate(cells)}.{_judge_width(scores)}"


def _judge_width(scores: Mapping[str, float | None]) -> str:
    """Say which intervals are too wide or too narrow, by more than twice the error that chance makes."""
    levels: dict[str, list[int]] = {"wide": [], "narrow": []}
    for level in LEVELS:
        coverage, error = scores[f"coverage{level}"], scores[f"coverage{level}_error"]
        if coverage is not None and error is not None and abs(coverage - level / 100) > 2 * error:
            levels["wide" if coverage > level / 100 else "narrow"].append(level)
    parts = []
    for width, outside in levels.items():
        if len(outside) == len(LEVELS):
            return f" The intervals are too {width}."
        if outside:
            names = _enumerate([f"{level} %" for level in outside])
            parts.append(f" The {names} interval{'s are' if len(outside) > 1 else ' is'} too {width}.")
    return "".join(parts)


def backtest_command(folder: Path) -> str:
    """Return the command that tests a bundle on more cutoffs, for `verdict_sentence`; `{}` stands for their number."""
    return f"`forecast backtest --bundle {shlex.quote(short_path(folder, None))} --folds {{}}`"


def verdict_sentence(metrics: Mapping[str, Any], model: str, *, more: str) -> str:
    """Say whether a model is better than the naive forecasts, how much chance can explain, and what to use.

    Args:
        metrics: the content of metrics.json of a training, a backtest or a comparison.
        model: the model of its verdict.
        more: the option or command that tests more cutoffs; `{}` stands for their number.
    """
    if "evidence" not in metrics:  # version 0.1 tested nothing
        return skill_sentence(metrics, model)
    evidence = metrics["evidence"]
    skills = {"seasonal_naive": evidence["skill"], "naive": evidence["skill_naive"]}
    known = {name: value for name, value in skills.items() if value is not None and name != model}
    if not known:
        return f"Undecided: {model} cannot be compared with naive forecasts, because the errors have no scale here."
    noun = "error" if evidence["metric"] == "mase" else "quantile loss"
    gains = " and ".join(
        _describe_skill(value, "" if number else f" {noun}", name) for number, (name, value) in enumerate(known.items())
    )
    scope = f"{gains} in {plural(evidence['count'], _UNITS[evidence['units']])}"
    p = {name: evidence[f"p_{name}"] for name in known}
    tested = {name: value for name, value in p.items() if value is not None}
    if metrics["verdict"] == "better":
        return f"{model} is better: {scope}, more than chance explains ({_describe_p(max(tested.values()))})."
    best = min(known, key=known.__getitem__)  # the naive forecast with the lowest loss
    if metrics["verdict"] == "worse":
        worst = min(value for name, value in tested.items() if known[name] < 0)
        return f"{model} is worse: {scope}, more than chance explains ({_describe_p(worst)}). Use {best}."
    reason = "too few for a test" if not tested else f"but that can be chance ({_describe_p(max(tested.values()))})"
    use = model if known[best] > 0 else best
    remedy = f", or decide with {more.format(evidence['needed'])}" if evidence["needed"] else ""
    return f"Undecided: {model} has {scope}, {reason}. Use {use}{remedy}."


def cutoffs_sentence(metrics: Mapping[str, Any]) -> str:
    """Say which cutoffs the verdict of a training counts beside those of its table of scores; empty if none."""
    evidence = metrics.get("evidence", {})
    if evidence.get("units") != "cutoffs" or evidence["count"] < 2:
        return ""
    others = "the other lies" if evidence["count"] == 2 else "the others lie"
    return f"The table has the newest of the {evidence['count']} cutoffs of the verdict; {others} before it."


def comparison_sentence(metrics: Mapping[str, Any]) -> str:
    """Say which model to use, by the content of a comparison's metrics.json."""
    block = metrics["compare"]
    leader, model = block["leader"], block["chosen"]
    if leader in ("seasonal_naive", "naive"):
        return f"Only naive forecasts were compared: use {model}, or name others with --models."
    if "evidence" not in metrics:
        return f"Use {model}."
    folds = missing_folds(metrics)
    more = "--folds {}" if folds else "longer series, or a shorter --horizon"
    sentence = verdict_sentence(metrics, leader, more=more)
    return f"{sentence} Use {leader}." if metrics["verdict"] == "better" else sentence


def missing_folds(metrics: Mapping[str, Any]) -> int | None:
    """Return the number of folds that would decide a comparison; None if it is decided, or they do not fit."""
    needed: int | None = metrics.get("evidence", {}).get("needed")
    return needed if needed and needed <= metrics["compare"]["test"]["most_folds"] else None


def tuning_sentence(metrics: Mapping[str, Any]) -> str:
    """Say whether the tuned settings are better than the default on the held-out folds, by a study's metrics.json."""
    tune = metrics["tune"]
    gain = tune["gain"]
    if any(value is None for value in gain.values()):
        return (
            "Undecided: the tuned settings cannot be compared with the default, because the errors have no scale here."
        )
    if "evidence" not in tune:  # version 0.1 tested nothing
        gains = ", ".join(_describe_gain(METRICS[name].title, gain[name]) for name in ("mase", "wql"))
        advice = f"Use the {choose_settings(tune)} settings."
        return f"On the held-out folds, the tuned settings against the default: {gains}. {advice}"
    evidence = tune["evidence"]
    scope = f"in {plural(evidence['count'], _UNITS[evidence['units']])}"
    noun = "error" if evidence["metric"] == "mase" else "quantile loss"
    if not any(gain.values()):
        return f"Undecided: the tuned settings have the {noun} of the default {scope}. Keep the default."
    skill = f"{_describe_skill(evidence['skill'], f' {noun}', 'the default')} {scope}"
    if tune["verdict"] != "undecided":
        end = f"{skill}, more than chance explains ({_describe_p(evidence['p'])})"
        advice = " Use them." if tune["verdict"] == "better" else " Keep the default."
        return f"The tuned settings are {tune['verdict']}: {end}.{advice}"
    reason = "too few for a test" if evidence["p"] is None else f"but that can be chance ({_describe_p(evidence['p'])})"
    advice = "Use them" if tune["chosen"] == "tuned" else "Keep the default"
    remedy = f", or decide with --folds {evidence['needed']}" if evidence["needed"] else ""
    return f"Undecided: the tuned settings have {skill}, {reason}. {advice}{remedy}."


def choose_settings(tune: Mapping[str, Any]) -> str:
    """Return which settings of a study to use, `tuned` or `default`; version 0.1 recorded only the verdict."""
    return str(tune.get("chosen") or ("tuned" if tune["verdict"] == "better" else "default"))


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
    """Say how many steps a network remembers, and what becomes of its gradient in each direction of reading."""
    forward, backward = gradients.total, gradients.backward
    if not any(flow.norm.any() for flow in gradients.directions):
        return "No gradient reaches any state: these windows have nothing to teach."
    start = "Read forward, " if backward else ""
    sentence = (
        f"{start}90 % of the gradient lies within the last {forward.memory} of {gradients.context} steps (the memory)."
        f" At the oldest state it is {_fraction_left(forward)} as large as at the newest, so it"
        f" {forward.fate_in_words}."
    )
    if backward is None:
        return sentence
    return (
        f"{sentence} Read backward, it lies within the first {backward.memory}. At the newest state it is"
        f" {_fraction_left(backward)} as large as at the oldest, so it {backward.fate_in_words}."
    )


def describe_left(flow: Flow) -> str:
    """Return the share of a gradient that is left at the state that was computed first: `0.35 %`, `< 0.01 %`."""
    return f"{100 * flow.fate:.2g} %" if flow.fate >= _SMALLEST_SHARE else "< 0.01 %"


def describe_flow(flow: Flow, gradients: Gradients) -> str:
    """Return the name of one of several gradients: `whole state`, `cell`, `layer 2 hidden, backward`."""
    is_stacked = max(each.layer for each in gradients.flows) > 1
    name = f"layer {flow.layer} {flow.part}" if is_stacked else flow.part
    return ("whole state" if flow.layer == 0 else name) + (", backward" if flow.direction == "backward" else "")


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


def _fraction_left(flow: Flow) -> str:
    return describe_left(flow).replace("<", "less than")


def _describe_skill(skill: float, noun: str, baseline: str) -> str:
    name = baseline.replace("_", " ")
    return f"{share(abs(skill))} {'less' if skill > 0 else 'more'}{noun} than {name}"


def _describe_p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _describe_gain(title: str, gain: float) -> str:
    percent = f"{100 * abs(gain):.1f} %"
    return f"{'equal' if percent == '0.0 %' else f'{percent} better' if gain > 0 else f'{percent} worse'} by {title}"


def _enumerate(items: Sequence[Any]) -> str:
    *first, last = map(str, items)
    return f"{', '.join(first)} and {last}" if first else last
