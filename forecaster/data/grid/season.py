"""The season of a panel, from the autocorrelation of the changes between its steps."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forecaster.panel import Panel

_MAX_SERIES, _MAX_STEPS, _MAX_LAG = 100, 1024, 400
_MIN_CORRELATION = 0.15
_MIN_STANDARD_ERRORS = 4.0  # distance of the correlation from zero
_MIN_PEAK_HEIGHT = 0.08  # difference from the mean of the two neighbouring lags
_STRONG_CORRELATION = 0.4

Curve = npt.NDArray[np.float64]


class SeasonEvidence(NamedTuple):
    """The evidence for a season in the values.

    Attributes:
        correlation: of the changes between steps with those one season earlier; None if the series are too short.
        error: the standard error of the correlation if there were no season.
        detected: the season that the values show, whatever the panel's season; 1 for none.
        detected_correlation: the correlation at the detected season; None if that is 1.
    """

    correlation: float | None
    error: float | None
    detected: int
    detected_correlation: float | None

    @property
    def strength(self) -> str:
        """`strong`, `clear` or `weak`; `unknown` if the series are too short or the panel has no season."""
        if self.correlation is None or self.error is None:
            return "unknown"
        if self.correlation < max(_MIN_CORRELATION, _MIN_STANDARD_ERRORS * self.error):
            return "weak"
        return "strong" if self.correlation >= _STRONG_CORRELATION else "clear"


def assess_season(panel: Panel) -> SeasonEvidence:
    """Measure how clearly the values repeat after the panel's season, and detect the season that they show."""
    curve, error = autocorrelate(panel)
    detected, season = _find_peak(curve, error), panel.season
    is_covered = 1 < season < len(curve)
    return SeasonEvidence(
        correlation=float(curve[season]) if is_covered else None,
        error=float(error[season]) if is_covered else None,
        detected=detected,
        detected_correlation=float(curve[detected]) if detected > 1 else None,
    )


def find_season(panel: Panel) -> int:
    """Return the season in steps that the values show; 1 unless the evidence is strong."""
    curve, error = autocorrelate(panel)
    return _find_peak(curve, error)


def find_season_conflict(panel: Panel) -> str | None:
    """Describe a season that the values show much more strongly than the panel's own; None if there is none."""
    curve, error = autocorrelate(panel)
    detected = _find_peak(curve, error)
    if detected == 1 or detected % panel.season == 0 or curve[detected] < _STRONG_CORRELATION:
        return None
    correlation = curve[panel.season] if 1 < panel.season < len(curve) else 0.0
    if curve[detected] < correlation + _STRONG_CORRELATION / 2:
        return None
    return f"the values repeat every {detected} steps rather than {panel.season}; pass --season {detected} to use that"


def autocorrelate(panel: Panel) -> tuple[Curve, Curve]:
    """Average the autocorrelation of the changes between steps over at most 100 evenly spread series.

    Changes have no trend. They are scaled per series and clipped, so that no series and no jump dominates;
    a gap counts as no change. The Fourier transform computes all series at once.

    Returns: the autocorrelation at lags 0, 1 ..., and its standard error if there were no correlation. Lags that fit
        fewer than three times into half of the series are left out.
    """
    series = np.unique(np.linspace(0, len(panel) - 1, _MAX_SERIES).astype(np.int64))
    lengths = np.minimum(panel.lengths[series], _MAX_STEPS)
    position = panel.end[series, None] - np.arange(lengths.max(), 0, -1)  # [N, T], padded on the left
    is_inside = position >= (panel.end[series] - lengths)[:, None]
    values = np.where(is_inside, panel.values[np.maximum(position, 0), 0], np.nan).astype(np.float64)
    change = np.diff(values, axis=1)
    is_known = ~np.isnan(change)
    count = is_known.sum(axis=1)
    max_lag = int(min(np.median(count) // 3, _MAX_LAG))
    is_long = count >= max(3 * max_lag, 4)
    if max_lag < 2 or not is_long.any():
        return np.ones(1), np.zeros(1)
    change = _scale(change[is_long], is_known[is_long])
    size = 1 << int(change.shape[1] + max_lag).bit_length()
    spectrum = np.fft.rfft(change, size)
    products = np.fft.irfft(spectrum * spectrum.conj(), size)[:, : max_lag + 1]
    power = products[:, :1]
    is_moving = power[:, 0] > 0
    if not is_moving.any():
        return np.ones(1), np.zeros(1)
    pair_share = 1 - np.arange(max_lag + 1) / count[is_long].mean()
    curve = (products[is_moving] / power[is_moving]).mean(axis=0) / pair_share
    return curve, 1 / np.sqrt(count[is_long][is_moving].sum() * pair_share)


def _scale(change: Curve, is_known: npt.NDArray[np.bool_]) -> Curve:
    count = is_known.sum(axis=1, keepdims=True)
    change = np.where(is_known, change, 0)
    centred = np.where(is_known, change - change.sum(axis=1, keepdims=True) / count, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    scaled = centred / np.where(deviation > 0, deviation, 1)
    return np.clip(scaled, -3, 3)


def _find_peak(curve: Curve, error: Curve) -> int:
    """Return the first lag whose peak is nearly the highest and recurs at twice the lag; 1 if there is none."""
    if len(curve) < 4:
        return 1
    lag = np.arange(2, len(curve) - 1)
    neighbours = (curve[lag - 1] + curve[lag + 1]) / 2
    is_peak = (curve[lag] > np.maximum(curve[lag - 1], curve[lag + 1])) & (curve[lag] > neighbours + _MIN_PEAK_HEIGHT)
    is_strong = curve[lag] > np.maximum(_MIN_CORRELATION, _MIN_STANDARD_ERRORS * error[lag])
    twice = np.where(2 * lag < len(curve), curve[np.minimum(2 * lag, len(curve) - 1)], np.inf)
    peaks = lag[is_peak & is_strong & (twice > curve[lag] / 3)]
    return int(peaks[curve[peaks] >= 0.8 * curve[peaks].max()][0]) if len(peaks) else 1
