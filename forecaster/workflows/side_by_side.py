"""Forecasts of many series by one model, computed by worker processes side by side.

The caller reads the data and divides it into the same parts for any number of workers, so the forecasts are the same to
the bit. A worker has the model and one part in its memory.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np

from forecaster.config import Config, Device
from forecaster.data.memory_limit import free_memory
from forecaster.errors import as_input_error
from forecaster.evaluation.backtest import POINTS_AT_ONCE, iterate_parts
from forecaster.forecast import Forecast, Forecaster
from forecaster.models.build import Exports
from forecaster.models.restore import CANNOT_RUN, restore_forecaster
from forecaster.models.short_series import borrow_intervals
from forecaster.models.state import Arrays
from forecaster.models.variants import has_networks
from forecaster.panel import Panel
from forecaster.parallel.factory import create_local_pool
from forecaster.parallel.pool import MAX_ATTEMPTS, Work, WorkerContext, WorkerKilled
from forecaster.runtime import count_cores
from forecaster.store.bundle import Bundle

_MIN_PARTS_PER_WORKER = (
    2  # A worker takes about two seconds to start, as long as a network takes for a third of a part.
)
_WORKER_BYTES = 10**9
_PARTS_AHEAD = 1  # for each worker, of finished parts that wait for an earlier one


class PartForecaster(Protocol):
    """A model that forecasts parts of the data, and can be sent to other processes."""

    @property
    def place(self) -> str:
        """The model, as errors name it."""

    def predict(self, panel: Panel) -> Forecast:
        """Forecast the steps after the cutoffs of a part of the data."""


@dataclass(frozen=True)
class FittedBundle:
    """The parts of a bundle that a process needs to forecast.

    Attributes:
        place: the bundle, as errors name it.
        device: where networks run.
    """

    place: str
    config: Config
    state: Arrays
    exports: Exports
    horizon: int
    device: Device

    @classmethod
    def of(cls, bundle: Bundle, horizon: int, device: Device) -> Self:
        """Return the parts of a bundle that a process needs."""
        return cls(bundle.place, bundle.config, bundle.state, bundle.exports, horizon, device)

    @property
    def is_slow(self) -> bool:
        """True if forecasts take long enough for several processes, each with a core of its own."""
        return self.device == "cpu" and has_networks(self.config)

    @cached_property
    def forecaster(self) -> Forecaster:
        """The forecaster, restored when it is needed first."""
        return restore_forecaster(self.config, self.state, self.exports, device=self.device)

    def predict(self, panel: Panel) -> Forecast:
        """Forecast the steps after the cutoffs of a part of the data.

        Raises: InputError: the model cannot be run.
        """
        forecaster = self.forecaster
        with as_input_error(f"{self.place}: {CANNOT_RUN}"):
            return borrow_intervals(forecaster.predict(panel, self.horizon), panel)


class TrustedBundle(FittedBundle):
    """A bundle of this user, whose errors pass: a series of the data caused them."""

    def predict(self, panel: Panel) -> Forecast:
        """Forecast the steps after the cutoffs; series with few values get no intervals of others."""
        return self.forecaster.predict(panel, self.horizon)


def count_parts(series: int, horizon: int) -> int:
    """Return the number of parts into which a table is divided, at least."""
    return math.ceil(series * horizon / POINTS_AT_ONCE)


def choose_workers(parts: int, *, threads: int = 1) -> int:
    """Return the number of worker processes that a table is worth; 1 for this process alone.

    Args:
        parts: the number of parts of the table.
        threads: the processor threads of a worker.
    """
    cores = count_cores() // threads
    return max(1, min(cores, parts // _MIN_PARTS_PER_WORKER, free_memory() // _WORKER_BYTES))


def predict_parts(
    panels: Iterator[Panel], model: PartForecaster, workers: int
) -> Generator[tuple[Panel, Forecast], None, None]:
    """Forecast the parts of the data, and yield them in their order.

    Args:
        panels: the parts; each is requested when a worker is free.
        workers: the number of processes; 1 for this process alone.

    Raises:
        InputError: the model cannot be run.
        DependencyError: the workers of a part were killed each time.
    """
    if workers == 1:
        for panel in panels:
            yield panel, model.predict(panel)
        return
    pending: dict[int, Panel] = {}
    forecasts: dict[int, Forecast] = {}
    first = 0  # the part to yield next

    def next_task() -> tuple[int, Panel] | None:
        if len(forecasts) > _PARTS_AHEAD * workers or (panel := next(panels, None)) is None:
            return None
        number = first + len(pending)
        pending[number] = panel
        return number, panel.compact()

    pool = create_local_pool(workers=workers)
    try:
        with closing(pool.iterate(Work(_predict, next_task, model))) as results:
            for number, forecast in results:
                forecasts[number] = forecast
                while first in forecasts:
                    panel, forecast = pending.pop(first), forecasts.pop(first)
                    first += 1
                    yield panel, forecast
    except WorkerKilled as error:
        hint = "if memory ran short, pass a smaller number to --workers"
        message = f"{model.place}: {error.__cause__}, {MAX_ATTEMPTS} times at the same part"
        raise WorkerKilled(message, hint=hint) from error


def predict_whole(panel: Panel, fitted: FittedBundle, workers: int | None) -> Forecast:
    """Forecast a panel in parts, and join them.

    Args:
        workers: the number of processes; None for as many as the panel is worth.

    Raises:
        DependencyError: the workers of a part were killed each time.
        Exception: the error of a part.
    """
    panels = [part for _, part in iterate_parts(panel, fitted.horizon)]
    if workers is None:
        workers = choose_workers(len(panels)) if fitted.is_slow else 1
    with closing(predict_parts(iter(panels), fitted, min(workers, len(panels)))) as results:
        return _join([forecast for _, forecast in results])


def _join(forecasts: Sequence[Forecast]) -> Forecast:
    def join(name: str) -> Any:
        return np.concatenate([getattr(forecast, name) for forecast in forecasts])

    names = ("ids", "cutoff", "ds", "mean", "quantiles", "fallback")
    return replace(forecasts[0], **{name: join(name) for name in names})


def _predict(context: WorkerContext, panel: Panel) -> Forecast:
    model: PartForecaster = context.shared
    return model.predict(panel)
