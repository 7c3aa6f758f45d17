"""The roles of columns: the time, the id, the targets, the covariates, and the columns that are left out."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecaster.config import DataConfig
from forecaster.data.cells.time_integers import find_times
from forecaster.data.columns.time_roles import (
    CALENDAR_NAMES,
    MIN_REGULAR,
    Kind,
    check_column,
    choose_time,
    describe_columns,
    find_kind,
    is_even,
)
from forecaster.data.table import Table
from forecaster.errors import DataError, UsageError, quote_value

Shape = Literal["single", "wide", "long"]

_ROW_NUMBER_NAMES = ("id", "index", "row", "nr", "no", "#", "unnamed: 0", "rownames", "rn")
_MIN_COVERAGE_OF_ID = 0.8  # share of the times for which a series has a row
ID_NAMES = (
    *("unique_id", "series_id", "series", "id", "item_id", "item", "sku", "product_id", "product", "symbol", "ticker"),
    *("store_id", "store", "station_id", "station", "sensor_id", "sensor", "meter_id", "meter", "region", "country"),
    *("city", "customer", "group", "key", "name", "location", "site", "device", "branch", "shop", "article"),
    *("filiale", "artikel", "stn", "produkt", "land", "kunde", "standort", "zaehler", "zähler"),
    *("magasin", "produit", "pays", "tienda", "producto", "negozio", "prodotto", "winkel", "butik"),
)


@dataclass(frozen=True)
class Roles:
    """The role of each column.

    Attributes:
        shape: `single` (one series), `wide` (one series per column) or `long` (one series per id).
        time: the time column; None if rows are steps 0, 1, 2 ...
        id: the column that names the series of a long table, else None.
        targets: the columns to forecast; a single one unless the table is wide.
        left_out: every other column, with the reason why it is not used.
        past, known, static: the covariates.
    """

    shape: Shape
    time: str | None
    id: str | None
    targets: tuple[str, ...]
    left_out: dict[str, str]
    past: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def covariates(self) -> tuple[str, ...]:
        return (*self.past, *self.known, *self.static)


def find_roles(table: Table, config: DataConfig) -> Roles:
    """Find the roles of the columns: from the config, then from the names and values of the columns.

    Args:
        table: the table with the columns.
        config: the columns that the user named.

    Raises:
        UsageError: the config names a column that does not exist, or one in two roles; or several columns would fit.
        DataError: no column can be the time, or none contains numbers.
    """
    kinds = {name: find_kind(table, name) for name in table.frame.columns}
    covariates = {"--past": config.past, "--known": config.known, "--static": config.static}
    named = {"--id": (config.id,), "--target": config.target or (), **covariates}
    for option, names in named.items():
        for name in names:
            check_column(table, option, name)
    _refuse_two_roles(table, {"--time": (config.time,), **named})
    used = {*config.past, *config.known, *config.static}
    kinds = {name: kind for name, kind in kinds.items() if name not in used}
    time = choose_time(table, kinds, config)
    id = config.id or _find_id(table, kinds, config, time)
    left_out = _leave_out(table, kinds, time, id)
    targets = config.target or _find_targets(table, kinds, left_out, time, id)
    for name in targets:
        if kinds[name] in ("text", "time", "empty"):
            content = "no values" if kinds[name] == "empty" else f"{kinds[name]}, not numbers"
            raise DataError(
                f"{table.source}: column {name!r} contains {content}", hint=_suggest_target(kinds, {time, id})
            )
        left_out.pop(name, None)
    if id and len(targets) > 1:
        raise UsageError(
            f"{table.source}: a table with an id column can have only one target, got {', '.join(targets)}",
            hint=f"pass --target {quote_value(targets[0])}",
        )
    for name in kinds:
        if name not in {time, id, *targets}:
            left_out.setdefault(name, "not a target")
    shape: Shape = "long" if id else "wide" if len(targets) > 1 else "single"
    return Roles(shape, time, id, tuple(targets), left_out, config.past, config.known, config.static)


def _find_id(table: Table, kinds: dict[str, Kind], config: DataConfig, time: str | None) -> str | None:
    """Find the column that distinguishes rows with the same time."""
    frame = table.frame
    if "unique_id" in kinds and "unique_id" not in (config.target or ()):
        return "unique_id"
    used = {time, "y", *(config.target or ())}
    rank = {"text": 1, "number": 2, "flag": 3}
    candidates = {}
    repeated_share = 0.0 if time is None else float(frame[time].duplicated().mean())
    for name, kind in kinds.items():
        is_named = kind != "flag" and name.lower() in ID_NAMES
        is_float = frame[name].dtype.kind == "f" and not is_named
        if name in used or kind not in rank or is_float or name.lower() in CALENDAR_NAMES:
            continue
        count = frame[name].nunique()
        if 2 * count > len(frame) or (repeated_share < 0.3 and not is_named):
            continue
        if repeated_share == 0:
            is_id = kind == "text" and (count == 1 or time is None)
        else:
            is_id = float(frame.duplicated([name, time]).mean()) <= 0.1 * repeated_share
        if is_id:
            candidates[name] = 0 if is_named else rank[kind]
    best = [name for name, value in candidates.items() if value == min(candidates.values())]
    if len(best) > 1 and time is not None:
        best = _drop_scattered(frame, best, time)
    if len(best) > 1 and not _are_synonyms(frame, best):
        raise UsageError(
            f"{table.source}: several columns could name the series: {', '.join(best)}",
            hint=f"pass --id {quote_value(best[0])}",
        )
    return best[0] if best else None


def _are_synonyms(frame: pd.DataFrame, names: list[str]) -> bool:
    """Return True if columns divide the rows into the same series, such as the name and the code of a country."""
    counts = {frame[name].nunique() for name in names}
    return len(counts) == 1 and len(frame[names].drop_duplicates()) == counts.pop()


def _drop_scattered(frame: pd.DataFrame, names: list[str], time: str) -> list[str]:
    """Drop the columns whose values have rows for few of the times only, if another one has rows for most."""
    times = frame[time].nunique()
    coverage = {name: len(frame) / (frame[name].nunique() * times) for name in names}
    regular = [name for name in names if coverage[name] >= _MIN_COVERAGE_OF_ID]
    return regular if regular and all(coverage[name] < 0.5 for name in names if name not in regular) else names


def _leave_out(table: Table, kinds: dict[str, Kind], time: str | None, id: str | None) -> dict[str, str]:
    reasons = {"text": "text", "time": "times", "flag": "true or false", "empty": "no values"}
    left_out = {name: reasons[kind] for name, kind in kinds.items() if kind in reasons and name not in (time, id)}
    for name in kinds:
        column = table.frame[name]
        lowered = name.strip().lower()
        if name in (time, id) or name in left_out:
            continue
        if isinstance(column.dtype, pd.CategoricalDtype) and lowered in ID_NAMES:
            left_out[name] = "the same number in all rows" if column.nunique() == 1 else "codes"
        if column.dtype.kind != "i":
            continue
        if lowered in CALENDAR_NAMES:
            left_out[name] = "a part of the time"
        elif len(column) > 1 and names_things(name) and column.nunique() == 1:
            left_out[name] = "the same number in all rows"
        elif time and _counts_rows(table, name):
            left_out[name] = "row numbers"
        elif time and _is_time_too(table, name, time):
            left_out[name] = "times"
    return left_out


def _counts_rows(table: Table, name: str) -> bool:
    """Return True for row numbers: by their name, or because they count from 0 or 1 in front of all other columns."""
    column = table.frame[name]
    is_named = name == "column1" or name.strip().lower() in _ROW_NUMBER_NAMES
    is_first = name == table.frame.columns[0] and list(column.iloc[:2]) in ([0, 1], [1, 2])
    return (is_named or is_first) and is_even(column)


def names_things(name: str) -> bool:
    """Return True for the name of a column whose numbers are names, such as `STATIONS_ID`."""
    lowered = name.strip().lower()
    return lowered in ID_NAMES or bool(re.search(r"(^|[_ ])(id|no|nr|code|key)$", lowered))


def _is_time_too(table: Table, name: str, time: str) -> bool:
    """Return True for another column of times in numbers, such as the end of the period that starts at the time."""
    if table.frame[time].dtype.kind != "i" or table.frame[name].isna().any():
        return False
    reading = find_times(table.frame[name].to_numpy(np.float64), name)
    return reading is not None and reading.format != "integer" and reading.regularity >= MIN_REGULAR


def _find_targets(
    table: Table, kinds: dict[str, Kind], left_out: dict[str, str], time: str | None, id: str | None
) -> tuple[str, ...]:
    targets = [name for name in kinds if name not in (time, id, *left_out)]
    if not targets:
        raise DataError(
            f"{table.source}: no numeric column{describe_columns(table, kinds)}",
            hint="provide a column of plain numbers, without units",
        )
    if "y" in targets and (id or time == "ds"):
        return ("y",)
    if id and len(targets) > 1:
        raise UsageError(
            f"{table.source}: several columns could be the target: {', '.join(targets)}",
            hint=f"pass --target {quote_value(targets[0])}",
        )
    return tuple(targets)


def _refuse_two_roles(table: Table, named: dict[str, tuple[str | None, ...]]) -> None:
    first: dict[str, str] = {}
    for option, names in named.items():
        for name in names:
            if name is None:
                continue
            if name in first:
                both = option if option == first[name] else f"{first[name]} and {option}"
                raise UsageError(
                    f"{table.source}: column {name!r} is named twice, by {both}", hint=f"leave it out of {option}"
                )
            first[name] = option


def _suggest_target(kinds: dict[str, Kind], used: set[str | None]) -> str:
    numeric = [name for name, kind in kinds.items() if kind == "number" and name not in used]
    return f"pass --target {quote_value(numeric[0])}" if numeric else "provide a column of plain numbers, without units"
