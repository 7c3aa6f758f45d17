"""The results of `forecast ledger` for the terminal: fit 80 columns, work without colour."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from forecaster.evaluation.adaptive import MIN_PERIODS
from forecaster.evaluation.metric_table import METRICS
from forecaster.evaluation.metrics import LEVELS
from forecaster.report.excerpts import quartile_steps
from forecaster.report.terminal.layout import Sentence
from forecaster.report.terminal.sources import render_sources, source_group, source_score_rows
from forecaster.report.terminal.table import text_table
from forecaster.report.verdicts import drift_sentence
from forecaster.report.words import number, plural, share

_TITLES = {
    "forecasts": "n",
    **{name: METRICS[name].title for name in ("mae", "mase")},
    "bias": "bias",
    "skill": "skill",
    "skill_naive": "v. naive",
    **{f"coverage{level}": f"{level}%" for level in LEVELS},
}
_SHARES = {name for name in _TITLES if name.startswith(("coverage", "skill"))}
_CUTS = {"step": "by_step", "series": "by_series", "model": "by_model", "week": "by_week"}
_ROWS_SHOWN = 5
_WEEKS_SHOWN = 8
_NAME_WIDTH = 22  # longer names would make rows of metrics wider than 80 columns


def render_scores(document: Mapping[str, Any], by: str | None) -> RenderableType:
    """Return the scores of recent forecasts, overall and by step, model, week and series; anomalies and drift.

    Args:
        document: as returned by `workflows.ledger.score`.
        by: `step`, `series`, `model`, `week` or `source` for this cut alone, in full; None for the overview.
    """
    actuals, job = document["actuals"], document["job"]
    news = f"{plural(actuals['new'], 'new actual')}, {plural(document['scored'], 'forecast')} scored"
    if by == "source":
        return source_group(document)
    if document["overall"] is None:
        text = f"{job}: {news}. No forecast can be scored yet: run the job again when new actuals are known."
        return Group(Sentence(text), *render_sources(document))
    title = Sentence(f"{job}: actuals from {document['since']} to {document['until']}", style="bold")
    if by is not None:
        return Group(title, _metric_table(by, document[_CUTS[by]]))
    parts: list[RenderableType] = [title, Sentence(news), _metric_table("", {"all": document["overall"]})]
    steps = document["by_step"]
    if len(steps) > 1:
        some = {key: steps[key] for key in map(str, quartile_steps(len(steps))) if key in steps}
        parts += [Text(), _metric_table("step", some)]
    if len(document["by_model"]) > 1:
        parts += [Text(), _metric_table("model", document["by_model"])]
    if document["by_week"] and len(document["by_week"]) > 1:
        parts += [Text(), _metric_table("week", dict(list(document["by_week"].items())[-_WEEKS_SHOWN:]))]
    if len(document["by_series"]) > 1:
        parts += [Text(), _metric_table("worst series", dict(list(document["by_series"].items())[:_ROWS_SHOWN]))]
    parts += [*render_sources(document), Text()]
    return Group(*parts, *_anomalies(document["anomalies"]), Sentence(drift_sentence(document["drift"])))


def score_rows(document: Mapping[str, Any], by: str | None) -> list[dict[str, Any]]:
    """Return the scores as rows of one table: cut (`all`, `step` and so on), key and metrics.

    Those of sources have other columns, see `sources.source_score_rows`.
    """
    if by == "source":
        return source_score_rows(document)
    if document["overall"] is None:
        return []
    rows = [] if by else [{"cut": "all", "key": "all", **document["overall"]}]
    for cut, name in _CUTS.items():
        if by in (None, cut):
            rows += [{"cut": cut, "key": key, **scores} for key, scores in (document[name] or {}).items()]
    return rows


def render_runs(document: Mapping[str, Any]) -> RenderableType:
    """Return the runs, the newest first, with their keys in full for `--run`, and the errors of failed runs."""
    if not document["runs"]:
        return Sentence(f"{document['ledger']}: no runs yet")
    names = [*(["job"] if len(document["jobs"]) > 1 else []), "run", "code", "status", "model", "series", "cutoff"]
    rows = []
    for run in document["runs"]:
        cells = {**run, "run": run["key"], "status": run["details"].get("status")}
        rows.append(["-" if cells.get(name) in (None, "") else str(cells[name]) for name in names])
    table = text_table(names, rows, right=("code", "series"), full=("run", "code", "status", "series"))
    errors = [(run["key"], run["details"]["error"]) for run in document["runs"] if run["details"].get("error")]
    if not errors:
        return table
    lines = [Sentence(f"{key}: {error['message']}") for key, error in errors[:_ROWS_SHOWN]]
    if len(errors) > _ROWS_SHOWN:
        lines.append(Sentence(f"... and {len(errors) - _ROWS_SHOWN} more failed runs"))
    return Group(table, Text(), Sentence("Errors of failed runs:"), *lines)


def render_revisions(document: Mapping[str, Any]) -> RenderableType:
    """Return the changes of a run against the forecasts before it, the largest first."""
    job = document["job"]
    if not document["revised"]:
        if not document["run"]:
            return Sentence(f"{job}: no run has made forecasts yet")
        return Sentence(f"{job}: run {document['run']} has nothing to compare: no earlier run forecast the same times")
    scaled = document["mean_absolute_scaled"]
    relative = "" if scaled is None else f", {number(scaled)} of the usual seasonal error"
    change = number(document["mean_absolute_change"])
    names = ["series", "ds", "before", "now", "change", "scaled"]
    keys = ("previous", "mean", "change", "scaled")
    rows = [
        [row["unique_id"][:_NAME_WIDTH], row["ds"], *(number(row[key]) for key in keys)]
        for row in document["revisions"]
    ]
    parts: list[RenderableType] = [
        Sentence(f"{job}: run {document['run']} against the forecasts before it", style="bold"),
        Sentence(f"{plural(document['revised'], 'time')} forecast again, changed by {change} on average{relative}"),
        text_table(names, rows, right=names[2:]),
    ]
    hidden = document["revised"] - len(rows)
    return Group(*parts, *([Sentence(f"... and {hidden:,} smaller changes")] if hidden else []))


def render_factors(document: Mapping[str, Any]) -> RenderableType:
    """Return the coverage of past intervals, and the factors by which the next runs will scale theirs."""
    adjustment, job = document["adjustment"], document["job"]
    if not document["intervals"]:
        return Sentence(f"{job}: the intervals are the model's own" + (" again" if adjustment else ""))
    names = ["steps", "interval", "covered", "would have covered", "factor before", "factor"]
    rows = [
        [
            _describe_range(row["first_step"], row["last_step"]),
            f"{row['level']} %",
            share(row["held"]),
            share(row["would_have_held"]),
            f"{row['factor_before']:.2f}",
            f"{row['factor']:.2f}",
        ]
        for row in document["intervals"]
        if row["level"] in LEVELS
    ]
    scope = f"{plural(document['forecasts'], 'forecast')} over {plural(document['periods'], 'period')}"
    is_enough = document["periods"] >= MIN_PERIODS
    return Group(
        Sentence(f"{job}: actuals from {document['since']} to {document['until']}", style="bold"),
        Sentence(f"estimated from {scope}" if is_enough else f"{scope}; factors change from {MIN_PERIODS} periods on"),
        text_table(names, rows, right=names[1:]),
        Sentence(
            "nothing saved (--dry-run)" if document["is_dry"] else f"saved as adjustment {adjustment} for later runs"
        ),
    )


def _anomalies(block: Mapping[str, Any]) -> list[RenderableType]:
    if not block["count"]:
        return [Sentence(f"No actual is outside the {block['level']} % interval.")]
    title = f"{plural(block['count'], 'actual')} outside the {block['level']} % interval"
    names = ["series", "ds", "actual", "from", "to", "beyond", "step"]
    keys = ("y", "lower", "upper", "excess")
    rows = [
        [row["unique_id"][:_NAME_WIDTH], row["ds"], *(number(row[key]) for key in keys), str(row["step"])]
        for row in block["listed"][:_ROWS_SHOWN]
    ]
    end = ", the farthest:" if block["count"] > _ROWS_SHOWN else ":"
    return [Sentence(title + end), text_table(names, rows, right=names[2:])]


def _metric_table(first: str, cut: Mapping[str, Mapping[str, Any]]) -> RenderableType:
    """Return a table with a row of metrics for each key of a cut."""
    rows = [[name[:_NAME_WIDTH], *(_metric_cell(key, scores[key]) for key in _TITLES)] for name, scores in cut.items()]
    titles = list(_TITLES.values())
    return text_table([first, *titles], rows, right=titles)


def _metric_cell(key: str, value: float | None) -> str:
    """Return a metric in as few characters as possible: a row has ten of them."""
    if key == "forecasts":
        return str(value)
    return share(value).replace(" ", "") if key in _SHARES else number(value)


def _describe_range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
