"""Checks of a run's data against the job's policy: its age, its size, and series that no model should forecast."""

from dataclasses import dataclass

import numpy as np

from forecaster.config.job import JobConfig
from forecaster.durations import describe_age, parse_duration
from forecaster.errors import ConfigError, StaleError
from forecaster.frequency import SECOND
from forecaster.panel import Panel
from forecaster.workflows.clock import ends


@dataclass(frozen=True)
class Extent:
    """How much data a run had.

    Attributes:
        cutoff_at: the newest cutoff, as `Frequency` counts.
    """

    rows: int
    series: int
    cutoff_at: int


def measure(panel: Panel) -> Extent:
    """Say how much data there is; rows are observed values."""
    rows = sum(int((~np.isnan(target)).sum()) for target in panel)
    return Extent(rows, len(panel), int(panel.cutoff.max()))


def refuse_stale(source: str, panel: Panel, extent: Extent, before: Extent | None, policy: JobConfig, now: int) -> None:
    """Hold data to the policy.

    Args:
        before: of the last run that published; None where there is none.

    Raises:
        StaleError: it is too old, too little, or much less than before.
        ConfigError: an age is asked for, and time is in integers.
    """
    if policy.max_age is not None:
        if panel.frequency.is_integer:
            raise ConfigError("job.max_age: time in integers has no age", hint="leave it out")
        age = (int(ends(panel.frequency, panel.cutoff).max()) - now) / -SECOND
        if age > parse_duration(policy.max_age):
            last = panel.frequency.format(np.array([extent.cutoff_at]), panel.zone)[0]
            age_text = describe_age(age)
            raise StaleError(
                f"{source}: the newest value is of {last}, over for {age_text}; job.max_age is {policy.max_age}",
                hint="see why no newer data came, or raise job.max_age",
            )
    if extent.rows < policy.min_rows:
        raise StaleError(
            f"{source}: has {extent.rows} values; job.min_rows is {policy.min_rows}",
            hint="see why data is missing, or lower job.min_rows",
        )
    if before is None:
        return
    if extent.cutoff_at < before.cutoff_at:
        ended, end = panel.frequency.format(np.array([before.cutoff_at, extent.cutoff_at]), panel.zone)
        raise StaleError(
            f"{source}: ends at {end}; at the last run it ended at {ended}",
            hint="see why the newest data is gone",
        )
    for name, word in (("rows", "values"), ("series", "series")):
        had, has = getattr(before, name), getattr(extent, name)
        if policy.drop is not None and has < (1 - policy.drop) * had:
            raise StaleError(
                f"{source}: has {has:,} {word}; at the last run it had {had:,}",
                hint="see why data is missing, or raise job.drop",
            )


def find_suspects(panel: Panel, policy: JobConfig, now: int) -> dict[str, str]:
    """Name the series that no model shall be trusted with, each with the reason: stuck, or not renewed."""
    found: dict[str, str] = {}
    over = ends(panel.frequency, panel.cutoff)
    for row, name in enumerate(panel.ids):
        target = panel.values[panel.begin[row] : panel.end[row], 0]
        if policy.flat is not None:
            known = target[-policy.flat :]
            if len(known) == policy.flat and (known == known[0]).all():
                found[str(name)] = f"its last {policy.flat} values are equal"
                continue
        age = (now - int(over[row])) / SECOND
        if policy.max_age is not None and age > parse_duration(policy.max_age):
            found[str(name)] = f"its newest value is {describe_age(age)} old"
    return found


def refuse_all_suspect(source: str, panel: Panel, suspects: dict[str, str]) -> None:
    """Raises: StaleError: no series is left."""
    if suspects and len(suspects) == len(panel):
        name, reason = next(iter(suspects.items()))
        raise StaleError(
            f"{source}: every series is suspicious; {name!r}: {reason}", hint="see what the data's source does"
        )


def without(panel: Panel, suspects: dict[str, str]) -> Panel:
    """The series that are not suspected."""
    return panel.select(np.flatnonzero([str(name) not in suspects for name in panel.ids]))
