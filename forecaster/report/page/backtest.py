"""The page of a backtest: forecasts from many cutoffs beside the actual values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation import scored_rows as scores
from forecaster.report.page import accuracy
from forecaster.report.page.charts import (
    MODEL,
    NAIVE,
    SEASONAL,
    TRUTH,
    areas,
    axes,
    drop_offset,
    line,
    line_with_markers,
    time_axis_kind,
)
from forecaster.report.page.parts import Chart, Code, DrawnSeries, Page, Part, Section, Text
from forecaster.report.page.series_selection import SelectedSeries, describe_selection
from forecaster.report.verdicts import describe_cutoffs, describe_scope, verdict_sentence
from forecaster.report.words import number, plural, share, timestamp

_MAX_CUTOFFS_DRAWN = 24  # the last cutoffs of each series


@dataclass(frozen=True)
class BacktestContent:
    """Everything that the page of a backtest shows.

    Attributes:
        name: the name of the folder.
        model: the name of the model.
        metrics: the content of metrics.json.
        config: the text of config.yaml.
        rows: as in `evaluation.scored_rows`.
        table: scores by series, see `evaluation.scored_rows.by_series`.
        selection: the series to draw.
    """

    name: str
    model: str
    metrics: Mapping[str, Any]
    config: str
    rows: pd.DataFrame
    table: pd.DataFrame
    selection: Sequence[SelectedSeries]


def compose_backtest_page(content: BacktestContent) -> Page:
    """Compose the page of a backtest."""
    block, model = content.metrics["backtest"], content.model
    drawn_series = draw_cutoffs(content.rows, content.selection, model)
    metrics = block["overall"][model]
    sections = [
        Section("forecasts", "Forecasts", [cutoffs_chart(drawn_series, model)]) if drawn_series else None,
        Section(
            "scores",
            "Accuracy, beside naive forecasts",
            [
                accuracy.score_table(f"Scores over {describe_scope(block)}", block["overall"]),
                accuracy.explain_scores(),
                accuracy.errors_by_step(_by_step(block, model), model, accuracy.SCALED_UNIT),
                *_by_cutoff(block, model),
            ],
        ),
        accuracy.calibration_section(scores.reliability(content.rows), metrics),
        Section("errors", "Errors", [*_describe_omitted_series(block, model), *accuracy.residual_parts(content.rows)]),
    ]
    if len(content.table) > 1:
        caption = f"All {plural(len(content.table), 'series')}, over all cutoffs"
        sections.append(Section("series", "All series", [accuracy.series_listing(content.table, caption)]))
    configuration: list[Part] = [Text(describe_plan(block)), Code("config.yaml", content.config)]
    sections.append(Section("origin", "Configuration", configuration))
    return Page(
        kind="Backtest",
        name=content.name,
        verdict=verdict_sentence(dict(content.metrics), model, more="--folds {}"),
        facts={
            "Model": model,
            "Forecasts": f"{block['forecasts']:,}",
            "Horizon": plural(block["horizon"], "step"),
            "Series": f"{block['series']:,}",
            **accuracy.metric_facts(metrics, "mase", "smape", "coverage80"),
            "First cutoff": timestamp(block["cutoff"]["first"]),
        },
        sections=[section for section in sections if section is not None],
        drawn_series=drawn_series,
        series_count=len(content.table),
        note=describe_selection(content.selection, len(content.table)),
        remarks=describe_omissions(block),
    )


def _describe_omitted_series(block: Mapping[str, Any], model: str) -> list[Text]:
    """List the series that the charts of scaled errors omit, because metrics.json has no scale for them."""
    listed = [models for models in block["by_series"].values() if model in models]
    scaled = sum(bool(models[model]["mase"] and models[model]["mae"]) for models in listed)
    omitted = []
    if block["unlisted"]:
        omitted.append(f"the {block['unlisted']:,} best ones, because metrics.json does not list their scores")
    if len(listed) > scaled:
        omitted.append(f"{len(listed) - scaled:,} whose errors have no scale")
    if not omitted or not scaled:
        return []
    return [Text(f"These charts show {plural(scaled, 'series')}. They omit {' and '.join(omitted)}.")]


def describe_plan(block: Mapping[str, Any]) -> str:
    """Describe the cutoffs, and when the model was fitted.

    Args:
        block: `backtest` of metrics.json.
    """
    text = f"{describe_scope(block).capitalize()}, {describe_cutoffs(block['cutoff'])}"
    text += f", {plural(block['stride'], 'step')} apart." if block["folds"] > 1 else "."
    if block["refit"] == 1:
        text += " The model was fitted again for every fold."
    elif block["refit"]:
        text += f" The model was fitted again every {plural(block['refit'], 'fold')}."
    else:
        text += " The model was fitted once, before the first cutoff."
    if block["window"]:
        text += f" Each forecast used only the last {plural(block['window'], 'step')}."
    return text


def describe_omissions(block: Mapping[str, Any]) -> list[str]:
    """Describe the series without a score, and the forecasts that are fallbacks."""
    remarks = []
    if block["unscored"]:
        remarks.append(f"{block['unscored']:,} series are too short for every fold, so they have no score.")
    if block.get("fallbacks"):
        remarks.append(
            f"{block['fallbacks']:,} of {plural(block['forecasts'], 'forecast')} are fallbacks, because the model could"
            " not be fitted."
        )
    return remarks


def cutoffs_chart(drawn_series: Sequence[DrawnSeries], model: str) -> Chart:
    """Chart the forecasts from several cutoffs over the actual values."""
    kind = time_axis_kind(drawn_series[0].columns["actual.ds"])
    return Chart(
        "folds",
        "Forecasts of each cutoff beside the actual values",
        "",
        [
            areas("80 % interval", "band.ds", "band.y", MODEL, opacity=0.2),
            line(model, "forecast.ds", "forecast.y", MODEL),
            line("actual", "actual.ds", "actual.y", TRUTH, width=1.6),
        ],
        axes("", "", height=400, x_kind=kind),
        {"time": "forecast.ds", model: "forecast.y", "80 % from": "forecast.low80", "80 % to": "forecast.high80"},
    )


def draw_cutoffs(rows: pd.DataFrame, selection: Sequence[SelectedSeries], model: str) -> list[DrawnSeries]:
    """Return the columns and sentences of the selected series, with their last cutoffs."""
    rows_of_series = dict(iter(rows.groupby("unique_id", sort=False)))
    drawn_series = []
    for series in selection:
        folds = [fold for _, fold in rows_of_series[series.name].groupby("cutoff", sort=False)][-_MAX_CUTOFFS_DRAWN:]
        visible = pd.concat(folds)
        actual = visible.drop_duplicates("ds").sort_values("ds")
        columns = {
            **_forecast_columns(folds),
            "actual.ds": [drop_offset(stamp) for stamp in actual["ds"]],
            "actual.y": actual["y"].to_numpy(np.float64),
        }
        summaries = {"folds": _describe_folds(visible, model, len(folds))}
        drawn_series.append(DrawnSeries(series.name, series.group, columns, summaries))
    return drawn_series


def _forecast_columns(folds: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Join the forecasts, with a gap after each one, and their intervals as polygons."""
    ds: list[Any] = []
    band: list[Any] = []
    values: dict[str, list[Any]] = {scores.MEDIAN: [], "q0.1": [], "q0.9": []}
    edge: list[Any] = []
    for fold in folds:
        stamps = [drop_offset(stamp) for stamp in fold["ds"]]
        low, high = fold["q0.1"].tolist(), fold["q0.9"].tolist()
        ds += [*stamps, None]
        for name, column in values.items():
            column += [*fold[name].tolist(), np.nan]
        band += [*stamps, *stamps[::-1], None]
        edge += [*low, *high[::-1], np.nan]
    return {
        "forecast.ds": ds,
        "forecast.y": np.array(values[scores.MEDIAN]),
        "forecast.low80": np.array(values["q0.1"]),
        "forecast.high80": np.array(values["q0.9"]),
        "band.ds": band,
        "band.y": np.array(edge),
    }


def _describe_folds(rows: pd.DataFrame, model: str, folds: int) -> str:
    known = rows[rows["y"].notna()]
    if not len(known):
        return "This series has no actual values to compare the forecasts with."
    error = float((known[scores.MEDIAN] - known["y"]).abs().mean())
    coverage = float(((known["y"] >= known["q0.1"]) & (known["y"] <= known["q0.9"])).mean())
    return (
        f"From {plural(folds, 'cutoff')}, the mean absolute error of {model} is {number(error)};"
        f" the 80 % interval covers {share(coverage)} of {plural(len(known), 'value')}."
    )


def _by_step(block: Mapping[str, Any], model: str) -> dict[str, Any]:
    baselines = [name for name in scores.BASELINES if name in block["overall"]]
    return {
        "step": [int(step) for step in block["by_step"]],
        **{name: _mase(block["by_step"], name) for name in baselines},
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
    traces.append(line_with_markers(model, "cutoff", "model", MODEL))
    mase = columns["model"]
    summary = "The errors of single cutoffs have no scale here."
    if not np.isnan(mase).all():
        worst, best = int(np.nanargmax(mase)), int(np.nanargmin(mase))
        summary = (
            f"{model} was best from cutoff {columns['cutoff'][best]}, with a MASE of {number(float(mase[best]))},"
            f" and worst from {columns['cutoff'][worst]}, with {number(float(mase[worst]))}."
        )
    layout = axes("cutoff", "MASE", x_kind="category", yaxis={"rangemode": "tozero"})
    numbers = {"cutoff": "cutoff", model: "model", "seasonal naive": "seasonal_naive", "naive": "naive"}
    return [Chart("cutoffs", "Error by cutoff", summary, traces, layout, numbers, columns)]


def _mase(cut: Mapping[str, Any], model: str) -> Any:
    return np.array([models[model]["mase"] for models in cut.values()], np.float64)
