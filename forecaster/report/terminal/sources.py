"""The results of `forecast ledger record`, and the sources in those of `forecast ledger score`, for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from forecaster.report.excerpts import quartile_steps
from forecaster.report.terminal.layout import Sentence
from forecaster.report.terminal.table import text_table
from forecaster.report.value_added import HEAD, describe_optional, own_rows, source_sentences, step_rows, value_rows
from forecaster.report.words import plural

_NAME_WIDTH = 22  # longer names would make rows wider than 80 columns


def render_record(document: Mapping[str, Any]) -> RenderableType:
    """Return how many forecasts were recorded, and how many will be compared with forecasts of the job."""
    noun = "override" if document["kind"] == "override" else "forecast"
    scope = f"{plural(document['series'], 'series')}, {_range(document['times'])}"
    lines = [f"{document['source']}: {scope}, cutoff {_range(document['cutoff'])}"]
    if document["new"]:
        lines.append(f"{plural(document['new'], noun)} recorded")
    elif not document["replaced"]:
        lines.append("nothing new")
    if document["replaced"]:
        lines.append(f"{plural(document['replaced'], noun)} replaced; the old values are earlier versions")
    if document["same"]:
        lines.append(f"{plural(document['same'], noun)} recorded before, unchanged")
    if document["equal_to_forecast"]:
        lines.append(f"{plural(document['equal_to_forecast'], 'row')} equal to the forecast of the job, left out")
    if noun == "forecast":
        count = document["new"] + document["same"] + document["replaced"]
        lines.append(f"{document['paired']:,} of {count:,} are from a cutoff from which the job has forecast, too")
        if document["paired"] < count:
            lines.append("the others are scored alone")
    return Sentence("\n".join(lines))


def render_sources(document: Mapping[str, Any]) -> list[RenderableType]:
    """Return the value that every step of the process adds, for each source; none if there is no source."""
    parts: list[RenderableType] = []
    for name, source in (document.get("sources") or {}).items():
        parts += [Text(), *render_value(name, source, is_whole=False)]
    return parts


def render_value(name: str, source: Mapping[str, Any], *, is_whole: bool) -> list[RenderableType]:
    """Return the table of a source beside the forecasts of the job, by lead time as well, and what they mean.

    Args:
        is_whole: True for every lead time.
    """
    block = source["value_added"]
    sentences = [Sentence(sentence) for sentence in source_sentences(name, source)]
    if block is None:
        head, rows = own_rows(source)
        return [*sentences, *([_by_step(head, rows, is_whole=is_whole)] if len(rows) > 1 else [])]
    short = name[:_NAME_WIDTH]
    parts: list[RenderableType] = [text_table(HEAD, value_rows(short, block), right=HEAD[1:-1])]
    head, rows = step_rows(short, block)
    if len(rows) > 1:
        parts += [Text(), _by_step(head, rows, is_whole=is_whole)]
    quantiles = describe_optional(name, block)
    return [*parts, *sentences, *([Sentence(quantiles)] if quantiles else [])]


def _by_step(head: list[str], rows: list[list[str]], *, is_whole: bool) -> RenderableType:
    """Return the rows of all steps, or of a few that stand for them."""
    steps = {*map(str, quartile_steps(max(int(row[0]) for row in rows)))}
    return text_table(head, [row for row in rows if is_whole or row[0] in steps], right=head[1:])


def source_group(document: Mapping[str, Any]) -> RenderableType:
    """Return every source in full, for `--by source`."""
    documents = document.get("sources") or {}
    if not documents:
        return Sentence("No source is recorded: forecast ledger record FILE JOB.yaml --source planner")
    parts: list[RenderableType] = []
    for name, source in documents.items():
        parts += [*([Text()] if parts else []), *render_value(name, source, is_whole=True)]
    return Group(*parts)


def source_score_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the scores of sources and of the forecasts beside them as rows: source, forecast, step and metrics.

    Without a forecast of the job beside it, a source has its own scores only.
    """
    metrics = (
        "forecasts",
        "mae",
        "mase",
        "rmse",
        "bias",
        "wql",
        "coverage50",
        "coverage80",
        "coverage90",
        "coverage95",
    )
    rows = []
    for source, each in (document.get("sources") or {}).items():
        block = each["value_added"]
        if block is None:
            tables = {"all": each["overall"], **each["by_step"]} if each["overall"] else {}
            cuts = {step: {"source": scores} for step, scores in tables.items()}
        else:
            cuts = {"all": block["forecasts"], **block["by_step"]}
        for step, forecasts in cuts.items():
            for name, scores in forecasts.items():
                values = {metric: scores.get(metric) for metric in metrics}
                rows.append({"source": source, "forecast": name, "step": step, **values})
    return rows


def _range(times: Mapping[str, str]) -> str:
    return times["first"] if times["first"] == times["last"] else f"{times['first']} to {times['last']}"
