"""Time zones in text: names with one meaning, and offsets from UTC."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.frequency import DAY, MINUTE, Ints

# The minutes by which zones are ahead of UTC, for abbreviations with one meaning.
_ZONES = {
    "WET": 0,
    "WEST": 60,
    "CET": 60,
    "CEST": 120,
    "MEZ": 60,
    "MESZ": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "EST": -300,
    "EDT": -240,
    "CST": -360,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
    "JST": 540,
    "AEST": 600,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
}
ZONE = (
    r" ?(?:(?:UTC|GMT)(?=[+-]))?"
    rf"(?P<zone>Z|z|UTC|GMT|{'|'.join(_ZONES)}|[+-]\d{{2}}(?::?\d{{2}})?)(?: ?[\[(][\w/+ -]+[\])])?"
)


def parse_zones(text: pd.Series) -> tuple[npt.NDArray[np.object_], Ints]:
    """Return the [W] names of the zones, and the [W] microseconds by which they are ahead of UTC.

    An offset of a day or more does not exist.
    """
    if text.isna().all():
        return np.full(len(text), None, object), np.zeros(len(text), np.int64)
    codes, words = pd.factorize(text)
    names, offsets = [], []
    for word in words:
        digits = word[1:].replace(":", "")
        hours, minutes = (
            (int(digits[:2]), int(digits[2:] or 0)) if digits.isdecimal() else (0, abs(_ZONES.get(word, 0)))
        )
        if digits.isdecimal():
            minutes = 60 * hours + minutes if minutes < 60 else DAY // MINUTE
        sign = "-" if word[0] == "-" or _ZONES.get(word, 0) < 0 else "+"
        names.append(f"{sign}{minutes // 60:02}:{minutes % 60:02}" if minutes else "UTC")
        offsets.append(int(f"{sign}1") * minutes * MINUTE)
    return np.array([*names, None], object)[codes], np.array([*offsets, 0], np.int64)[codes]
