"""What each series of a panel is like: how long, how whole, how large, and what stands out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

_FAR = 8.0  # typical deviations from which a value stands out
_TYPICAL = 1.4826  # standard deviations in a median absolute one, were the values normal
_WIDEST = 50  # steps to each side that a value is compared with
_NARROWEST = 3
_MOST = 0.05  # of the values
_FEWEST_SEASONS = 4  # that show what a season repeats
_AT_ONCE = 20_000  # windows that are copied

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SeriesProfile:
    """Facts of N series, [N] each; steps are counted from a series' first one.

    Attributes:
        missing: steps without a value.
        gaps: runs of such steps.
        longest_gap: steps of the longest run, and `gap_at` its first one; 0 and 0 where there is none.
        zeros, negatives: values of that sign.
        flat: steps of the longest run of one value, gaps aside, and `flat_at` its first one.
        outliers: values far off their neighbours', and `outlier_at` the farthest one's step, -1 where there is none.
        lowest, mean, highest: of the values, in their own units.
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
        """[N] whether a series never changes."""
        return np.asarray(self.lowest == self.highest)


def profile_series(panel: Panel) -> SeriesProfile:
    """Look at every series of a panel by itself."""
    rows = [_look(target, panel.season) for target in panel]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return SeriesProfile(*columns)


def find_outliers(target: Floats, season: int) -> Ints:
    """Steps whose values lie far off those around them, the farthest first.

    A value is compared with the median of a season to each side, after what the season repeats is taken out. Far is
    eight times what is typical of the series (its median absolute deviation, scaled to a standard one). Where more than
    one value in twenty is far, that is how the series is, and none stands out.

    Args:
        target: [T] NaN where missing.
        season: steps in a season, 1 for none.
    """
    known = np.flatnonzero(~np.isnan(target))
    values = np.interp(np.arange(len(target)), known, target[known])
    whole = len(values) // season * season
    if season > 1 and whole >= _FEWEST_SEASONS * season:
        change = (values - _level(values, season))[:whole].reshape(-1, season)
        values = values - np.resize(np.median(change, axis=0), len(values))
    distance = np.abs(values - _level(values, season))[known]
    limit = _FAR * _TYPICAL * float(np.median(distance))
    far = np.flatnonzero(distance > limit)
    if limit <= 0 or len(far) > _MOST * len(known):
        return np.empty(0, np.int64)
    return known[far[np.argsort(-distance[far], kind="stable")]].astype(np.int64)


def _level(values: Curve, season: int) -> Curve:
    """[T] the median of the steps around each."""
    side = min(max(season, _NARROWEST), _WIDEST, len(values) - 1)
    padded = np.concatenate([np.full(side, values[0]), values, np.full(side, values[-1])])
    windows = sliding_window_view(padded, 2 * side + 1)  # [T, W]
    parts = np.array_split(windows, len(values) // _AT_ONCE + 1)
    return np.concatenate([np.median(part, axis=1) for part in parts])


def _look(target: Floats, season: int) -> tuple[float, ...]:
    is_missing = np.isnan(target)
    known = np.flatnonzero(~is_missing)
    values = target[known].astype(np.float64)
    gap_at, gap = _runs(is_missing.view(np.int8))
    gap, gap_at = gap[is_missing[gap_at]], gap_at[is_missing[gap_at]]
    flat_at, flat = _runs(values)
    far = find_outliers(target, season)
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
        len(far),
        int(far[0]) if len(far) else -1,
        float(f"{values.min():.7g}"),  # as a 32-bit number was written
        float(f"{values.mean():.7g}"),
        float(f"{values.max():.7g}"),
    )


def _runs(values: npt.NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Where runs of equal values begin, and how long they are."""
    begin = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1]).astype(np.int64)
    return begin, np.diff(begin, append=len(values))
