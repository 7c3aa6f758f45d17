"""The spacing of timestamps: a frequency that is detected from them, or parsed from `--freq`."""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from forecaster.data.grid.trading_days import learn_hours, learn_trading
from forecaster.errors import DataError, UsageError, did_you_mean
from forecaster.frequency import DAY, HOUR, MINUTE, SECOND, WEEK, Frequency, Ints

MIN_ON_GRID_SHARE = 0.99  # share of rows on the grid of a detected frequency

_MIN_UNIT_STEP_SHARE = 0.25  # share of steps that are not gaps
_MIN_SHARE_OF_MONTHS = 0.5  # share of the months that have a step on a day
_MIN_COVERAGE = 0.9  # share of working days with data; the others are then holidays, not gaps
_ROWS_AT_ONCE = 250_000
_MEAN_MONTH = 30.436875 * DAY

_MAX_STEP = 10**18  # microseconds or integers, far below the largest int64
_MAX_EVERY = {"months": 12 * 9999}

_ALIASES: dict[str, Frequency] = {
    **dict.fromkeys(("us", "U"), Frequency("fixed", 1)),
    **dict.fromkeys(("ms", "L"), Frequency("fixed", 1000)),
    **dict.fromkeys(("s", "S", "sec", "secondly"), Frequency("fixed", SECOND)),
    **dict.fromkeys(("min", "T", "minutely"), Frequency("fixed", MINUTE)),
    **dict.fromkeys(("h", "H", "hourly"), Frequency("fixed", HOUR)),
    **dict.fromkeys(("D", "d", "daily"), Frequency("fixed", DAY)),
    **dict.fromkeys(("W", "w", "weekly"), Frequency("fixed", WEEK)),
    **dict.fromkeys(("MS", "monthly"), Frequency("months", 1)),
    **dict.fromkeys(("ME", "M"), Frequency("months", 1, month_end=True)),
    **dict.fromkeys(("QS", "quarterly"), Frequency("months", 3)),
    **dict.fromkeys(("QE", "Q"), Frequency("months", 3, month_end=True)),
    **dict.fromkeys(("YS", "AS", "yearly"), Frequency("months", 12)),
    **dict.fromkeys(("YE", "Y", "A"), Frequency("months", 12, month_end=True)),
    **dict.fromkeys(("SM", "SMS"), Frequency("months", 1, days=(1, 15))),
    "SME": Frequency("months", 1, days=(15, 31)),
    "dekads": Frequency("months", 1, days=(1, 11, 21)),
    **dict.fromkeys(("B", "business", "trading"), Frequency("business")),
    "integer": Frequency("integer"),
}
_ANCHORED = re.compile(r"\s*(\d{0,18})\s*([A-Za-z]+)(?:-[A-Za-z]{3})?\s*")
_WORDS = {
    "integer": "integer steps",
    "trading": "trading days",
    "B": "business days",
    "s": "every second",
    "min": "every minute",
    "30min": "half-hourly",
    "h": "hourly",
    "D": "daily",
    "W": "weekly",
    "MS": "monthly",
    "ME": "month ends",
    "QS": "quarterly",
    "QE": "quarter ends",
    "YS": "yearly",
    "YE": "year ends",
    "SM": "twice a month",
    "dekads": "three times a month",
}


def parse_frequency(text: str) -> Frequency:
    """Parse a frequency: a pandas alias with a count and an anchor, or a word such as `trading`, `integer` or `daily`.

    The anchor (`W-WED`, `QS-OCT`) is ignored, since the data determines it. `find_frequency` learns the holidays of
    `trading`.

    Args:
        text: the frequency, such as `15min`.

    Raises: UsageError: there is no such frequency.
    """
    match = _ANCHORED.fullmatch(text)
    count, alias = (int(match[1] or 1), match[2]) if match else (0, text)
    frequency = _ALIASES.get(alias)
    is_long = frequency is not None and count * frequency.every > _MAX_EVERY.get(frequency.kind, _MAX_STEP)
    if frequency is None or count < 1 or is_long or (frequency.kind == "business" and count > 1):
        raise UsageError(
            f"--freq {text!r} is not a frequency{did_you_mean(alias, _ALIASES)}",
            hint="pass one such as D, h, 15min, W, MS, QE, YS, B, trading or integer",
        )
    return replace(frequency, every=count * frequency.every)


def describe_frequency(frequency: Frequency) -> str:
    """Describe a frequency in words: `daily`, `month ends`, `every 15min`."""
    if frequency.times:
        return f"{len(frequency.times)} times a trading day"
    return _WORDS.get(frequency.name) or f"every {frequency.name}"


def find_frequency(
    stamps: Ints, begin: Ints, *, text: str | None = None, is_integer: bool = False, source: str = "data"
) -> Frequency:
    """Return the frequency that the user names, completed from the data, or else detect it.

    Args:
        stamps: [R] times of all series, one series after the other, in ascending order.
        begin: [N] position of the first time of each series.
        text: the value of `--freq`; None to detect the frequency.
        is_integer: True if `stamps` are integers without a calendar.
        source: names the table in errors.

    Raises:
        UsageError: there is no frequency of this name.
        DataError: the spacing is irregular, or the named frequency does not fit the kind of time.
    """
    if text is None:
        return infer_frequency(stamps, begin, is_integer=is_integer, source=source)
    frequency = parse_frequency(text)
    if frequency.is_integer != is_integer:
        kind = "integers" if is_integer else "dates"
        raise DataError(f"{source}: time is in {kind}, so --freq {text} cannot be used", hint="leave --freq out")
    if frequency.days:
        return _learn_days(stamps) or frequency
    if frequency.kind == "months":
        return replace(frequency, month_end=_are_month_ends(stamps))
    if text.strip() == "trading":
        step = int(np.diff(np.unique(stamps[: begin[1] if len(begin) > 1 else None])).min(initial=DAY))
        hours = learn_hours(stamps, step, min_coverage=_MIN_COVERAGE) if step < DAY else None
        return hours or learn_trading(_days(stamps), min_coverage=_MIN_COVERAGE) or frequency
    return frequency


def infer_frequency(stamps: Ints, begin: Ints, *, is_integer: bool = False, source: str = "data") -> Frequency:
    """Detect the frequency of timestamps; see `find_frequency` for the arguments.

    The most common step decides. Longer steps may be gaps, and one row in a hundred may be off the grid.

    Raises: DataError: there is no step at all, or no step dominates.
    """
    sizes, counts = _count_steps(stamps, begin)
    if not sizes.any():
        rows = "1 row" if len(stamps) == 1 else "only one time per series"
        raise DataError(
            f"{source}: has {rows}, so the spacing of the times is unknown",
            hint="provide more rows, or pass the spacing, for example --freq D",
        )
    is_even = len(sizes) == 1
    sizes, counts = sizes[sizes > 0], counts[sizes > 0]
    common = int(sizes[counts.argmax()])
    for frequency in _list_candidates(stamps, common, is_even, is_integer):
        is_certain = is_even and frequency.kind in ("fixed", "integer")
        if is_certain or _fits(frequency, stamps, begin):
            return frequency
    raise _irregular_error(source, sizes, counts, is_integer)


def split_rows(rows: int) -> Iterator[slice]:
    """Split rows into slices, since arrays as long as a large table need much memory."""
    return (slice(first, min(first + _ROWS_AT_ONCE, rows)) for first in range(0, rows, _ROWS_AT_ONCE))


def is_on_grid(stamps: Ints, begin: Ints, frequency: Frequency) -> bool:
    """Return True if nearly all rows are on the grid that starts with the first row of their series."""
    if not len(stamps):
        return True
    starts = np.repeat(stamps[begin], np.diff(np.append(begin, len(stamps))))
    shares = frequency.timestamps(starts, frequency.index(starts, stamps)) == stamps
    return bool(shares.mean() >= MIN_ON_GRID_SHARE)


def _count_steps(stamps: Ints, begin: Ints) -> tuple[Ints, Ints]:
    """Return the [K] distinct steps between the rows of a series, in ascending order, and their [K] counts."""
    totals: dict[int, int] = {}
    for part in split_rows(len(stamps) - 1):
        steps = np.diff(stamps[part.start : part.stop + 1])
        between = begin[slice(*np.searchsorted(begin, [part.start + 1, part.stop + 1]))] - part.start - 1
        sizes, counts = np.unique(np.delete(steps, between), return_counts=True)
        for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
            totals[size] = totals.get(size, 0) + count
    return np.array(sorted(totals), np.int64), np.array([totals[size] for size in sorted(totals)], np.int64)


def _list_candidates(stamps: Ints, common: int, is_even: bool, is_integer: bool) -> Iterator[Frequency]:
    if is_integer:
        yield Frequency("integer", common)
        return
    if common >= 28 * DAY:
        yield Frequency("months", max(round(common / _MEAN_MONTH), 1), month_end=_are_month_ends(stamps))
    if 8 * DAY <= common <= 17 * DAY and not is_even:
        days = _learn_days(stamps)
        if days:
            yield days
    if common <= 3 * DAY and common % DAY == 0 and not is_even:
        business = learn_trading(_days(stamps), min_coverage=_MIN_COVERAGE)
        if business:
            yield business
    if common < DAY and not is_even:
        hours = learn_hours(stamps, common, min_coverage=_MIN_COVERAGE)
        if hours:
            yield hours
    yield Frequency("fixed", common)


def _fits(frequency: Frequency, stamps: Ints, begin: Ints) -> bool:
    on_grid = units = forward = 0
    for part in split_rows(len(stamps)):
        rows = np.arange(max(part.start - 1, 0), part.stop)  # with the row before, for the step between them
        series = np.searchsorted(begin, rows, side="right") - 1
        starts = stamps[begin[series]]
        index = frequency.index(starts, stamps[rows])
        steps = np.diff(index)[np.diff(series) == 0]
        is_on_grid = frequency.timestamps(starts, index) == stamps[rows]
        on_grid += int(is_on_grid[part.start - rows[0] :].sum())
        units, forward = units + int((steps == 1).sum()), forward + int((steps > 0).sum())
    return on_grid >= MIN_ON_GRID_SHARE * len(stamps) and units >= _MIN_UNIT_STEP_SHARE * forward


def _irregular_error(source: str, sizes: Ints, counts: Ints, is_integer: bool) -> DataError:
    order = np.argsort(-counts, kind="stable")[:4]
    shares = 100 * counts / counts.sum()
    names = [str(size) if is_integer else Frequency("fixed", int(size)).name for size in sizes[order]]
    steps = ", ".join(f"{name} ({share:.0f} %)" for name, share in zip(names, shares[order], strict=True))
    divisor = np.gcd.reduce(sizes)
    unit = next((size for size in (DAY, HOUR, MINUTE, SECOND) if divisor % size == 0), int(divisor))
    alias = "integer" if is_integer else Frequency("fixed", unit).name
    return DataError(
        f"{source}: time is irregular; the most frequent steps are {steps}",
        hint=f"pass --freq {alias} to mask the missing steps, or resample the table to even steps first",
    )


def _are_month_ends(stamps: Ints) -> bool:
    day = stamps.astype("datetime64[us]").astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    return bool(((day + 1).astype("datetime64[M]") != month).all())


def _learn_days(stamps: Ints) -> Frequency | None:
    """Learn the two or three days of a month on which all times are; None if there are others."""
    day = np.unique(stamps).astype("datetime64[us]").astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    number = (day - month.astype("datetime64[D]")).astype(np.int64) + 1
    is_last = (day + 1).astype("datetime64[M]") != month
    days, counts = np.unique(np.where(is_last, 31, number), return_counts=True)
    is_usual = counts >= _MIN_SHARE_OF_MONTHS * len(np.unique(month))
    if not 2 <= is_usual.sum() <= 3 or counts[~is_usual].sum() > (1 - MIN_ON_GRID_SHARE) * len(day):
        return None
    return Frequency("months", 1, days=tuple(map(int, days[is_usual])))


def _days(stamps: Ints) -> Ints:
    return np.unique(np.concatenate([np.unique(stamps[part] // DAY) for part in split_rows(len(stamps))]))
