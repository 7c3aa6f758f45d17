"""Durations: how people write them, and how they read them."""

import re

SECONDS_OF_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+\.?\d*) ?([smhdw])")
_WORDS = ((86_400, "day", 2), (3600, "hour", 2), (60, "minute", 1))  # seconds, word, smallest count it is used for


def parse_duration(text: str) -> float:
    """Return the seconds of a text such as `90s`, `30m`, `2h`, `7d` or `4w`.

    Raises: ValueError: the text is not a number with one of these units.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("write it as 30m, 36h or 7d")
    return float(match[1]) * SECONDS_OF_UNIT[match[2]]


def format_duration(seconds: float) -> str:
    """Format a duration briefly: `0.4 s`, `12 s`, `5 min`, `2.5 h`."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def describe_age(seconds: float) -> str:
    """Describe elapsed time in words: `40 minutes`, `26 hours`, `9 days`."""
    for size, word, least in _WORDS:
        if abs(seconds) >= least * size:
            count = seconds / size
            return f"{count:.0f} {word}{'s' * (round(count) != 1)}"
    return f"{seconds:.0f} seconds"
