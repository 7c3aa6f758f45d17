"""`forecast ledger history`: the runs of a job."""

import json
from typing import Any

from forecaster.evaluation.score import without_nan
from forecaster.store.ledger import queries
from forecaster.workflows.ledger.scope import LedgerScope, list_rows


def history(scope: LedgerScope, *, limit: int | None = None) -> dict[str, Any]:
    """List the runs of a job, or of all jobs if none is named, newest first.

    Args:
        limit: maximum number of runs; None for all.

    Returns: a JSON document.
    """
    jobs = [scope.job_name] if scope.requested_job or len(scope.jobs) == 1 else scope.jobs
    rows = [row for job in jobs for row in list_rows(queries.history(scope.ledger, job, limit=limit))]
    rows.sort(key=lambda row: -int(row["id"]))
    runs = [without_nan({**row, "details": json.loads(row["details"])}) for row in rows[:limit]]
    return {"jobs": jobs, "ledger": scope.ledger.place, "runs": runs}
