"""Numbers and times in sentences."""

import re
from typing import Any

SCALE_IN_WORDS = "in units of what a series usually changes from season to season"


def plural(count: int, noun: str) -> str:
    """`1 step`, `12 steps`, `3 series`."""
    return f"{count:,} {noun}{'s' * (count != 1 and not noun.endswith('series'))}"


def share(value: float | None) -> str:
    """A share in whole per cent, with a digit behind the point where it is next to none or next to all."""
    if value is None:
        return "-"
    percent = 100 * value
    is_edge = 0 < percent < 1 or 99 < percent < 100
    return f"{percent:.1f} %" if is_edge else f"{percent:.0f} %"


def when(stamp: Any) -> str:
    """A time as people write it: `2024-03-31 02:00`, its offset kept."""
    return re.sub(r"T(\d\d:\d\d)(:00)?(?=$|[+-]|Z)", r" \1", str(stamp))


def unbroken(text: str) -> str:
    """Text whose numbers stay on one line with their `%`."""
    return re.sub(r"(?<=\d) (?=%)", "\N{NO-BREAK SPACE}", text)
