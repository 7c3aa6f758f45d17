"""Features of the calendar: the place of a timestamp in its minute, hour, day, week and year.

They are known for any time, past or future, and lie in [-1, 1]. A cycle that runs on is a pair of sine and cosine, so
that 23:59 is close to 00:00; weekdays, months and quarters are a 0 or 1 each.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.frequency import DAY, HOUR, MINUTE, WEEK, Frequency, Ints
from forecaster.panel import Floats

_HARMONICS = {"second_of_minute": 1, "minute_of_hour": 1, "hour_of_day": 2, "day_of_year": 2}
_MONDAY_OFFSET = 3  # 1970-01-01 was a Thursday
_HALF_YEAR = 182 * DAY


def feature_names(frequency: Frequency) -> tuple[str, ...]:
    """List the names of the features of the calendar that can vary within a season of the frequency."""
    names: list[str] = []
    for cycle in _cycles(frequency):
        if cycle in _HARMONICS:
            waves = range(1, _HARMONICS[cycle] + 1)
            names += [f"{cycle}_{shape}{wave}" for wave in waves for shape in ("sin", "cos")]
        else:
            names += [f"{cycle}_{member + 1}" for member in _members(frequency, cycle)]
    return tuple(names)


def compute_features(frequency: Frequency, stamps: Ints, zone: str | None = None) -> Floats:
    """Compute the features of the calendar in local time.

    Args:
        stamps: [...] timestamps (see `forecaster.frequency`).
        zone: time zone of the panel that the stamps are from.

    Returns: [..., K] in the order of `feature_names`.
    """
    local = to_wall_clock(frequency, np.asarray(stamps, np.int64), zone)
    columns: list[npt.NDArray[np.floating[Any]]] = []
    for cycle in _cycles(frequency):
        position = _position(cycle, local)
        if cycle in _HARMONICS:
            for wave in range(1, _HARMONICS[cycle] + 1):
                angle = 2 * np.pi * wave * position
                columns += [np.sin(angle), np.cos(angle)]
        else:
            columns += [(position == member).astype(np.float32) for member in _members(frequency, cycle)]
    return stack_columns(columns, local.shape)


def to_wall_clock(frequency: Frequency, stamps: Ints, zone: str | None) -> Ints:
    """Convert timestamps [...] to the local time of their zone; those without a zone are local already."""
    if zone is None or frequency.is_wall_clock:
        return stamps
    local = pd.DatetimeIndex(stamps.ravel().astype("datetime64[us]")).tz_localize("UTC").tz_convert(zone)
    wall: Ints = local.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64).reshape(stamps.shape)
    return wall


def stack_columns(columns: list[npt.NDArray[np.floating[Any]]], shape: tuple[int, ...]) -> Floats:
    """Stack K columns of one shape [...] into a table [..., K] of float32."""
    table = np.empty((*shape, len(columns)), np.float32)
    for number, column in enumerate(columns):
        table[..., number] = column
    return table


def _cycles(frequency: Frequency) -> list[str]:
    if frequency.kind == "integer":
        return []
    if frequency.kind == "months":
        return [] if frequency.every % 12 == 0 else ["quarter"] if frequency.every == 3 else ["month"]
    if frequency.kind == "business":
        return ["hour_of_day"] * bool(frequency.times) + ["weekday", "day_of_year"]
    every = frequency.every
    parts = {MINUTE: "second_of_minute", HOUR: "minute_of_hour", DAY: "hour_of_day"}
    cycles = [cycle for period, cycle in parts.items() if every % period]
    return cycles + ["weekday"] * (every < WEEK) + ["day_of_year"] * (every < _HALF_YEAR)


def _members(frequency: Frequency, cycle: str) -> list[int]:
    if cycle == "weekday":
        is_business = frequency.kind == "business"
        return [day for day in range(7) if not is_business or frequency.weekmask[day] == "1"]
    return list(range(4 if cycle == "quarter" else 12))


def _position(cycle: str, local: Ints) -> npt.NDArray[Any]:
    """Compute the position of each stamp in a cycle: a share of it, or the number of its weekday, month or quarter."""
    match cycle:
        case "second_of_minute":
            return local % MINUTE / MINUTE
        case "minute_of_hour":
            return local % HOUR / HOUR
        case "hour_of_day":
            return local % DAY / DAY
        case "weekday":
            return (local // DAY + _MONDAY_OFFSET) % 7
    unique, inverse = np.unique(local // DAY, return_inverse=True)
    day = unique.astype("datetime64[D]")
    year, month = day.astype("datetime64[Y]"), day.astype("datetime64[M]")
    number: npt.NDArray[Any] = (month - year.astype("datetime64[M]")).astype(np.int64)
    if cycle == "quarter":
        number = number // 3
    if cycle == "day_of_year":
        begin, end = year.astype("datetime64[D]"), (year + 1).astype("datetime64[D]")
        number = (day - begin) / (end - begin)
    return number[inverse].reshape(local.shape)
