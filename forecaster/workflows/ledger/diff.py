"""`forecast ledger diff`: the changes that a run made to previous forecasts for the same times."""

from typing import Any

from forecaster.errors import UsageError, did_you_mean
from forecaster.evaluation.score import without_nan
from forecaster.store.ledger import queries
from forecaster.workflows.ledger.scope import LedgerScope, list_rows


def diff(scope: LedgerScope, *, run: str | None = None, limit: int | None = None) -> dict[str, Any]:
    """Compare the forecasts of a run with the previous ones for the same times, largest revisions first.

    Args:
        run: key of the run; None for the newest that made forecasts.
        limit: maximum number of revisions to list; None for all.

    Returns: a JSON document.
    Raises: UsageError: there is no such run.
    """
    job = scope.job_name
    runs = queries.history(scope.ledger, job)
    keys = runs["key"].tolist()
    if run is not None and run not in keys:
        raise UsageError(
            f"--run {run}: job {job!r} has no such run{did_you_mean(run, keys)}",
            hint="list its runs: forecast ledger history",
        )
    keys_with_forecasts = runs["key"][runs["first_at"].notna()].tolist()
    revisions = queries.revisions(scope.ledger, job, run=run)
    return without_nan(
        {
            "job": job,
            "ledger": scope.ledger.place,
            "run": run or next(iter(keys_with_forecasts), None),
            "revised": len(revisions),
            "mean_change": float(revisions["change"].mean()),
            "mean_absolute_change": float(revisions["change"].abs().mean()),
            "mean_absolute_scaled": float(revisions["scaled"].astype(float).abs().mean()),
            "revisions": list_rows(revisions[:limit], "at"),
        }
    )
