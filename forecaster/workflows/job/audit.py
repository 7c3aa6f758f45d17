"""Checks of a run's data against the job's policy: its age, its size, and series that no model should forecast."""

from dataclasses import dataclass

import numpy as np

from forecaster.config.job import JobConfig
from forecaster.data.load import LoadedData
from forecaster.durations import describe_age, parse_duration
from forecaster.errors import ConfigError, StaleError
from forecaster.frequency import SECOND
from forecaster.panel import Panel
from forecaster.workflows.clock import step_ends


@dataclass(frozen=True)
class DataExtent:
    """The amount of data that a run read.

    Attributes:
        rows: number of observed values.
        cutoff_at: newest cutoff, as `Frequency` counts time.
    """

    rows: int
    series: int
    cutoff_at: int


@dataclass(frozen=True)
class AuditedData:
    """The data of a run, after the checks.

    Attributes:
        suspects: reasons by series that no model should forecast.
    """

    loaded: LoadedData
    extent: DataExtent
    suspects: dict[str, str]


def measure_extent(panel: Panel) -> DataExtent:
    """Count the observed values and the series, and find the newest cutoff."""
    rows = sum(int((~np.isnan(target)).sum()) for target in panel)
    return DataExtent(rows, len(panel), int(panel.cutoff.max()))


def audit(
    source: str, panel: Panel, extent: DataExtent, before: DataExtent | None, policy: JobConfig, now: int
) -> None:
    """Check data against the job's policy.

    Args:
        source: place of the data, for messages.
        before: extent at the last run that published; None if there is none.
        now: time of the run on the clock of the data (see `clock.now_on`).

    Raises:
        StaleError: the data is too old, too little, or much less than before.
        ConfigError: the policy has a maximum age, and time is in integers.
    """
    if policy.max_age is not None:
        _check_age(source, panel, policy.max_age, now)
    if extent.rows < policy.min_rows:
        raise StaleError(
            f"{source}: has {extent.rows} values; job.min_rows is {policy.min_rows}",
            hint="find out why data is missing, or lower job.min_rows",
        )
    if before is not None:
        _compare_extents(source, panel, extent, before, policy.drop)


def find_suspects(source: str, panel: Panel, policy: JobConfig, now: int, horizon: int) -> dict[str, str]:
    """Find the series that no model should forecast, because their last values are equal, or they have ended.

    See `audit` for the arguments.

    Returns: the reasons by series.
    Raises: StaleError: every series is suspect.
    """
    suspects: dict[str, str] = {}
    ended_at = step_ends(panel.frequency, panel.cutoff)
    has_ended = panel.has_ended(horizon) & (policy.ended == "mark")
    last = panel.frequency.format(panel.cutoff, panel.zone)
    for row, name in enumerate(panel.ids):
        target = panel.values[panel.begin[row] : panel.end[row], 0]
        if policy.flat is not None:
            newest = target[-policy.flat :]
            if len(newest) == policy.flat and (newest == newest[0]).all():
                suspects[str(name)] = f"its last {policy.flat} values are equal"
                continue
        age = (now - int(ended_at[row])) / SECOND
        if policy.max_age is not None and age > parse_duration(policy.max_age):
            suspects[str(name)] = f"its newest value is {describe_age(age)} old"
        elif has_ended[row]:
            suspects[str(name)] = f"it ended at {last[row]}"
    if suspects and len(suspects) == len(panel):
        name, reason = next(iter(suspects.items()))
        raise StaleError(
            f"{source}: every series is suspect; {name!r}: {reason}",
            hint="check the source of the data, or change job.flat and job.max_age",
        )
    return suspects


def _check_age(source: str, panel: Panel, max_age: str, now: int) -> None:
    if panel.frequency.is_integer:
        raise ConfigError("job.max_age: integer time has no age", hint="remove job.max_age")
    age = (int(step_ends(panel.frequency, panel.cutoff).max()) - now) / -SECOND
    if age > parse_duration(max_age):
        newest = panel.frequency.format(np.array([panel.cutoff.max()]), panel.zone)[0]
        raise StaleError(
            f"{source}: the newest value is of {newest}, which ended {describe_age(age)} ago; job.max_age is {max_age}",
            hint="find out why no newer data arrived, or raise job.max_age",
        )


def _compare_extents(source: str, panel: Panel, extent: DataExtent, before: DataExtent, max_drop: float | None) -> None:
    if extent.cutoff_at < before.cutoff_at:
        end_before, end = panel.frequency.format(np.array([before.cutoff_at, extent.cutoff_at]), panel.zone)
        raise StaleError(
            f"{source}: ends at {end}; at the last run it ended at {end_before}",
            hint="find out why the newest data is missing",
        )
    for unit, count_before, count in (("values", before.rows, extent.rows), ("series", before.series, extent.series)):
        if max_drop is not None and count < (1 - max_drop) * count_before:
            raise StaleError(
                f"{source}: has {count:,} {unit}; at the last run it had {count_before:,}",
                hint="find out why data is missing, or raise job.drop",
            )
