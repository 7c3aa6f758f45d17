"""What a report tells of a trained model: the bundle, its data read again, and what it forecasts from there."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.config import NetworkModel
from forecaster.data import future
from forecaster.data.load import LoadedData
from forecaster.errors import ForecastError
from forecaster.evaluation import scored_rows as scores
from forecaster.events import Note, Watch, ignore
from forecaster.forecast import Forecast, Forecaster
from forecaster.frequency import Frequency
from forecaster.models.build import build, on_device
from forecaster.panel import Panel
from forecaster.report.page.explain import inside_section
from forecaster.report.page.picks import Pick, past_steps, pick
from forecaster.report.page.series import TrainedModel
from forecaster.store import bundle
from forecaster.workflows.explain_bundle import BRIEF, look_into
from forecaster.workflows.manifest import fingerprint
from forecaster.workflows.predict import load_data, refuse_older, refuse_without_known, source_of
from forecaster.workflows.report.tables import add_baselines, parse_rows, past_of, unit_of
from forecaster.workflows.source import place_of


def gather(
    folder: Path, *, wanted: Sequence[str] = (), later: str | None = None, watch: Watch = ignore
) -> TrainedModel:
    """Read a bundle and, where it still lies there, its data; forecast the series that are drawn.

    Args:
        wanted: series to draw, whatever else is drawn.
        later: a table of the known columns' values for the steps to forecast, where the data does not have them.

    Raises:
        InputError: the bundle is missing or altered. That the data is gone is a remark, not an error.
        UsageError: a wanted series is not there, or there are no known columns that `later` could be for.
        DataError: `later` does not fit.
    """
    read = bundle.read(folder)
    if later is not None:
        refuse_without_known(read.config.data, "--future")
    horizon = int(read.manifest["horizon"])
    holdout = parse_rows(bundle.content(read, "holdout.csv"), folder / "holdout.csv")
    loaded, remarks = _load_again(read, later)
    panel = loaded.panel if loaded else None
    if panel is not None:
        holdout = add_baselines(holdout, panel)
    names = [str(name) for name in (holdout["unique_id"].unique() if panel is None else panel.ids)]
    table = scores.by_series(holdout)
    picks = pick(
        names, table["mase"] if table["mase"].notna().any() else table["smape"], horizon=horizon, wanted=wanted
    )
    forecast, past, insights = None, {}, []
    if loaded is not None and panel is not None:
        places = {str(name): place for place, name in enumerate(panel.ids)}
        steps = past_steps(len(picks), horizon)
        past = {each.name: past_of(panel, places[each.name], steps) for each in picks}
        forecaster = _restore(read)
        forecast, remark = _forecast(read, forecaster, panel, picks, horizon, is_given=later is not None)
        remarks += remark
        if isinstance(read.config.model, NetworkModel):
            found = look_into(read, forecaster, loaded, str(read.manifest["data"]["path"]), effort=BRIEF)
            insights = [inside_section(found)]
    for each in remarks:
        watch(Note(each))
    history = bundle.content(read, "history.csv")
    return TrainedModel(
        name=folder.resolve().name,
        manifest=read.manifest,
        metrics=read.metrics,
        quality=json.loads(bundle.content(read, "quality.json")),
        config=bundle.content(read, bundle.CONFIG).decode(),
        history=pd.read_csv(io.BytesIO(history)),
        holdout=holdout,
        picks=picks,
        past=past,
        forecast=forecast,
        unit=unit_of(Frequency.from_dict(read.manifest["data"]["frequency"])),
        series=len(names),
        remarks=tuple(remarks),
        insights=insights,
    )


def _load_again(read: bundle.Bundle, later: str | None) -> tuple[LoadedData | None, list[str]]:
    """The bundle's own data, as it is now; and what is to be said of that."""
    try:
        source = source_of(read, None)
        loaded = load_data(source, read, later=later)
        refuse_older(place_of(source), loaded, read)
    except ForecastError as error:
        if later is not None:
            raise
        return None, [f"The data could not be read again, so past and forecast are not drawn: {error.message}"]
    trained = read.manifest["data"]
    is_same = int(loaded.panel.cutoff.max()) == trained["last_cutoff"]  # rows to come are no part of the fingerprint
    if is_same if later is not None else fingerprint(loaded.panel) == trained["fingerprint"]:
        return loaded, []
    last = loaded.quality["last"]
    newer = f"it now ends at {last}, not at {trained['last']}" if last != trained["last"] else "values are others"
    return loaded, [f"The data has changed since the training: {newer}. Scores are those of the training."]


def _restore(read: bundle.Bundle) -> Forecaster:
    forecaster = build(on_device(read.config, "cpu"))
    forecaster.restore(read.state)
    return forecaster


def _forecast(
    read: bundle.Bundle, forecaster: Forecaster, panel: Panel, picks: list[Pick], horizon: int, *, is_given: bool
) -> tuple[Forecast | None, list[str]]:
    """What the model says of the series that are drawn.

    Args:
        is_given: whether the values of known columns were given for this: then their lack is an error.
    """
    places = {str(name): place for place, name in enumerate(panel.ids)}
    drawn = panel.select(np.array([places[each.name] for each in picks], np.int64))
    try:
        future.require(drawn, horizon, read.config.data, place_of(source_of(read, None)))
    except ForecastError as error:
        if is_given:
            raise
        told = f"The next steps are not forecast here: {error.message}"
        return None, [f"{told}. Give their values: forecast report {read.folder} --future FILE"]
    return forecaster.predict(drawn, horizon), []
