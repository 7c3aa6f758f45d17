"""The formats of numbers in text: decimal marks, thousands separators, signs."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from forecaster.config.table_format import DecimalMark
from forecaster.data.table import MISSING_WORDS, Table
from forecaster.errors import DataError, quote_value

_MAX = float(np.finfo(np.float32).max)
_THOUSANDS_SEPARATORS = "' \u2019\u00a0\u202f"  # besides comma and point
_OTHER: dict[str, DecimalMark] = {".": ",", ",": "."}
_LEAST_NEAR_A_THOUSAND = 100  # a number without a mark that may be a neighbour of one with thousands
_LOG_MARGIN = 0.1  # difference of two spreads, in powers of ten, that decides between two readings

Bools = npt.NDArray[np.bool_]
Floats64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Marks:
    """The decimal marks that the words of a column allow.

    Attributes:
        decimal: the decimal mark; None if no word has a mark.
        is_certain: True if a word allows only this mark, or values decide between two.
        example: a word that both marks allow; None if there is none.
    """

    decimal: DecimalMark | None
    is_certain: bool = True
    example: str | None = None


def find_marks(words: pd.Index) -> Marks:
    """Find the decimal mark of a column from all its words.

    Words such as `1.021` are a number with a fraction or with thousands. If the column has no other fraction, the
    reading with the smaller spread of values is the right one: `987` beside `1.021` are neighbours, `1.5` and `2.25`
    are not.

    Args:
        words: [W] text, in any order.
    """
    text = _trim(words)
    is_point, is_comma = (_match(text, mark) for mark in (".", ","))
    point_only, comma_only = int((is_point & ~is_comma).sum()), int((is_comma & ~is_point).sum())
    if point_only or comma_only:
        return Marks("." if point_only >= comma_only else ",")
    has_mark = pc.match_substring_regex(text, "[.,]").to_numpy(zero_copy_only=False).astype(bool) & is_point
    if not has_mark.any():
        return Marks(None)
    example = str(text.filter(pa.array(has_mark))[0])
    mark: DecimalMark = "." if "." in example else ","
    fractions, thousands = (_values(text, each, has_mark) for each in (mark, _OTHER[mark]))
    plain = np.abs(_values(text, mark, is_point & ~has_mark))
    plain = plain[plain > 0]
    if plain.size:
        spreads = [float(np.log10(np.concatenate([np.abs(each), plain])).std()) for each in (fractions, thousands)]
        if plain.max() >= _LEAST_NEAR_A_THOUSAND and spreads[1] < spreads[0] - _LOG_MARGIN:
            return Marks(_OTHER[mark], example=example)
        if spreads[0] < spreads[1] - _LOG_MARGIN:
            return Marks(mark, example=example)
    return Marks(mark, is_certain=False, example=example)


def parse_numbers(words: pd.Index, decimal: str, missing: tuple[str, ...] = ()) -> tuple[Floats64, Bools]:
    """Parse words as numbers.

    Numbers with needless zeros in front, such as `0056`, are codes.

    Args:
        words: [W] text.
        decimal: the decimal mark, `.` or `,`; the other one, blanks and apostrophes may separate thousands.
        missing: words for missing values, besides the usual ones.

    Returns: the [W] values, NaN for words that are not numbers, and [W] True for numbers and words for missing values.
    """
    text = _trim(words)
    is_number = _match(text, decimal)
    is_missing = pc.is_in(text, value_set=pa.array([*MISSING_WORDS, *missing], pa.string()))
    is_missing = is_missing.to_numpy(zero_copy_only=False)
    is_number &= ~is_missing
    values = np.full(len(words), np.nan)
    values[is_number] = _values(text, decimal, is_number)
    return values, is_number | is_missing


def numeric_share(column: pd.Series, decimal: str, missing: tuple[str, ...] = ()) -> float:
    """Return the share of numbers among the rows of a text column that are not missing."""
    values, is_valid = parse_numbers(column.cat.categories, decimal, missing)
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
        decimal = table.decimal_of(name)
        words, is_valid = parse_numbers(column.cat.categories, decimal, table.format.na)
        codes = column.cat.codes.to_numpy()
        if not is_valid.all():
            row = int(np.flatnonzero((codes >= 0) & ~is_valid[codes])[0])
            raise _not_a_number(table, name, row, decimal)
        exact = np.append(words, np.nan)[codes]  # code -1 picks the last value, NaN
    else:
        exact = _mask(column.to_numpy(np.float64), table.format.na)
    low, high = (float(extreme(exact)) if len(exact) else 0.0 for extreme in (np.fmin.reduce, np.fmax.reduce))
    if max(-low, high) > _MAX:
        row = int(np.flatnonzero(np.abs(exact) > _MAX)[0])
        problem = "an infinite value" if np.isinf(exact[row]) else f"{exact[row]:g} is beyond the range of float32"
        raise DataError(
            f"{table.source}: column {name!r}, {table.place(row)}: {problem}",
            hint="write NA for a missing value, or convert the column to a larger unit",
        )
    return exact


def _not_a_number(table: Table, name: str, row: int, decimal: DecimalMark) -> DataError:
    cell = str(table.frame[name].iloc[row])
    place = f"{table.source}: column {name!r}, {table.place(row)}"
    if _match(_trim(pd.Index([cell])), _OTHER[decimal]).all():
        return DataError(
            f"{place}: {cell!r} is not a number with the decimal mark {decimal!r} of this column",
            hint=f"write all numbers with one decimal mark; pass --decimal '{_OTHER[decimal]}' if it is the other one",
        )
    hint = "write plain numbers, and NA for a missing value"
    if not any(letter.isdigit() or letter == "," for letter in cell):
        words = ",".join((*table.format.na, cell.strip()))
        hint = f"pass --na={quote_value(words)} if it means a missing value"
    return DataError(f"{place}: {cell!r} is not a number", hint=hint)


def _mask(values: Floats64, missing: tuple[str, ...]) -> Floats64:
    """Return values in which those that mean a missing value are NaN."""
    codes = [value for value in parse_numbers(pd.Index(missing, dtype=object), ".")[0] if not np.isnan(value)]
    return np.where(np.isin(values, codes), np.nan, values) if codes else values


def _trim(words: pd.Index) -> pa.Array:
    text = pc.utf8_trim_whitespace(pa.array(words.astype(object), pa.string()))
    return pc.replace_substring(text, "\u2212", "-")


def _match(text: pa.Array, decimal: str) -> Bools:
    """Return [W] True for words that are numbers with a decimal mark."""
    group, point = re.escape(_OTHER[decimal]), re.escape(decimal)
    other = f"[{_THOUSANDS_SEPARATORS}]"
    # Three digits a group, or two in all groups but the last one, as in India.
    grouped = rf"[1-9]\d{{0,2}}(({group}\d{{3}})+|({group}\d{{2}})+{group}\d{{3}}|({other}\d{{3}})+)"
    pattern = rf"^[+-]?((0|[1-9]\d*|{grouped})({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"
    matches: Bools = pc.match_substring_regex(text, pattern).fill_null(False).to_numpy(zero_copy_only=False)
    return matches.astype(bool)


def _values(text: pa.Array, decimal: str, which: Bools) -> Floats64:
    """Return the values of the chosen words, which are numbers."""
    plain = pc.replace_substring_regex(
        text.filter(pa.array(which)), f"[{re.escape(_OTHER[decimal])}{_THOUSANDS_SEPARATORS}]", ""
    )
    plain = pc.replace_substring(plain, decimal, ".")
    values: Floats64 = plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
