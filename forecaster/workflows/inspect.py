"""`forecast inspect`: the contents of a table, its doubtful values, and what `train` would fit to it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from forecaster.config import AutoConfig, Config, NetworkModel
from forecaster.data.grid.season import assess_season
from forecaster.data.grid.series_profile import SeriesProfile, profile_series
from forecaster.data.grid.spacing import describe_frequency
from forecaster.data.load import LoadedData
from forecaster.errors import DataError
from forecaster.evaluation.split import Split, split
from forecaster.events import Event, Note, Watch, ignore
from forecaster.frequency import Ints
from forecaster.models.build import place_on_device
from forecaster.models.variants import members_of
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.store.bundle import json_bytes
from forecaster.store.files import atomic_write
from forecaster.workflows.forecast_files import render
from forecaster.workflows.manifest import networks_of
from forecaster.workflows.reading import read_data, refuse_short
from forecaster.workflows.source import Source
from forecaster.workflows.unused_columns import describe_unused

SERIES_LISTED = 1000
_GAPS_LISTED = 5
_PARTS = ("fit", "validation", "calibration", "holdout")


@dataclass(frozen=True)
class InspectResult:
    """The result of inspecting a table.

    Attributes:
        document: plain values that JSON can contain.
        series: the length, times, values and splits of each series, a row each.
        panel: the series.
    """

    document: dict[str, Any]
    series: pd.DataFrame
    panel: Panel


def inspect(config: Config, *, stdin: BinaryIO | None = None, watch: Watch = ignore) -> InspectResult:
    """Inspect the data at `config.data.path`, which is read as `train` reads it.

    Args:
        stdin: the stream that the path `-` stands for.

    Raises: ForecastError: see the errors of `data.load`.
    """
    source = Source.of(config.data)
    notes: list[str] = []

    def collect(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    loaded = read_data(source, config, stdin, collect)
    if (unused := describe_unused(source, loaded)) is not None:
        notes.append(unused)
    panel, horizon = loaded.panel, loaded.config.resolved_horizon
    parts = split(panel, horizon, is_calibrated=config.conformal.is_on)
    profile = profile_series(panel)
    series = _tabulate(panel, profile, parts)
    evidence = assess_season(panel)
    document = {
        "schema_version": 1,
        "data": source.place,
        "shape": loaded.shape,
        "columns": _describe_columns(loaded),
        "rows": loaded.quality["rows"],
        "series": len(panel),
        "empty_series": loaded.empty,
        "steps": _spread(panel.lengths),
        "first": loaded.quality["first"],
        "last": loaded.quality["last"],
        "frequency": panel.frequency.name,
        "frequency_in_words": describe_frequency(panel.frequency),
        "zone": panel.zone,
        "season": panel.season,
        "season_evidence": {
            "correlation": evidence.correlation,
            "error": evidence.error,
            "found": evidence.detected,
            "of_found": evidence.detected_correlation,
            "strength": evidence.strength,
        },
        "horizon": horizon,
        "quality": loaded.quality,
        "values": _summarize_values(series),
        "longest_gaps": _list_longest_gaps(panel, profile),
        "splits": _describe_splits(panel, parts),
        "train": _plan_training(config, loaded, parts),
        "notes": notes,
        "by_series": series.head(SERIES_LISTED).to_dict("records"),
        "unlisted": max(len(series) - SERIES_LISTED, 0),
    }
    return InspectResult(_plain(document), series, panel)


def publish(document: dict[str, Any], series: pd.DataFrame, out: Path) -> None:
    """Write the document if the name of the file ends in `.json`, otherwise the table of the series.

    Raises: OutputError: the file cannot be written.
    """
    atomic_write(out, json_bytes(document) if out.suffix == ".json" else render(series, out))


def _describe_columns(loaded: LoadedData) -> list[dict[str, Any]]:
    """Return the name and the role of each column of the table; the columns that are left out come last."""
    config, panel = loaded.config, loaded.panel
    roles = {"time": [config.time], "id": [config.id], "target": config.target or ()}
    roles |= {"past": config.past, "known": config.known, "static": config.static}
    rows: list[dict[str, Any]] = []
    for role, names in roles.items():
        for name in names:
            if name is None or (role == "time" and name == "none"):
                continue
            row: dict[str, Any] = {"name": name, "role": role}
            if role in ("past", "known") and name in panel.columns:
                row["missing"] = _count_missing(panel, panel.columns.index(name))
            if (config.categories or {}).get(name):
                row["values"] = len((config.categories or {})[name])
            rows.append(row)
    empty_series = loaded.empty if loaded.shape == "long" else ()
    left_out = {name: reason for name, reason in loaded.quality["left_out"].items() if name not in empty_series}
    return rows + [{"name": name, "role": None, "reason": reason} for name, reason in left_out.items()]


def _count_missing(panel: Panel, column: int) -> int:
    """Count the cells of a covariate that are empty, up to the end of each series."""
    return sum(
        int(np.isnan(panel.values[begin:end, column]).sum()) for begin, end in zip(panel.begin, panel.end, strict=True)
    )


def _tabulate(panel: Panel, profile: SeriesProfile, parts: Split) -> pd.DataFrame:
    """Return a row for each series: its length and times, missing values, properties of its values, and splits."""
    fit = panel.lengths - parts.validation - parts.calibration - parts.holdout
    return pd.DataFrame(
        {
            "unique_id": [str(name) for name in panel.ids],
            "first": _times(panel, np.zeros_like(panel.start)),
            "last": _times(panel, panel.lengths - 1),
            "steps": panel.lengths,
            "missing": profile.missing,
            "gaps": profile.gaps,
            "longest_gap": profile.longest_gap,
            "zeros": profile.zeros,
            "negatives": profile.negatives,
            "is_constant": profile.is_constant,
            "flat": profile.flat,
            "flat_from": _times(panel, profile.flat_at),
            "outliers": profile.outliers,
            "outlier": np.where(profile.outliers > 0, _times(panel, np.maximum(profile.outlier_at, 0)), None),
            "lowest": profile.lowest,
            "mean": profile.mean,
            "highest": profile.highest,
            **dict(zip(_PARTS, (fit, parts.validation, parts.calibration, parts.holdout), strict=True)),
        }
    )


def _summarize_values(series: pd.DataFrame) -> dict[str, Any]:
    """Summarize the values of all series, and name the series with the longest flat end and the most outliers."""
    counts = {name: int(series[name].sum()) for name in ("steps", "missing", "zeros", "negatives", "outliers")}
    flat = series["flat"].where(~series["is_constant"], 0)
    flattest, oddest = series.iloc[int(flat.argmax())], series.iloc[int(series["outliers"].argmax())]
    return {
        **counts,
        "constant_series": int(series["is_constant"].sum()),
        "lowest": series["lowest"].min(),
        "highest": series["highest"].max(),
        "flat": {"unique_id": flattest["unique_id"], "from": flattest["flat_from"], "steps": flat.max()},
        "outlier": {"unique_id": oddest["unique_id"], "ds": oddest["outlier"]} if oddest["outliers"] else None,
    }


def _list_longest_gaps(panel: Panel, profile: SeriesProfile) -> list[dict[str, Any]]:
    """Return the longest gap of each of the series with the longest gaps."""
    order = np.argsort(-profile.longest_gap, kind="stable")[:_GAPS_LISTED]
    begin, end = _times(panel, profile.gap_at), _times(panel, profile.gap_at + profile.longest_gap - 1)
    return [
        {
            "unique_id": panel.ids[row],
            "from": begin[row],
            "to": end[row],
            "steps": profile.longest_gap[row],
        }
        for row in order.tolist()
        if profile.longest_gap[row]
    ]


def _describe_splits(panel: Panel, parts: Split) -> dict[str, Any]:
    """Return the number of steps in each part of the series, and its first and last time if all series share them."""
    tails = (parts.validation, parts.calibration, parts.holdout)
    counts = dict(zip(_PARTS, (panel.lengths - sum(tails), *tails), strict=True))
    is_same = all((each == each[0]).all() for each in (panel.start, *counts.values()))
    splits, begin = {}, np.zeros_like(panel.start)
    for name, steps in counts.items():
        splits[name] = {**_spread(steps), "series": int((steps > 0).sum()), "first": None, "last": None}
        if is_same and steps[0]:
            splits[name] |= {"first": _times(panel, begin)[0], "last": _times(panel, begin + steps - 1)[0]}
        begin = begin + steps
    return splits


def _plan_training(config: Config, loaded: LoadedData, parts: Split) -> dict[str, Any]:
    """Return the model that `train` would fit, or the error that it would report."""
    panel = loaded.panel
    try:
        refuse_short(config.data.path or "-", panel, loaded.config.resolved_horizon)
    except DataError as error:
        return {"is_possible": False, "error": error.message, "hint": error.hint}
    config = config.model_copy(update={"data": loaded.config, "job": None})
    if isinstance(config.model, AutoConfig):
        return {"is_possible": True, "model": "auto", "preset": config.preset, "networks": []}
    config = place_on_device(config, "cpu")  # Looking for another device would load torch.
    config = resolve(config, panel.cut(parts.holdout))
    networks = networks_of(config)
    return {
        "is_possible": True,
        "model": config.name,
        "preset": config.preset,
        "networks": networks,
        "members": config.ensemble.choose,
        "others": [each.name for each in members_of(config) if not isinstance(each.model, NetworkModel)],
        "calendar": bool(config.data.calendar) and bool(networks),
        "is_calibrated": config.conformal.is_on and bool(parts.calibration.any()),
    }


def _times(panel: Panel, step: Ints) -> Any:
    """Return the [N] text of the time of a step of each series."""
    return panel.frequency.format(panel.frequency.timestamps(panel.start, step), panel.zone)


def _spread(counts: Ints) -> dict[str, int]:
    return {"shortest": int(counts.min()), "median": int(np.median(counts)), "longest": int(counts.max())}


def _plain(value: Any) -> Any:
    """Convert values of numpy and pandas to those that JSON has; NaN becomes None."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
