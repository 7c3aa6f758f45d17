"""What is known of any time, past or future: where it lies in the hour, day, week and year, and the holidays near it.

All features lie in [-1, 1]. Cyclic ones are pairs of sine and cosine, so that 23:59 lies beside 00:00.
"""

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.errors import DataError, DependencyError, UsageError, near_miss
from forecaster.frequency import DAY, HOUR, MINUTE, WEEK, Frequency, Ints
from forecaster.panel import Floats

_HARMONICS = {"second_of_minute": 1, "minute_of_hour": 1, "hour_of_day": 2, "day_of_year": 2}
_MONDAY_OFFSET = 3  # 1970-01-01 was a Thursday
_HALF_YEAR = 182 * DAY
_MANY_HOLIDAYS = 4  # of a week, month or year; so many and more are 1


def names(frequency: Frequency) -> tuple[str, ...]:
    """Name the features of `calendar`: only what can vary within a season of the frequency."""
    found: list[str] = []
    for cycle in _cycles(frequency):
        if cycle in _HARMONICS:
            waves = range(1, _HARMONICS[cycle] + 1)
            found += [f"{cycle}_{shape}{wave}" for wave in waves for shape in ("sin", "cos")]
        else:
            found += [f"{cycle}_{member + 1}" for member in _members(frequency, cycle)]
    return tuple(found)


def calendar(frequency: Frequency, stamps: Ints, zone: str | None = None) -> Floats:
    """Compute the features of the calendar on the clock of the zone's wall.

    Args:
        stamps: [...] timestamps (see `forecaster.frequency`).
        zone: of the panel that the stamps are from.

    Returns: [..., K] as `names` names them.
    """
    local = _to_wall_clock(frequency, np.asarray(stamps, np.int64), zone)
    columns: list[npt.NDArray[np.floating[Any]]] = []
    for cycle in _cycles(frequency):
        position = _position(cycle, local)
        if cycle in _HARMONICS:
            for wave in range(1, _HARMONICS[cycle] + 1):
                angle = 2 * np.pi * wave * position
                columns += [np.sin(angle), np.cos(angle)]
        else:
            columns += [(position == member).astype(np.float32) for member in _members(frequency, cycle)]
    return _stack(columns, local.shape)


def holiday_names(frequency: Frequency) -> tuple[str, ...]:
    """Name the features of `holidays`."""
    return ("is_holiday", "before_holiday", "after_holiday") if _is_daily_or_finer(frequency) else ("holidays",)


def holidays(country: str, frequency: Frequency, stamps: Ints, zone: str | None = None) -> Floats:
    """Tell whether each stamp's day is a holiday, the day before or the day after one; or how many its step has.

    Args:
        country: a code such as `DE`, or with a state `DE-BY`.
        stamps: [...] timestamps, and the zone of the panel that they are from.

    Returns: [..., 3]; [..., 1] for steps of more than a day: a quarter a holiday, four and more being 1. The days of a
        step are those from its stamp to the next, or for month ends those since the last.
    Raises: as `check_country`; DataError: time has no calendar.
    """
    if frequency.is_integer:
        raise DataError(f"time is in integers, which --holidays {country} does not fit", hint="leave --holidays out")
    local = _to_wall_clock(frequency, np.asarray(stamps, np.int64), zone)
    if not local.size:
        return np.empty((*local.shape, len(holiday_names(frequency))), np.float32)
    if _is_daily_or_finer(frequency):
        unique, inverse = np.unique(local // DAY, return_inverse=True)
        days = _find_days(country, int(unique[0]) - 1, int(unique[-1]) + 1)
        columns = [np.isin(unique + shift, days).astype(np.float32)[inverse] for shift in (0, 1, -1)]
        return _stack([column.reshape(local.shape) for column in columns], local.shape)
    first = frequency.timestamps(local, np.array(-1)) // DAY + 1 if frequency.month_end else local // DAY
    after = local // DAY + 1 if frequency.month_end else frequency.timestamps(local, np.array(1)) // DAY
    days = _find_days(country, int(first.min()), int(after.max()))
    count = np.searchsorted(days, after) - np.searchsorted(days, first)
    return _stack([np.minimum(count, _MANY_HOLIDAYS) / _MANY_HOLIDAYS], local.shape)


def check_country(country: str) -> None:
    """Make sure that there is a calendar for a country.

    Raises: DependencyError: the package is not installed; UsageError: it knows no such country or state.
    """
    package = _package()
    code, state = _split(country)
    known: dict[str, list[str]] = package.list_supported_countries()
    if code not in known:
        raise UsageError(
            f"--holidays: no calendar of {code!r}{near_miss(code, known)}", hint="pass a country's code, such as DE"
        )
    if state and state not in known[code]:
        states = ", ".join(known[code]) or "none"
        raise UsageError(f"--holidays: no part {state!r} of {code}", hint=f"pass {code}; its parts are: {states[:300]}")


def _find_days(country: str, first: int, last: int) -> Ints:
    """Days since 1970 that are holidays, ascending; every year from that of `first` to that of `last` is complete."""
    check_country(country)
    code, state = _split(country)
    low, high = (int(np.datetime64(day, "D").astype("datetime64[Y]").astype(np.int64)) + 1970 for day in (first, last))
    found = _package().country_holidays(code, subdiv=state or None, years=range(low - 1, high + 2))
    return np.sort(np.array(list(found), "datetime64[D]").astype(np.int64))


def _split(country: str) -> tuple[str, str]:
    code, _, state = country.partition("-")
    return code.upper(), state


def _package() -> Any:
    try:
        return importlib.import_module("holidays")
    except ImportError as error:
        raise DependencyError(
            "--holidays: the package `holidays` is not installed", hint="type `pip install holidays`"
        ) from error


def _cycles(frequency: Frequency) -> list[str]:
    if frequency.kind == "integer":
        return []
    if frequency.kind == "months":
        return [] if frequency.every % 12 == 0 else ["quarter"] if frequency.every == 3 else ["month"]
    if frequency.kind == "business":
        return ["weekday", "day_of_year"]
    every = frequency.every
    parts = {MINUTE: "second_of_minute", HOUR: "minute_of_hour", DAY: "hour_of_day"}
    found = [cycle for period, cycle in parts.items() if every % period]
    return found + ["weekday"] * (every < WEEK) + ["day_of_year"] * (every < _HALF_YEAR)


def _members(frequency: Frequency, cycle: str) -> list[int]:
    if cycle == "weekday":
        is_business = frequency.kind == "business"
        return [day for day in range(7) if not is_business or frequency.weekmask[day] == "1"]
    return list(range(4 if cycle == "quarter" else 12))


def _position(cycle: str, local: Ints) -> npt.NDArray[Any]:
    """Where each stamp lies in a cycle: a share of it, or for weekday, month and quarter its number from 0."""
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


def _to_wall_clock(frequency: Frequency, stamps: Ints, zone: str | None) -> Ints:
    if zone is None or frequency.is_wall_clock:
        return stamps
    local = pd.DatetimeIndex(stamps.ravel().astype("datetime64[us]")).tz_localize("UTC").tz_convert(zone)
    wall: Ints = local.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64).reshape(stamps.shape)
    return wall


def _is_daily_or_finer(frequency: Frequency) -> bool:
    return frequency.kind == "business" or (frequency.kind == "fixed" and frequency.every <= DAY)


def _stack(columns: list[npt.NDArray[np.floating[Any]]], shape: tuple[int, ...]) -> Floats:
    table = np.empty((*shape, len(columns)), np.float32)
    for number, column in enumerate(columns):
        table[..., number] = column
    return table
