"""What was found in a table, for the terminal: legible at 80 columns and without colour."""

from collections import Counter
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.panel import Panel
from forecaster.report.terminal.plot import Sparkline
from forecaster.report.terminal.train import tell_networks
from forecaster.report.words import number, plural

_COLUMNS, _SERIES, _GAPS = 14, 12, 3
_WIDE = 12  # characters of a sparkline
_LONG_TIME = 19  # characters; two longer times leave no room for words
_MANY = 1e8  # are told in millions
_LONG_FLAT = 10  # steps of one value that are worth a word
_STRENGTH = {"strong": "strongly", "clear": "clearly", "weak": "hardly"}
_PARTS = {
    "fit": "to learn from",
    "validation": "to choose when to stop",
    "calibration": "to learn how wide intervals must be",
    "holdout": "to score, and nothing else",
}


def summary(document: dict[str, Any], panel: Panel | None = None) -> RenderableType:
    """The table in words, its columns, its series, what stands out, and what training would make of it.

    Args:
        panel: what was read, to draw its series; None draws nothing.
    """
    parts: list[RenderableType] = [
        Text(_title(document), style="bold"),
        Text(f"{document['first']} to {document['last']}, {_lengths(document)}"),
        Text(),
        _columns(document["columns"]),
        Text(),
        _series(document, panel),
        *_section("As it was read", [*document["notes"], *_season(document)]),
        *_section("Its values", _values(document)),
        *_section("What training would make of it", _training(document)),
    ]
    if document["train"]["is_possible"]:
        parts.append(_splits(document))
    return Group(*parts)


def _title(document: dict[str, Any]) -> str:
    frequency, series = document["frequency_in_words"], document["series"]
    zone = f", {document['zone']}" if document["zone"] else ""
    return f"{document['data']}: {plural(document['rows'], 'row')}, {series:,} series, {frequency}{zone}"


def _lengths(document: dict[str, Any]) -> str:
    shortest, median, longest = document["steps"].values()
    if shortest == longest:
        return plural(longest, "step") + (" each" if document["series"] > 1 else "")
    return f"{shortest:,} to {longest:,} steps a series, {median:,} in the middle"


def _columns(columns: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("column", no_wrap=True, max_width=36, overflow="ellipsis")
    table.add_column("is")
    for each in _some(columns, _COLUMNS):
        role = f"left out: {each['reason']}" if each["role"] is None else each["role"]
        told = [f"{each[name]:,} {name}" for name in ("values", "missing") if each.get(name)]
        table.add_row(each["name"], f"{role} ({', '.join(told)})" if told else role)
    hidden = Counter(each["role"] or "left out" for each in columns[_COLUMNS:])
    if hidden:
        table.add_row("...", ", ".join(f"{count:,} more: {role}" for role, count in hidden.items()))
    return table


def _series(document: dict[str, Any], panel: Panel | None) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("series", no_wrap=True, max_width=18, overflow="ellipsis")
    for title in ("steps", "missing", "longest\ngap", "lowest", "mean", "highest"):
        table.add_column(title, justify="right", no_wrap=True, vertical="bottom")
    if panel:
        table.add_column("", no_wrap=True)
    rows = _some(document["by_series"], _SERIES)
    for place, each in enumerate(rows):
        counts = (f"{each[name]:,}" for name in ("steps", "missing", "longest_gap"))
        values = (_short(each[name]) for name in ("lowest", "mean", "highest"))
        drawn = [_course(panel, place)] if panel else []
        table.add_row(each["unique_id"], *counts, *values, *drawn)
    hidden = document["series"] - len(rows)
    return Group(table, Text(f"... and {hidden:,} more series; --out FILE.csv has them all")) if hidden else table


def _course(panel: Panel, place: int) -> Sparkline:
    """The whole of a series in a dozen means, on a scale of their own."""
    target = panel.values[panel.begin[place] : panel.end[place], 0].astype(np.float64)
    means = [part[~np.isnan(part)].mean() for part in np.array_split(target, _WIDE) if not np.isnan(part).all()]
    return Sparkline(target, _WIDE, min(means), max(means))


def _season(document: dict[str, Any]) -> list[str]:
    """How clearly the values show the season; nothing where there is none to show."""
    evidence, season = document["season_evidence"], document["season"]
    if season == 1:
        return []
    if evidence["correlation"] is None:
        return [f"too short to see whether the values repeat every {season} steps"]
    share = f"correlation {evidence['correlation'] + 0.0:.2f}"
    return [f"the values {_STRENGTH[evidence['strength']]} repeat every {season} steps ({share})"]


def _values(document: dict[str, Any]) -> list[str]:
    """What is missing, what repeats, what is far off."""
    values, series = document["values"], document["series"]
    observed = max(values["steps"] - values["missing"], 1)
    told = [f"between {number(values['lowest'])} and {number(values['highest'])}"]
    if values["missing"]:
        told.append(f"{values['missing']:,} of {plural(values['steps'], 'step')} without a value {_share(values)}")
    for gap in document["longest_gaps"][:_GAPS]:
        span = gap["from"] if gap["steps"] == 1 else f"{gap['from']} to {gap['to']}"
        told.append(f"longest gap{_of(gap, series)}: {plural(gap['steps'], 'step')}, {span}")
    for name, words in (("zeros", "are 0"), ("negatives", "are below 0")):
        if values[name]:
            told.append(f"{values[name]:,} {words} ({100 * values[name] / observed:.2g} %)")
    if values["constant_series"]:
        told.append(f"never changing: {values['constant_series']:,} series")
    flat = values["flat"]
    if flat["steps"] >= max(_LONG_FLAT, 2 * document["season"]):
        told.append(f"the same for {flat['steps']:,} steps from {flat['from']}{_of(flat, series)}")
    if values["outlier"]:
        where = f"{values['outlier']['ds']}{_of(values['outlier'], series)}"
        told.append(f"{plural(values['outliers'], 'value')} far off those around, such as that of {where}")
    return told


def _training(document: dict[str, Any]) -> list[str]:
    plan = document["train"]
    if not plan["is_possible"]:
        return [f"nothing: {plan['error']}", plan["hint"]]
    told = [_model(plan)]
    splits, series = document["splits"], document["series"]
    without = {name: series - splits[name]["series"] for name in ("validation", "calibration", "holdout")}
    if not plan.get("is_calibrated", True):
        without.pop("calibration")
        if plan["networks"]:
            told.append("intervals will be the network's own, not calibrated")
    words = {"validation": "choose when to stop", "calibration": "calibrate intervals", "holdout": "be scored"}
    short = {count: [words[name] for name in without if without[name] == count] for count in without.values() if count}
    return told + [f"too short to {' or '.join(each)}: {count:,} series" for count, each in short.items()]


def _model(plan: dict[str, Any]) -> str:
    networks = plan["networks"]
    if plan["model"] == "auto":
        return "--model auto chooses by forecasts of held-out folds"
    if not networks:
        return f"{plan['model']}, which learns no network"
    first = networks[0]
    calendar = "; reads the calendar, too" if plan["calendar"] else ""
    return (
        f"preset {plan['preset']}: {tell_networks(networks)}; {first['steps']:,} training steps of {first['batch']}"
        f" windows at most{calendar}"
    )


def _splits(document: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("part", no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    firsts = [str(each["first"]) for each in document["splits"].values() if each["first"] is not None]
    ends = {"from": "first", "to": "last"} if firsts else {}
    if max(map(len, firsts), default=0) > _LONG_TIME:
        del ends["to"]  # it is where the next part begins
    for title in ends:
        table.add_column(title, no_wrap=True)
    table.add_column("for")
    for name, each in document["splits"].items():
        steps = f"{each['shortest']:,}"
        if each["shortest"] != each["longest"]:
            steps += f" to {each['longest']:,}"
        times = ["-" if each[key] is None else str(each[key]) for key in ends.values()]
        table.add_row(name, steps, *times, _PARTS[name])
    return table


def _section(title: str, lines: list[str]) -> list[RenderableType]:
    return [Text(), Text(title, style="bold"), *(Text(line) for line in lines)]


def _some(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    return rows if len(rows) <= most else rows[:most]


def _of(each: dict[str, Any], series: int) -> str:
    return f" of {each['unique_id']}" if series > 1 else ""


def _short(value: float) -> str:
    return number(value) if abs(value) < _MANY else f"{value / 1e6:,.0f} M"


def _share(values: dict[str, Any]) -> str:
    return f"({100 * values['missing'] / values['steps']:.2g} %)"
