"""`forecast ledger record`: forecasts of another source, or overrides of the job's forecasts."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from forecaster.config import Config
from forecaster.data.forecast_table import ForecastRows, read_forecasts
from forecaster.errors import DataError
from forecaster.events import Note, Watch, ignore
from forecaster.store.database import refuse_unstorable
from forecaster.store.ledger import queries, sources
from forecaster.store.ledger.tables import QUANTILES
from forecaster.workflows.ledger.scope import LedgerScope, list_rows
from forecaster.workflows.ledger.source_cells import Grid, locate
from forecaster.workflows.ledger.source_cutoffs import ForeignTable, SourceRequest
from forecaster.workflows.source import Source

OVERRIDE = "override"  # the source of overrides that have no other name


def record(
    scope: LedgerScope,
    data: Config,
    request: SourceRequest,
    *,
    stdin: BinaryIO | None = None,
    now: datetime | None = None,
    watch: Watch = ignore,
) -> dict[str, Any]:
    """Record the forecasts of a table beside the forecasts of a job.

    Recording the same table again changes nothing.

    Args:
        data: config of the table: its path, columns and format.
        now: the present; None for that of the machine.

    Returns: a JSON document.
    Raises: ForecastError: the table is unusable as given, or contradicts what is recorded; nothing was recorded.
    """
    ledger, job = scope.ledger, scope.job_name
    kind: sources.Kind = "override" if request.is_override else "forecast"
    refuse_unstorable([request.source])
    sources.refuse_other_kind(job, request.source, kind, sources.list_sources(ledger, job).get(request.source, kind))
    grid, place = _find_grid(scope), Source.of(data.data).place
    rows = _read(data, request, grid, stdin, watch)
    table = ForeignTable(scope, grid, rows, place, lambda text: watch(Note(text)))
    cells = locate(rows, grid, place, table.note)
    cells = table.find_runs(cells, request) if request.is_override else table.find_cutoffs(cells, request)
    cells = table.merge_duplicates(cells, data.data.duplicates)
    cells = _complete(cells, rows, grid, is_override=request.is_override)
    compared = sources.compare_with_recorded(ledger, job, request.source, cells)
    if not request.is_replacing:
        _refuse_changes(compared, rows, grid, request)
    is_equal = compared["is_ours"] & compared["version"].isna()
    writable = compared[~is_equal].drop(columns=["version", "recorded", "is_changed", "is_ours", "row"])
    outcome = sources.SourceRecord(0, 0, 0)
    if len(writable):
        moment = now or datetime.now(UTC)
        outcome = sources.record_source(ledger, job, request.source, kind, writable, recorded_at=moment)
    is_paired = cells[["series_id", "cutoff_at"]].merge(sources.list_cutoffs(ledger, job), how="inner")
    return {
        "job": job,
        "ledger": ledger.place,
        "source": request.source,
        "kind": kind,
        "file": place,
        **asdict(outcome),
        "equal_to_forecast": int(is_equal.sum()),
        "series": int(cells["series_id"].nunique()),
        "cutoff": _first_and_last(cells["cutoff_at"], grid),
        "times": _first_and_last(cells["at"], grid),
        "paired": len(is_paired),
    }


def _find_grid(scope: LedgerScope) -> Grid:
    """Return the times of the forecasts of a job.

    Raises: DataError: it has made none.
    """
    ledger, job = scope.ledger, scope.job_name
    run = next((row for row in list_rows(queries.history(ledger, job)) if row["first_at"] is not None), None)
    if run is None:
        raise DataError(f"{ledger.place}: job {job!r} has made no forecasts yet", hint="run it: forecast run JOB.yaml")
    return Grid.of(run, sources.list_newest_cutoffs(ledger, job), scope.job.bundles if scope.job else None)


def _read(data: Config, request: SourceRequest, grid: Grid, stdin: BinaryIO | None, watch: Watch) -> ForecastRows:
    """Read the table, and report how it was read."""
    source = Source.of(data.data)
    series = [str(name) for name in grid.series["unique_id"]]
    rows = read_forecasts(source.read(data.data, stdin), data.data, series=series, cutoff=request.cutoff_column)
    for note in (f"{source.place}: {rows.roles}", *rows.notes):
        watch(Note(note))
    return rows


def _complete(cells: pd.DataFrame, rows: ForecastRows, grid: Grid, *, is_override: bool) -> pd.DataFrame:
    """Return the cells as `sources.record_source` takes them, with `row` and `is_ours`."""
    position = cells["row"].to_numpy(np.int64)
    quantiles = dict.fromkeys(QUANTILES, np.full(len(cells), np.nan))
    if not is_override:
        names = {f"q{round(1000 * probability):03d}": values for probability, values in rows.quantiles.items()}
        quantiles |= {name: values[position] for name, values in names.items()}
    columns = ["row", "series_id", "at", "cutoff_at", "step", "run_id", "value", "is_ours"]
    texts = {
        name: grid.format(cells[column].to_numpy(np.int64)) for name, column in (("ds", "at"), ("cutoff", "cutoff_at"))
    }
    return cells[columns].reset_index(drop=True).assign(**texts, **quantiles)


def _refuse_changes(compared: pd.DataFrame, rows: ForecastRows, grid: Grid, request: SourceRequest) -> None:
    changed = compared[compared["is_changed"]]
    if not len(changed):
        return
    row = changed.iloc[0]
    more = f", and {len(changed) - 1} more differ" if len(changed) > 1 else ""
    value = "other quantiles or another run" if row["value"] == row["recorded"] else f"{row['value']:g}"
    raise DataError(
        f"{rows.place(int(row['row']))}: {request.source} is recorded with {row['recorded']:g} for {row['ds']} from "
        f"cutoff {row['cutoff']}, and this file has {value}{more}",
        hint="add --replace to score the new values instead; the ledger keeps the old ones as earlier versions",
    )


def _first_and_last(at: pd.Series, grid: Grid) -> dict[str, str]:
    first, last = grid.format(np.array([at.min(), at.max()], np.int64))
    return {"first": first, "last": last}
