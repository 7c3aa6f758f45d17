"""The charts of a trained model that are of one series at a time: its past and forecast, and its holdout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forecaster.forecast import Forecast, interval_bounds
from forecaster.report.page.charts import MODEL, SEASONAL, TRUTH, axes, band, bare, line, marked, time_kind
from forecaster.report.page.parts import Chart, Drawn, Section
from forecaster.report.page.picks import Pick
from forecaster.report.words import number, plural, timestamp

_LEVELS = (50, 80, 95)


@dataclass(frozen=True)
class TrainedModel:
    """All that a page tells of a bundle.

    Attributes:
        name: the folder's.
        manifest, metrics, quality: as in the bundle.
        config: the text of config.yaml.
        history: of the training; may be empty.
        holdout: rows as in `evaluation.rows`; may be empty.
        picks: the series to draw.
        past: their last steps: times as text (or integers) and values; none where the data is gone.
        forecast: of these series, in this order; None where there is none.
        unit: a step in words: `day`, `month`.
        remarks: what a reader should know besides.
        insights: further sections, such as a look inside the network; they stand after the training.
    """

    name: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    quality: Mapping[str, Any]
    config: str
    history: pd.DataFrame
    holdout: pd.DataFrame
    picks: Sequence[Pick]
    past: Mapping[str, tuple[Sequence[Any], Any]]
    forecast: Forecast | None
    unit: str
    series: int
    remarks: Sequence[str] = ()
    insights: Sequence[Section] = field(default=())


def chart_series(found: TrainedModel, drawn: Sequence[Drawn]) -> list[Section]:
    """The charts that are of one series at a time."""
    if not drawn:
        return []
    columns = {name for each in drawn for name in each.columns if len(each.columns[name])}
    kind = time_kind(next(iter(drawn[0].columns.values())))
    model = str(found.manifest["model"])
    parts: list[Chart] = []
    if "past.ds" in columns or "future.ds" in columns:
        parts.append(future_chart(columns, kind, model))
    if "holdout.ds" in columns:
        parts.append(_holdout_chart(columns, kind, model))
    return [Section("forecast", "Forecast", parts)]


def future_chart(columns: set[str], kind: str, model: str) -> Chart:
    """A forecast with its bands after what was observed.

    Args:
        columns: `past.ds`, `past.y`, `future.ds`, `future.mean`, `future.low80` ..., `holdout.ds`, `holdout.mean`, as
            far as any series has them; `view`, from when to when it shows at first.
        kind: of the time axis, see `time_kind`.
    """
    traces = []
    for level, opacity, shade in ((95, 0.12, 0.12), (80, 0.2, 0.3), (50, 0.3, 0.5)):
        if f"future.low{level}" in columns:
            edges = (f"future.low{level}", f"future.high{level}")
            traces += band(f"{level} %", "future.ds", *edges, MODEL, opacity=opacity, shade=shade, is_told=level == 80)
    if "past.ds" in columns:
        traces.append(line("observed", "past.ds", "past.y", TRUTH, width=1.6))
    if "holdout.ds" in columns:
        traces.append(line(f"{model}, held out", "holdout.ds", "holdout.mean", MODEL, width=1.6, dash="dot"))
    if "future.ds" in columns:
        traces.append(line(f"{model}, forecast", "future.ds", "future.mean", MODEL, width=2.4))
    numbers = {"time": "future.ds", "forecast": "future.mean"}
    for level in _LEVELS:
        numbers |= {f"{level} % from": f"future.low{level}", f"{level} % to": f"future.high{level}"}
    if "future.ds" not in columns:
        numbers = {"time": "past.ds", "observed": "past.y"}
    layout = axes("", "", height=400, x_kind=kind, xaxis={"range": "@view"})
    return Chart("future", "Forecast with its past", "", traces, layout, numbers)


def _holdout_chart(columns: set[str], kind: str, model: str) -> Chart:
    traces = band("80 %", "holdout.ds", "holdout.low80", "holdout.high80", MODEL, opacity=0.2)
    if "holdout.seasonal_naive" in columns and model != "seasonal_naive":
        traces.append(line("seasonal naive", "holdout.ds", "holdout.seasonal_naive", SEASONAL, width=1.8))
    traces.append(line(model, "holdout.ds", "holdout.mean", MODEL))
    traces.append(marked("came true", "holdout.ds", "holdout.y", TRUTH, width=1.6))
    numbers = {
        "time": "holdout.ds",
        "came true": "holdout.y",
        model: "holdout.mean",
        "80 % from": "holdout.low80",
        "80 % to": "holdout.high80",
        "seasonal naive": "holdout.seasonal_naive",
    }
    return Chart("held", "The holdout beside what came true", "", traces, axes("", "", x_kind=kind), numbers)


def draw_series(found: TrainedModel) -> list[Drawn]:
    holdouts = dict(iter(found.holdout.groupby("unique_id", sort=False))) if len(found.holdout) else {}
    model = str(found.manifest["model"])
    stamps = None
    if found.forecast is not None:
        forecast = found.forecast
        stamps = forecast.frequency.format(forecast.ds.ravel(), forecast.zone).reshape(forecast.ds.shape)
    drawn = []
    for place, each in enumerate(found.picks):
        columns: dict[str, Any] = {}
        seen: dict[str, str] = {}
        past = found.past.get(each.name)
        if past is not None:
            columns |= {"past.ds": [bare(stamp) for stamp in past[0]], "past.y": past[1]}
        rows = holdouts.get(each.name)
        if rows is not None:
            columns |= _holdout_columns(rows)
            seen["held"] = _tell_holdout(columns, model)
        if found.forecast is not None and stamps is not None:
            columns |= _future_columns(found.forecast, place, stamps[place])
            seen["future"] = _tell_future(found.forecast, place, stamps[place], found.unit)
        elif past is not None:
            seen["future"] = f"The last {plural(len(past[1]), 'step')} that were observed, to {timestamp(past[0][-1])}."
        if columns:
            columns["view"] = view_of(columns, int(found.manifest["horizon"]), int(found.manifest["data"]["season"]))
            drawn.append(Drawn(each.name, each.group, columns, seen))
    return drawn


def _holdout_columns(rows: pd.DataFrame) -> dict[str, Any]:
    names = {"y": "y", "mean": "mean", "low80": "q0.1", "high80": "q0.9", "seasonal_naive": "seasonal_naive"}
    columns: dict[str, Any] = {f"holdout.{name}": rows[column].to_numpy(np.float64) for name, column in names.items()}
    if np.isnan(columns["holdout.seasonal_naive"]).all():
        del columns["holdout.seasonal_naive"]
    return {"holdout.ds": [bare(stamp) for stamp in rows["ds"].tolist()], **columns}


def _future_columns(forecast: Forecast, place: int, stamps: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {"future.ds": [bare(stamp) for stamp in stamps], "future.mean": forecast.mean[place]}
    for level in _LEVELS:
        lower, upper = interval_bounds((level,))
        columns[f"future.low{level}"] = forecast.at(lower)[place]
        columns[f"future.high{level}"] = forecast.at(upper)[place]
    return columns


def view_of(columns: Mapping[str, Any], horizon: int, season: int) -> list[Any]:
    """From when to when the chart shows at first: the forecast, and a few times as much of the past."""
    past, future = columns.get("past.ds", []), columns.get("future.ds", [])
    if not len(past):
        return []
    last = future[-1] if len(future) else past[-1]
    return [past[-min(len(past), max(5 * horizon, 3 * season, 40))], max(last, past[-1])]


def _tell_future(forecast: Forecast, place: int, stamps: Any, unit: str) -> str:
    width = forecast.at(0.9)[place] - forecast.at(0.1)[place]
    return tell_future(stamps, forecast.mean[place], width, unit, is_fallback=bool(forecast.fallback[place]))


def tell_future(stamps: Sequence[Any], mean: Any, width: Any, unit: str, *, is_fallback: bool) -> str:
    """What is expected on average, at least and at most, and how wide its 80 % interval is."""
    times = [timestamp(stamp) for stamp in stamps]
    if len(mean) == 1:
        told = f"{number(float(mean[0]))} is expected for {times[0]}"
    else:
        low, high = int(mean.argmin()), int(mean.argmax())
        told = (
            f"{plural(len(mean), unit)}, {times[0]} to {times[-1]}:"
            f" {number(float(mean.mean(dtype=np.float64)))} is expected on average, from {number(float(mean[low]))}"
            f" ({times[low]}) to {number(float(mean[high]))} ({times[high]})"
        )
    told += f". The 80 % interval is {number(float(width[0]))} wide"
    told += f" at first and {number(float(width[-1]))} at the end." if len(mean) > 1 else "."
    if is_fallback:
        told += " The model could not be fitted to this series: seasonal naive stands in."
    return told


def _tell_holdout(columns: Mapping[str, Any], model: str) -> str:
    y, mean = columns["holdout.y"], columns["holdout.mean"]
    observed = int((~np.isnan(y)).sum())
    if not observed:
        return "Nothing was observed in the held-out steps."
    inside = int(((y >= columns["holdout.low80"]) & (y <= columns["holdout.high80"])).sum())
    told = f"Over the last {plural(len(y), 'step')}, held out, {model} was off by {_mean_error(mean, y)} on average"
    naive = columns.get("holdout.seasonal_naive")
    if naive is not None and model != "seasonal_naive":
        told += f", seasonal naive by {_mean_error(naive, y)}"
    return f"{told}; {inside} of {plural(observed, 'value')} lie inside the 80 % interval."


def _mean_error(forecast: Any, actual: Any) -> str:
    return number(float(np.nanmean(np.abs(forecast - actual))))
