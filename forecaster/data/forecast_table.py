"""Tables of forecasts that somebody else made: a row or cell for each series and time, from one cutoff or several."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.config import DataConfig
from forecaster.data.cells.number_formats import read_numbers
from forecaster.data.cells.times import HINT_WITHOUT_TIME, Times, parse_times
from forecaster.data.columns.roles import Roles, find_roles
from forecaster.data.columns.time_roles import find_kind
from forecaster.data.columns.transpose import make_long
from forecaster.data.files.read import TableSource
from forecaster.data.future import FILE_COLUMN, add_file_column
from forecaster.data.grid import clock_changes
from forecaster.data.prepare import prepare, read_ids_as_text
from forecaster.data.table import Table, concatenate, name_of
from forecaster.errors import DataError, UsageError
from forecaster.forecast import PROBABILITIES
from forecaster.frequency import Frequency, Ints

CUTOFF_NAMES = (
    *("cutoff", "made_on", "made on", "made_at", "as_of", "as of", "asof", "issued", "issue_date", "issue date"),
    *("origin", "forecast_origin", "forecast origin", "forecast_date", "forecast date", "forecast_creation_date"),
    *("erstellt", "erstellt am", "erstellt_am", "stand", "prognosedatum", "planungsstand"),
)
_SHARE = re.compile(r"(?:q|p|quantile|percentile)?[ _-]?(0?[.,]\d+)", re.IGNORECASE)
_PERCENTILE = re.compile(r"(?:q|p|quantile|percentile)[ _-]?(\d{1,2}(?:\.\d+)?)", re.IGNORECASE)
_BOUND = re.compile(r"(?:.*[-_ ])?(lo|lower|hi|upper)[-_ ](\d{1,2}(?:\.\d+)?)", re.IGNORECASE)
_MEDIAN_NAMES = ("median",)
_MIN_SERIES_SHARE = 0.5  # share of the words of a column that name series of the job


@dataclass(frozen=True)
class ForecastRows:
    """The forecasts of a table, one for each row and target, in the order of the table.

    Attributes:
        names: [R] the series.
        times: [R] the times that are forecast.
        cutoffs: [R] the cutoffs; None if the table has no column of them.
        values: [R] the forecasts; NaN for a blank cell.
        quantiles: [R] quantiles by their probability, one of `PROBABILITIES`; NaN for a blank cell.
        place: returns the source and the line of a row, for errors.
        roles: one line that says how each column is used.
        is_single: True if the table has one column of forecasts and no ids, so that the name of the column may not be
            the name of a series.
        is_wide: True if each series has a column.
        notes: choices in reading, for the user.
    """

    names: npt.NDArray[np.object_]
    times: Times
    cutoffs: Times | None
    values: npt.NDArray[np.float64]
    quantiles: Mapping[float, npt.NDArray[np.float64]]
    place: Callable[[int], str]
    roles: str
    is_single: bool
    is_wide: bool
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)


def read_forecasts(
    source: TableSource, config: DataConfig, *, series: Collection[str], cutoff: str | None = None
) -> ForecastRows:
    """Read a table of forecasts, in any format and shape that `data.load` reads.

    Args:
        config: the columns and the format that the user named; the others are detected.
        series: the names of the series that can be forecast, by which a column of ids is found.
        cutoff: the column of cutoffs; None to find it by its name.

    Raises:
        UsageError: a named column does not exist, or several columns would fit.
        DataError: the table is unusable as given; the message says where and why.
        InputError: the file does not exist, or cannot be read.
    """
    series = frozenset(series)
    expected = {config.time, config.id, *(config.target or ()), cutoff} - {None, "none"}
    tables = source.read(config.format, frozenset(map(str, expected)))
    names = [str(name) for name in tables[0].frame.columns]
    if cutoff is not None and cutoff not in names:
        raise UsageError(
            f"{source.place}: --cutoff-column: no column {cutoff!r}", hint=f"columns are {', '.join(names[:20])}"
        )
    used = {config.time, config.id, *(config.target or ()), *series}
    cutoff = cutoff or next((each for each in names if each.lower() in CUTOFF_NAMES and each not in used), None)
    probabilities = {
        name: probability for name in names if name not in used and (probability := find_probability(name))
    }
    config = _complete(tables[0], config, series, without={*([cutoff] if cutoff else []), *probabilities})
    if len(tables) > 1 and find_roles(prepare(tables[0], config), config).shape != "long":
        tables = [add_file_column(table) for table in tables]
        config = config.model_copy(update={"id": FILE_COLUMN})
    table = prepare(concatenate(source.place, tables) if len(tables) > 1 else tables[0], config)
    lost = {*config.past} - {*table.frame.columns}  # columns of a table whose other columns are times
    if lost:
        config = config.model_copy(update={"past": tuple(name for name in config.past if name not in lost)})
        cutoff = None if cutoff in lost else cutoff
        probabilities = {name: each for name, each in probabilities.items() if name not in lost}
    if cutoff is not None and config.id is None and config.target is None and FILE_COLUMN not in table.frame.columns:
        # Times repeat for each cutoff, so that a column of numbers would look like one that names the series.
        names = [name for name in table.frame.columns if name not in (*config.past, config.time)]
        config = config.model_copy(
            update={"target": tuple(n for n in names if find_kind(table, n) == "number") or None}
        )
    try:
        roles = find_roles(table, config)
    except DataError as error:
        if error.hint != HINT_WITHOUT_TIME:
            raise
        raise DataError(error.message, hint="pass the column of times with --time") from error
    return _extract(table, roles, cutoff, probabilities)


def find_probability(name: str) -> float | None:
    """Return the probability of a column of quantiles or of bounds of an interval by its name; None for another column.

    `q0.1`, `0.1`, `P10`, `q10`, `GRU-lo-80`, `upper_95` and `median` are such names.
    """
    if name.strip().lower() in _MEDIAN_NAMES:
        return 0.5
    if bound := _BOUND.fullmatch(name.strip()):
        half = float(bound[2]) / 200
        probability = 0.5 - half if bound[1].lower() in ("lo", "lower") else 0.5 + half
    elif share := _SHARE.fullmatch(name.strip()):
        probability = float(share[1].replace(",", "."))
    elif percentile := _PERCENTILE.fullmatch(name.strip()):
        probability = float(percentile[1]) / 100
    else:
        return None
    return next((each for each in PROBABILITIES if abs(each - probability) < 1e-9), None)


def place_on_clock(
    source: str, rows: Times, names: npt.NDArray[np.object_], frequency: Frequency, zone: str | None
) -> Ints:
    """Return times as a ledger has them: on the wall clock of its zone, or in UTC if steps are shorter than a day.

    Args:
        source: names the table in errors.
        rows: [R] times.
        names: [R] the series of the rows, which distinguish the two equal hours of autumn.
        frequency, zone: those of the ledger's forecasts.

    Raises: DataError: a time was left out by the clocks in spring, or only one of both has a zone.
    """
    if rows.is_integer or (zone is None and rows.zone is None):
        return rows.stamps
    if frequency.is_wall_clock:
        return replace(rows, zone=zone or rows.zone).on_wall_clock() if rows.zone else rows.stamps
    if zone is None:
        raise DataError(
            f"{source}: times are in the zone {rows.zone}, and the data of the job has none",
            hint="write the times as in the data of the job",
        )
    if rows.zone is not None:
        return rows.stamps
    return clock_changes.to_utc(rows.stamps, pd.factorize(names)[0].astype(np.int64), zone, source)


def _complete(table: Table, config: DataConfig, series: Collection[str], *, without: set[str]) -> DataConfig:
    """Return a config that names the only column of times, the ids by the known series, and the target of `predict`."""
    frame = table.frame
    update: dict[str, object] = {"past": tuple(without)}
    is_transposed = config.time is None and make_long(table.with_format(config.format)).frame is not frame
    times = [name for name in frame.columns if name not in without and find_kind(table, name) == "time"]
    if config.time is None and not is_transposed and len(times) == 1:
        update["time"] = times[0]  # even if all rows have the same time, as in a plan for one month
    if config.id is None and config.target is None and {"unique_id", "ds", "mean"} <= {*frame.columns}:
        update["target"] = ("mean",)
    if config.id is None and "unique_id" not in frame.columns and not is_transposed:
        for name in frame.columns:
            column = frame[name]
            is_text = isinstance(column.dtype, pd.CategoricalDtype)
            if name in without or not (is_text or column.dtype.kind == "i"):
                continue
            share = np.mean([name_of(word) in series for word in column.dropna().unique().tolist()] or [False])
            if share >= (_MIN_SERIES_SHARE if is_text else 1):
                update["id"] = name
                break
    return config.model_copy(update=update)


def _extract(table: Table, roles: Roles, cutoff: str | None, probabilities: Mapping[str, float]) -> ForecastRows:
    if roles.id is not None:
        table = read_ids_as_text(table, roles.id)
    if roles.time is None:
        raise DataError(f"{table.source}: has no column of times", hint="pass the column with --time")
    count, columns = len(table.frame), len(roles.targets)
    times = parse_times(table, roles.time)
    cutoffs = None if cutoff is None else _parse_cutoffs(table, cutoff, times)
    if roles.shape != "wide":
        quantiles = {each: read_numbers(table, name) for name, each in probabilities.items()}
    else:
        quantiles = {}  # of which column they are is unknown
    if roles.id is not None:
        names = np.array([_name(table, row, value) for row, value in enumerate(table.frame[roles.id].tolist())], object)
    else:
        names = np.tile(np.array(roles.targets, object), count)
    line = [*range(count)] if columns == 1 else np.repeat(np.arange(count), columns).tolist()
    repeated: Callable[[Times], Times] = lambda each: replace(each, stamps=np.repeat(each.stamps, columns))  # noqa: E731
    values = np.column_stack([read_numbers(table, name) for name in roles.targets]).ravel()
    notes = [*table.notes, *(each.note for each in (times, cutoffs) if each is not None and each.note)]
    return ForecastRows(
        names=names,
        times=repeated(times),
        cutoffs=None if cutoffs is None else repeated(cutoffs),
        values=values,
        quantiles=quantiles,
        place=lambda row: f"{table.source}: {table.place(line[row])}",
        roles=_describe(roles, cutoff, tuple(probabilities) if quantiles else ()),
        is_single=roles.shape == "single",
        is_wide=roles.shape == "wide",
        notes=tuple(notes),
    )


def _parse_cutoffs(table: Table, name: str, times: Times) -> Times:
    """Parse the column of cutoffs; if nothing decides its format, by that of the times."""
    try:
        return parse_times(table, name)
    except UsageError:
        if times.format is None:
            raise
        own_format = table.format.model_copy(update={"date_format": times.format})
        return parse_times(replace(table, format=own_format), name)


def _name(table: Table, row: int, value: object) -> str:
    if pd.isna(value) or value == "":  # type: ignore[call-overload]
        raise DataError(f"{table.source}: {table.place(row)}: the series has no name", hint="fill in the cell")
    return name_of(value)


def _describe(roles: Roles, cutoff: str | None, quantiles: tuple[str, ...]) -> str:
    targets = ", ".join(roles.targets[:6]) + (" ..." if len(roles.targets) > 6 else "")
    parts = [f"{roles.id} -> series"] if roles.id else []
    parts += [f"{roles.time} -> time", f"{targets} -> {'forecasts' if len(roles.targets) == 1 else 'series'}"]
    parts += [f"{cutoff} -> cutoff"] if cutoff else []
    parts += [f"{', '.join(quantiles)} -> quantiles"] if quantiles else []
    return ", ".join(parts)
