"""A table on disk becomes a panel: read, laid out, put together; and what was found is said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.batches import holidays
from forecaster.config import DataConfig
from forecaster.data import future
from forecaster.data import notes as account
from forecaster.data.assemble import Layout, lay_out
from forecaster.data.memory_limit import choose_series, rows_at_once
from forecaster.data.parquet import Catalogue
from forecaster.data.read import open_parquet, read
from forecaster.data.roles import Roles, Shape, find_roles
from forecaster.data.season import doubt_season, find_season
from forecaster.data.spacing import describe
from forecaster.data.table import concatenate, from_frame
from forecaster.errors import DataError
from forecaster.frequency import Frequency
from forecaster.panel import Panel, join


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
        series, rows: of the whole table, of which this may be a part.
        empty: series that were left out, having no value.
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
    source: str,
    config: DataConfig,
    *,
    frequency: Frequency | None = None,
    stdin: BinaryIO | None = None,
    later: str | None = None,
    frame: pd.DataFrame | None = None,
    is_sample: bool = False,
) -> Loaded:
    """Make a panel of a table.

    Long Parquet files of many rows are read some series at a time, and only what becomes the panel is kept. The
    first of these parts tells the frequency of all, and the values of columns of text.

    Args:
        source: a CSV or Parquet file, a folder or glob of them, or `-`; with `frame`, what errors call it.
        config: what the user named; None where it is to be found.
        frequency: a bundle's own, learnt holidays included, to be kept; None where it is to be found.
        stdin: where `-` reads from.
        later: a table of the known columns' values for times to come, read as `source` is; needs a time column.
        frame: the table itself, where something else has read it.
        is_sample: whether whole series may be left out, evenly drawn, where `config.memory` does not hold them all.

    Raises:
        UsageError: the config names a column, country or frequency that is not there, or several columns would do.
        DataError: the table is unusable as given; says where and why.
        InputError: there is no such file, or it cannot be read.
        DependencyError: holidays are asked for and their package is not installed.
    """
    _check(config)
    large = _open_large(source, config) if later is None and frame is None else None
    if large is not None:
        kept = choose_series(large.catalogue.rows, config.horizon, config.memory) if is_sample else None
        layouts = list(_lay_out_parts(large, config, frequency, kept=kept))
        if frequency is not None or layouts[0].panel.frequency.kind != "business":
            return _with_doubts(_conclude(source, config, layouts), large.catalogue)
    # of few rows, or of trading days: only all rows can tell on which days nobody trades
    whole = _lay_out_whole(source, config, frequency, stdin=stdin, later=later, frame=frame)
    return _conclude(source, config, [whole])


def load_in_parts(
    source: str,
    config: DataConfig,
    *,
    frequency: Frequency,
    stdin: BinaryIO | None = None,
    later: str | None = None,
    frame: pd.DataFrame | None = None,
) -> Iterator[Loaded]:
    """Make panels of a table as `load` does, each of some of its series, so that any number takes the same memory.

    Raises: ForecastError: as `load`; the parts before that are given.
    """
    _check(config)
    large = _open_large(source, config) if later is None and frame is None else None
    if large is None:
        whole = _lay_out_whole(source, config, frequency, stdin=stdin, later=later, frame=frame)
        yield _conclude(source, config, [whole])
        return
    is_found = False
    for layout in _lay_out_parts(large, config, frequency):
        if len(layout.panel):
            is_found = True
            yield replace(
                _conclude(source, config, [layout]),
                series=len(large.catalogue),
                rows=int(large.catalogue.rows.sum()),
                roles=account.tell_roles(large.roles, layout.panel.frequency, len(large.catalogue)),
            )
    if not is_found:
        raise _without_values(source, large.roles)


class _Large(NamedTuple):
    """A long table in Parquet files, better not read at once."""

    catalogue: Catalogue
    roles: Roles


def _check(config: DataConfig) -> None:
    if config.holidays:
        holidays.check_country(config.holidays)


def _open_large(source: str, config: DataConfig) -> _Large | None:
    """Open a table that is to be read in parts; None where it is small, or has to be seen as a whole."""
    files = open_parquet(source)
    if files is None or files.rows <= rows_at_once(config.memory):
        return None
    head = files.head()
    roles = find_roles(head, config)
    words = [head.frame[name].dtype == "category" for name in (roles.time, *roles.targets) if name]
    if roles.id is None or roles.time is None or any(words):  # words are read by the evidence of them all
        return None
    return _Large(files.catalogue(roles.id), roles)


def _lay_out_parts(
    large: _Large,
    config: DataConfig,
    frequency: Frequency | None,
    *,
    kept: npt.NDArray[np.bool_] | None = None,
) -> Iterator[Layout]:
    for table in large.catalogue.shards(rows=rows_at_once(config.memory), kept=kept):
        layout = lay_out(table, config, roles=large.roles, frequency=frequency)
        config, frequency = layout.settle(config), layout.panel.frequency
        yield layout


def _lay_out_whole(
    source: str,
    config: DataConfig,
    frequency: Frequency | None,
    *,
    stdin: BinaryIO | None,
    later: str | None,
    frame: pd.DataFrame | None,
) -> Layout:
    tables = read(source, stdin) if frame is None else [from_frame(source, frame)]
    is_by_file = len(tables) > 1 and find_roles(tables[0], config).shape != "long"
    if is_by_file:
        tables = [future.name_by_file(table) for table in tables]
    table = concatenate(source, tables) if len(tables) > 1 else tables[0]
    return lay_out(table, config, frequency=frequency, later=later, is_by_file=is_by_file)


def _conclude(source: str, config: DataConfig, layouts: Sequence[Layout]) -> Loaded:
    """Put the parts of a table together, and say what was found."""
    first = layouts[0]
    panel = join([layout.panel for layout in layouts])
    if not len(panel):
        raise _without_values(source, first.roles)
    frequency, roles = panel.frequency, first.roles
    if config.holidays and frequency.is_integer:
        raise DataError(
            f"{source}: time is in integers, which --holidays {config.holidays} does not fit",
            hint="leave --holidays out",
        )
    notes = [*dict.fromkeys(note for layout in layouts for note in layout.notes), *account.doubt_support(panel)]
    if config.season is None:
        panel, note = _settle_season(panel)
        notes.append(note)
    horizon = config.horizon or frequency.defaults()[1]
    if config.horizon is None:
        notes.append(f"horizon {horizon}, the default for {describe(frequency)}; --horizon overrides")

    oldest, newest = frequency.format(np.array([panel.start.min(), panel.cutoff.max()]), panel.zone)
    empty = tuple(name for layout in layouts for name in layout.empty)
    quality = {
        "rows": sum(layout.rows for layout in layouts),
        "series": len(panel),
        "first": oldest,
        "last": newest,
        **{name: sum(layout.counts[name] for layout in layouts) for name in first.counts},
        "left_out": {**roles.left_out, **dict.fromkeys(empty, "no values")},
        "short": int((panel.lengths <= horizon).sum()),
    }
    return Loaded(
        panel,
        first.settle(config).model_copy(update={"season": panel.season, "horizon": horizon}),
        quality,
        account.tell_roles(roles, frequency, len(panel)),
        (*notes, *account.tell_repairs(quality, list(empty), config)),
        roles.shape,
        first.is_by_file,
        series=len(panel),
        rows=quality["rows"],
        empty=empty,
    )


def _with_doubts(loaded: Loaded, catalogue: Catalogue) -> Loaded:
    """Say what became of a table that was read in parts."""
    notes, quality = list(loaded.notes), loaded.quality
    if catalogue.is_scattered:
        notes.insert(0, f"rows of a series lie far apart and are read over and over: sort them by {loaded.config.id}")
    unread = len(catalogue) - len(loaded.panel) - len(loaded.empty)
    if unread:
        held = f"{len(loaded.panel)} of {len(catalogue)} series"
        notes.insert(0, f"memory holds {held}, evenly drawn: these are learnt from")
        quality = {**quality, "series_not_read": unread}
    return replace(loaded, notes=tuple(notes), quality=quality)


def _without_values(source: str, roles: Roles) -> DataError:
    return DataError(f"{source}: {', '.join(roles.targets)}: no values", hint="name another column with --target")


def _settle_season(panel: Panel) -> tuple[Panel, str]:
    """Find the season where time is without a calendar, else confirm the calendar's; and say why."""
    if panel.frequency.is_integer:
        season = find_season(panel)
        what = f"season {season}, found by autocorrelation" if season > 1 else "no season found by autocorrelation"
        return replace(panel, season=season), f"{what}; --season overrides"
    doubt = doubt_season(panel)
    note = f"season {panel.season}, the default for {describe(panel.frequency)}"
    return panel, f"{note}, but {doubt}" if doubt else f"{note}; --season overrides"
