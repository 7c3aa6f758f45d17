"""The data that `forecast predict` reads, and its forecast in parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from forecaster.forecast import Forecast
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle


@dataclass(frozen=True, kw_only=True)
class FreshData:
    """The data to forecast from, with the options by which it is read.

    Attributes:
        source: a table; None for the bundle's data itself.
        columns: the options on the table's columns, by key of the config (`data.season`); None for those that were not
            passed. A bundle decides all of them but `data.duplicates` and those on the query.
        later: a table with future values of the known covariates, if the data does not contain them.
        memory: the limit in bytes for long Parquet files; None for that of the training.
        stdin: the stream that `-` reads from.
    """

    source: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
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
        bundle: the bundle that forecasts; None for the pretrained network.
        parts: the forecasts of all series in order; each part is computed when it is requested.
    """

    bundle: Bundle | None
    horizon: int
    parts: Iterator[Part]
