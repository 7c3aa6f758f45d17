"""The scores of a job's forecasts and its anomalies, from the document that `forecast ledger score --json` prints."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecaster.evaluation.metric_table import METRICS
from forecaster.report.page import accuracy
from forecaster.report.page.charts import MODEL, axes, line_with_markers
from forecaster.report.page.parts import Chart, Table, Text
from forecaster.report.words import number, plural, share, timestamp

_MAX_ANOMALIES = 20  # rows of the table


def score_parts(document: Mapping[str, Any], model: str) -> list[Any]:
    """Return the parts of a page with the scores overall and by model, their meaning, and the errors by step and week.

    Args:
        model: name of the line in the chart of errors by step.
    """
    parts: list[Any] = [
        _score_table("Overall and by model", {"all": document["overall"], **document["by_model"]}),
        Text(
            f"{METRICS['mase'].description} {METRICS['mae'].description} Lower is better for both."
            " Bias is the mean of forecast minus actual: above 0, the forecasts are too high. Skill is how much lower"
            " the MASE is than that of seasonal naive, which repeats the last season; the next column compares with"
            " naive, which repeats the last value. Below 0, the naive forecast is better."
            " An 80 % interval should cover about 80 % of the actual values."
        ),
    ]
    steps = document["by_step"]
    if len(steps) > 1:
        mase = np.array([metrics["mase"] for metrics in steps.values()], np.float64)
        columns = {"step": [int(step) for step in steps], "model": mase}
        parts.append(accuracy.errors_by_step(columns, model, accuracy.SCALED_UNIT))
    weeks = document["by_week"] or {}
    if len(weeks) > 1:
        parts.append(_weeks_chart(weeks))
    return parts


def _weeks_chart(weeks: Mapping[str, Mapping[str, Any]]) -> Chart:
    names = list(weeks)
    mase = np.array([metrics["mase"] for metrics in weeks.values()], np.float64)
    summary = "The errors of single weeks have no scale here."
    if not np.isnan(mase).all():
        worst = int(np.nanargmax(mase))
        summary = f"The worst week was {names[worst]}, with a MASE of {number(float(mase[worst]))}."
    return Chart(
        "weeks",
        "Error by week",
        summary,
        [line_with_markers("MASE", "week", "mase", MODEL)],
        axes("week", "MASE", x_kind="category", yaxis={"rangemode": "tozero"}),
        {"week": "week", "MASE": "mase", f"{METRICS['coverage80'].title}, %": "coverage80"},
        {
            "week": names,
            "mase": mase,
            "coverage80": 100 * np.array([metrics["coverage80"] for metrics in weeks.values()], np.float64),
        },
    )


def _score_table(caption: str, cut: Mapping[str, Mapping[str, Any]]) -> Table:
    errors, coverages = ("mase", "mae"), ("coverage50", "coverage80", "coverage95")
    titles = {name: METRICS[name].title for name in (*errors, *coverages)}
    head = ["Forecasts", "count", *(titles[name] for name in errors), "bias", "skill", "v. naive"]
    rows = [
        [
            name,
            f"{metrics['forecasts']:,}",
            *(number(metrics[key]) for key in (*errors, "bias")),
            *(share(metrics[key]) for key in ("skill", "skill_naive", *coverages)),
        ]
        for name, metrics in cut.items()
    ]
    return Table(caption, [*head, *(titles[name] for name in coverages)], rows)


def anomaly_parts(document: Mapping[str, Any]) -> list[Any]:
    """List the actual values outside the interval."""
    block = document["anomalies"]
    level = block["level"]
    if not block["count"]:
        return [Text(f"The {level} % interval covers all actual values.")]
    rows = [
        [row["unique_id"], timestamp(row["ds"]), *(number(row[key]) for key in ("y", "lower", "upper", "excess"))]
        for row in block["listed"][:_MAX_ANOMALIES]
    ]
    caption = f"{plural(block['count'], 'actual value')} outside the {level} % interval"
    caption += f"; the {len(rows)} farthest are listed" if block["count"] > len(rows) else ""
    return [Table(caption, ["Series", "Time", "actual", "from", "to", "distance"], rows)]
