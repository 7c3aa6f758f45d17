"""The content of a trained model's page: the bundle, its data as it is now, and new forecasts."""

import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.future import FutureCheck
from forecaster.data.load import LoadedData
from forecaster.errors import DataError, ForecastError, as_input_error
from forecaster.evaluation import scored_rows as scores
from forecaster.events import Note, Watch, ignore
from forecaster.forecast import Forecast, Forecaster
from forecaster.models.restore import CANNOT_RUN, restore_forecaster
from forecaster.panel import Floats, Panel
from forecaster.report.page.explain import explain_section
from forecaster.report.page.series import BundleContent
from forecaster.report.page.series_selection import SelectedSeries, count_past_steps, select_series
from forecaster.store import bundle
from forecaster.store.json_files import parse_object
from forecaster.store.scores import check_quality
from forecaster.workflows.explain_bundle import BRIEF, explain_forecaster
from forecaster.workflows.manifest import fingerprint
from forecaster.workflows.reading import load_data, refuse_older, refuse_without_known, source_of
from forecaster.workflows.report.tables import add_baselines, parse_rows, past_of, unit_of

_COMMAND = "forecast report {} --data DATA"


@dataclass(frozen=True)
class FreshInputs:
    """The data that the user names for the page of a trained model.

    Attributes:
        data: a table as for `predict`; None for the training data, if this user trained the bundle here.
        query: the SQL query of the data, if it is a database.
        known_values: a table with the known covariates for the steps to forecast, if the data does not have them.
    """

    data: str | None = None
    query: str | None = None
    known_values: str | None = None

    @property
    def is_empty(self) -> bool:
        return self == NO_INPUTS


NO_INPUTS = FreshInputs()


def read_bundle(
    folder: Path, *, requested_ids: Sequence[str] = (), fresh: FreshInputs = NO_INPUTS, watch: Watch = ignore
) -> BundleContent:
    """Read a bundle and, if they are still there, its data; forecast the series to draw.

    Args:
        requested_ids: series to draw in any case.
        fresh: the data to forecast.

    Raises:
        InputError: the bundle is missing or altered. Missing training data is a remark, not an error.
        UsageError: a requested series does not exist, or `known_values` is not used by the bundle.
        DataError: the data that the user named does not fit.
    """
    trained = bundle.read(folder)
    if fresh.known_values is not None:
        refuse_without_known(trained.config.data, "--future")
    horizon = trained.manifest.horizon
    holdout = parse_rows(bundle.read_file(trained, "holdout.csv"), folder / "holdout.csv")
    loaded, remarks = _load_data(trained, fresh)
    if loaded is not None:
        holdout = add_baselines(holdout, loaded.panel)
    names = [str(name) for name in (holdout["unique_id"].unique() if loaded is None else loaded.panel.ids)]
    table = scores.series_scores(holdout)
    errors = table["mase"] if table["mase"].notna().any() else table["smape"]
    selection = select_series(names, errors, horizon=horizon, requested_ids=requested_ids)
    forecast, past, insights = None, {}, []
    if loaded is not None:
        past = _read_past(loaded.panel, selection, horizon)
        forecaster = restore_forecaster(trained.config, trained.state)
        forecast, remark = _forecast(
            trained, forecaster, loaded.panel, selection, is_strict=fresh.known_values is not None
        )
        remarks += remark
        if trained.config.is_trained:
            data_path = str(trained.manifest.data.path)
            with as_input_error(f"{folder}: {CANNOT_RUN}"):
                explanation = explain_forecaster(trained, forecaster, loaded, data_path, effort=BRIEF)
            insights = [explain_section(explanation)]
    for text in remarks:
        watch(Note(text))
    return BundleContent(
        folder=folder.resolve(),
        manifest=trained.manifest,
        metrics=trained.metrics,
        quality=_read_quality(trained),
        config=bundle.read_file(trained, bundle.CONFIG).decode(),
        history=pd.read_csv(io.BytesIO(bundle.read_file(trained, "history.csv"))),
        holdout=holdout,
        selection=selection,
        past=past,
        forecast=forecast,
        unit=unit_of(trained.manifest.data.frequency),
        series=len(names),
        remarks=tuple(remarks),
        insights=insights,
    )


def _read_quality(trained: bundle.Bundle) -> dict[str, Any]:
    path = trained.folder / "quality.json"
    quality = parse_object(bundle.read_file(trained, path.name), path, hint="train again")
    check_quality(quality, path)
    return quality


def _load_data(trained: bundle.Bundle, fresh: FreshInputs) -> tuple[LoadedData | None, list[str]]:
    """Load the data of a bundle as it is now, and return remarks on what has changed since the training."""
    try:
        source = source_of(trained, fresh.data, command=_COMMAND, query=fresh.query)
        loaded = load_data(source, trained, later=fresh.known_values)
        refuse_older(source.place, loaded, trained)
    except ForecastError as error:
        if not fresh.is_empty:
            raise
        problem = f"The data is not read, so neither past nor forecast is drawn: {error.message}"
        return None, [problem if isinstance(error, DataError) else f"{problem}; {error.hint}"]
    data = trained.manifest.data
    if fresh.known_values is not None:  # their rows are no part of the fingerprint
        is_unchanged = int(loaded.panel.cutoff.max()) == data.last_cutoff
    else:
        is_unchanged = fingerprint(loaded.panel) == data.fingerprint
    if is_unchanged:
        return loaded, []
    last = loaded.quality["last"]
    change = f"it now ends at {last}, not at {data.last}" if last != data.last else "some values are different"
    return loaded, [f"The data has changed since the training: {change}. The scores are those of the training."]


def _read_past(
    panel: Panel, selection: Sequence[SelectedSeries], horizon: int
) -> dict[str, tuple[list[object], Floats]]:
    places = {str(name): place for place, name in enumerate(panel.ids)}
    steps = count_past_steps(len(selection), horizon)
    return {series.name: past_of(panel, places[series.name], steps) for series in selection}


def _forecast(
    trained: bundle.Bundle,
    forecaster: Forecaster,
    panel: Panel,
    selection: Sequence[SelectedSeries],
    *,
    is_strict: bool,
) -> tuple[Forecast | None, list[str]]:
    """Forecast the series to draw, or return a remark that says why this is impossible.

    Args:
        is_strict: if True, missing values of known covariates are an error.
    """
    horizon = trained.manifest.horizon
    places = {str(name): place for place, name in enumerate(panel.ids)}
    selected = panel.select(np.array([places[series.name] for series in selection], np.int64))
    try:
        FutureCheck("the data").require(selected, horizon, trained.config.data)
    except ForecastError as error:
        if is_strict:
            raise
        command = f"forecast report {shlex.quote(str(trained.folder))} --future FILE"
        return None, [f"The next steps are not forecast: {error.message}. To add these values, run: {command}"]
    with as_input_error(f"{trained.folder}: {CANNOT_RUN}"):
        return forecaster.predict(selected, horizon), []
