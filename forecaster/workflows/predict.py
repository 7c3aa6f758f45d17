"""`forecast predict`: a bundle and fresh data become a forecasts table."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from forecaster.config import DataConfig, Duplicates
from forecaster.data import future
from forecaster.data.load import Loaded, load
from forecaster.errors import DataError, InputError, UsageError
from forecaster.events import DataRead, ForecastsWritten, Note, Watch, ignore
from forecaster.forecast import Forecast
from forecaster.frequency import Frequency
from forecaster.models.build import restored
from forecaster.panel import Panel
from forecaster.store import bundle
from forecaster.store.files import atomic_write
from forecaster.store.table import to_csv
from forecaster.workflows.source import is_database, place_of, read_frame

_NO_BETTER = "this model was no better than a naive forecast on its holdout"


@dataclass(frozen=True)
class Predicted:
    """A forecast, the bundle it came from, and the data."""

    forecast: Forecast
    bundle: bundle.Bundle
    panel: Panel


def predict(
    source: str | None = None,
    *,
    folder: Path | None = None,
    horizon: int | None = None,
    duplicates: Duplicates | None = None,
    query: str | None = None,
    later: str | None = None,
    stdin: BinaryIO | None = None,
    watch: Watch = ignore,
) -> Predicted:
    """Forecast what follows the data.

    Args:
        source: a table of the same columns and frequency as the bundle's; None reads the bundle's own again.
        folder: the bundle; None takes `runs/latest`.
        horizon: steps; None takes the trained horizon.
        duplicates: what to do with differing rows for one timestamp; None does as in training.
        query: the SQL query that gives the table, where the source is a database; None asks as in training.
        later: a table of the known columns' values for the steps to forecast, where the data does not have them.

    Raises:
        InputError: no such bundle, or its data is gone.
        DataError: the data does not fit the bundle, or a known column has no value at a step to forecast.
        UsageError: there are no known columns that `later` could be for.
    """
    read = open_bundle(folder)
    source = source_of(read, source)
    horizon = horizon or int(read.manifest["horizon"])
    if later is not None:
        refuse_without_known(read.config.data, "--future")
    loaded = load_data(source, read, duplicates=duplicates, query=query, later=later, stdin=stdin)
    source = place_of(source)
    refuse_older(source, loaded, read)
    watch(DataRead(source, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    future.require(loaded.panel, horizon, loaded.config, source)
    forecaster = restored(read.config, read.state, read.exports)
    forecast = forecaster.predict(loaded.panel, horizon)
    if forecast.fallback.any():
        watch(Note(_fallbacks(forecast)))
    if read.metrics["verdict"] != "better":
        watch(Note(_NO_BETTER))
    return Predicted(forecast, read, loaded.panel)


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


def source_of(read: bundle.Bundle, source: str | None) -> str:
    """The data that was named, else what the bundle was trained on.

    Raises: InputError: that was standard input.
    """
    if source is None:
        source = str(read.manifest["data"]["absolute"])
        if source == "-":
            raise InputError(f"{read.folder}: was trained from standard input", hint="name the data: forecast ... DATA")
    return source


def publish(frame: pd.DataFrame, out: Path, *, watch: Watch = ignore) -> None:
    """Write a forecasts table, as Parquet or CSV by its name.

    Raises: OutputError: it cannot be written; what stood there before still stands.
    """
    atomic_write(out, render(frame, out))
    watch(ForecastsWritten(str(out), frame["unique_id"].nunique(), len(frame)))


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
    source: str,
    read: bundle.Bundle,
    *,
    duplicates: Duplicates | None = None,
    query: str | None = None,
    later: str | None = None,
    stdin: BinaryIO | None = None,
) -> Loaded:
    """Read data as the bundle's was read.

    Raises: DataError: the data does not fit the bundle.
    """
    trained: dict[str, Any] = read.manifest["data"]
    query = query or (read.config.data.query if is_database(source) else None)
    frame, source = read_frame(source, query), place_of(source)
    try:
        config = read.config.data.model_copy(update={"path": source, "query": query})
        if duplicates:
            config = config.model_copy(update={"duplicates": duplicates})
        frequency = Frequency.from_dict(trained["frequency"])
        loaded = load(source, config, frequency=frequency, stdin=stdin, later=later, frame=frame)
    except UsageError as error:  # the columns are the bundle's, not the user's words
        message = re.sub(r"--\w+: ", "", error.message)  # predict has no such flag
        raise DataError(message, hint=f"the bundle was trained on {_columns(trained)}") from error
    if loaded.panel.spacing > max(1, trained["spacing"]):
        raise DataError(
            f"{source}: rows lie {loaded.panel.spacing:g} steps of {loaded.panel.frequency.name} apart,"
            f" the bundle's {trained['spacing']:g}",
            hint="train on this data: `forecast train DATA`",
        )
    return loaded


def refuse_older(source: str, loaded: Loaded, read: bundle.Bundle) -> None:
    """Make sure that data does not end before the bundle's.

    Raises: DataError: it does.
    """
    trained: dict[str, Any] = read.manifest["data"]
    if int(loaded.panel.cutoff.max()) < trained["last_cutoff"]:
        raise DataError(
            f"{source}: ends at {loaded.quality['last']}, the bundle's data at {trained['last']}",
            hint="give data at least as new as the bundle's, or train on this data",
        )


def _fallbacks(forecast: Forecast) -> str:
    ids = forecast.ids[forecast.fallback]
    count = f"{len(ids)} series" if len(ids) > 1 else f"series {ids[0]!r}"
    return f"{forecast.model} could not be fitted to {count}: seasonal naive stands in, status says fallback"


def _columns(trained: dict[str, Any]) -> str:
    columns = trained["columns"]
    names = [columns["time"], columns["id"]]
    for role in ("target", "past", "known", "static"):
        names += columns.get(role) or ()
    return ", ".join(name for name in names if name)
