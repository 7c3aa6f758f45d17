"""The page of a backtest: forecasts from many cutoffs beside what came true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation import scored_rows as scores
from forecaster.report.page import accuracy
from forecaster.report.page.charts import MODEL, NAIVE, SEASONAL, TRUTH, axes, bare, line, marked, shape, time_kind
from forecaster.report.page.parts import Chart, Code, Drawn, Page, Section, Text
from forecaster.report.page.picks import Pick, note
from forecaster.report.verdicts import describe_cutoffs, describe_scope, skill_sentence
from forecaster.report.words import number, plural, share, timestamp

_FOLDS_DRAWN = 24  # of a series, the last


@dataclass(frozen=True)
class Folds:
    """All that a page tells of a backtest.

    Attributes:
        model: its name.
        metrics: the content of metrics.json.
        config: the text of config.yaml.
        rows: as in `evaluation.rows`.
        table: scores by series, as `evaluation.rows.by_series` gives them.
        picks: the series to draw.
    """

    name: str
    model: str
    metrics: Mapping[str, Any]
    config: str
    rows: pd.DataFrame
    table: pd.DataFrame
    picks: Sequence[Pick]


def compose(found: Folds) -> Page:
    """Put the page together."""
    block, model = found.metrics["backtest"], found.model
    drawn = draw_cutoffs(found.rows, found.picks, model)
    own = block["overall"][model]
    sections = [
        Section("forecasts", "Forecasts", [cutoffs_chart(drawn, model)]) if drawn else None,
        Section(
            "scores",
            "Scores, against naive",
            [
                accuracy.score_table(f"Scores of {describe_scope(block)}", block["overall"]),
                accuracy.explain_scores(),
                accuracy.errors_by_step(_by_step(block, model), model, accuracy.SCALED),
                *_by_cutoff(block, model),
            ],
        ),
        accuracy.calibration_section(scores.reliability(found.rows), own),
        Section("errors", "Residuals", [*_tell_unlisted(block, model), *accuracy.residual_parts(found.rows)]),
    ]
    if len(found.table) > 1:
        listing = accuracy.series_listing(found.table, f"All {plural(len(found.table), 'series')}, over all cutoffs")
        sections.append(Section("series", "All series", [listing]))
    sections.append(Section("origin", "Configuration", [Text(describe_plan(block)), Code("config.yaml", found.config)]))
    return Page(
        kind="Backtest",
        name=found.name,
        verdict=skill_sentence(dict(found.metrics), model),
        facts={
            "Model": model,
            "Forecasts": f"{block['forecasts']:,}",
            "Horizon": plural(block["horizon"], "step"),
            "Series": f"{block['series']:,}",
            **accuracy.metric_facts(own, "mase", "smape", "coverage80"),
            "First cutoff": timestamp(block["cutoff"]["first"]),
        },
        sections=[section for section in sections if section is not None],
        drawn=drawn,
        series=len(found.table),
        note=note(found.picks, len(found.table)),
        remarks=describe_omissions(block),
    )


def _tell_unlisted(block: Mapping[str, Any], model: str) -> list[Text]:
    """Which errors these charts leave out: what they are divided by is known of the listed series alone."""
    listed = [each for each in block["by_series"].values() if model in each]
    scaled = sum(bool(each[model]["mase"] and each[model]["mae"]) for each in listed)
    left_out = (
        [f"{block['unlisted']:,} of the best, whose scores metrics.json does not list"] if block["unlisted"] else []
    )
    if len(listed) > scaled:
        left_out.append(f"{len(listed) - scaled:,} whose errors have no scale")
    if not left_out or not scaled:
        return []
    return [Text(f"These charts show {plural(scaled, 'series')}; left out are {' and '.join(left_out)}.")]


def describe_plan(block: Mapping[str, Any]) -> str:
    """Where the cutoffs lie and what was fitted when."""
    told = f"{describe_scope(dict(block)).capitalize()}, {describe_cutoffs(dict(block['cutoff']))}"
    told += f", {plural(block['stride'], 'step')} apart."
    told += (
        f" Fitted anew every {plural(block['refit'], 'fold')}." if block["refit"] else " Fitted once, before them all."
    )
    return told + (f" A forecast saw the last {plural(block['window'], 'step')} alone." if block["window"] else "")


def describe_omissions(block: Mapping[str, Any]) -> list[str]:
    """What a reader should know of series and forecasts that are not as the others."""
    told = []
    if block["unscored"]:
        told.append(f"{plural(block['unscored'], 'series')} are too short for every fold.")
    if block.get("fallbacks"):
        told.append(f"{block['fallbacks']:,} of {plural(block['forecasts'], 'forecast')} are a fallback's.")
    return told


def cutoffs_chart(drawn: Sequence[Drawn], model: str) -> Chart:
    """Forecasts from several cutoffs over what came true."""
    kind = time_kind(drawn[0].columns["actual.ds"])
    return Chart(
        "folds",
        "Forecasts of each cutoff beside what came true",
        "",
        [
            shape("80 %", "band.ds", "band.y", MODEL, opacity=0.2),
            line(model, "forecast.ds", "forecast.y", MODEL),
            line("came true", "actual.ds", "actual.y", TRUTH, width=1.6),
        ],
        axes("", "", height=400, x_kind=kind),
        {"time": "forecast.ds", model: "forecast.y", "80 % from": "forecast.low80", "80 % to": "forecast.high80"},
    )


def draw_cutoffs(rows: pd.DataFrame, picks: Sequence[Pick], model: str) -> list[Drawn]:
    """What the chart takes of each series: its last cutoffs."""
    of_series = dict(iter(rows.groupby("unique_id", sort=False)))
    drawn = []
    for each in picks:
        mine = of_series[each.name]
        folds = [part for _, part in mine.groupby("cutoff", sort=False)][-_FOLDS_DRAWN:]
        shown = pd.concat(folds)
        actual = shown.drop_duplicates("ds").sort_values("ds")
        seen = _tell(shown, model, len(folds))
        drawn.append(Drawn(each.name, each.group, {**_columns(folds), **_actual(actual)}, {"folds": seen}))
    return drawn


def _actual(rows: pd.DataFrame) -> dict[str, Any]:
    return {"actual.ds": [bare(stamp) for stamp in rows["ds"]], "actual.y": rows["y"].to_numpy(np.float64)}


def _columns(folds: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Forecasts one after the other with a hole between, and their intervals as closed shapes."""
    ds: list[Any] = []
    band: list[Any] = []
    values: dict[str, list[Any]] = {"mean": [], "q0.1": [], "q0.9": []}
    edge: list[Any] = []
    for part in folds:
        stamps = [bare(stamp) for stamp in part["ds"]]
        low, high = part["q0.1"].tolist(), part["q0.9"].tolist()
        ds += [*stamps, None]
        for name, column in values.items():
            column += [*part[name].tolist(), np.nan]
        band += [*stamps, *stamps[::-1], None]
        edge += [*low, *high[::-1], np.nan]
    return {
        "forecast.ds": ds,
        "forecast.y": np.array(values["mean"]),
        "forecast.low80": np.array(values["q0.1"]),
        "forecast.high80": np.array(values["q0.9"]),
        "band.ds": band,
        "band.y": np.array(edge),
    }


def _tell(rows: pd.DataFrame, model: str, folds: int) -> str:
    known = rows[rows["y"].notna()]
    if not len(known):
        return "Nothing was observed here that forecasts could be held against."
    error = float((known["mean"] - known["y"]).abs().mean())
    inside = float(((known["y"] >= known["q0.1"]) & (known["y"] <= known["q0.9"])).mean())
    return (
        f"From {plural(folds, 'cutoff')}, {model} was off by {number(error)} on average;"
        f" {share(inside)} of {plural(len(known), 'value')} lie inside the 80 % interval."
    )


def _by_step(block: Mapping[str, Any], model: str) -> dict[str, Any]:
    return {
        "step": [int(step) for step in block["by_step"]],
        **{column: _mase(block["by_step"], name) for column, name in _COLUMNS.items() if name in block["overall"]},
        "model": _mase(block["by_step"], model),
    }


def _by_cutoff(block: Mapping[str, Any], model: str) -> list[Chart]:
    cutoffs = block["by_cutoff"]
    if len(cutoffs) < 2:
        return []
    columns: dict[str, Any] = {"cutoff": list(cutoffs), "model": _mase(cutoffs, model)}
    traces = []
    for column, title, color in (("naive", "naive", NAIVE), ("seasonal_naive", "seasonal naive", SEASONAL)):
        if column in block["overall"] and column != model:
            columns[column] = _mase(cutoffs, column)
            traces.append(line(title, "cutoff", column, color))
    traces.append(marked(model, "cutoff", "model", MODEL))
    own = columns["model"]
    told = "Nothing is known of single cutoffs."
    if not np.isnan(own).all():
        worst, best = int(np.nanargmax(own)), int(np.nanargmin(own))
        told = (
            f"{model} was best from {columns['cutoff'][best]} (MASE {number(float(own[best]))}) and worst from"
            f" {columns['cutoff'][worst]} ({number(float(own[worst]))})."
        )
    layout = axes("cutoff", "MASE", x_kind="category", yaxis={"rangemode": "tozero"})
    numbers = {"cutoff": "cutoff", model: "model", "seasonal naive": "seasonal_naive", "naive": "naive"}
    return [Chart("cutoffs", "Error by cutoff", told, traces, layout, numbers, columns)]


_COLUMNS = {name: name for name in scores.BASELINES}


def _mase(cut: Mapping[str, Any], model: str) -> Any:
    return np.array([each[model]["mase"] for each in cut.values()], np.float64)
