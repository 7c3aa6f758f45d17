"""`forecast predict`: forecast the steps after the data with a bundle, or with the pretrained network."""

import itertools
import shlex
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.config import DataConfig, Device
from forecaster.config.table_format import TableFormat
from forecaster.data.future import FutureCheck
from forecaster.data.load import LoadedData, load_in_parts
from forecaster.errors import UsageError
from forecaster.evaluation.backtest import iterate_parts
from forecaster.events import Note, Watch, ignore
from forecaster.models.short_series import MIN_VALUES, count_values
from forecaster.panel import Panel
from forecaster.store import pretrained
from forecaster.store.bundle import LATEST, Bundle
from forecaster.workflows.other_table import explain_misfit
from forecaster.workflows.predict_pretrained import predict_pretrained
from forecaster.workflows.predicted import FreshData, Part, Predicted, SeriesSelection
from forecaster.workflows.reading import (
    config_for,
    open_bundle,
    open_later,
    refuse_older_cutoff,
    refuse_sparse,
    refuse_without_known,
    report_reading,
    source_of,
)
from forecaster.workflows.results import shorten
from forecaster.workflows.series_changes import compare_series
from forecaster.workflows.side_by_side import FittedBundle, choose_workers, count_parts, predict_parts

_OPTIONS_BESIDE_BUNDLE = ("data.query", "data.query_timeout", "data.query_rows", "data.duplicates")
_FORMAT = "data.format."
_FLAGS = {"data.minimum": "--min", "data.maximum": "--max"}
_COMMAND = "forecast predict DATA --bundle {}"
_DOUBTS = {
    "worse": "this model was worse than a naive forecast, by more than chance",
    "undecided": "whether this model is better than a naive forecast is undecided; {} tests more",
    "no better": "this model was no better than a naive forecast on its holdout",  # of version 0.1
}


def predict(
    data: FreshData,
    *,
    folder: Path | str | None = None,
    horizon: int | None = None,
    device: Device = "cpu",
    workers: int | None = None,
    watch: Watch = ignore,
) -> Predicted:
    """Forecast the steps after the data. Data errors may be raised as late as the last part.

    Args:
        folder: the folder of the bundle, or its address as text; None for `runs/latest`, or where nothing was trained,
            for the pretrained network.
        horizon: steps; None for the trained horizon, or for the default of the data's frequency.
        device: where networks run.
        workers: the number of processes that forecast side by side; None for as many as the table is worth.

    Raises:
        InputError: the bundle or its data is missing.
        DataError: the data does not fit the bundle, or a known covariate has no value at a step to forecast.
        UsageError: `later` was passed, but the bundle has no known covariates; an option contradicts the bundle; or
            the pretrained network has no table.
    """
    is_untrained = folder is None and data.source is not None and not LATEST.exists() and pretrained.is_available()
    if data.is_pretrained and (data.source is None or folder is not None):
        problem = "DATA is missing" if data.source is None else "--bundle names another model"
        raise UsageError(
            f"--model pretrained: {problem}", hint="name only a table: `forecast predict DATA --model pretrained`"
        )
    if data.is_pretrained or is_untrained:
        return predict_pretrained(data, horizon=horizon, workers=workers, watch=watch)
    bundle = open_bundle(folder)
    _refuse_options(data, bundle)
    changes = {key.removeprefix("data."): data.columns.get(key) for key in _OPTIONS_BESIDE_BUNDLE}
    source = source_of(bundle, data.source, command=_COMMAND, query=changes.pop("query"))
    horizon = horizon or bundle.manifest.horizon
    if data.later is not None:
        refuse_without_known(bundle.config.data, "--future")
    changes = {**changes, "memory": data.memory, "format": _read_format(bundle, data.columns)}
    config = config_for(source, bundle, changes)
    frequency = bundle.manifest.data.frequency
    later = open_later(data.later, config)
    parts = _load(
        load_in_parts(source.read(config, data.stdin), config, frequency=frequency, later=later), bundle, config
    )
    words = ["forecast", "init", *([data.source] if data.source else []), "--future-template"]
    command = shlex.join([*words, "--bundle", str(folder or LATEST)])
    check = FutureCheck(source.place, data.later, command)
    fitted = FittedBundle.of(bundle, horizon, device)
    work = _Work(bundle, fitted, check, SeriesSelection(data.series), workers)
    return Predicted(bundle, horizon, partial(_forecast, parts, work, watch))


def _read_format(bundle: Bundle, columns: Mapping[str, Any]) -> TableFormat:
    """Return the format of the bundle's data, changed by the options of the command."""
    changes = {key.removeprefix(_FORMAT): value for key, value in columns.items() if key.startswith(_FORMAT)}
    changes = {key: value for key, value in changes.items() if value is not None}
    return TableFormat.model_validate({**bundle.config.data.format.model_dump(), **changes}).with_passed(changes)


def _load(parts: Iterator[LoadedData], bundle: Bundle, config: DataConfig) -> Iterator[LoadedData]:
    """Iterate over the parts of a table that is read in the way of a bundle.

    Raises: DataError: the table does not fit the bundle.
    """
    with explain_misfit(bundle, config, is_forecast=True):
        yield from parts


def _refuse_options(data: FreshData, bundle: Bundle) -> None:
    """Check that no option contradicts the bundle, which decides how its data is read.

    Raises: UsageError: names the first such option.
    """
    for key, value in data.columns.items():
        if value is not None and key not in _OPTIONS_BESIDE_BUNDLE and not key.startswith(_FORMAT):
            flag = _FLAGS.get(key, f"--{key.rpartition('.')[2]}")
            table = "DATA" if data.source in (None, "-") else shlex.quote(data.source)
            raise UsageError(
                f"{flag}: the bundle {shorten(bundle.folder)} decides how the data is read",
                hint=f"leave {flag} out; train on the table with `forecast train {table} {flag} ...`; "
                f"or add --model pretrained, which forecasts it without the bundle",
            )


@dataclass(frozen=True)
class _Work:
    """A bundle, and what it has to forecast.

    Attributes:
        check: of the known columns.
        selection: the series to forecast.
        workers: the number of processes; None to choose it.
    """

    bundle: Bundle
    fitted: FittedBundle
    check: FutureCheck
    selection: SeriesSelection
    workers: int | None


def _forecast(
    parts: Iterator[LoadedData], work: _Work, watch: Watch, is_done: Callable[[Panel], bool]
) -> Generator[Part, None, None]:
    bundle, horizon = work.bundle, work.fitted.horizon
    first = next(parts)
    workers = work.workers
    if workers is None:
        workers = choose_workers(count_parts(first.series, horizon)) if work.fitted.is_slow else 1
    ids, fallbacks = list[str](), list[str]()
    panels = _select_panels(itertools.chain([first], parts), work, ids, watch)
    missing = (panel for panel in panels if not is_done(panel))
    with closing(predict_parts(missing, work.fitted, workers)) as forecasts:
        for panel, forecast in forecasts:
            is_short = count_values(panel) < MIN_VALUES  # a note of the reading names these series
            fallbacks += forecast.ids[forecast.fallback & ~is_short].tolist()
            yield Part(forecast, panel)
    work.selection.refuse_missing()
    for text in compare_series(bundle, ids).describe():
        watch(Note(text))
    if fallbacks:
        watch(Note(_describe_fallbacks(bundle.manifest.model, fallbacks)))
    if (doubt := _DOUBTS.get(bundle.metrics["verdict"])) is not None:
        command = f"`forecast backtest --bundle {shlex.quote(str(shorten(bundle.folder)))}`"
        watch(Note(doubt.format(command)))


def _select_panels(parts: Iterator[LoadedData], work: _Work, ids: list[str], watch: Watch) -> Iterator[Panel]:
    """Check the parts of the data, and divide their selected series into parts that take bounded memory.

    Args:
        ids: receives the names of all series.
    """
    bundle, check = work.bundle, work.check
    cutoffs, spacings = list[int](), list[float]()
    for loaded, is_last in _mark_last(parts):
        cutoffs.append(int(loaded.panel.cutoff.max()))
        spacings.append(loaded.panel.spacing)
        ids += loaded.panel.ids.tolist()
        if is_last:
            refuse_sparse(check.source, float(np.median(spacings)), bundle)
            refuse_older_cutoff(check.source, max(cutoffs), loaded.panel, bundle)
        if len(cutoffs) == 1:
            report_reading(loaded, bundle, check.source, watch)
        selected = work.selection.select(loaded.panel)
        check.require(selected, work.fitted.horizon, loaded.config)
        for _, panel in iterate_parts(selected, work.fitted.horizon):
            yield panel


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
