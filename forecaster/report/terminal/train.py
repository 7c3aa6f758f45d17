"""Tables and sentences for the terminal; legible at 80 columns and without colour."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.evaluation.metrics import Detail, columns
from forecaster.report.terminal.marks import Sentence
from forecaster.report.verdicts import NO_HOLDOUT, coverage_sentence, skill_sentence
from forecaster.report.words import metric_cell


def summary(metrics: dict[str, Any], model: str) -> RenderableType:
    """The holdout's scores, model beside baselines, and what they mean."""
    holdout = metrics["holdout"]
    if not holdout["models"]:
        return Text(NO_HOLDOUT)
    series, horizon = holdout["series"], holdout["horizon"]
    scope = f"the last {horizon} steps" + (f" of {series} series" if series > 1 else "")
    lines: list[RenderableType] = [
        Text(f"Held out: {scope}", style="bold"),
        score_table(holdout["models"], first="model"),
        Text(),
        Text(skill_sentence(metrics, model), style="bold"),
    ]
    coverage = coverage_sentence(holdout["models"][model])
    if coverage:
        lines.append(Sentence(coverage))
    if holdout["unscored"]:
        lines.append(Text(f"{holdout['unscored']} series are too short to be scored; they are forecast all the same."))
    return Group(*lines)


def score_table(scores: Mapping[str, Mapping[str, float | None]], *, first: str) -> Table:
    """A row of metrics for each name; `first` says what the names are."""
    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    metrics = columns(Detail.SCORES)
    for metric in metrics:
        table.add_column(metric.title, justify="right", no_wrap=True)
    for name, values in scores.items():
        table.add_row(name, *(metric_cell(metric, values.get(metric.name)) for metric in metrics))
    return table


def after_training(folder: Path, is_latest: bool) -> str:
    """Where the bundle is and what to type next."""
    command = "forecast predict" if is_latest else f"forecast predict --bundle {shlex.quote(str(folder))}"
    return f"bundle: {folder}\nnext: {command}"


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
