"""Tables and sentences for the terminal; legible at 80 columns and without colour."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_METRICS = ("mase", "smape", "mae", "rmse", "wql", "coverage80")
_TITLES = {"mase": "MASE", "smape": "sMAPE", "mae": "MAE", "rmse": "RMSE", "wql": "WQL", "coverage80": "80% holds"}
_LEVELS = (50, 80, 90, 95)


def summary(metrics: dict[str, Any], model: str) -> RenderableType:
    """The holdout's scores, model beside baselines, and what they mean."""
    holdout = metrics["holdout"]
    if not holdout["models"]:
        return Text("Every series is too short to hold anything out, so nothing is known of the network's quality.")
    series, horizon = holdout["series"], holdout["horizon"]
    scope = f"the last {horizon} steps" + (f" of {series} series" if series > 1 else "")
    lines: list[RenderableType] = [
        Text(f"Held out: {scope}", style="bold"),
        score_table(holdout["models"], first="model"),
        Text(),
        Text(sentence(metrics, model), style="bold"),
    ]
    held = coverage_sentence(holdout["models"][model])
    if held:
        lines.append(Text(held))
    if holdout["unscored"]:
        lines.append(Text(f"{holdout['unscored']} series are too short to be scored; they are forecast all the same."))
    return Group(*lines)


def score_table(scores: Mapping[str, Mapping[str, float | None]], *, first: str) -> Table:
    """A row of metrics for each name; `first` says what the names are."""
    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in _METRICS:
        table.add_column(_TITLES[name], justify="right", no_wrap=True)
    for name, each in scores.items():
        table.add_row(name, *(cell(metric, each[metric]) for metric in _METRICS))
    return table


def sentence(metrics: dict[str, Any], model: str) -> str:
    """The verdict in plain words."""
    skills = {"seasonal naive": metrics["skill"], "naive": metrics["skill_naive"]}
    skills.pop(model.replace("_", " "), None)  # a baseline is not compared with itself
    if all(value is not None and value > 0 for value in skills.values()):
        return (
            f"{model} is "
            + " and ".join(f"{100 * value:.0f} % better than {name}" for name, value in skills.items())
            + "."
        )
    better = [name for name, value in skills.items() if value is not None and value <= 0]
    unknown = [name for name, value in skills.items() if value is None]
    if better:
        return f"{model} is no better than {' and '.join(better)} here: a naive forecast would do as well."
    return f"{model} cannot be compared with {' and '.join(unknown)}: their errors have no scale here."


def coverage_sentence(scores: dict[str, float | None]) -> str:
    """How much of what came true lay within the intervals, beside the error by chance; empty where nobody knows."""
    cells = []
    for level in _LEVELS:
        share, error = scores[f"coverage{level}"], scores[f"coverage{level}_error"]
        if share is None or error is None:
            return ""
        cells.append(f"{100 * share:.0f} +- {100 * error:.0f}")
    return f"Intervals of {', '.join(map(str, _LEVELS))} % held {', '.join(cells)} %."


def after_training(folder: Path, is_latest: bool) -> str:
    """Where the bundle is and what to type next."""
    command = "forecast predict" if is_latest else f"forecast predict --bundle {shlex.quote(str(folder))}"
    return f"bundle: {folder}\nnext: {command}"


def cell(metric: str, value: float | None) -> str:
    """A metric as it stands in a table."""
    if value is None:
        return "-"
    return f"{100 * value:.0f} %" if metric.startswith("coverage") else number(value)


def tell_networks(networks: Sequence[Mapping[str, Any]]) -> str:
    """Networks in words: `3 gru networks of 64 units that read 42, 21, 42 steps`."""
    first = networks[0]
    layers = f"{first['layers']} layers of " if first["layers"] > 1 else ""
    cells = "+".join(dict.fromkeys(each["cell"] for each in networks))
    kind = f"{len(networks)} {cells} networks" if len(networks) > 1 else f"a {cells} network"
    contexts = [each["context"] for each in networks]
    read = ", ".join(map(str, contexts if len(set(contexts)) > 1 else contexts[:1]))
    both = " both ways" if first["bidirectional"] else ""
    return f"{kind} of {layers}{first['hidden']} units that read {read} steps{both}"


def spread(horizon: int) -> list[int]:
    """The first step, the quartiles, the last."""
    return sorted({1, *(round(horizon * share) for share in (0.25, 0.5, 0.75, 1))} - {0})


def number(value: float) -> str:
    """Four significant digits or all before the point, without an exponent where people expect none."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    size = int(np.floor(np.log10(abs(value))))
    if size < -4 or size > 12:
        return f"{value:.3g}"
    return f"{value:,.{max(0, 3 - size)}f}"
