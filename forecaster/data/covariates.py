"""Columns that help to forecast become numbers: booleans 0 and 1, text a column for each value."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.data.number_formats import numeric_share, to_float32
from forecaster.data.table import MISSING_WORDS, Table
from forecaster.errors import DataError
from forecaster.frequency import Ints
from forecaster.panel import Floats

MAX_CATEGORIES = 50

Categories = dict[str, tuple[str, ...]]

_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class Encoded:
    """Covariates as numbers.

    Attributes:
        values: [R, K] float32; NaN where missing.
        columns: [K] names, `name=value` where a column of text became several.
    """

    values: Floats
    columns: tuple[str, ...]


def find_categories(table: Table, names: tuple[str, ...]) -> tuple[Categories, list[str]]:
    """List the values of each column of text, the 50 most frequent where there are more.

    Returns: the values in alphabetical order, and a note for each column that has more.
    Raises: DataError: a column holds no values, or times.
    """
    found: Categories = {}
    notes: list[str] = []
    for name in names:
        column = _cells(table, name)
        if column.isna().all():
            raise DataError(f"{table.source}: column {name!r} holds no values", hint="leave it out of the covariates")
        if not isinstance(column.dtype, pd.CategoricalDtype) or _is_truth(column):
            continue
        if numeric_share(column, table.decimal) >= 0.5:
            continue
        counts = column.value_counts()
        counts = counts[counts > 0]
        kept = sorted(map(str, counts.index), key=lambda word: (-counts[word], word))[:MAX_CATEGORIES]
        found[name] = tuple(sorted(kept))
        if len(counts) > len(kept):
            notes.append(f"{name}: {len(counts)} values, the {len(kept)} most frequent are told apart")
    return found, notes


def encode(table: Table, names: tuple[str, ...], categories: Categories) -> Encoded:
    """Make numbers of columns.

    Args:
        categories: the values of the columns of text; an unseen one is 0 in all of their columns.

    Raises: DataError: a column holds times, or a cell neither a number nor a truth; names the first.
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
    return Encoded(np.hstack(parts), tuple(columns))


def encode_static(
    table: Table, names: tuple[str, ...], categories: Categories, codes: Ints, ids: npt.NDArray[np.object_]
) -> Encoded:
    """Give the one value of each series [N, S]; missing cells are passed over.

    Args:
        codes: [R] number of each row's series.
        ids: [N] the series' names, for errors.

    Raises: DataError: as `encode`; a column changes within a series; names the first.
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
                hint=f"pass --known {name} if its future is known, else --past {name}",
            )
        parts.append(low)
        columns += encoded.columns
    return Encoded(np.hstack(parts), tuple(columns))


def _cells(table: Table, name: str) -> pd.Series:
    """A column in which words that stand for missing cells are missing."""
    column = table.frame[name]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    return column.cat.remove_categories([word for word in column.cat.categories if str(word).strip() in MISSING_WORDS])


def _to_numbers(table: Table, name: str) -> Floats:
    column = _cells(table, name)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise DataError(f"{table.source}: column {name!r} holds times, not numbers", hint="give it as numbers")
    if isinstance(column.dtype, pd.CategoricalDtype) and _is_truth(column):
        truth = np.array([_TRUTH.get(str(word).lower(), np.nan) for word in column.cat.categories] + [np.nan])
        return truth.astype(np.float32)[column.cat.codes.to_numpy()]
    return to_float32(table, name)


def _to_indicators(column: pd.Series, words: tuple[str, ...]) -> Floats:
    codes, found = pd.factorize(column)
    number = pd.Index(words).get_indexer(pd.Index([_to_word(value) for value in found], dtype=object))
    values = np.append(number, -1)[codes][:, None] == np.arange(len(words))  # [R, W]
    return np.where((codes < 0)[:, None], np.float32(np.nan), values).astype(np.float32)


def _to_word(value: object) -> str:
    """A value as a table of text would have it: numbers that became floats because some were missing as whole."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_truth(column: pd.Series) -> bool:
    """Whether a column of text is one of booleans that had missing cells."""
    return len(column) > 0 and {str(word).lower() for word in column.dropna().unique()} <= set(_TRUTH)
