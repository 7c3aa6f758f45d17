"""The page of a job: its newest forecast, the accuracy of its forecasts so far, and its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.durations import format_duration
from forecaster.evaluation import scored_rows as scores
from forecaster.report.page import accuracy
from forecaster.report.page.charts import (
    MODEL,
    TRUTH,
    axes,
    band,
    drop_offset,
    line,
    line_with_markers,
    time_axis_kind,
)
from forecaster.report.page.job_scores import anomaly_parts, score_parts
from forecaster.report.page.job_sources import sources_section
from forecaster.report.page.newest import newest_columns, newest_section
from forecaster.report.page.parts import Chart, DrawnSeries, Facts, Page, Section, Table, Text
from forecaster.report.page.series_selection import SelectedSeries, describe_selection
from forecaster.report.verdicts import drift_sentence
from forecaster.report.words import number, plural, share, timestamp

_MAX_RUNS = 30  # rows of the table


@dataclass(frozen=True)
class JobContent:
    """Everything that the page of a job shows.

    Attributes:
        job: the name of the job.
        scores: the document that `forecast ledger score --json` prints.
        runs: rows of the ledger's table of runs, the newest first, with `details` parsed.
        rows: forecasts beside actual values as in `evaluation.scored_rows`, in the order of their runs; a part of the
            series if there are many.
        selection: the series to draw.
        newest: the forecasts of the newest run for these series, see `store.ledger.newest`.
        actuals: the actual values of these series before and since that run.
        series: number of series that the job has forecast.
    """

    job: str
    scores: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]
    rows: pd.DataFrame
    selection: Sequence[SelectedSeries]
    newest: pd.DataFrame
    actuals: pd.DataFrame
    series: int


def compose_job_page(content: JobContent) -> Page:
    """Compose the page of a job."""
    document = content.scores
    drawn_series = _draw_series(content)
    model = next((str(run["model"]) for run in content.runs if run["model"]), "-")
    forecast = _forecast_section(drawn_series, model)
    if document["overall"] is None:
        return Page(
            kind="Job",
            name=content.job,
            verdict=f"No forecast of {content.job} can be scored yet, because no actual values are known.",
            facts=_facts(content, model),
            sections=[
                section
                for section in (forecast, sources_section(document), _runs_section(content))
                if section is not None
            ],
            drawn_series=drawn_series,
            series_count=content.series,
            note=_describe_part(len(drawn_series), content.series),
        )
    sections = [
        forecast,
        Section("recent", "Past forecasts", [_recent_chart(drawn_series)]) if len(content.rows) else None,
        Section("scores", "Accuracy", score_parts(document, model)),
        sources_section(document),
        accuracy.calibration_section(scores.reliability(content.rows), document["overall"]),
        Section("errors", "Errors", accuracy.residual_parts(content.rows)),
        Section("drift", "Drift and anomalies", [Text(drift_sentence(document["drift"])), *anomaly_parts(document)]),
        _series_section(document),
        _runs_section(content),
    ]
    series = len(document["by_series"]) + document["unlisted"]
    return Page(
        kind="Job",
        name=content.job,
        verdict=describe_job(document),
        facts=_facts(content, model),
        sections=[section for section in sections if section is not None],
        drawn_series=drawn_series,
        series_count=series,
        note=describe_selection(content.selection, series),
    )


def _describe_part(drawn_count: int, series: int) -> str:
    return f"You can choose from {drawn_count:,} of {series:,} series." if drawn_count < series else ""


def describe_job(document: Mapping[str, Any]) -> str:
    """Say how recent forecasts compare with naive ones, and whether their errors are rising.

    Args:
        document: the scores, see `JobContent`.
    """
    overall, job = document["overall"], document["job"]
    skills = {"seasonal naive": overall["skill"], "naive": overall["skill_naive"]}
    known = {name: value for name, value in skills.items() if value is not None}
    unbeaten = [name for name, value in known.items() if value <= 0]
    since = timestamp(document["since"])
    if not known:
        error = number(overall["mae"])
        text = f"Since {since}, the mean absolute error of {job} is {error}; no naive forecast is there to compare with"
    elif unbeaten:
        text = f"Since {since}, the forecasts of {job} were no better than {' and '.join(unbeaten)}"
    else:
        gains = " and ".join(f"{share(value)} better than {name}" for name, value in known.items())
        text = f"Since {since}, the forecasts of {job} were {gains}"
    drift = document["drift"]
    if drift and drift["is_alarm"]:
        text += f"; their errors have been rising since {drift['since']}"
    return f"{text}."


def _facts(content: JobContent, model: str) -> dict[str, str]:
    overall = content.scores["overall"] or {}
    facts = {}
    if content.runs:
        newest = content.runs[0]
        facts = {
            "Last run": timestamp(str(newest["started"])[:16]),
            "Its status": f"{newest['details'].get('status') or '-'} (exit code {newest['code']})",
            "Model": model,  # of the newest forecast: the newest run may have made none
            "Runs": f"{len(content.runs):,}",
        }
    if overall:
        facts |= {
            "Forecasts scored": f"{overall['forecasts']:,}",
            **accuracy.metric_facts(overall, "mase", "coverage80"),
            "Bias": number(overall["bias"]),
        }
    return facts


def _forecast_section(drawn_series: Sequence[DrawnSeries], model: str) -> Section | None:
    columns = {name for series in drawn_series for name in series.columns}
    stamps = [series.columns["future.ds"][0] for series in drawn_series if "future.ds" in series.columns]
    return newest_section(columns, stamps[0], model) if stamps else None


def _recent_chart(drawn_series: Sequence[DrawnSeries]) -> Chart:
    kind = next(time_axis_kind(series.columns["ds"]) for series in drawn_series if "ds" in series.columns)
    return Chart(
        "recent",
        "Latest forecast for each time beside the actual values",
        "",
        [
            *band("80 % interval", "ds", ("low80", "high80"), opacity=0.2),
            line("forecast", "ds", "median", MODEL),
            line_with_markers("actual", "ds", "y", TRUTH, width=1.6),
        ],
        axes("", "", height=400, x_kind=kind),
        {"time": "ds", "actual": "y", "forecast": "median", "80 % from": "low80", "80 % to": "high80"},
    )


def _draw_series(content: JobContent) -> list[DrawnSeries]:
    rows, newest, actuals = (
        dict(iter(frame.groupby("unique_id", sort=False))) for frame in (content.rows, content.newest, content.actuals)
    )
    drawn_series = []
    for series in content.selection:
        columns: dict[str, Any] = {}
        summaries: dict[str, str] = {}
        if series.name in newest:
            known = actuals.get(series.name, content.actuals[:0])
            columns, summaries["future"] = newest_columns(newest[series.name], known)
        if series.name in rows:
            recent, summaries["recent"] = _recent_columns(rows[series.name])
            columns |= recent
        if columns:
            drawn_series.append(DrawnSeries(series.name, series.group, columns, summaries))
    return drawn_series


def _recent_columns(rows: pd.DataFrame) -> tuple[dict[str, Any], str]:
    rows = rows.drop_duplicates("ds", keep="last").sort_values("at")
    covered = int(((rows["y"] >= rows["q0.1"]) & (rows["y"] <= rows["q0.9"])).sum())
    error = float((rows["q0.5"] - rows["y"]).abs().mean())
    first, last = timestamp(rows["ds"].iloc[0]), timestamp(rows["ds"].iloc[-1])
    summary = (
        f"From {first} to {last}, the 80 % interval covers {covered} of {plural(len(rows), 'actual value')};"
        f" the mean absolute error of the latest forecast for each time is {number(error)}."
    )
    columns = {
        "ds": [drop_offset(stamp) for stamp in rows["ds"]],
        "y": rows["y"].to_numpy(np.float64),
        "median": rows["q0.5"].to_numpy(np.float64),
        "low80": rows["q0.1"].to_numpy(np.float64),
        "high80": rows["q0.9"].to_numpy(np.float64),
    }
    return columns, summary


def _series_section(document: Mapping[str, Any]) -> Section | None:
    series = document["by_series"]
    if len(series) < 2:
        return None
    table = pd.DataFrame.from_dict(dict(series), orient="index").astype(float)
    table = table.rename_axis("unique_id").assign(seasonal_naive=np.nan, smape=np.nan)
    caption = f"{plural(len(series), 'series')}, the worst first"
    if document["unlisted"]:
        caption += f"; {document['unlisted']:,} better ones are not listed"
    return Section("series", "All series", [accuracy.series_listing(table, caption)])


def _runs_section(content: JobContent) -> Section:
    if not content.runs:
        return Section("runs", "Runs", [Text("The job has not run yet.")])
    rows = [
        [
            timestamp(str(run["started"])[:16]),
            str(run["details"].get("status") or "-"),
            str(run["code"]),
            str(run["model"] or "-"),
            timestamp(run["cutoff"] or "-"),
            f"{run['series']:,}",
            "-" if run["seconds"] is None else format_duration(run["seconds"]),
        ]
        for run in content.runs[:_MAX_RUNS]
    ]
    caption = "Runs, the newest first" + (
        f": {_MAX_RUNS} of {len(content.runs):,}" if len(content.runs) > _MAX_RUNS else ""
    )
    head = ["Started", "Status", "Exit code", "Model", "Data until", "Series", "Time"]
    origin = Facts("Origin of these numbers", {"ledger": str(content.scores["ledger"])})
    return Section("runs", "Runs", [Table(caption, head, rows), origin])
