"""Actuals in the ledger: new values, and re-stated values as further versions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecaster.frequency import Ints
from forecaster.panel import Panel
from forecaster.store.database import Column, Database, insert_rows, writing
from forecaster.store.ledger.decimals import shorten
from forecaster.store.ledger.record import format_times, format_utc
from forecaster.store.ledger.tables import actual_rows, pending_rows, runs, series, source_rows, sources

_MAX_SERIES_NAMED = 500  # A query lists the numbers of at most this many series.


@dataclass(frozen=True)
class AddedActuals:
    """The numbers of actuals that were new and that were re-stated."""

    new: int = 0
    restated: int = 0


@dataclass(frozen=True)
class _Span:
    """The values of a series since the first forecast of the job.

    Attributes:
        row: the number of the series in the panel.
        series_id: its number in the ledger.
        begin, end: positions of the values in the panel.
        first, last: times of the first and the last value.
        until: the last time up to which the ledger has the same values; None if it has other values or none.
        is_shorter: True if the ledger has later values.
    """

    row: int
    series_id: int
    begin: int
    end: int
    first: int
    last: int
    until: int | None
    is_shorter: bool


def add_actuals(ledger: Database, job: str, panel: Panel, *, read_at: datetime) -> AddedActuals:
    """Add the values of a panel from the first time on that a job, or a source recorded beside it, has forecast.

    You can pass the whole history every time: a digest per series shows which values are stored already. A value that
    differs from the newest stored version becomes a further version; equal and missing values add nothing.

    Args:
        read_at: the time at which the data was read, with a time zone.

    Raises: ForecastError: see `database.writing`; nothing was added.
    """
    with writing(ledger, job) as connection:
        return insert_actuals(connection, job, panel, read_at)


def insert_actuals(connection: sa.Connection, job: str, panel: Panel, read_at: datetime) -> AddedActuals:
    """Add actuals as `add_actuals` does, within the caller's transaction."""
    first_of_runs = sa.select(sa.func.min(runs.c.first_at)).where(runs.c.job == job)
    of_job = sa.select(sources.c.id).where(sources.c.job == job)
    first_of_sources = sa.select(sa.func.min(source_rows.c.at)).where(source_rows.c.source_id.in_(of_job))
    first_times = [connection.execute(query).scalar() for query in (first_of_runs, first_of_sources)]
    first = min((time for time in first_times if time is not None), default=None)
    if first is None:
        return AddedActuals()
    rows = connection.execute(sa.select(series).where(series.c.job == job))
    stored = {row.unique_id: row for row in rows}
    spans = [span for span in _find_spans(panel, int(first), stored) if span.until != span.last]
    if not spans:
        return AddedActuals()
    values = _gather_values(panel, spans)
    versions = _read_versions(connection, job, values, [span for span in spans if span.until is None])
    added = _insert(connection, values, versions, panel, read_at)
    _write_digests(connection, panel, [span for span in spans if not span.is_shorter])
    return added


def _find_spans(panel: Panel, first: int, stored: dict[str, sa.Row[Any]]) -> list[_Span]:
    """Return the spans of the series that were forecast and have a value since.

    Args:
        first: the first time that the job or a source has forecast.
        stored: the rows of the table `series`, by id.
    """
    starts = np.maximum(panel.frequency.index(panel.start, np.full(len(panel), first - 1)) + 1, 0)
    times = panel.frequency.timestamps(panel.start, starts)
    spans = []
    for row, (name, at, last) in enumerate(zip(panel.ids, times, panel.cutoff, strict=True)):
        record = stored.get(str(name))
        if record is None or at > last:
            continue
        begin, end = int(panel.begin[row] + starts[row]), int(panel.end[row])
        is_shorter = record.known_until is not None and record.known_until > last
        until = None
        if record.known_from == at and not is_shorter:
            stored_end = int(panel.begin[row] + panel.frequency.index(panel.start[row], record.known_until)) + 1
            until = int(record.known_until) if _digest(panel, begin, stored_end) == record.digest else None
        spans.append(_Span(row, record.id, begin, end, int(at), int(last), until, is_shorter))
    return spans


def _write_digests(connection: sa.Connection, panel: Panel, spans: list[_Span]) -> None:
    """Write the stored times of each series, and the digest of its values."""
    digests = [
        {
            "number": span.series_id,
            "begins": span.first,
            "ends": span.last,
            "hash": _digest(panel, span.begin, span.end),
        }
        for span in spans
    ]
    if digests:
        connection.execute(
            series.update()
            .where(series.c.id == sa.bindparam("number"))
            .values(known_from=sa.bindparam("begins"), known_until=sa.bindparam("ends"), digest=sa.bindparam("hash")),
            digests,
        )


def _digest(panel: Panel, begin: int, end: int) -> str:
    content = np.ascontiguousarray(panel.values[begin:end, 0]).tobytes()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _gather_values(panel: Panel, spans: list[_Span]) -> pd.DataFrame:
    """Return series_id, at and y of all observed values that may be new."""
    lengths = np.array([span.end - span.begin for span in spans])
    offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    position = np.repeat([span.begin for span in spans], lengths) + offset
    rows = np.repeat([span.row for span in spans], lengths)
    at = panel.frequency.timestamps(panel.start[rows], position - panel.begin[rows])
    lowest = np.iinfo(np.int64).min
    after = np.repeat([lowest if span.until is None else span.until for span in spans], lengths)
    y = panel.values[position, 0]
    is_candidate = ~np.isnan(y) & (at > after)
    numbers = np.repeat([span.series_id for span in spans], lengths)
    return pd.DataFrame({"series_id": numbers[is_candidate], "at": at[is_candidate], "y": shorten(y[is_candidate])})


def _read_versions(connection: sa.Connection, job: str, values: pd.DataFrame, spans: list[_Span]) -> pd.DataFrame:
    """Return series_id, at, version and the stored value of the newest versions.

    Args:
        values: see `_gather_values`.
        spans: of the series whose stored values differ.
    """
    table = actual_rows.c
    rows: Sequence[Any] = []
    if spans and len(values):
        query = sa.select(table.series_id, table.at, table.version, table.y).order_by(table.version)
        query = query.where(table.at >= int(values["at"].min()))
        if len(spans) <= _MAX_SERIES_NAMED:
            query = query.where(table.series_id.in_([span.series_id for span in spans]))
        else:
            query = query.where(table.series_id.in_(sa.select(series.c.id).where(series.c.job == job)))
        rows = connection.execute(query).all()
    stored = pd.DataFrame(rows, columns=["series_id", "at", "version", "stored"])
    return stored.drop_duplicates(["series_id", "at"], keep="last")


def _insert(
    connection: sa.Connection, values: pd.DataFrame, versions: pd.DataFrame, panel: Panel, read_at: datetime
) -> AddedActuals:
    types = {"series_id": np.int64, "at": np.int64}
    joined = values.merge(versions.astype(types), how="left", on=["series_id", "at"])
    is_new = joined["version"].isna()
    changed = joined[is_new | (joined["y"] != joined["stored"])].sort_values(["series_id", "at"])
    restated = changed[changed["version"].notna()]
    if len(restated):
        is_older = (pending_rows.c.series_id == sa.bindparam("number")) & (pending_rows.c.at == sa.bindparam("time"))
        keys = restated[["series_id", "at"]].itertuples(index=False)
        connection.execute(
            pending_rows.delete().where(is_older), [{"number": int(number), "time": int(at)} for number, at in keys]
        )
    at: Ints = changed["at"].to_numpy(np.int64)
    columns: dict[str, Column] = {
        "series_id": changed["series_id"].to_numpy(np.int64),
        "at": at,
        "version": changed["version"].fillna(0).to_numpy(np.int64) + 1,
        "y": changed["y"].to_numpy(np.float64),
    }
    insert_rows(connection, pending_rows, columns)
    texts: dict[str, Column] = {
        "ds": format_times(panel.frequency, at, panel.zone),
        "seen": [format_utc(read_at)] * len(changed),
    }
    insert_rows(connection, actual_rows, {**columns, **texts})
    return AddedActuals(int(is_new.sum()), len(restated))
