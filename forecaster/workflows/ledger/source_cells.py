"""The forecasts of a foreign table on the grid of a job: their series, times, cutoffs and lead times."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.forecast_table import ForecastRows, place_on_clock
from forecaster.data.grid.periods import snap
from forecaster.data.grid.spacing import describe_frequency, parse_frequency
from forecaster.errors import DataError, ForecastError, UsageError, did_you_mean, quote_value
from forecaster.frequency import DAY, WEEK, Frequency, Ints
from forecaster.store.bundle import read_manifest
from forecaster.workflows.clock import step_ends

_SUNDAY, _MONDAY = 3, 4  # 1970-01-04 and 1970-01-05, in days since 1970
_MONTH = re.compile(r"\d{4}-\d{1,2}")


@dataclass(frozen=True)
class Grid:
    """The times of a job's forecasts.

    Attributes:
        job: the name of the job.
        frequency, zone: those of the newest run.
        series: unique_id, series_id and cutoff_at (a time on the grid of the series).
    """

    job: str
    frequency: Frequency
    zone: str | None
    series: pd.DataFrame

    @classmethod
    def of(cls, run: dict[str, Any], series: pd.DataFrame, bundles: Path | None) -> "Grid":
        """Make the grid of a job's newest run.

        Args:
            run: a row of `runs`.
            bundles: the folder of the job's models, whose frequency knows holidays; None if it is unknown.

        Raises: DataError: the frequency has no name that says enough.
        """
        frequency = None
        if bundles is not None and run["bundle"] is not None:
            try:
                frequency = read_manifest(bundles / run["bundle"]).data.frequency
            except (ForecastError, OSError):
                frequency = None
        try:
            frequency = frequency or parse_frequency(str(run["frequency"]))
        except UsageError as error:
            raise DataError(
                f"the ledger does not say which times {run['frequency']} has",
                hint="name the job's file in place of --ledger, so that the job's model is read",
            ) from error
        return cls(str(run["job"]), frequency, run["zone"], series)

    def format(self, at: Ints) -> np.ndarray[Any, np.dtype[np.object_]]:
        """Return times as text."""
        return np.array([str(each) for each in self.frequency.format(at, self.zone)], object)

    def parse(self, text: str, option: str) -> int:
        """Parse a time that the user wrote.

        Raises: UsageError: it is not a time.
        """
        try:
            if self.frequency.is_integer:
                return int(text)
            time = pd.Timestamp(text if text else "?")
            if self.zone and not self.frequency.is_wall_clock:
                time = (time if time.tz else time.tz_localize(self.zone)).tz_convert("UTC")
            stamp = np.array([np.datetime64(time.tz_localize(None), "us").astype(np.int64)])
        except ValueError as error:
            example = "1000" if self.frequency.is_integer else "2024-01-31"
            raise UsageError(f"{option} {text}: is not a time", hint=f"write it as {option} {example}") from error
        is_month = self.frequency.kind == "months" and _MONTH.fullmatch(text.strip())
        return int((snap(stamp, self.frequency) if is_month else stamp)[0])


def locate(rows: ForecastRows, grid: Grid, place: str, watch_note: Callable[[str], None]) -> pd.DataFrame:
    """Find the series and the times of the forecasts of a table on the grid of a job.

    Args:
        place: names the table in errors.
        watch_note: receives notes for the user.

    Returns: row, series_id, anchor (a time of the grid of the series), at, and value; blank cells are left out.
    Raises: DataError: a series is not one of the job, or a time is none of its grid; names the line.
    """
    if rows.times.is_integer != grid.frequency.is_integer:
        kinds = ("in dates", "in integers") if grid.frequency.is_integer else ("in integers", "in dates")
        raise DataError(
            f"{place}: time is {kinds[0]}, that of job {grid.job!r} is {kinds[1]}",
            hint="pass the time column with --time",
        )
    cells = pd.DataFrame({"row": np.arange(len(rows)), "unique_id": rows.names, "value": rows.values})
    cells["at"] = place_on_clock(place, rows.times, rows.names, grid.frequency, grid.zone)
    if rows.is_single and len(grid.series) == 1 and rows.names[0] != grid.series["unique_id"].iloc[0]:
        name = grid.series["unique_id"].iloc[0]
        watch_note(f"{rows.names[0]} -> {name}, the only series of job {grid.job}")
        cells["unique_id"] = name
    cells = cells.merge(grid.series.rename(columns={"cutoff_at": "anchor"}), how="left", on="unique_id")
    _refuse_unknown(cells, rows, grid)
    blank = int(cells["value"].isna().sum())
    if blank:
        watch_note(f"{blank} blank {'cell' if blank == 1 else 'cells'}, left out")
    cells = cells[cells["value"].notna()]
    if not len(cells):
        raise DataError(f"{place}: has no forecasts: all cells are blank", hint="name the column with --target")
    return _put_on_grid(cells.astype({"anchor": np.int64, "series_id": np.int64}), rows, grid, watch_note)


def find_step(grid: Grid, anchor: Ints, cutoff: Ints) -> Ints:
    """Return the last steps [R] that were over at cutoffs [R]; a cutoff that is a step is that step.

    Args:
        anchor: [R] a time on the grid of the series.
    """
    number = grid.frequency.index(anchor, cutoff)
    step = grid.frequency.timestamps(anchor, number)
    is_over = (step == cutoff) | (step_ends(grid.frequency, step) <= cutoff)
    return grid.frequency.timestamps(anchor, number - ~is_over)


def _refuse_unknown(cells: pd.DataFrame, rows: ForecastRows, grid: Grid) -> None:
    unknown = cells[cells["series_id"].isna()]
    if not len(unknown):
        return
    ids = [str(name) for name in grid.series["unique_id"]]
    name = str(unknown["unique_id"].iloc[0])
    others = unknown["unique_id"].nunique() - 1
    more = f", nor are {others} other names" if others else ""
    headers = sorted({*cells["unique_id"]} & {*ids})
    hint = "remove these rows, or name the columns with --id and --target"
    if headers and rows.is_wide:
        hint = f"pass --target {quote_value(','.join(headers[:20]))}"
    raise DataError(
        f"{rows.place(int(unknown['row'].iloc[0]))}: series {name!r} is not one of job {grid.job!r}"
        f"{did_you_mean(name, ids)}{more}",
        hint=hint,
    )


def _put_on_grid(
    cells: pd.DataFrame, rows: ForecastRows, grid: Grid, watch_note: Callable[[str], None]
) -> pd.DataFrame:
    at, anchor = cells["at"].to_numpy(np.int64), cells["anchor"].to_numpy(np.int64)
    if _is_on_grid(grid.frequency, anchor, at).all():
        return cells
    period = _to_period(grid.frequency, anchor, at)
    names = ["series_id", "at"]
    if period is not None and len(cells[names].drop_duplicates()) > len(
        cells.assign(at=period)[names].drop_duplicates()
    ):
        period = None  # two times of a period are not one forecast for it
    if period is None or not _is_on_grid(grid.frequency, anchor, period).all():
        position = int(np.flatnonzero(~_is_on_grid(grid.frequency, anchor, at))[0])
        times = grid.format(np.array([at[position], anchor[position]]))
        raise DataError(
            f"{rows.place(int(cells['row'].iloc[position]))}: {times[0]} is no time of job {grid.job!r}, whose steps "
            f"are {describe_frequency(grid.frequency)}, such as {times[1]}",
            hint="write the times as in the data of the job",
        )
    name = "month" if grid.frequency.kind == "months" else "week"
    first = grid.format(np.array([at[0], period[0]]))
    watch_note(f"times stand for their {name}: {first[0]} for {first[1]}")
    return cells.assign(at=period)


def _is_on_grid(frequency: Frequency, anchor: Ints, at: Ints) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(frequency.timestamps(anchor, frequency.index(anchor, at)) == at)


def _to_period(frequency: Frequency, anchor: Ints, at: Ints) -> Ints | None:
    """Return the steps of the months or ISO weeks of times; None for another frequency or another day of the week."""
    if frequency.kind == "months" and not frequency.days:
        return snap(at, frequency)
    days = anchor // DAY
    if frequency.kind == "fixed" and frequency.every == WEEK and np.isin(days % 7, (_SUNDAY, _MONDAY)).all():
        monday = at // DAY - (at // DAY - _MONDAY) % 7
        return np.where(days % 7 == _MONDAY, monday, monday + 6) * DAY
    return None
