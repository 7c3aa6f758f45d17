"""The forecast of a panel, and the protocol of the models that make one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.closed_steps import clear_closed_steps
from forecaster.errors import UsageError
from forecaster.events import TrainingStep, Watch
from forecaster.frequency import Frequency, Ints
from forecaster.panel import Floats, Panel
from forecaster.quantile_function import expectation

# Every forecaster returns these quantiles, so that 50, 80, 90 and 95 % intervals always exist.
PROBABILITIES = (0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.975)
GRAPH_FILE = "network.onnx"
Flags = npt.NDArray[np.bool_]
DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Forecast:
    """A forecast of the next H steps of N series, with its uncertainty.

    Attributes:
        ids: [N] unique_id of each series.
        cutoff: [N] timestamp of the last step that was visible to the model.
        ds: [N, H] timestamps of the forecast steps.
        mean: [N, H] expectations in the units of the data, of the type of the panel's values.
        quantiles: [N, H, Q] at `PROBABILITIES`, never decreasing along Q.
        model: the resolved name of the model.
        fallback: [N] True if a simpler forecast replaces one that failed.
        frequency: the spacing of the timestamps.
        zone: the time zone of the timestamps; None if the data has none.
        models: [N] the name of the model of each series; None if it is `model` for all.
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
    models: npt.NDArray[np.object_] | None = None

    @classmethod
    def of(
        cls, panel: Panel, quantiles: Floats, *, model: str, mean: Floats | None = None, fallback: Flags | None = None
    ) -> "Forecast":
        """Make the forecast of a panel from the arrays that a model computed.

        Values are clipped to the panel's minimum and maximum, are 0 at closed steps (see `closed_steps`), and quantiles
        are rounded if the target is an integer. An expectation is not rounded, so that sums of it stay right.

        Args:
            panel: the N series that the model has forecast.
            quantiles: [N, H, Q] at `PROBABILITIES`.
            mean: [N, H] expectations; None for those of the quantiles (see `quantile_function.expectation`).
            model: the resolved name of the model.
            fallback: [N] True if a simpler forecast replaces one that failed; None for no series.

        Raises: ValueError: a value is not finite (a bug in the model, not bad data).
        """
        if not (np.isfinite(quantiles).all() and (mean is None or np.isfinite(mean).all())):
            raise ValueError(f"{model} returned a forecast that is not finite")
        bounded = _clip(panel, np.rint(quantiles) if panel.is_integer else quantiles)
        mean = _expect(panel, bounded) if mean is None else _bound_mean(panel, mean, quantiles)
        mean, quantiles = clear_closed_steps(panel, mean, bounded)
        return cls(
            ids=panel.ids,
            cutoff=panel.cutoff,
            ds=panel.future(quantiles.shape[1]),
            mean=mean,
            quantiles=quantiles,
            model=model,
            fallback=np.zeros(len(panel), bool) if fallback is None else fallback,
            frequency=panel.frequency,
            zone=panel.zone,
        )

    @property
    def horizon(self) -> int:
        return int(self.mean.shape[1])

    @property
    def names(self) -> npt.NDArray[np.object_]:
        """[N] name of the model that made the forecast of each series."""
        return np.full(len(self.ids), self.model, object) if self.models is None else self.models

    @property
    def median(self) -> Floats:
        """[N, H] medians, in the units of the data."""
        return self.at(0.5)

    def first(self, steps: int) -> "Forecast":
        """Return the forecast of the first steps."""
        arrays = {name: getattr(self, name)[:, :steps] for name in ("ds", "mean", "quantiles")}
        return replace(self, **arrays)

    def with_quantiles(self, panel: Panel, quantiles: Floats) -> "Forecast":
        """Replace the quantiles; the mean moves as the expectation of the quantiles does.

        Args:
            panel: the panel of the forecast, whose limits apply.
            quantiles: [N, H, Q] at `PROBABILITIES`.
        """
        mean = self.mean + (expectation(quantiles, PROBABILITIES) - expectation(self.quantiles, PROBABILITIES))
        moved = Forecast.of(panel, quantiles, model=self.model, mean=mean.astype(quantiles.dtype))
        return replace(self, mean=moved.mean, quantiles=moved.quantiles)

    def at(self, probability: float) -> Floats:
        """Return the [N, H] quantiles of a probability, one of `PROBABILITIES`."""
        return self.quantiles[:, :, PROBABILITIES.index(probability)]

    def to_frame(self, *, levels: tuple[float, ...] = (), actual: Floats | None = None) -> pd.DataFrame:
        """Return the forecasts table: one row per series and step, sorted by series, then step.

        Args:
            levels: coverages in per cent whose bounds are added to the nine deciles: 95 adds q0.025 and q0.975.
            actual: [N, H] observed values for the column `y`, after `ds`.

        Raises: UsageError: a level is not the coverage between two of `PROBABILITIES`.
        """
        return next(self.frames(max(len(self.ids), 1), levels=levels, actual=actual))

    def frames(
        self, size: int, *, levels: tuple[float, ...] = (), actual: Floats | None = None
    ) -> Iterator[pd.DataFrame]:
        """Yield the forecasts table `size` series at a time, which saves memory; see `to_frame` for the arguments."""
        horizon = self.horizon
        ds = self.frequency.format(self.ds.ravel(), self.zone).reshape(self.ds.shape)  # one format for all
        cutoff = self.frequency.format(self.cutoff, self.zone)
        status = np.where(self.fallback, "fallback", "ok").astype(object)
        probabilities = sorted({*DECILES, *interval_bounds(levels)})
        for first in range(0, max(len(self.ids), 1), size):
            rows = slice(first, min(first + size, len(self.ids)))
            columns: dict[str, object] = {"unique_id": np.repeat(self.ids[rows], horizon), "ds": ds[rows].ravel()}
            if actual is not None:
                columns["y"] = actual[rows].ravel()
            columns |= {
                "cutoff": np.repeat(cutoff[rows], horizon),
                "step": np.tile(np.arange(1, horizon + 1), rows.stop - rows.start),
                "model": np.repeat(self.names[rows], horizon),
                "mean": self.mean[rows].ravel(),
                "median": self.median[rows].ravel(),
            }
            columns |= {f"q{p:g}": self.at(p)[rows].ravel() for p in probabilities}
            columns["status"] = np.repeat(status[rows], horizon)
            yield pd.DataFrame(columns)

    def to_nixtla(self, *, levels: tuple[float, ...] = (80,)) -> pd.DataFrame:
        """Return the table in the format of the Nixtla libraries: `unique_id, ds, GRU, GRU-median, GRU-lo-80 ...`.

        Args:
            levels: coverages of the intervals in per cent.

        Raises: UsageError: as `to_frame`.
        """
        name = self.model.upper()
        columns: dict[str, object] = {
            "unique_id": np.repeat(self.ids, self.horizon),
            "ds": self.frequency.format(self.ds.ravel(), self.zone),
            name: self.mean.ravel(),
            f"{name}-median": self.median.ravel(),
        }
        for level in levels:
            for side, bound in zip(("lo", "hi"), interval_bounds((level,)), strict=True):
                columns[f"{name}-{side}-{level:g}"] = self.at(bound).ravel()
        return pd.DataFrame(columns)


def interval_bounds(levels: tuple[float, ...]) -> tuple[float, ...]:
    """Return the two probabilities that bound each central interval: 80 -> 0.1, 0.9.

    Args:
        levels: coverages of the intervals in per cent.

    Raises: UsageError: a level is not the coverage between two of `PROBABILITIES`.
    """
    known = {round(200 * (0.5 - p), 6): (p, round(1 - p, 6)) for p in PROBABILITIES if p < 0.5}
    for level in set(levels) - set(known):
        choices = ", ".join(f"{k:g}" for k in sorted(known))
        raise UsageError(f"--levels: intervals of {level:g} % are not available", hint=f"choose among {choices}")
    return tuple(bound for level in levels for bound in known[level])


def _expect(panel: Panel, quantiles: Floats) -> Floats:
    return _clip(panel, expectation(quantiles, PROBABILITIES, _bounds(panel)))


def _bound_mean(panel: Panel, mean: Floats, quantiles: Floats) -> Floats:
    """Move a mean as the limits of the panel move the expectation of the quantiles, so that both agree."""
    if (bounded := _clip(panel, quantiles)) is quantiles:
        return mean
    moved = _expect(panel, bounded) - expectation(quantiles, PROBABILITIES)
    return _clip(panel, (mean + moved).astype(mean.dtype))


def _clip(panel: Panel, values: Floats) -> Floats:
    if panel.minimum is None and panel.maximum is None:
        return values  # a copy of many series takes much memory
    low, high = _bounds(panel)
    return np.clip(values, values.dtype.type(low), values.dtype.type(high))


def _bounds(panel: Panel) -> tuple[float, float]:
    low, high = panel.minimum, panel.maximum
    low, high = -np.inf if low is None else low, np.inf if high is None else high
    return (float(np.ceil(low)), float(np.floor(high))) if panel.is_integer else (low, high)


class Checkpoint(Protocol):
    """The saved state of a long fit, so that a stopped run can be resumed."""

    def load(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the state that was saved last; empty if there is none."""

    def save(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """Replace the saved state, atomically."""

    def is_due(self) -> bool:
        """Return True if enough time has passed since the last save."""


class Forecaster(Protocol):
    """A model that turns a panel into a forecast.

    Backtests, jobs and reports use only `fit` and `predict`. A forecast must not depend on values after a series'
    cutoff, nor on the order of the series.

    Attributes:
        name: the resolved name of the model, as in tables and metrics.
        point: the kind of point forecast in `mean`: `expectation`, `last value` ...
        history: the training steps of the evaluated fit; empty if nothing is trained.
    """

    @property
    def name(self) -> str: ...
    @property
    def point(self) -> str: ...
    @property
    def history(self) -> list[TrainingStep]: ...

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Fit the model to a panel.

        Args:
            validation: [N] number of last steps of each series that decide when training stops, and do not train the
                model. None after an earlier fit: refit on all steps, for the number of steps found best.
            watch: receives the events of the training.
            checkpoint: the saved state of a long fit, to save and to resume from; None to save nothing.
        """

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        """Forecast the `horizon` steps after each series' cutoff."""

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the fitted state as named arrays."""

    def restore(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """Restore a state from `state`; predictions are then identical to the bit."""


@runtime_checkable
class Exportable(Protocol):
    """A forecaster whose networks can be exported for other programs; a wrapper exports those of its forecasters."""

    def exports(self) -> dict[str, bytes]:
        """Return the ONNX graph of each network that has one, by file name; the names end in `GRAPH_FILE`."""


@runtime_checkable
class HasNetworks(Protocol):
    """A forecaster that contains networks; a wrapper returns the networks of its forecasters."""

    def networks(self) -> "Sequence[Forecaster]":
        """Return each network as a `models.neural.NeuralForecaster`; empty if there is none."""


@runtime_checkable
class Updatable(Protocol):
    """A forecaster that can be trained further on new data; a wrapper updates those of its forecasters that can."""

    def update(self, panel: Panel, since: int, *, watch: Watch) -> None:
        """Train the fitted model a little further, mainly on new data.

        Args:
            since: the newest timestamp of the data that the model was trained on before.
            watch: receives the events of the training.
        """
