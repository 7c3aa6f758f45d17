"""A profile of each series of a panel: its gaps, values and outliers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

_OUTLIER_DEVIATIONS = 8.0
_STANDARD_PER_MEDIAN_DEVIATION = 1.4826  # the ratio for normally distributed values
_MIN_STEPS_ASIDE, _MAX_STEPS_ASIDE = 3, 50  # steps on each side that a value is compared with
_MAX_OUTLIER_SHARE = 0.05
_MIN_SEASONS = 4  # seasons needed to subtract the seasonal pattern
_WINDOWS_AT_ONCE = 20_000

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SeriesProfile:
    """The profiles of N series, [N] each; a position is a number of steps from the start of the series.

    Attributes:
        missing: number of steps without a value.
        gaps: number of runs of such steps.
        longest_gap, gap_at: length and position of the longest gap; 0 and 0 if there is none.
        zeros, negatives: number of values that are zero, or negative.
        flat, flat_at: length and position of the longest run of equal values, with gaps left out.
        outliers: number of values far from their neighbours.
        outlier_at: position of the farthest one; -1 if there is none.
        lowest, mean, highest: of the values, in the units of the data.
    """

    missing: Ints
    gaps: Ints
    longest_gap: Ints
    gap_at: Ints
    zeros: Ints
    negatives: Ints
    flat: Ints
    flat_at: Ints
    outliers: Ints
    outlier_at: Ints
    lowest: Curve
    mean: Curve
    highest: Curve

    @property
    def is_constant(self) -> npt.NDArray[np.bool_]:
        """[N] True for each series whose values are all equal."""
        return np.asarray(self.lowest == self.highest)


def profile_series(panel: Panel) -> SeriesProfile:
    """Return the profile of each series of a panel."""
    rows = [_profile_one(target, panel.season) for target in panel]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return SeriesProfile(*columns)


def find_outliers(target: Floats, season: int) -> Ints:
    """Find the steps whose values are far from their neighbours, the farthest first.

    Each value is compared with the median of a season on each side, after the seasonal pattern is subtracted. It is an
    outlier if it deviates by more than eight standard deviations, estimated from the median absolute deviation. If
    more than one value in twenty deviates as much, the series has no outliers.

    Args:
        target: [T] NaN if missing.
        season: steps in a season, 1 for none.

    Returns: the [K] steps of the outliers.
    """
    known = np.flatnonzero(~np.isnan(target))
    values = np.interp(np.arange(len(target)), known, target[known])
    seasons = len(values) // season
    if season > 1 and seasons >= _MIN_SEASONS:
        change = (values - _running_median(values, season))[: seasons * season].reshape(-1, season)
        values = values - np.resize(np.median(change, axis=0), len(values))
    distance = np.abs(values - _running_median(values, season))[known]
    limit = _OUTLIER_DEVIATIONS * _STANDARD_PER_MEDIAN_DEVIATION * float(np.median(distance))
    far = np.flatnonzero(distance > limit)
    if limit <= 0 or len(far) > _MAX_OUTLIER_SHARE * len(known):
        return np.empty(0, np.int64)
    return known[far[np.argsort(-distance[far], kind="stable")]].astype(np.int64)


def _running_median(values: Curve, season: int) -> Curve:
    """Return the [T] median of the steps around each step."""
    side = min(max(season, _MIN_STEPS_ASIDE), _MAX_STEPS_ASIDE, len(values) - 1)
    padded = np.concatenate([np.full(side, values[0]), values, np.full(side, values[-1])])
    windows = sliding_window_view(padded, 2 * side + 1)  # [T, W]
    parts = np.array_split(windows, len(values) // _WINDOWS_AT_ONCE + 1)
    return np.concatenate([np.median(part, axis=1) for part in parts])


def _profile_one(target: Floats, season: int) -> tuple[float, ...]:
    is_missing = np.isnan(target)
    known = np.flatnonzero(~is_missing)
    values = target[known].astype(np.float64)
    gap_at, gap = _find_runs(is_missing.view(np.int8))
    gap, gap_at = gap[is_missing[gap_at]], gap_at[is_missing[gap_at]]
    flat_at, flat = _find_runs(values)
    outliers = find_outliers(target, season)
    longest, flattest = int(gap.argmax()) if len(gap) else -1, int(flat.argmax())
    return (
        int(is_missing.sum()),
        len(gap),
        int(gap[longest]) if len(gap) else 0,
        int(gap_at[longest]) if len(gap) else 0,
        int((values == 0).sum()),
        int((values < 0).sum()),
        int(flat[flattest]),
        int(known[flat_at[flattest]]),
        len(outliers),
        int(outliers[0]) if len(outliers) else -1,
        float(f"{values.min():.7g}"),  # seven digits are the precision of float32
        float(f"{values.mean():.7g}"),
        float(f"{values.max():.7g}"),
    )


def _find_runs(values: npt.NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Return the [K] positions and the [K] lengths of the runs of equal values."""
    begin = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1]).astype(np.int64)
    return begin, np.diff(begin, append=len(values))
