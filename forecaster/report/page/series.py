"""The charts of a trained model that show one series at a time: its past and forecast, and its holdout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation.scored_rows import MEDIAN
from forecaster.forecast import Forecast, interval_bounds
from forecaster.report.page.charts import (
    MODEL,
    SEASONAL,
    TRUTH,
    axes,
    band,
    drop_offset,
    line,
    line_with_markers,
    time_axis_kind,
)
from forecaster.report.page.parts import Chart, DrawnSeries, Section
from forecaster.report.page.series_selection import SelectedSeries
from forecaster.report.words import number, plural, timestamp
from forecaster.store.manifest import Manifest

_LEVELS = (50, 80, 95)
_BAND_OPACITIES = {95: (0.12, 0.12), 80: (0.2, 0.3), 50: (0.3, 0.5)}  # first of the chart, then of the legend
_MIN_VIEW_STEPS = 40


@dataclass(frozen=True)
class BundleContent:
    """Everything that the page of a trained model shows.

    Attributes:
        folder: the bundle.
        manifest, metrics, quality: as in the bundle.
        config: the text of config.yaml.
        history: history.csv; may be empty.
        holdout: rows as in `evaluation.scored_rows`; may be empty.
        selection: the series to draw.
        past: the last steps of these series by name: times as text (or integers), and values; empty without the data.
        forecast: of these series, in the same order; None if there is none.
        unit: the length of a step in words: `day`, `month`.
        series: number of all series.
        remarks: sentences that the reader should see first.
        insights: further sections, such as a look inside the network; they follow the training.
    """

    folder: Path
    manifest: Manifest
    metrics: Mapping[str, Any]
    quality: Mapping[str, Any]
    config: str
    history: pd.DataFrame
    holdout: pd.DataFrame
    selection: Sequence[SelectedSeries]
    past: Mapping[str, tuple[Sequence[Any], Any]]
    forecast: Forecast | None
    unit: str
    series: int
    remarks: Sequence[str] = ()
    insights: Sequence[Section] = field(default=())


def chart_series(content: BundleContent, drawn_series: Sequence[DrawnSeries]) -> list[Section]:
    """Return the section with the charts that show one series at a time, or none if no series is drawn."""
    if not drawn_series:
        return []
    columns = {name for series in drawn_series for name in series.columns if len(series.columns[name])}
    kind = time_axis_kind(next(iter(drawn_series[0].columns.values())))
    model = content.manifest.model
    charts: list[Chart] = []
    if "past.ds" in columns or "future.ds" in columns:
        charts.append(future_chart(columns, kind, model))
    if "holdout.ds" in columns:
        charts.append(_holdout_chart(columns, kind, model))
    return [Section("forecast", "Forecast", charts)]


def future_chart(columns: set[str], kind: str, model: str) -> Chart:
    """Chart a forecast with its intervals after the actual values.

    Args:
        columns: the names of the columns that any series has, among `past.ds`, `past.y`, `future.ds`, `future.median`,
            `future.mean`, `future.low80` ..., `holdout.ds`, `holdout.median`, and `view`, see `view_of`.
        kind: of the time axis, see `time_axis_kind`.
    """
    traces = []
    for level, (opacity, legend_opacity) in _BAND_OPACITIES.items():
        if f"future.low{level}" in columns:
            traces += band(
                f"{level} % interval",
                "future.ds",
                (f"future.low{level}", f"future.high{level}"),
                opacity=opacity,
                legend_opacity=legend_opacity,
                has_hover=level == 80,
            )
    if "past.ds" in columns:
        traces.append(line("actual", "past.ds", "past.y", TRUTH, width=1.6))
    if "holdout.ds" in columns:
        traces.append(line(f"{model}, holdout", "holdout.ds", "holdout.median", MODEL, width=1.6, dash="dot"))
    if "future.ds" in columns:
        traces.append(line(f"{model}, forecast", "future.ds", "future.median", MODEL, width=2.4))
    numbers = {"time": "future.ds", "median": "future.median", "mean": "future.mean"}
    for level in _LEVELS:
        numbers |= {f"{level} % from": f"future.low{level}", f"{level} % to": f"future.high{level}"}
    if "future.ds" not in columns:
        numbers = {"time": "past.ds", "actual": "past.y"}
    layout = axes("", "", height=400, x_kind=kind, xaxis={"range": "@view"})
    return Chart("future", "Past and forecast", "", traces, layout, numbers)


def _holdout_chart(columns: set[str], kind: str, model: str) -> Chart:
    traces = band("80 % interval", "holdout.ds", ("holdout.low80", "holdout.high80"), opacity=0.2)
    if "holdout.seasonal_naive" in columns and model != "seasonal_naive":
        traces.append(line("seasonal naive", "holdout.ds", "holdout.seasonal_naive", SEASONAL, width=1.8))
    traces.append(line(model, "holdout.ds", "holdout.median", MODEL))
    traces.append(line_with_markers("actual", "holdout.ds", "holdout.y", TRUTH, width=1.6))
    numbers = {
        "time": "holdout.ds",
        "actual": "holdout.y",
        model: "holdout.median",
        "80 % from": "holdout.low80",
        "80 % to": "holdout.high80",
        "seasonal naive": "holdout.seasonal_naive",
    }
    heading = "Forecast of the holdout beside the actual values"
    return Chart("holdout", heading, "", traces, axes("", "", x_kind=kind), numbers)


def draw_series(content: BundleContent) -> list[DrawnSeries]:
    """Return the columns and sentences of the selected series that have anything to draw."""
    holdouts = dict(iter(content.holdout.groupby("unique_id", sort=False))) if len(content.holdout) else {}
    model = content.manifest.model
    stamps = None
    if content.forecast is not None:
        forecast = content.forecast
        stamps = forecast.frequency.format(forecast.ds.ravel(), forecast.zone).reshape(forecast.ds.shape)
    drawn_series = []
    for place, series in enumerate(content.selection):
        columns: dict[str, Any] = {}
        summaries: dict[str, str] = {}
        past = content.past.get(series.name)
        if past is not None:
            columns |= {"past.ds": [drop_offset(stamp) for stamp in past[0]], "past.y": past[1]}
        rows = holdouts.get(series.name)
        if rows is not None:
            columns |= _holdout_columns(rows)
            summaries["holdout"] = _describe_holdout(columns, model)
        if content.forecast is not None and stamps is not None:
            columns |= _future_columns(content.forecast, place, stamps[place])
            summaries["future"] = _describe_forecast(content.forecast, place, stamps[place], content.unit)
        elif past is not None:
            summaries["future"] = f"The last {plural(len(past[1]), 'actual value')}, until {timestamp(past[0][-1])}."
        if columns:
            manifest = content.manifest
            columns["view"] = view_of(columns, manifest.horizon, manifest.data.season)
            drawn_series.append(DrawnSeries(series.name, series.group, columns, summaries))
    return drawn_series


def _holdout_columns(rows: pd.DataFrame) -> dict[str, Any]:
    names = {"y": "y", "median": MEDIAN, "low80": "q0.1", "high80": "q0.9", "seasonal_naive": "seasonal_naive"}
    columns: dict[str, Any] = {f"holdout.{name}": rows[column].to_numpy(np.float64) for name, column in names.items()}
    if np.isnan(columns["holdout.seasonal_naive"]).all():
        del columns["holdout.seasonal_naive"]
    return {"holdout.ds": [drop_offset(stamp) for stamp in rows["ds"].tolist()], **columns}


def _future_columns(forecast: Forecast, place: int, stamps: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {"future.ds": [drop_offset(stamp) for stamp in stamps]}
    columns["future.median"], columns["future.mean"] = forecast.median[place], forecast.mean[place]
    for level in _LEVELS:
        lower, upper = interval_bounds((level,))
        columns[f"future.low{level}"] = forecast.at(lower)[place]
        columns[f"future.high{level}"] = forecast.at(upper)[place]
    return columns


def view_of(columns: Mapping[str, Any], horizon: int, season: int) -> list[Any]:
    """Return the first and last time that the chart shows at first: the forecast, and a few times as much past."""
    past, future = columns.get("past.ds", []), columns.get("future.ds", [])
    if not len(past):
        return []
    last = future[-1] if len(future) else past[-1]
    return [past[-min(len(past), max(5 * horizon, 3 * season, _MIN_VIEW_STEPS))], max(last, past[-1])]


def _describe_forecast(forecast: Forecast, place: int, stamps: Any, unit: str) -> str:
    width = forecast.at(0.9)[place] - forecast.at(0.1)[place]
    return describe_future(stamps, forecast.mean[place], width, unit, is_fallback=bool(forecast.fallback[place]))


def describe_future(stamps: Sequence[Any], mean: Any, width: Any, unit: str, *, is_fallback: bool) -> str:
    """Describe a forecast: its mean, its lowest and highest step, and the width of the 80 % interval.

    Args:
        stamps: [H] times of the steps.
        mean: [H] means of the forecast.
        width: [H] width of the 80 % interval.
        unit: the length of a step in words.
        is_fallback: if True, add that the model could not forecast this series.
    """
    times = [timestamp(stamp) for stamp in stamps]
    if len(mean) == 1:
        text = f"The mean forecast for {times[0]} is {_number(mean[0])}; the 80 % interval is {_number(width[0])} wide."
    else:
        low, high = int(mean.argmin()), int(mean.argmax())
        text = (
            f"{plural(len(mean), unit)}, {times[0]} to {times[-1]}: the mean forecast is"
            f" {_number(mean.mean(dtype=np.float64))} on average, between {_number(mean[low])} ({times[low]})"
            f" and {_number(mean[high])} ({times[high]}). The 80 % interval is {_number(width[0])} wide at the first"
            f" step and {_number(width[-1])} at the last."
        )
    if is_fallback:
        text += " The model could not forecast this series, so this is a simpler forecast."
    return text


def _describe_holdout(columns: Mapping[str, Any], model: str) -> str:
    y, median = columns["holdout.y"], columns["holdout.median"]
    observed = int((~np.isnan(y)).sum())
    if not observed:
        return "The held-out steps have no actual values."
    covered = int(((y >= columns["holdout.low80"]) & (y <= columns["holdout.high80"])).sum())
    text = f"Over the {plural(len(y), 'held-out step')}, the mean absolute error of {model} is {_mean_error(median, y)}"
    naive = columns.get("holdout.seasonal_naive")
    if naive is not None and model != "seasonal_naive":
        text += f", that of seasonal naive {_mean_error(naive, y)}"
    return f"{text}; the 80 % interval covers {covered} of {plural(observed, 'value')}."


def _mean_error(forecast: Any, actual: Any) -> str:
    return _number(np.nanmean(np.abs(forecast - actual)))


def _number(value: Any) -> str:
    return number(float(value))
