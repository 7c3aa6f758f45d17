"""The content of a job's page, from its ledger: scored forecasts, the newest forecast, and the runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.errors import ForecastError
from forecaster.evaluation.scored_rows import BASELINES, QUANTILES
from forecaster.events import Note, Watch, ignore
from forecaster.panel import Panel
from forecaster.report.page.run import JobContent
from forecaster.report.page.series_selection import MAX_DRAWN_SERIES, count_past_steps, select_series
from forecaster.store.ledger import queries
from forecaster.store.ledger.newest import known_actuals, newest_forecasts
from forecaster.store.ledger.recent import find_extent, list_series
from forecaster.workflows.job.champion import find_champion
from forecaster.workflows.jobfile import Job
from forecaster.workflows.ledger.history import history
from forecaster.workflows.ledger.scope import open_scope
from forecaster.workflows.ledger.score import ScoreSelection, report_scores
from forecaster.workflows.reading import load_data, read_data
from forecaster.workflows.report.tables import past_of

_MAX_ROWS = 40_000  # forecasts beside actual values


def read_job(path: Path, *, requested_ids: Sequence[str] = (), watch: Watch = ignore) -> JobContent:
    """Read the ledger of a job, without changing it, and the past of the series to draw from the job's data.

    Args:
        path: the YAML file of the job.
        requested_ids: series to draw in any case.
        watch: receives a note if the data cannot be read; the page then lacks the past that the ledger does not have.

    Raises:
        UsageError: a requested series does not exist.
        ForecastError: see `ledger.scope.open_scope`.
    """
    scope = open_scope(path, None, None)
    ledger, name = scope.ledger, scope.job_name
    document = report_scores(scope)
    extent = find_extent(ledger, name)
    since = None if extent is None else ScoreSelection().first_time(extent)
    pairs = queries.read_scored_forecasts(ledger, name, since=since, max_rows=_MAX_ROWS, include=requested_ids)
    quantiles = {f"q{1000 * p:03.0f}": column for p, column in QUANTILES.items()}
    rows = pairs.rename(columns={"cutoff_at": "cutoff", **quantiles})
    rows = rows.assign(**dict.fromkeys(BASELINES, np.nan)).astype({"y": float, "scale": float})
    names = rows["unique_id"].unique().tolist()
    known = list_series(ledger, name)
    if len(known) <= MAX_DRAWN_SERIES:  # if there are more, the series of these rows represent all of them
        names += sorted({*known} - {*names})
    names = [*names, *(each for each in requested_ids if each in known and each not in names)] if names else known
    horizon = max(1, len(rows) // max(len(names), 1))
    by_series = document.get("by_series", {})
    errors = pd.Series({series: metrics["mase"] for series, metrics in by_series.items()}, dtype=float)
    errors = errors[errors.index.isin(names)]
    selection = select_series(names, errors, horizon=horizon, requested_ids=requested_ids)
    selected_ids = [series.name for series in selection]
    newest = newest_forecasts(ledger, name, selected_ids)
    steps = count_past_steps(len(selection), int(newest["step"].max()) if len(newest) else 1)
    begin = None if extent is None else extent.newest - steps * extent.step
    actuals = known_actuals(ledger, name, selected_ids, since=begin)
    if scope.job and len(newest):
        actuals = _add_past(scope.job, actuals, newest, steps, watch)
    return JobContent(
        job=name,
        scores=document,
        runs=history(scope)["runs"],
        rows=rows,
        selection=selection,
        newest=newest,
        actuals=actuals,
        series=len(known),
    )


def _add_past(job: Job, actuals: pd.DataFrame, newest: pd.DataFrame, steps: int, watch: Watch) -> pd.DataFrame:
    """Add the values before the newest forecast that the ledger does not have: it begins with the first forecast.

    Args:
        actuals, newest: see `JobContent`.
        steps: number of values of each series.
    """
    try:
        champion, _ = find_champion(job.bundles)
        if champion:
            panel = load_data(job.source, champion, later=job.future).panel
        else:
            panel = read_data(job.source, job.config, None, ignore, later=job.future).panel
    except ForecastError as error:
        watch(Note(f"the data is not read, so only the past that the ledger has is drawn: {error.message}"))
        return actuals
    past = pd.concat([actuals[:0], *_read_past(panel, newest, steps)])
    both = pd.concat([past, actuals]).drop_duplicates(["unique_id", "at"], keep="last")
    return both.sort_values("at", kind="stable").reset_index(drop=True)


def _read_past(panel: Panel, newest: pd.DataFrame, steps: int) -> Iterator[pd.DataFrame]:
    """Yield the last values of each series up to the cutoff of its newest forecast."""
    places = {str(name): place for place, name in enumerate(panel.ids)}
    for name, cutoff_at in newest.groupby("unique_id", sort=False)["cutoff_at"].first().items():
        if (place := places.get(str(name))) is None:
            continue
        row = np.array([place])
        surplus = int(panel.lengths[place] - 1 - panel.frequency.index(panel.start[row], np.array([cutoff_at]))[0])
        series = panel.select(row)
        if not 0 <= surplus < series.lengths[0]:
            continue
        series = series.cut(surplus)
        stamps, values = past_of(series, 0, steps)
        index = np.arange(int(series.lengths[0]) - len(values), int(series.lengths[0]))
        at = series.frequency.timestamps(series.start[0], index)
        yield pd.DataFrame({"unique_id": name, "ds": stamps, "at": at, "y": values.astype(np.float64)})
