"""`forecast predict` where nothing was trained: forecast the steps after the data by the pretrained network."""

import itertools
from collections.abc import Generator, Iterator

from forecaster.batches.cutoff_windows import MIN_VALUES
from forecaster.config import DataConfig, PretrainedConfig
from forecaster.data.load import LoadedData, load_in_parts
from forecaster.errors import DataError
from forecaster.evaluation.backtest import iterate_parts
from forecaster.events import DataRead, Note, Watch
from forecaster.models.pretrained import PretrainedForecaster
from forecaster.models.short_series import borrow_intervals, count_values
from forecaster.panel import Panel
from forecaster.report.words import plural
from forecaster.runtime import count_cores
from forecaster.settings import load
from forecaster.workflows.predicted import FreshData, Part, Predicted, SeriesSelection
from forecaster.workflows.reading import describe_sparse, refuse_without_known
from forecaster.workflows.source import Source


def predict_pretrained(data: FreshData, *, horizon: int | None, watch: Watch) -> Predicted:
    """Forecast the steps after the data, which is read as `train` reads it.

    Covariates are read, but they do not change the forecast. Data errors may be raised as late as the last part.

    Args:
        data: with a source.
        horizon: steps; None for the default of the data's frequency.

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
    _refuse_too_short(source.place, first.panel)
    assert isinstance(config.model, PretrainedConfig)
    forecaster = PretrainedForecaster(config.model, threads=config.training.threads, graph_threads=count_cores())
    steps = first.config.resolved_horizon
    return Predicted(
        None, steps, _forecast(itertools.chain([first], parts), forecaster, steps, SeriesSelection(data.series), watch)
    )


def _forecast(
    parts: Iterator[LoadedData],
    forecaster: PretrainedForecaster,
    horizon: int,
    selection: SeriesSelection,
    watch: Watch,
) -> Generator[Part, None, None]:
    short = 0
    for loaded in parts:
        selected = selection.select(loaded.panel)
        short += int((count_values(selected) < MIN_VALUES).sum())
        for _, panel in iterate_parts(selected, horizon):
            yield Part(borrow_intervals(forecaster.predict(panel, horizon), panel, min_values=MIN_VALUES), panel)
    selection.refuse_missing()
    if short:
        watch(Note(f"{plural(short, 'series')} with fewer than {MIN_VALUES} values: the last value is their forecast"))


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
