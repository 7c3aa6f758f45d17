"""The steps from a table to a panel: find the roles and the frequency, then repair the rows."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.config import DataConfig
from forecaster.config.table_format import TableFormat
from forecaster.data import future
from forecaster.data.cells.precision import read_targets
from forecaster.data.cells.times import Times, parse_times
from forecaster.data.columns import covariates
from forecaster.data.columns.covariates import Categories
from forecaster.data.columns.id_columns import suggest_id
from forecaster.data.columns.roles import Roles, find_roles
from forecaster.data.files.read import TableSource
from forecaster.data.grid import clock_changes, jitter, repair
from forecaster.data.grid.periods import find_periods, snap
from forecaster.data.grid.repair import Rows, Series
from forecaster.data.grid.spacing import find_frequency, is_on_grid
from forecaster.data.prepare import prepare, read_ids_as_text
from forecaster.data.table import Table, name_of
from forecaster.errors import DataError
from forecaster.frequency import SECOND, WEEK, Frequency, Ints
from forecaster.panel import Floats, Panel, Role


@dataclass(frozen=True)
class AssembledPanel:
    """A panel, and the facts that were found while it was assembled.

    Attributes:
        panel: the series, none if no target has a value; the season is from the config, else the default.
        rows: the number of rows of the table.
        roles: the roles of the columns.
        counts: the number of repairs of each kind, as in `quality.json`.
        empty: the series that are left out because they have no value.
        notes: messages for the user.
        categories: the values of the columns of text.
        is_by_file: True if each file is a series.
        format: the format by which the table was read.
    """

    panel: Panel
    rows: int
    roles: Roles
    counts: dict[str, int]
    empty: tuple[str, ...]
    notes: tuple[str, ...]
    categories: Categories
    is_by_file: bool
    format: TableFormat

    def complete(self, config: DataConfig) -> DataConfig:
        """Return the config that assembles further tables in the same way."""
        update = {
            "time": self.roles.time or "none",
            "target": self.roles.targets,
            "id": None if self.is_by_file else self.roles.id,
            "freq": self.panel.frequency.name,
            "categories": self.categories if self.roles.covariates else None,
            "format": self.format,
        }
        return config.model_copy(update=update)


@dataclass(frozen=True)
class _RawSeries:
    """The rows of a table that become the panel, not yet sorted.

    Attributes:
        rows: the rows of targets, past and known columns.
        times: the time of each row.
        static: [N, S] static covariates.
        columns: the names of the columns of `rows`.
        roles: the roles of the columns of `rows`.
        static_columns: [S] names of the static covariates.
    """

    rows: Rows
    times: Times
    static: Floats
    columns: tuple[str, ...]
    roles: tuple[Role, ...]
    static_columns: tuple[str, ...]


def assemble(
    table: Table,
    config: DataConfig,
    *,
    roles: Roles | None = None,
    frequency: Frequency | None = None,
    later: TableSource | str | None = None,
    is_by_file: bool = False,
) -> AssembledPanel:
    """Assemble the panel of a table; see `data.load.load` for the other arguments and the errors.

    Args:
        roles: the roles of the columns; None to find them.
        is_by_file: True if each file of the table is a series.
    """
    table = prepare(table, config, roles)
    roles = roles or find_roles(table, config)
    if roles.id is not None:
        table = read_ids_as_text(table, roles.id)
    categories, notes = config.categories, list[str]()
    if categories is None:
        categories, notes = covariates.find_categories(table, roles.covariates)
    raw = _extract_rows(table, roles, categories)
    if later is not None and roles.known:
        raw = _append(raw, table, roles, categories, future.read_future(later, roles, config, is_by_file=is_by_file))
    raw = _read_clocks(raw, config.format.zone)
    with suggest_id(table, roles, config):
        grid, frequency, counts, period_note = _regularise(raw, config, frequency)
    series = repair.split_columns(grid, roles.targets) if roles.shape == "wide" else grid
    series, empty = repair.trim(series, frequency, known=raw.roles.count("known"))
    notes = [note for note in (raw.times.note, period_note) if note] + notes
    panel = Panel(
        values=series.values,
        begin=series.begin,
        end=series.end,
        start=series.start,
        ids=series.ids,
        frequency=frequency,
        season=config.season or frequency.defaults()[0],
        zone=raw.times.zone,
        columns=raw.columns,
        roles=raw.roles,
        stop=series.stop,  # type: ignore[arg-type]
        static=series.static,
        static_columns=raw.static_columns,
        minimum=config.minimum,
        maximum=config.maximum,
        is_integer=config.integer,
    )
    return AssembledPanel(
        panel,
        rows=len(table.frame),
        roles=roles,
        counts=counts,
        empty=tuple(empty),
        notes=(*table.notes, *notes),
        categories=categories,
        is_by_file=is_by_file,
        format=_complete_format(table.format, raw.times),
    )


def _complete_format(table_format: TableFormat, times: Times) -> TableFormat:
    return table_format if times.format is None else table_format.model_copy(update={"date_format": times.format})


def _extract_rows(table: Table, roles: Roles, categories: Categories) -> _RawSeries:
    """Extract the rows that become the panel from a table."""
    codes, ids = _find_series(table, roles)
    times = _find_times(table, roles, codes)
    past, known = (covariates.encode(table, names, categories) for names in (roles.past, roles.known))
    static = covariates.encode_static(table, roles.static, categories, codes, ids)
    targets = read_targets(table, roles.targets, codes)
    values = np.hstack([targets, past.values, known.values]) if roles.past or roles.known else targets
    columns = ("y" if roles.shape == "wide" else roles.targets[0], *past.columns, *known.columns)
    column_roles: list[Role] = ["target"]
    column_roles += ["past"] * len(past.columns)
    column_roles += ["known"] * len(known.columns)
    rows = Rows(table.source, times.stamps, codes, ids, values, len(roles.targets))
    return _RawSeries(rows, times, static.values, columns, tuple(column_roles), static.columns)


def _append(raw: _RawSeries, table: Table, roles: Roles, categories: Categories, later: Table) -> _RawSeries:
    times = future.join_times(table, raw.times, later, str(roles.time))
    rows, times = future.append_rows(raw.rows, later, roles, categories, times)
    return replace(raw, rows=rows, times=times)


def _read_clocks(raw: _RawSeries, zone: str | None) -> _RawSeries:
    """Read the times on the clocks of a zone; times with an offset of their own are shown in it."""
    times = raw.times
    if zone is None or times.is_integer:
        return raw
    if times.zone is None:
        stamps = clock_changes.to_utc(times.stamps, raw.rows.codes, zone, raw.rows.source)
        times = replace(times, stamps=stamps)
    return replace(raw, times=replace(times, zone=zone))


def _regularise(
    raw: _RawSeries, config: DataConfig, frequency: Frequency | None
) -> tuple[Series, Frequency, dict[str, int], str | None]:
    """Find the frequency of the rows, repair them, and lay them on the grid.

    Returns: the series, the frequency, the number of repairs of each kind, and a note on times that move.
    """
    unordered, times = raw.rows, raw.times
    is_later = _is_later(unordered, raw.roles.count("known"))
    missing = np.isnan(unordered.values[~is_later, : unordered.targets])
    rows, out_of_order = repair.sort(replace(unordered, stamps=times.on_wall_clock()))
    is_named = frequency is None and config.freq is not None
    is_detected = frequency is None and config.freq is None
    rows, frequency, period_note = _find_frequency(rows, frequency, config, times)
    if times.zone and not frequency.is_wall_clock:  # so that a clock change is neither a gap nor a duplicate
        rows, out_of_order = repair.sort(replace(unordered, stamps=times.stamps))
    if not is_detected or times.zone:  # otherwise the times are on the grid
        rows, frequency, jitter_note = _snap(rows, frequency)
        period_note = period_note or jitter_note
    rows, dropped, merged = repair.merge_duplicates(rows, config.duplicates, frequency)
    rows_on_grid, steps = repair.number_steps(rows, frequency, is_named=is_named)
    grid = repair.to_grid(rows_on_grid, steps, frequency, raw.static)
    counts = {
        "gaps": len(grid.values) - len(steps),
        "missing_values": int(missing.sum()),
        "duplicates_dropped": dropped,
        "duplicates_merged": merged,
        "out_of_order": out_of_order,
        "off_grid": len(rows.stamps) - len(steps),
        "later_rows": int(is_later.sum()),
    }
    return grid, frequency, counts, period_note


def _find_frequency(
    rows: Rows, frequency: Frequency | None, config: DataConfig, times: Times
) -> tuple[Rows, Frequency, str | None]:
    """Find the frequency of sorted rows; times that move within their week or month are snapped to it."""
    if frequency is None:
        try:
            frequency = find_frequency(
                rows.stamps, rows.begin, text=config.freq, is_integer=times.is_integer, source=rows.source
            )
        except DataError:
            periods = None if times.is_integer else find_periods(rows.stamps, rows.codes)
            if periods is None:
                step = None if times.is_integer or config.freq else jitter.find_step(rows.stamps, rows.codes)
                if step is None:
                    raise
                return _snap(rows, step)
            stamps, frequency, name = periods
            return replace(rows, stamps=stamps), frequency, f"times move within the {name}; each stands for its {name}"
    if frequency.kind == "months" or (frequency.kind == "fixed" and frequency.every == WEEK):
        is_moved = not is_on_grid(rows.stamps, rows.begin, frequency)
        periods = find_periods(rows.stamps, rows.codes) if is_moved else None
        if periods is not None and periods[1].kind == frequency.kind:
            return replace(rows, stamps=snap(rows.stamps, frequency)), frequency, None
    return rows, frequency, None


def _snap(rows: Rows, frequency: Frequency) -> tuple[Rows, Frequency, str | None]:
    """Snap times that are a little off an even grid; the note says so."""
    if frequency.kind != "fixed" or is_on_grid(rows.stamps, rows.begin, frequency):
        return rows, frequency, None
    stamps = jitter.snap(rows.stamps, rows.codes, frequency)
    if stamps is None:
        return rows, frequency, None
    seconds = float(np.abs(stamps - rows.stamps).max()) / SECOND
    note = f"times are up to {seconds:.3g} s off the steps of {frequency.name}; each stands for its step"
    return replace(rows, stamps=stamps), frequency, note


def _is_later(rows: Rows, known: int) -> npt.NDArray[np.bool_]:
    """Return [R] True for each row after the last target of its series.

    A row without a known value is a gap where known columns are used. So is each row of a series without targets.
    """
    is_blank: npt.NDArray[np.bool_] = np.asarray(np.isnan(rows.values[:, : rows.targets]).all(axis=1))
    if not is_blank.any():
        return is_blank
    first = np.iinfo(np.int64).min
    last = np.full(len(rows.ids), first)
    np.maximum.at(last, rows.codes[~is_blank], rows.stamps[~is_blank])
    is_later = (last[rows.codes] > first) & (rows.stamps > last[rows.codes])
    return is_later & ~np.isnan(rows.values[:, -known:]).all(axis=1) if known else is_later


def _find_series(table: Table, roles: Roles) -> tuple[Ints, npt.NDArray[np.object_]]:
    """Return the [R] number of the series of each row, in order of first appearance, and the [N] names."""
    if roles.id is None:
        return np.zeros(len(table.frame), np.int64), np.array([roles.targets[0]], object)
    codes, names = pd.factorize(table.frame[roles.id])
    is_blank = np.append(names.to_numpy() == "", True)  # code -1 picks the last one
    if is_blank[:-1].any() or codes.min() < 0:
        row = int(np.flatnonzero(is_blank[codes])[0])
        raise DataError(
            f"{table.source}: column {roles.id!r}, {table.place(row)}: the series has no name",
            hint="fill in the cell, or pass --id with another column",
        )
    return codes.astype(np.int64, copy=False), np.array([name_of(name) for name in names.tolist()], object)


def _find_times(table: Table, roles: Roles, codes: Ints) -> Times:
    if roles.time is not None:
        return parse_times(table, roles.time)
    steps = pd.Series(codes).groupby(codes).cumcount()
    return Times(steps.to_numpy().astype(np.int64), is_integer=True)
