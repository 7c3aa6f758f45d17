"""The steps to forecast, as far as they are known: read from a table, asked for where they are missing."""

from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.config import DataConfig
from forecaster.data.covariates import Categories, encode
from forecaster.data.read import read
from forecaster.data.repair import Rows
from forecaster.data.roles import Roles
from forecaster.data.table import Table, concatenate
from forecaster.data.times import Times, parse_times
from forecaster.errors import DataError, did_you_mean
from forecaster.panel import Panel

FILE_COLUMN = "unique_id"  # the column that names each row's file where files hold one series each


def read_future(source: str, roles: Roles, *, is_by_file: bool) -> Table:
    """Read a table of the future: the time, the id if there is one, and the known columns; others are not looked at.

    Args:
        roles: of the data's columns.
        is_by_file: whether the data's series are files; a table's own are then named by `unique_id` or by file, too.

    Raises: InputError, DataError: as `read`; a column is missing; names it.
    """
    tables = read(source)
    if is_by_file:
        tables = [table if FILE_COLUMN in table.frame.columns else add_file_column(table) for table in tables]
    needed = [name for name in (roles.time, roles.id, *roles.known) if name is not None]
    for table in tables:
        columns = list(table.frame.columns)
        missing = [name for name in needed if name not in columns]
        if missing:
            raise DataError(
                f"{source}: has no column {missing[0]!r}{did_you_mean(missing[0], columns)}",
                hint=f"give the columns {', '.join(needed)}; forecast init --future-template writes a table to fill",
            )
    tables = [replace(table, frame=table.frame[needed]) for table in tables]
    return concatenate(source, tables) if len(tables) > 1 else tables[0]


def add_file_column(table: Table) -> Table:
    """Add the column that names each row's file."""
    names = pd.Categorical([table.parts[0].name]).repeat(len(table.frame))
    return replace(table, frame=table.frame.assign(**{FILE_COLUMN: names}))


def join_times(table: Table, times: Times, future: Table, name: str) -> Times:
    """Give the times of the data's rows and of the future's after them.

    Words are read together, so that the evidence of both tells the order of day and month.

    Raises: DataError: a cell of the future has no time that can be read, or its time is of another sort.
    """
    columns = table.frame[name], future.frame[name]
    if all(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
        words = pd.api.types.union_categoricals([column.cat.remove_unused_categories() for column in columns])
        parts = (*table.parts, *(replace(part, first_row=part.first_row + len(table.frame)) for part in future.parts))
        return parse_times(Table(future.source, pd.DataFrame({name: words}), parts), name)
    later = parse_times(future, name)
    if later.is_integer != times.is_integer or (later.zone is None) != (times.zone is None):
        sorts = [_sort_of(each) for each in (later, times)]
        raise DataError(
            f"{future.source}: column {name!r} holds {sorts[0]}, that of {table.source} {sorts[1]}",
            hint="write the times of both tables alike",
        )
    return replace(times, stamps=np.concatenate([times.stamps, later.stamps]))


def append_rows(rows: Rows, future: Table, roles: Roles, categories: Categories, times: Times) -> tuple[Rows, Times]:
    """Put the future's rows under the data's; what the data already says of a time must be the same.

    Args:
        rows: the data's, as they come; their stamps are not looked at.
        times: of both, as `join_times` gives them.

    Returns: rows whose stamps are those of the times; an empty cell of the data is filled. Series that the data does
        not have are passed over.
    Raises: DataError: a known cell differs from the data's; names series, time and column.
    """
    known = encode(future, roles.known, categories)
    count, width = len(rows.stamps), known.values.shape[1]
    frame = pd.DataFrame({"stamp": times.stamps[count:], "row": np.arange(len(future.frame))})
    frame["code"] = 0
    if roles.id is not None:
        frame["code"] = pd.Index(rows.ids).get_indexer(pd.Index(future.frame[roles.id].astype(object).map(str)))
    frame = frame[frame["code"] >= 0]
    data = pd.DataFrame({"stamp": times.stamps[:count], "code": rows.codes, "at": np.arange(count)})
    both = frame.merge(data, on=["code", "stamp"])
    values = rows.values.copy()
    before, given = values[both["at"], -width:], known.values[both["row"]]
    differs = (before != given) & ~np.isnan(before) & ~np.isnan(given)
    if differs.any():
        pair, column = (int(index[0]) for index in np.nonzero(differs))
        row = int(both["row"].iloc[pair])
        raise DataError(
            f"{future.source}: {future.place(row)}: series {rows.ids[both['code'].iloc[pair]]!r} has "
            f"{given[pair, column]:g} in {known.columns[column]!r} where the data has {before[pair, column]:g}",
            hint="leave rows out whose time the data already has",
        )
    values[both["at"], -width:] = np.where(np.isnan(before), given, before)
    fresh = frame[~frame["row"].isin(both["row"])]
    below = np.full((len(fresh), values.shape[1]), np.nan, np.float32)
    below[:, -width:] = known.values[fresh["row"]]
    chosen = np.concatenate([np.arange(count), count + fresh["row"].to_numpy(np.int64)])
    times = replace(times, stamps=times.stamps[chosen])
    codes = np.concatenate([rows.codes, fresh["code"].to_numpy(np.int64)])
    return replace(rows, stamps=times.stamps, codes=codes, values=np.concatenate([values, below])), times


def require(panel: Panel, horizon: int, config: DataConfig, source: str) -> None:
    """Make sure that the known columns have a value at each of the `horizon` steps after every cutoff.

    Args:
        config: as the data was loaded with.
        source: names the table in the error.

    Raises: DataError: one has none; names the first series, its first such time, and the column.
    """
    steps = np.arange(horizon)
    missing = np.empty((len(panel), horizon, 0), bool)
    for number in panel.columns_as("known"):
        position = panel.end[:, None] + steps
        is_there = position < panel.stop[:, None]
        cells = panel.values[np.where(is_there, position, 0), number]
        missing = np.concatenate([missing, (~is_there | np.isnan(cells))[:, :, None]], axis=2)  # [N, H, K]
    if not missing.any():
        return
    series, step, number = (int(index[0]) for index in np.nonzero(missing))
    time = panel.frequency.format(panel.future(horizon)[series, [step]], panel.zone)[0]
    column = _named(panel.columns[panel.columns_as("known")[number]], config)
    raise DataError(
        f"{source}: series {panel.ids[series]!r} has no {column!r} for {time}, which is to be forecast",
        hint="fill what `forecast init DATA --future-template` writes and pass it by --future",
    )


def template(panel: Panel, horizon: int, config: DataConfig, *, is_by_file: bool) -> pd.DataFrame:
    """Lay out the table that `--future` reads: a row a series and step to come, its known cells empty.

    Args:
        config: as the data was loaded with; its time is a column.
    """
    stamps = panel.future(horizon)
    name = config.id or (FILE_COLUMN if is_by_file else None)
    columns: dict[str, object] = {}
    if name:
        columns[name] = np.repeat(panel.ids, horizon)
        stamps = stamps.ravel()
    else:  # a series a column: all of them share one row
        stamps = np.unique(stamps)
    texts = panel.frequency.format(stamps, panel.zone)
    if panel.zone and len({text[-6:] for text in texts}) > 1:  # a clock change: one column, one offset
        texts = pd.to_datetime(pd.Series(texts), utc=True).map(pd.Timestamp.isoformat).to_numpy(np.object_)
    columns[str(config.time)] = texts
    return pd.DataFrame(columns | dict.fromkeys(config.known, ""))


def _named(column: str, config: DataConfig) -> str:
    """The table's column behind one of the panel's."""
    indicators = {f"{name}={word}": name for name, words in (config.categories or {}).items() for word in words}
    return indicators.get(column, column) if column not in config.known else column


def _sort_of(times: Times) -> str:
    if times.is_integer:
        return "integers"
    return f"times in zone {times.zone}" if times.zone else "times without a zone"
