"""Float32 values as the short decimals that people wrote, for columns of float64."""

import numpy as np
import numpy.typing as npt


def shorten(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Widen float32 to float64: 455.8, not 455.79998779296875; always the same float32 again, in the same order.

    Seven significant digits where these are enough, else every digit.
    """
    narrow = np.asarray(values, np.float32)
    wide = narrow.astype(np.float64)
    with np.errstate(all="ignore"):  # 0 has no logarithm
        power = 10.0 ** (6 - np.floor(np.log10(np.abs(wide))))
        short = np.rint(wide * power) / power
        is_same = (short.astype(np.float32) == narrow) & (wide != np.rint(wide))
    return np.where(is_same, short, wide)
