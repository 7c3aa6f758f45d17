"""The page of a job: what came true of its forecasts, and how its runs ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.durations import format_duration
from forecaster.evaluation import scored_rows as scores
from forecaster.evaluation.metrics import METRICS
from forecaster.report.page import accuracy
from forecaster.report.page.charts import MODEL, TRUTH, axes, band, bare, line, marked, time_kind
from forecaster.report.page.newest import newest_columns, newest_section
from forecaster.report.page.parts import Chart, Drawn, Facts, Page, Section, Table, Text
from forecaster.report.page.picks import Pick, note
from forecaster.report.verdicts import drift_sentence
from forecaster.report.words import number, plural, share, timestamp

_RUNS, _ANOMALIES = 30, 20  # that are listed


@dataclass(frozen=True)
class Operated:
    """All that a page tells of a job.

    Attributes:
        scores: the document of `forecast ledger score`.
        runs: rows of the ledger's table, the newest first, `details` parsed.
        rows: forecasts beside actuals as in `evaluation.rows`, in the order of their runs; of some series where there
            are many.
        picks: the series to draw.
        newest, actuals: forecasts of the newest run, and what came true before and since, of these series; see
            `store.ledger.newest`.
        series: how many the job has forecast.
    """

    job: str
    scores: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]
    rows: pd.DataFrame
    picks: Sequence[Pick]
    newest: pd.DataFrame
    actuals: pd.DataFrame
    series: int


def compose(found: Operated) -> Page:
    """Put the page together."""
    document = found.scores
    drawn = _draw(found)
    model = next((str(run["model"]) for run in found.runs if run["model"]), "the model")
    forecast = [_forecast_section(drawn, model)]
    if document["overall"] is None:
        return Page(
            kind="Job",
            name=found.job,
            verdict=f"No forecast of {found.job} has come true yet.",
            facts=_facts(found),
            sections=[section for section in (*forecast, _runs_section(found)) if section is not None],
            drawn=drawn,
            series=found.series,
            note=f"Drawn are {len(drawn):,} of {found.series:,} series." if len(drawn) < found.series else "",
        )
    sections = [
        *forecast,
        Section("recent", "Forecasts and what came true", [_recent_chart(drawn)]) if len(found.rows) else None,
        Section("scores", "How good they were", _score_parts(document, model)),
        accuracy.calibration_section(scores.reliability(found.rows), document["overall"]),
        Section("errors", "Residuals", accuracy.residual_parts(found.rows)),
        Section("drift", "Drift and anomalies", [Text(drift_sentence(document["drift"])), *_anomalies(document)]),
        _series_section(document),
        _runs_section(found),
    ]
    return Page(
        kind="Job",
        name=found.job,
        verdict=describe(document),
        facts=_facts(found),
        sections=[section for section in sections if section is not None],
        drawn=drawn,
        series=len(document["by_series"]) + document["unlisted"],
        note=note(found.picks, len(document["by_series"]) + document["unlisted"]),
    )


def describe(document: Mapping[str, Any]) -> str:
    """The verdict: whether recent forecasts were better than naive ones, and whether errors drift."""
    overall, job = document["overall"], document["job"]
    skills = {"seasonal naive": overall["skill"], "naive": overall["skill_naive"]}
    known = {name: value for name, value in skills.items() if value is not None}
    worse = [name for name, value in known.items() if value <= 0]
    told = f"Since {timestamp(document['since'])}, the forecasts of {job} were "
    if not known:
        told += f"off by {number(overall['mae'])} on average, which cannot be compared with naive ones"
    elif worse:
        told += f"no better than {' and '.join(worse)}"
    else:
        told += " and ".join(f"{share(value)} better than {name}" for name, value in known.items())
    drift = document["drift"]
    if drift and drift["is_alarm"]:
        told += f"; their errors have been rising since {drift['since']}"
    return f"{told}."


def _facts(found: Operated) -> dict[str, str]:
    overall = found.scores["overall"] or {}
    facts = {}
    if found.runs:
        newest = found.runs[0]
        facts = {
            "Last run": timestamp(str(newest["started"])[:16]),
            "It ended": f"{newest['details'].get('status') or '-'} ({newest['code']})",
            "Model": str(newest["model"] or "-"),
            "Runs": f"{len(found.runs):,}",
        }
    if overall:
        facts |= {
            "Forecasts scored": f"{overall['forecasts']:,}",
            **accuracy.metric_facts(overall, "mase", "coverage80"),
            "Bias": number(overall["bias"]),
        }
    return facts


def _forecast_section(drawn: Sequence[Drawn], model: str) -> Section | None:
    columns = {name for each in drawn for name in each.columns}
    stamps = [each.columns["future.ds"][0] for each in drawn if "future.ds" in each.columns]
    return newest_section(columns, stamps[0], model) if stamps else None


def _recent_chart(drawn: Sequence[Drawn]) -> Chart:
    kind = next(time_kind(each.columns["ds"]) for each in drawn if "ds" in each.columns)
    return Chart(
        "recent",
        "The last forecast of each time beside what came true",
        "",
        [
            *band("80 %", "ds", "low80", "high80", MODEL, opacity=0.2),
            line("forecast", "ds", "mean", MODEL),
            marked("came true", "ds", "y", TRUTH, width=1.6),
        ],
        axes("", "", height=400, x_kind=kind),
        {"time": "ds", "came true": "y", "forecast": "mean", "80 % from": "low80", "80 % to": "high80"},
    )


def _draw(found: Operated) -> list[Drawn]:
    of_series, newest, actuals = (
        dict(iter(frame.groupby("unique_id", sort=False))) for frame in (found.rows, found.newest, found.actuals)
    )
    drawn = []
    for each in found.picks:
        columns: dict[str, Any] = {}
        seen: dict[str, str] = {}
        if each.name in newest:
            known = actuals.get(each.name, found.actuals[:0])
            columns, seen["future"] = newest_columns(newest[each.name], known)
        if each.name in of_series:
            told, seen["recent"] = _recent_columns(of_series[each.name])
            columns |= told
        if columns:
            drawn.append(Drawn(each.name, each.group, columns, seen))
    return drawn


def _recent_columns(rows: pd.DataFrame) -> tuple[dict[str, Any], str]:
    rows = rows.drop_duplicates("ds", keep="last").sort_values("at")
    inside = int(((rows["y"] >= rows["q0.1"]) & (rows["y"] <= rows["q0.9"])).sum())
    error = float((rows["mean"] - rows["y"]).abs().mean())
    first, last = timestamp(rows["ds"].iloc[0]), timestamp(rows["ds"].iloc[-1])
    seen = (
        f"Of {plural(len(rows), 'actual')} from {first} to {last}, {inside} lie"
        f" inside the 80 % interval; the last forecast made for each was off by {number(error)} on average."
    )
    columns = {
        "ds": [bare(stamp) for stamp in rows["ds"]],
        "y": rows["y"].to_numpy(np.float64),
        "mean": rows["mean"].to_numpy(np.float64),
        "low80": rows["q0.1"].to_numpy(np.float64),
        "high80": rows["q0.9"].to_numpy(np.float64),
    }
    return columns, seen


def _score_parts(document: Mapping[str, Any], model: str) -> list[Any]:
    parts: list[Any] = [
        _cut_table("In all and by model", {"all": document["overall"], **document["by_model"]}, "Forecasts of"),
        Text(
            f"{METRICS['mase'].description} {METRICS['mae'].description} Lower is better for both. Bias is the forecast"
            " less what came true, on average: above 0, forecasts were too high. Skill is how much lower the MASE is"
            " than that of a forecast that repeats the last season, v. naive than that of one that repeats the last"
            " value; below 0, that would have done better. An interval should cover the share of the actual values that"
            " its name says."
        ),
    ]
    steps = document["by_step"]
    if len(steps) > 1:
        mase = np.array([each["mase"] for each in steps.values()], np.float64)
        columns = {"step": [int(step) for step in steps], "model": mase}
        parts.append(accuracy.errors_by_step(columns, model, accuracy.SCALED))
    weeks = document["by_week"] or {}
    if len(weeks) > 1:
        parts.append(_weeks_chart(weeks))
    return parts


def _weeks_chart(weeks: Mapping[str, Mapping[str, Any]]) -> Chart:
    names = list(weeks)
    mase = np.array([each["mase"] for each in weeks.values()], np.float64)
    seen = "Nothing is known of single weeks."
    if not np.isnan(mase).all():
        worst = int(np.nanargmax(mase))
        seen = f"The worst week was {names[worst]}, with a MASE of {number(float(mase[worst]))}."
    return Chart(
        "weeks",
        "Error by week",
        seen,
        [marked("MASE", "week", "mase", MODEL)],
        axes("week", "MASE", x_kind="category", yaxis={"rangemode": "tozero"}),
        {"week": "week", "MASE": "mase", f"{METRICS['coverage80'].title}, %": "coverage80"},
        {
            "week": names,
            "mase": mase,
            "coverage80": 100 * np.array([each["coverage80"] for each in weeks.values()], np.float64),
        },
    )


def _cut_table(caption: str, cut: Mapping[str, Mapping[str, Any]], first: str) -> Table:
    errors, coverages = ("mase", "mae"), ("coverage50", "coverage80", "coverage95")
    titles = {name: METRICS[name].title for name in (*errors, *coverages)}
    head = [first, "how many", *(titles[name] for name in errors), "bias", "skill", "v. naive"]
    head += [titles[name] for name in coverages]
    rows = [
        [
            name,
            f"{each['forecasts']:,}",
            *(number(each[key]) for key in (*errors, "bias")),
            *(share(each[key]) for key in ("skill", "skill_naive", *coverages)),
        ]
        for name, each in cut.items()
    ]
    return Table(caption, head, rows)


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


def _anomalies(document: Mapping[str, Any]) -> list[Any]:
    block = document["anomalies"]
    level = block["level"]
    if not block["count"]:
        return [Text(f"No actual lies outside the {level} % interval.")]
    rows = [
        [row["unique_id"], timestamp(row["ds"]), *(number(row[key]) for key in ("y", "lower", "upper", "excess"))]
        for row in block["listed"][:_ANOMALIES]
    ]
    caption = f"{plural(block['count'], 'actual')} outside the {level} % interval"
    caption += ", the farthest" if block["count"] > len(rows) else ""
    return [Table(caption, ["Series", "Time", "came true", "from", "to", "beyond"], rows)]


def _runs_section(found: Operated) -> Section:
    if not found.runs:
        return Section("runs", "Runs", [Text("No run yet.")])
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
        for run in found.runs[:_RUNS]
    ]
    caption = "Runs, the newest first" + (f": {_RUNS} of {len(found.runs):,}" if len(found.runs) > _RUNS else "")
    head = ["Started", "Status", "Code", "Model", "Data until", "Series", "Time"]
    where = Facts("Where this comes from", {"ledger": str(found.scores["ledger"])})
    return Section("runs", "Runs", [Table(caption, head, rows), where])
