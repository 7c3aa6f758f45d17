"""`forecast predict`: forecast the steps after the data with a bundle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from forecaster.config import Device, Duplicates
from forecaster.data import future
from forecaster.data.load import LoadedData, load_in_parts
from forecaster.evaluation.backtest import iterate_parts
from forecaster.events import DataRead, Note, Watch, ignore
from forecaster.forecast import Forecast
from forecaster.models.build import restore_forecaster
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle
from forecaster.workflows.reading import (
    as_data_error,
    config_for,
    open_bundle,
    refuse_older_cutoff,
    refuse_sparse,
    refuse_without_known,
    source_of,
)

_NO_BETTER = "this model was no better than a naive forecast on its holdout"


@dataclass(frozen=True, kw_only=True)
class FreshData:
    """The data to forecast from, with the options by which it is read.

    Attributes:
        source: a table with the columns and the frequency of the bundle's data; None for the bundle's data itself.
        query: the SQL query for a database; None for the query of the training.
        duplicates: the rule for differing rows with the same timestamp; None for that of the training.
        later: a table with future values of the known covariates, if the data does not contain them.
        memory: the limit in bytes for long Parquet files; None for that of the training.
        stdin: the stream that `-` reads from.
    """

    source: str | None = None
    query: str | None = None
    duplicates: Duplicates | None = None
    later: str | None = None
    memory: int | None = None
    stdin: BinaryIO | None = None


@dataclass(frozen=True)
class Part:
    """The forecast of some series, and their data."""

    forecast: Forecast
    panel: Panel


@dataclass(frozen=True)
class Predicted:
    """A forecast in parts.

    Attributes:
        parts: the forecasts of all series in order; each part is computed when it is requested.
    """

    bundle: Bundle
    horizon: int
    parts: Iterator[Part]


def predict(
    data: FreshData,
    *,
    folder: Path | None = None,
    horizon: int | None = None,
    device: Device = "cpu",
    watch: Watch = ignore,
) -> Predicted:
    """Forecast the steps after the data. Data errors may be raised as late as the last part.

    Args:
        folder: the bundle; None for `runs/latest`.
        horizon: steps; None for the trained horizon.
        device: where networks run.

    Raises:
        InputError: the bundle or its data is missing.
        DataError: the data does not fit the bundle, or a known covariate has no value at a step to forecast.
        UsageError: `later` was passed, but the bundle has no known covariates.
    """
    bundle = open_bundle(folder)
    source = source_of(bundle, data.source, query=data.query)
    horizon = horizon or bundle.manifest.horizon
    if data.later is not None:
        refuse_without_known(bundle.config.data, "--future")
    config = config_for(source, bundle, {"duplicates": data.duplicates, "memory": data.memory})
    frequency = bundle.manifest.data.frequency
    parts = load_in_parts(source.read(data.stdin), config, frequency=frequency, later=data.later)
    return Predicted(bundle, horizon, _forecast(parts, bundle, horizon, source.place, device, watch))


def _forecast(
    parts: Iterator[LoadedData], bundle: Bundle, horizon: int, place: str, device: Device, watch: Watch
) -> Iterator[Part]:
    forecaster = None
    fallbacks, cutoffs, spacings = list[str](), list[int](), list[float]()
    with as_data_error(bundle):
        for loaded, is_last in _mark_last(parts):
            cutoffs.append(int(loaded.panel.cutoff.max()))
            spacings.append(loaded.panel.spacing)
            if is_last:
                refuse_sparse(place, float(np.median(spacings)), bundle)
                refuse_older_cutoff(place, max(cutoffs), loaded.panel, bundle)
            if forecaster is None:
                watch(DataRead(place, loaded.series, loaded.rows, loaded.roles))
                forecaster = restore_forecaster(bundle.config, bundle.state, bundle.exports, device=device)
            future.require(loaded.panel, horizon, loaded.config, place)
            for _, panel in iterate_parts(loaded.panel, horizon):
                forecast = forecaster.predict(panel, horizon)
                fallbacks += forecast.ids[forecast.fallback].tolist()
                yield Part(forecast, panel)
    if fallbacks:
        watch(Note(_describe_fallbacks(bundle.manifest.model, fallbacks)))
    if bundle.metrics["verdict"] != "better":
        watch(Note(_NO_BETTER))


def _mark_last(parts: Iterator[LoadedData]) -> Iterator[tuple[LoadedData, bool]]:
    """Iterate over the parts, each with True if it is the last one."""
    previous = next(parts)
    for part in parts:
        yield previous, False
        previous = part
    yield previous, True


def _describe_fallbacks(model: str, ids: Sequence[str]) -> str:
    names = f"{len(ids)} series" if len(ids) > 1 else f"series {ids[0]!r}"
    return f"{model} could not be fitted to {names}, so the seasonal naive forecast replaces it (status: fallback)"
