"""Tables loaded as a `Panel`, with a quality report and notes for the user."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from forecaster.batches.holidays import check_country
from forecaster.closed_steps import describe_closed_steps
from forecaster.config import DataConfig
from forecaster.data import future
from forecaster.data.assemble import AssembledPanel, assemble
from forecaster.data.cells.sentinels import describe_codes, find_codes
from forecaster.data.columns.roles import Roles, Shape, find_roles
from forecaster.data.files.parquet import Catalogue
from forecaster.data.files.read import TableSource
from forecaster.data.files.unused_options import PARQUET, refuse_options
from forecaster.data.grid.season import find_season, find_season_conflict
from forecaster.data.grid.spacing import describe_frequency
from forecaster.data.memory_limit import rows_at_once, sample_series
from forecaster.data.notes import describe_ends, describe_repairs, describe_roles, describe_violations
from forecaster.data.prepare import prepare
from forecaster.data.table import concatenate
from forecaster.errors import DataError
from forecaster.frequency import Frequency
from forecaster.panel import Panel, join


@dataclass(frozen=True)
class LoadedData:
    """A panel, and the facts about the table that it comes from.

    Attributes:
        panel: the series.
        config: the given config, completed with the detected values; loading with it gives the same panel.
        quality: counts of values, gaps and repairs, as plain values for `quality.json`.
        roles: one line that says how each column is used.
        notes: further messages for the user.
        shape: `single` (one series), `wide` (one series per column) or `long` (one series per id).
        is_by_file: True if the ids are the names of the files.
        series, rows: the size of the whole table, of which this may be a part.
        empty: the series that are left out because they have no value.
    """

    panel: Panel
    config: DataConfig
    quality: dict[str, Any]
    roles: str
    notes: tuple[str, ...]
    shape: Shape
    is_by_file: bool
    series: int
    rows: int
    empty: tuple[str, ...] = ()


def load(
    source: TableSource | str,
    config: DataConfig,
    *,
    frequency: Frequency | None = None,
    later: TableSource | str | None = None,
    is_sample: bool = False,
) -> LoadedData:
    """Load a table as a panel.

    Long Parquet files with many rows are read a few series at a time, and only the panel stays in memory. The first
    part decides the frequency and the categories of text columns for all parts.

    Args:
        source: a table, or its path.
        config: the columns and options that the user named; the others are detected.
        frequency: the frequency of a bundle, with its learned holidays; None to detect it.
        later: the path of a table with the known columns of future steps; the data needs a time column.
        is_sample: True to load a random sample of the series if `config.memory` is too small for all of them.

    Raises:
        UsageError: the config names a column, country or frequency that does not exist, or several columns would fit.
        DataError: the table is unusable as given; the message says where and why.
        InputError: the file does not exist, or cannot be read.
        DependencyError: the config names holidays, and their package is not installed.
    """
    source = _as_source(source)
    if config.holidays:
        check_country(config.holidays)
    large = _open_large(source, config) if later is None else None
    if large is not None:
        catalogue = large.catalogue
        is_selected = sample_series(catalogue.rows, config.horizon, config.memory) if is_sample else None
        parts = list(_assemble_parts(large, config, frequency, is_selected=is_selected))
        if frequency is not None or parts[0].panel.frequency.kind != "business":
            return _add_notes_of_parts(_join_parts(source.place, config, parts), catalogue)
    # Only all rows together show the days without trade, so a table of trading days is read as a whole.
    return _join_parts(source.place, config, [_assemble_whole(source, config, frequency, later=later)])


def load_in_parts(
    source: TableSource | str,
    config: DataConfig,
    *,
    frequency: Frequency | None,
    later: TableSource | str | None = None,
) -> Iterator[LoadedData]:
    """Load a table as several panels of a few series each, which keeps memory constant; see `load` for the arguments.

    The first part decides the frequency, the season and the horizon of all parts, if they are not set.

    Raises: ForecastError: as `load`, after the parts before the error have been yielded.
    """
    source = _as_source(source)
    if config.holidays:
        check_country(config.holidays)
    large = _open_large(source, config) if later is None else None
    if large is None:
        yield _join_parts(source.place, config, [_assemble_whole(source, config, frequency, later=later)])
        return
    is_empty = True
    for part in _assemble_parts(large, config, frequency):
        if frequency is None and part.panel.frequency.kind == "business":  # as in `load`
            yield _join_parts(source.place, config, [_assemble_whole(source, config, None, later=later)])
            return
        if len(part.panel):
            is_empty = False
            panel = part.panel if config.season is None else replace(part.panel, season=config.season)
            loaded = _join_parts(source.place, config, [replace(part, panel=panel)])
            shared = {"season": loaded.config.season, "horizon": loaded.config.horizon}
            config = config.model_copy(update=shared)
            yield replace(
                loaded,
                series=len(large.catalogue),
                rows=int(large.catalogue.rows.sum()),
                roles=describe_roles(large.roles, part.panel.frequency, len(large.catalogue)),
            )
    if is_empty:
        raise _no_values_error(source.place, large.roles)


class _LargeTable(NamedTuple):
    """A long table in Parquet files that is too large to read at once."""

    catalogue: Catalogue
    roles: Roles


def _as_source(source: TableSource | str) -> TableSource:
    return source if isinstance(source, TableSource) else TableSource(source)


def _open_large(source: TableSource, config: DataConfig) -> _LargeTable | None:
    """Open a table that can be read in parts; return None if it is small, or must be read as a whole."""
    files = source.open_parquet()
    if files is None or files.rows <= rows_at_once(config.memory):
        return None
    refuse_options(source.place, PARQUET, config.format, PARQUET.unused)
    head = files.head()
    roles = find_roles(prepare(head, config), config)
    is_text = [head.frame[name].dtype == "category" for name in (roles.time, *roles.targets) if name]
    if roles.id is None or roles.time is None or any(is_text):  # the format of text is detected from all rows
        return None
    return _LargeTable(files.catalogue(roles.id), roles)


def _assemble_parts(
    large: _LargeTable,
    config: DataConfig,
    frequency: Frequency | None,
    *,
    is_selected: npt.NDArray[np.bool_] | None = None,
) -> Iterator[AssembledPanel]:
    for table in large.catalogue.shards(rows=rows_at_once(config.memory), is_selected=is_selected):
        part = assemble(table, config, roles=large.roles, frequency=frequency)
        config, frequency = part.complete(config), part.panel.frequency
        yield part


def _assemble_whole(
    source: TableSource, config: DataConfig, frequency: Frequency | None, *, later: TableSource | str | None
) -> AssembledPanel:
    tables = source.read(config.format, list_names(config))
    is_by_file = len(tables) > 1 and find_roles(prepare(tables[0], config), config).shape != "long"
    if is_by_file:
        tables = [future.add_file_column(table) for table in tables]
    table = concatenate(source.place, tables) if len(tables) > 1 else tables[0]
    return assemble(table, config, frequency=frequency, later=later, is_by_file=is_by_file)


def list_names(config: DataConfig) -> frozenset[str]:
    """Return the names of the columns that a config names."""
    joint = [part.strip() for name in (config.time, config.id) if name for part in name.split(",")]
    return frozenset((*joint, *(config.target or ()), *config.past, *config.known, *config.static)) - {"none"}


def _join_parts(place: str, config: DataConfig, parts: Sequence[AssembledPanel]) -> LoadedData:
    """Join the parts of a table, and complete the config, the quality report and the notes."""
    first = parts[0]
    panel = join([part.panel for part in parts])
    if not len(panel):
        raise _no_values_error(place, first.roles)
    frequency, roles = panel.frequency, first.roles
    if config.holidays and frequency.is_integer:
        raise DataError(
            f"{place}: time is in integers, so --holidays {config.holidays} cannot be used",
            hint="leave --holidays out",
        )
    notes = [
        *dict.fromkeys(note for part in parts for note in part.notes),
        *describe_violations(panel),
        *describe_closed_steps(panel),
    ]
    if (doubt := describe_codes(find_codes(panel.values[:, 0], panel.begin))) is not None:
        notes.append(doubt)
    if config.season is None:
        panel, note = _choose_season(panel)
        notes.append(note)
    horizon = config.horizon or frequency.defaults()[1]
    if config.horizon is None:
        notes.append(f"horizon {horizon}, the default for {describe_frequency(frequency)}; --horizon overrides")

    notes += describe_ends(panel, horizon)
    oldest, newest = frequency.format(np.array([panel.start.min(), panel.cutoff.max()]), panel.zone)
    empty = tuple(name for part in parts for name in part.empty)
    quality = {
        "rows": sum(part.rows for part in parts),
        "series": len(panel),
        "first": oldest,
        "last": newest,
        **{name: sum(part.counts[name] for part in parts) for name in first.counts},
        "left_out": {**roles.left_out, **dict.fromkeys(empty, "no values")},
        "short": int((panel.lengths <= horizon).sum()),
    }
    return LoadedData(
        panel,
        first.complete(config).model_copy(update={"season": panel.season, "horizon": horizon}),
        quality,
        describe_roles(roles, frequency, len(panel)),
        (*notes, *describe_repairs(quality, list(empty), config)),
        roles.shape,
        first.is_by_file,
        series=len(panel),
        rows=quality["rows"],
        empty=empty,
    )


def _add_notes_of_parts(loaded: LoadedData, catalogue: Catalogue) -> LoadedData:
    """Add the notes that only a table read in parts needs."""
    notes, quality = list(loaded.notes), loaded.quality
    if catalogue.is_scattered:
        notes.insert(0, f"each series is spread over the file, which is read many times; sort it by {loaded.config.id}")
    unread = len(catalogue) - len(loaded.panel) - len(loaded.empty)
    if unread:
        sample = f"a random sample of {len(loaded.panel)} of the {len(catalogue)} series"
        notes.insert(0, f"not all series fit into --memory; training uses {sample}")
        quality = {**quality, "series_not_read": unread}
    return replace(loaded, notes=tuple(notes), quality=quality)


def _no_values_error(place: str, roles: Roles) -> DataError:
    return DataError(f"{place}: {', '.join(roles.targets)}: no values", hint="name another column with --target")


def _choose_season(panel: Panel) -> tuple[Panel, str]:
    """Choose the season, by autocorrelation if time is in integers, else by frequency; the note says why."""
    if panel.frequency.is_integer:
        season = find_season(panel)
        reason = f"season {season}, found by autocorrelation" if season > 1 else "no season found by autocorrelation"
        return replace(panel, season=season), f"{reason}; --season overrides"
    conflict = find_season_conflict(panel)
    note = f"season {panel.season}, the default for {describe_frequency(panel.frequency)}"
    return panel, f"{note}, but {conflict}" if conflict else f"{note}; --season overrides"
