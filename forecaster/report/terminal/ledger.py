"""What a ledger knows, for the terminal: legible at 80 columns and without colour."""

from collections.abc import Mapping
from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.evaluation.adaptive import MIN_PERIODS
from forecaster.evaluation.metrics import LEVELS, METRICS
from forecaster.report.excerpts import quartile_steps
from forecaster.report.verdicts import drift_sentence
from forecaster.report.words import number, plural, share

_COLUMNS = {
    "forecasts": "n",
    **{name: METRICS[name].title for name in ("mae", "mase")},
    "bias": "bias",
    "skill": "skill",
    "skill_naive": "v. naive",
    **{f"coverage{level}": f"{level}%" for level in LEVELS},
}
_SHARES = {name for name in _COLUMNS if name.startswith(("coverage", "skill"))}
_CUTS = {"step": "by_step", "series": "by_series", "model": "by_model", "week": "by_week"}
_SHOWN = 5
_WEEKS = 8
_NAME = 22  # characters of a name, so that a row keeps within 80


def scores(document: Mapping[str, Any], by: str | None) -> RenderableType:
    """How good recent forecasts were: overall, by step, series, model and week; anomalies; drift. Or one cut alone."""
    counts, job = document["actuals"], document["job"]
    news = f"{plural(counts['new'], 'new actual')}, {plural(document['scored'], 'forecast')} scored"
    if document["overall"] is None:
        return Text(f"{job}: {news}. No forecast has come true yet.")
    title = Text(f"{job}: actuals from {document['since']} to {document['until']}", style="bold")
    if by is not None:
        return Group(title, _table(by, document[_CUTS[by]]))
    parts: list[RenderableType] = [title, Text(news), _table("", {"all": document["overall"]})]
    steps = document["by_step"]
    if len(steps) > 1:
        parts += [
            Text(),
            _table("step", {key: steps[key] for key in map(str, quartile_steps(len(steps))) if key in steps}),
        ]
    if len(document["by_model"]) > 1:
        parts += [Text(), _table("model", document["by_model"])]
    if document["by_week"] and len(document["by_week"]) > 1:
        parts += [Text(), _table("week", dict(list(document["by_week"].items())[-_WEEKS:]))]
    if len(document["by_series"]) > 1:
        worst = dict(list(document["by_series"].items())[:_SHOWN])
        parts += [Text(), _table("worst series", worst)]
    return Group(*parts, Text(), *_anomalies(document["anomalies"]), Text(drift_sentence(document["drift"])))


def score_rows(document: Mapping[str, Any], by: str | None) -> list[dict[str, Any]]:
    """The same as rows of one table: cut (`all`, `step` ...), key and metrics."""
    if document["overall"] is None:
        return []
    rows = [] if by else [{"cut": "all", "key": "all", **document["overall"]}]
    for cut, name in _CUTS.items():
        if by in (None, cut):
            rows += [{"cut": cut, "key": key, **each} for key, each in (document[name] or {}).items()]
    return rows


def runs(document: Mapping[str, Any]) -> RenderableType:
    """The runs, the newest first; a key says when the run started, and is whole, as `--run` wants it."""
    several = len(document["jobs"]) > 1
    if not document["runs"]:
        return Text(f"{document['ledger']}: no runs yet")
    names = [*(["job"] if several else []), "run", "code", "status", "model", "series", "cutoff"]
    rows = [
        [str((row | {"run": row["key"]} | _status(row)).get(name) or "-") for name in names] for row in _plain(document)
    ]
    table = _rows(names, rows, right=("code", "series"), whole=("run", "code", "status", "series"))
    failures = [(row["key"], error) for row in document["runs"] if (error := row["details"].get("error"))]
    if not failures:
        return table
    told = [Text(f"{key}: {error['message']}") for key, error in failures[:_SHOWN]]
    hidden = [Text(f"... and {len(failures) - _SHOWN} more that failed")] if len(failures) > _SHOWN else []
    return Group(table, Text(), Text("What failed:"), *told, *hidden)


def revisions(document: Mapping[str, Any]) -> RenderableType:
    """What a run changed."""
    if not document["revised"]:
        which = f"run {document['run']}" if document["run"] else "no run"
        return Text(f"{document['job']}: {which} forecast no time that a run before it had forecast, too")
    scaled = document["mean_absolute_scaled"]
    relative = "" if scaled is None else f", {number(scaled)} of the usual seasonal error"
    title = f"{document['job']}: run {document['run']} against the forecasts before it"
    size = number(document["mean_absolute_change"])
    mean = f"{plural(document['revised'], 'time')} forecast again, changed by {size} on average{relative}"
    names = ["series", "ds", "before", "now", "change", "scaled"]
    keys = ("previous", "mean", "change", "scaled")
    rows = [[row["unique_id"][:_NAME], row["ds"], *(number(row[key]) for key in keys)] for row in document["revisions"]]
    parts: list[RenderableType] = [Text(title, style="bold"), Text(mean), _rows(names, rows, right=names[2:])]
    hidden = document["revised"] - len(rows)
    return Group(*parts, *([Text(f"... and {hidden} smaller ones")] if hidden else []))


def widths(document: Mapping[str, Any]) -> RenderableType:
    """What recalibration found, and by which factors intervals will be stretched."""
    number_of, job = document["adjustment"], document["job"]
    if not document["intervals"]:
        return Text(f"{job}: intervals are the model's own" + (" again" if number_of else ""))
    names = ["steps", "interval", "held", "would have held", "factor before", "factor"]
    rows = [
        [
            _steps(row["first_step"], row["last_step"]),
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
    span = f"actuals from {document['since']} to {document['until']}"
    end = (
        "nothing was kept (--dry-run)" if document["is_dry"] else f"kept as adjustment {number_of}, for runs after this"
    )
    return Group(
        Text(f"{job}: {span}", style="bold"),
        Text(
            f"learnt from {scope}"
            if document["periods"] >= MIN_PERIODS
            else f"{scope}; nothing changes before {MIN_PERIODS}"
        ),
        _rows(names, rows, right=names[1:]),
        Text(end),
    )


def _anomalies(block: Mapping[str, Any]) -> list[RenderableType]:
    title = f"{plural(block['count'], 'actual')} outside the {block['level']} % interval"
    if not block["count"]:
        return [Text(f"No actual lies outside the {block['level']} % interval.")]
    names = ["series", "ds", "actual", "from", "to", "beyond", "step"]
    keys = ("y", "lower", "upper", "excess")
    rows = [
        [row["unique_id"][:_NAME], row["ds"], *(number(row[key]) for key in keys), str(row["step"])]
        for row in block["listed"][:_SHOWN]
    ]
    return [Text(title + (", the farthest:" if block["count"] > _SHOWN else ":")), _rows(names, rows, right=names[2:])]


def _table(first: str, cut: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = [[name[:_NAME], *(_cell(key, each[key]) for key in _COLUMNS)] for name, each in cut.items()]
    return _rows([first, *_COLUMNS.values()], rows, right=tuple(_COLUMNS.values()))


def _rows(
    names: list[str], rows: list[list[str]], *, right: tuple[str, ...] | list[str], whole: tuple[str, ...] = ()
) -> Table:
    """Lay out a table; columns that are `whole` are never shortened, so that others are where space is short."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, name in enumerate(names):
        width = max(map(len, [name, *(row[place] for row in rows)])) if name in whole else None
        side: Literal["left", "right"] = "right" if name in right else "left"
        table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis", min_width=width)
    for row in rows:
        table.add_row(*row)
    return table


def _plain(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) | {"code": str(row["code"]), "series": str(row["series"])} for row in document["runs"]]


def _status(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"status": row["details"].get("status")}


def _cell(key: str, value: float | None) -> str:
    """Return a metric in as few characters as possible: a row has ten of them."""
    if key == "forecasts":
        return str(value)
    return share(value).replace(" ", "") if key in _SHARES else number(value)


def _steps(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
