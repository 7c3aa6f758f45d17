"""What a report tells of a job: what its ledger knows of the forecasts that came true, and of its runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.evaluation.scored_rows import BASELINES, QUANTILES
from forecaster.report.page.picks import MOST, past_steps, pick
from forecaster.report.page.run import Operated
from forecaster.store.ledger import queries
from forecaster.store.ledger.newest import known_actuals, newest_forecasts
from forecaster.store.ledger.recent import find_extent, list_series
from forecaster.workflows.ledger.changes import history
from forecaster.workflows.ledger.scope import open_source
from forecaster.workflows.ledger.score import DAYS, PERIODS, describe

_ROWS = 40_000  # forecasts beside actuals that are looked at


def gather(path: Path, *, wanted: Sequence[str] = ()) -> Operated:
    """Read a job's ledger; nothing is taken in or scored.

    Args:
        wanted: series to draw, whatever else is drawn.

    Raises: ForecastError: a wanted series is not there; see the errors of `ledger.source.open_source`.
    """
    source = open_source(path, None, None)
    ledger, name = source.ledger, source.one
    document = describe(source)
    extent = find_extent(ledger, name)
    since = None if extent is None else extent.back(DAYS if extent.is_short else PERIODS)
    found = queries.pairs(ledger, name, since=since, most=_ROWS, also=wanted)
    rows = found.rename(
        columns={"cutoff_at": "cutoff", **{f"q{1000 * p:03.0f}": name for p, name in QUANTILES.items()}}
    )
    rows = rows.assign(**dict.fromkeys(BASELINES, np.nan)).astype({"y": float, "scale": float})
    names = rows["unique_id"].unique().tolist()
    known = list_series(ledger, name)
    if len(known) <= MOST:  # else those whose scores were looked at stand for all
        names += sorted({*known} - {*names})
    names = [*names, *(each for each in wanted if each in known and each not in names)] if names else known
    horizon = max(1, len(rows) // max(len(names), 1))
    error = pd.Series({key: each["mase"] for key, each in document.get("by_series", {}).items()}, dtype=float)
    picks = pick(names, error[error.index.isin(names)], horizon=horizon, columns=15, wanted=wanted)
    runs = history(source)["runs"]
    drawn = [each.name for each in picks]
    newest = newest_forecasts(ledger, name, drawn)
    steps = past_steps(len(picks), int(newest["step"].max()) if len(newest) else 1)
    past = None if extent is None else extent.newest - steps * extent.step
    actuals = known_actuals(ledger, name, drawn, since=past)
    return Operated(name, document, runs, rows, picks, newest, actuals, len(known))
