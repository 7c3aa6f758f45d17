"""The result of `forecast train` for the terminal: fits 80 columns, works without colour."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.addresses import is_object_address
from forecaster.evaluation.metric_table import Detail, columns
from forecaster.evaluation.verdict import MOSTLY_ZEROS
from forecaster.report.terminal.layout import Fitted, Sentence
from forecaster.report.verdicts import (
    NO_HOLDOUT,
    backtest_command,
    coverage_sentence,
    cutoffs_sentence,
    verdict_sentence,
)
from forecaster.report.words import metric_cell, plural, short_path

_OPTIONAL_SCORES = ("RMSE", "sMAPE", "MAE")
SCORE_LEGEND = "MASE: error / past error of seasonal naive; WQL: of all deciles; lower is better."


def summary(metrics: Mapping[str, Any], model: str, folder: Path) -> RenderableType:
    """Return the scores on the holdout, the model beside the naive forecasts, and what they mean.

    Args:
        metrics: the content of metrics.json.
        folder: the bundle.
    """
    holdout = metrics["holdout"]
    if not holdout["models"]:
        return Sentence(NO_HOLDOUT)
    series = f" of {plural(holdout['series'], 'series')}" if holdout["series"] > 1 else ""
    lines: list[RenderableType] = [
        Sentence(f"Held out: the last {plural(holdout['horizon'], 'step')}{series}", style="bold"),
        score_table(holdout["models"], first="model"),
        Sentence(SCORE_LEGEND),
        Text(),
        Sentence(verdict_sentence(metrics, model, more=backtest_command(folder)), style="bold"),
    ]
    if cutoffs := cutoffs_sentence(metrics):
        lines.append(Sentence(cutoffs))
    if metrics.get("evidence", {}).get("metric") == "wql":
        lines.append(Sentence(f"{MOSTLY_ZEROS}, so WQL decides."))
    coverage = coverage_sentence(holdout["models"][model])
    if coverage:
        lines.append(Sentence(coverage))
    if holdout["unscored"]:
        lines.append(Sentence(f"{holdout['unscored']:,} series are too short to be scored, but have forecasts."))
    return Group(*lines)


def score_table(scores: Mapping[str, Mapping[str, float | None]], *, first: str) -> RenderableType:
    """Return a table with a row of metrics for each name.

    Args:
        scores: metrics by name, such as a model, a step or a series.
        first: heading of the names.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    metrics = columns(Detail.SCORES)
    for metric in metrics:
        table.add_column(metric.title, justify="right", no_wrap=True)
    for name, values in scores.items():
        table.add_row(name, *(metric_cell(metric, values.get(metric.name)) for metric in metrics))
    return Fitted(table, _OPTIONAL_SCORES)


def closing_lines(place: str, *, is_latest: bool, known: Sequence[str] = ()) -> str:
    """Return the bundle's place and the command to type next, a line each.

    Args:
        is_latest: True if `runs/latest` points to the bundle, so that the command need not name it.
        known: the known columns that lack values for the steps to forecast.
    """
    command = ["forecast", "predict", *([] if is_latest else ["--bundle", place])]
    lines = f"bundle: {place if is_object_address(place) else short_path(Path(place), None)}\nnext: "
    if not known:
        return lines + shlex.join(command)
    bundle = "runs/latest" if is_latest else place
    template = ["forecast", "init", "--future-template", "--bundle", bundle, "-o", "future.csv"]
    predict = [*command, "--future", "future.csv"]
    return f"{lines}{shlex.join(template)}\nthen fill in {', '.join(known)}, and: {shlex.join(predict)}"


def describe_networks(networks: Sequence[Mapping[str, Any]]) -> str:
    """Return networks in words: `3 gru networks of 64 units that read 42, 21, 42 steps`.

    Args:
        networks: one or more, see `workflows.manifest.networks_of`.
    """
    first = networks[0]
    layers = f"{first['layers']} layers of " if first["layers"] > 1 else ""
    cells = "+".join(dict.fromkeys(each["cell"] for each in networks))
    kind = f"{len(networks)} {cells} networks" if len(networks) > 1 else f"a {cells} network"
    contexts = [each["context"] for each in networks]
    steps = ", ".join(map(str, contexts if len(set(contexts)) > 1 else contexts[:1]))
    verb = "read" if len(networks) > 1 else "reads"
    directions = " both ways" if first["bidirectional"] else ""
    return f"{kind} of {layers}{first['hidden']} units that {verb} {steps} steps{directions}"
