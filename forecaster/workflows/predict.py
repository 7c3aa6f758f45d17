"""`forecast predict`: a bundle and fresh data become a forecasts table."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from forecaster.config import DataConfig, Device, Duplicates
from forecaster.data import future
from forecaster.data.load import LoadedData, load, load_in_parts
from forecaster.errors import DataError, InputError, UsageError
from forecaster.evaluation.backtest import iterate_parts
from forecaster.events import DataRead, ForecastsWritten, Note, Watch, ignore
from forecaster.forecast import Forecast
from forecaster.models.build import restore_forecaster
from forecaster.panel import Panel
from forecaster.store import bundle
from forecaster.store.csv import to_csv, write_csv
from forecaster.store.files import atomic_file
from forecaster.store.manifest import Columns
from forecaster.store.parquet import write_parquet
from forecaster.workflows.source import Source, is_database_url

_NO_BETTER = "this model was no better than a naive forecast on its holdout"


@dataclass(frozen=True)
class Part:
    """The forecast of some series, and their data."""

    forecast: Forecast
    panel: Panel


@dataclass(frozen=True)
class Predicted:
    """A forecast in the making.

    Attributes:
        parts: forecasts of the series in their order, some at a time, each made when it is asked for.
    """

    bundle: bundle.Bundle
    horizon: int
    parts: Iterator[Part]


def predict(
    source: str | None = None,
    *,
    folder: Path | None = None,
    horizon: int | None = None,
    duplicates: Duplicates | None = None,
    query: str | None = None,
    later: str | None = None,
    memory: int | None = None,
    device: Device = "cpu",
    stdin: BinaryIO | None = None,
    watch: Watch = ignore,
) -> Predicted:
    """Forecast what follows the data; the errors below come with the parts, at the latest before the last one.

    Args:
        source: a table of the same columns and frequency as the bundle's; None reads the bundle's own again.
        folder: the bundle; None takes `runs/latest`.
        horizon: steps; None takes the trained horizon.
        duplicates: what to do with differing rows for one timestamp; None does as in training.
        query: the SQL query that gives the table, where the source is a database; None asks as in training.
        later: a table of the known columns' values for the steps to forecast, where the data does not have them.
        memory: bytes to stay within, where the data is long Parquet files; None for what the bundle was trained with.
        device: of the networks.

    Raises:
        InputError: no such bundle, or its data is gone.
        DataError: the data does not fit the bundle, or a known column has no value at a step to forecast.
        UsageError: there are no known columns that `later` could be for.
    """
    read = open_bundle(folder)
    data = source_of(read, source, query=query)
    horizon = horizon or read.manifest.horizon
    if later is not None:
        refuse_without_known(read.config.data, "--future")
    changed = {"duplicates": duplicates, "memory": memory}
    config = _config_for(data, read, changed)
    frequency = read.manifest.data.frequency
    parts = load_in_parts(data.read(stdin), config, frequency=frequency, later=later)
    return Predicted(read, horizon, _forecast(parts, read, horizon, data.place, device, watch))


def _forecast(
    parts: Iterator[LoadedData], read: bundle.Bundle, horizon: int, source: str, device: Device, watch: Watch
) -> Iterator[Part]:
    forecaster = None
    fallbacks, cutoffs, spacings = list[str](), list[int](), list[float]()
    with _as_data_error(read):
        for loaded, is_last in _with_last(parts):
            cutoffs.append(int(loaded.panel.cutoff.max()))
            spacings.append(loaded.panel.spacing)
            if is_last:
                _refuse_sparse(source, float(np.median(spacings)), read)
                _refuse_older(source, max(cutoffs), loaded.panel, read)
            if forecaster is None:
                watch(DataRead(source, loaded.series, loaded.rows, loaded.roles))
                forecaster = restore_forecaster(read.config, read.state, read.exports, device=device)
            future.require(loaded.panel, horizon, loaded.config, source)
            for _, panel in iterate_parts(loaded.panel, horizon):
                forecast = forecaster.predict(panel, horizon)
                fallbacks += forecast.ids[forecast.fallback].tolist()
                yield Part(forecast, panel)
    if fallbacks:
        watch(Note(_fallbacks(read.manifest.model, fallbacks)))
    if read.metrics["verdict"] != "better":
        watch(Note(_NO_BETTER))


def _with_last(parts: Iterator[LoadedData]) -> Iterator[tuple[LoadedData, bool]]:
    """Tell of each part whether it is the last."""
    held = next(parts)
    for part in parts:
        yield held, False
        held = part
    yield held, True


def open_bundle(folder: Path | None) -> bundle.Bundle:
    """Read a bundle, `runs/latest` where none is named.

    Raises: InputError: it is not there.
    """
    if folder is None:
        if not bundle.LATEST.exists():
            raise InputError(
                f"{bundle.LATEST}: nothing was trained here yet",
                hint="run `forecast train DATA`, or name a bundle with --bundle",
            )
        folder = bundle.LATEST.resolve()
    return bundle.read(folder)


def source_of(read: bundle.Bundle, text: str | None, *, query: str | None = None) -> Source:
    """Return the data that the user named, or the data that the bundle was trained on.

    Args:
        text: what the user named; None for the bundle's data.
        query: the SQL query for a database; None for the query of the training.

    Raises:
        InputError: the bundle was trained from standard input, which cannot be read again.
        UsageError: there is a query, but no database.
    """
    if text is None:
        text = read.manifest.data.absolute
        if text == "-":
            raise InputError(f"{read.folder}: was trained from standard input", hint="name the data: forecast ... DATA")
    if query is None and is_database_url(text):
        query = read.config.data.query
    return Source.parse(text, query=query)


def publish(frames: Iterable[pd.DataFrame], out: Path, *, watch: Watch = ignore) -> None:
    """Write a forecasts table frame by frame, as Parquet or CSV by its name, whole or not at all.

    Args:
        frames: of whole series each.

    Raises: OutputError: it cannot be written; what stood there before still stands.
    """
    series = rows = 0

    def counted() -> Iterator[pd.DataFrame]:
        nonlocal series, rows
        for frame in frames:
            series, rows = series + frame["unique_id"].nunique(), rows + len(frame)
            yield frame

    write = write_parquet if out.suffix == ".parquet" else write_csv
    with atomic_file(out) as temporary:
        write(temporary, counted())
    watch(ForecastsWritten(str(out), series, rows))


def render(frame: pd.DataFrame, out: Path) -> bytes:
    """Lay a table out as a file's name says: Parquet, else CSV."""
    if out.suffix != ".parquet":
        return to_csv(frame)
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def refuse_without_known(config: DataConfig, option: str) -> None:
    """Make sure that there are known columns, at times that a table can tell.

    Raises: UsageError: there are none, or rows are steps without a time.
    """
    if not config.known:
        raise UsageError(f"{option}: no column is known ahead", hint="name such columns with --known when training")
    if config.time == "none":
        raise UsageError(
            f"{option}: the data has no time column to tell rows by",
            hint="append rows with an empty target and the known values to the data itself",
        )


def load_data(
    source: Source,
    read: bundle.Bundle,
    *,
    duplicates: Duplicates | None = None,
    later: str | None = None,
    stdin: BinaryIO | None = None,
) -> LoadedData:
    """Read data as the bundle's was read.

    Raises: DataError: the data does not fit the bundle.
    """
    config = _config_for(source, read, {"duplicates": duplicates})
    frequency = read.manifest.data.frequency
    table = source.read(stdin)
    with _as_data_error(read):
        loaded = load(table, config, frequency=frequency, later=later)
    _refuse_sparse(source.place, loaded.panel.spacing, read)
    return loaded


def _config_for(source: Source, read: bundle.Bundle, changed: Mapping[str, Any]) -> DataConfig:
    """Return the config to read a source by: the bundle's, with the changes that are not None."""
    update = {key: value for key, value in changed.items() if value is not None}
    return read.config.data.model_copy(update={**update, "path": source.place, "query": source.query})


@contextmanager
def _as_data_error(read: bundle.Bundle) -> Iterator[None]:
    """Take what is wrong with columns for the data's fault: they are the bundle's, not the user's words."""
    try:
        yield
    except UsageError as error:
        message = re.sub(r"--\w+: ", "", error.message)  # predict has no such flag
        columns = _list_columns(read.manifest.data.columns)
        raise DataError(message, hint=f"the bundle was trained on {columns}") from error


def _refuse_sparse(source: str, spacing: float, read: bundle.Bundle) -> None:
    trained = read.manifest.data.spacing
    if spacing > max(1, trained):
        frequency = read.manifest.data.frequency
        raise DataError(
            f"{source}: rows lie {spacing:g} steps of {frequency.name} apart, the bundle's {trained:g}",
            hint="train on this data: `forecast train DATA`",
        )


def refuse_older(source: str, loaded: LoadedData, read: bundle.Bundle) -> None:
    """Make sure that data does not end before the bundle's.

    Raises: DataError: it does.
    """
    _refuse_older(source, int(loaded.panel.cutoff.max()), loaded.panel, read)


def _refuse_older(source: str, cutoff: int, panel: Panel, read: bundle.Bundle) -> None:
    trained = read.manifest.data
    if cutoff < trained.last_cutoff:
        last = panel.frequency.format(np.array([cutoff]), panel.zone)[0]
        raise DataError(
            f"{source}: ends at {last}, the bundle's data at {trained.last}",
            hint="give data at least as new as the bundle's, or train on this data",
        )


def _fallbacks(model: str, ids: Sequence[str]) -> str:
    count = f"{len(ids)} series" if len(ids) > 1 else f"series {ids[0]!r}"
    return f"{model} could not be fitted to {count}: seasonal naive stands in, status says fallback"


def _list_columns(columns: Columns) -> str:
    names = [columns.time, columns.id, *(columns.target or ()), *columns.past, *columns.known, *columns.static]
    return ", ".join(name for name in names if name)
