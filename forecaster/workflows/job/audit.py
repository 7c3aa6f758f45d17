"""Whether the data of a run is fresh and whole: unfinished steps are left out, the rest is held to the job's policy."""

from dataclasses import dataclass, replace

import numpy as np

from forecaster.config.job import JobConfig
from forecaster.durations import describe_age, parse_duration
from forecaster.errors import ConfigError, StaleError
from forecaster.frequency import MINUTE, SECOND
from forecaster.panel import Panel
from forecaster.workflows.clock import ends

_SKEW = 5 * MINUTE  # clocks differ by less


@dataclass(frozen=True)
class Extent:
    """How much data a run had.

    Attributes:
        cutoff_at: the newest cutoff, as `Frequency` counts.
    """

    rows: int
    series: int
    cutoff_at: int


def leave_out_unfinished(panel: Panel, now: int, source: str) -> tuple[Panel, int]:
    """Cut off the last step of each series where that is not over yet.

    Args:
        now: on the clock of the data (see `clock.now_on`).

    Returns: the panel, each series ending on a value, and how many series lost a step.
    Raises: StaleError: values lie further ahead, so the clock or the data is wrong.
    """
    if panel.frequency.is_integer:
        return panel, 0
    cutoff = panel.cutoff
    beyond = cutoff > now + _SKEW
    if beyond.any():
        latest = panel.frequency.format(np.array([cutoff.max(), now]), panel.zone)
        raise StaleError(
            f"{source}: has a value for {latest[0]}, and it is {latest[1]}",
            hint="check the clock, and the time zone in job.zone; job.partial=keep takes such values",
        )
    unfinished = ends(panel.frequency, cutoff) > now
    if not unfinished.any():
        return panel, 0
    steps = np.where(unfinished, 1, 0)
    for row in np.flatnonzero(unfinished):  # a gap may lie before the step
        target = panel.values[panel.begin[row] : panel.end[row] - 1, 0]
        known = np.flatnonzero(~np.isnan(target))
        steps[row] = panel.lengths[row] - (known[-1] + 1 if len(known) else 0)
    left = np.flatnonzero(steps < panel.lengths)
    if not len(left):
        raise StaleError(f"{source}: no step is over yet", hint="run the job again when one is")
    return _forget(panel.select(left).cut(steps[left])), int(unfinished.sum())


def _forget(panel: Panel) -> Panel:
    """Blank what was cut off but for known columns: that a step goes on says nothing new."""
    is_hidden = np.ones(len(panel.values), bool)
    for begin, end in zip(panel.begin, panel.end, strict=True):
        is_hidden[begin:end] = False
    values = panel.values.copy()
    for column in {*range(values.shape[1])} - {*panel.columns_as("known")}:
        values[is_hidden, column] = np.nan
    return replace(panel, values=values)


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
