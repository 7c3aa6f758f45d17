"""What a job forecasts now, of one series at a time: its newest forecast after what was observed."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.report.page.charts import bare, time_kind
from forecaster.report.page.parts import Section
from forecaster.report.page.series import future_chart, tell_future, view_of
from forecaster.report.words import plural

_BANDS = {95: ("q025", "q975"), 80: ("q100", "q900"), 50: ("q250", "q750")}


def newest_section(columns: Iterable[str], stamp: Any, model: str) -> Section:
    """The chart of `newest_columns`.

    Args:
        columns: all that any series has.
        stamp: one of their times.
    """
    chart = future_chart(set(columns), time_kind([stamp]), model)
    return Section("forecast", "Forecast", [replace(chart, heading="The newest forecast, after what came true")])


def newest_columns(forecast: pd.DataFrame, actuals: pd.DataFrame) -> tuple[dict[str, Any], str]:
    """What the chart takes of a series, and the sentence that tells it.

    Args:
        forecast: unique_id, ds, at, mean, status, q025 ... q975, a row a step.
        actuals: ds, at, y, in the order of time; may be empty.
    """
    columns: dict[str, Any] = {}
    if len(actuals):
        columns |= {"past.ds": [bare(stamp) for stamp in actuals["ds"]], "past.y": actuals["y"].to_numpy(np.float64)}
    stamps = forecast["ds"].tolist()
    columns |= {"future.ds": [bare(stamp) for stamp in stamps], "future.mean": forecast["mean"].to_numpy(np.float64)}
    for level, edges in _BANDS.items():
        for side, edge in zip(("low", "high"), edges, strict=True):
            columns[f"future.{side}{level}"] = forecast[edge].to_numpy(np.float64)
    columns["view"] = view_of(columns, len(stamps), 1)
    width = columns["future.high80"] - columns["future.low80"]
    is_fallback = bool((forecast["status"] == "fallback").any())
    seen = tell_future(stamps, columns["future.mean"], width, "step", is_fallback=is_fallback)
    since = int(forecast["at"].isin(actuals["at"]).sum())
    if since == len(stamps):
        seen += " All of it has come true since: the next run looks further ahead."
    elif since:
        seen += f" Of these {plural(len(stamps), 'step')}, {since} came true since."
    return columns, seen
