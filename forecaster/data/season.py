"""The season of a panel by the autocorrelation of its changes from step to step."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forecaster.panel import Panel

_MOST_SERIES, _MOST_STEPS, _LONGEST = 100, 1024, 400
_LEAST = 0.15  # autocorrelation at a season's lag
_LEAST_ERRORS = 4.0  # and how many standard errors above zero
_LEAST_PEAK = 0.08  # and above the mean of the lags beside it
_STRONG = 0.4  # what it takes to doubt the calendar

Curve = npt.NDArray[np.float64]


class Evidence(NamedTuple):
    """What the values say of a season.

    Attributes:
        correlation: of the changes from step to step with those a season before; None where the series are too short.
        error: its standard error, were there no season.
        found: the season that the values show by themselves, 1 for none.
        of_found: the correlation at that; None where it is 1.
    """

    correlation: float | None
    error: float | None
    found: int
    of_found: float | None

    @property
    def strength(self) -> str:
        """`strong`, `clear` or `weak`; `unknown` where the series are too short to tell, or there is no season."""
        if self.correlation is None or self.error is None:
            return "unknown"
        if self.correlation < max(_LEAST, _LEAST_ERRORS * self.error):
            return "weak"
        return "strong" if self.correlation >= _STRONG else "clear"


def weigh_season(panel: Panel) -> Evidence:
    """Say how clearly the values repeat after the panel's season, and after which they do."""
    curve, error = autocorrelate(panel)
    found, season = _find_peak(curve, error), panel.season
    is_seen = 1 < season < len(curve)
    return Evidence(
        float(curve[season]) if is_seen else None,
        float(error[season]) if is_seen else None,
        found,
        float(curve[found]) if found > 1 else None,
    )


def find_season(panel: Panel) -> int:
    """Give the season in steps that the values show; 1 unless the evidence is strong."""
    curve, error = autocorrelate(panel)
    return _find_peak(curve, error)


def doubt_season(panel: Panel) -> str | None:
    """Say where the values strongly show another season than the panel's, which the calendar chose; else None."""
    curve, error = autocorrelate(panel)
    found = _find_peak(curve, error)
    if found == 1 or found % panel.season == 0 or curve[found] < _STRONG:
        return None
    chosen = curve[panel.season] if 1 < panel.season < len(curve) else 0.0
    if curve[found] < chosen + _STRONG / 2:
        return None
    return f"the values repeat every {found} steps rather than {panel.season}; --season {found} would use that"


def autocorrelate(panel: Panel) -> tuple[Curve, Curve]:
    """Average the autocorrelation of differences over the panel's series, at most 100 of them spread evenly.

    Differences take the trend out. They are scaled per series and clipped, so that no series and no jump dominates;
    gaps count as no change. Computed for all series at once by the Fourier transform.

    Returns: autocorrelation at lag 0, 1 ..., and its standard error were there none; lags that less than half of
        the series cover three times are left out.
    """
    chosen = np.unique(np.linspace(0, len(panel) - 1, _MOST_SERIES).astype(np.int64))
    lengths = np.minimum(panel.lengths[chosen], _MOST_STEPS)
    position = panel.end[chosen, None] - np.arange(lengths.max(), 0, -1)  # [N, T], padded at the left
    is_inside = position >= (panel.end[chosen] - lengths)[:, None]
    values = np.where(is_inside, panel.values[np.maximum(position, 0), 0], np.nan).astype(np.float64)
    change = np.diff(values, axis=1)
    is_seen = ~np.isnan(change)
    count = is_seen.sum(axis=1)
    longest = int(min(np.median(count) // 3, _LONGEST))
    is_long = count >= max(3 * longest, 4)
    if longest < 2 or not is_long.any():
        return np.ones(1), np.zeros(1)
    change = _scale(change[is_long], is_seen[is_long])
    size = 1 << int(change.shape[1] + longest).bit_length()
    spectrum = np.fft.rfft(change, size)
    products = np.fft.irfft(spectrum * spectrum.conj(), size)[:, : longest + 1]
    power = products[:, :1]
    is_moving = power[:, 0] > 0
    if not is_moving.any():
        return np.ones(1), np.zeros(1)
    share = 1 - np.arange(longest + 1) / count[is_long].mean()  # of pairs that a lag leaves
    curve = (products[is_moving] / power[is_moving]).mean(axis=0) / share
    return curve, 1 / np.sqrt(count[is_long][is_moving].sum() * share)


def _scale(change: Curve, is_seen: npt.NDArray[np.bool_]) -> Curve:
    count = is_seen.sum(axis=1, keepdims=True)
    change = np.where(is_seen, change, 0)
    centred = np.where(is_seen, change - change.sum(axis=1, keepdims=True) / count, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    scaled = centred / np.where(deviation > 0, deviation, 1)
    return np.clip(scaled, -3, 3)


def _find_peak(curve: Curve, error: Curve) -> int:
    """Give the first lag whose peak is nearly as high as the highest and repeats at twice the lag."""
    if len(curve) < 4:
        return 1
    lag = np.arange(2, len(curve) - 1)
    beside = (curve[lag - 1] + curve[lag + 1]) / 2
    is_peak = (curve[lag] > np.maximum(curve[lag - 1], curve[lag + 1])) & (curve[lag] > beside + _LEAST_PEAK)
    is_strong = curve[lag] > np.maximum(_LEAST, _LEAST_ERRORS * error[lag])
    twice = np.where(2 * lag < len(curve), curve[np.minimum(2 * lag, len(curve) - 1)], np.inf)
    peaks = lag[is_peak & is_strong & (twice > curve[lag] / 3)]
    return int(peaks[curve[peaks] >= 0.8 * curve[peaks].max()][0]) if len(peaks) else 1
