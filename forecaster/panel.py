"""A panel: many series on one frequency, end to end in one flat array."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from forecaster.frequency import Frequency, Ints

Floats = npt.NDArray[np.float32]
Role = Literal["target", "past", "known"]

_PART = 200_000  # steps of whole series taken at a time


class Observations(NamedTuple):
    """What was observed of some series, one after the other: [K] numbers of the series, their steps, and the target."""

    series: Ints
    step: Ints
    value: Floats


@dataclass(frozen=True)
class Panel:
    """Every series as a slice of one flat array; step i of a series follows step i - 1 without holes.

    A gap in the data is a NaN, so a position is a time. Whole series begin and end on an observed target, so
    the last step is the cutoff. Cutting moves `end`, where a gap may lie, and copies nothing. Known columns may be seen
    up to `stop`, whatever the cut; the target and past columns only up to `end`.

    Attributes:
        values: [T, C] float32 in the data's own units: the target, then past, then known columns; NaN where nothing was
            observed. The rows from a whole series' end to its `stop` hold known columns only.
        begin: [N] position in `values` of each series' first step.
        end: [N] position after each series' last step that may be seen.
        start: [N] timestamp of the first step (see `forecaster.frequency`).
        ids: [N] the `unique_id` of each series, str objects.
        frequency: the spacing of the steps.
        season: steps in a season, 1 for none.
        columns: [C] names of the columns, the target's first.
        zone: name or offset of the timestamps' time zone; None where the data has none.
        roles: [C] what each column is.
        stop: [N] position after each series' last row in `values`; `end` when not given.
        static: [N, S] float32, what does not change within a series; NaN where missing.
        static_columns: [S] their names.
        minimum: no target can be smaller; None where nothing is known of that.
        maximum: no target can be larger; None where nothing is known of that.
        is_integer: whether the target counts something, so that only whole numbers occur.
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
        """Give each series' visible target, [length] with NaN in the gaps."""
        for begin, end in zip(self.begin, self.end, strict=True):
            yield self.values[begin:end, 0]

    @property
    def lengths(self) -> Ints:
        """[N] steps that may be seen, gaps included."""
        return self.end - self.begin

    @property
    def cutoff(self) -> Ints:
        """[N] timestamp of each series' last visible step."""
        return self.frequency.timestamps(self.start, self.lengths - 1)

    def columns_as(self, role: Role) -> list[int]:
        """Numbers of the columns that have a role."""
        return [number for number, found in enumerate(self.roles) if found == role]

    def future(self, horizon: int) -> Ints:
        """[N, H] timestamps of the `horizon` steps after each cutoff."""
        return self.frequency.timestamps(self.start[:, None], self.lengths[:, None] + np.arange(horizon))

    def actual(self, horizon: int, end: Ints) -> Floats:
        """[N, H] target values that follow each cutoff up to position `end` [N]; NaN beyond it."""
        position = self.end[:, None] + np.arange(horizon)
        known = position < end[:, None]
        return np.where(known, self.values[np.where(known, position, 0), 0], np.float32(np.nan))

    def last_values(self) -> Floats:
        """[N] the last visible target of each series that was observed, however long ago; NaN where none was."""
        position = self.end - 1
        found: Floats = self.values[position, 0]
        while (late := np.flatnonzero(np.isnan(found) & (position > self.begin))).size:
            position[late] -= 1
            found[late] = self.values[position[late], 0]
        return found

    def observations(self) -> Iterator[Observations]:
        """Give every visible target that was observed, of some whole series at a time."""
        lengths = self.lengths
        part = np.cumsum(lengths) // _PART
        for rows in np.split(np.arange(len(self)), np.flatnonzero(np.diff(part)) + 1):
            end = np.cumsum(lengths[rows])
            series = np.repeat(rows, lengths[rows])
            step = np.arange(len(series)) - np.repeat(end - lengths[rows], lengths[rows])
            value = self.values[self.begin[series] + step, 0]
            is_known = ~np.isnan(value)
            yield Observations(series[is_known], step[is_known], value[is_known])

    @property
    def spacing(self) -> float:
        """Median over the series of the median steps between observed targets; above 1 where rows are sparse."""
        steps = np.concatenate([_median_steps(part) for part in self.observations()])
        return float(np.median(steps)) if len(steps) else 1.0

    def cut(self, steps: Ints | int) -> "Panel":
        """Hide the last `steps` steps of each series (an int, or [N])."""
        end = self.end - steps
        if (end <= self.begin).any():
            raise ValueError("a cut would leave a series without a step")
        return replace(self, end=end)

    def last(self, steps: int) -> "Panel":
        """Keep the last `steps` visible steps of each series.

        Where a calendar's stamps cannot be counted from there (a month that lacks the series' day), a series keeps the
        few steps more that it takes to begin on one from which they can.
        """
        hidden = np.maximum(self.lengths - steps, 0)
        while True:
            start = self.frequency.timestamps(self.start, hidden)
            is_other = self.frequency.timestamps(start, -hidden) != self.start
            if not is_other.any():
                return replace(self, begin=self.begin + hidden, start=start)
            hidden = hidden - is_other

    def group_overlapping(self) -> tuple[Ints, Ints, Ints]:
        """Group series that overlap in memory, as several cuts of one series do.

        Returns: [K] where each group begins in `values` and [K] where it ends, and [N] the group of each series.
        """
        order = np.argsort(self.begin, kind="stable")
        begin, reach = self.begin[order], np.maximum.accumulate(self.end[order])
        is_first = np.append(True, begin[1:] >= reach[:-1])[: len(order)]
        group = np.empty(len(order), np.int64)
        group[order] = np.cumsum(is_first) - 1
        return begin[is_first], reach[np.append(is_first[1:], True)[: len(order)]], group

    def select(self, series: Ints | npt.NDArray[np.bool_]) -> "Panel":
        """Keep some series, by number or by mask; `values` stays shared."""
        return replace(
            self,
            begin=self.begin[series],
            end=self.end[series],
            start=self.start[series],
            ids=self.ids[series],
            stop=self.stop[series],
            static=self.static[series],
        )


def join(panels: Sequence[Panel]) -> Panel:
    """Put series of several panels, alike in all but these, end to end; one panel stays as it is."""
    if len(panels) == 1:
        return panels[0]
    before = np.cumsum([0, *(len(panel.values) for panel in panels[:-1])])
    return replace(
        panels[0],
        values=np.concatenate([panel.values for panel in panels]),
        begin=np.concatenate([panel.begin + offset for panel, offset in zip(panels, before, strict=True)]),
        end=np.concatenate([panel.end + offset for panel, offset in zip(panels, before, strict=True)]),
        stop=np.concatenate([panel.stop + offset for panel, offset in zip(panels, before, strict=True)]),
        start=np.concatenate([panel.start for panel in panels]),
        ids=np.concatenate([panel.ids for panel in panels]),
        static=np.concatenate([panel.static for panel in panels]),
    )


def _median_steps(part: Observations) -> npt.NDArray[np.float64]:
    """Median steps from one observation to the next, of each series with two."""
    is_same = np.diff(part.series) == 0
    series, steps = part.series[1:][is_same], np.diff(part.step)[is_same]
    if (steps > 1).any():
        steps = steps[np.lexsort((steps, series))]
    first = np.flatnonzero(np.diff(series, prepend=-1))
    count = np.diff(first, append=len(series))
    median: npt.NDArray[np.float64] = (steps[first + (count - 1) // 2] + steps[first + count // 2]) / 2
    return median
