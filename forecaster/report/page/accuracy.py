"""The sections on accuracy, from rows of forecasts beside actual values (see `evaluation.scored_rows`)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation import scored_rows as scores
from forecaster.evaluation.metric_table import METRICS, Detail, columns
from forecaster.evaluation.metrics import LEVELS
from forecaster.report.page.charts import (
    MODEL,
    NAIVE,
    QUIET,
    SEASONAL,
    axes,
    band,
    bars,
    integer_ticks,
    line,
    line_with_markers,
)
from forecaster.report.page.parts import Chart, Listing, Section, Table, Text
from forecaster.report.words import SCALE_IN_WORDS, metric_cell, number, plural, share

SCALED_UNIT = "/ seasonal change"  # the unit of scaled errors, for the title of an axis
_MAX_BINS = 40
_MIN_ERRORS_TO_TRIM = 500  # the histogram of fewer errors keeps the most extreme 1 %
_MAX_STEPS_WITH_MARKERS = 59


def score_table(caption: str, models: Mapping[str, Mapping[str, float | None]], first: str = "Model") -> Table:
    """Return a table with a row of metrics for each model.

    Args:
        models: metrics by name, as metrics.json has them.
        first: the title of the column of names.
    """
    metrics = [metric for metric in columns(Detail.PAGE) if any(metric.name in values for values in models.values())]
    rows = [
        [name, *(metric_cell(metric, values.get(metric.name)) for metric in metrics)] for name, values in models.items()
    ]
    return Table(caption, [first, *(metric.title for metric in metrics)], rows)


def metric_facts(scores: Mapping[str, float | None], *names: str) -> dict[str, str]:
    """Return metrics by title, for the facts at the top of a page."""
    return {METRICS[name].title: metric_cell(METRICS[name], scores[name]) for name in names}


def explain_scores(*, is_brief: bool = False) -> Text:
    """Explain the columns of a score table.

    Args:
        is_brief: if True, explain the columns of a leaderboard, which has fewer.
    """
    metrics = columns(Detail.LEADERBOARD if is_brief else Detail.PAGE)
    descriptions = " ".join(metric.description for metric in metrics if metric.description)
    return Text(
        f"{descriptions} Lower is better, and for a bias closer to 0. An 80 % interval should cover about 80 % of the"
        " actual values; if it covers fewer, it is too narrow. naive repeats the last value, seasonal_naive the last"
        " season."
    )


def steps_chart(rows: pd.DataFrame, model: str) -> Chart:
    """Chart the error of each step of the horizon beside the naive forecasts, from rows."""
    table = scores.step_errors(rows)
    columns = {
        "step": table.index.to_numpy(),
        **{name: table[name].to_numpy() for name in ("model", *scores.BASELINES)},
    }
    return errors_by_step(columns, model, unit_of(rows))


def errors_by_step(columns: Mapping[str, Any], model: str, unit: str) -> Chart:
    """Chart the error of each step of the horizon beside the naive forecasts.

    Args:
        columns: `step`, `model`, and `seasonal_naive` and `naive` if they are known.
        unit: of the errors, see `unit_of`.
    """
    known = {name: np.asarray(columns[name], np.float64) for name in ("model", *scores.BASELINES) if name in columns}
    known = {name: values for name, values in known.items() if not np.isnan(values).all()}
    traces = []
    if "naive" in known and model != "naive":
        traces.append(line("naive", "step", "naive", NAIVE))
    if "seasonal_naive" in known and model != "seasonal_naive":
        traces.append(line("seasonal naive", "step", "seasonal_naive", SEASONAL))
    trace = line_with_markers if len(columns["step"]) <= _MAX_STEPS_WITH_MARKERS else line
    traces.append(trace(model, "step", "model", MODEL))
    return Chart(
        "steps",
        "Error by step of the horizon",
        _describe_steps(known, model, unit),
        traces,
        axes(
            "step of the horizon",
            f"error {unit}".strip(),
            xaxis=integer_ticks(columns["step"]),
            yaxis={"rangemode": "tozero"},
        ),
        {"step": "step", model: "model", "seasonal naive": "seasonal_naive", "naive": "naive"},
        columns,
    )


def _describe_steps(known: Mapping[str, Any], model: str, unit: str) -> str:
    errors = known.get("model", np.array([np.nan]))
    scale = f", {SCALE_IN_WORDS}" if unit else ""
    text = f"The mean absolute error of {model} is {_number(errors[0])} at step 1"
    if len(errors) > 1:
        text += f" and {_number(errors[-1])} at step {len(errors)}"
    text += f"{scale}."
    if "seasonal_naive" in known and model != "seasonal_naive":
        lower = int((errors < known["seasonal_naive"]).sum())
        text += f" It is lower than the error of seasonal naive at {lower} of {plural(len(errors), 'step')}."
    return text


def residual_parts(rows: pd.DataFrame) -> list[Chart | Text]:
    """Chart the distribution of the errors, and how it changes over the horizon."""
    known = rows[rows["y"].notna()]
    if not len(known):
        return [Text("No actual values are known yet, so there are no errors to show.")]
    unit = unit_of(rows)
    histogram = _error_histogram(known, unit)
    table = scores.step_errors(rows)
    if len(table) < 2:
        return [histogram]
    has_spread = bool((known.groupby("step").size() > 2).any())
    name = "median error" if has_spread else "error"
    worst = int(table["middle"].abs().argmax())
    traces = [*(band("80 % of errors", "step", ("low", "high"), opacity=0.22) if has_spread else [])]
    traces.append(line_with_markers(name, "step", "middle", MODEL))
    course = Chart(
        "course",
        "Errors over the horizon",
        f"The {name} is farthest from 0 at step {table.index[worst]}: {_number(table['middle'].iloc[worst])}.",
        traces,
        axes("step of the horizon", _residual_title(unit), xaxis=integer_ticks(table)),
        {"step": "step", "10 % lie below": "low", "median": "middle", "10 % lie above": "high"},
        {"step": table.index.to_numpy(), **{name: table[name].to_numpy() for name in ("low", "middle", "high")}},
    )
    return [histogram, course]


def _error_histogram(known: pd.DataFrame, unit: str) -> Chart:
    errors = (known["mean"] - known["y"]).to_numpy(np.float64) / scores.divisor(known)
    errors = errors[~np.isnan(errors)]
    low, first, third, high = np.quantile(errors, [0.005, 0.25, 0.75, 0.995])
    side = "too high" if errors.mean() > 0 else "too low"
    scale = f" Both are {SCALE_IN_WORDS}." if unit else ""
    summary = (
        f"The middle half of the {plural(len(errors), 'error')} (forecast minus actual) lies between {_number(first)}"
        f" and {_number(third)}; the forecasts are {_number(abs(errors.mean()))} {side} on average.{scale}"
    )
    can_trim = len(errors) >= _MIN_ERRORS_TO_TRIM and high > low
    inside = errors[(errors >= low) & (errors <= high)] if can_trim else errors
    count, edges = np.histogram(inside, min(_MAX_BINS, max(5, int(np.sqrt(len(inside)) * 2))))
    if len(inside) < len(errors):
        summary += f" The {len(errors) - len(inside):,} most extreme errors, 1 % of all, are not drawn."
    return Chart(
        "residuals",
        "Distribution of the errors",
        summary,
        [bars("errors", "error", "count", MODEL)],
        axes(_residual_title(unit), "number of errors", bargap=0.04),
        {"error": "error", "number of errors": "count"},
        {"error": (edges[1:] + edges[:-1]) / 2, "count": count},
    )


def calibration_section(
    reliability: Mapping[float, float], coverage: Mapping[str, float | None] | None = None, *, note: str = ""
) -> Section:
    """Chart the calibration of quantiles and intervals.

    Args:
        reliability: the share of actual values below each quantile; those equal to it count as calibrates it best.
        coverage: the share of actual values that each interval covered, `coverage80` and `coverage80_error` ..., as far
            as they are known.
        note: a further sentence.
    """
    known = {p: observed for p, observed in reliability.items() if observed is not None}
    if not known:
        text = "No actual values are known yet, so the intervals cannot be evaluated."
        return Section("calibration", "Calibration", [Text(text)])
    worst = max(known, key=lambda p: abs(known[p] - p))
    summary = (
        "Perfectly calibrated quantiles lie on the dashed line. The farthest from it is the"
        f" {100 * worst:g} % quantile: {share(known[worst])} of the actual values lie below it. Values equal to a"
        " quantile count as calibrates it best."
    )
    chart = Chart(
        "calibration",
        "Quantiles beside the actual values",
        f"{summary} {note}".strip(),
        [
            line("perfect", "exact", "exact", QUIET, width=1.5, dash="dash"),
            line_with_markers("forecast", "quantile", "observed", MODEL),
        ],
        axes(
            "quantile, %",
            "actual values below it, %",
            height=380,
            xaxis={"range": [0, 100]},
            yaxis={"range": [0, 100]},
            hovermode="closest",
        ),
        {"quantile, %": "quantile", "below, %": "observed"},
        {
            "exact": [0, 100],
            "quantile": [100 * p for p in known],
            "observed": [100 * observed for observed in known.values()],
        },
    )
    return Section("calibration", "Calibration", [chart, *_coverage_tables(coverage or {})])


def _coverage_tables(coverage: Mapping[str, float | None]) -> list[Table]:
    levels = [level for level in LEVELS if coverage.get(f"coverage{level}") is not None]
    if not levels:
        return []
    has_errors = coverage.get("coverage80_error") is not None
    rows = []
    for level in levels:
        row = [f"{level} %", share(coverage[f"coverage{level}"])]
        if has_errors:
            error = coverage.get(f"coverage{level}_error")
            row.append("-" if error is None else f"± {share(error)}")
        rows.append(row)
    head = ["Interval", "covered", *(["standard error"] if has_errors else [])]
    return [Table("Share of the actual values that each interval covered", head, rows)]


def series_listing(table: pd.DataFrame, caption: str) -> Listing:
    """List all series, the worst first.

    Args:
        table: scores by series, see `evaluation.scored_rows.series_scores`.
    """
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
    """Return the unit of errors for the title of an axis; empty if they are in the units of the series."""
    return SCALED_UNIT if scores.has_scale(rows) else ""


def _residual_title(unit: str) -> str:
    return f"(forecast - actual) {unit}" if unit else "forecast - actual"


def _number(value: float) -> str:
    return "unknown" if np.isnan(value) else number(float(value))
