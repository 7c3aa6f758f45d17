"""Frequencies, which number the timestamps at which a series can have a value: 0, 1, 2 ... from its start.

Inside the program time is an int64: microseconds since 1970 or, for integer time, the integer itself.
If the data has a time zone, steps of a day or longer count on its wall clock and shorter ones in UTC, so that a
clock change is neither a gap nor a duplicate. There are four kinds of frequency:

    integer    start + every * i                          steps without a calendar
    fixed      start + every * i, every in microseconds   seconds, minutes, hours, days, weeks on any weekday
    months     every calendar months, on the start's day or on the last day of the month; with `days`, the same days of
               each month, such as the 1st and the 15th
    business   the days of `weekmask` that are not `holidays`: business days, or trading days learned from the data;
               with `times`, the same times on each of them, such as every hour from 9:30 to 15:30
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forecaster.errors import DataError

Ints = npt.NDArray[np.int64]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
WEEK = 7 * DAY
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# The season and the default horizon of common frequencies; `defaults` derives those of the others.
_FIXED_DEFAULTS = {
    WEEK: (52, 13),
    DAY: (7, 14),
    HOUR: (24, 48),
    30 * MINUTE: (48, 48),
    MINUTE: (60, 60),
    SECOND: (60, 60),
}
_MAX_INTEGER = 4 * 10**18  # the sum of two such times is within int64
_FIRST_STAMP, _LAST_STAMP = -62_135_596_800 * SECOND, 253_402_300_799 * SECOND  # the years 1 to 9999
_MONTH_DEFAULTS = {1: (12, 12), 3: (4, 8), 12: (1, 6)}


@dataclass(frozen=True)
class Frequency:
    """The spacing of a panel's timestamps.

    Attributes:
        kind: the meaning of `every` (see the module's docstring).
        every: the size of a step: integers, microseconds or months; 1 for business days.
        month_end: for `months`: True if timestamps are the last day of their month.
        days: for `months`: the days of a month on which it has steps, ascending, 31 for the last one; none for one step
            each `every` months.
        weekmask: for `business`: seven characters from Monday, `1` for a working day.
        holidays: for `business`: days without trade that `weekmask` would allow, in days since 1970.
        times: for `business`: the times of day of the steps, in ascending microseconds; none for one step a day, at the
            time of the start.
    """

    kind: Literal["integer", "fixed", "months", "business"]
    every: int = 1
    month_end: bool = False
    weekmask: str = "1111100"
    holidays: tuple[int, ...] = field(default=(), repr=False)
    times: tuple[int, ...] = field(default=(), repr=False)
    days: tuple[int, ...] = ()

    @property
    def is_integer(self) -> bool:
        return self.kind == "integer"

    @property
    def name(self) -> str:
        """The pandas offset alias (`h`, `15min`, `W`, `ME`, `QS`, `B`), else `integer` or `trading`."""
        if self.kind == "integer":
            return "integer" if self.every == 1 else f"{self.every} integer"
        if self.kind == "business":
            return "B" if self.weekmask == "1111100" and not self.holidays and not self.times else "trading"
        if self.days:
            return {2: "SM", 3: "dekads"}.get(len(self.days), "days of months")
        if self.kind == "months":
            edge = "E" if self.month_end else "S"
            for months, letter in ((12, "Y"), (3, "Q")):
                if self.every % months == 0:
                    return f"{_prefix(self.every // months)}{letter}{edge}"
            return f"{_prefix(self.every)}M{edge}"
        for size, alias in (
            (WEEK, "W"),
            (DAY, "D"),
            (HOUR, "h"),
            (MINUTE, "min"),
            (SECOND, "s"),
            (1000, "ms"),
            (1, "us"),
        ):
            if self.every % size == 0:
                return f"{_prefix(self.every // size)}{alias}"
        raise AssertionError(self.every)

    def timestamps(self, start: Ints, index: Ints) -> Ints:
        """Return the timestamp of each step number.

        Args:
            start: the timestamp of step 0, in any shape that broadcasts with `index`.
            index: step numbers, which may be negative.

        Raises: DataError: a timestamp would lie after the year 9999, or an integer beyond int64.
        """
        start, index = np.asarray(start, np.int64), np.asarray(index, np.int64)
        self._check_reach(start, index)
        if self.kind in ("integer", "fixed"):
            return start + self.every * index
        day, time = _split_day(start)
        days: npt.NDArray[np.datetime64]
        if self.kind == "business":
            if self.times:
                index = index + self._find_time(day, time)
                index, number = np.divmod(index, len(self.times))
                time = np.array(self.times)[number]
            days = np.busday_offset(day, index, roll="forward", busdaycal=self._business_calendar())
        else:
            month = day.astype("datetime64[M]")
            if self.days:
                index, number = np.divmod(index + self._find_day(day), len(self.days))
                day = month.astype("datetime64[D]") + (np.array(self.days)[number] - 1)
            target = month + index * self.every
            last = (target + 1).astype("datetime64[D]") - 1
            same = target.astype("datetime64[D]") + (day - month.astype("datetime64[D]"))
            days = last if self.month_end else np.minimum(same, last)
        return days.astype("datetime64[us]").astype(np.int64) + time

    def index(self, start: Ints, timestamps: Ints) -> Ints:
        """Return the step number of each timestamp, counted from `start`; the inverse of `timestamps`.

        A timestamp that is not on the grid gets the number of the step before it, so
        `frequency.timestamps(start, frequency.index(start, t)) == t` is True exactly for timestamps on the grid.
        """
        start, timestamps = np.asarray(start, np.int64), np.asarray(timestamps, np.int64)
        if self.kind in ("integer", "fixed"):
            return (timestamps - start) // self.every
        first, first_time = _split_day(start)
        day, time = _split_day(timestamps)
        if self.kind == "business":
            step: Ints = np.busday_count(first, day, busdaycal=self._business_calendar()).astype(np.int64)
            if self.times:
                step = step * len(self.times) + self._find_time(day, time) - self._find_time(first, first_time)
        else:
            step = (day.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(np.int64) // self.every
            if self.days:
                step = step * len(self.days) + self._find_day(day) - self._find_day(first)
        is_later = self.timestamps(start, step) > timestamps
        return step - is_later

    def defaults(self) -> tuple[int, int]:
        """Return the default season and horizon in steps; integer time has season 1."""
        if self.kind == "integer":
            return 1, 8
        if self.kind == "business":
            working = self.weekmask.count("1")
            return (len(self.times), max(len(self.times), 8)) if self.times else (working, 2 * working)
        if self.days:
            return 12 * len(self.days), 6 * len(self.days)
        if self.kind == "months":
            if self.every in _MONTH_DEFAULTS:
                return _MONTH_DEFAULTS[self.every]
            season = 12 // self.every if 12 % self.every == 0 else 1
            return season, max(season, 6)
        if self.every in _FIXED_DEFAULTS:
            return _FIXED_DEFAULTS[self.every]
        for period, longest in ((WEEK, 7), (DAY, 288), (HOUR, 60), (MINUTE, 60), (364 * DAY, 52)):
            if self.every < period and period % self.every == 0 and period // self.every <= longest:
                season = period // self.every
                return season, max(season, 8)
        return 1, 8

    @property
    def is_wall_clock(self) -> bool:
        """True if steps count on the wall clock of the time zone (a day or longer), False if they count in UTC."""
        return self.kind != "fixed" or self.every >= DAY

    def format(self, timestamps: Ints, zone: str | None = None) -> npt.NDArray[np.object_]:
        """Format timestamps as ISO 8601 text, without the time of day if all are midnight; integers stay integers.

        Equal timestamps share one text, so many series with the same times need little more memory than one.

        Args:
            timestamps: [T] microseconds or integers (see the module's docstring).
            zone: `+02:00`, `UTC`, a name such as `Europe/Paris`, or None; the text ends with its offset.
        """
        if self.is_integer:
            return timestamps.astype(object)
        distinct, inverse = np.unique(timestamps, return_inverse=True)
        return self._format_distinct(distinct, zone)[inverse]

    def _format_distinct(self, timestamps: Ints, zone: str | None) -> npt.NDArray[np.object_]:
        stamps = timestamps.astype("datetime64[us]")
        if zone is not None:
            import pandas as pd

            index = pd.DatetimeIndex(stamps)
            if self.is_wall_clock:
                zoned = index.tz_localize(zone, ambiguous=np.zeros(len(index), bool), nonexistent="shift_forward")
            else:
                zoned = index.tz_localize("UTC").tz_convert(zone)
            return np.array([stamp.isoformat() for stamp in zoned], object)
        if self.is_wall_clock and not (timestamps % DAY).any():
            return np.datetime_as_string(stamps, unit="D").astype(object)
        unit: Literal["s", "us"] = "us" if (timestamps % SECOND).any() else "s"
        return np.datetime_as_string(stamps, unit=unit).astype(object)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "kind": self.kind,
            "every": self.every,
            "month_end": self.month_end,
            "weekmask": self.weekmask,
            "holidays": list(self.holidays),
            **({"times": list(self.times)} if self.times else {}),
            **({"days": list(self.days)} if self.days else {}),
        }

    def _check_reach(self, start: Ints, index: Ints) -> None:
        if not start.size or not index.size:
            return
        step = self.every * {"months": 31 * DAY, "business": WEEK // max(len(self.times), 1)}.get(self.kind, 1)
        first, last = int(start.min()) + step * int(index.min()), int(start.max()) + step * int(index.max())
        low, high = (-_MAX_INTEGER, _MAX_INTEGER) if self.is_integer else (_FIRST_STAMP, _LAST_STAMP)
        if first < low or last > high:
            place = "the range of whole numbers" if self.is_integer else "the years 1 to 9999"
            raise DataError(
                f"steps of {self.name} would leave {place}", hint="pass a shorter --horizon, or another --freq"
            )

    def _find_time(self, day: npt.NDArray[np.datetime64], time: Ints) -> Ints:
        """Return the number of the last of `times` up to a time of day; -1 if there is none, or no trade on the day."""
        number = np.searchsorted(np.array(self.times), time, side="right") - 1
        is_open = np.is_busday(day, busdaycal=self._business_calendar())
        return np.where(is_open, number, -1).astype(np.int64)

    def _find_day(self, day: npt.NDArray[np.datetime64]) -> Ints:
        """Return the number of the last of `days` up to a day of a month, -1 before the first."""
        month = day.astype("datetime64[M]")
        number = (day - month.astype("datetime64[D]")).astype(np.int64) + 1
        is_last = (day + 1).astype("datetime64[M]") != month
        return np.searchsorted(np.array(self.days), np.where(is_last, 31, number), side="right").astype(np.int64) - 1

    def _business_calendar(self) -> np.busdaycalendar:
        return np.busdaycalendar(self.weekmask, np.array(self.holidays, "datetime64[D]"))


def _prefix(count: int) -> str:
    return "" if count == 1 else str(count)


def _split_day(timestamps: Ints) -> tuple[npt.NDArray[np.datetime64], Ints]:
    day = timestamps.astype("datetime64[us]").astype("datetime64[D]")
    return day, timestamps - day.astype("datetime64[us]").astype(np.int64)
