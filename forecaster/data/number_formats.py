"""The formats of numbers in text: thousands separators, decimal commas, signs."""

import re

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from forecaster.data.table import MISSING_WORDS, Table
from forecaster.errors import DataError

_MAX = float(np.finfo(np.float32).max)
_THOUSANDS_SEPARATORS = "' \u2019\u00a0\u202f"  # besides comma and point


def parse_numbers(words: pd.Index, decimal: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Parse words as numbers.

    Args:
        words: [W] text.
        decimal: the decimal mark, `.` or `,`; the other one, blanks and apostrophes may separate thousands.

    Returns: the [W] values, NaN for words that are not numbers, and [W] True for numbers and words for missing values.
    """
    text = pc.utf8_trim_whitespace(pa.array(words.astype(object), pa.string()))
    text = pc.replace_substring(text, "\u2212", "-")
    point = re.escape(decimal)
    group = f"[{'.' if decimal == ',' else ','}{_THOUSANDS_SEPARATORS}]"
    pattern = rf"^[+-]?((\d+|\d{{1,3}}({group}\d{{3}})+)({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"
    is_number = pc.match_substring_regex(text, pattern)
    is_missing = pc.is_in(text, value_set=pa.array(MISSING_WORDS))
    plain = pc.replace_substring_regex(pc.if_else(is_number, text, None), group, "")
    plain = pc.replace_substring(plain, decimal, ".")
    values = plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values, pc.or_(is_number, is_missing).to_numpy(zero_copy_only=False)


def numeric_share(column: pd.Series, decimal: str) -> float:
    """Return the share of numbers among the rows of a text column that are not missing."""
    values, is_valid = parse_numbers(column.cat.categories, decimal)
    is_number = ~np.isnan(values)
    if not is_number.any():
        return 0.0
    codes = column.cat.codes.to_numpy()
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    return float(counts[is_number].sum() / counts[is_number | ~is_valid].sum())


def to_float32(table: Table, name: str) -> npt.NDArray[np.float32]:
    """Return the [R] values of a column as float32, NaN if missing; see `read_numbers` for the errors."""
    return narrow_numbers(read_numbers(table, name))


def narrow_numbers(exact: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return values of `read_numbers` as float32, which holds their range."""
    with np.errstate(under="ignore"):
        return exact.astype(np.float32)


def read_numbers(table: Table, name: str) -> npt.NDArray[np.float64]:
    """Return the [R] values of a column, NaN if missing.

    Raises: DataError: a cell is not a number, or a number beyond the range of float32; names the first.
    """
    column = table.frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        words, is_valid = parse_numbers(column.cat.categories, table.decimal)
        codes = column.cat.codes.to_numpy()
        if not is_valid.all():
            row = int(np.flatnonzero((codes >= 0) & ~is_valid[codes])[0])
            raise DataError(
                f"{table.source}: column {name!r}, {table.place(row)}: {column.iloc[row]!r} is not a number",
                hint="write plain numbers, and NA for a missing value",
            )
        exact = np.append(words, np.nan)[codes]  # code -1 picks the last value, NaN
    else:
        exact = column.to_numpy(np.float64)
    low, high = (float(extreme(exact)) if len(exact) else 0.0 for extreme in (np.fmin.reduce, np.fmax.reduce))
    if max(-low, high) > _MAX:
        row = int(np.flatnonzero(np.abs(exact) > _MAX)[0])
        problem = "an infinite value" if np.isinf(exact[row]) else f"{exact[row]:g} is beyond the range of float32"
        raise DataError(
            f"{table.source}: column {name!r}, {table.place(row)}: {problem}",
            hint="write NA for a missing value, or convert the column to a larger unit",
        )
    return exact
