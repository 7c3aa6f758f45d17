"""The sources of a job in `forecast ledger score`: their accuracy, and the value that each step adds."""

from typing import Any

import pandas as pd

from forecaster.evaluation.score import without_nan
from forecaster.evaluation.value_added import MODEL, SOURCE, measure_value_added, score_cells
from forecaster.store.database import Database
from forecaster.store.ledger.source_scores import read_scored_forecasts, read_scored_overrides
from forecaster.store.ledger.sources import list_sources


def report_sources(ledger: Database, job: str, *, since: int | None = None) -> dict[str, Any]:
    """Score every source of a job, and compare it with the job's forecasts of the same cells.

    Args:
        since: the first time of the actuals, as `at` in the tables; None for all.

    Returns: a JSON document by the name of the source.
    """
    documents: dict[str, Any] = {}
    for name, kind in list_sources(ledger, job).items():
        if kind == "override":
            cells = read_scored_overrides(ledger, job, name, since=since)
        else:
            cells = read_scored_forecasts(ledger, job, name, since=since)
        documents[name] = {"kind": kind, **_describe(cells)}
    return documents


def _describe(cells: pd.DataFrame) -> dict[str, Any]:
    if not len(cells):
        return {
            "forecasts": 0,
            "overall": None,
            "by_step": {},
            "recorded_late": 0,
            "changed": None,
            "value_added": None,
        }
    is_pair = cells[["model_mean", "source_mean"]].notna().all(axis=1)
    pairs = cells[is_pair]
    changed = None
    if "is_changed" in cells:
        is_changed = cells["is_changed"]
        scores = {name: score_cells(cells[is_changed], name) for name in (MODEL, SOURCE)} if is_changed.any() else {}
        changed = without_nan({"forecasts": int(is_changed.sum()), **scores})
    value_added = None
    if len(pairs):
        value_added = measure_value_added(pairs)
        chain = [without_nan(step) for step in value_added["chain"]]
        value_added = {**without_nan(value_added), "chain": chain}
    return {
        "forecasts": len(cells),
        "overall": without_nan(score_cells(cells, SOURCE)),
        "by_step": {str(step): without_nan(score_cells(part, SOURCE)) for step, part in cells.groupby("step")},
        "recorded_late": int((cells["recorded"].fillna("") > cells["seen"]).sum()),
        "changed": changed,
        "value_added": value_added,
    }
