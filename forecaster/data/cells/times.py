"""Columns of times as integers: dates and timestamps in the usual formats, epochs, or steps."""

import shlex
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.data.cells import time_formats
from forecaster.data.cells.day_order import NO_TIME
from forecaster.data.cells.time_integers import find_times, parse_numbers_by
from forecaster.data.table import Table
from forecaster.errors import DataError, UsageError
from forecaster.frequency import DAY, HOUR, MINUTE, Ints

_HINT_TO_FIX = "fix that cell, or name another column with --time"
HINT_WITHOUT_TIME = "pass --time none if the rows are in order; steps are then 0, 1, 2 ..."

_MIN_TIMES_SHARE = 0.8  # share of words that fit the format of a column of times
_MAX_INTEGER = 10**18  # the distance of two times is then within int64
_FIRST_DAY, _LAST_DAY = (
    np.datetime64("0001-01-02", "s"),
    np.datetime64("9999-12-30", "s"),
)  # ISO 8601 has them in any zone


@dataclass(frozen=True)
class Times:
    """The times of the rows.

    Attributes:
        stamps: [R] integers, or microseconds since 1970: in UTC if there is a zone, else on the wall clock.
        zone: the zone or offset of all rows; None if the data has none.
        is_integer: True if `stamps` are steps without a calendar.
        note: the reading that was chosen for an ambiguous format; None if there was no choice.
        format: the name of the format of text or numbers; None for times that have a type of their own.
    """

    stamps: Ints
    zone: str | None = None
    is_integer: bool = False
    note: str | None = None
    format: str | None = None

    def on_wall_clock(self) -> Ints:
        """Return the timestamps on the wall clock of the zone."""
        if self.zone is None:
            return self.stamps
        local = pd.DatetimeIndex(self.stamps.astype("datetime64[us]")).tz_localize("UTC").tz_convert(self.zone)
        return _microseconds(local.tz_localize(None).to_numpy())


def is_time(column: pd.Series, date_format: str | None = None) -> bool:
    """Return True if a column contains dates, or text whose first words can be parsed as times.

    Args:
        date_format: the format of the times, if it is known.
    """
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return pd.api.types.is_datetime64_any_dtype(column.dtype)
    words = column.cat.categories[:50]
    if date_format is not None and "%" in date_format and len(words):
        return bool(time_formats.parse(words, date_format=date_format).is_time.mean() >= _MIN_TIMES_SHARE)
    return time_formats.has_date_format(words)


def parse_times(table: Table, name: str) -> Times:
    """Parse a time column.

    Args:
        table: the table with the column.
        name: the column.

    Raises: DataError: a cell is missing or not a time, or rows have different zones; names the first.
    """
    column = table.frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _parse_text(table, name)
    if column.isna().any():
        raise _cell_error(table, name, int(np.flatnonzero(column.isna())[0]))
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        zone = column.dt.tz
        stamps = (column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column).to_numpy()
        if len(stamps) and not _are_countable(np.array([stamps.min(), stamps.max()])).all():
            raise _cell_error(table, name, int(np.flatnonzero(~_are_countable(stamps))[0]))
        return Times(_microseconds(stamps), zone=str(zone) if zone else None)
    if column.dtype.kind == "b":
        raise _cell_error(table, name, 0)
    return _parse_numbers(table, name)


def _are_countable(stamps: npt.NDArray[np.datetime64]) -> npt.NDArray[np.bool_]:
    seconds = stamps.astype("datetime64[s]")
    return (seconds >= _FIRST_DAY) & (seconds <= _LAST_DAY)


def _parse_text(table: Table, name: str) -> Times:
    column = table.frame[name]
    codes, words = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
    if (codes < 0).any():
        raise _cell_error(table, name, int(np.flatnonzero(codes < 0)[0]))
    table_format = table.format
    if len(words) == 0 or (
        table_format.date_format is None and not time_formats.has_date_format(words[:1000], share=0.01)
    ):
        raise _cell_error(table, name, 0)
    parsed = time_formats.parse(words, date_format=table_format.date_format, day_first=table_format.day_first)
    is_time = (
        parsed.is_time & (parsed.stamps >= _microseconds(_FIRST_DAY)) & (parsed.stamps <= _microseconds(_LAST_DAY))
    )
    if not is_time.all():
        row = int(np.flatnonzero(~is_time[codes])[0])
        if table_format.date_format is not None:
            raise _contradiction(table, name, row)
        raise _cell_error(table, name, row, hint="fix that cell, or remove the row")
    if parsed.is_ambiguous:
        raise _order_error(table, name)
    zones = parsed.zones[pd.notna(parsed.zones)]
    note = parsed.note and f"{name}: {parsed.note}"
    offsets = np.array([_parse_offset(zone) for zone in zones], np.int64)
    if len(zones) == len(words) and 0 < np.ptp(offsets) <= HOUR and len(set(zones)) == 2:
        return replace(_merge_dst_offsets(parsed, offsets, codes, note, name), format=parsed.format)
    if len(zones) and (len(zones) < len(words) or len(set(zones)) > 1):
        names = sorted({zone if isinstance(zone, str) else "none" for zone in parsed.zones})
        raise DataError(
            f"{table.source}: column {name!r} mixes time zones: {', '.join(names[:4])}",
            hint="write all times in one zone, for example UTC",
        )
    zone = zones[0] if len(zones) else None
    return Times(parsed.stamps[codes], zone=zone, note=note, format=parsed.format)


def _parse_offset(zone: str) -> int:
    """Return the microseconds by which an offset such as `+02:00`, or `UTC`, is ahead of UTC."""
    if zone == "UTC":
        return 0
    return int(zone[0] + "1") * (int(zone[1:3]) * HOUR + int(zone[4:6]) * MINUTE)


def _merge_dst_offsets(
    parsed: time_formats.ParsedTimes, offsets: Ints, codes: Ints, note: str | None, name: str
) -> Times:
    """Treat exactly two offsets as one zone with daylight saving time.

    All times get the offset of the oldest one, so the times before the first clock change stay as they were. If all
    times are midnight at their own offset, they stay midnight.

    Args:
        parsed: [W] the words.
        offsets: [W] the offset of each word in microseconds.
        codes: [R] the word of each row.
        note: the note of the words; None for none.
        name: the column.
    """
    stamps, zones = parsed.stamps, parsed.zones
    oldest = int(stamps.argmin())
    if ((stamps + offsets) % DAY == 0).all():
        stamps = stamps + offsets - offsets[oldest]
    offset_note = f"{name}: two offsets from UTC, as with daylight saving time; all times are at {zones[oldest]}"
    return Times(stamps[codes], zone=zones[oldest], note=f"{note}; {offset_note}" if note else offset_note)


def _parse_numbers(table: Table, name: str) -> Times:
    numbers = table.frame[name].to_numpy(np.float64)
    exact = table.frame[name].to_numpy()
    date_format = table.format.date_format
    if not np.isfinite(numbers).all():
        raise _cell_error(table, name, int(np.flatnonzero(~np.isfinite(numbers))[0]))
    if date_format is not None:
        stamps = exact.astype(np.int64) if date_format == "integer" else parse_numbers_by(numbers, date_format)
        if stamps is None and table.reread is not None and "%" in date_format:
            return _parse_text(replace(table, frame=table.reread([name])), name)
        if stamps is None:
            raise DataError(
                f"{table.source}: column {name!r} contains numbers, not times in the format {date_format!r}",
                hint="leave --date-format out to detect the format",
            )
        if (stamps == NO_TIME).any():
            raise _contradiction(table, name, int(np.flatnonzero(stamps == NO_TIME)[0]))
        return Times(stamps, is_integer=date_format == "integer", format=date_format)
    reading = find_times(numbers, name)
    is_countable = (numbers % 1 == 0) & (np.abs(numbers) <= _MAX_INTEGER)
    if reading is None or (reading.format == "integer" and not is_countable.all()):
        raise _cell_error(table, name, int(np.flatnonzero(~is_countable)[0]))
    if reading.rival:
        raise UsageError(
            f"{table.source}: column {name!r}: {exact[0]} may be a time in the format {reading.format} or "
            f"{reading.rival}, and no cell decides",
            hint=f"pass --date-format {shlex.quote(reading.format)}, or --date-format {shlex.quote(reading.rival)}",
        )
    stamps = exact.astype(np.int64) if reading.format == "integer" else reading.stamps
    note = reading.note and f"{name}: {reading.note}; --date-format overrides"
    return Times(stamps, is_integer=reading.format == "integer", note=note, format=reading.format)


def _contradiction(table: Table, name: str, row: int) -> DataError:
    cell = str(table.frame[name].iloc[row])[:60]
    return DataError(
        f"{table.source}: column {name!r}, {table.place(row)}: {cell!r} contradicts the format of the times, "
        f"{table.format.date_format}",
        hint="write the times as in the data of the training, or pass --date-format with their format",
    )


def _order_error(table: Table, name: str) -> UsageError:
    cell = str(table.frame[name].iloc[0])[:60]
    return UsageError(
        f"{table.source}: column {name!r}: {cell!r} may be day/month/year or month/day/year, and no cell decides",
        hint="pass --day-first (day/month/year) or --no-day-first (month/day/year)",
    )


def _microseconds(stamps: npt.NDArray[np.datetime64] | np.datetime64) -> Ints:
    return stamps.astype("datetime64[us]").astype(np.int64)


def _cell_error(table: Table, name: str, row: int, hint: str = _HINT_TO_FIX) -> DataError:
    try:
        cell = table.frame[name].iloc[row]
        problem = "the time is missing" if pd.isna(cell) else f"{str(cell)[:60]!r} cannot be read as a time"
    except (ArithmeticError, NotImplementedError, ValueError):  # pandas cannot write the year
        problem = "the time lies outside the years 1 to 9999"
    return DataError(f"{table.source}: column {name!r}, {table.place(row)}: {problem}", hint=hint)
