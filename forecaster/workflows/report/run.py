"""The content of a job's page, from its ledger: scored forecasts, the newest forecast, and the runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.evaluation.scored_rows import BASELINES, QUANTILES
from forecaster.report.page.run import JobContent
from forecaster.report.page.series_selection import MAX_DRAWN_SERIES, count_past_steps, select_series
from forecaster.store.ledger import queries
from forecaster.store.ledger.newest import known_actuals, newest_forecasts
from forecaster.store.ledger.recent import find_extent, list_series
from forecaster.workflows.ledger.history import history
from forecaster.workflows.ledger.scope import open_scope
from forecaster.workflows.ledger.score import ScoreSelection, report_scores

_MAX_ROWS = 40_000  # forecasts beside actual values


def read_job(path: Path, *, requested_ids: Sequence[str] = ()) -> JobContent:
    """Read the ledger of a job, without changing it.

    Args:
        path: the YAML file of the job.
        requested_ids: series to draw in any case.

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
    return JobContent(
        job=name,
        scores=document,
        runs=history(scope)["runs"],
        rows=rows,
        selection=selection,
        newest=newest,
        actuals=known_actuals(ledger, name, selected_ids, since=begin),
        series=len(known),
    )
