"""The page of a trained model: what it forecasts, and how good it was on what was held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation import rows as scores
from forecaster.forecast import Forecast, bounds_of
from forecaster.report.page import accuracy
from forecaster.report.page.charts import MODEL, SEASONAL, TRUTH, axes, band, bare, line, marked, time_kind
from forecaster.report.page.parts import Chart, Code, Drawn, Facts, Page, Section, Text
from forecaster.report.page.picks import Pick, note
from forecaster.report.page.training import training_section
from forecaster.report.page.words import duration, plural, share
from forecaster.report.terminal import number, sentence

_LEVELS = (50, 80, 95)
_REPAIRS = {
    "gaps": "steps without a row, masked",
    "missing_values": "values missing, masked",
    "duplicates_dropped": "rows repeated, dropped",
    "duplicates_merged": "rows of one time, merged",
    "out_of_order": "rows out of order, sorted",
    "off_grid": "rows between two steps, left out",
    "later_rows": "rows after the last value, known columns only",
    "short": "series too short to be scored",
}


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


def compose(found: TrainedModel) -> Page:
    """Put the page together."""
    model, metrics = str(found.manifest["model"]), dict(found.metrics)
    held_out = metrics["holdout"]
    drawn = _draw(found)
    sections = [*_forecast_sections(found, drawn)]
    if held_out["models"]:
        table = accuracy.score_table(
            f"Scores on the last {plural(held_out['horizon'], 'step')}, held out: the model beside naive forecasts",
            held_out["models"],
        )
        holdout_parts: list[Any] = [table, _explain_scores()]
        if len(found.holdout):
            holdout_parts.append(accuracy.steps_chart(found.holdout, model))
        sections.append(Section("holdout", "Held out, against naive", holdout_parts))
        reliability = {float(p): held for p, held in held_out.get("reliability", {}).items()}
        sections.append(accuracy.calibration_section(reliability, held_out["models"][model]))
        if len(found.holdout):
            sections.append(Section("errors", "Residuals", accuracy.residual_parts(found.holdout)))
    if found.series > 1 and len(found.holdout):
        table_of_series = scores.by_series(found.holdout)
        caption = f"All {plural(len(table_of_series), 'series')} on the holdout"
        sections.append(Section("series", "All series", [accuracy.series_listing(table_of_series, caption)]))
    if len(found.history):
        sections.append(training_section(found.history, found.manifest))
    sections += found.insights
    sections += [_quality_section(found.quality), _origin_section(found)]
    verdict = (
        sentence(metrics, model)
        if held_out["models"]
        else ("Every series is too short to hold anything out, so nothing is known of the model's quality.")
    )
    return Page(
        kind="Trained model",
        name=found.name,
        verdict=verdict,
        facts=_facts(found, model),
        sections=sections,
        drawn=drawn,
        note=note(found.picks, found.series),
        series=found.series,
        remarks=tuple(found.remarks),
    )


def _facts(found: TrainedModel, model: str) -> dict[str, str]:
    own = found.metrics["holdout"]["models"].get(model, {})
    data = found.manifest["data"]
    facts = {
        "Model": model,
        "Horizon": plural(found.manifest["horizon"], found.unit),
        "Series": f"{data['series']:,}",
        "Data until": str(data["last"]),
    }
    if own:
        known = own["coverage80"] is not None
        facts["MASE, held out"] = "-" if own["mase"] is None else number(own["mase"])
        facts["sMAPE, held out"] = "-" if own["smape"] is None else f"{number(own['smape'])} %"
        facts["80 % interval held"] = share(own["coverage80"]) if known else "-"
    facts["Trained in"] = duration(found.manifest["training"]["seconds"])
    return facts


def _explain_scores() -> Text:
    return Text(
        "MASE is the mean error in units of what the series usually changes from season to season: below 1 is better"
        " than that. sMAPE is the error in per cent of the values, from 0 to 200. WQL scores all quantiles at once. Of"
        " all three, lower is better; an interval should hold as much as its name says."
    )


def _forecast_sections(found: TrainedModel, drawn: Sequence[Drawn]) -> list[Section]:
    """The charts that are of one series at a time."""
    if not drawn:
        return []
    columns = {name for each in drawn for name in each.columns if len(each.columns[name])}
    kind = time_kind(next(iter(drawn[0].columns.values())))
    model = str(found.manifest["model"])
    parts: list[Chart | Text] = []
    if "past.ds" in columns or "future.ds" in columns:
        parts.append(_future_chart(columns, kind, model))
    if "holdout.ds" in columns:
        parts.append(_holdout_chart(columns, kind, model))
    return [Section("forecast", "Forecast", parts)]


def _future_chart(columns: set[str], kind: str, model: str) -> Chart:
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


def _draw(found: TrainedModel) -> list[Drawn]:
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
            seen["future"] = _tell_future(found.forecast, place, stamps[place], past, found.unit)
        elif past is not None:
            seen["future"] = f"The last {plural(len(past[1]), 'step')} that were observed, to {past[0][-1]}."
        if columns:
            columns["view"] = _view(columns, int(found.manifest["horizon"]), int(found.manifest["data"]["season"]))
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
        lower, upper = bounds_of((level,))
        columns[f"future.low{level}"] = forecast.at(lower)[place]
        columns[f"future.high{level}"] = forecast.at(upper)[place]
    return columns


def _view(columns: Mapping[str, Any], horizon: int, season: int) -> list[Any]:
    """From when to when the chart shows at first: the forecast, and a few times as much of the past."""
    past, future = columns.get("past.ds", []), columns.get("future.ds", [])
    if not len(past):
        return []
    last = future[-1] if len(future) else past[-1]
    return [past[-min(len(past), max(5 * horizon, 3 * season, 40))], last]


def _tell_future(forecast: Forecast, place: int, stamps: Any, past: tuple[Sequence[Any], Any] | None, unit: str) -> str:
    mean = forecast.mean[place]
    width = forecast.at(0.9)[place] - forecast.at(0.1)[place]
    parts = [
        f"{plural(forecast.horizon, unit)} from {stamps[0]} to {stamps[-1]}".replace(f"1 {unit} from", f"The {unit}")
    ]
    if forecast.horizon == 1:
        parts = [f"{stamps[0]}: {number(float(mean[0]))} is expected"]
    else:
        low, high = int(mean.argmin()), int(mean.argmax())
        parts.append(
            f"{number(float(mean.mean(dtype=np.float64)))} is expected on average, from {number(float(mean[low]))}"
            f" ({stamps[low]}) to {number(float(mean[high]))} ({stamps[high]})"
        )
    told = ": ".join(parts)
    told += f". The 80 % interval is {number(float(width[0]))} wide at first"
    told += f" and {number(float(width[-1]))} at the end." if forecast.horizon > 1 else "."
    if forecast.fallback[place]:
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


def _quality_section(quality: Mapping[str, Any]) -> Section:
    counts = {told: int(quality[name]) for name, told in _REPAIRS.items() if quality.get(name)}
    left_out = dict(quality.get("left_out", {}))
    told = "Nothing had to be repaired." if not counts and not left_out else ""
    pairs = {
        "rows": f"{quality['rows']:,}",
        "series": f"{quality['series']:,}",
        "from": str(quality["first"]),
        "to": str(quality["last"]),
        **{name: f"{count:,}" for name, count in counts.items()},
        **{f"left out: {name}": str(reason) for name, reason in left_out.items()},
    }
    return Section(
        "quality", "Data quality", [Facts("What was found in the data", pairs), *([Text(told)] if told else [])]
    )


def _origin_section(found: TrainedModel) -> Section:
    manifest = found.manifest
    data, training = manifest["data"], manifest["training"]
    columns = {role: names for role, names in data["columns"].items() if names}
    pairs = {
        "trained": str(manifest["created"]),
        "data": str(data["path"]),
        "fingerprint of the data": str(data["fingerprint"]),
        **{f"column: {role}": names if isinstance(names, str) else ", ".join(names) for role, names in columns.items()},
        "season": plural(data["season"], "step"),
        "point forecast": str(manifest["point"]),
        "seed": str(manifest["seed"]),
        "training": ", ".join(f"{stage} {plural(steps, 'step')}" for stage, steps in training["steps"].items())
        or "none",
        "threads": str(training["threads"]),
        **({"why this model": str(manifest["chosen"])} if manifest.get("chosen") else {}),
        **{name: str(version) for name, version in manifest["versions"].items()},
        "fingerprint of the weights": str(manifest["files"]["weights.safetensors"]),
    }
    return Section(
        "origin", "Configuration and origin", [Facts("Where this comes from", pairs), Code("config.yaml", found.config)]
    )
