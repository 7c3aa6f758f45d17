"""Rows as they come become series on a regular grid: ordered, one row a time, gaps as NaN."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.config import Duplicates
from forecaster.data.spacing import MIN_ON_GRID_SHARE, split_rows
from forecaster.errors import DataError
from forecaster.frequency import Frequency, Ints
from forecaster.panel import Floats

MAX_STEPS = 10_000_000  # a grid may be larger only if it is not mostly gaps
MAX_STEPS_PER_ROW = 50


@dataclass(frozen=True)
class Rows:
    """The cells that matter, one row a time.

    Attributes:
        source: names the table in errors.
        stamps: [R] times (see `forecaster.frequency`).
        codes: [R] number of the row's series.
        ids: [N] names of the series.
        values: [R, C] float32; NaN where missing.
        targets: how many of the columns are targets, the first ones; the others are covariates.
    """

    source: str
    stamps: Ints
    codes: Ints
    ids: npt.NDArray[np.object_]
    values: Floats
    targets: int = 1

    @property
    def begin(self) -> Ints:
        """[N] position of each series' first row, once rows are in order."""
        return np.searchsorted(self.codes, np.arange(len(self.ids)))

    def take(self, rows: Ints | npt.NDArray[np.bool_]) -> "Rows":
        return replace(self, stamps=self.stamps[rows], codes=self.codes[rows], values=self.values[rows])


@dataclass(frozen=True)
class Series:
    """Series end to end, as a Panel holds them: `values` [T, C], `begin`, `end`, `start`, `ids`, `static`, `stop` [N].

    Before `trim`, `end` is the end of the rows, whatever they hold, and `stop` is not told.
    """

    values: Floats
    begin: Ints
    end: Ints
    start: Ints
    ids: npt.NDArray[np.object_]
    static: Floats
    stop: Ints | None = None


def sort(rows: Rows) -> tuple[Rows, int]:
    """Order rows by series, then time; equal ones stay in the table's order.

    Returns: the rows, and how many stood after a later row of their series.
    """
    if (rows.codes[1:] < rows.codes[:-1]).any():
        rows = rows.take(np.argsort(rows.codes, kind="stable"))
    if not ((rows.stamps[1:] < rows.stamps[:-1]) & (rows.codes[1:] == rows.codes[:-1])).any():
        return rows, 0
    latest = pd.Series(rows.stamps).groupby(rows.codes).cummax().to_numpy()
    return rows.take(np.lexsort((rows.stamps, rows.codes))), int((rows.stamps < latest).sum())


def merge_duplicates(rows: Rows, policy: Duplicates, frequency: Frequency) -> tuple[Rows, int, int]:
    """Leave one row for each time of a series.

    Args:
        rows: in order.
        policy: what to do with differing rows; equal ones are always dropped. Covariates are averaged by `sum`, too.

    Returns: the rows, how many equal ones were dropped, and how many differing ones were merged.
    Raises: DataError: rows differ and the policy is `error`; names the first.
    """
    is_again = _is_same_time(rows)
    if not is_again.any():
        return rows, 0, 0
    previous = np.roll(rows.values, 1, axis=0)
    is_equal = ((rows.values == previous) | (np.isnan(rows.values) & np.isnan(previous))).all(axis=1)
    dropped = int((is_again & is_equal).sum())
    rows = rows.take(~(is_again & is_equal))
    is_again = _is_same_time(rows)
    merged = int(is_again.sum())
    if not merged:
        return rows, dropped, 0
    first = np.flatnonzero(~is_again)
    size = np.diff(first, append=len(is_again))
    if policy == "error":
        row = first[size > 1][0]
        time = frequency.format(rows.stamps[[row]])[0]
        raise DataError(
            f"{rows.source}: series {rows.ids[rows.codes[row]]!r} has {size[size > 1][0]} rows for {time} "
            "with different values",
            hint="pass --duplicates mean (or first, last, sum), or --id COLUMN if a column names the series",
        )
    kept = rows.take(first)
    if policy == "last":
        kept = rows.take(first + size - 1)
    elif policy in ("mean", "sum"):
        observed = ~np.isnan(rows.values)
        total = np.add.reduceat(np.where(observed, rows.values, 0.0), first, dtype=np.float64)
        count = np.add.reduceat(observed, first, dtype=np.int64)
        is_summed = (np.arange(rows.values.shape[1]) < rows.targets) & (policy == "sum")
        result = np.where(is_summed, total, total / np.maximum(count, 1))
        kept = replace(kept, values=np.where(count > 0, result, np.nan).astype(np.float32))
    return kept, dropped, merged


def number_steps(rows: Rows, frequency: Frequency, *, is_named: bool) -> tuple[Rows, Ints]:
    """Number each row by its step from the first row of its series.

    Where the frequency was found from the data, the few rows that it leaves between two steps are dropped.

    Args:
        rows: in order, without duplicates.
        is_named: whether the user named the frequency.

    Returns: the rows on the grid, and their steps [R].
    Raises: DataError: a row is off the grid of a named frequency, or too many are.
    """
    first = rows.stamps[rows.begin]
    steps, is_on = np.empty(len(rows.stamps), np.int64), np.empty(len(rows.stamps), bool)
    for part in split_rows(len(steps)):
        starts = first[rows.codes[part]]
        steps[part] = frequency.index(starts, rows.stamps[part])
        is_on[part] = frequency.timestamps(starts, steps[part]) == rows.stamps[part]
    if is_on.all():
        return rows, steps
    if is_named or is_on.mean() < MIN_ON_GRID_SHARE:
        row = int(np.flatnonzero(~is_on)[0])
        time, start = frequency.format(np.array([rows.stamps[row], first[rows.codes[row]]]))
        raise DataError(
            f"{rows.source}: series {rows.ids[rows.codes[row]]!r} has a row for {time}, "
            f"which is no step of {frequency.name} from {start}",
            hint="leave --freq out to have it found from the data, or name a finer one",
        )
    return rows.take(is_on), steps[is_on]


def to_grid(rows: Rows, steps: Ints, frequency: Frequency, static: Floats) -> Series:
    """Lay rows on the grid, each series from its first to its last row.

    Args:
        rows, steps: as `number_steps` gives them.
        static: [N, S] passed on.

    Returns: series with `values` [T, C]; a step without a row is NaN.
    Raises: DataError: the gaps would fill the memory.
    """
    last = np.searchsorted(rows.codes, np.arange(len(rows.ids)), side="right") - 1
    end = np.cumsum(steps[last] + 1)
    begin = end - steps[last] - 1
    total = int(end[-1])
    if total > max(MAX_STEPS, MAX_STEPS_PER_ROW * len(steps)):
        raise DataError(
            f"{rows.source}: {len(steps):,} rows would lie on {total:,} steps of {frequency.name}",
            hint="pass a coarser --freq, or check the first and last times",
        )
    values = rows.values
    if total > len(steps):
        values = np.full((total, values.shape[1]), np.nan, np.float32)
        for part in split_rows(len(steps)):
            values[begin[rows.codes[part]] + steps[part]] = rows.values[part]
    return Series(values, begin, end, rows.stamps[rows.begin], rows.ids, static)


def split_columns(series: Series, columns: tuple[str, ...]) -> Series:
    """Make each target of one series a series of its own, end to end; each gets all covariates.

    Args:
        series: one, `values` [T, K + C] with the targets first.
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
    """Let each series begin and end on an observed target; what is known of later steps stays after its end.

    Args:
        series: `values` [T, C], the target first.
        known: how many columns are known ones, the last of all.

    Returns: the series, and the names of those without any target, which are left out.
    """
    if not np.isnan(series.values[np.append(series.begin, series.end - 1), 0]).any():
        return replace(series, stop=series.end), []
    observed = np.flatnonzero(~np.isnan(series.values[:, 0]))
    low, high = np.searchsorted(observed, series.begin), np.searchsorted(observed, series.end)
    kept = high > low
    first, last = observed[low[kept]], observed[high[kept] - 1]
    lengths = _find_last_known(series, known)[kept].clip(last) + 1 - first
    stop = np.cumsum(lengths)
    begin = stop - lengths
    end = begin + last + 1 - first
    position = np.repeat(first - begin, lengths) + np.arange(lengths.sum())
    start = frequency.timestamps(series.start[kept], first - series.begin[kept])
    values = series.values[position]
    values[np.arange(len(values)) >= np.repeat(end, lengths), : values.shape[1] - known] = np.nan
    trimmed = Series(values, begin, end, start, series.ids[kept], series.static[kept], stop)
    return trimmed, [str(name) for name in series.ids[~kept]]


def _find_last_known(series: Series, known: int) -> Ints:
    """[N] position of the last row in which a known column has a value, -1 where none has."""
    columns = series.values[:, series.values.shape[1] - known :]
    rows = np.append(-1, np.flatnonzero(~np.isnan(columns).all(axis=1)))  # all of no columns is true
    found: Ints = rows[np.searchsorted(rows, series.end) - 1]
    return np.where(found >= series.begin, found, -1)


def _is_same_time(rows: Rows) -> npt.NDArray[np.bool_]:
    """[R] whether a row has the series and time of the row before."""
    is_same = (rows.stamps[1:] == rows.stamps[:-1]) & (rows.codes[1:] == rows.codes[:-1])
    return np.append(False, is_same)
