"""What a backtest found, for the terminal: legible at 80 columns and without colour."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from forecaster.report.excerpts import quartile_steps
from forecaster.report.terminal.train import score_table
from forecaster.report.verdicts import describe_cutoffs, describe_scope, skill_sentence

_WORST = 5


def summary(metrics: dict[str, Any], model: str) -> RenderableType:
    """Scores over all folds, model beside baselines; how they change over the horizon; where they are worst."""
    block = metrics["backtest"]
    parts: list[RenderableType] = [
        Text(f"Backtest: {describe_scope(block)}", style="bold"),
        Text(describe_cutoffs(block["cutoff"])),
        score_table(block["overall"], first="model"),
    ]
    steps = quartile_steps(block["horizon"])
    if len(steps) > 1:
        of_step = {str(step): block["by_step"][str(step)][model] for step in steps}
        parts += [Text(), Text(f"{model} by step of the horizon", style="bold"), score_table(of_step, first="step")]
    if block["series"] > 1:
        worst = _worst({name: each[model] for name, each in block["by_series"].items()})
        parts += [Text(), Text(f"{model} on its worst series", style="bold"), score_table(worst, first="series")]
    parts += [Text(), Text(skill_sentence(metrics, model), style="bold")]
    if block["unscored"]:
        parts.append(Text(f"{block['unscored']} series are too short for every fold."))
    if block["fallbacks"]:
        parts.append(Text(f"{block['fallbacks']} of {block['forecasts']} forecasts are a fallback's."))
    return Group(*parts)


def _worst(scores: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """The series with the highest MASE, the worst first; one without a MASE comes after all that have one."""
    order = sorted(scores, key=lambda name: -(scores[name]["mase"] or 0))
    return {name: scores[name] for name in order[:_WORST]}
