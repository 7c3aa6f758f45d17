"""Windows of a panel as batches of tensors: the context a network reads and the steps it must forecast."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecaster.frequency import Ints
from forecaster.panel import Panel


@dataclass(frozen=True)
class Batch:
    """Some windows of a panel, in the data's units.

    Attributes:
        context: [B, L] the steps up to the cutoff; NaN where missing or before the series began.
        target: [B, H] the steps after the cutoff; NaN where missing or after the visible end.
        spread: [B] standard deviation of the series' visible history.
    """

    context: Tensor
    target: Tensor
    spread: Tensor


class Windows:
    """Every legal window of a panel, numbered; batches are gathered from the panel's own memory.

    A window is its cut: the position in `panel.values` of its first target step. Series shorter than the context
    are read from their beginning and padded with NaN, so none is ever dropped.
    """

    def __init__(self, panel: Panel, *, context: int, horizon: int, first: Ints, last: Ints) -> None:
        """Allow the cuts `first[n]` .. `last[n]` of each series (inclusive; none where last < first)."""
        self._values = torch.from_numpy(panel.values[:, 0])
        self._begin = torch.from_numpy(panel.begin)
        self._end = torch.from_numpy(panel.end)
        self._spread = torch.from_numpy(spread(panel).astype(np.float32))
        self._context = context
        self._span = torch.arange(-context, horizon)
        self._first = torch.from_numpy(first)
        self._bounds = torch.from_numpy(np.cumsum(np.maximum(last - first + 1, 0)))

    @classmethod
    def for_training(cls, panel: Panel, *, context: int, horizon: int) -> "Windows":
        """Windows whose whole target is visible; a series shorter than that gives one window with what it has."""
        first = panel.begin + 1
        last = np.where(panel.lengths > 1, np.maximum(panel.end - horizon, first), first - 1)
        return cls(panel, context=context, horizon=horizon, first=first, last=last)

    @classmethod
    def for_validation(cls, panel: Panel, validation: Ints, *, context: int, horizon: int) -> "Windows":
        """Windows whose whole target lies within the last `validation` [N] steps of each series."""
        return cls(panel, context=context, horizon=horizon, first=panel.end - validation, last=panel.end - horizon)

    @classmethod
    def for_prediction(cls, panel: Panel, *, context: int) -> "Windows":
        """One window a series, in order, that ends at its cutoff and has no target."""
        return cls(panel, context=context, horizon=0, first=panel.end, last=panel.end)

    def __len__(self) -> int:
        return int(self._bounds[-1])

    def draw(self, size: int) -> Batch:
        """Take `size` windows evenly over all windows, with replacement, by torch's default generator."""
        return self.at(torch.randint(len(self), (size,)))

    def spaced(self, most: int) -> Tensor:
        """Numbers of at most `most` windows, evenly spaced over all."""
        return torch.linspace(0, len(self) - 1, min(most, len(self)), dtype=torch.float64).round().long()

    def at(self, numbers: Tensor) -> Batch:
        """Gather windows by number [B]."""
        series = torch.searchsorted(self._bounds, numbers, right=True)
        before = torch.where(series > 0, self._bounds[series - 1], 0)
        cut = self._first[series] + numbers - before
        position = cut[:, None] + self._span  # [B, L + H]
        outside = (position < self._begin[series][:, None]) | (position >= self._end[series][:, None])
        rows = self._values.take(position.clamp_(0, len(self._values) - 1)).masked_fill_(outside, torch.nan)
        return Batch(rows[:, : self._context], rows[:, self._context :], self._spread[series])


def spread(panel: Panel) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """[N] standard deviation of each series' visible target, 0 for a constant one."""
    deviations = (np.nanstd(target, dtype=np.float64) for target in panel)
    return np.fromiter(deviations, np.float64, len(panel))
