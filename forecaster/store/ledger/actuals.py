"""What came true enters the ledger: new values, and re-stated ones as further versions."""

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
from forecaster.store.ledger.record import stamp, to_text
from forecaster.store.ledger.tables import actual_rows, pending_rows, runs, series

_FEW = 500  # series that a query may name one by one


@dataclass(frozen=True)
class Added:
    """How many actuals were new, and how many re-stated."""

    new: int = 0
    restated: int = 0


@dataclass(frozen=True)
class _Span:
    """What a panel has of a series since the first forecast.

    Attributes:
        row: the series' number in the panel.
        series_id: its number in the ledger.
        begin, end: positions in the panel's values.
        first, last: the times of the first and the last of these.
        until: the time up to which the ledger has just these values; None where it has others, or none.
        is_shorter: whether the ledger knows later values.
    """

    row: int
    series_id: int
    begin: int
    end: int
    first: int
    last: int
    until: int | None
    is_shorter: bool


def add_actuals(ledger: Database, job: str, panel: Panel, *, seen: datetime) -> Added:
    """Keep the values of a panel that forecasts of a job were or could be about.

    The whole history may be given each time: what is stored is known by a digest a series and is not read again. A
    value equal to the newest stored adds nothing; another one becomes a further version; a missing one says nothing.

    Args:
        seen: when the data was read, with a time zone.

    Raises: ForecastError: see `database.writing`; nothing was added.
    """
    with writing(ledger, job) as connection:
        return insert_actuals(connection, job, panel, seen)


def insert_actuals(connection: sa.Connection, job: str, panel: Panel, seen: datetime) -> Added:
    """Do what `add_actuals` says within a transaction."""
    first = connection.execute(sa.select(sa.func.min(runs.c.first_at)).where(runs.c.job == job)).scalar()
    if first is None:
        return Added()
    known = {row.unique_id: row for row in connection.execute(sa.select(series).where(series.c.job == job))}
    spans = [span for span in _find_spans(panel, int(first), known) if span.until != span.last]
    if not spans:
        return Added()
    given = _gather(panel, spans)
    versions = _stored_versions(connection, job, given, [span for span in spans if span.until is None])
    added = _insert(connection, given, versions, panel, seen)
    _remember(connection, panel, [span for span in spans if not span.is_shorter])
    return added


def _find_spans(panel: Panel, first: int, known: dict[str, sa.Row[Any]]) -> list[_Span]:
    """The spans of those series that were forecast and have a value since."""
    starts = np.maximum(panel.frequency.index(panel.start, np.full(len(panel), first - 1)) + 1, 0)
    times = panel.frequency.timestamps(panel.start, starts)
    spans = []
    for row, (name, at, last) in enumerate(zip(panel.ids, times, panel.cutoff, strict=True)):
        stored = known.get(str(name))
        if stored is None or at > last:
            continue
        begin, end = int(panel.begin[row] + starts[row]), int(panel.end[row])
        is_shorter = stored.known_until is not None and stored.known_until > last
        until = None
        if stored.known_from == at and not is_shorter:
            same = int(panel.begin[row] + panel.frequency.index(panel.start[row], stored.known_until)) + 1
            until = int(stored.known_until) if _digest(panel, begin, same) == stored.digest else None
        spans.append(_Span(row, stored.id, begin, end, int(at), int(last), until, is_shorter))
    return spans


def _remember(connection: sa.Connection, panel: Panel, spans: list[_Span]) -> None:
    """Note what of each series is stored now; of one that is shorter than before, the old note still tells more."""
    noted = [
        {
            "number": span.series_id,
            "begins": span.first,
            "ends": span.last,
            "hash": _digest(panel, span.begin, span.end),
        }
        for span in spans
    ]
    if noted:
        connection.execute(
            series.update()
            .where(series.c.id == sa.bindparam("number"))
            .values(known_from=sa.bindparam("begins"), known_until=sa.bindparam("ends"), digest=sa.bindparam("hash")),
            noted,
        )


def _digest(panel: Panel, begin: int, end: int) -> str:
    content = np.ascontiguousarray(panel.values[begin:end, 0]).tobytes()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _gather(panel: Panel, spans: list[_Span]) -> pd.DataFrame:
    """series_id, at, y of all observed values that may be new."""
    lengths = np.array([span.end - span.begin for span in spans])
    offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    position = np.repeat([span.begin for span in spans], lengths) + offset
    rows = np.repeat([span.row for span in spans], lengths)
    at = panel.frequency.timestamps(panel.start[rows], position - panel.begin[rows])
    lowest = np.iinfo(np.int64).min
    after = np.repeat([lowest if span.until is None else span.until for span in spans], lengths)
    y = panel.values[position, 0]
    is_asked = ~np.isnan(y) & (at > after)
    numbers = np.repeat([span.series_id for span in spans], lengths)
    return pd.DataFrame({"series_id": numbers[is_asked], "at": at[is_asked], "y": shorten(y[is_asked])})


def _stored_versions(connection: sa.Connection, job: str, given: pd.DataFrame, spans: list[_Span]) -> pd.DataFrame:
    """series_id, at, version, stored of the newest versions of series that have changed."""
    table = actual_rows.c
    rows: Sequence[Any] = []
    if spans and len(given):
        query = sa.select(table.series_id, table.at, table.version, table.y).order_by(table.version)
        query = query.where(table.at >= int(given["at"].min()))
        if len(spans) <= _FEW:
            query = query.where(table.series_id.in_([span.series_id for span in spans]))
        else:
            query = query.where(table.series_id.in_(sa.select(series.c.id).where(series.c.job == job)))
        rows = connection.execute(query).all()
    stored = pd.DataFrame(rows, columns=["series_id", "at", "version", "stored"])
    return stored.drop_duplicates(["series_id", "at"], keep="last")


def _insert(
    connection: sa.Connection, given: pd.DataFrame, versions: pd.DataFrame, panel: Panel, seen: datetime
) -> Added:
    types = {"series_id": np.int64, "at": np.int64}
    joined = given.merge(versions.astype(types), how="left", on=["series_id", "at"])
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
    texts: dict[str, Column] = {"ds": to_text(panel.frequency, at, panel.zone), "seen": [stamp(seen)] * len(changed)}
    insert_rows(connection, actual_rows, {**columns, **texts})
    return Added(int(is_new.sum()), len(restated))
