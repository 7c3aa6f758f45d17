"""`forecast ledger score`: score forecasts whose actuals have arrived, and report recent errors, coverage and drift."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
from forecaster.store.ledger.actuals import AddedActuals, add_actuals
from forecaster.store.ledger.recent import Extent, find_extent, find_first_scored, list_series
from forecaster.store.ledger.score import INTERVALS
from forecaster.store.ledger.score import score as score_pending
from forecaster.workflows.clock import leave_out_unfinished, now_on
from forecaster.workflows.jobfile import Job
from forecaster.workflows.ledger.drift import measure_drift
from forecaster.workflows.ledger.scope import LedgerScope, format_time, list_rows, parse_since
from forecaster.workflows.ledger.value_added import report_sources
from forecaster.workflows.reading import read_data
from forecaster.workflows.source import Source

DEFAULT_PERIODS = 90  # The number of newest periods to report, unless steps are shorter than a day.
DEFAULT_DAYS = 30  # The number of newest days to report if steps are shorter than a day.
_MAX_LISTED = 1000  # The number of series and of anomalies that a document lists.

_CUTS: tuple[tuple[queries.By, str], ...] = (
    ("step", "by_step"),
    ("unique_id", "by_series"),
    ("model", "by_model"),
    ("week", "by_week"),
)


@dataclass(frozen=True)
class ScoreSelection:
    """The scores to report.

    Attributes:
        since: first actual to use (see `scope.parse_since`); None for recent ones.
        level: interval in per cent; actuals outside it are anomalies.

    Raises: UsageError: the ledger does not record such an interval.
    """

    since: str | None = None
    level: int = 95

    def __post_init__(self) -> None:
        if self.level not in INTERVALS:
            raise UsageError(
                f"--level {self.level}: no such interval is recorded",
                hint=f"choose among {', '.join(map(str, INTERVALS))}",
            )

    def first_time(self, extent: Extent) -> int | None:
        """Return the first time to use, as `at` in the tables; None for no bound."""
        if self.since is None:
            return extent.start_of_last(DEFAULT_DAYS if extent.has_daily_periods else DEFAULT_PERIODS)
        return parse_since(self.since, extent)


def score(
    scope: LedgerScope,
    *,
    data: Config | None = None,
    selection: ScoreSelection | None = None,
    stdin: BinaryIO | None = None,
    now: datetime | None = None,
    watch: Watch = ignore,
) -> dict[str, Any]:
    """Add actuals to the ledger, score the forecasts of them, and report recent scores.

    Args:
        data: config of the actuals' data; None for the data of the job's file, or no data if there is no file.
        selection: the scores to report.
        now: time at which the data is read; None for the present.

    Returns: a JSON document.
    Raises: ForecastError: see `data.load` and `store.database.writing`.
    """
    job = scope.job_name
    config = data or (scope.job.config if scope.job else None)
    added = AddedActuals() if config is None else _add_actuals(scope, config, stdin, now or datetime.now(UTC), watch)
    return report_scores(scope, added, score_pending(scope.ledger, job), selection=selection)


def report_scores(
    scope: LedgerScope, added: AddedActuals | None = None, scored: int = 0, *, selection: ScoreSelection | None = None
) -> dict[str, Any]:
    """Report the recent scores in the ledger, without adding actuals.

    Args:
        added: actuals that were added before.
        scored: number of forecasts that were scored before.

    Returns: a JSON document.
    Raises: UsageError: no actual is as new as the selection.
    """
    ledger, job = scope.ledger, scope.job_name
    added, selection = added or AddedActuals(), selection or ScoreSelection()
    extent = find_extent(ledger, job)
    document: dict[str, Any] = {
        "job": job,
        "ledger": ledger.place,
        "actuals": {"new": added.new, "restated": added.restated},
        "scored": scored,
    }
    if extent is None:
        return document | {"overall": None, "sources": report_sources(ledger, job)}
    first = find_first_scored(ledger, job, selection.first_time(extent))
    if first is None:
        raise UsageError(
            f"--since {selection.since}: the last score is of {format_time(extent, extent.newest)}",
            hint="pass an earlier time, or --since all",
        )
    document |= {"since": format_time(extent, first), "until": format_time(extent, extent.newest), "unlisted": 0}
    document["overall"] = queries.summarise(ledger, job, since=first).to_dict("records")[0]
    for by, key in _CUTS:
        if by == "week" and extent.is_integer:
            document[key] = None
            continue
        table = queries.summarise(ledger, job, by=by, since=first)
        if by == "unique_id":
            table = table.sort_values(["mase", "mae"], ascending=False, kind="stable")
            document["unlisted"] = max(len(table) - _MAX_LISTED, 0)
        document[key] = {str(row[by]): _without_key(row, by) for row in table[:_MAX_LISTED].to_dict("records")}
    anomalies = queries.anomalies(ledger, job, level=selection.level, since=first)
    listed = list_rows(anomalies[:_MAX_LISTED], "at")
    document["anomalies"] = {"level": selection.level, "count": len(anomalies), "listed": listed}
    alarm, bundles = (scope.job.policy.alarm, scope.job.bundles) if scope.job else (AlarmConfig(), Path())
    drift = measure_drift(ledger, extent, alarm, bundles)
    document["drift"] = asdict(drift) if drift else None
    document["sources"] = report_sources(ledger, job, since=selection.first_time(extent))
    return without_nan(document)


def _add_actuals(
    scope: LedgerScope, config: Config, stdin: BinaryIO | None, now: datetime, watch: Watch
) -> AddedActuals:
    """Add the values of a table to the ledger.

    Raises: DataError: the table has none of the job's series, another kind of time, or values after `now`.
    """
    ledger, job = scope.ledger, scope.job_name
    source = Source.of(config.data)
    place = source.place
    panel = read_data(source, config, stdin, watch).panel
    series = list_series(ledger, job)
    if series and not {*series} & {*map(str, panel.ids)}:
        suggestion = did_you_mean(str(panel.ids[0]), series)
        raise DataError(
            f"{place}: has no series of job {job!r}: the first is {str(panel.ids[0])!r}{suggestion}",
            hint="pass the data that the job forecasts, and its columns with --time, --id and --target",
        )
    run = next(iter(list_rows(queries.history(ledger, job, limit=1))), None)
    if run and run["frequency"] and str(run["frequency"]).endswith("integer") != panel.frequency.is_integer:
        raise DataError(
            f"{place}: time is {panel.frequency.name}, that of job {job!r} is {run['frequency']}",
            hint="pass the time column with --time",
        )
    if scope.job and scope.job.policy.partial == "drop":
        panel = _leave_out_unfinished(panel, now, scope.job, place, watch)
    added = add_actuals(ledger, job, panel, read_at=now)
    if added.restated:
        watch(Note(f"{added.restated} actuals were re-stated: their forecasts are scored again"))
    return added


def _leave_out_unfinished(panel: Panel, now: datetime, job: Job, place: str, watch: Watch) -> Panel:
    """Leave out the steps that a run of the job would leave out: a day that is not over has no actual yet."""
    moment = now_on(panel.frequency, panel.zone, now, home=job.policy.zone)
    try:
        panel, count = leave_out_unfinished(panel, moment, place)
    except StaleError as error:  # exit code 5 belongs to `forecast run`; here it is bad data
        raise DataError(error.message, hint=error.hint) from error
    if count:
        watch(Note(f"the last step of {count} series is not over yet: left out"))
    return panel


def _without_key(row: Mapping[Any, Any], key: str) -> dict[str, Any]:
    return {str(name): value for name, value in row.items() if name != key}
