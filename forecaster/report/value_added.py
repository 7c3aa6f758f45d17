"""The value that each step of a forecast process adds, in the words and rows that the terminal and the page share."""

from collections.abc import Mapping
from typing import Any

from forecaster.evaluation.metric_table import METRICS
from forecaster.report.words import number, plural, share

SCORES = ("mae", "mase", "rmse", "bias")
TITLES = [*(METRICS[name].title for name in ("mae", "mase", "rmse")), "bias"]
HEAD = ["forecast", "n", *TITLES, "gain", "verdict"]
_METRICS_IN_WORDS = {"mase": "MASE", "mae": "MAE", "rmse": "scaled RMSE"}
_OPTIONAL = ("wql", "coverage80")


def label(name: str, source: str) -> str:
    """Return the name of a compared forecast: that of the source, or `seasonal naive`, `naive` and `model`."""
    return source if name == "source" else name.replace("_", " ")


def value_rows(source: str, block: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for each compared forecast, with the gain of each step of the process and the verdict on it.

    Args:
        source: the name of the source.
        block: its `value_added`.
    """
    steps = {step["to"]: step for step in block["chain"]}
    rows = []
    for name, scores in block["forecasts"].items():
        if scores["mae"] is None:  # naive forecasts were not requested
            continue
        step = steps.get(name)
        outcome = [_signed_share(step["gain"]), step["verdict"]] if step else ["", ""]
        cells = [number(scores[key]) for key in SCORES]
        rows.append([label(name, source), f"{scores['forecasts']:,}", *cells, *outcome])
    return rows


def step_rows(source: str, block: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the errors by lead time: MASE, or MAE if no series has a scale."""
    key = "mase" if block["forecasts"]["model"]["mase"] is not None else "mae"
    names = [name for name, scores in block["forecasts"].items() if scores[key] is not None]
    head = [f"{METRICS[key].title} at step", "n", *(label(name, source) for name in names)]
    rows = [
        [step, f"{scores[names[0]]['forecasts']:,}", *(number(scores[name][key]) for name in names)]
        for step, scores in block["by_step"].items()
    ]
    return head, rows


def own_rows(document: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the errors of a source by lead time, without others beside it."""
    rows = [
        [step, f"{scores['forecasts']:,}", *(number(scores[key]) for key in SCORES)]
        for step, scores in document["by_step"].items()
    ]
    return ["step", "n", *TITLES], rows


def source_sentences(source: str, document: Mapping[str, Any]) -> list[str]:
    """Say how much of a source is scored, whether it is better than the model, and what the verdict is based on."""
    if not document["forecasts"]:
        return [f"{source}: none of its forecasts has an actual in this time. --since all counts older ones."]
    block = document["value_added"]
    count = document["forecasts"]
    sentences = []
    if document["recorded_late"]:
        late = plural(document["recorded_late"], "forecast")
        sentences.append(f"{late} of {source} {_was(document['recorded_late'])} recorded after the actual was known.")
    if block is None:
        scores = document["overall"]
        text = f"{source}: {plural(count, 'forecast')} scored, {METRICS['mae'].title} {number(scores['mae'])}"
        text += f", bias {number(scores['bias'])}. The job has no forecast from the same cutoffs to compare with."
        return [text, *sentences]
    if block["pairs"] < count:
        sentences.append(
            f"{count - block['pairs']:,} more forecasts of {source} have none of the job from the same cutoff."
        )
    return [_describe_steps(source, block), *_describe_changes(source, document["changed"]), *sentences]


def describe_optional(source: str, block: Mapping[str, Any]) -> str | None:
    """Compare the quantiles of a source with those of the model; None if the source has none."""
    scores, model = block["forecasts"]["source"], block["forecasts"]["model"]
    parts = [
        f"{METRICS[key].title} {_cell(key, scores[key])} ({_cell(key, model[key])} of the model)"
        for key in _OPTIONAL
        if scores.get(key) is not None and model.get(key) is not None
    ]
    return f"{source}: {', '.join(parts)}." if parts else None


def _cell(key: str, value: float) -> str:
    return share(value) if METRICS[key].is_share else number(value)


def _describe_steps(source: str, block: Mapping[str, Any]) -> str:
    units = block["units"]
    step = block["chain"][-1]
    metric = _METRICS_IN_WORDS[block["metric"]]
    if units["kind"] == "series":
        scope = plural(units["count"], "series")
    else:
        scope = plural(units["count"], f"period of {plural(units['steps'], 'step')}")
        scope = scope if units["count"] == 1 else f"{units['count']:,} periods of {plural(units['steps'], 'step')}"
    if step["gain"] is None:
        return f"{source} cannot be compared with the model: the errors of the model are 0."
    comparison = f"{share(abs(step['gain']))} {'less' if step['gain'] > 0 else 'more'} {metric} than the model"
    if not step["gain"]:
        comparison = f"as much {metric} as the model"
    if step["verdict"] != "undecided":
        return f"{source} is {step['verdict']}: {comparison} in {scope}, more than chance explains."
    reason = f"; a test needs {units['fewest']}" if units["count"] < units["fewest"] else ", which can be chance"
    return f"Undecided: {source} has {comparison} in {scope}{reason}."


def _describe_changes(source: str, changed: Mapping[str, Any] | None) -> list[str]:
    """Say what the overrides did to the forecasts that they changed."""
    if not changed or not changed["forecasts"]:
        return []
    old, new = number(changed["model"]["mae"]), number(changed["source"]["mae"])
    count = plural(changed["forecasts"], "forecast")
    return [f"On the {count} that {source} changed, the MAE is {new}; that of the model is {old}."]


def _signed_share(gain: float | None) -> str:
    return "-" if gain is None else share(gain)


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
