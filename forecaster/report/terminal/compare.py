"""What a comparison found, for the terminal: legible at 80 columns and without colour."""

from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.evaluation.metrics import Detail, columns
from forecaster.report.verdicts import comparison_sentence, describe_cutoffs, describe_scope
from forecaster.report.words import metric_cell, share

_RUNS_SHOWN = 6
_MODELS_SHOWN = 4  # among the winners


def summary(metrics: dict[str, Any]) -> RenderableType:
    """The leaderboard, who wins which series and steps, and what to do."""
    block = metrics["compare"]
    parts: list[RenderableType] = [
        Text(f"Compared: {describe_scope(block)}", style="bold"),
        Text(describe_cutoffs(block["cutoff"])),
        _board(block),
        Text(_legend(block)),
        Text(),
    ]
    if block["series"] > 1:
        parts.append(Text(f"best by series: {_shares(block)}"))
    if block["steps_won"] and block["horizon"] > 1:
        parts.append(Text(f"best by step: {_steps(block['steps_won'])}"))
    parts.append(Text(comparison_sentence(metrics), style="bold"))
    if block["unscored"]:
        parts.append(Text(f"{block['unscored']} series are too short for every fold."))
    return Group(*parts)


def _board(block: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("model", no_wrap=True, vertical="bottom")
    metrics = columns(Detail.LEADERBOARD)
    for title in (*(metric.title.replace(" ", "\n") for metric in metrics), "skill"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("better\nthan", no_wrap=True)
    for title in ("train\ns", "predict\ns"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in block["models"].items():
        table.add_row(
            name,
            *(metric_cell(metric, row.get(metric.name)) for metric in metrics),
            share(row["skill"]),
            _beats(row),
            *(
                f"{row[key]:.1f}" if row[key] < 100 else f"{row[key]:.0f}"
                for key in ("train_seconds", "predict_seconds")
            ),
        )
    return table


def _beats(row: dict[str, Any]) -> str:
    if row["p_seasonal_naive"] is None and row["p_naive"] is None:
        return "?"
    return "both" if len(row["beats"]) == 2 else (row["beats"] or ["-"])[0].removesuffix("_naive")


def _legend(block: dict[str, Any]) -> str:
    test = block["test"]
    return (
        "skill: how much lower its MASE is than seasonal naive's\n"
        f"better than: significantly, by a Diebold-Mariano test over {test['count']} {test['units']}"
    )


def _shares(block: dict[str, Any]) -> str:
    won = sorted(((row["series_won"], name) for name, row in block["models"].items()), key=lambda each: -each[0])
    some = [f"{name} {share(part)}" for part, name in won[:_MODELS_SHOWN] if part]
    return ", ".join(some) or "none, since their errors have no scale"


def _steps(winners: list[str]) -> str:
    """`gru 1-3, lstm 4-14`; where that is long, `gru 9, lstm 5 of 14`."""
    runs = [(name, [step for step, _ in run]) for name, run in groupby(enumerate(winners, 1), key=lambda each: each[1])]
    if len(runs) <= _RUNS_SHOWN:
        return ", ".join(f"{name} {_range(steps[0], steps[-1])}" for name, steps in runs)
    counts = sorted(((winners.count(name), name) for name in set(winners)), key=lambda each: (-each[0], each[1]))
    return ", ".join(f"{name} {count}" for count, name in counts[:_MODELS_SHOWN]) + f" of {len(winners)}"


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
