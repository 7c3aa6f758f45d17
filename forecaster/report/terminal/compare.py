"""The result of `forecast compare` for the terminal: fits 80 columns, works without colour."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.evaluation.metric_table import METRICS, Detail, columns
from forecaster.evaluation.verdict import BASELINES
from forecaster.report.terminal.layout import Fitted, Sentence
from forecaster.report.verdicts import comparison_sentence, describe_cutoffs, describe_scope
from forecaster.report.words import metric_cell, share

_MAX_RANGES = 6  # if the best model changes more often over the steps, its steps are counted instead
_WINNERS_SHOWN = 4
_OPTIONAL_COLUMNS = ("predict s", "fit s", "sMAPE", "80% covered", "WQL")


def summary(metrics: Mapping[str, Any]) -> RenderableType:
    """Return the leaderboard, the best models by series and by step, and which model to use.

    Args:
        metrics: the content of metrics.json.
    """
    block = metrics["compare"]
    parts: list[RenderableType] = [
        Sentence(f"Compared: {describe_scope(block)}", style="bold"),
        Sentence(describe_cutoffs(block["cutoff"])),
        _leaderboard(block["models"]),
        Sentence(_legend(block, metrics.get("evidence", {}).get("metric", "mase"))),
        Text(),
    ]
    if block["series"] > 1:
        parts.append(Sentence(f"best by series: {_describe_series_won(block['models'])}"))
    if block["steps_won"] and block["horizon"] > 1:
        parts.append(Sentence(f"best by step: {_describe_steps_won(block['steps_won'])}"))
    parts.append(Sentence(comparison_sentence(metrics), style="bold"))
    if block["unscored"]:
        parts.append(Sentence(f"{block['unscored']:,} series are too short for every fold."))
    return Group(*parts)


def _leaderboard(models: Mapping[str, Mapping[str, Any]]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    table.add_column("model", no_wrap=True, vertical="bottom")
    metrics = columns(Detail.LEADERBOARD)
    for title in (*(metric.title.replace(" ", "\n") for metric in metrics), "skill"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True, vertical="bottom")
    for title in ("fit\ns", "predict\ns"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in models.items():
        table.add_row(
            name,
            *(metric_cell(metric, row.get(metric.name)) for metric in metrics),
            share(row["skill"]),
            "-" if name in BASELINES else row["verdict"],
            *(_seconds(row[key]) for key in ("train_seconds", "predict_seconds")),
        )
    return Fitted(table, _OPTIONAL_COLUMNS)


def _seconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _legend(block: Mapping[str, Any], metric: str) -> str:
    test = block["test"]
    skill = f"skill: the share by which its {METRICS[metric].title} is below that of seasonal naive\n"
    if test["count"] < test["fewest"]:
        return f"{skill}verdict: too few {test['units']} for a test against both naive forecasts"
    count = f"{test['count']:,} {test['units']}"
    return f"{skill}verdict: against both naive forecasts, by a Diebold-Mariano test over {count}"


def _describe_series_won(models: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the models that are best on most series, with their shares: `gru 50 %, naive 30 %`."""
    ranked = sorted(models, key=lambda name: -models[name]["series_won"])
    shares = [
        f"{name} {share(models[name]['series_won'])}" for name in ranked[:_WINNERS_SHOWN] if models[name]["series_won"]
    ]
    return ", ".join(shares) or "unknown, because the errors have no scale"


def _describe_steps_won(winners: Sequence[str]) -> str:
    """Return the best model by step: `gru at steps 1-3, lstm at step 4`; with many changes, `gru at 9 of 14 steps`."""
    ranges: list[str] = []
    first = 1
    for name, group in groupby(winners):
        last = first + len(list(group)) - 1
        ranges.append(f"{name} at step {first}" if first == last else f"{name} at steps {first}-{last}")
        first = last + 1
    if len(ranges) <= _MAX_RANGES:
        return ", ".join(ranges)
    counts = sorted(((winners.count(name), name) for name in set(winners)), key=lambda pair: (-pair[0], pair[1]))
    (most, leader), *others = counts[:_WINNERS_SHOWN]
    return ", ".join([f"{leader} at {most} of {len(winners)} steps", *(f"{name} at {count}" for count, name in others)])
