"""The chart of the newest forecast of a job, one series at a time, after the actual values."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.report.page.charts import drop_offset, time_axis_kind
from forecaster.report.page.parts import Section
from forecaster.report.page.series import describe_future, future_chart, view_of
from forecaster.report.words import plural

_BANDS = {95: ("q025", "q975"), 80: ("q100", "q900"), 50: ("q250", "q750")}


def newest_section(columns: Iterable[str], stamp: Any, model: str) -> Section:
    """Return the section with the chart of `newest_columns`.

    Args:
        columns: the names of all columns that any series has.
        stamp: one of their times.
    """
    chart = future_chart(set(columns), time_axis_kind([stamp]), model)
    return Section("forecast", "Forecast", [replace(chart, heading="Newest forecast")])


def newest_columns(forecast: pd.DataFrame, actuals: pd.DataFrame) -> tuple[dict[str, Any], str]:
    """Return the columns of a series for the chart, and a sentence about them.

    Args:
        forecast: unique_id, ds, at, mean, status, q025 ... q975, a row for each step.
        actuals: ds, at, y, in the order of time; may be empty.
    """
    columns: dict[str, Any] = {}
    if len(actuals):
        columns["past.ds"] = [drop_offset(stamp) for stamp in actuals["ds"]]
        columns["past.y"] = actuals["y"].to_numpy(np.float64)
    stamps = forecast["ds"].tolist()
    columns["future.ds"] = [drop_offset(stamp) for stamp in stamps]
    columns["future.median"] = forecast["q500"].to_numpy(np.float64)
    columns["future.mean"] = forecast["mean"].to_numpy(np.float64)
    for level, edges in _BANDS.items():
        for side, edge in zip(("low", "high"), edges, strict=True):
            columns[f"future.{side}{level}"] = forecast[edge].to_numpy(np.float64)
    columns["view"] = view_of(columns, len(stamps), 1)
    width = columns["future.high80"] - columns["future.low80"]
    is_fallback = bool((forecast["status"] == "fallback").any())
    summary = describe_future(stamps, columns["future.mean"], width, "step", is_fallback=is_fallback)
    known = int(forecast["at"].isin(actuals["at"]).sum())
    if known == len(stamps):
        summary += " The actual values of all these steps are known by now: run the job for a new forecast."
    elif known:
        summary += f" The actual values of {known} of these {plural(len(stamps), 'step')} are known by now."
    return columns, summary
