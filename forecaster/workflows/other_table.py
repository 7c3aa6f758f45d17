"""Errors about a table that was written in another way than the data of a bundle, or has other columns."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from forecaster.config import DataConfig
from forecaster.config.table_format import TableFormat
from forecaster.data.files.read import open_parquet, read
from forecaster.data.files.unused_options import UnusedOptionError
from forecaster.data.future import FILE_COLUMN
from forecaster.data.grid.repair import RepeatedTimesError
from forecaster.data.load import list_names
from forecaster.data.prepare import prepare
from forecaster.errors import DataError, ForecastError, UsageError
from forecaster.store.bundle import Bundle
from forecaster.workflows.results import shorten

_OPTIONS = ("delimiter", "decimal", "encoding", "skip_rows", "header")  # those that decide what cells there are
_MAX_NAMES = 8


class _OwnReading(NamedTuple):
    """A table as it is read without a bundle."""

    columns: frozenset[str]
    format: TableFormat


@contextmanager
def explain_misfit(bundle: Bundle, config: DataConfig, *, is_forecast: bool = False) -> Iterator[None]:
    """Let errors about a table that does not fit a bundle name the bundle and the ways on.

    A bundle saves how its data was written. Read in the same way, another table seems to have wrong lines, or lacks
    columns that the user never named.

    Args:
        config: how the table is read; its path is the place of the table.
        is_forecast: True in `forecast predict`, which can also forecast without the bundle.

    Raises:
        DataError: the table does not fit the bundle.
        UsageError: an option that the user passed has no effect.
    """
    try:
        yield
    except (UnusedOptionError, RepeatedTimesError):
        raise
    except (UsageError, DataError) as error:
        raise _explain(error, bundle, config, is_forecast=is_forecast) from error


def _explain(error: ForecastError, bundle: Bundle, config: DataConfig, *, is_forecast: bool) -> DataError:
    message = re.sub(r"--\w+: ", "", error.message)  # Commands that read a bundle do not have the options on columns.
    place, folder, names = config.path or "", shorten(bundle.folder), list_names(bundle.config.data)
    table = _read_by_itself(place)
    if table is not None and (missing := sorted(names - table.columns)):
        problem = f"has no column{'s' * (len(missing) > 1)} {_join(missing)}, on which {folder} was trained"
        return DataError(f"{place}: {problem}", hint=_describe_ways(place, is_forecast=is_forecast))
    if table is not None and (differences := _compare(config.format, table.format)):
        ways = " and ".join(f"{name.replace('_', ' ')} {old!r}" for name, old, _ in differences)
        options = " ".join(f"--{name.replace('_', '-')} {shlex.quote(str(new))}" for name, _, new in differences)
        return DataError(f"{message}; it was read like the data of {folder}, with {ways}", hint=f"pass {options}")
    if isinstance(error, DataError):
        return error
    return DataError(message, hint=f"{folder} was trained on {_join(sorted(names))}")


def _read_by_itself(place: str) -> _OwnReading | None:
    """Return the columns and the format of a table; None if it cannot be read twice, or not without a bundle."""
    try:
        files = open_parquet(place)
        tables = [files.head()] if files else read(place)
        prepared = prepare(tables[0], DataConfig())
    except ForecastError:
        return None
    names = {FILE_COLUMN, *tables[0].frame.columns, *prepared.frame.columns}
    return _OwnReading(frozenset(map(str, names)), prepared.format)


def _compare(fixed: TableFormat, own: TableFormat) -> list[tuple[str, object, object]]:
    """Return the parts that differ between two formats, with their values in both."""
    pairs = [(name, _get_part(fixed, name), _get_part(own, name)) for name in _OPTIONS]
    return [(name, old, new) for name, old, new in pairs if None not in (old, new) and old != new]


def _get_part(table_format: TableFormat, name: str) -> object:
    """Return a part of a format; None if it is not known, or differs between columns."""
    part = getattr(table_format, name)
    if not isinstance(part, dict):
        return part
    marks = set(part.values())
    return marks.pop() if len(marks) == 1 else None


def _describe_ways(place: str, *, is_forecast: bool) -> str:
    data = shlex.quote(place)
    ways = [f"`forecast train {data}` learns from this table"]
    if is_forecast:
        ways.append(f"`forecast predict {data} --model pretrained` forecasts it without training")
    return "; ".join([*ways, "--bundle names another bundle"])


def _join(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(map(repr, names[:_MAX_NAMES])) + more
