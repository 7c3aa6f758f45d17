"""Covariates as numbers: booleans become 0 and 1, text becomes one column per value."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.data.cells.number_formats import numeric_share, to_float32
from forecaster.data.table import MISSING_WORDS, Table
from forecaster.errors import DataError, quote_value
from forecaster.frequency import Ints
from forecaster.panel import Floats

MAX_CATEGORIES = 50

Categories = dict[str, tuple[str, ...]]

_BOOLEANS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class EncodedColumns:
    """Covariates as numbers.

    Attributes:
        values: [R, K] float32; NaN if missing.
        columns: [K] names; `name=value` for the columns that replace a column of text.
    """

    values: Floats
    columns: tuple[str, ...]


def find_categories(table: Table, names: tuple[str, ...]) -> tuple[Categories, list[str]]:
    """List the values of each column of text, at most the 50 most frequent ones.

    Args:
        table: the table with the covariates.
        names: the columns of the covariates.

    Returns: the values of each column of text in alphabetical order, and a note for each column with more than 50.
    Raises: DataError: a column contains no values, or times.
    """
    categories: Categories = {}
    notes: list[str] = []
    for name in names:
        column = _cells(table, name)
        if column.isna().all():
            raise DataError(
                f"{table.source}: column {name!r} contains no values", hint="leave it out of the covariates"
            )
        if not isinstance(column.dtype, pd.CategoricalDtype) or _is_boolean(column):
            continue
        if numeric_share(column, table.decimal_of(name), table.format.na) >= 0.5:
            continue
        counts = column.value_counts()
        counts = counts[counts > 0]
        frequent = sorted(map(str, counts.index), key=lambda word: (-counts[word], word))[:MAX_CATEGORIES]
        categories[name] = tuple(sorted(frequent))
        if len(counts) > len(frequent):
            notes.append(f"{name}: {len(counts)} values; only the {len(frequent)} most frequent become columns")
    return categories, notes


def encode(table: Table, names: tuple[str, ...], categories: Categories) -> EncodedColumns:
    """Convert columns to numbers.

    Args:
        table: the table with the columns.
        names: the columns to convert.
        categories: the values of the columns of text; any other value is 0 in all columns of the text.

    Raises: DataError: a column contains times, or a cell is neither a number nor a boolean; names the first.
    """
    parts = [np.empty((len(table.frame), 0), np.float32)]
    columns: list[str] = []
    for name in names:
        words = categories.get(name)
        if words is None:
            parts.append(_to_numbers(table, name)[:, None])
            columns.append(name)
        else:
            parts.append(_to_indicators(_cells(table, name), words))
            columns += [f"{name}={word}" for word in words]
    return EncodedColumns(np.hstack(parts), tuple(columns))


def encode_static(
    table: Table, names: tuple[str, ...], categories: Categories, codes: Ints, ids: npt.NDArray[np.object_]
) -> EncodedColumns:
    """Convert static columns to one value per series, [N, S]; missing cells are ignored.

    Args:
        table, names, categories: as in `encode`.
        codes: [R] number of the series of each row.
        ids: [N] names of the series, for errors.

    Raises: DataError: as `encode`, or a column changes within a series; names the first.
    """
    parts = [np.empty((len(ids), 0), np.float32)]
    columns: list[str] = []
    for name in names:
        encoded = encode(table, (name,), categories)
        groups = pd.DataFrame(encoded.values).groupby(codes)
        low, high = (extreme.to_numpy(np.float32) for extreme in (groups.min(), groups.max()))
        is_varying = (low < high).any(axis=1)
        if is_varying.any():
            series = int(np.flatnonzero(is_varying)[0])
            first, second = _cells(table, name)[codes == series].dropna().unique()[:2]
            raise DataError(
                f"{table.source}: series {ids[series]!r} has more than one value of the static column {name!r}: "
                f"{first}, {second}",
                hint=f"pass --known {quote_value(name)} if its future is known, else --past {quote_value(name)}",
            )
        parts.append(low)
        columns += encoded.columns
    return EncodedColumns(np.hstack(parts), tuple(columns))


def _cells(table: Table, name: str) -> pd.Series:
    """Return a column in which the words for missing values are missing."""
    column = table.frame[name]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    return column.cat.remove_categories([word for word in column.cat.categories if str(word).strip() in MISSING_WORDS])


def _to_numbers(table: Table, name: str) -> Floats:
    column = _cells(table, name)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise DataError(f"{table.source}: column {name!r} contains times, not numbers", hint="convert it to numbers")
    if isinstance(column.dtype, pd.CategoricalDtype) and _is_boolean(column):
        values = np.array([_BOOLEANS.get(str(word).lower(), np.nan) for word in column.cat.categories] + [np.nan])
        return values.astype(np.float32)[column.cat.codes.to_numpy()]
    return to_float32(table, name)


def _to_indicators(column: pd.Series, words: tuple[str, ...]) -> Floats:
    codes, distinct = pd.factorize(column)
    number = pd.Index(words).get_indexer(pd.Index([_to_word(value) for value in distinct], dtype=object))
    values = np.append(number, -1)[codes][:, None] == np.arange(len(words))  # [R, W]
    return np.where((codes < 0)[:, None], np.float32(np.nan), values).astype(np.float32)


def _to_word(value: object) -> str:
    """Convert a value to text; a whole number is a float only because other cells are missing."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_boolean(column: pd.Series) -> bool:
    """Return True if a column of text consists of booleans and missing cells."""
    return len(column) > 0 and {str(word).lower() for word in column.dropna().unique()} <= set(_BOOLEANS)
