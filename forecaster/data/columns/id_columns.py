"""Several columns that name the series together, such as a store and a product: joined into one column."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from forecaster.config import DataConfig
from forecaster.data.columns.roles import ID_NAMES, Roles
from forecaster.data.columns.time_roles import is_even
from forecaster.data.grid.repair import RepeatedTimesError
from forecaster.data.table import Table, name_of
from forecaster.errors import DataError, quote_value

SEPARATOR, NAME_SEPARATOR = ",", "/"

_MAX_CANDIDATES = 8
_MAX_COLUMNS = 3  # the largest number of columns that are tried together
_MIN_REPEATED_SHARE = 0.3  # share of repeated times from which on a table may have several series
_MAX_DUPLICATES_SHARE = 0.1  # share of repeated times that columns may leave undistinguished
_MIN_COVERAGE = 0.5  # share of the pairs of series and time that have a row


def join_id_columns(
    table: Table, name: str | None, *, find_time: Callable[[], str | None], reserved: frozenset[str]
) -> Table:
    """Join the columns that name the series together into one, which replaces them.

    Args:
        table: the table.
        name: the columns as the user or a bundle named them, separated by commas; None to find them.
        find_time: returns the time column; None if there is none.
        reserved: columns that have other roles.
    """
    if name is not None:
        if name in table.frame.columns or SEPARATOR not in name:
            return table
        names = tuple(part.strip() for part in name.split(SEPARATOR))
        return _join(table, names) if set(names) <= set(table.frame.columns) else table
    possible = [column for column in table.frame.columns if column not in reserved]
    if sum(_may_be_id(table, column) for column in possible) < 2 or (time := find_time()) is None:
        return table
    names = _find_columns(table, time, reserved)
    if not names:
        return table
    joined = _join(table, names)
    note = f"{' and '.join(names)} name the series together; --id names other columns"
    return replace(joined, notes=(*joined.notes, note))


def read_codes_as_text(table: Table, reserved: frozenset[str]) -> Table:
    """Read numbers again as text if their column is named like an id: `10E2` and `007` are codes."""
    if table.reread is None:
        return table
    names = [
        name
        for name in table.frame.columns
        if table.frame[name].dtype.kind in "if"
        and name not in reserved
        and name.lower() in ID_NAMES
        and not is_even(table.frame[name])
    ]
    if not names:
        return table
    texts = table.reread(names)
    return replace(table, frame=table.frame.assign(**{name: texts[name] for name in names}))


def _find_columns(table: Table, time: str, reserved: frozenset[str]) -> tuple[str, ...]:
    """Find the fewest columns that distinguish the rows with the same time; none if a single one does."""
    frame = table.frame
    candidates = list(_list_candidates(table, time, reserved))
    repeated = float(frame[time].duplicated().mean()) if len(candidates) > 1 else 0.0
    if repeated < _MIN_REPEATED_SHARE:
        return ()
    codes = {name: pd.factorize(frame[name])[0] for name in candidates}
    times = pd.factorize(frame[time])[0]
    for count in range(1, _MAX_COLUMNS + 1):
        best: tuple[float, tuple[str, ...]] = (0.0, ())
        for names in combinations(codes, count):
            pairs = pd.DataFrame({str(number): codes[name] for number, name in enumerate(names)})
            series = pairs.groupby(list(pairs.columns), sort=False).ngroup().to_numpy()
            duplicates = float(pd.DataFrame({"series": series, "time": times}).duplicated().mean())
            if duplicates > _MAX_DUPLICATES_SHARE * repeated:
                continue
            coverage = len(frame) / ((series.max() + 1) * (times.max() + 1))
            best = max(best, (coverage, names))
        if best[0] >= _MIN_COVERAGE:
            return best[1] if count > 1 else ()
    return ()


@contextmanager
def suggest_id(table: Table, roles: Roles, config: DataConfig) -> Iterator[None]:
    """Suggest `--id` in the error for repeated times, if a column divides them into series."""
    try:
        yield
    except RepeatedTimesError as error:
        used = frozenset((*config.past, *config.known, *config.static))
        name = _find_divider(table, roles.time, used) if roles.time is not None and roles.id is None else None
        if name is None:
            raise
        hint = f"pass --id {quote_value(name)} if it names the series, or --duplicates mean, first, last or sum"
        raise DataError(error.message, hint=hint) from error


def _find_divider(table: Table, time: str, used: frozenset[str]) -> str | None:
    """Return the first column of any kind that distinguishes the rows of one time; None if no column does."""
    frame = table.frame
    repeated = float(frame[time].duplicated().mean())
    for name in frame.columns:
        column = frame[name]
        others = [each for each in frame.columns if each not in (name, time) and frame[each].dtype.kind in "if"]
        if name == time or name in used or not others or 2 * column.nunique() > len(frame):
            continue
        if column.dtype.kind in "if" and table.reread is not None:
            column = table.reread([name])[name]
        if (
            float(pd.DataFrame({"id": column, "time": frame[time]}).duplicated().mean())
            <= _MAX_DUPLICATES_SHARE * repeated
        ):
            return str(name)
    return None


def _list_candidates(table: Table, time: str, reserved: frozenset[str]) -> Iterator[str]:
    """Yield the columns with few values, those of text first."""
    frame = table.frame
    columns = []
    for name in frame.columns:
        column = frame[name]
        if name == time or name in reserved or not _may_be_id(table, name) or column.isna().any():
            continue
        count = column.nunique()
        if 1 < count <= len(frame) / 2:
            columns.append((column.dtype.kind in "ibf", count, name))
    yield from (name for *_, name in sorted(columns)[:_MAX_CANDIDATES])


def _may_be_id(table: Table, name: str) -> bool:
    """Return True for text and whole numbers; in files with types of their own these may be floats."""
    column = table.frame[name]
    if column.dtype.kind == "f":
        return table.reread is None and bool((column % 1 == 0).all())
    return isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind in "ib"


def _join(table: Table, names: tuple[str, ...]) -> Table:
    frame = table.frame
    numbers = [name for name in names if frame[name].dtype.kind in "if"]
    texts = table.reread(numbers) if numbers and table.reread is not None else frame
    columns = [texts[name] if name in numbers else frame[name] for name in names]
    factors = [pd.factorize(column) for column in columns]
    codes = np.column_stack([codes for codes, _ in factors])
    distinct, first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    values = [[*map(name_of, words), ""] for _, words in factors]  # the code of a missing cell is -1, the last one
    words = [NAME_SEPARATOR.join(each[code] for code, each in zip(row, values, strict=True)) for row in distinct[order]]
    joint = pd.Series(pd.Categorical.from_codes(rank[inverse.ravel()], categories=pd.Index(words, dtype=object)))
    rest = frame.drop(columns=list(names))
    rest.insert(0, SEPARATOR.join(names), joint)
    return replace(table, frame=rest)
