"""The result of `forecast tune` for the terminal: fits 80 columns, works without colour."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.report.terminal.layout import Fitted, Sentence
from forecaster.report.terminal.train import score_table
from forecaster.report.verdicts import choose_settings, describe_scope, tuning_sentence
from forecaster.report.words import plural, short_path

_TITLES = {
    "model.kind": "cell",
    "model.context": "context",
    "embed.width": "segment",
    "model.hidden": "units",
    "model.layers": "layers",
    "model.dropout": "drop\nout",
    "training.learning_rate": "learn\nrate",
    "scale.kind": "scale",
    "decode.kind": "decode",
}
_OPTIONAL_COLUMNS = ("layers", "drop out", "decode", "scale", "segment")
_TEXT_COLUMNS = ("cell", "scale", "decode")


def summary(metrics: Mapping[str, Any]) -> RenderableType:
    """Return the best trials, the scores of the best settings on the held-out folds, and what they mean.

    Args:
        metrics: the content of metrics.json.
    """
    tune = metrics["tune"]
    return Group(
        Sentence(_describe_trials(tune), style="bold"),
        _trial_table(tune["leaders"]),
        Text(),
        Sentence(f"Held out from the search: {describe_scope(tune['unseen'])}", style="bold"),
        score_table(tune["unseen"]["models"], first="settings"),
        Text(),
        Sentence(tuning_sentence(metrics), style="bold"),
    )


def closing_lines(folder: str, source: str, metrics: Mapping[str, Any], train_default: str | None) -> str:
    """Return the path of the tuned config and the command to type next, a line each.

    Args:
        train_default: the command that trains the default, with the options that the user passed; None if unknown.
    """
    config = Path(folder, "config.yaml")
    if choose_settings(metrics["tune"]) == "tuned":
        command = shlex.join(["forecast", "train", source, "--config", str(config)])
    else:
        command = train_default or f"{shlex.join(['forecast', 'train', source])} with the options you passed to tune"
    return f"wrote {short_path(config, None)} (the tuned settings)\nnext: {command}"


def _describe_trials(tune: Mapping[str, Any]) -> str:
    pruned = f", {tune['pruned']} stopped early" if tune["pruned"] else ""
    default = tune["default"]["loss"]
    comparison = "" if default is None else f"; the default's is {default:.4f}"
    return f"{plural(tune['trials'], 'trial')}{pruned}: the best loss is {tune['best']['loss']:.4f}{comparison}"


def _trial_table(leaders: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    keys = [key for key in _TITLES if key in leaders[0]["settings"]]
    for title in ("trial", "loss", *(_TITLES[key] for key in keys)):
        justify: Literal["left", "right"] = "left" if title in _TEXT_COLUMNS else "right"
        table.add_column(title, justify=justify, no_wrap=True, vertical="bottom")
    for trial in leaders:
        cells = (_setting_cell(trial["settings"][key]) for key in keys)
        table.add_row(str(trial["trial"]), f"{trial['loss']:.4f}", *cells)
    return Fitted(table, _OPTIONAL_COLUMNS)


def _setting_cell(value: float | str) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
