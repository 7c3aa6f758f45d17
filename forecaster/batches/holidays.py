"""Features of public holidays, which the optional package `holidays` knows for any past or future year."""

import importlib
from typing import Any

import numpy as np

from forecaster.batches.calendar_features import stack_columns, to_wall_clock
from forecaster.errors import DataError, DependencyError, UsageError, did_you_mean
from forecaster.frequency import DAY, Frequency, Ints
from forecaster.panel import Floats

_SATURATING_COUNT = 4  # the number of holidays in a week, month or year from which the feature is 1


def feature_names(frequency: Frequency) -> tuple[str, ...]:
    """List the names of the features of holidays that fit a frequency."""
    return ("is_holiday", "before_holiday", "after_holiday") if _is_daily_or_finer(frequency) else ("holidays",)


def compute_features(country: str, frequency: Frequency, stamps: Ints, zone: str | None = None) -> Floats:
    """Compute whether each day is, precedes or follows a holiday, or for longer steps how many holidays they have.

    Args:
        country: a code such as `DE`, or with a state `DE-BY`.
        stamps: [...] timestamps.
        zone: time zone of the panel that the stamps are from.

    Returns: [..., 3] of 0 and 1; for steps of more than a day [..., 1], a quarter for each holiday and at most 1. The
        days of a step start at its stamp, and end before the next one; those of a month end start after the last one.
    Raises: as `check_country`; DataError: time is in integers, without a calendar.
    """
    if frequency.is_integer:
        raise DataError(f"time is in integers, so --holidays {country} cannot be used", hint="leave --holidays out")
    local = to_wall_clock(frequency, np.asarray(stamps, np.int64), zone)
    if not local.size:
        return np.empty((*local.shape, len(feature_names(frequency))), np.float32)
    if _is_daily_or_finer(frequency):
        unique, inverse = np.unique(local // DAY, return_inverse=True)
        days = _find_days(country, int(unique[0]) - 1, int(unique[-1]) + 1)
        columns = [np.isin(unique + shift, days).astype(np.float32)[inverse] for shift in (0, 1, -1)]
        return stack_columns([column.reshape(local.shape) for column in columns], local.shape)
    first = frequency.timestamps(local, np.array(-1)) // DAY + 1 if frequency.month_end else local // DAY
    after = local // DAY + 1 if frequency.month_end else frequency.timestamps(local, np.array(1)) // DAY
    days = _find_days(country, int(first.min()), int(after.max()))
    count = np.searchsorted(days, after) - np.searchsorted(days, first)
    return stack_columns([np.minimum(count, _SATURATING_COUNT) / _SATURATING_COUNT], local.shape)


def check_country(country: str) -> None:
    """Check that the package `holidays` has a calendar of a country, and of its state where one is named.

    Raises: DependencyError: the package is not installed; UsageError: it has no such country or state.
    """
    package = _package()
    code, state = _split(country)
    states_of: dict[str, list[str]] = package.list_supported_countries()
    if code not in states_of:
        raise UsageError(
            f"--holidays: no calendar of {code!r}{did_you_mean(code, states_of)}",
            hint="pass a country's code, such as DE",
        )
    if state and state not in states_of[code]:
        states = ", ".join(states_of[code]) or "none"
        raise UsageError(f"--holidays: no part {state!r} of {code}", hint=f"pass {code}; its parts are: {states[:300]}")


def _find_days(country: str, first: int, last: int) -> Ints:
    """List the holidays as days since 1970, ascending; every year from that of `first` to that of `last` is complete.

    Args:
        first, last: days since 1970.
    """
    check_country(country)
    code, state = _split(country)
    low, high = (int(np.datetime64(day, "D").astype("datetime64[Y]").astype(np.int64)) + 1970 for day in (first, last))
    dates = _package().country_holidays(code, subdiv=state or None, years=range(low - 1, high + 2))
    return np.sort(np.array(list(dates), "datetime64[D]").astype(np.int64))


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


def _is_daily_or_finer(frequency: Frequency) -> bool:
    return frequency.kind == "business" or (frequency.kind == "fixed" and frequency.every <= DAY)
