"""`forecast ledger score`: actuals that arrived settle forecasts, and what that says of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from forecaster.config import Config
from forecaster.config.job import AlarmConfig
from forecaster.errors import DataError, StaleError, UsageError, did_you_mean
from forecaster.evaluation.score import without_nan
from forecaster.events import Note, Watch, ignore
from forecaster.panel import Panel
from forecaster.store.ledger import queries
from forecaster.store.ledger.actuals import Added, add_actuals
from forecaster.store.ledger.recent import find_extent, find_first, list_series
from forecaster.store.ledger.score import INTERVALS
from forecaster.store.ledger.score import score as score_pending
from forecaster.workflows.clock import leave_out_unfinished, now_on
from forecaster.workflows.jobfile import Job
from forecaster.workflows.ledger.drift import describe_drift
from forecaster.workflows.ledger.scope import LedgerScope, format_time, list_rows, parse_since
from forecaster.workflows.source import Source
from forecaster.workflows.train import read_data

PERIODS = 90  # that are scored where no other time is named
DAYS = 30  # the same where steps are shorter than a day
LISTED = 1000  # series and anomalies that a document lists

_CUTS: tuple[tuple[queries.By, str], ...] = (
    ("step", "by_step"),
    ("unique_id", "by_series"),
    ("model", "by_model"),
    ("week", "by_week"),
)


def score(
    scope: LedgerScope,
    *,
    data: Config | None = None,
    since: str | None = None,
    level: int = 95,
    stdin: BinaryIO | None = None,
    now: datetime | None = None,
    watch: Watch = ignore,
) -> dict[str, Any]:
    """Take in what came true, score the forecasts that it settles, and say how good those of recent times were.

    Args:
        data: where actuals are read; None for the data of the job's file, or none where there is no file.
        since: see `parse_since`.
        level: actuals outside this interval are anomalies.
        now: when data is read; None for the present.

    Returns: a document for JSON.
    Raises: ForecastError: see the errors of `data.load` and `store.database.writing`.
    """
    ledger, name = scope.ledger, scope.job_name
    _check(level)
    config = data or (scope.job.config if scope.job else None)
    added = Added() if config is None else _take_in(scope, config, stdin, now or datetime.now(UTC), watch)
    return describe(scope, added, score_pending(ledger, name), since=since, level=level)


def describe(
    scope: LedgerScope, added: Added | None = None, scored: int = 0, *, since: str | None = None, level: int = 95
) -> dict[str, Any]:
    """Say how good the forecasts of recent times were, of those that are scored; nothing is taken in.

    Args:
        added, scored: what was taken in before.

    Returns: a document for JSON.
    Raises: UsageError: no such interval is kept, or nothing has come true since then.
    """
    ledger, name = scope.ledger, scope.job_name
    _check(level)
    added = added or Added()
    extent = find_extent(ledger, name)
    document: dict[str, Any] = {
        "job": name,
        "ledger": ledger.place,
        "actuals": {"new": added.new, "restated": added.restated},
        "scored": scored,
    }
    if extent is None:
        return document | {"overall": None}
    bound = extent.back(DAYS if extent.is_short else PERIODS) if since is None else parse_since(since, extent)
    first = find_first(ledger, name, bound)
    if first is None:
        raise UsageError(
            f"--since {since}: the last score is of {format_time(extent, extent.newest)}", hint="name a time before"
        )
    document |= {"since": format_time(extent, first), "until": format_time(extent, extent.newest), "unlisted": 0}
    document["overall"] = queries.summarise(ledger, name, since=first).to_dict("records")[0]
    for by, key in _CUTS:
        if by == "week" and extent.is_integer:
            document[key] = None
            continue
        table = queries.summarise(ledger, name, by=by, since=first)
        if by == "unique_id":
            table = table.sort_values(["mase", "mae"], ascending=False, kind="stable")
            document["unlisted"] = max(len(table) - LISTED, 0)
        document[key] = {str(row[by]): _drop(row, by) for row in table[:LISTED].to_dict("records")}
    found = queries.anomalies(ledger, name, level=level, since=first)
    document["anomalies"] = {"level": level, "count": len(found), "listed": list_rows(found[:LISTED], "at")}
    alarm, bundles = (scope.job.policy.alarm, scope.job.bundles) if scope.job else (AlarmConfig(), Path())
    document["drift"] = describe_drift(ledger, extent, alarm, bundles)
    return without_nan(document)


def _check(level: int) -> None:
    if level not in INTERVALS:
        raise UsageError(
            f"--level {level}: no such interval is kept", hint=f"choose among {', '.join(map(str, INTERVALS))}"
        )


def _take_in(scope: LedgerScope, config: Config, stdin: BinaryIO | None, now: datetime, watch: Watch) -> Added:
    """Keep the actuals that data holds.

    Raises: DataError: it has none of the job's series, time of another kind, or values for times to come.
    """
    ledger, name = scope.ledger, scope.job_name
    source = Source.of(config.data)
    place = source.place
    panel = read_data(source, config, stdin, watch).panel
    known = list_series(ledger, name)
    if known and not {*known} & {*map(str, panel.ids)}:
        near = did_you_mean(str(panel.ids[0]), known)
        raise DataError(
            f"{place}: has no series of job {name!r}: the first is {str(panel.ids[0])!r}{near}",
            hint="name the data that the job forecasts, its columns with --time, --id and --target",
        )
    run = next(iter(list_rows(queries.history(ledger, name, limit=1))), None)
    if run and run["frequency"] and str(run["frequency"]).endswith("integer") != panel.frequency.is_integer:
        raise DataError(
            f"{place}: time is {panel.frequency.name}, that of job {name!r} {run['frequency']}",
            hint="name the column of time with --time",
        )
    if scope.job and scope.job.policy.partial == "drop":
        panel = _leave_out_unfinished(panel, now, scope.job, place, watch)
    added = add_actuals(ledger, name, panel, seen=now)
    if added.restated:
        watch(Note(f"{added.restated} actuals were re-stated: their forecasts are scored again"))
    return added


def _leave_out_unfinished(panel: Panel, now: datetime, job: Job, place: str, watch: Watch) -> Panel:
    """Leave out what a run of the job would leave out: a day that is half over has no actual yet."""
    moment = now_on(panel.frequency, panel.zone, now, home=job.policy.zone)
    try:
        whole, count = leave_out_unfinished(panel, moment, place)
    except StaleError as error:  # which is of a run: nothing was to be published here
        raise DataError(error.message, hint=error.hint) from error
    if count:
        watch(Note(f"the last step of {count} series is not over yet: left out"))
    return whole


def _drop(row: Mapping[Any, Any], key: str) -> dict[str, Any]:
    """A mapping without one key."""
    return {str(name): value for name, value in row.items() if name != key}
