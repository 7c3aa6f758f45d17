"""Sources: forecasts that somebody else made, and changes of a job's forecasts by hand, recorded beside its runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecaster.errors import UsageError
from forecaster.store.database import Column, Database, insert_rows, reading, writing
from forecaster.store.ledger.record import format_utc
from forecaster.store.ledger.tables import (
    MEDIAN,
    QUANTILES,
    actual_rows,
    forecast_rows,
    run_series,
    runs,
    series,
    source_rows,
    sources,
)

Kind = Literal["forecast", "override"]

_KEY = ["series_id", "at", "cutoff_at"]
_CONTENT = ["run_id", "value", *QUANTILES]


@dataclass(frozen=True)
class SourceRecord:
    """The outcome of recording the forecasts of a source.

    Attributes:
        new: number of forecasts for a series, time and cutoff that the source had not forecast.
        same: number of forecasts that were recorded already.
        replaced: number of forecasts that were recorded with other values.
    """

    new: int
    same: int
    replaced: int


def list_sources(ledger: Database, job: str) -> dict[str, Kind]:
    """Return the kind of each source of a job, by name."""
    query = sa.select(sources.c.name, sources.c.kind).where(sources.c.job == job).order_by(sources.c.name)
    with reading(ledger) as connection:
        return {row.name: row.kind for row in connection.execute(query)}


def refuse_other_kind(job: str, name: str, kind: Kind, existing: Kind) -> None:
    """Check that a source of forecasts gets no overrides, and the reverse.

    Args:
        existing: the kind of the source in the ledger.

    Raises: UsageError: it is another one.
    """
    if existing != kind:
        nouns = {"forecast": "forecasts", "override": "overrides"}
        raise UsageError(
            f"--source {name}: has {nouns[existing]} of job {job!r}, not {nouns[kind]}",
            hint="pass another name, or add --overrides" if kind == "forecast" else "pass another name with --source",
        )


def list_newest_cutoffs(ledger: Database, job: str) -> pd.DataFrame:
    """Return the series that a job has forecast: unique_id, series_id, and the cutoff_at of the newest run of each."""
    newest = sa.select(sa.func.max(run_series.c.cutoff_at)).where(run_series.c.series_id == series.c.id)
    query = (
        sa.select(series.c.unique_id, series.c.id.label("series_id"), newest.scalar_subquery().label("cutoff_at"))
        .where(series.c.job == job)
        .order_by(series.c.id)
    )
    frame = _frame(ledger, query)
    return frame[frame["cutoff_at"].notna()].astype({"cutoff_at": np.int64})


def list_last_known(ledger: Database, job: str, before: int) -> dict[int, int]:
    """Return the last time before another one at which a value of a series was known, by the number of the series.

    Args:
        before: the time, as `at` in the tables.
    """
    actual = sa.select(sa.func.max(actual_rows.c.at)).where(
        actual_rows.c.series_id == series.c.id, actual_rows.c.at < before
    )
    cutoff = sa.select(sa.func.max(run_series.c.cutoff_at)).where(
        run_series.c.series_id == series.c.id, run_series.c.cutoff_at < before
    )
    query = sa.select(series.c.id, actual.scalar_subquery(), cutoff.scalar_subquery()).where(series.c.job == job)
    with reading(ledger) as connection:
        rows = connection.execute(query).all()
    last = {int(number): [int(time) for time in times if time is not None] for number, *times in rows}
    return {number: max(times) for number, times in last.items() if times}


def find_run(ledger: Database, job: str, *, key: str | None = None, until: int | None = None) -> tuple[int, str] | None:
    """Return the number and the key of the newest run of a job that made forecasts; None if there is none.

    Args:
        key: the key of the run; None for any.
        until: the latest cutoff of the run, as `at` in the tables; None for any.
    """
    query = sa.select(runs.c.id, runs.c.key).where(runs.c.job == job, runs.c.first_at.is_not(None))
    if key is not None:
        query = query.where(runs.c.key == key)
    if until is not None:
        query = query.where(runs.c.cutoff_at <= until)
    with reading(ledger) as connection:
        row = connection.execute(query.order_by(runs.c.id.desc()).limit(1)).first()
    return None if row is None else (int(row.id), str(row.key))


def read_run_cells(ledger: Database, run_id: int) -> pd.DataFrame:
    """Return series_id, at, step, cutoff, cutoff_at, mean and median of every forecast of a run."""
    is_same = (run_series.c.run_id == forecast_rows.c.run_id) & (run_series.c.series_id == forecast_rows.c.series_id)
    query = (
        sa.select(
            forecast_rows.c.series_id,
            forecast_rows.c.at,
            forecast_rows.c.step,
            run_series.c.cutoff,
            run_series.c.cutoff_at,
            forecast_rows.c.mean,
            forecast_rows.c[MEDIAN].label("median"),
        )
        .select_from(forecast_rows)
        .join(run_series, is_same)
        .where(forecast_rows.c.run_id == run_id)
    )
    return _frame(ledger, query)


def record_source(
    ledger: Database,
    job: str,
    name: str,
    kind: Kind,
    rows: pd.DataFrame,
    *,
    recorded_at: datetime,
) -> SourceRecord:
    """Write forecasts of a source; those that are recorded with other values become further versions.

    Args:
        rows: series_id, at, cutoff_at, step, ds, cutoff, run_id (NaN for forecasts), value, q025 ... q975 (NaN if
            unknown), one row for each series, time and cutoff.
        recorded_at: the present, with a time zone.

    Raises:
        UsageError: a source of the other kind has this name.
        ForecastError: see `database.writing`; nothing was written.
    """
    with writing(ledger, job) as connection:
        source_id = _number_source(connection, job, name, kind)
        joined = _join_newest(connection, source_id, rows)
        is_new = joined["version"].isna()
        is_changed = ~is_new & _differs(joined)
        changed = joined[is_new | is_changed]
        columns: dict[str, Column] = {
            "source_id": np.full(len(changed), source_id),
            **{column: changed[column].to_numpy(np.int64) for column in [*_KEY, "step"]},
            "version": changed["version"].fillna(0).to_numpy(np.int64) + 1,
            "run_id": [None if np.isnan(number) else int(number) for number in changed["run_id"]],
            **{column: changed[column].tolist() for column in ("ds", "cutoff")},
            **{column: changed[column].to_numpy(np.float64) for column in ("value", *QUANTILES)},
            "recorded": [format_utc(recorded_at)] * len(changed),
        }
        insert_rows(connection, source_rows, columns)
    return SourceRecord(int(is_new.sum()), int((~is_new & ~is_changed).sum()), int(is_changed.sum()))


def compare_with_recorded(ledger: Database, job: str, name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as `record_source` takes them, with `version`, `recorded` (a value) and `is_changed`.

    `version` and `recorded` are those of the newest recorded version, NaN if there is none.
    """
    query = sa.select(sources.c.id).where(sources.c.job == job, sources.c.name == name)
    with reading(ledger) as connection:
        source_id = connection.execute(query).scalar()
        if source_id is None:
            return rows.assign(version=np.nan, recorded=np.nan, is_changed=False)
        joined = _join_newest(connection, int(source_id), rows)
    is_changed = joined["version"].notna() & _differs(joined)
    return joined[[*rows.columns, "version", "recorded"]].assign(is_changed=is_changed)


def list_cutoffs(ledger: Database, job: str) -> pd.DataFrame:
    """Return the distinct series_id and cutoff_at from which a job has forecast."""
    of_job = sa.select(series.c.id).where(series.c.job == job)
    query = sa.select(run_series.c.series_id, run_series.c.cutoff_at).where(run_series.c.series_id.in_(of_job))
    return _frame(ledger, query.distinct())


def is_newest_row(table: Any) -> sa.ColumnElement[bool]:
    """Return the condition for the newest version of each forecast of a source.

    Args:
        table: `source_rows` or an alias of it.
    """
    later = source_rows.alias()
    names = ("source_id", *_KEY)
    return ~sa.exists().where(*(later.c[name] == table.c[name] for name in names), later.c.version > table.c.version)


def _number_source(connection: sa.Connection, job: str, name: str, kind: Kind) -> int:
    query = sa.select(sources.c.id, sources.c.kind).where(sources.c.job == job, sources.c.name == name)
    row = connection.execute(query).first()
    if row is None:
        insert = sources.insert().values(job=job, name=name, kind=kind).returning(sources.c.id)
        return int(connection.execute(insert).scalar_one())
    refuse_other_kind(job, name, kind, row.kind)
    return int(row.id)


def _join_newest(connection: sa.Connection, source_id: int, rows: pd.DataFrame) -> pd.DataFrame:
    """Join rows with their newest recorded version: `version` and `recorded`, and the content as `recorded_...`."""
    table = source_rows.c
    query = (
        sa.select(*(table[name] for name in (*_KEY, "version", *_CONTENT)))
        .where(table.source_id == source_id, is_newest_row(source_rows))
        .where(table.at.between(int(rows["at"].min()), int(rows["at"].max())))
    )
    result = connection.execute(query).all()
    stored = pd.DataFrame(result, columns=[*_KEY, "version", *(f"recorded_{name}" for name in _CONTENT)])
    stored = stored.astype({**dict.fromkeys(_KEY, np.int64), **{f"recorded_{name}": np.float64 for name in _CONTENT}})
    joined = rows.merge(stored, how="left", on=_KEY)
    return joined.assign(recorded=joined["recorded_value"])


def _differs(joined: pd.DataFrame) -> pd.Series:
    """Return True for each row whose content is not that of its recorded version."""
    differs = pd.Series(data=False, index=joined.index)
    for name in _CONTENT:
        new, old = joined[name].astype(np.float64), joined[f"recorded_{name}"]
        differs |= (new != old) & ~(new.isna() & old.isna())
    return differs


def _frame(ledger: Database, query: sa.Select[Any]) -> pd.DataFrame:
    with reading(ledger) as connection:
        result = connection.execute(query)
        return pd.DataFrame(result.all(), columns=list(result.keys()))
