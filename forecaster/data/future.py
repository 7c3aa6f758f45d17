"""The known covariates of the steps to forecast: read, checked, and a template to fill in."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.config import DataConfig
from forecaster.config.table_format import TableFormat
from forecaster.data.cells.times import Times, parse_times
from forecaster.data.columns.covariates import Categories, encode
from forecaster.data.columns.roles import Roles
from forecaster.data.files.read import TableSource
from forecaster.data.grid.repair import Rows
from forecaster.data.prepare import prepare, read_ids_as_text
from forecaster.data.table import Table, concatenate
from forecaster.errors import DataError, did_you_mean
from forecaster.panel import Panel

FILE_COLUMN = "unique_id"  # names the file of each row if every file is one series


def read_future(source: TableSource | str, roles: Roles, config: DataConfig, *, is_by_file: bool) -> Table:
    """Read a table of future steps: its time, id and known columns; other columns are ignored.

    Args:
        source: a table, or its path, folder or glob.
        roles: the roles of the columns of the data.
        config: that of the data; its format does not count, since the table may come from another program.
        is_by_file: True if each file of the data is a series; the table names them by `unique_id` or by file.

    Raises:
        InputError: as `read`.
        DataError: as `read`, or a column is missing; names it.
    """
    files = source if isinstance(source, TableSource) else TableSource(source)
    own = config.model_copy(update={"format": TableFormat(zone=config.format.zone)})
    tables = [prepare(table, own, roles) for table in files.read()]
    if is_by_file:
        tables = [table if FILE_COLUMN in table.frame.columns else add_file_column(table) for table in tables]
    needed = [name for name in (roles.time, roles.id, *roles.known) if name is not None]
    for table in tables:
        columns = list(table.frame.columns)
        missing = [name for name in needed if name not in columns]
        if missing:
            raise DataError(
                f"{files.place}: has no column {missing[0]!r}{did_you_mean(missing[0], columns)}",
                hint=f"provide {', '.join(needed)}; `forecast init DATA --future-template` writes such a table",
            )
    if roles.id is not None:
        tables = [read_ids_as_text(table, roles.id) for table in tables]
    tables = [replace(table, frame=table.frame[needed], reread=None) for table in tables]
    return concatenate(files.place, tables) if len(tables) > 1 else tables[0]


def add_file_column(table: Table) -> Table:
    """Add the column that names the file of each row."""
    names = pd.Categorical([table.parts[0].name]).repeat(len(table.frame))
    return replace(table, frame=table.frame.assign(**{FILE_COLUMN: names}))


def join_times(table: Table, times: Times, future: Table, name: str) -> Times:
    """Return the times of the rows of the data, followed by those of the future rows.

    Text is parsed together, so that the order of day and month is chosen from both.

    Args:
        table: the data.
        times: the times of the data.
        future: the table of future steps.
        name: the time column of both.

    Raises: DataError: a future time cannot be parsed, or only one table has a time zone or integer times.
    """
    columns = table.frame[name], future.frame[name]
    if all(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
        words = pd.api.types.union_categoricals([column.cat.remove_unused_categories() for column in columns])
        parts = (*table.parts, *(replace(part, first_row=part.first_row + len(table.frame)) for part in future.parts))
        return parse_times(Table(future.source, pd.DataFrame({name: words}), parts), name)
    later = parse_times(future, name)
    if later.is_integer != times.is_integer or (later.zone is None) != (times.zone is None):
        kinds = [_describe_kind(each) for each in (later, times)]
        raise DataError(
            f"{future.source}: column {name!r} contains {kinds[0]}, but {kinds[1]} in {table.source}",
            hint="write the times of both tables in the same format",
        )
    return replace(times, stamps=np.concatenate([times.stamps, later.stamps]))


def append_rows(rows: Rows, future: Table, roles: Roles, categories: Categories, times: Times) -> tuple[Rows, Times]:
    """Append the future rows to those of the data.

    A future row for a time of the data fills its empty cells. Series that the data does not have are ignored.

    Args:
        rows: the rows of the data, in any order; their timestamps are not used.
        future: the table of future steps.
        roles: the roles of the columns.
        categories: the values of the columns of text.
        times: the times of both, from `join_times`.

    Returns: the rows, and their times.
    Raises: DataError: a known value differs from the value in the data; names the series and the column.
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
    old, new = values[both["at"], -width:], known.values[both["row"]]
    is_conflict = (old != new) & ~np.isnan(old) & ~np.isnan(new)
    if is_conflict.any():
        pair, column = (int(index[0]) for index in np.nonzero(is_conflict))
        row = int(both["row"].iloc[pair])
        raise DataError(
            f"{future.source}: {future.place(row)}: series {rows.ids[both['code'].iloc[pair]]!r} has "
            f"{new[pair, column]:g} in {known.columns[column]!r} where the data has {old[pair, column]:g}",
            hint="remove the rows whose times are in the data",
        )
    values[both["at"], -width:] = np.where(np.isnan(old), new, old)
    added = frame[~frame["row"].isin(both["row"])]
    added_values = np.full((len(added), values.shape[1]), np.nan, values.dtype)
    added_values[:, -width:] = known.values[added["row"]]
    positions = np.concatenate([np.arange(count), count + added["row"].to_numpy(np.int64)])
    times = replace(times, stamps=times.stamps[positions])
    codes = np.concatenate([rows.codes, added["code"].to_numpy(np.int64)])
    return replace(rows, stamps=times.stamps, codes=codes, values=np.concatenate([values, added_values])), times


@dataclass(frozen=True)
class FutureCheck:
    """A check that the known columns have a value at each step to forecast.

    Attributes:
        source: names the data in the error.
        later: names the table of future values, if one was passed; the error blames it.
        command: the command that writes the table to fill in.
        option: the option, or key of a job, that names the table.
    """

    source: str
    later: str | None = None
    command: str = "forecast init DATA --future-template"
    option: str = "--future"

    def require(self, panel: Panel, horizon: int, config: DataConfig) -> None:
        """Check N series.

        Args:
            panel: the series.
            horizon: the number of steps to forecast.
            config: the config of the loaded data.

        Raises: DataError: values are missing; names the first series, its first such time, the column, and how many.
        """
        missing = find_missing(panel, horizon)
        if not missing.any():
            return
        series, step, number = (int(index[0]) for index in np.nonzero(missing))
        time = panel.frequency.format(panel.future(horizon)[series, [step]], panel.zone)[0]
        columns = [_find_source_column(panel.columns[place], config) for place in panel.columns_as("known")]
        by_column = {name: missing[:, :, [each == name for each in columns]].any(axis=2) for name in columns}
        count = sum(int(each.sum()) for each in by_column.values())
        total = sum(each.size for each in by_column.values())
        extent = f"; {count:,} of {total:,} such values are missing" if count > 1 else ""
        template = f"type `{self.command} --horizon {horizon}`, fill in the table, and name it with {self.option}"
        raise DataError(
            f"{self.later or self.source}: series {panel.ids[series]!r} has no value of {columns[number]!r} "
            f"for {time}, a step to forecast{extent}",
            hint=f"fill in the empty cells of {self.later}, or add rows" if self.later else template,
        )


def find_missing(panel: Panel, horizon: int) -> npt.NDArray[np.bool_]:
    """Return [N, H, K] True for each step to forecast that has no value in a known column."""
    steps = np.arange(horizon)
    missing = np.empty((len(panel), horizon, 0), bool)
    for number in panel.columns_as("known"):
        position = panel.end[:, None] + steps
        is_present = position < panel.stop[:, None]
        cells = panel.values[np.where(is_present, position, 0), number]
        missing = np.concatenate([missing, (~is_present | np.isnan(cells))[:, :, None]], axis=2)  # [N, H, K]
    return missing


def template(panel: Panel, horizon: int, config: DataConfig, *, is_by_file: bool) -> pd.DataFrame:
    """Return the table that `--future` reads, with one row per series and future step, and empty known cells.

    Args:
        panel: the N series.
        horizon: the number of future steps.
        config: the config of the loaded data; its time must be a column.
        is_by_file: True if each file of the data is a series.
    """
    stamps = panel.future(horizon)
    name = config.id or (FILE_COLUMN if is_by_file else None)
    columns: dict[str, object] = {}
    if name:
        columns[name] = np.repeat(panel.ids, horizon)
        stamps = stamps.ravel()
    else:  # all series of a wide table share one row per step
        stamps = np.unique(stamps)
    texts = panel.frequency.format(stamps, panel.zone)
    if panel.zone and len({text[-6:] for text in texts}) > 1:  # a clock change; a column must have one offset
        texts = pd.to_datetime(pd.Series(texts), utc=True).map(pd.Timestamp.isoformat).to_numpy(np.object_)
    columns[str(config.time)] = texts
    return pd.DataFrame(columns | dict.fromkeys(config.known, ""))


def _find_source_column(column: str, config: DataConfig) -> str:
    """Return the column of the table from which a column of the panel was made."""
    indicators = {f"{name}={word}": name for name, words in (config.categories or {}).items() for word in words}
    return indicators.get(column, column) if column not in config.known else column


def _describe_kind(times: Times) -> str:
    if times.is_integer:
        return "integers"
    return f"times in zone {times.zone}" if times.zone else "times without a zone"
