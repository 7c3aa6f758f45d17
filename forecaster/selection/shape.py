"""The facts about a panel that recipes depend on."""

from dataclasses import dataclass

import numpy as np

from forecaster.evaluation.split import split
from forecaster.frequency import DAY
from forecaster.panel import Panel


@dataclass(frozen=True)
class Shape:
    """The facts about the data that recipes depend on.

    Attributes:
        horizon: steps to forecast, H.
        season: steps in a season, 1 for none.
        length: steps of a long series of the panel (nine in ten are shorter).
        series: number of series.
        windows: number of training windows.
        held_out: number of horizons, one after the other, in the tails of all series that no weights depend on.
        is_positive: True if every value is above 0.
        is_within_day: True if a season is a day of several steps, so that weeks may repeat as well.
        has_years: True if steps of a day or more cover at least two years, so that calendar features help.
    """

    horizon: int
    season: int
    length: int
    series: int
    windows: int
    held_out: int
    is_positive: bool
    is_within_day: bool
    has_years: bool

    @classmethod
    def of(cls, panel: Panel, horizon: int) -> "Shape":
        return cls(
            horizon=horizon,
            season=panel.season,
            length=int(np.quantile(panel.lengths, 0.9)),
            series=len(panel),
            windows=int(panel.lengths.sum()),
            held_out=int((split(panel, horizon, is_calibrated=True, has_holdout=False).tail // horizon).sum()),
            is_positive=all(np.nanmin(target) > 0 for target in panel),
            is_within_day=_is_within_day(panel),
            has_years=_has_years(panel),
        )

    @property
    def seasons_back(self) -> tuple[int, ...]:
        """The lags, whole numbers of seasons, at which values may repeat; none without a season."""
        if self.season == 1:
            return ()
        days = (1, 2, 7, 14) if self.is_within_day else (1, 2)
        return tuple(self.season * each for each in days)


def _is_within_day(panel: Panel) -> bool:
    """Return True if a season is a day of at least 12 steps; in integer time, if it has at least 24 steps."""
    if panel.frequency.is_integer:
        return panel.season >= 24
    return panel.season >= 12 and panel.frequency.kind == "fixed" and panel.season * panel.frequency.every == DAY


def _has_years(panel: Panel) -> bool:
    """Return True if dated steps of a day or more cover two years, so that the season of the year can be learnt.

    With finer steps, hours and weekdays repeat within the context, and calendar features made validation losses worse.
    """
    if panel.frequency.is_integer or not panel.frequency.is_wall_clock:
        return False
    return bool(np.median(panel.cutoff - panel.start) >= 2 * 365 * DAY)
