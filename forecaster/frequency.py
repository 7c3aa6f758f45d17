"""A frequency numbers the timestamps at which a series can have a value: 0, 1, 2 ... from its start.

Time is an int64 everywhere below the edges: microseconds since 1970, or, for integer time, the integer itself.
Where the data has a time zone, steps of a day or longer count on its wall clock and shorter ones in UTC, so that a
clock change is neither a gap nor a duplicate. Four kinds cover what tables hold:

    integer    start + every * i                          steps without a calendar
    fixed      start + every * i, every in microseconds   seconds, minutes, hours, days, weeks on any weekday
    months     every calendar months, on the start's day or on the last day of the month
    business   the days of `weekmask` that are not `holidays`: business days, or trading days learnt from the data
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
WEEK = 7 * DAY
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# season length and default horizon where the frequency alone decides; others follow by analogy in `defaults`
_FIXED_DEFAULTS = {
    WEEK: (52, 13),
    DAY: (7, 14),
    HOUR: (24, 48),
    30 * MINUTE: (48, 48),
    MINUTE: (60, 60),
    SECOND: (60, 60),
}
_MONTH_DEFAULTS = {1: (12, 12), 3: (4, 8), 12: (1, 6)}


@dataclass(frozen=True)
class Frequency:
    """The spacing of a panel's timestamps.

    Attributes:
        kind: how `every` is read (see the module's docstring).
        every: steps of integer time, microseconds, or months; 1 for business days.
        month_end: for `months`: stamps lie on the last day of their month.
        weekmask: for `business`: seven characters from Monday, `1` for a working day.
        holidays: for `business`: days since 1970 that the weekmask would allow but the calendar does not.
    """

    kind: Literal["integer", "fixed", "months", "business"]
    every: int = 1
    month_end: bool = False
    weekmask: str = "1111100"
    holidays: tuple[int, ...] = field(default=(), repr=False)

    @property
    def is_integer(self) -> bool:
        return self.kind == "integer"

    @property
    def name(self) -> str:
        """The pandas offset alias (`h`, `15min`, `W`, `ME`, `QS`, `B`), else `integer` or `trading`."""
        if self.kind == "integer":
            return "integer" if self.every == 1 else f"{self.every} integer"
        if self.kind == "business":
            return "B" if self.weekmask == "1111100" and not self.holidays else "trading"
        if self.kind == "months":
            edge = "E" if self.month_end else "S"
            for months, letter in ((12, "Y"), (3, "Q")):
                if self.every % months == 0:
                    return f"{_times(self.every // months)}{letter}{edge}"
            return f"{_times(self.every)}M{edge}"
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
                return f"{_times(self.every // size)}{alias}"
        raise AssertionError(self.every)

    def timestamps(self, start: Ints, index: Ints) -> Ints:
        """Give the timestamp of each numbered step.

        Args:
            start: the timestamps numbered 0, any shape that broadcasts with `index`.
            index: step numbers, negative ones allowed.
        """
        start, index = np.asarray(start, np.int64), np.asarray(index, np.int64)
        if self.kind in ("integer", "fixed"):
            return start + self.every * index
        day, time = _split_day(start)
        moved: npt.NDArray[np.datetime64]
        if self.kind == "business":
            moved = np.busday_offset(day, index, roll="forward", busdaycal=self._business_calendar())
        else:
            month = day.astype("datetime64[M]")
            target = month + index * self.every
            last = (target + 1).astype("datetime64[D]") - 1
            same = target.astype("datetime64[D]") + (day - month.astype("datetime64[D]"))
            moved = last if self.month_end else np.minimum(same, last)
        return moved.astype("datetime64[us]").astype(np.int64) + time

    def index(self, start: Ints, timestamps: Ints) -> Ints:
        """Number timestamps from `start`: the inverse of `timestamps` where they lie on the grid.

        A timestamp off the grid gets the number of the step at or before it, so
        `frequency.timestamps(start, frequency.index(start, t)) == t` tells whether `t` is on the grid.
        """
        start, timestamps = np.asarray(start, np.int64), np.asarray(timestamps, np.int64)
        if self.kind in ("integer", "fixed"):
            return (timestamps - start) // self.every
        first, _ = _split_day(start)
        day, _ = _split_day(timestamps)
        if self.kind == "business":
            step: Ints = np.busday_count(first, day, busdaycal=self._business_calendar()).astype(np.int64)
        else:
            step = (day.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(np.int64) // self.every
        is_later = self.timestamps(start, step) > timestamps
        return step - is_later

    def defaults(self) -> tuple[int, int]:
        """Season length and horizon, in steps, when the user gives neither (integer time: no season is known)."""
        if self.kind == "integer":
            return 1, 8
        if self.kind == "business":
            working = self.weekmask.count("1")
            return working, 2 * working
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
        """Whether timestamps of data with a zone count on its wall clock (steps of a day or longer) or in UTC."""
        return self.kind != "fixed" or self.every >= DAY

    def format(self, timestamps: Ints, zone: str | None = None) -> npt.NDArray[np.object_]:
        """Write timestamps as ISO 8601 text: a date alone when all are midnight, the zone kept; integers stay so.

        Equal timestamps become one text, so many series of one time take little more than one.

        Args:
            timestamps: [T] as this module counts them.
            zone: `+02:00`, `UTC`, a name such as `Europe/Paris`, or None.
        """
        if self.is_integer:
            return timestamps.astype(object)
        distinct, place = np.unique(timestamps, return_inverse=True)
        return self._format_distinct(distinct, zone)[place]

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
        """Plain values for a manifest; `Frequency(**d)` after `holidays` is made a tuple restores it."""
        return {
            "kind": self.kind,
            "every": self.every,
            "month_end": self.month_end,
            "weekmask": self.weekmask,
            "holidays": list(self.holidays),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Frequency":
        return cls(**{**values, "holidays": tuple(values["holidays"])})

    def _business_calendar(self) -> np.busdaycalendar:
        return np.busdaycalendar(self.weekmask, np.array(self.holidays, "datetime64[D]"))


def _times(count: int) -> str:
    return "" if count == 1 else str(count)


def _split_day(timestamps: Ints) -> tuple[npt.NDArray[np.datetime64], Ints]:
    day = timestamps.astype("datetime64[us]").astype("datetime64[D]")
    return day, timestamps - day.astype("datetime64[us]").astype(np.int64)
