"""The repair of rows: sorted, one row per time, and laid on a regular grid with gaps as NaN."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.config import Duplicates
from forecaster.data.grid.clock_changes import find_zone_of_repeats
from forecaster.data.grid.spacing import MIN_ON_GRID_SHARE, split_rows
from forecaster.errors import DataError
from forecaster.frequency import Frequency, Ints
from forecaster.panel import Floats

# A grid that exceeds both limits is refused.
MAX_STEPS = 10_000_000
MAX_STEPS_PER_ROW = 50

# Equal rows that exceed both are not dropped without a question.
_MAX_DROPPED_SHARE, _MAX_DROPPED_ROWS = 0.3, 10


@dataclass(frozen=True)
class Rows:
    """The times, series and values of a table's rows.

    Attributes:
        source: names the table in errors.
        stamps: [R] timestamps (see `forecaster.frequency`).
        codes: [R] number of the series of each row.
        ids: [N] names of the series.
        values: [R, C] float32, or float64 as in `Panel`; NaN if missing.
        targets: the number of targets, which are the first columns; the others are covariates.
    """

    source: str
    stamps: Ints
    codes: Ints
    ids: npt.NDArray[np.object_]
    values: Floats
    targets: int = 1

    @property
    def begin(self) -> Ints:
        """[N] position of the first row of each series; rows must be sorted."""
        return np.searchsorted(self.codes, np.arange(len(self.ids)))

    def take(self, rows: Ints | npt.NDArray[np.bool_]) -> "Rows":
        return replace(self, stamps=self.stamps[rows], codes=self.codes[rows], values=self.values[rows])


@dataclass(frozen=True)
class Series:
    """Series end to end in `values` [T, C]; the attributes are those of `Panel`.

    Before `trim`, `end` is the end of the rows even if their targets are missing, and `stop` is None.
    """

    values: Floats
    begin: Ints
    end: Ints
    start: Ints
    ids: npt.NDArray[np.object_]
    static: Floats
    stop: Ints | None = None


def sort(rows: Rows) -> tuple[Rows, int]:
    """Sort rows by series, then time; rows of the same series and time keep the order of the table.

    Returns: the rows, and the number of rows that came after a later row of their series.
    """
    if (rows.codes[1:] < rows.codes[:-1]).any():
        rows = rows.take(np.argsort(rows.codes, kind="stable"))
    if not ((rows.stamps[1:] < rows.stamps[:-1]) & (rows.codes[1:] == rows.codes[:-1])).any():
        return rows, 0
    latest = pd.Series(rows.stamps).groupby(rows.codes).cummax().to_numpy()
    return rows.take(np.lexsort((rows.stamps, rows.codes))), int((rows.stamps < latest).sum())


class RepeatedTimesError(DataError):
    """Rows of a series have the same time.

    Attributes:
        series: the names of all series with such rows; empty if the table has no ids, or most rows are repeated.
    """

    def __init__(self, message: str, *, hint: str, series: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.series = series


def merge_duplicates(rows: Rows, policy: Duplicates, frequency: Frequency) -> tuple[Rows, int, int]:
    """Merge the rows of a series that have the same time.

    Args:
        rows: sorted rows.
        policy: how to merge rows that differ; equal rows are always dropped. `sum` averages covariates.
        frequency: formats the time in the error.

    Returns: the rows, the number of equal rows dropped, and the number of differing rows merged.
    Raises: RepeatedTimesError: the policy is `error`, and rows differ or many are equal; names the first.
    """
    is_duplicate = _is_same_time(rows)
    if not is_duplicate.any():
        return rows, 0, 0
    previous = np.roll(rows.values, 1, axis=0)
    is_equal = ((rows.values == previous) | (np.isnan(rows.values) & np.isnan(previous))).all(axis=1)
    is_equal &= policy not in ("sum", "mean")  # these count every row
    dropped = int((is_duplicate & is_equal).sum())
    if policy == "error" and dropped > max(_MAX_DROPPED_SHARE * len(rows.stamps), _MAX_DROPPED_ROWS):
        raise RepeatedTimesError(
            f"{rows.source}: {dropped:,} of {len(rows.stamps):,} rows are equal to the one before",
            hint="pass --duplicates first to count equal rows once, or --duplicates sum to add them up",
        )
    rows = rows.take(~(is_duplicate & is_equal))
    is_duplicate = _is_same_time(rows)
    merged = int(is_duplicate.sum())
    if not merged:
        return rows, dropped, 0
    first = np.flatnonzero(~is_duplicate)
    size = np.diff(first, append=len(is_duplicate))
    if policy == "error":
        row = first[size > 1][0]
        time = frequency.format(rows.stamps[[row]])[0]
        problem = f"{rows.source}: series {rows.ids[rows.codes[row]]!r} has {size[size > 1][0]} rows for {time} "
        problem += "with different values"
        zone = None if frequency.is_wall_clock else find_zone_of_repeats(rows.stamps[is_duplicate])
        if zone is not None and size.max() == 2:
            raise DataError(
                f"{problem}, when clocks went back one hour",
                hint=f"pass --zone {zone}, or the time zone of the table if it is another",
            )
        raise RepeatedTimesError(
            problem,
            hint="pass --duplicates mean (or first, last, sum), or --id COLUMN if a column names the series",
            series=tuple(str(name) for name in rows.ids[np.unique(rows.codes[is_duplicate])]),
        )
    unique = rows.take(first)
    if policy == "last":
        unique = rows.take(first + size - 1)
    elif policy in ("mean", "sum"):
        is_observed = ~np.isnan(rows.values)
        total = np.add.reduceat(np.where(is_observed, rows.values, 0.0), first, dtype=np.float64)
        count = np.add.reduceat(is_observed, first, dtype=np.int64)
        is_summed = (np.arange(rows.values.shape[1]) < rows.targets) & (policy == "sum")
        result = np.where(is_summed, total, total / np.maximum(count, 1))
        unique = replace(unique, values=np.where(count > 0, result, np.nan).astype(rows.values.dtype))
    return unique, dropped, merged


def number_steps(rows: Rows, frequency: Frequency, *, is_named: bool) -> tuple[Rows, Ints]:
    """Find the step number of each row, counted from the first row of each series.

    If the frequency was detected, the few rows between two of its steps are dropped.

    Args:
        rows: sorted rows without duplicates.
        frequency: the spacing of the steps.
        is_named: True if the user named the frequency.

    Returns: the rows on the grid, and their [R] steps.
    Raises: DataError: a row is off the grid of a named frequency, or too many rows are off the grid.
    """
    first = rows.stamps[rows.begin]
    steps, is_on_grid = np.empty(len(rows.stamps), np.int64), np.empty(len(rows.stamps), bool)
    for part in split_rows(len(steps)):
        starts = first[rows.codes[part]]
        steps[part] = frequency.index(starts, rows.stamps[part])
        is_on_grid[part] = frequency.timestamps(starts, steps[part]) == rows.stamps[part]
    if is_on_grid.all():
        return rows, steps
    if is_named or is_on_grid.mean() < MIN_ON_GRID_SHARE:
        row = int(np.flatnonzero(~is_on_grid)[0])
        time, start = frequency.format(np.array([rows.stamps[row], first[rows.codes[row]]]))
        raise DataError(
            f"{rows.source}: series {rows.ids[rows.codes[row]]!r} has a row for {time}, "
            f"which is not a step of {frequency.name} from {start}",
            hint="leave --freq out to detect the frequency, or pass a finer one",
        )
    return rows.take(is_on_grid), steps[is_on_grid]


def to_grid(rows: Rows, steps: Ints, frequency: Frequency, static: Floats) -> Series:
    """Lay the rows of each series on a grid from its first to its last row.

    Args:
        rows, steps: the results of `number_steps`.
        frequency: names the grid in the error.
        static: [N, S] static covariates of the series.

    Returns: series with `values` [T, C], NaN for a step without a row.
    Raises: DataError: the gaps would need too much memory.
    """
    last = np.searchsorted(rows.codes, np.arange(len(rows.ids)), side="right") - 1
    end = np.cumsum(steps[last] + 1)
    begin = end - steps[last] - 1
    total = int(end[-1])
    if total > max(MAX_STEPS, MAX_STEPS_PER_ROW * len(steps)):
        raise DataError(
            f"{rows.source}: {len(steps):,} rows would become {total:,} steps of {frequency.name}",
            hint="pass a coarser --freq, or check the first and last times",
        )
    values = rows.values
    if total > len(steps):
        values = np.full((total, values.shape[1]), np.nan, values.dtype)
        for part in split_rows(len(steps)):
            values[begin[rows.codes[part]] + steps[part]] = rows.values[part]
    return Series(values, begin, end, rows.stamps[rows.begin], rows.ids, static)


def split_columns(series: Series, columns: tuple[str, ...]) -> Series:
    """Split one series with several targets into one series per target; each gets all covariates.

    Args:
        series: one series, with `values` [T, K + C], the targets first.
        columns: [K] names of the targets.

    Returns: K series with `values` [K * T, 1 + C].
    """
    steps, count = len(series.values), len(columns)
    begin = steps * np.arange(count)
    targets, covariates = series.values[:, :count], series.values[:, count:]
    values = np.ascontiguousarray(targets.T).reshape(-1, 1)
    if covariates.shape[1]:
        values = np.hstack([values, np.tile(covariates, (count, 1))])
    start, static = np.repeat(series.start, count), np.repeat(series.static, count, axis=0)
    return Series(values, begin, begin + steps, start, np.array(columns, object), static)


def trim(series: Series, frequency: Frequency, *, known: int = 0) -> tuple[Series, list[str]]:
    """Trim each series to its first and last observed target; known values of later steps stay after its end.

    Args:
        series: series with `values` [T, C], the target first.
        frequency: the spacing of the steps.
        known: the number of known columns, which are the last ones.

    Returns: the series, and the names of the series without any target, which are left out.
    """
    if not np.isnan(series.values[np.append(series.begin, series.end - 1), 0]).any():
        return replace(series, stop=series.end), []
    observed = np.flatnonzero(~np.isnan(series.values[:, 0]))
    low, high = np.searchsorted(observed, series.begin), np.searchsorted(observed, series.end)
    has_target = high > low
    first, last = observed[low[has_target]], observed[high[has_target] - 1]
    lengths = _find_last_known(series, known)[has_target].clip(last) + 1 - first
    stop = np.cumsum(lengths)
    begin = stop - lengths
    end = begin + last + 1 - first
    position = np.repeat(first - begin, lengths) + np.arange(lengths.sum())
    start = frequency.timestamps(series.start[has_target], first - series.begin[has_target])
    values = series.values[position]
    values[np.arange(len(values)) >= np.repeat(end, lengths), : values.shape[1] - known] = np.nan
    trimmed = Series(values, begin, end, start, series.ids[has_target], series.static[has_target], stop)
    return trimmed, [str(name) for name in series.ids[~has_target]]


def _find_last_known(series: Series, known: int) -> Ints:
    """Return the [N] position of the last row of each series with a known value; -1 if there is none."""
    columns = series.values[:, series.values.shape[1] - known :]
    rows = np.append(-1, np.flatnonzero(~np.isnan(columns).all(axis=1)))  # `all` is True without columns
    last: Ints = rows[np.searchsorted(rows, series.end) - 1]
    return np.where(last >= series.begin, last, -1)


def _is_same_time(rows: Rows) -> npt.NDArray[np.bool_]:
    """Return [R] True for each row with the series and time of the row before."""
    is_same = (rows.stamps[1:] == rows.stamps[:-1]) & (rows.codes[1:] == rows.codes[:-1])
    return np.append(False, is_same)
