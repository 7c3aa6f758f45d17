"""What a search found, for the terminal: legible at 80 columns and without colour."""

import shlex
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.report.terminal.train import score_table
from forecaster.report.verdicts import describe_scope, tuning_sentence
from forecaster.report.words import plural

_SHORT = {
    "model.kind": "cell",
    "model.context": "context",
    "embed.width": "width",
    "model.hidden": "hidden",
    "model.layers": "layers",
    "model.dropout": "drop",
    "training.learning_rate": "rate",
    "scale.kind": "scale",
    "decode.kind": "decode",
}


def summary(metrics: dict[str, Any]) -> RenderableType:
    """The best trials, the scores on what the search did not see, and what they mean."""
    tune = metrics["tune"]
    unseen = tune["unseen"]
    return Group(
        Text(_scope(tune), style="bold"),
        _leaders(tune["leaders"]),
        Text(),
        Text(f"Not seen by the search: {describe_scope(unseen)}", style="bold"),
        score_table(unseen["models"], first="settings"),
        Text(),
        Text(tuning_sentence(metrics), style="bold"),
    )


def following(folder: str, source: str, metrics: dict[str, Any]) -> str:
    """Where the config is and what to type next."""
    is_better = metrics["tune"]["verdict"] == "better"
    config = f"{folder}/config.yaml"
    words = ["forecast", "train", source, *(["--config", config] if is_better else [])]
    return f"wrote {config}\nnext: {shlex.join(words)}"


def _scope(tune: dict[str, Any]) -> str:
    default, best = tune["default"]["loss"], tune["best"]
    pruned = f", {tune['pruned']} stopped early" if tune["pruned"] else ""
    beside = "" if default is None else f"; the default's {default:.4f}"
    return f"{plural(tune['trials'], 'trial')}{pruned}: the best loss is {best['loss']:.4f}{beside}"


def _leaders(leaders: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    keys = [key for key in _SHORT if key in leaders[0]["settings"]]
    for name in ("trial", "loss", *(_SHORT[key] for key in keys)):
        table.add_column(name, justify="left" if name in ("cell", "scale", "decode") else "right", no_wrap=True)
    for each in leaders:
        cells = (_cell(each["settings"][key]) for key in keys)
        table.add_row(str(each["trial"]), f"{each['loss']:.4f}", *cells)
    return table


def _cell(value: float | str) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
