"""`forecast ledger history` and `diff`: what ran, and what a run changed."""

import json
from typing import Any

from forecaster.errors import UsageError, did_you_mean
from forecaster.evaluation.score import without_nan
from forecaster.store.ledger import queries
from forecaster.workflows.ledger.scope import Source, list_rows


def history(source: Source, *, limit: int | None = None) -> dict[str, Any]:
    """List the runs of a job, or of all jobs where none is named, the newest first.

    Returns: a document for JSON.
    """
    names = [source.one] if source.name or len(source.jobs) == 1 else source.jobs
    rows = [row for name in names for row in list_rows(queries.history(source.ledger, name, limit=limit))]
    rows.sort(key=lambda row: -int(row["id"]))
    runs = [without_nan({**row, "details": json.loads(row["details"])}) for row in rows[:limit]]
    return {"jobs": names, "ledger": source.ledger.place, "runs": runs}


def diff(source: Source, *, run: str | None = None, limit: int | None = None) -> dict[str, Any]:
    """Say what a run changed against the forecasts before it for the same times, the largest revisions first.

    Args:
        run: its key; None for the newest that made forecasts.

    Returns: a document for JSON.
    Raises: UsageError: there is no such run.
    """
    name = source.one
    runs = queries.history(source.ledger, name)
    keys = runs["key"].tolist()
    if run is not None and run not in keys:
        raise UsageError(
            f"--run {run}: job {name!r} has no such run{did_you_mean(run, keys)}",
            hint="see its runs: forecast ledger history",
        )
    forecasting = runs["key"][runs["first_at"].notna()].tolist()
    found = queries.revisions(source.ledger, name, run=run)
    return without_nan(
        {
            "job": name,
            "ledger": source.ledger.place,
            "run": run or next(iter(forecasting), None),
            "revised": len(found),
            "mean_change": float(found["change"].mean()),
            "mean_absolute_change": float(found["change"].abs().mean()),
            "mean_absolute_scaled": float(found["scaled"].astype(float).abs().mean()),
            "revisions": list_rows(found[:limit], "at"),
        }
    )
