"""The result of `forecast backtest` for the terminal: fits 80 columns, works without colour."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from forecaster.report.excerpts import quartile_steps
from forecaster.report.terminal.layout import Sentence
from forecaster.report.terminal.train import SCORE_LEGEND, score_table
from forecaster.report.verdicts import describe_cutoffs, describe_scope, verdict_sentence
from forecaster.report.words import plural

_SERIES_SHOWN = 5


def summary(metrics: Mapping[str, Any], model: str) -> RenderableType:
    """Return the scores over all folds, the model beside the naive forecasts, by step, and of the worst series.

    Args:
        metrics: the content of metrics.json.
    """
    block = metrics["backtest"]
    parts: list[RenderableType] = [
        Sentence(f"Backtest: {describe_scope(block)}", style="bold"),
        Sentence(describe_cutoffs(block["cutoff"])),
        score_table(block["overall"], first="model"),
        Sentence(SCORE_LEGEND),
    ]
    steps = quartile_steps(block["horizon"])
    if len(steps) > 1:
        scores = {str(step): block["by_step"][str(step)][model] for step in steps}
        parts += [Text(), Sentence(f"{model} by step of the horizon", style="bold"), score_table(scores, first="step")]
    if block["series"] > 1:
        worst = _worst({name: scores[model] for name, scores in block["by_series"].items()})
        parts += [Text(), Sentence(f"{model} on its worst series", style="bold"), score_table(worst, first="series")]
    parts += [Text(), Sentence(verdict_sentence(metrics, model, more="--folds {}"), style="bold")]
    if block["unscored"]:
        parts.append(Sentence(f"{block['unscored']:,} series are too short for every fold."))
    if block["fallbacks"]:
        total = plural(block["forecasts"], "forecast")
        parts.append(Sentence(f"{block['fallbacks']:,} of {total} come from the fallback, seasonal naive."))
    return Group(*parts)


def _worst(scores: Mapping[str, Mapping[str, float | None]]) -> dict[str, Mapping[str, float | None]]:
    """Return the series with the highest MASE, the worst first; series without a MASE come last."""
    order = sorted(scores, key=lambda name: -(scores[name]["mase"] or 0))
    return {name: scores[name] for name in order[:_SERIES_SHOWN]}
