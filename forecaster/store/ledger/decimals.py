"""Float32 values as short decimals in float64."""

import numpy as np
import numpy.typing as npt


def shorten(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Convert float32 to float64 with short decimals: 455.8 instead of 455.79998779296875.

    A value is rounded to seven significant digits if it converts back to the same float32; otherwise it is exact. The
    order of values does not change.
    """
    if np.asarray(values).dtype == np.float64:  # a panel whose digits float32 would lose
        return np.asarray(values)
    narrow = np.asarray(values, np.float32)
    wide = narrow.astype(np.float64)
    with np.errstate(all="ignore"):  # the logarithm of 0 is not finite
        power = 10.0 ** (6 - np.floor(np.log10(np.abs(wide))))
        short = np.rint(wide * power) / power
        is_same = (short.astype(np.float32) == narrow) & (wide != np.rint(wide))
    return np.where(is_same, short, wide)
