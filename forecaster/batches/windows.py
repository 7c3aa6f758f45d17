"""Windows of a panel as batches of arrays: what a network reads and the steps it must forecast.

Nothing here needs torch. numpy gathers as fast (0.2 ms against torch's 0.5 for 256 windows of 384 steps), and whoever
only forecasts with an exported network does not wait for torch to load.
"""

import copy
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from forecaster.batches.feature_table import tabulate
from forecaster.batches.running_means import moments
from forecaster.batches.window_spec import WindowSpec
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

SampleBy = Literal["windows", "series"]
Mask = npt.NDArray[np.bool_]

NEW_WINDOW_SHARE = 0.1  # of the windows that an update draws; half of them made forecasts worse


class RandomSource(Protocol):
    """Where random numbers come from."""

    def integers(self, end: int, size: int) -> Ints:
        """Draw `size` whole numbers evenly from 0 to before `end`."""

    def shares(self, size: int) -> npt.NDArray[np.float64]:
        """Draw `size` numbers evenly from 0 to before 1."""


@dataclass(frozen=True)
class Batch:
    """Some windows of a panel, in the data's units; widths are 0 where there is nothing of a kind.

    Attributes:
        context: [B, L] the steps up to the cutoff; NaN where missing or before the series began.
        target: [B, H] the steps after the cutoff; NaN where missing or after the visible end.
        spread: [B] standard deviation of the series' visible history.
        centre: [B] its mean.
        past: [B, L, P] the past columns of the context; NaN as in the context.
        known: [B, L + H, K] features of the calendar and of holidays, which exist for every step, then the known
            columns; NaN where missing or outside of the series.
        static: [B, S] NaN where missing.
        series: [B] number of the series in the panel.
        phase: [B] place of the first target step in its season: equal for equal timestamps of a frequency.
    """

    context: Floats
    target: Floats
    spread: Floats
    centre: Floats
    past: Floats
    known: Floats
    static: Floats
    series: Ints
    phase: Ints


@dataclass(frozen=True)
class Tables:
    """All that windows are gathered from.

    Attributes:
        target: [T] all series end to end.
        past, known: [T, P] and [T, K] the covariates beside it.
        almanac: [R, K'] features of each distinct time; no rows where there are none.
        row: [N] that of each series' first step.
        begin, end, stop: [N] positions of each series' first step, after its last visible one and after its last row.
        first, bounds: [N] each series' first cut, and how many windows it and those before it have.
        spread, centre, static, phase: [N] or [N, S], as a `Batch` gives them; `phase` is that of the first step.
    """

    target: Floats
    past: Floats
    known: Floats
    almanac: Floats
    row: Ints
    begin: Ints
    end: Ints
    stop: Ints
    first: Ints
    bounds: Ints
    spread: Floats
    centre: Floats
    static: Floats
    phase: Ints


class Windows:
    """Every legal window of a panel, numbered; batches are gathered from the panel's own memory.

    A window is its cut: the position in `panel.values` of its first target step. Series shorter than the context
    are read from their beginning and padded with NaN, so none is ever dropped.

    Attributes:
        context: L.
        span: [L + H] the steps of a window, counted from its cut.
        season: steps in a season.
        known_names: [K] what `Batch.known` holds.
    """

    def __init__(
        self,
        panel: Panel,
        spec: WindowSpec,
        *,
        first: Ints,
        last: Ints,
        sample_by: SampleBy = "windows",
        seen: Panel | None = None,
    ) -> None:
        """Allow the cuts `first[n]` .. `last[n]` of each series (inclusive; none where last < first).

        Args:
            sample_by: whether `draw` takes each window equally often, or each series and then each of its windows.
            seen: the part of the panel whose level and spread windows may know; None for all of it.
        """
        self._target = np.ascontiguousarray(panel.values[:, 0])  # a gather of strided memory is slow
        self._past = _columns(panel, panel.columns_as("past"))
        self._known = _columns(panel, panel.columns_as("known"))
        self._begin, self._end, self._stop = panel.begin, panel.end, panel.stop
        self._centre, self._spread = (each.astype(np.float32) for each in moments(seen or panel))
        self._static = panel.static
        self.season = panel.season
        self._phase = panel.frequency.index(np.zeros(1, np.int64), panel.start)
        self.context = spec.context
        self.span = np.arange(-spec.context, spec.horizon)
        self._first = first
        self._bounds = np.cumsum(np.maximum(last - first + 1, 0))
        self._is_by_series = sample_by == "series"
        self._almanac, self._row, names = tabulate(panel, spec)
        size, width = len(self.span) * len(names), len(names)
        # a window is one block of memory
        self._calendar = sliding_window_view(self._almanac.ravel(), size)[::width] if names else self._almanac
        self.known_names = (*names, *(panel.columns[number] for number in panel.columns_as("known")))

    @classmethod
    def for_training(cls, panel: Panel, spec: WindowSpec, *, sample_by: SampleBy = "windows") -> "Windows":
        """Windows whose whole target is visible; a series shorter than that gives one window with what it has."""
        first = panel.begin + 1
        last = np.where(panel.lengths > 1, np.maximum(panel.end - spec.horizon, first), first - 1)
        return cls(panel, spec, first=first, last=last, sample_by=sample_by)

    @classmethod
    def for_validation(cls, panel: Panel, validation: Ints, spec: WindowSpec) -> "Windows":
        """Windows whose whole target lies within the last `validation` [N] steps of each series."""
        first, last = panel.end - validation, panel.end - spec.horizon
        return cls(panel, spec, first=first, last=last, seen=panel.cut(validation))

    @classmethod
    def for_prediction(cls, panel: Panel, spec: WindowSpec) -> "Windows":
        """One window a series, in order, that ends at its cutoff; its target is NaN."""
        return cls(panel, spec, first=panel.end, last=panel.end)

    def select_reaching(self, position: Ints) -> "Windows":
        """Those whose target holds the step at `position` [N] of its series, or a later one."""
        part = copy.copy(self)
        last = self._first + self._counts - 1
        part._first = np.maximum(self._first, position - int(self.span[-1]))
        part._bounds = np.cumsum(np.maximum(last - part._first + 1, 0))
        return part

    def __len__(self) -> int:
        return int(self._bounds[-1])

    def draw(self, size: int, random: RandomSource) -> Batch:
        """Take `size` windows evenly, with replacement."""
        return self.gather(self.pick(size, random))

    def pick(self, size: int, random: RandomSource) -> Ints:
        """Numbers of `size` windows, as `draw` takes them."""
        if not self._is_by_series:
            return random.integers(len(self), size)
        counts = self._counts
        some = np.flatnonzero(counts)
        series = some[random.integers(len(some), size)]
        within = (random.shares(size) * counts[series]).astype(np.int64)
        picked: Ints = self._bounds[series] - counts[series] + within
        return picked

    def pick_spaced(self, most: int) -> Ints:
        """Numbers of at most `most` windows, evenly spaced over all."""
        return np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(np.int64)

    def gather(self, numbers: Ints) -> Batch:
        """Gather windows by number [B]."""
        series = np.searchsorted(self._bounds, numbers, side="right")
        before = np.where(series > 0, self._bounds[series - 1], 0)
        cut = self._first[series] + numbers - before
        begin = self._begin[series]
        position = cut[:, None] + self.span  # [B, L + H]
        is_before = position < begin[:, None]
        outside = is_before | (position >= self._end[series][:, None])
        rows = self._target.take(position, mode="clip")
        np.copyto(rows, np.nan, where=outside)
        return Batch(
            context=rows[:, : self.context],
            target=rows[:, self.context :],
            spread=self._spread[series],
            centre=self._centre[series],
            past=_gather(self._past, position[:, : self.context], outside[:, : self.context]),
            known=self._gather_known(position, cut - begin, is_before, series),
            static=self._static[series],
            series=series,
            phase=(self._phase[series] + cut - begin) % self.season,
        )

    @property
    def tables(self) -> Tables:
        """What `gather` gathers from, for whoever gathers elsewhere."""
        return Tables(
            target=self._target,
            past=self._past,
            known=self._known,
            almanac=self._almanac,
            row=self._row,
            begin=self._begin,
            end=self._end,
            stop=self._stop,
            first=self._first,
            bounds=self._bounds,
            spread=self._spread,
            centre=self._centre,
            static=self._static,
            phase=self._phase,
        )

    @property
    def _counts(self) -> Ints:
        """[N] how many windows each series has."""
        return np.diff(self._bounds, prepend=0)

    def _gather_known(self, position: Ints, step: Ints, is_before: Mask, series: Ints) -> Floats:
        """[B, L + H, K] for windows whose first target steps have positions [B, L + H] and are `step` [B] of series."""
        parts = []
        if len(self._calendar):
            blocks = self._calendar[self._row[series] + step - self.context]
            parts.append(blocks.reshape(*position.shape, -1))
        if self._known.shape[1]:
            outside = is_before | (position >= self._stop[series][:, None])
            parts.append(_gather(self._known, position, outside))
        if not parts:
            return np.empty((*position.shape, 0), np.float32)
        return np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0]


class UpdateWindows:
    """Windows to go on learning from: a share of each batch reaches steps that are new, so that they count; the others
    are drawn from all, so that nothing is forgotten.
    """

    def __init__(self, windows: Windows, position: Ints, numbers: Ints) -> None:
        """Take the windows, the `position` [N] of each series' first new step, and the number [N] that the network
        knows each series by.
        """
        self._whole, self._new = windows, windows.select_reaching(position)
        self._numbers = numbers

    def draw(self, size: int, random: RandomSource) -> Batch:
        """Take `size` windows, of either kind as `Windows.draw` does; of all where nothing is new."""
        count = round(NEW_WINDOW_SHARE * size) if len(self._new) else 0
        parts = [part.draw(some, random) for part, some in ((self._new, count), (self._whole, size - count)) if some]
        batch = Batch(*(np.concatenate(each) for each in zip(*map(_fields, parts), strict=True)))
        return replace(batch, series=self._numbers[batch.series])


def _fields(batch: Batch) -> list[npt.NDArray[Any]]:
    return [getattr(batch, field.name) for field in fields(batch)]


def _columns(panel: Panel, numbers: list[int]) -> Floats:
    return np.ascontiguousarray(panel.values[:, numbers])


def _gather(columns: Floats, position: Ints, outside: Mask) -> Floats:
    """[B, W, C] rows of `columns` [T, C] at positions [B, W], NaN where outside."""
    if not columns.shape[1]:
        return np.empty((*position.shape, 0), np.float32)
    rows = columns.take(position, axis=0, mode="clip")
    np.copyto(rows, np.nan, where=outside[:, :, None])
    return rows
