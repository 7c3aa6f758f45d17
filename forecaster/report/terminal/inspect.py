"""The result of `forecast inspect` for the terminal: fits 80 columns, works without colour."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.panel import Panel
from forecaster.report.terminal.layout import Fitted, Sentence
from forecaster.report.terminal.plot import Sparkline
from forecaster.report.terminal.train import describe_networks
from forecaster.report.words import number, plural, short_path

_COLUMNS_SHOWN, _SERIES_SHOWN, _GAPS_SHOWN = 14, 12, 3
_PATH_WIDTH = 40
_SPARKLINE_WIDTH = 12
_LONG_TIME = 19  # two times with more characters than this leave no room for words
_MIN_MILLIONS = 1e8  # values from here on are shown in millions
_MIN_FLAT_STEPS = 10  # shorter runs of one value are not mentioned
_STRENGTHS = {"strong": "strongly", "clear": "clearly", "weak": "hardly"}
_PARTS = {
    "fit": "to train",
    "validation": "to decide when to stop",
    "calibration": "to calibrate intervals",
    "holdout": "to score; the refit uses it too",
}
_PURPOSES = {"validation": "decide when to stop", "calibration": "calibrate intervals", "holdout": "be scored"}


def summary(document: Mapping[str, Any], panel: Panel | None = None) -> RenderableType:
    """Return the table in words: its columns, series and values, and how training would use it.

    Args:
        document: as returned by `workflows.inspect`.
        panel: the panel of the table, to draw its series; None draws nothing.
    """
    parts: list[RenderableType] = [
        Sentence(_describe_table(document), style="bold"),
        Sentence(f"{document['first']} to {document['last']}, {_describe_lengths(document)}"),
        Text(),
        _column_table(document["columns"]),
        Text(),
        _series_table(document, panel),
        *_section("How the table was read", [*document["notes"], *_describe_season(document)]),
        *_section("Values", _describe_values(document)),
        *_section("Training", _describe_training(document)),
    ]
    if document["train"]["is_possible"]:
        parts.append(_split_table(document["splits"]))
    return Group(*parts)


def _describe_table(document: Mapping[str, Any]) -> str:
    rows, series = plural(document["rows"], "row"), plural(document["series"], "series")
    zone = f", {document['zone']}" if document["zone"] else ""
    return f"{short_path(document['data'], _PATH_WIDTH)}: {rows}, {series}, {document['frequency_in_words']}{zone}"


def _describe_lengths(document: Mapping[str, Any]) -> str:
    shortest, median, longest = document["steps"].values()
    if shortest == longest:
        return plural(longest, "step") + (" each" if document["series"] > 1 else "")
    return f"{shortest:,} to {longest:,} steps per series, {median:,} in the median"


def _column_table(columns: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("column", no_wrap=True, max_width=36, overflow="ellipsis")
    table.add_column("is")
    for column in columns[:_COLUMNS_SHOWN]:
        role = f"left out: {column['reason']}" if column["role"] is None else column["role"]
        counts = [f"{column[name]:,} {name}" for name in ("values", "missing") if column.get(name)]
        table.add_row(column["name"], f"{role} ({', '.join(counts)})" if counts else role)
    hidden = Counter(column["role"] or "left out" for column in columns[_COLUMNS_SHOWN:])
    if hidden:
        table.add_row("...", ", ".join(f"{count:,} more: {role}" for role, count in hidden.items()))
    return table


def _series_table(document: Mapping[str, Any], panel: Panel | None) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("series", no_wrap=True, max_width=18, overflow="ellipsis")
    for title in ("steps", "missing", "longest\ngap", "lowest", "mean", "highest"):
        table.add_column(title, justify="right", no_wrap=True, vertical="bottom")
    if panel:
        table.add_column("", no_wrap=True)
    rows = document["by_series"][:_SERIES_SHOWN]
    for place, row in enumerate(rows):
        counts = (f"{row[name]:,}" for name in ("steps", "missing", "longest_gap"))
        values = (_short_number(row[name]) for name in ("lowest", "mean", "highest"))
        charts = [_sparkline(panel, place)] if panel else []
        table.add_row(row["unique_id"], *counts, *values, *charts)
    fitted = Fitted(table, ("", "missing", "longest gap"))
    hidden = document["series"] - len(rows)
    if not hidden:
        return fitted
    return Group(fitted, Sentence(f"... and {hidden:,} more series; --out FILE.csv writes all of them"))


def _sparkline(panel: Panel, place: int) -> Sparkline:
    """Return a whole series as a dozen means, on its own scale."""
    target = panel.values[panel.begin[place] : panel.end[place], 0].astype(np.float64)
    parts = np.array_split(target, _SPARKLINE_WIDTH)
    means = [part[~np.isnan(part)].mean() for part in parts if not np.isnan(part).all()]
    return Sparkline(target, _SPARKLINE_WIDTH, min(means), max(means))


def _describe_season(document: Mapping[str, Any]) -> list[str]:
    """Return a line on how clearly the values show the season; no line without a season."""
    evidence, season = document["season_evidence"], document["season"]
    if season == 1:
        return []
    if evidence["correlation"] is None:
        return [f"too short to see whether the values repeat every {season} steps"]
    correlation = f"correlation {round(evidence['correlation'], 2) + 0.0:.2f}"
    return [f"the values {_STRENGTHS[evidence['strength']]} repeat every {season} steps ({correlation})"]


def _describe_values(document: Mapping[str, Any]) -> list[str]:
    """Return lines on the range of the values, gaps, repeated values and outliers."""
    values, series = document["values"], document["series"]
    observed = max(values["steps"] - values["missing"], 1)
    lines = [f"between {number(values['lowest'])} and {number(values['highest'])}"]
    if values["missing"]:
        steps, percent = plural(values["steps"], "step"), _percent(values["missing"], values["steps"])
        lines.append(f"{values['missing']:,} of {steps} without a value {percent}")
    for gap in document["longest_gaps"][:_GAPS_SHOWN]:
        span = gap["from"] if gap["steps"] == 1 else f"{gap['from']} to {gap['to']}"
        lines.append(f"longest gap{_of_series(gap, series)}: {plural(gap['steps'], 'step')}, {span}")
    for name, words in (("zeros", "are 0"), ("negatives", "are below 0")):
        if values[name]:
            lines.append(f"{values[name]:,} {words} {_percent(values[name], observed)}")
    if values["constant_series"]:
        lines.append(f"constant: {values['constant_series']:,} series")
    flat = values["flat"]
    if flat["steps"] >= max(_MIN_FLAT_STEPS, 2 * document["season"]):
        lines.append(f"the same value for {flat['steps']:,} steps from {flat['from']}{_of_series(flat, series)}")
    if values["outlier"]:
        outlier = f"{values['outlier']['ds']}{_of_series(values['outlier'], series)}"
        lines.append(f"{plural(values['outliers'], 'value')} far from their neighbours, for example at {outlier}")
    return lines


def _describe_training(document: Mapping[str, Any]) -> list[str]:
    plan = document["train"]
    if not plan["is_possible"]:
        return [f"not possible: {plan['error']}", plan["hint"]]
    lines = [_describe_model(plan)]
    unusable = {name: document["series"] - document["splits"][name]["series"] for name in _PURPOSES}
    if not plan.get("is_calibrated", True):
        unusable.pop("calibration")
        if plan["networks"] or plan["model"] in ("pretrained", "fine_tuned"):
            lines.append("the intervals will be the network's, not calibrated")
    purposes: dict[int, list[str]] = {}
    for name, count in unusable.items():
        if count:
            purposes.setdefault(count, []).append(_PURPOSES[name])
    return lines + [f"too short to {' or '.join(words)}: {count:,} series" for count, words in purposes.items()]


def _describe_model(plan: Mapping[str, Any]) -> str:
    networks = plan["networks"]
    if plan["model"] == "auto":
        return "--model auto chooses a model by forecasts of held-out folds"
    if plan["model"] == "pretrained":
        return "the pretrained network; nothing is trained"
    if plan["model"] == "fine_tuned":
        return "the pretrained network, fine-tuned on your series"
    if not networks:
        return f"{plan['model']}, which has no network"
    first = networks[0]
    calendar = "; calendar features are added" if plan["calendar"] else ""
    steps = f"at most {plural(first['steps'], 'training step')} of {plural(first['batch'], 'window')}"
    choice = ""
    if plan["members"]:
        others = "".join(f" and {name}" for name in plan["others"])
        choice = f"; of these{others}, the validation tail chooses at most {plan['members']}"
    return f"preset {plan['preset']}: {describe_networks(networks)}; {steps}{calendar}{choice}"


def _split_table(splits: Mapping[str, Mapping[str, Any]]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    table.add_column("part", no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    firsts = [str(part["first"]) for part in splits.values() if part["first"] is not None]
    ends = {"from": "first", "to": "last"} if firsts else {}
    if max(map(len, firsts), default=0) > _LONG_TIME:
        del ends["to"]  # the next row shows where a part ends
    for title in ends:
        table.add_column(title, no_wrap=True)
    table.add_column("for")
    for name, part in splits.items():
        steps = f"{part['shortest']:,}"
        if part["shortest"] != part["longest"]:
            steps += f" to {part['longest']:,}"
        times = ["-" if part[key] is None else str(part[key]) for key in ends.values()]
        table.add_row(name, steps, *times, _PARTS[name])
    return Fitted(table, ("to", "from"))


def _section(title: str, lines: Sequence[str]) -> list[RenderableType]:
    return [Text(), Sentence(title, style="bold"), *(Sentence(line) for line in lines)]


def _of_series(place: Mapping[str, Any], series: int) -> str:
    return f" of {place['unique_id']}" if series > 1 else ""


def _short_number(value: float) -> str:
    return number(value) if abs(value) < _MIN_MILLIONS else f"{value / 1e6:,.0f} M"


def _percent(part: int, total: int) -> str:
    return f"({100 * part / total:.2g} %)"
