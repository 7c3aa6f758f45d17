"""The clock of a run beside the time of its data."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from forecaster.frequency import DAY, WEEK, Frequency, Ints

_SUNDAY = 3 * DAY  # 1970-01-04: where a week is stamped with a Sunday, that is its last day


def now_on(frequency: Frequency, zone: str | None, now: datetime, *, home: str | None = None) -> int:
    """Give a moment as timestamps of data count: on its wall clock, or in UTC where steps are shorter than a day.

    Args:
        zone: of the data; None where it has none.
        now: the moment, with a time zone.
        home: the zone of data that has none; None for the machine's.
    """
    if zone is None:
        local = now.astimezone(ZoneInfo(home) if home else None)
    else:
        local = pd.Timestamp(now).tz_convert(zone if frequency.is_wall_clock else "UTC")
    return int(np.datetime64(local.replace(tzinfo=None), "us").astype(np.int64))


def ends(frequency: Frequency, stamps: Ints) -> Ints:
    """When the steps that timestamps [...] name are over, in the same count.

    A stamp is the beginning of its step, but for the last day of a month, and a Sunday that names a week: these are
    over when the day is. So is a business day. Integer time ends at once.
    """
    if frequency.is_integer:
        return stamps
    if frequency.kind == "business" or frequency.month_end:
        return stamps + DAY
    if frequency.kind == "fixed" and frequency.every == WEEK:
        return np.where((stamps - _SUNDAY) % WEEK < DAY, stamps + DAY, stamps + WEEK)
    return frequency.timestamps(stamps, np.ones_like(stamps))
