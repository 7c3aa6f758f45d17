"""Runs and their forecasts, written to the ledger in one transaction each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from forecaster.forecast import Forecast
from forecaster.frequency import Frequency, Ints
from forecaster.panel import Floats
from forecaster.store.database import Database, insert_rows, refuse_unstorable, writing
from forecaster.store.ledger.decimals import shorten
from forecaster.store.ledger.leases import Lease
from forecaster.store.ledger.tables import (
    BASELINES,
    QUANTILES,
    actual_rows,
    forecast_rows,
    pending_rows,
    run_series,
    runs,
    series,
)


@dataclass(frozen=True)
class Run:
    """One run of a job.

    Attributes:
        job: the name of the job; several jobs may share a ledger.
        key: the name of the run within the job.
        started: the start, with a time zone.
        code: the exit code.
        seconds: the duration.
        bundle: the bundle that made the forecasts.
        details: further values that JSON can express.
        adjustment: the number of the adjustment that was applied to the intervals; None for none.
        lease: the lease without which the ledger refuses the run; None for a ledger without leases.
        series, cutoff: the number of series in the data and their newest cutoff, for a run that makes no forecast.
    """

    job: str
    key: str
    started: datetime
    code: int = 0
    seconds: float | None = None
    bundle: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    adjustment: int | None = None
    lease: Lease | None = None
    series: int = 0
    cutoff: str | None = None


def record(
    ledger: Database,
    run: Run,
    forecast: Forecast | None = None,
    *,
    baselines: Mapping[Literal["seasonal_naive", "naive"], Floats] | None = None,
    scale: npt.NDArray[np.floating] | None = None,
) -> bool:
    """Write a run and its forecasts to the ledger.

    Args:
        forecast: None for a run without forecasts.
        baselines: [N, H] point forecasts of the naive models from the same cutoffs, the reference of skill.
        scale: [N] in-sample seasonal errors, the divisors of scaled errors.

    Returns: False if the ledger has a run with this key already; it stays unchanged.
    Raises:
        DataError: the name of a series cannot be stored.
        LostLeaseError: the run has lost its lease.
        ForecastError: see `database.writing`; nothing was written.
    """
    refuse_unstorable([run.job, *(forecast.ids if forecast else ())])
    with writing(ledger, run.job) as connection:
        same = sa.select(runs.c.id).where(runs.c.job == run.job, runs.c.key == run.key)
        if connection.execute(same).first():
            return False
        values = {
            "job": run.job,
            "key": run.key,
            "started": format_utc(run.started),
            "seconds": run.seconds,
            "code": run.code,
            "bundle": run.bundle,
            "details": _dump(run.details),
            "series": run.series,
            "cutoff": run.cutoff,
            "adjustment": run.adjustment,
        }
        if forecast is None or not len(forecast.ids):
            connection.execute(runs.insert().values(values))
        else:
            insert = runs.insert().values(values | _describe(forecast)).returning(runs.c.id)
            run_id = int(connection.execute(insert).scalar_one())
            numbers = _number_series(connection, run.job, forecast.ids)
            _insert(connection, run_id, numbers, forecast, baselines or {}, scale)
            _mark_pending(connection, run_id, forecast)
        if run.lease:
            run.lease.check(connection)
    return True


def amend(ledger: Database, run: Run) -> None:
    """Replace the code, the seconds and the details of a run that the ledger has; its forecasts stay as they are.

    Raises:
        LostLeaseError: the run has lost its lease.
        ForecastError: see `database.writing`; nothing was written.
    """
    with writing(ledger, run.job) as connection:
        same = runs.update().where(runs.c.job == run.job, runs.c.key == run.key)
        connection.execute(same.values(code=run.code, seconds=run.seconds, details=_dump(run.details)))
        if run.lease:
            run.lease.check(connection)


def mark_killed(ledger: Database, job: str, key: str, *, code: int, message: str) -> bool:
    """Replace the code of a run that published at its deadline and then ended without amending its record.

    Returns: False if the run has amended its record, or the ledger does not have it.
    Raises: ForecastError: see `database.writing`; nothing was written.
    """
    same = (runs.c.job == job) & (runs.c.key == key)
    with writing(ledger, job) as connection:
        text = connection.execute(sa.select(runs.c.details).where(same)).scalar()
        details = json.loads(text) if text else {}
        if "deferred" not in details or "error" in details:
            return False
        details["error"] = {"kind": "interrupted", "message": message}
        connection.execute(runs.update().where(same).values(code=code, details=_dump(details)))
    return True


def format_utc(time: datetime) -> str:
    """Format a time as the ledger does: ISO 8601 in UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_times(frequency: Frequency, at: Ints, zone: str | None) -> npt.NDArray[np.object_]:
    """Return the [T] times as text. Each distinct time is formatted only once, which is fast for many series."""
    distinct, position = np.unique(at, return_inverse=True)
    text = np.array([str(each) for each in frequency.format(distinct, zone)], object)
    return text[position.ravel()]


def _dump(details: Mapping[str, Any]) -> str:
    text = json.dumps(details, allow_nan=False, ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode()  # A path may contain bytes that are not UTF-8.


def _describe(forecast: Forecast) -> dict[str, Any]:
    """Return the columns of `runs` that describe a forecast."""
    newest = forecast.cutoff.max()
    return {
        "model": forecast.model,
        "frequency": forecast.frequency.name,
        "zone": forecast.zone,
        "horizon": forecast.horizon,
        "series": len(forecast.ids),
        "cutoff": format_times(forecast.frequency, np.array([newest]), forecast.zone)[0],
        "cutoff_at": int(newest),
        "first_at": int(forecast.ds.min()),
        "last_at": int(forecast.ds.max()),
    }


def _number_series(connection: sa.Connection, job: str, ids: npt.NDArray[np.object_]) -> Ints:
    """Return the [N] numbers of series in the ledger, after new series have been added."""
    existing = sa.select(series.c.unique_id, series.c.id).where(series.c.job == job)
    numbers = {row.unique_id: row.id for row in connection.execute(existing)}
    new = [name for name in ids if name not in numbers]
    if new:
        insert_rows(connection, series, {"job": [job] * len(new), "unique_id": new})
        numbers = {row.unique_id: row.id for row in connection.execute(existing)}
    return np.array([numbers[name] for name in ids], np.int64)


def _insert(
    connection: sa.Connection,
    run_id: int,
    numbers: Ints,
    forecast: Forecast,
    baselines: Mapping[Literal["seasonal_naive", "naive"], Floats],
    scale: npt.NDArray[np.floating] | None,
) -> None:
    count, horizon = forecast.mean.shape
    of_series = {
        "run_id": np.full(count, run_id),
        "series_id": numbers,
        "cutoff": format_times(forecast.frequency, forecast.cutoff, forecast.zone),
        "cutoff_at": forecast.cutoff,
        "scale": np.full(count, np.nan) if scale is None else scale,
        "status": np.where(forecast.fallback, "fallback", "ok"),
    }
    order = np.argsort(numbers)  # inserting rows in the order of their key is faster
    insert_rows(connection, run_series, {name: column[order] for name, column in of_series.items()})
    quantiles = shorten(forecast.quantiles[order]).reshape(count * horizon, -1)
    at = forecast.ds[order].ravel()
    missing = np.full((count, horizon), np.nan)
    of_step = {
        "run_id": np.full(count * horizon, run_id),
        "series_id": np.repeat(numbers[order], horizon),
        "step": np.tile(np.arange(1, horizon + 1), count),
        "ds": format_times(forecast.frequency, at, forecast.zone),
        "at": at,
        "mean": shorten(forecast.mean[order]).ravel(),
        **{name: quantiles[:, number] for number, name in enumerate(QUANTILES)},
        **{name: shorten(baselines.get(name, missing)[order]).ravel() for name in BASELINES},  # type: ignore[call-overload]
    }
    insert_rows(connection, forecast_rows, of_step)


def _mark_pending(connection: sa.Connection, run_id: int, forecast: Forecast) -> None:
    """Mark the actuals that arrived before the forecast as pending, so that they score it."""
    numbers = sa.select(run_series.c.series_id).where(run_series.c.run_id == run_id)
    later = actual_rows.alias()
    is_restated = sa.exists().where(
        later.c.series_id == actual_rows.c.series_id,
        later.c.at == actual_rows.c.at,
        later.c.version > actual_rows.c.version,
    )
    is_pending = sa.exists().where(
        pending_rows.c.series_id == actual_rows.c.series_id, pending_rows.c.at == actual_rows.c.at
    )
    columns = [actual_rows.c[column.name] for column in pending_rows.c]
    arrived = sa.select(*columns).where(
        actual_rows.c.series_id.in_(numbers),
        actual_rows.c.at.between(int(forecast.ds.min()), int(forecast.ds.max())),
        ~is_restated,
        ~is_pending,
    )
    connection.execute(pending_rows.insert().from_select([column.name for column in columns], arrived))
