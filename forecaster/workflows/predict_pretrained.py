"""`forecast predict` where nothing was trained: forecast the steps after the data by the pretrained network."""

import itertools
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial

from forecaster.batches.cutoff_windows import MIN_VALUES
from forecaster.config import DataConfig, PretrainedConfig
from forecaster.data.load import LoadedData, load_in_parts
from forecaster.errors import DataError
from forecaster.evaluation.backtest import iterate_parts
from forecaster.events import DataRead, Note, Watch
from forecaster.forecast import Forecast
from forecaster.models.pretrained import PretrainedForecaster
from forecaster.models.short_series import borrow_intervals, count_values
from forecaster.panel import Panel
from forecaster.report.words import plural
from forecaster.settings import load
from forecaster.workflows.predicted import FreshData, Part, Predicted, SeriesSelection
from forecaster.workflows.reading import describe_sparse, note_future, refuse_without_known
from forecaster.workflows.side_by_side import choose_workers, count_parts, predict_parts
from forecaster.workflows.source import Source

# The last digits of a graph's results depend on the number of its threads, so it is the same on every machine.
_GRAPH_THREADS = 2


def predict_pretrained(data: FreshData, *, horizon: int | None, workers: int | None, watch: Watch) -> Predicted:
    """Forecast the steps after the data, which is read as `train` reads it.

    Covariates are read, but they do not change the forecast. Data errors may be raised as late as the last part.

    Args:
        data: with a source.
        horizon: steps; None for the default of the data's frequency.
        workers: the number of processes that forecast side by side; None to choose it.

    Raises:
        ForecastError: see the errors of `data.load`.
        DataError: no series of the first part has enough values.
        InputError: the package does not contain the network, or a file of it is damaged.
    """
    overrides = {"data.path": data.source, "data.horizon": horizon, "data.memory": data.memory, **data.columns}
    config = load(overrides={**overrides, "model.kind": "pretrained"})
    source = Source.of(config.data)
    if data.later is not None:
        refuse_without_known(config.data, "--future")
    parts = load_in_parts(source.read(config.data, data.stdin), config.data, frequency=None)
    first = next(parts)
    watch(DataRead(source.place, first.series, first.rows, first.roles))
    for note in (*first.notes, *_describe_covariates(first.config)):
        watch(Note(note))
    if first.panel.spacing > 1:
        watch(Note(describe_sparse(first.panel)))
    note_future(first.panel, watch)
    _refuse_too_short(source.place, first.panel)
    assert isinstance(config.model, PretrainedConfig)
    steps = first.config.resolved_horizon
    network = _Network(config.model, config.training.threads, steps)
    if workers is None:
        workers = choose_workers(count_parts(first.series, steps), threads=_GRAPH_THREADS)
    forecasts = _Forecasts(itertools.chain([first], parts), network, SeriesSelection(data.series), workers)
    return Predicted(None, steps, partial(forecasts.iterate, watch))


@dataclass(frozen=True)
class _Network:
    """The pretrained network, which a process loads when it forecasts first.

    Attributes:
        threads: processor threads of torch.
    """

    config: PretrainedConfig
    threads: int
    horizon: int
    place: str = "the pretrained network"

    @cached_property
    def forecaster(self) -> PretrainedForecaster:
        """The forecaster."""
        return PretrainedForecaster(self.config, threads=self.threads, graph_threads=_GRAPH_THREADS)

    def predict(self, panel: Panel) -> Forecast:
        """Forecast the steps after the cutoffs of a part of the data."""
        return borrow_intervals(self.forecaster.predict(panel, self.horizon), panel, min_values=MIN_VALUES)


@dataclass
class _Forecasts:
    """The forecasts of the parts of a table."""

    parts: Iterator[LoadedData]
    network: _Network
    selection: SeriesSelection
    workers: int
    short: int = 0

    def iterate(self, watch: Watch, is_done: Callable[[Panel], bool]) -> Generator[Part, None, None]:
        """Forecast each part that is not done when it is requested."""
        missing = (panel for panel in self._panels() if not is_done(panel))
        with closing(predict_parts(missing, self.network, self.workers)) as forecasts:
            for panel, forecast in forecasts:
                yield Part(forecast, panel)
        self.selection.refuse_missing()
        if self.short:
            count = plural(self.short, "series")
            watch(Note(f"{count} with fewer than {MIN_VALUES} values: the last value is their forecast"))

    def _panels(self) -> Iterator[Panel]:
        for loaded in self.parts:
            selected = self.selection.select(loaded.panel)
            self.short += int((count_values(selected) < MIN_VALUES).sum())
            for _, panel in iterate_parts(selected, self.network.horizon):
                yield panel


def _refuse_too_short(place: str, panel: Panel) -> None:
    longest = int(count_values(panel).max())
    if longest >= MIN_VALUES:
        return
    size = (
        f"has {plural(longest, 'value')}" if len(panel) == 1 else f"the longest series has {plural(longest, 'value')}"
    )
    raise DataError(f"{place}: {size}; the pretrained network needs at least {MIN_VALUES}", hint="add rows")


def _describe_covariates(config: DataConfig) -> list[str]:
    names = (*config.past, *config.known, *config.static)
    verb = "changes" if len(names) == 1 else "change"
    if config.holidays:
        names = (*names, f"--holidays {config.holidays}")
        verb = "change"
    return [f"the pretrained network reads only the target: {', '.join(names)} {verb} nothing"] if names else []
