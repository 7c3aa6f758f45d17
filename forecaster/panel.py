"""The panel: many series of one frequency, end to end in one flat array."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Frequency, Ints

Floats = npt.NDArray[np.float32]
Role = Literal["target", "past", "known"]

_STEPS_AT_ONCE = 200_000


class Observations(NamedTuple):
    """The observed targets of some series, one series after the other.

    Attributes:
        series: [K] number of the series.
        step: [K] steps since the first one of the series.
        value: [K] the target.
    """

    series: Ints
    step: Ints
    value: Floats


@dataclass(frozen=True)
class Panel:
    """Series that are slices of one flat array, with one row per step.

    A gap in the data is a NaN, so a position is a time. An uncut series begins and ends on an observed target, so its
    last step is the cutoff. `cut` moves `end`, possibly into a gap, and copies nothing. Known columns are visible
    up to `stop`, whatever the cut; the target and past columns only up to `end`.

    Attributes:
        values: [T, C] float32 in the units of the data: the target, then past, then known columns; NaN where missing.
            float64 if float32 would lose digits of a target that the file has (`data.precision`).
            In an uncut panel, the rows of a series from `end` to `stop` contain known columns only.
        begin: [N] position in `values` of the first step of each series.
        end: [N] position after the last visible step of each series.
        start: [N] timestamp of the first step (see `forecaster.frequency`).
        ids: [N] the `unique_id` of each series, str objects.
        frequency: the spacing of the steps.
        season: steps in a season, 1 for none.
        columns: [C] names of the columns, the target first.
        zone: name or offset of the time zone of the timestamps; None if the data has none.
        roles: [C] the role of each column.
        stop: [N] position after the last row of each series in `values`; defaults to `end`.
        static: [N, S] float32 static covariates; NaN where missing.
        static_columns: [S] names of the static covariates.
        minimum: lower bound of the target; None if there is none.
        maximum: upper bound of the target; None if there is none.
        is_integer: True if the target is a count, so that forecasts are whole numbers.
    """

    values: Floats
    begin: Ints
    end: Ints
    start: Ints
    ids: npt.NDArray[np.object_]
    frequency: Frequency
    season: int
    columns: tuple[str, ...] = ("y",)
    zone: str | None = None
    roles: tuple[Role, ...] = ("target",)
    stop: Ints = None  # type: ignore[assignment]
    static: Floats = None  # type: ignore[assignment]
    static_columns: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    is_integer: bool = False

    def __post_init__(self) -> None:
        if self.stop is None:
            object.__setattr__(self, "stop", self.end)
        if self.static is None:
            object.__setattr__(self, "static", np.empty((len(self.begin), 0), np.float32))

    def __len__(self) -> int:
        return len(self.begin)

    def __iter__(self) -> Iterator[Floats]:
        """Yield the visible target of each series, [length] with NaN in the gaps."""
        for begin, end in zip(self.begin, self.end, strict=True):
            yield self.values[begin:end, 0]

    @property
    def lengths(self) -> Ints:
        """[N] number of visible steps, gaps included."""
        return self.end - self.begin

    @property
    def cutoff(self) -> Ints:
        """[N] timestamp of the last visible step of each series."""
        return self.frequency.timestamps(self.start, self.lengths - 1)

    def columns_as(self, role: Role) -> list[int]:
        """Return the numbers of the columns with a role."""
        return [number for number, each in enumerate(self.roles) if each == role]

    def future(self, horizon: int) -> Ints:
        """Return the [N, H] timestamps of the `horizon` steps after each cutoff."""
        return self.frequency.timestamps(self.start[:, None], self.lengths[:, None] + np.arange(horizon))

    def actual(self, horizon: int, end: Ints) -> Floats:
        """Return the [N, H] target values after each cutoff; NaN from position `end` [N] on."""
        position = self.end[:, None] + np.arange(horizon)
        known = position < end[:, None]
        return np.where(known, self.values[np.where(known, position, 0), 0], np.float32(np.nan))

    def last_values(self) -> Floats:
        """Return the [N] last observed visible target of each series, however old; NaN where there is none."""
        position = self.end - 1
        values: Floats = self.values[position, 0]
        while (series := np.flatnonzero(np.isnan(values) & (position > self.begin))).size:
            position[series] -= 1
            values[series] = self.values[position[series], 0]
        return values

    def observations(self) -> Iterator[Observations]:
        """Yield all observed visible targets, in batches of whole series."""
        lengths = self.lengths
        part = np.cumsum(lengths) // _STEPS_AT_ONCE
        for rows in np.split(np.arange(len(self)), np.flatnonzero(np.diff(part)) + 1):
            end = np.cumsum(lengths[rows])
            series = np.repeat(rows, lengths[rows])
            step = np.arange(len(series)) - np.repeat(end - lengths[rows], lengths[rows])
            value = self.values[self.begin[series] + step, 0]
            is_known = ~np.isnan(value)
            yield Observations(series[is_known], step[is_known], value[is_known])

    @property
    def spacing(self) -> float:
        """The median over the series of the median steps between observed targets; above 1 if rows are sparse."""
        steps = np.concatenate([_median_steps(part) for part in self.observations()])
        return float(np.median(steps)) if len(steps) else 1.0

    def has_ended(self, steps: int) -> npt.NDArray[np.bool_]:
        """Return [N] True for each series that ended more than `steps` steps before the newest one.

        Steps without a calendar have no common present, so none of their series has ended.
        """
        if self.frequency.is_integer:
            return np.zeros(len(self), bool)
        reach = self.frequency.timestamps(self.cutoff, np.full(len(self), steps))
        return np.asarray(reach < self.cutoff.max())

    def cut(self, steps: Ints | int) -> "Panel":
        """Hide the last steps of each series.

        Args:
            steps: steps to hide, one number or [N].

        Raises: ValueError: a series would have no visible step.
        """
        end = self.end - steps
        if (end <= self.begin).any():
            raise ValueError("a cut would leave a series without a step")
        return replace(self, end=end)

    def last(self, steps: int) -> "Panel":
        """Keep the last `steps` visible steps of each series.

        A series keeps a few more steps if the other timestamps cannot be computed from that step, as from a month
        that is too short for the series' day of the month.
        """
        hidden = np.maximum(self.lengths - steps, 0)
        while True:
            start = self.frequency.timestamps(self.start, hidden)
            is_shifted = self.frequency.timestamps(start, -hidden) != self.start
            if not is_shifted.any():
                return replace(self, begin=self.begin + hidden, start=start)
            hidden = hidden - is_shifted

    def group_overlapping(self) -> tuple[Ints, Ints, Ints]:
        """Group series that share rows of `values`, such as several cuts of one series.

        Returns: the [K] begin and the [K] end of each group in `values`, and the [N] group of each series.
        """
        order = np.argsort(self.begin, kind="stable")
        begin, reach = self.begin[order], np.maximum.accumulate(self.end[order])
        is_first = np.append(True, begin[1:] >= reach[:-1])[: len(order)]
        group = np.empty(len(order), np.int64)
        group[order] = np.cumsum(is_first) - 1
        return begin[is_first], reach[np.append(is_first[1:], True)[: len(order)]], group

    def select(self, series: Ints | npt.NDArray[np.bool_]) -> "Panel":
        """Keep the series of these numbers, or of this mask; `values` is shared."""
        return replace(
            self,
            begin=self.begin[series],
            end=self.end[series],
            start=self.start[series],
            ids=self.ids[series],
            stop=self.stop[series],
            static=self.static[series],
        )

    def compact(self) -> "Panel":
        """Leave out the values before the first series and after the last one, which other processes need not get."""
        if not len(self):
            return self
        first, last = int(self.begin.min()), int(self.stop.max())
        return replace(
            self,
            values=self.values[first:last],
            begin=self.begin - first,
            end=self.end - first,
            stop=self.stop - first,
        )


def join(panels: Sequence[Panel]) -> Panel:
    """Join panels that differ only in their series; a single panel is returned unchanged."""
    if len(panels) == 1:
        return panels[0]
    offsets = np.cumsum([0, *(len(panel.values) for panel in panels[:-1])])
    return replace(
        panels[0],
        values=np.concatenate([panel.values for panel in panels]),
        begin=np.concatenate([panel.begin + offset for panel, offset in zip(panels, offsets, strict=True)]),
        end=np.concatenate([panel.end + offset for panel, offset in zip(panels, offsets, strict=True)]),
        stop=np.concatenate([panel.stop + offset for panel, offset in zip(panels, offsets, strict=True)]),
        start=np.concatenate([panel.start for panel in panels]),
        ids=np.concatenate([panel.ids for panel in panels]),
        static=np.concatenate([panel.static for panel in panels]),
    )


def _median_steps(part: Observations) -> npt.NDArray[np.float64]:
    """Return the [K] median steps between observations of each series with at least two of them."""
    is_same = np.diff(part.series) == 0
    series, steps = part.series[1:][is_same], np.diff(part.step)[is_same]
    if (steps > 1).any():
        steps = steps[np.lexsort((steps, series))]
    first = np.flatnonzero(np.diff(series, prepend=-1))
    count = np.diff(first, append=len(series))
    median: npt.NDArray[np.float64] = (steps[first + (count - 1) // 2] + steps[first + count // 2]) / 2
    return median
