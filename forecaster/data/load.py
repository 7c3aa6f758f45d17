"""A table on disk becomes a panel: read, tell the roles, find the frequency, repair; and say what was found."""

from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.config import DataConfig
from forecaster.data import account, covariates, features, future, repair
from forecaster.data.calendar import describe, find_frequency
from forecaster.data.covariates import Categories
from forecaster.data.numerals import to_float32
from forecaster.data.read import read
from forecaster.data.repair import Rows, Series
from forecaster.data.roles import Roles, Shape, find_roles
from forecaster.data.season import doubt_season, find_season
from forecaster.data.table import Table, concatenate, from_frame
from forecaster.data.times import Times, parse_times
from forecaster.errors import DataError
from forecaster.frequency import Frequency, Ints
from forecaster.panel import Floats, Panel, Role


@dataclass(frozen=True)
class Loaded:
    """A panel, and how it was made.

    Attributes:
        panel: the series.
        config: the given config with what was found filled in; loading with it gives the same panel.
        quality: what was counted and repaired, plain values for `quality.json`.
        roles: one line: which column became what.
        notes: further things that a user should know.
        shape: one series, a series a column, or a series an id.
        is_by_file: whether the ids are the names of files.
        empty: series that were left out, having no value.
    """

    panel: Panel
    config: DataConfig
    quality: dict[str, Any]
    roles: str
    notes: tuple[str, ...]
    shape: Shape
    is_by_file: bool
    empty: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Gathered:
    """The cells that matter: unordered rows, the times of each, and what does not change within a series [N, S]."""

    rows: Rows
    times: Times
    static: Floats
    columns: tuple[str, ...]
    roles: tuple[Role, ...]
    static_columns: tuple[str, ...]


def load(
    source: str,
    config: DataConfig,
    *,
    frequency: Frequency | None = None,
    stdin: BinaryIO | None = None,
    later: str | None = None,
    frame: pd.DataFrame | None = None,
) -> Loaded:
    """Make a panel of a table.

    Args:
        source: a CSV or Parquet file, a folder or glob of them, or `-`; with `frame`, what errors call it.
        config: what the user named; None where it is to be found.
        frequency: a bundle's own, learnt holidays included, to be kept; None where it is to be found.
        stdin: where `-` reads from.
        later: a table of the known columns' values for times to come, read as `source` is; needs a time column.
        frame: the table itself, where something else has read it.

    Raises:
        UsageError: the config names a column, country or frequency that is not there, or several columns would do.
        DataError: the table is unusable as given; says where and why.
        InputError: there is no such file, or it cannot be read.
        DependencyError: holidays are asked for and their package is not installed.
    """
    if config.holidays:
        features.check_country(config.holidays)
    tables = read(source, stdin) if frame is None else [from_frame(source, frame)]
    is_by_file = len(tables) > 1 and find_roles(tables[0], config).shape != "long"
    if is_by_file:
        tables = [future.name_by_file(table) for table in tables]
    table = concatenate(source, tables) if len(tables) > 1 else tables[0]
    roles = find_roles(table, config)
    names = (*roles.past, *roles.known, *roles.static)
    categories, notes = config.categories, list[str]()
    if categories is None:
        categories, notes = covariates.find_categories(table, names)
    gathered = _gather(table, roles, categories)
    if later is not None and roles.known:
        gathered = _append(gathered, table, roles, categories, future.read_future(later, roles, is_by_file=is_by_file))
    grid, frequency, counts = _regularise(gathered, config, frequency)
    times = gathered.times
    series = repair.split_columns(grid, roles.targets) if roles.shape == "wide" else grid
    series, empty = repair.trim(series, frequency, known=gathered.roles.count("known"))
    if not len(series.ids):
        raise DataError(f"{source}: {', '.join(roles.targets)}: no values", hint="name another column with --target")
    season, horizon = frequency.defaults()
    panel = Panel(
        values=series.values,
        begin=series.begin,
        end=series.end,
        start=series.start,
        ids=series.ids,
        frequency=frequency,
        season=config.season or season,
        zone=times.zone,
        columns=gathered.columns,
        roles=gathered.roles,
        stop=series.stop,  # type: ignore[arg-type]
        static=series.static,
        static_columns=gathered.static_columns,
        minimum=config.minimum,
        maximum=config.maximum,
        is_integer=config.integer,
    )
    if config.holidays and frequency.is_integer:
        raise DataError(
            f"{source}: time is in integers, which --holidays {config.holidays} does not fit",
            hint="leave --holidays out",
        )
    if times.note:
        notes.insert(0, times.note)
    notes += account.doubt_support(panel)
    if config.season is None:
        panel, note = _settle_season(panel)
        notes.append(note)
    if config.horizon is None:
        notes.append(f"horizon {horizon}, the default for {describe(frequency)}; --horizon overrides")
    horizon = config.horizon or horizon

    first, last = panel.frequency.format(np.array([panel.start.min(), panel.cutoff.max()]), panel.zone)
    quality = {
        "rows": len(table.frame),
        "series": len(panel),
        "first": first,
        "last": last,
        **counts,
        "left_out": {**roles.left_out, **dict.fromkeys(empty, "no values")},
        "short": int((panel.lengths <= horizon).sum()),
    }
    found = {
        "time": roles.time or "none",
        "target": roles.targets,
        "id": None if is_by_file else roles.id,
        "freq": frequency.name,
        "season": panel.season,
        "horizon": horizon,
        "categories": categories if names else None,
    }
    return Loaded(
        panel,
        config.model_copy(update=found),
        quality,
        account.tell_roles(roles, panel),
        (*notes, *account.tell_repairs(quality, empty, config)),
        roles.shape,
        is_by_file,
        tuple(empty),
    )


def _gather(table: Table, roles: Roles, categories: Categories) -> _Gathered:
    """Take the cells that matter out of a table."""
    codes, ids = _find_series(table, roles)
    times = _find_times(table, roles, codes)
    past, known = (covariates.encode(table, names, categories) for names in (roles.past, roles.known))
    static = covariates.find_static(table, roles.static, categories, codes, ids)
    targets = np.column_stack([to_float32(table, name) for name in roles.targets])
    values = np.hstack([targets, past.values, known.values]) if roles.past or roles.known else targets
    columns = ("y" if roles.shape == "wide" else roles.targets[0], *past.columns, *known.columns)
    found: list[Role] = ["target"]
    found += ["past"] * len(past.columns)
    found += ["known"] * len(known.columns)
    rows = Rows(table.source, times.stamps, codes, ids, values, len(roles.targets))
    return _Gathered(rows, times, static.values, columns, tuple(found), static.columns)


def _append(gathered: _Gathered, table: Table, roles: Roles, categories: Categories, later: Table) -> _Gathered:
    times = future.join_times(table, gathered.times, later, str(roles.time))
    rows, times = future.append(gathered.rows, later, roles, categories, times)
    return replace(gathered, rows=rows, times=times)


def _regularise(
    gathered: _Gathered, config: DataConfig, frequency: Frequency | None
) -> tuple[Series, Frequency, dict[str, int]]:
    """Find the frequency of rows, and lay them on its grid.

    Returns: one series an id, the frequency, and what was repaired how often.
    """
    unordered, times = gathered.rows, gathered.times
    is_later = _is_later(unordered, gathered.roles.count("known"))
    missing = np.isnan(unordered.values[~is_later, : unordered.targets])
    rows, late = repair.sort(replace(unordered, stamps=times.on_wall_clock()))
    is_named = frequency is None and config.freq is not None
    frequency = frequency or find_frequency(
        rows.stamps, rows.begin, text=config.freq, is_integer=times.is_integer, source=rows.source
    )
    if times.zone and not frequency.is_wall_clock:  # a clock change must be neither gap nor duplicate
        rows, late = repair.sort(replace(unordered, stamps=times.stamps))
    rows, dropped, merged = repair.merge_duplicates(rows, config.duplicates, frequency)
    rows_on_grid, steps = repair.number(rows, frequency, is_named=is_named)
    grid = repair.to_grid(rows_on_grid, steps, frequency, gathered.static)
    counts = {
        "gaps": len(grid.values) - len(steps),
        "missing_values": int(missing.sum()),
        "duplicates_dropped": dropped,
        "duplicates_merged": merged,
        "out_of_order": late,
        "off_grid": len(rows.stamps) - len(steps),
        "later_rows": int(is_later.sum()),
    }
    return grid, frequency, counts


def _is_later(rows: Rows, known: int) -> npt.NDArray[np.bool_]:
    """[R] whether a row comes after the last target of its series and holds known columns only."""
    is_blank = np.asarray(np.isnan(rows.values[:, : rows.targets]).all(axis=1))
    if not known or not is_blank.any():
        return np.zeros_like(is_blank)
    last = np.full(len(rows.ids), np.iinfo(np.int64).min)
    np.maximum.at(last, rows.codes[~is_blank], rows.stamps[~is_blank])
    is_known = ~np.isnan(rows.values[:, -known:]).all(axis=1)
    is_later: npt.NDArray[np.bool_] = is_blank & is_known & (rows.stamps > last[rows.codes])
    return is_later


def _find_series(table: Table, roles: Roles) -> tuple[Ints, npt.NDArray[np.object_]]:
    """Number each row's series [R] in order of first appearance, and name them [N]."""
    if roles.id is None:
        return np.zeros(len(table.frame), np.int64), np.array([roles.targets[0]], object)
    codes, names = pd.factorize(table.frame[roles.id])
    is_unnamed = (codes < 0) | (names.to_numpy() == "")[codes]
    if is_unnamed.any():
        row = int(np.flatnonzero(is_unnamed)[0])
        raise DataError(
            f"{table.source}: column {roles.id!r}, {table.place(row)}: no series is named",
            hint="fill the cell, or pass --id with another column",
        )
    return codes.astype(np.int64), np.array([str(name) for name in names], object)


def _find_times(table: Table, roles: Roles, codes: Ints) -> Times:
    if roles.time is not None:
        return parse_times(table, roles.time)
    steps = pd.Series(codes).groupby(codes).cumcount()
    return Times(steps.to_numpy().astype(np.int64), is_integer=True)


def _settle_season(panel: Panel) -> tuple[Panel, str]:
    """Find the season where time is without a calendar, else confirm the calendar's; and say why."""
    if panel.frequency.is_integer:
        season = find_season(panel)
        what = f"season {season}, found by autocorrelation" if season > 1 else "no season found by autocorrelation"
        return replace(panel, season=season), f"{what}; --season overrides"
    doubt = doubt_season(panel)
    note = f"season {panel.season}, the default for {describe(panel.frequency)}"
    return panel, f"{note}, but {doubt}" if doubt else f"{note}; --season overrides"
