"""A column of times becomes integers: dates and timestamps in the usual notations, epochs, or plain steps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.data import time_formats
from forecaster.data.table import Table
from forecaster.errors import DataError
from forecaster.frequency import DAY, HOUR, MINUTE, Ints

WITHOUT_TIME = "pass --time none if rows are in order, steps are then 0, 1, 2 ..."

_STEP_NAMES = {"ds", "t", "step", "index", "period"}  # here six or eight digits are a number of steps, not a date
_EPOCHS = ((1e8, 1e10, 1_000_000, "seconds"), (1e11, 1e13, 1000, "milliseconds"), (1e14, 1e16, 1, "microseconds"))


@dataclass(frozen=True)
class Times:
    """One time for each row.

    Attributes:
        stamps: [R] integers, or microseconds since 1970 in UTC where there is a zone, else on the wall clock.
        zone: the one zone or offset of all rows, None where the data has none.
        is_integer: whether `stamps` are steps without a calendar.
        note: how an ambiguous notation was read; None where there was no doubt.
    """

    stamps: Ints
    zone: str | None = None
    is_integer: bool = False
    note: str | None = None

    def on_wall_clock(self) -> Ints:
        """Give the stamps as the clock on the wall of the zone shows them."""
        if self.zone is None:
            return self.stamps
        local = pd.DatetimeIndex(self.stamps.astype("datetime64[us]")).tz_localize("UTC").tz_convert(self.zone)
        return _microseconds(local.tz_localize(None).to_numpy())


def is_time(column: pd.Series) -> bool:
    """Whether a column of dates or text, judged by its first words, can be read as times."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return time_formats.has_date_format(column.cat.categories[:50])
    return pd.api.types.is_datetime64_any_dtype(column.dtype)


def parse_times(table: Table, name: str) -> Times:
    """Read a time column.

    Raises: DataError: a cell has no time or none that can be read, or rows lie in different zones; names the first.
    """
    column = table.frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _parse_text(table, name)
    if column.isna().any():
        raise _unreadable(table, name, int(np.flatnonzero(column.isna())[0]))
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        stamps = _microseconds(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
        return Times(stamps, zone=str(column.dtype.tz))
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return Times(_microseconds(column.to_numpy()))
    numbers = column.to_numpy()
    if numbers.dtype.kind != "i" and not (numbers.dtype.kind == "f" and (numbers == numbers.round()).all()):
        raise DataError(
            f"{table.source}: column {name!r} holds no times, {table.place(0)}: {column.iloc[0]!r}", hint=WITHOUT_TIME
        )
    return _parse_integers(name.lower(), numbers.astype(np.int64))


def _parse_text(table: Table, name: str) -> Times:
    column = table.frame[name]
    codes, words = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
    if (codes < 0).any():
        raise _unreadable(table, name, int(np.flatnonzero(codes < 0)[0]))
    if len(words) == 0 or not time_formats.has_date_format(words[:1000], share=0.01):
        raise _unreadable(table, name, 0)
    found = time_formats.parse(words)
    if not found.is_read.all():
        row = int(np.flatnonzero(~found.is_read[codes])[0])
        raise _unreadable(table, name, row, hint="mend that cell, or remove the row")
    zones = found.zones[pd.notna(found.zones)]
    note = found.note and f"{name}: {found.note}"
    offsets = np.array([_offset(zone) for zone in zones], np.int64)
    if len(zones) == len(words) and 0 < np.ptp(offsets) <= HOUR and len(set(zones)) == 2:
        return _merge_dst_offsets(found.stamps, offsets, zones, codes, note, name)
    if len(zones) and (len(zones) < len(words) or len(set(zones)) > 1):
        seen = sorted({zone if isinstance(zone, str) else "none" for zone in found.zones})
        raise DataError(
            f"{table.source}: column {name!r} mixes time zones: {', '.join(seen[:4])}",
            hint="write all times in one zone, for example UTC",
        )
    zone = zones[0] if len(zones) else None
    return Times(found.stamps[codes], zone=zone, note=note)


def _offset(zone: str) -> int:
    """How far an offset such as `+02:00`, or `UTC`, is ahead of UTC."""
    if zone == "UTC":
        return 0
    return int(zone[0] + "1") * (int(zone[1:3]) * HOUR + int(zone[4:6]) * MINUTE)


def _merge_dst_offsets(
    stamps: Ints, offsets: Ints, zones: npt.NDArray[np.object_], codes: Ints, note: str | None, name: str
) -> Times:
    """Take two offsets for the winter and the summer of one place: all times are told at the offset of the oldest.

    So nothing changes for what was read before the clock did. Days stay days, each by the clock of its own season.

    Args:
        stamps: [W] of each word, in UTC; its offset and zone.
        codes: [R] the word of each row.
    """
    oldest = int(stamps.argmin())
    if ((stamps + offsets) % DAY == 0).all():
        stamps = stamps + offsets - offsets[oldest]
    told = f"{name}: two offsets from UTC, as where clocks change; told at {zones[oldest]}"
    return Times(stamps[codes], zone=zones[oldest], note=f"{note}; {told}" if note else told)


def _parse_integers(name: str, numbers: Ints) -> Times:
    low, high = int(numbers.min()), int(numbers.max())
    if name == "year" and low >= 1500 and high <= 2200:
        return Times(_from_dates(numbers, np.ones_like(numbers), np.ones_like(numbers)))
    if name not in _STEP_NAMES:
        for size, unit in ((10_000, 100), (100, 1)):  # 19811231, then 198112
            day = numbers % 100 if unit > 1 else np.ones_like(numbers)
            if low // size >= 1500 and high // size <= 2200:
                dates = _from_dates(numbers // size, numbers // unit % 100, day)
                if (dates != time_formats.NO_TIME).all():
                    return Times(dates)
    for least, most, microseconds, unit_name in _EPOCHS:
        if least <= low and high < most:
            return Times(numbers * microseconds, note=f"{name}: read as {unit_name} since 1970, in UTC")
    return Times(numbers, is_integer=True)


def _from_dates(year: Ints, month: Ints, day: Ints) -> Ints:
    return time_formats.to_stamps(year.astype(float), month.astype(float), day.astype(float))


def _microseconds(stamps: npt.NDArray[np.datetime64]) -> Ints:
    return stamps.astype("datetime64[us]").astype(np.int64)


def _unreadable(table: Table, name: str, row: int, hint: str = WITHOUT_TIME) -> DataError:
    cell = table.frame[name].iloc[row]
    what = "no time" if pd.isna(cell) else f"{str(cell)[:60]!r} is no time that can be read"
    return DataError(f"{table.source}: column {name!r}, {table.place(row)}: {what}", hint=hint)
