"""Clocks that go forward in spring and back in autumn: local times read in a time zone."""

import numpy as np
import pandas as pd

from forecaster.errors import DataError
from forecaster.frequency import HOUR, Ints

# One zone for each rule by which clocks change, the most populous ones first.
_RULES = (
    *("Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "Australia/Sydney", "Pacific/Auckland"),
    *("America/Santiago", "Africa/Cairo", "Asia/Jerusalem"),
)


def to_utc(stamps: Ints, codes: Ints, zone: str, source: str) -> Ints:
    """Return the moments of local times, in microseconds of UTC.

    Of two rows of a series for the same hour of autumn, the first is before the change, and the second after it. A
    table that runs backwards has them the other way round.

    Args:
        stamps: [R] microseconds since 1970 on the clocks of the zone, in the order of the table.
        codes: [R] number of the series of each row.
        zone: the time zone.
        source: names the table in errors.

    Raises: DataError: a time was left out by the clocks in spring; names the first.
    """
    is_backwards = len(stamps) > 1 and stamps[0] > stamps[-1]
    rows = pd.DataFrame({"code": codes, "stamp": stamps})
    occurrence = rows.groupby(["code", "stamp"]).cumcount(ascending=not is_backwards).to_numpy()
    local = pd.DatetimeIndex(stamps.astype("datetime64[us]"))
    zoned = local.tz_localize(zone, ambiguous=occurrence % 2 == 0, nonexistent="NaT")
    if zoned.hasnans:
        row = int(np.flatnonzero(zoned.isna())[0])
        raise DataError(
            f"{source}: the clocks of {zone} never showed {local[row].isoformat()}: they went forward",
            hint="pass --zone with the time zone of the table, or leave it out",
        )
    utc = zoned.tz_convert("UTC").tz_localize(None)
    return np.asarray(utc.to_numpy().astype("datetime64[us]").astype(np.int64))


def days_to_utc(days: Ints, zone: str) -> Ints:
    """Return the moments at which days begin in a zone.

    Args:
        days: [R] midnights, in microseconds since 1970.
        zone: the time zone.
    """
    local = pd.DatetimeIndex(days.astype("datetime64[us]"))
    zoned = local.tz_localize(zone, ambiguous=np.ones(len(local), bool), nonexistent="shift_forward")
    utc = zoned.tz_convert("UTC").tz_localize(None)
    return np.asarray(utc.to_numpy().astype("datetime64[us]").astype(np.int64))


def find_zone_of_repeats(stamps: Ints) -> str | None:
    """Return a zone whose clocks showed each of the given times twice; None if there is none.

    Args:
        stamps: the local times that a table has twice, in microseconds since 1970.
    """
    local = pd.DatetimeIndex(np.unique(stamps).astype("datetime64[us]"))
    return next((zone for zone in _RULES if _are_ambiguous(local, zone)), None)


def find_zone_of_long_days(days: Ints) -> str | None:
    """Return a zone in which each of the given days has 25 hours; None if there is none.

    Args:
        days: the midnights of the days, in microseconds since 1970.
    """
    days = np.unique(days)
    return next(
        (zone for zone in _RULES if (days_to_utc(days + 24 * HOUR, zone) - days_to_utc(days, zone) > 24 * HOUR).all()),
        None,
    )


def _are_ambiguous(local: pd.DatetimeIndex, zone: str) -> bool:
    return bool(local.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna().all())
