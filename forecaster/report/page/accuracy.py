"""Sections on how good forecasts were, of rows that hold forecasts beside what came true (see `evaluation.rows`)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation import scored_rows as scores
from forecaster.evaluation.metrics import LEVELS, METRICS, Detail, columns
from forecaster.report.page.charts import MODEL, NAIVE, QUIET, SEASONAL, axes, band, bars, counted, line, marked
from forecaster.report.page.parts import Chart, Listing, Section, Table, Text
from forecaster.report.words import SCALE_IN_WORDS, metric_cell, number, plural, share

SCALED = "/ seasonal change"  # the unit of errors that are told as MASE tells them
_BINS = 40
_MANY = 500  # errors, of which the farthest 1 in 100 are not drawn


def score_table(caption: str, models: Mapping[str, Mapping[str, float | None]], first: str = "Model") -> Table:
    """A row of metrics for each name."""
    metrics = [metric for metric in columns(Detail.PAGE) if any(metric.name in each for each in models.values())]
    rows = [
        [name, *(metric_cell(metric, values.get(metric.name)) for metric in metrics)] for name, values in models.items()
    ]
    return Table(caption, [first, *(metric.title for metric in metrics)], rows)


def metric_facts(scores: Mapping[str, float | None], *names: str) -> dict[str, str]:
    """Return metrics by their titles, as a page shows them among its facts."""
    return {METRICS[name].title: metric_cell(METRICS[name], scores[name]) for name in names}


def explain_scores(*, is_brief: bool = False) -> Text:
    """Describe the columns of a score table, or of a leaderboard, which has fewer, if `is_brief` is True."""
    metrics = columns(Detail.LEADERBOARD if is_brief else Detail.PAGE)
    descriptions = " ".join(metric.description for metric in metrics if metric.description)
    return Text(
        f"{descriptions} Lower is better for all of them. An interval should cover the share of the actual values that"
        " its name says: if it covers less, it is too narrow. Naive forecasts repeat the last value, seasonal naive"
        " ones the last season."
    )


def steps_chart(rows: pd.DataFrame, model: str) -> Chart:
    """Error by step of the horizon, beside the naive forecasts."""
    table = scores.by_step(rows)
    unit = unit_of(rows)
    columns = {
        "step": table.index.to_numpy(),
        **{name: table[name].to_numpy() for name in ("model", *scores.BASELINES)},
    }
    return errors_by_step(columns, model, unit)


def errors_by_step(columns: Mapping[str, Any], model: str, unit: str) -> Chart:
    """The same of columns `step`, `model`, `seasonal_naive` and `naive`."""
    known = {name: np.asarray(columns[name], np.float64) for name in ("model", *scores.BASELINES) if name in columns}
    known = {name: values for name, values in known.items() if not np.isnan(values).all()}
    traces = []
    if "naive" in known and model != "naive":
        traces.append(line("naive", "step", "naive", NAIVE))
    if "seasonal_naive" in known and model != "seasonal_naive":
        traces.append(line("seasonal naive", "step", "seasonal_naive", SEASONAL))
    traces.append(
        marked(model, "step", "model", MODEL) if len(columns["step"]) < 60 else line(model, "step", "model", MODEL)
    )
    own = known.get("model", np.array([np.nan]))
    seen = f"The error of {model} is {_told(own[0])} at step 1"
    if len(own) > 1:
        seen += f" and {_told(own[-1])} at step {len(own)}"
    if "seasonal_naive" in known and model != "seasonal_naive":
        lower = int((own < known["seasonal_naive"]).sum())
        seen += f"; it is below that of seasonal naive at {lower} of {plural(len(own), 'step')}"
    if unit:
        seen += f", {SCALE_IN_WORDS}"
    return Chart(
        "steps",
        "Error by step of the horizon",
        f"{seen}. Lower is better.",
        traces,
        axes(
            "step of the horizon",
            f"error {unit}".strip(),
            xaxis=counted(columns["step"]),
            yaxis={"rangemode": "tozero"},
        ),
        {"step": "step", model: "model", "seasonal naive": "seasonal_naive", "naive": "naive"},
        columns,
    )


def residual_parts(rows: pd.DataFrame) -> list[Chart | Text]:
    """How errors are spread, and how that changes over the horizon."""
    known = rows[rows["y"].notna()]
    if not len(known):
        return [Text("Nothing was observed that forecasts could be held against.")]
    unit = unit_of(rows)
    residual = (known["y"] - known["mean"]).to_numpy(np.float64) / scores.divisor(known)
    residual = residual[~np.isnan(residual)]
    low, first, third, high = np.quantile(residual, [0.005, 0.25, 0.75, 0.995])
    side = "too low" if residual.mean() > 0 else "too high"
    told = f", {SCALE_IN_WORDS}" if unit else ""
    seen = (
        f"Half of the {plural(len(residual), 'error')} (actual less forecast) lie between {_told(first)} and"
        f" {_told(third)}; forecasts were {_told(abs(residual.mean()))} {side} on average{told}."
    )
    inside = residual[(residual >= low) & (residual <= high)] if len(residual) >= _MANY and high > low else residual
    count, edges = np.histogram(inside, min(_BINS, max(5, int(np.sqrt(len(inside)) * 2))))
    if len(inside) < len(residual):
        seen += f" The {len(residual) - len(inside):,} farthest, 1 in 100, are not drawn."
    histogram = Chart(
        "residuals",
        "Errors",
        seen,
        [bars("errors", "error", "count", MODEL)],
        axes(f"(actual - forecast) {unit}" if unit else "actual - forecast", "how many", bargap=0.04),
        {"error": "error", "how many": "count"},
        {"error": (edges[1:] + edges[:-1]) / 2, "count": count},
    )
    table = scores.by_step(rows)
    if len(table) < 2:
        return [histogram]
    several = bool((known.groupby("step").size() > 2).any())
    worst = int(table["middle"].abs().argmax())
    lies = f"The median error is farthest from 0 at step {table.index[worst]}: {_told(table['middle'].iloc[worst])}."
    traces = [*(band("8 in 10 errors", "step", "low", "high", MODEL, opacity=0.22) if several else [])]
    traces.append(marked("median error" if several else "error", "step", "middle", MODEL))
    course = Chart(
        "course",
        "Errors over the horizon",
        lies if several else lies.replace("The median error", "The error"),
        traces,
        axes("step of the horizon", f"error {unit}".strip(), xaxis=counted(table)),
        {"step": "step", "1 in 10 below": "low", "median": "middle", "1 in 10 above": "high"},
        {"step": table.index.to_numpy(), **{name: table[name].to_numpy() for name in ("low", "middle", "high")}},
    )
    return [histogram, course]


def calibration_section(
    reliability: Mapping[float, float], coverage: Mapping[str, float | None] | None = None, *, note: str = ""
) -> Section:
    """Whether intervals hold what they say.

    Args:
        reliability: the share of actuals at or below each quantile.
        coverage: shares that intervals held, `coverage80` and `coverage80_error` ..., where they are known.
        note: a further sentence.
    """
    parts: list[Any] = []
    known = {p: held for p, held in reliability.items() if held is not None}
    if not known:
        return Section(
            "calibration", "Calibration", [Text("Nothing came true yet that intervals could be held against.")]
        )
    worst = max(known, key=lambda p: abs(known[p] - p))
    seen = (
        f"On the dashed line, quantiles would be exact. The farthest from it is the {100 * worst:g} % quantile:"
        f" {share(known[worst])} of what came true lies at or below it."
    )
    parts.append(
        Chart(
            "calibration",
            "What quantiles held",
            f"{seen} {note}".strip(),
            [
                line("exact", "exact", "exact", QUIET, width=1.5, dash="dash"),
                marked("forecast", "asked", "held", MODEL),
            ],
            axes(
                "quantile, %",
                "actuals at or below it, %",
                height=380,
                xaxis={"range": [0, 100]},
                yaxis={"range": [0, 100]},
                hovermode="closest",
            ),
            {"quantile, %": "asked", "at or below, %": "held"},
            {
                "exact": [0, 100],
                "asked": [100 * p for p in known],
                "held": [100 * held for held in known.values()],
            },
        )
    )
    levels = [level for level in LEVELS if coverage and coverage.get(f"coverage{level}") is not None]
    if coverage and levels:
        rows = []
        for level in levels:
            error = coverage.get(f"coverage{level}_error")
            by_chance = (
                [] if coverage.get("coverage80_error") is None else ["-" if error is None else f"± {share(error)}"]
            )
            rows.append([f"{level} %", share(coverage[f"coverage{level}"]), *by_chance])
        head = ["Interval", "held", *(["error by chance"] if coverage.get("coverage80_error") is not None else [])]
        parts.append(Table("How much of what came true each interval held", head, rows))
    return Section("calibration", "Calibration", parts)


def series_listing(table: pd.DataFrame, caption: str) -> Listing:
    """All series in a table, the worst first, by what `evaluation.rows.by_series` gives."""
    titles = {
        "mase": METRICS["mase"].title,
        "seasonal_naive": "seasonal naive",
        "smape": METRICS["smape"].title,
        "mae": METRICS["mae"].title,
        "bias": "bias",
        "coverage80": f"{METRICS['coverage80'].title}, %",
    }
    values_by_title: dict[str, Any] = {"series": [str(name) for name in table.index]}
    for name, title in titles.items():
        values = table[name].to_numpy(np.float64) * (100 if name == "coverage80" else 1)
        if not np.isnan(values).all():
            values_by_title[title] = values
    order = next((titles[name] for name in ("mase", "smape") if titles[name] in values_by_title), None)
    return Listing(caption, values_by_title, order)


def unit_of(rows: pd.DataFrame) -> str:
    """In what errors are told."""
    return SCALED if scores.has_scale(rows) else ""


def _told(value: float) -> str:
    return "unknown" if np.isnan(value) else number(float(value))
