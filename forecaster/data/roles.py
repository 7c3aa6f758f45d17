"""The roles of columns: the time, the id, the targets, the covariates, and the columns that are left out."""

import shlex
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecaster.config import DataConfig
from forecaster.data.number_formats import numeric_share
from forecaster.data.table import Table
from forecaster.data.times import HINT_WITHOUT_TIME, is_time
from forecaster.errors import DataError, UsageError, did_you_mean

Shape = Literal["single", "wide", "long"]
Kind = Literal["number", "flag", "time", "text", "empty"]

TIME_NAMES = ("ds", "time", "date", "datetime", "timestamp")
STEP_NAMES = (*TIME_NAMES, "t", "step", "index", "period", "epoch", "year")
CALENDAR_NAMES = ("year", "quarter", "month", "week", "weekday", "dayofweek", "dayofyear", "day", "hour", "minute")
ID_NAMES = (
    *("unique_id", "series_id", "series", "id", "item_id", "item", "sku", "product_id", "product", "symbol", "ticker"),
    *("store_id", "store", "station_id", "station", "sensor_id", "sensor", "meter_id", "meter", "region", "country"),
    *("city", "customer", "group", "key", "name"),
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
    kinds = {name: find_kind(table.frame[name], table.decimal) for name in table.frame.columns}
    covariates = {"--past": config.past, "--known": config.known, "--static": config.static}
    named = {"--id": (config.id,), "--target": config.target or (), **covariates}
    for option, names in named.items():
        for name in names:
            _check_column(table, option, name)
    _refuse_two_roles(table, {"--time": (config.time,), **named})
    used = {*config.past, *config.known, *config.static}
    kinds = {name: kind for name, kind in kinds.items() if name not in used}
    time = _find_time(table, kinds, config)
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
            hint=f"pass --target {shlex.quote(targets[0])}",
        )
    for name in kinds:
        if name not in {time, id, *targets}:
            left_out.setdefault(name, "not a target")
    shape: Shape = "long" if id else "wide" if len(targets) > 1 else "single"
    return Roles(shape, time, id, tuple(targets), left_out, config.past, config.known, config.static)


def find_kind(column: pd.Series, decimal: str) -> Kind:
    """Return the kind of a column; text counts as numbers if at least half of its rows are numbers."""
    if column.isna().all():
        return "empty"
    if isinstance(column.dtype, pd.CategoricalDtype):
        if numeric_share(column, decimal) >= 0.5:
            return "number"
        return "time" if is_time(column) else "text"
    if is_time(column):
        return "time"
    return "flag" if column.dtype.kind == "b" else "number"


def _find_time(table: Table, kinds: dict[str, Kind], config: DataConfig) -> str | None:
    if config.time == "none" and "none" not in kinds:
        return None
    if config.time:
        _check_column(table, "--time", config.time)
        return config.time
    dated = [name for name, kind in kinds.items() if kind == "time" and name != config.id]
    candidates = dated or _find_steps(table, kinds, config)
    if not candidates:
        raise DataError(
            f"{table.source}: no column contains times{_describe_columns(table, kinds)}", hint=HINT_WITHOUT_TIME
        )
    named = [name for name in candidates if name.lower() == "ds"]
    named = named or [name for name in candidates if name.lower() in TIME_NAMES]
    if len(candidates) == 1 or len(named) == 1:
        return (named or candidates)[0]
    raise UsageError(
        f"{table.source}: several columns could be the time: {', '.join(candidates)}",
        hint=f"pass --time {shlex.quote(candidates[0])}",
    )


def _find_steps(table: Table, kinds: dict[str, Kind], config: DataConfig) -> list[str]:
    """List the integer columns that could count steps: by name, else the first column if its steps are equal."""
    used = {config.id, *(config.target or ())}
    integers = [name for name in kinds if table.frame[name].dtype.kind == "i" and name not in used]
    for names in (STEP_NAMES, CALENDAR_NAMES):
        named = [name for name in integers if name.lower() in names]
        if named:
            return named
    first = table.frame.columns[0]
    others = [name for name, kind in kinds.items() if kind == "number" and name != first]
    return [first] if first in integers and others and _is_even(table.frame[first]) else []


def _is_even(column: pd.Series) -> bool:
    steps = np.diff(column.to_numpy())
    return len(steps) > 0 and steps[0] != 0 and bool((steps == steps[0]).all())


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
        is_float = frame[name].dtype.kind == "f"
        if name in used or kind not in rank or is_float or name.lower() in CALENDAR_NAMES:
            continue
        is_named = kind != "flag" and name.lower() in ID_NAMES
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
    if len(best) > 1:
        raise UsageError(
            f"{table.source}: several columns could name the series: {', '.join(best)}",
            hint=f"pass --id {shlex.quote(best[0])}",
        )
    return best[0] if best else None


def _leave_out(table: Table, kinds: dict[str, Kind], time: str | None, id: str | None) -> dict[str, str]:
    reasons = {"text": "text", "time": "times", "flag": "true or false", "empty": "no values"}
    left_out = {name: reasons[kind] for name, kind in kinds.items() if kind in reasons and name not in (time, id)}
    for name in kinds:
        column = table.frame[name]
        if name in (time, id) or name in left_out or column.dtype.kind != "i":
            continue
        if name.lower() in CALENDAR_NAMES:
            left_out[name] = "a part of the time"
        elif name == table.frame.columns[0] == "column1" and time and _is_even(column):
            left_out[name] = "row numbers"
    return left_out


def _find_targets(
    table: Table, kinds: dict[str, Kind], left_out: dict[str, str], time: str | None, id: str | None
) -> tuple[str, ...]:
    targets = [name for name in kinds if name not in (time, id, *left_out)]
    if not targets:
        raise DataError(
            f"{table.source}: no numeric column{_describe_columns(table, kinds)}",
            hint="provide a column of plain numbers, without units",
        )
    if "y" in targets and (id or time == "ds"):
        return ("y",)
    if id and len(targets) > 1:
        raise UsageError(
            f"{table.source}: several columns could be the target: {', '.join(targets)}",
            hint=f"pass --target {shlex.quote(targets[0])}",
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


def _check_column(table: Table, option: str, name: str | None) -> None:
    columns = list(table.frame.columns)
    if name is not None and name not in columns:
        raise UsageError(
            f"{table.source}: {option}: no column {name!r}{did_you_mean(name, columns)}",
            hint=f"columns are {', '.join(columns[:20])}{' ...' if len(columns) > 20 else ''}",
        )


def _describe_columns(table: Table, kinds: dict[str, Kind]) -> str:
    """Describe the first column that is not numeric, else list the columns; for the end of an error."""
    for name, kind in kinds.items():
        if kind == "text":
            return f"; {name!r} contains text such as {str(table.frame[name].dropna().iloc[0])[:40]!r}"
        if kind == "empty":
            return f"; {name!r} contains no values"
    return f"; columns are {', '.join(kinds)[:200]}"


def _suggest_target(kinds: dict[str, Kind], used: set[str | None]) -> str:
    numeric = [name for name, kind in kinds.items() if kind == "number" and name not in used]
    return f"pass --target {shlex.quote(numeric[0])}" if numeric else "provide a column of plain numbers, without units"
