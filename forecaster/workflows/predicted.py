"""The data that `forecast predict` reads, and its forecast in parts."""

import shlex
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO

import numpy as np

from forecaster.errors import UsageError, did_you_mean
from forecaster.forecast import Forecast
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle

_MAX_SUGGESTED = 1000


@dataclass(frozen=True, kw_only=True)
class FreshData:
    """The data to forecast from, with the options by which it is read.

    Attributes:
        source: a table; None for the bundle's data itself.
        columns: the options on the table's columns, by key of the config (`data.season`); None for those that were not
            passed. A bundle decides all of them but `data.duplicates` and those on the query.
        later: a table with future values of the known covariates, if the data does not contain them.
        series: the names of the series to forecast; empty for all.
        memory: the limit in bytes for long Parquet files; None for that of the training.
        stdin: the stream that `-` reads from.
        is_pretrained: True to forecast by the pretrained network, even if there is a bundle in `runs/latest`.
    """

    source: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    later: str | None = None
    series: tuple[str, ...] = ()
    memory: int | None = None
    stdin: BinaryIO | None = None
    is_pretrained: bool = False


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
        start: a function that starts to forecast; see `parts_except`. It can be called once.
    """

    bundle: Bundle | None
    horizon: int
    start: Callable[[Callable[[Panel], bool]], Generator[Part, None, None]]

    @cached_property
    def parts(self) -> Generator[Part, None, None]:
        """The forecasts of all series in order.

        Each part is computed when it is requested, and worker processes end when the iterator is closed.
        """
        return self.parts_except(lambda _: False)

    def parts_except(self, is_done: Callable[[Panel], bool]) -> Generator[Part, None, None]:
        """Return the forecasts of the parts that are not done, as `parts` does.

        Args:
            is_done: is called for each part in order before it is forecast.
        """
        return self.start(is_done)


class SeriesSelection:
    """The series that the user named, looked for in the parts of a table."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._missing = dict.fromkeys(names)
        self._present: list[str] = []

    def select(self, panel: Panel) -> Panel:
        """Return the named series of a part, possibly none; all series if none was named."""
        if not self._names:
            return panel
        for name in panel.ids:
            self._missing.pop(str(name), None)
        if len(self._present) < _MAX_SUGGESTED:
            self._present += [str(name) for name in panel.ids[:_MAX_SUGGESTED]]
        return panel.select(np.isin(panel.ids.astype(str), self._names))

    def refuse_missing(self) -> None:
        """Check that every named series was found.

        Raises: UsageError: names the first that was not.
        """
        if not self._missing:
            return
        name = next(iter(self._missing))
        raise UsageError(
            f"--series {name}: not in the data{did_you_mean(name, self._present)}",
            hint=f"pass one such as --series {shlex.quote(self._present[0])}",
        )
