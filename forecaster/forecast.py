"""A forecast of a panel, and the protocol of whatever makes one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.errors import UsageError
from forecaster.events import TrainingStep, Watch
from forecaster.frequency import Frequency, Ints
from forecaster.panel import Floats, Panel

# every probabilistic forecaster gives these, so that 50, 80, 90 and 95 % intervals always exist
PROBABILITIES = (0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.975)
GRAPH_FILE = "network.onnx"
DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Forecast:
    """The next H steps of N series, with their uncertainty.

    Attributes:
        ids: [N] unique_id of each series.
        cutoff: [N] timestamp of the last observation each forecast could see.
        ds: [N, H] timestamps forecast.
        mean: [N, H] point forecast in the data's units.
        quantiles: [N, H, Q] at `PROBABILITIES`, nowhere decreasing along Q.
        model: the model's resolved name.
        fallback: [N] True where a simpler forecast stands in for one that failed.
    """

    ids: npt.NDArray[np.object_]
    cutoff: Ints
    ds: Ints
    mean: Floats
    quantiles: Floats
    model: str
    fallback: npt.NDArray[np.bool_]
    frequency: Frequency
    zone: str | None

    @classmethod
    def of(
        cls,
        panel: Panel,
        mean: Floats,
        quantiles: Floats,
        *,
        model: str,
        fallback: npt.NDArray[np.bool_] | None = None,
    ) -> "Forecast":
        """Date the arrays a model computed for a panel: `mean` [N, H], `quantiles` [N, H, Q].

        What a target cannot be is brought to what it can: values beyond the panel's minimum and maximum to these,
        those of an integer target to whole numbers. Both keep the order of quantiles.

        Args:
            fallback: [N] where a simpler forecast stands in; nowhere when not given.

        Raises: ValueError: a value is not finite (a bug in the model, not bad data).
        """
        if not (np.isfinite(mean).all() and np.isfinite(quantiles).all()):
            raise ValueError(f"{model} gave a forecast that is not finite")
        return cls(
            ids=panel.ids,
            cutoff=panel.cutoff,
            ds=panel.future(mean.shape[1]),
            mean=_to_support(panel, mean),
            quantiles=_to_support(panel, quantiles),
            model=model,
            fallback=np.zeros(len(panel), bool) if fallback is None else fallback,
            frequency=panel.frequency,
            zone=panel.zone,
        )

    @property
    def horizon(self) -> int:
        return int(self.mean.shape[1])

    def at(self, probability: float) -> Floats:
        """[N, H] the quantile of one probability, which must be one of `PROBABILITIES`."""
        return self.quantiles[:, :, PROBABILITIES.index(probability)]

    def to_frame(self, *, levels: tuple[float, ...] = (), actual: Floats | None = None) -> pd.DataFrame:
        """Lay the forecast out as the forecasts table: a row a series and step, sorted so.

        Args:
            levels: coverages in per cent whose two bounds are added to the nine deciles: 95 adds q0.025 and q0.975.
            actual: [N, H] observed values, which become the column `y` after `ds`.

        Raises: UsageError: a level whose bounds the forecast does not have.
        """
        return next(self.frames(max(len(self.ids), 1), levels=levels, actual=actual))

    def frames(
        self, size: int, *, levels: tuple[float, ...] = (), actual: Floats | None = None
    ) -> Iterator[pd.DataFrame]:
        """Lay the forecast out as `to_frame` does, `size` series at a time: a table of many rows takes much memory."""
        horizon = self.horizon
        ds = self.frequency.format(self.ds.ravel(), self.zone).reshape(self.ds.shape)  # of one format throughout
        cutoff = self.frequency.format(self.cutoff, self.zone)
        status = np.where(self.fallback, "fallback", "ok").astype(object)
        probabilities = sorted({*DECILES, *interval_bounds(levels)})
        for first in range(0, max(len(self.ids), 1), size):
            some = slice(first, min(first + size, len(self.ids)))
            count = some.stop - some.start
            columns: dict[str, object] = {"unique_id": np.repeat(self.ids[some], horizon), "ds": ds[some].ravel()}
            if actual is not None:
                columns["y"] = actual[some].ravel()
            columns |= {
                "cutoff": np.repeat(cutoff[some], horizon),
                "step": np.tile(np.arange(1, horizon + 1), count),
                "model": np.full(count * horizon, self.model, object),
                "mean": self.mean[some].ravel(),
            }
            columns |= {f"q{p:g}": self.at(p)[some].ravel() for p in probabilities}
            columns["status"] = np.repeat(status[some], horizon)
            yield pd.DataFrame(columns)

    def to_nixtla(self, *, levels: tuple[float, ...] = (80,)) -> pd.DataFrame:
        """Lay the forecast out as the Nixtla libraries do: `unique_id, ds, GRU, GRU-lo-80, GRU-hi-80`."""
        interval_bounds(levels)
        name = self.model.upper()
        columns: dict[str, object] = {
            "unique_id": np.repeat(self.ids, self.horizon),
            "ds": self.frequency.format(self.ds.ravel(), self.zone),
            name: self.mean.ravel(),
        }
        for level in levels:
            lower, upper = interval_bounds((level,))
            columns[f"{name}-lo-{level:g}"] = self.at(lower).ravel()
            columns[f"{name}-hi-{level:g}"] = self.at(upper).ravel()
        return pd.DataFrame(columns)


def interval_bounds(levels: tuple[float, ...]) -> tuple[float, ...]:
    """The two probabilities that bound each central interval: 80 -> 0.1, 0.9.

    Raises: UsageError: a level that is not between two of `PROBABILITIES`.
    """
    known = {round(200 * (0.5 - p), 6): (p, round(1 - p, 6)) for p in PROBABILITIES if p < 0.5}
    bounds: list[float] = []
    for level in levels:
        if level not in known:
            choices = ", ".join(f"{k:g}" for k in sorted(known))
            raise UsageError(f"--levels: no interval of {level:g} % is forecast", hint=f"choose among {choices}")
        bounds.extend(known[level])
    return tuple(bounds)


def _to_support(panel: Panel, values: Floats) -> Floats:
    if panel.minimum is None and panel.maximum is None and not panel.is_integer:
        return values  # of many series a copy is much
    low = -np.inf if panel.minimum is None else panel.minimum
    high = np.inf if panel.maximum is None else panel.maximum
    if panel.is_integer:
        values, low, high = np.rint(values), np.ceil(low), np.floor(high)
    return np.clip(values, np.float32(low), np.float32(high))


class Checkpoint(Protocol):
    """Where a long fit keeps its state, so that a stopped run can go on."""

    def load(self) -> dict[str, npt.NDArray[np.generic]]:
        """Give the state that was saved last; empty when there is none."""

    def save(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """Replace the saved state, whole or not at all."""

    def is_due(self) -> bool:
        """Whether enough time has passed since the last save."""


class Forecaster(Protocol):
    """Whatever turns a panel into a forecast.

    `fit` and `predict` are all that backtests, jobs and reports know of a model. Nothing a forecaster computes may
    depend on what lies after a series' cutoff, nor on the order of the series.

    Attributes:
        name: the resolved model's name, as tables and metrics give it.
        point: what the point forecast is: `median`, `mean`, `expectation`, `last value` ...
        history: the steps of the fit that was judged; empty where nothing is trained.
    """

    @property
    def name(self) -> str: ...
    @property
    def point(self) -> str: ...
    @property
    def history(self) -> list[TrainingStep]: ...

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Learn from a panel.

        Args:
            validation: [N] how many last steps of each series teach nothing, but tell when to stop. None after an
                earlier fit means: fit again on everything, for as long as that fit found best.
            watch: told of every step.
            checkpoint: where to save and find the state of a fit that takes long.
        """

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        """Forecast the `horizon` steps after each series' cutoff."""

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """What was learnt, as named arrays."""

    def restore(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """Take up what `state` gave; predictions are the same to the bit."""


@runtime_checkable
class Exportable(Protocol):
    """A forecaster whose networks others can run; one that holds others gives theirs."""

    def exports(self) -> dict[str, bytes]:
        """Each network as an ONNX graph, by the name of its file, which ends in `GRAPH_FILE`; those that can be one."""


@runtime_checkable
class Updatable(Protocol):
    """A forecaster that can go on learning from what it knows; one that holds others passes it on to those that can."""

    def update(self, panel: Panel, since: int, *, watch: Watch) -> None:
        """Learn a little from a panel, above all from what is new; a fit must have gone before.

        Args:
            since: newest timestamp of the data that was learnt from before.
            watch: told of every step.
        """
